//! Sealed answers that the Rust code writes, read by the scripts: as they are, and changed in every way in which whoever
//! relays them could change them. Both sides have to come to the same judgement, and nothing changed may be shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::Timestamp;
use crypto::digest::sha256;
use crypto::{Digest, Secret, SystemEntropy, hpke};
use ids::{ItemId, PersonId, RequestId, RunId, RunnerId, TenantId};
use proof::commitment::{Commitment, Committer, ItemSecret, Salts};
use proof::drilldown::octets::{Part, Splitter, frame};
use proof::drilldown::{
    AnswerReader, AnswerWriter, AnsweredItem, Epoch, Factor, Opened, PendingRequest, Person, Purpose, RecordRef,
    Request, RequestedItem,
};
use proof::merkle::Tree;
use serde_json::{Value, json};

use super::Scripts;
use super::dice::Dice;

/// One item as the Runner has it.
struct Item {
    id: ItemId,
    secret: ItemSecret,
    rows: Vec<Vec<u8>>,
    commitment: Commitment,
    tree: Tree,
    asked: Option<Vec<u64>>,
}

/// A request with its sealed answer.
struct Case {
    pending: PendingRequest,
    private: [u8; 32],
    enc: [u8; 32],
    frames: Vec<Vec<u8>>,
    attested: Vec<Commitment>,
}

/// What is done to an answer on its way.
#[derive(Clone)]
struct Change {
    name: &'static str,
    /// Which frames come, in which order.
    order: Vec<usize>,
    /// A bit that is turned: the frame, the byte, the mask. `usize::MAX` is the encapsulated key.
    flip: Option<(usize, usize, u8)>,
    /// Octets that are left out at the end.
    cut: usize,
    /// Octets that come after the end.
    more: Vec<u8>,
}

impl Item {
    fn new(dice: &mut Dice, number: u8, rows: Vec<Vec<u8>>, asked: Option<Vec<u64>>) -> Self {
        let secret = ItemSecret::from_bytes(dice.bytes(32).try_into().unwrap());
        let mut committer = Committer::new(&secret);
        let leaves = rows.iter().map(|row| committer.push(row)).collect();
        let id = ItemId::from_parts(1_795_000_000_000, [number; 10]);
        Self { id, secret, commitment: committer.commitment(), tree: Tree::new(leaves), rows, asked }
    }

    fn opened(&self) -> Opened {
        self.asked.as_ref().map_or(Opened::All, |rows| {
            Opened::Rows(rows.iter().map(|row| (*row, self.tree.inclusion_path(*row).unwrap())).collect())
        })
    }
}

impl Case {
    fn new(dice: &mut Dice, items: &[Item]) -> Self {
        let entropy = SystemEntropy::new();
        let private: [u8; 32] = dice.bytes(32).try_into().unwrap();
        let recipient = hpke::KeyPair::from_private(Secret::new(private));
        let now = Timestamp::from_millis(1_795_000_000_000);
        let requested = items.iter().map(|item| RequestedItem {
            item: item.id,
            root: item.commitment.root,
            rows: item.asked.clone(),
        });
        let pending = PendingRequest::new(Request {
            request: RequestId::from_parts(1_795_000_000_000, dice.bytes(10).try_into().unwrap()),
            epoch: Epoch::from_bytes(dice.bytes(16).try_into().unwrap()),
            tenant: TenantId::NIL,
            runner: RunnerId::NIL,
            runner_key: Digest::ZERO,
            run: RunId::NIL,
            items: requested.collect(),
            person: Person {
                id: PersonId::NIL,
                device: Digest::ZERO,
                role: "auditor".parse().unwrap(),
                factors: vec![Factor::Password, Factor::Otp],
            },
            purpose: Purpose::Audit,
            reason: "who approved the rôle".parse().unwrap(),
            recipient: recipient.public(),
            audit: RecordRef { seq: 7, hash: Digest::ZERO },
            issued: now,
            expires: now.plus_ms(60_000),
        });
        let pending = pending.unwrap();
        let answered =
            items.iter().map(|item| AnsweredItem { item: item.id, commitment: item.commitment, opened: item.opened() });
        let (enc, mut writer) = AnswerWriter::new(&pending, answered.collect(), &entropy).unwrap();
        let mut frames = Vec::new();
        for item in items {
            let salts = Salts::new(&item.secret);
            let all = (0..u64::try_from(item.rows.len()).unwrap()).collect();
            for row in item.asked.as_ref().unwrap_or(&all) {
                let bytes = &item.rows[usize::try_from(*row).unwrap()];
                frames.extend(writer.row(*row, &salts.of(*row), bytes).unwrap());
            }
        }
        let (last, _) = writer.finish().unwrap();
        frames.push(last);
        let frames = frames.into_iter().map(|frame| frame.ciphertext).collect();
        Self { pending, private, enc, frames, attested: items.iter().map(|item| item.commitment).collect() }
    }

