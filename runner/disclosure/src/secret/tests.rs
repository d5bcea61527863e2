//! The gate before a real store, with real keys on both sides.

use std::sync::Arc;

use clock::{Clock, ManualClock, Timestamp};
use contract::{ConnectorSecret, SealedSecret, SecretBytes};
use crypto::{Digest, Secret, SystemEntropy, ed25519, hpke, p256};
use ids::{PersonId, RequestId, RunnerId, TenantId};
use proof::checkpoint::{Checkpoint, audit_origin, control_plane_witness};
use proof::cosignature::Witness;
use proof::drilldown::{Epoch, Factor, Person, RecordRef};
use proof::dsse::{Envelope, Signer};
use proof::log::journal::JournalRecord;
use proof::secret::{self, Decision as Said, PendingSecret, Receipt, Request, SECRET_TYPE, Terms};
use runner_vault::{ControlPlanePins, Files, NewReader, Options, Provider, SameDisk, SecretOrigin, Vault};

use super::*;
use crate::policy::Policy;

const EPOCH: Epoch = Epoch::from_bytes([5; 16]);
const CANARY: &[u8] = b"canary-hunter2-canary";

struct Bed {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    control_plane: p256::SigningKey,
    device: ed25519::SigningKey,
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn tenant() -> TenantId {
    TenantId::from_parts(1, [8; 10])
}

fn person() -> PersonId {
    PersonId::from_parts(1, [4; 10])
}

/// What somebody did to a request that is right in everything.
struct Changes<'a> {
    terms: &'a dyn Fn(&mut Terms),
    request: &'a dyn Fn(&mut Request),
}

const NOTHING: Changes<'static> = Changes { terms: &|_| {}, request: &|_| {} };

impl Bed {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(time("2026-11-23T10:00:00.000Z"))),
            control_plane: p256::SigningKey::generate(&SystemEntropy::new()),
            device: ed25519::SigningKey::from_seed([6; 32]),
        }
    }

    fn files(&self) -> Files {
        Files::in_folder(self.folder.path())
    }

    fn provider(&self) -> Provider {
        Provider::KeyFile { path: self.folder.path().join("root.key"), same_disk: SameDisk::Accept }
    }

    fn bare(&self) -> Vault {
        let (options, clock) = (Options::default(), self.clock.clone());
        let runner = RunnerId::from_parts(1, [7; 10]);
        Vault::create(&self.files(), &self.provider(), tenant(), runner, options, clock, SystemEntropy::new()).unwrap()
    }

    /// An enrolled store with an approved device.
    fn create(&self) -> Vault {
        let mut vault = self.bare();
        vault.pin_control_plane(&self.pins()).unwrap();
        self.approve(&mut vault, person());
        vault
    }

    fn approve(&self, vault: &mut Vault, person: PersonId) {
        let key = self.device.verifying_key();
        let label = "laptop".parse().unwrap();
        let new = NewReader { device: key.key_id(), key: Some(key), person, label, days: 90 };
        vault.approve_reader(&new, None).unwrap();
    }

    fn pins(&self) -> ControlPlanePins {
        let empty = Checkpoint { origin: audit_origin(tenant()), size: 0, root: Digest::ZERO };
        let (name, witness) = (control_plane_witness(tenant()), ed25519::SigningKey::from_seed([2; 32]));
        ControlPlanePins {
            drilldown: self.control_plane.verifying_key(),
            audit: empty.verifier_key(&ed25519::SigningKey::from_seed([1; 32])),
            witness: Witness { name: &name, key: &witness }.verifier_key(),
        }
    }

    fn open(&self) -> Vault {
        let (clock, entropy) = (self.clock.clone(), SystemEntropy::new());
        Vault::open(&self.files(), &self.provider(), Options::default(), clock, entropy).unwrap()
    }

    fn terms(&self, vault: &Vault, number: u8) -> Terms {
        let (now, identity) = (self.clock.now(), vault.identity());
        Terms {
            request: RequestId::from_parts(7, [number; 10]),
            epoch: EPOCH,
            tenant: identity.tenant,
            runner: identity.runner,
            runner_key: vault.attestation_key().key_id(),
            name: "orders-db".parse().unwrap(),
            person: Person {
                id: person(),
                device: self.device.verifying_key().key_id(),
                role: "administrator".parse().unwrap(),
                factors: vec![Factor::Password, Factor::Otp],
            },
            audit: RecordRef { seq: 3 + u64::from(number), hash: Digest::ZERO },
            issued: now,
            expires: now.plus_ms(15 * 60_000),
        }
    }

    /// Sealed and signed by the person, then signed by the control plane.
    fn send_by(
        &self,
        vault: &Vault,
        number: u8,
        value: &[u8],
        device: &ed25519::SigningKey,
        changes: &Changes<'_>,
    ) -> ConnectorSecret {
        let mut terms = self.terms(vault, number);
        terms.person.device = device.verifying_key().key_id();
        (changes.terms)(&mut terms);
        let value = Secret::new(value.to_vec());
        let (sealed, said) = secret::seal(&terms, &vault.sealing_key(), &value, &SystemEntropy::new()).unwrap();
        let mut request = Request { terms, sealed: said };
        (changes.request)(&mut request);
        let payload = PendingSecret::new(request).unwrap().payload().to_vec();
        let signers = [Signer::Ed25519(device), Signer::P256(&self.control_plane)];
        let envelope = Envelope::sign(SECRET_TYPE, &payload, &signers);
        message(envelope.bytes(), Some(device.verifying_key()), &sealed)
    }

    fn send(&self, vault: &Vault, number: u8, value: &[u8], changes: &Changes<'_>) -> ConnectorSecret {
        self.send_by(vault, number, value, &self.device, changes)
    }

    fn gate(&self) -> Gate {
        Gate::new(Policy::default(), self.clock.clone())
    }

    fn keep(&self, vault: &mut Vault, sent: &ConnectorSecret) -> contract::Receipt {
        match self.gate().receive(vault, sent, &EPOCH).unwrap() {
            Taken::Kept { receipt, .. } => receipt,
            Taken::Refused { code, .. } => panic!("refused: {code}"),
        }
    }

    fn refused(&self, vault: &mut Vault, sent: &ConnectorSecret) -> SecretCode {
        self.refused_under(Policy::default(), vault, sent)
    }

    fn refused_under(&self, policy: Policy, vault: &mut Vault, sent: &ConnectorSecret) -> SecretCode {
        match Gate::new(policy, self.clock.clone()).receive(vault, sent, &EPOCH).unwrap() {
            Taken::Refused { code, .. } => code,
            Taken::Kept { name, .. } => panic!("{name} is kept"),
        }
    }

    fn receipts(&self, vault: &Vault) -> Vec<Receipt> {
        let waiting = vault.receipts_waiting(100).unwrap();
        waiting.iter().map(|stored| Receipt::open(&stored.envelope, &[vault.attestation_key()]).unwrap()).collect()
    }

    fn edit(&self, sql: &str) {
        let db = rusqlite::Connection::open(self.files().store).unwrap();
        db.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).unwrap();
    }

    fn value(&self, vault: &Vault) -> Option<Vec<u8>> {
        vault.secret(&"orders-db".parse().unwrap()).ok().map(|value| value.expose().clone())
    }
}

fn message(envelope: &[u8], device_key: Option<ed25519::VerifyingKey>, sealed: &[u8]) -> ConnectorSecret {
    ConnectorSecret {
        envelope: SecretBytes::new(envelope.to_vec()).unwrap(),
        device_key,
        sealed: SealedSecret::new(sealed.to_vec()).unwrap(),
    }
}

fn read(vault: &Vault, receipt: &contract::Receipt) -> Receipt {
    Receipt::open(receipt.envelope.as_bytes(), &[vault.attestation_key()]).unwrap()
}

fn records(vault: &Vault) -> Vec<JournalRecord> {
    let size = vault.journal_size().unwrap();
    vault.journal_tail(size).unwrap().into_iter().map(|line| line.record).collect()
}