    fn octets(&self, change: &Change) -> Vec<u8> {
        let mut frames = self.frames.clone();
        let mut octets = self.enc.to_vec();
        match change.flip {
            Some((usize::MAX, byte, mask)) => octets[byte] ^= mask,
            Some((frame, byte, mask)) => frames[frame][byte] ^= mask,
            None => {}
        }
        change.order.iter().for_each(|at| octets.extend(frame(&frames[*at])));
        octets.truncate(octets.len() - change.cut);
        octets.extend(&change.more);
        octets
    }

    /// What the Rust code makes of it: the digest of all rows, or nothing.
    fn judged(
        &self,
        change: &Change,
        pending: &PendingRequest,
        private: [u8; 32],
        attested: &[Commitment],
    ) -> Option<String> {
        let mut splitter = Splitter::new();
        let parts = splitter.push(&self.octets(change)).ok()?;
        let key = hpke::KeyPair::from_private(Secret::new(private));
        let mut reader = None;
        let mut rows = Vec::new();
        for part in parts.into_iter().chain([Part::Frame(splitter.finish().ok()?)]) {
            match part {
                Part::Enc(enc) => reader = Some(AnswerReader::new(pending, &key, &enc, attested).ok()?),
                Part::Frame(frame) => rows.extend(reader.as_mut()?.frame(&frame.ciphertext, frame.last).ok()?),
            }
        }
        let summary = reader?.finish().ok()?;
        let mut all = Vec::new();
        for opened in rows {
            all.extend(format!("{} {} {}\n", opened.item, opened.index, sha256(&opened.row)).bytes());
        }
        Some(format!("{} {}", sha256(&all), summary.sealed_sha256))
    }

    fn described(&self) -> Value {
        let commitment = |commitment: &Commitment| json!({"rows": commitment.rows, "root": commitment.root});
        json!({
            "payload": STANDARD.encode(self.pending.payload()),
            "private": hex::encode(self.private),
            "enc": STANDARD.encode(self.enc),
            "frames": self.frames.iter().map(|frame| STANDARD.encode(frame)).collect::<Vec<_>>(),
            "attested": self.attested.iter().map(commitment).collect::<Vec<_>>(),
        })
    }

    /// The answer as it is, and everything that may happen to it.
    fn changes(&self, dice: &mut Dice) -> Vec<Change> {
        let count = self.frames.len();
        let order: Vec<usize> = (0..count).collect();
        let change = |name| Change { name, order: order.clone(), flip: None, cut: 0, more: Vec::new() };
        let mut all = vec![change("as it is")];
        for (at, frame) in self.frames.iter().enumerate() {
            for _ in 0..4 {
                let byte = dice.below(frame.len());
                all.push(Change { flip: Some((at, byte, 1 << dice.below(8))), ..change("a bit turned") });
            }
            let without = order.iter().copied().filter(|other| *other != at).collect();
            all.push(Change { order: without, ..change("a frame left out") });
            let mut doubled = order.clone();
            doubled.insert(at, at);
            all.push(Change { order: doubled, ..change("a frame twice") });
            if at > 0 {
                let mut swapped = order.clone();
                swapped.swap(at, at - 1);
                all.push(Change { order: swapped, ..change("two frames the other way round") });
                all.push(Change { order: order[..at].to_vec(), ..change("the end left out") });
            }
        }
        all.push(Change { flip: Some((usize::MAX, dice.below(32), 1 << dice.below(7))), ..change("another key") });
        let length = self.octets(&all[0]).len();
        for cut in [1, 4, 16, 20, length - 40, length - 32, length - 10, length] {
            all.push(Change { cut: cut.min(length), ..change("broken off") });
        }
        for more in [vec![0], vec![0; 4], frame(&[0; 16]), frame(&self.frames[0]), frame(&vec![0; 300_000])] {
            all.push(Change { more, ..change("something after it") });
        }
        all
    }
}