#[test]
fn a_secret_is_kept_journalled_receipted_and_survives_a_restart() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let sent = bed.send(&vault, 1, CANARY, &NOTHING);
    let receipt = bed.keep(&mut vault, &sent);
    let receipt = read(&vault, &receipt);
    assert_eq!(receipt.decision, Said::Accepted);
    assert_eq!(bed.value(&vault).as_deref(), Some(CANARY));
    let expected = |record: &JournalRecord| match record {
        JournalRecord::SecretReceived { name, by, device, request, replaced, .. } => {
            name.as_str() == "orders-db"
                && *by == person()
                && *device == bed.device.verifying_key().key_id()
                && *request == receipt.request
                && !replaced
        }
        _ => false,
    };
    assert_eq!(records(&vault).iter().filter(|record| expected(record)).count(), 1);
    let line = vault.journal_line(receipt.journal.seq).unwrap().line;
    assert!(line.contains("secret.received") && !line.contains("canary"));
    assert_eq!(receipt.journal.hash, crypto::digest::sha256(line.as_bytes()));
    vault.verify_journal().unwrap();
    drop(vault);
    let mut vault = bed.open();
    assert_eq!(bed.value(&vault).as_deref(), Some(CANARY));
    let listed = vault.listed_secrets().unwrap().remove(0);
    assert!(matches!(listed.origin, SecretOrigin::Line { person: by, .. } if by == person()));
    // The receipt waits for the control plane. The very same request is refused as one that was seen, in any session and
    // at any time, and gets that receipt again.
    let other = Epoch::from_bytes([9; 16]);
    for (epoch, wait, code) in
        [(&EPOCH, 0, SecretCode::Seen), (&other, 0, SecretCode::Epoch), (&EPOCH, 3_600_000, SecretCode::Time)]
    {
        bed.clock.advance_ms(wait);
        match bed.gate().receive(&mut vault, &sent, epoch).unwrap() {
            Taken::Refused { code: found, receipt: Some(again) } => {
                assert_eq!((found, read(&vault, &again)), (code, receipt.clone()));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bed.receipts(&vault), [receipt]);
    assert_eq!(bed.value(&vault).as_deref(), Some(CANARY));
    // Nobody finds the value in the files.
    for entry in std::fs::read_dir(bed.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY));
    }
}

/// Codes of states of store and policy: they have tests of their own.
const ELSEWHERE: [SecretCode; 14] = [
    SecretCode::Rollback,
    SecretCode::NotEnrolled,
    SecretCode::Seen,
    SecretCode::ForkSeen,
    SecretCode::Revoked,
    SecretCode::Expired,
    SecretCode::Off,
    SecretCode::Name,
    SecretCode::Rate,
    SecretCode::SetHere,
    SecretCode::Older,
    SecretCode::Value,
    SecretCode::Unreadable,
    SecretCode::Busy,
];

/// Codes of what not both signed, or not as one request.
const UNSIGNED: [SecretCode; 5] =
    [SecretCode::Size, SecretCode::Envelope, SecretCode::Signatures, SecretCode::Content, SecretCode::Device];

/// One change each; the code is that of the first check that it offends.
#[test]
fn every_check_has_its_code() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let stranger = ed25519::SigningKey::from_seed([66; 32]);
    let terms = |change: &dyn Fn(&mut Terms)| {
        let changes = Changes { terms: change, request: &|_| {} };
        bed.send(&vault, 1, CANARY, &changes)
    };
    let request = |change: &dyn Fn(&mut Request)| {
        let changes = Changes { terms: &|_| {}, request: change };
        bed.send(&vault, 1, CANARY, &changes)
    };
    let good = bed.send(&vault, 1, CANARY, &NOTHING);
    let with_sealed = |bytes: &[u8]| message(good.envelope.as_bytes(), good.device_key, bytes);
    let resigned = |signers: &[Signer<'_>], kind: &str, payload: &[u8]| {
        message(Envelope::sign(kind, payload, signers).bytes(), good.device_key, good.sealed.as_bytes())
    };
    let parsed = secret::envelope(good.envelope.as_bytes()).unwrap();
    let payload = parsed.unverified_payload();
    let (device, ours) = (Signer::Ed25519(&bed.device), Signer::P256(&bed.control_plane));
    let life = 15 * 60_000;
    let mut flipped = good.sealed.as_bytes().to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let cases = [
        (SecretCode::Size, with_sealed(&vec![0; secret::MAX_SEALED + 1])),
        (SecretCode::Size, message(&vec![b' '; secret::MAX_REQUEST + 1], None, good.sealed.as_bytes())),
        (SecretCode::Envelope, message(b"{}", None, good.sealed.as_bytes())),
        (SecretCode::Signatures, resigned(&[device], SECRET_TYPE, payload)),
        (SecretCode::Signatures, resigned(&[ours], SECRET_TYPE, payload)),
        (SecretCode::Signatures, resigned(&[ours, ours], SECRET_TYPE, payload)),
        (SecretCode::Signatures, resigned(&[device, ours], proof::drilldown::REQUEST_TYPE, payload)),
        (SecretCode::Signatures, resigned(&[Signer::Ed25519(&stranger), ours], SECRET_TYPE, payload)),
        (SecretCode::Content, resigned(&[device, ours], SECRET_TYPE, b"{\"v\":2}")),
        (SecretCode::Device, terms(&|terms| terms.person.device = Digest::ZERO)),
        (SecretCode::Audience, terms(&|terms| terms.tenant = TenantId::from_parts(1, [9; 10]))),
        (SecretCode::Audience, terms(&|terms| terms.runner = RunnerId::from_parts(1, [9; 10]))),
        (SecretCode::Audience, terms(&|terms| terms.runner_key = Digest::ZERO)),
        (SecretCode::Epoch, terms(&|terms| terms.epoch = Epoch::from_bytes([6; 16]))),
        (SecretCode::Life, terms(&|terms| terms.expires = terms.issued)),
        (SecretCode::Life, terms(&|terms| terms.expires = terms.issued.plus_ms(life + 1))),
        (SecretCode::Time, terms(&|terms| terms.issued = terms.issued.plus_ms(120_000))),
        (
            SecretCode::Time,
            terms(&|terms| {
                terms.issued = terms.issued.plus_ms(-life);
                terms.expires = terms.issued.plus_ms(life - 60_001);
            }),
        ),
        (SecretCode::NotApproved, bed.send_by(&vault, 1, CANARY, &stranger, &NOTHING)),
        (SecretCode::Person, terms(&|terms| terms.person.id = PersonId::from_parts(1, [5; 10]))),
        (SecretCode::Role, terms(&|terms| terms.person.role = "auditor".parse().unwrap())),
        (SecretCode::Factors, terms(&|terms| terms.person.factors = vec![Factor::Password])),
        (SecretCode::Bytes, with_sealed(&flipped)),
        (SecretCode::Bytes, with_sealed(&[1])),
        (SecretCode::Key, request(&|request| request.sealed.key = Digest::ZERO)),
        (SecretCode::Sealed, request(&|request| request.terms.name = "other-db".parse().unwrap())),
        (SecretCode::Sealed, request(&|request| request.terms.request = RequestId::from_parts(7, [3; 10]))),
        (SecretCode::Sealed, request(&|request| request.sealed.class = secret::Class::Medium)),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (number, (code, sent)) in cases.iter().enumerate() {
        // Each gets an id of its own, except where that is not what is signed: refusals use ids up.
        drop(vault);
        bed.edit("DELETE FROM secret_request");
        vault = bed.open();
        assert_eq!(bed.refused(&mut vault, sent), *code, "case {number}");
        assert_eq!(bed.value(&vault), None, "case {number}");
        seen.insert(*code);
        bed.clock.advance_ms(1);
    }
    // Each that both signed has a receipt, and no other.
    let receipted = bed.receipts(&vault);
    assert!(receipted.iter().all(|receipt| matches!(receipt.decision, Said::Refused { .. })));
    assert_eq!(receipted.len(), cases.iter().filter(|(code, _)| !UNSIGNED.contains(code)).count());
    seen.extend(ELSEWHERE);
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), SecretCode::ALL);
    vault.verify_journal().unwrap();
}

#[test]
fn a_device_counts_only_while_it_is_approved() {
    let bed = Bed::new();
    let mut vault = bed.create();
    vault.revoke_reader(&bed.device.verifying_key().key_id(), None).unwrap();
    let sent = bed.send(&vault, 1, CANARY, &NOTHING);
    assert_eq!(bed.refused(&mut vault, &sent), SecretCode::Revoked);
    bed.approve(&mut vault, person());
    bed.clock.advance_ms(91 * 86_400_000);
    let sent = bed.send(&vault, 2, CANARY, &NOTHING);
    assert_eq!(bed.refused(&mut vault, &sent), SecretCode::Expired);
    // A stranger is shown to the operator, who approves it; the refused request is dead all the same.
    let stranger = ed25519::SigningKey::from_seed([66; 32]);
    let sent = bed.send_by(&vault, 3, CANARY, &stranger, &NOTHING);
    assert_eq!(bed.refused(&mut vault, &sent), SecretCode::NotApproved);
    let pending = vault.pending_readers().unwrap().remove(0);
    assert_eq!((pending.key, pending.person), (stranger.verifying_key(), person()));
    let new = NewReader {
        device: pending.device,
        key: Some(pending.key),
        person: pending.person,
        label: "new laptop".parse().unwrap(),
        days: 1,
    };
    vault.approve_reader(&new, None).unwrap();
    assert_eq!(bed.refused(&mut vault, &sent), SecretCode::Seen);
    let again = bed.send_by(&vault, 4, CANARY, &stranger, &NOTHING);
    bed.keep(&mut vault, &again);
}