fn cases(dice: &mut Dice) -> Vec<Case> {
    let record = |dice: &mut Dice| {
        let length = dice.below(120);
        dice.bytes(length)
    };
    let rows = |dice: &mut Dice, count: usize| (0..count).map(|_| record(dice)).collect::<Vec<_>>();
    let mut sets = Vec::new();
    let all = rows(dice, 40);
    sets.push(vec![Item::new(dice, 1, all, None)]);
    let some = rows(dice, 100);
    sets.push(vec![Item::new(dice, 1, some, Some(vec![0, 1, 17, 63, 64, 99]))]);
    sets.push(vec![Item::new(dice, 1, Vec::new(), None)]);
    let single = rows(dice, 1);
    sets.push(vec![Item::new(dice, 1, single, Some(vec![0]))]);
    let (one, other) = (rows(dice, 7), rows(dice, 3));
    sets.push(vec![
        Item::new(dice, 1, one, Some(vec![2, 6])),
        Item::new(dice, 2, Vec::new(), None),
        Item::new(dice, 3, other, None),
    ]);
    // Several frames, with a row that goes over all of them.
    let large = vec![dice.bytes(10), dice.bytes(600_000), dice.bytes(0), dice.bytes(262_144)];
    sets.push(vec![Item::new(dice, 1, large, None)]);
    let many = (0..3).map(|_| dice.bytes(140_000)).collect();
    sets.push(vec![Item::new(dice, 1, many, Some(vec![0, 2]))]);
    sets.iter().map(|items| Case::new(dice, items)).collect()
}

#[test]
fn nothing_of_an_answer_that_was_changed_is_shown() {
    let (scripts, mut dice) = (Scripts::start(), Dice::new());
    let cases = cases(&mut dice);
    for (number, case) in cases.iter().enumerate() {
        let changes = case.changes(&mut dice);
        let described: Vec<Value> = changes
            .iter()
            .map(|change| {
                let flip = change.flip.map(|(frame, byte, mask)| {
                    json!([if frame == usize::MAX { json!(null) } else { json!(frame) }, byte, mask])
                });
                json!({"order": change.order, "flip": flip, "cut": change.cut, "more": STANDARD.encode(&change.more)})
            })
            .collect();
        let script = include_str!("../scripts/answers.js");
        let said = scripts.run(script, json!([case.described(), described, null]));
        for (change, said) in changes.iter().zip(said.as_array().unwrap()) {
            let ours = case.judged(change, &case.pending, case.private, &case.attested);
            let what = format!("case {number}, {}: {said}", change.name);
            assert_eq!(said["rows"].as_str(), ours.as_deref(), "{what}");
            assert_eq!(ours.is_some(), change.name == "as it is", "{what}");
            let step = said["step"].as_str().unwrap_or_default();
            let expected =
                if ours.is_some() { [""].as_slice() } else { &["answer.opened", "rows.proven", "answer.sealed"] };
            assert!(expected.contains(&step), "{what}");
        }
    }
}

#[test]
fn an_answer_to_another_request_key_or_root_is_not_shown() {
    let (scripts, mut dice) = (Scripts::start(), Dice::new());
    let cases = cases(&mut dice);
    let (case, other) = (&cases[0], &cases[3]);
    let change = Change { name: "", order: (0..case.frames.len()).collect(), flip: None, cut: 0, more: Vec::new() };
    let root = |commitment: &Commitment| Commitment { root: Digest::ZERO, ..*commitment };
    let count = |commitment: &Commitment| Commitment { rows: commitment.rows + 1, ..*commitment };
    let tries: Vec<(&str, &PendingRequest, [u8; 32], Vec<Commitment>)> = vec![
        ("itself", &case.pending, case.private, case.attested.clone()),
        ("another request", &other.pending, case.private, other.attested.clone()),
        ("another key", &case.pending, other.private, case.attested.clone()),
        ("another root in the manifest", &case.pending, case.private, case.attested.iter().map(root).collect()),
        (
            "another number of rows in the manifest",
            &case.pending,
            case.private,
            case.attested.iter().map(count).collect(),
        ),
        ("no commitment", &case.pending, case.private, Vec::new()),
    ];
    for (name, pending, private, attested) in tries {
        let mut described = case.described();
        described["payload"] = json!(STANDARD.encode(pending.payload()));
        described["private"] = json!(hex::encode(private));
        let commitment = |commitment: &Commitment| json!({"rows": commitment.rows, "root": commitment.root});
        described["attested"] = json!(attested.iter().map(commitment).collect::<Vec<_>>());
        let changes = json!([{"order": change.order, "flip": null, "cut": 0, "more": ""}]);
        let said = scripts.run(include_str!("../scripts/answers.js"), json!([described, changes, null]));
        let ours = case.judged(&change, pending, private, &attested);
        assert_eq!(said[0]["rows"].as_str(), ours.as_deref(), "{name}: {said}");
        assert_eq!(ours.is_some(), name == "itself", "{name}");
    }
}