/// A value that was superseded or taken away does not come back, whatever is repeated, in whatever order, and however the
/// clock stands.
#[test]
fn nothing_older_comes_back() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let first = bed.send(&vault, 1, b"first", &NOTHING);
    bed.clock.advance_ms(1_000);
    let second = bed.send(&vault, 2, b"second", &NOTHING);
    let same_time = bed.send(&vault, 3, b"same time", &NOTHING);
    bed.clock.advance_ms(1_000);
    bed.keep(&mut vault, &second);
    assert_eq!(bed.refused(&mut vault, &first), SecretCode::Older);
    assert_eq!(bed.refused(&mut vault, &same_time), SecretCode::Older);
    let third = bed.send(&vault, 4, b"third", &NOTHING);
    vault.remove_secret(&"orders-db".parse().unwrap()).unwrap();
    assert_eq!(bed.refused(&mut vault, &third), SecretCode::Older, "it was removed since");
    assert_eq!(bed.value(&vault), None);
    // The control plane's clock may be a minute ahead of the one by which it was removed.
    let ahead = |terms: &mut Terms| terms.issued = terms.issued.plus_ms(60_000);
    let from_before = bed.send(&vault, 6, b"from before", &Changes { terms: &ahead, request: &|_| {} });
    assert_eq!(bed.refused(&mut vault, &from_before), SecretCode::Older);
    bed.clock.advance_ms(61_000);
    let fourth = bed.send(&vault, 5, b"fourth", &NOTHING);
    bed.keep(&mut vault, &fourth);
    drop(vault);
    // Ids that were forgotten bring nothing back either: the journal knows what was kept, and when.
    bed.edit("DELETE FROM secret_request");
    let mut vault = bed.open();
    for (old, code) in [
        (&first, SecretCode::Older),
        (&second, SecretCode::Seen),
        (&same_time, SecretCode::Older),
        (&third, SecretCode::Older),
        (&fourth, SecretCode::Seen),
    ] {
        assert_eq!(bed.refused(&mut vault, old), code);
    }
    assert_eq!(bed.value(&vault).as_deref(), Some(b"fourth".as_slice()));
}

/// The control plane chooses the times of what it has signed; the order of its own log, which Runners witness, it cannot
/// choose.
#[test]
fn of_two_values_the_one_that_was_asked_for_later_is_the_newer_whatever_their_times_say() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let first = bed.send(&vault, 1, b"first", &NOTHING);
    let earlier = |terms: &mut Terms| {
        terms.issued = terms.issued.plus_ms(-140_000);
        terms.expires = terms.issued.plus_ms(15 * 60_000);
    };
    let second = bed.send(&vault, 2, b"second", &Changes { terms: &earlier, request: &|_| {} });
    bed.keep(&mut vault, &second);
    assert_eq!(bed.refused(&mut vault, &first), SecretCode::Older);
    assert_eq!(bed.value(&vault).as_deref(), Some(b"second".as_slice()));
}

/// A record of the audit log that is far beyond its end would be the last word on a name for good; the operator's word is
/// later.
#[test]
fn a_place_that_the_audit_log_never_had_is_not_the_end_of_a_name() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let far = |terms: &mut Terms| terms.audit.seq = 1 << 40;
    let lying = bed.send(&vault, 1, b"lying", &Changes { terms: &far, request: &|_| {} });
    bed.keep(&mut vault, &lying);
    bed.clock.advance_ms(1_000);
    let honest = bed.send(&vault, 2, b"honest", &NOTHING);
    assert_eq!(bed.refused(&mut vault, &honest), SecretCode::Older);
    vault.remove_secret(&"orders-db".parse().unwrap()).unwrap();
    bed.clock.advance_ms(61_000);
    let again = bed.send(&vault, 3, b"again", &NOTHING);
    bed.keep(&mut vault, &again);
    assert_eq!(bed.value(&vault).as_deref(), Some(b"again".as_slice()));
}

/// The whole machine is put back to an earlier day, with every file. Nothing on it knows, and what was sent since is worth
/// nothing all the same: its session is in no file. The database alone is noticed, and the acknowledgement sets a floor.
#[test]
fn a_store_that_was_put_back_takes_nothing_from_before() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let then = |files: &Files| [&files.store, &files.checkpoint].map(|path| std::fs::read(path).unwrap());
    let back = |files: &Files, [store, checkpoint]: &[Vec<u8>; 2], whole: bool| {
        std::fs::write(&files.store, store).unwrap();
        if whole {
            std::fs::write(&files.checkpoint, checkpoint).unwrap();
        }
    };
    drop(vault);
    let earlier = then(&bed.files());
    vault = bed.open();
    let first = bed.send(&vault, 1, b"first", &NOTHING);
    bed.clock.advance_ms(1_000);
    let second = bed.send(&vault, 2, b"second", &NOTHING);
    bed.keep(&mut vault, &first);
    bed.keep(&mut vault, &second);
    drop(vault);
    back(&bed.files(), &earlier, true);
    vault = bed.open();
    match bed.gate().receive(&mut vault, &first, &Epoch::from_bytes([9; 16])).unwrap() {
        Taken::Refused { code: SecretCode::Epoch, .. } => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.value(&vault), None);
    let unnoticed = bed.send(&vault, 3, b"third", &NOTHING);
    bed.keep(&mut vault, &unnoticed);
    drop(vault);
    back(&bed.files(), &earlier, false);
    vault = bed.open();
    assert_eq!(bed.refused(&mut vault, &first), SecretCode::Rollback);
    bed.clock.advance_ms(1_000);
    vault.acknowledge_rollback("restored after a disk failed".parse().unwrap()).unwrap();
    // Even over the same session, which a restart never has.
    for old in [&first, &second, &unnoticed] {
        assert_eq!(bed.refused(&mut vault, old), SecretCode::Older);
    }
    bed.clock.advance_ms(1_000);
    let fresh = bed.send(&vault, 4, b"fresh", &NOTHING);
    bed.keep(&mut vault, &fresh);
}

/// Nobody gets two genuine receipts that contradict one another.
#[test]
fn nothing_is_receipted_that_not_both_signed() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let sent = bed.send(&vault, 1, CANARY, &NOTHING);
    let parsed = secret::envelope(sent.envelope.as_bytes()).unwrap();
    let stripped = Envelope::sign(SECRET_TYPE, parsed.unverified_payload(), &[Signer::P256(&bed.control_plane)]);
    let stripped = message(stripped.bytes(), sent.device_key, sent.sealed.as_bytes());
    assert_eq!(bed.refused(&mut vault, &stripped), SecretCode::Signatures);
    assert_eq!(bed.receipts(&vault), []);
    bed.keep(&mut vault, &sent);
    let other = with_bytes(&sent, &[1]);
    assert_eq!(bed.refused(&mut vault, &other), SecretCode::Seen);
    let [only] = &bed.receipts(&vault)[..] else { panic!("{:?}", bed.receipts(&vault)) };
    assert_eq!(only.decision, Said::Accepted);
}

fn with_bytes(sent: &ConnectorSecret, sealed: &[u8]) -> ConnectorSecret {
    message(sent.envelope.as_bytes(), sent.device_key, sealed)
}

#[test]
fn what_the_operator_set_stays_unless_the_policy_says_otherwise() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let name = "orders-db".parse().unwrap();
    vault.set_secret(&name, &Secret::new(b"local".to_vec())).unwrap();
    bed.clock.advance_ms(61_000);
    let sent = bed.send(&vault, 1, b"sent", &NOTHING);
    assert_eq!(bed.refused(&mut vault, &sent), SecretCode::SetHere);
    assert_eq!(bed.value(&vault).as_deref(), Some(b"local".as_slice()));
    let replacing =
        Policy::from_toml(&Policy::SAMPLE.replace("replace_local = false", "replace_local = true")).unwrap();
    let sent = bed.send(&vault, 2, b"sent", &NOTHING);
    let mut gate = Gate::new(replacing, bed.clock.clone());
    let taken = gate.receive(&mut vault, &sent, &EPOCH).unwrap();
    let replaced = |record: &JournalRecord| matches!(record, JournalRecord::SecretReceived { replaced: true, .. });
    assert!(matches!(taken, Taken::Kept { .. }) && records(&vault).iter().any(replaced));
    // What came over the line may be replaced over the line, and by the operator.
    bed.clock.advance_ms(1_000);
    let next = bed.send(&vault, 3, b"next", &NOTHING);
    bed.keep(&mut vault, &next);
    let waiting = bed.send(&vault, 4, b"waiting", &NOTHING);
    vault.set_secret(&name, &Secret::new(b"local again".to_vec())).unwrap();
    assert_eq!(vault.secret_origin(&name).unwrap(), Some(SecretOrigin::Here));
    let replacing =
        Policy::from_toml(&Policy::SAMPLE.replace("replace_local = false", "replace_local = true")).unwrap();
    assert_eq!(bed.refused_under(replacing, &mut vault, &waiting), SecretCode::Older);
    vault.verify_journal().unwrap();
}

#[test]
fn the_policy_says_which_names_and_how_many() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let policy = |from: &str, to: &str| {
        assert!(Policy::SAMPLE.contains(from), "{from}");
        Policy::from_toml(&Policy::SAMPLE.replacen(from, to, 1)).unwrap()
    };
    let sent = |vault: &Vault, number: u8| bed.send(vault, number, CANARY, &NOTHING);
    let mut named = policy("names = [\"*\"]", "names = [\"erp-*\", \"orders\"]");
    let next = sent(&vault, 1);
    assert_eq!(bed.refused_under(named.clone(), &mut vault, &next), SecretCode::Name);
    named.secrets = None;
    let next = sent(&vault, 2);
    assert_eq!(bed.refused_under(named, &mut vault, &next), SecretCode::Off);
    // Two that were refused count as much as two that were kept.
    bed.clock.advance_ms(1_000);
    let next = sent(&vault, 5);
    let two_an_hour = policy("per_person_per_hour = 30", "per_person_per_hour = 2");
    assert_eq!(bed.refused_under(two_an_hour.clone(), &mut vault, &next), SecretCode::Rate);
    bed.clock.advance_ms(3_600_000);
    let next = sent(&vault, 6);
    let taken = Gate::new(two_an_hour, bed.clock.clone()).receive(&mut vault, &next, &EPOCH).unwrap();
    assert!(matches!(taken, Taken::Kept { .. }));
    // A policy of one's own without the section takes none.
    let without = Policy::SAMPLE.split("[secrets]").next().unwrap();
    assert_eq!(Policy::from_toml(without).unwrap().secrets, None);
}

#[test]
fn a_store_that_is_not_in_order_takes_nothing() {
    let bed = Bed::new();
    let mut vault = bed.bare();
    let sent = bed.send(&vault, 1, CANARY, &NOTHING);
    assert_eq!(bed.refused(&mut vault, &sent), SecretCode::NotEnrolled);
    drop(vault);
    let bed = Bed::new();
    let mut vault = bed.create();
    // The control plane has more of the journal than there is: an older copy of the store was put back.
    vault.accepted(1_000, Some(Digest::ZERO)).unwrap();
    let sent = bed.send(&vault, 1, CANARY, &NOTHING);
    match bed.gate().receive(&mut vault, &sent, &EPOCH).unwrap() {
        Taken::Refused { code: SecretCode::Rollback, receipt: None } => {}
        other => panic!("{other:?}"),
    }
    assert!(matches!(vault.condition(), runner_vault::Condition::Rollback(_)));
}

#[test]
fn a_store_that_contradicts_itself_takes_nothing() {
    let bed = Bed::new();
    let vault = bed.create();
    let sent = bed.send(&vault, 1, CANARY, &NOTHING);
    drop(vault);
    bed.edit("DELETE FROM reader");
    let mut vault = bed.open();
    assert_eq!(bed.refused(&mut vault, &sent), SecretCode::Unreadable);
}

#[test]
fn a_flood_of_refusals_does_not_fill_the_journal() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let mut gate = bed.gate();
    let before = vault.journal_size().unwrap();
    let garbage = message(b"{}", None, &[0; 304]);
    let mut receipts = 0;
    for _ in 0..200 {
        let taken = gate.receive(&mut vault, &garbage, &EPOCH).unwrap();
        receipts += u32::from(matches!(taken, Taken::Refused { receipt: Some(_), .. }));
    }
    assert_eq!((vault.journal_size().unwrap() - before, receipts), (30, 0), "nothing could be told of them");
    let last = records(&vault).pop().unwrap();
    assert!(matches!(last, JournalRecord::SecretRefused { code, .. } if code.as_str() == "E-SECRET-048"));
    // Who may is served all the same, and a minute later refusals are journalled again.
    let sent = bed.send(&vault, 1, CANARY, &NOTHING);
    assert!(matches!(gate.receive(&mut vault, &sent, &EPOCH).unwrap(), Taken::Kept { .. }));
    let before = vault.journal_size().unwrap();
    bed.clock.advance_ms(60_000);
    gate.receive(&mut vault, &garbage, &EPOCH).unwrap();
    assert_eq!(vault.journal_size().unwrap(), before + 1);
}

/// What anybody with the control plane's keys can send who has no approved device.
#[test]
fn the_control_planes_keys_alone_set_nothing() {
    let bed = Bed::new();
    let mut vault = bed.create();
    let theirs = ed25519::SigningKey::from_seed([13; 32]);
    for claimed in [theirs.verifying_key(), bed.device.verifying_key()] {
        let mut sent = bed.send_by(&vault, 1, b"theirs", &theirs, &NOTHING);
        sent.device_key = Some(claimed);
        let code = bed.refused(&mut vault, &sent);
        assert!(matches!(code, SecretCode::NotApproved | SecretCode::Signatures | SecretCode::Seen), "{code}");
    }
    // A signature that the device made for evidence is none for a secret.
    let sent = bed.send(&vault, 2, b"theirs", &NOTHING);
    let parsed = secret::envelope(sent.envelope.as_bytes()).unwrap();
    let signers = [Signer::Ed25519(&bed.device), Signer::P256(&bed.control_plane)];
    let as_drill_down = Envelope::sign(proof::drilldown::REQUEST_TYPE, parsed.unverified_payload(), &signers);
    let text = String::from_utf8(as_drill_down.bytes().to_vec()).unwrap();
    let retyped = text.replacen(proof::drilldown::REQUEST_TYPE, SECRET_TYPE, 1);
    let sent = message(retyped.as_bytes(), sent.device_key, sent.sealed.as_bytes());
    assert_eq!(bed.refused(&mut vault, &sent), SecretCode::Signatures);
    assert_eq!(bed.value(&vault), None);
}

#[test]
fn what_is_kept_in_the_table_is_what_the_journal_says() {
    // An older value with everything that stood beside it, as a backup has it; the same under the newer record; no value,
    // and one that was removed.
    let older = "UPDATE secret SET (generation, sealed, seq) = (SELECT generation, sealed, seq FROM backup)";
    for (edit, tampered) in [
        (older, false),
        ("UPDATE secret SET (generation, sealed) = (SELECT generation, sealed FROM backup)", true),
        ("UPDATE secret SET seq = seq - 1", false),
        ("UPDATE secret SET seq = NULL", false),
        ("DELETE FROM secret", false),
        ("INSERT INTO secret SELECT 'gone', generation, sealed, set_at, seq FROM secret", false),
    ] {
        let bed = Bed::new();
        let mut vault = bed.create();
        let gone = "gone".parse().unwrap();
        vault.set_secret(&gone, &Secret::new(b"gone".to_vec())).unwrap();
        vault.remove_secret(&gone).unwrap();
        let first = bed.send(&vault, 1, b"first", &NOTHING);
        bed.keep(&mut vault, &first);
        bed.edit("CREATE TABLE backup AS SELECT * FROM secret");
        bed.clock.advance_ms(1_000);
        let second = bed.send(&vault, 2, CANARY, &NOTHING);
        bed.keep(&mut vault, &second);
        vault.verify_journal().unwrap();
        drop(vault);
        bed.edit(edit);
        let vault = bed.open();
        let name = "orders-db".parse().unwrap();
        for error in [
            vault.verify_journal().unwrap_err(),
            vault.secret(if edit.starts_with("INSERT") { &gone } else { &name }).unwrap_err(),
        ] {
            let expected = if tampered { "E-VAULT-013" } else { "E-VAULT-014" };
            assert_eq!(error.code(), expected, "{edit}");
        }
    }
}

/// What is in the sealed bytes nobody but the holder of the store's key reads: not with the keys of everybody else.
#[test]
fn nobody_else_opens_it() {
    let bed = Bed::new();
    let vault = bed.create();
    let sent = bed.send(&vault, 1, CANARY, &NOTHING);
    let (request, _) =
        secret::open(sent.envelope.as_bytes(), &[bed.device.verifying_key()], &[bed.control_plane.verifying_key()])
            .unwrap();
    let other = hpke::KeyPair::generate(&SystemEntropy::new());
    assert!(secret::open_value(request.request(), &other, sent.sealed.as_bytes()).is_err());
    let bytes = [sent.envelope.as_bytes(), sent.sealed.as_bytes()].concat();
    assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY));
    assert_eq!(vault.open_sent_secret(request.request(), sent.sealed.as_bytes()).unwrap().expose(), CANARY);
}
