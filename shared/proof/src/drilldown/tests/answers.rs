use super::*;
use crate::drilldown::octets::{OctetsError, Part, Splitter};

/// An item with its evidence, as the Runner has it.
struct Item {
    id: ids::ItemId,
    secret: ItemSecret,
    rows: Vec<Vec<u8>>,
    commitment: Commitment,
    tree: Tree,
}

impl Item {
    fn new(number: u8, rows: Vec<Vec<u8>>) -> Self {
        let secret = ItemSecret::from_bytes([number; 32]);
        let mut committer = Committer::new(&secret);
        let leaves = rows.iter().map(|row| committer.push(row)).collect();
        let id = ids::ItemId::from_bytes([number; 16]);
        Self { id, secret, commitment: committer.commitment(), tree: Tree::new(leaves), rows }
    }

    fn salt(&self, index: u64) -> Salt {
        Salts::new(&self.secret).of(index)
    }

    fn asked(&self, rows: Option<Vec<u64>>) -> RequestedItem {
        RequestedItem { item: self.id, root: self.commitment.root, rows }
    }

    fn answered(&self, rows: &Option<Vec<u64>>) -> AnsweredItem {
        let opened = match rows {
            None => Opened::All,
            Some(rows) => Opened::Rows(rows.iter().map(|i| (*i, self.tree.inclusion_path(*i).unwrap())).collect()),
        };
        AnsweredItem { item: self.id, commitment: self.commitment, opened }
    }
}

/// A request for some rows of some items, and what it takes to answer and to read.
struct Case {
    items: Vec<(Item, Option<Vec<u64>>)>,
    recipient: hpke::KeyPair,
    request: PendingRequest,
}

impl Case {
    fn new(items: Vec<(Item, Option<Vec<u64>>)>) -> Self {
        let recipient = hpke::KeyPair::generate(&SystemEntropy::new());
        let mut request = golden_request().request().clone();
        request.items = items.iter().map(|(item, rows)| item.asked(rows.clone())).collect();
        request.recipient = recipient.public();
        Self { items, recipient, request: PendingRequest::new(request).unwrap() }
    }

    fn three() -> Self {
        let rows = |count: usize, length: usize| (0..count).map(|i| vec![i as u8; length]).collect::<Vec<_>>();
        Self::new(vec![
            (Item::new(1, rows(9, 70_000)), None),
            (Item::new(2, Vec::new()), None),
            (Item::new(3, rows(20, 1_000)), Some(vec![0, 7, 19])),
            (Item::new(4, rows(2, 10)), Some(vec![0, 1])),
        ])
    }

    fn attested(&self) -> Vec<Commitment> {
        self.items.iter().map(|(item, _)| item.commitment).collect()
    }

    fn writer(&self) -> ([u8; 32], AnswerWriter) {
        let answered = self.items.iter().map(|(item, rows)| item.answered(rows)).collect();
        AnswerWriter::new(&self.request, answered, &SystemEntropy::new()).unwrap()
    }

    fn opened(&self) -> Vec<OpenedRow> {
        let mut opened = Vec::new();
        for (item, rows) in &self.items {
            let rows = rows.clone().unwrap_or_else(|| (0..item.commitment.rows).collect());
            opened.extend(rows.into_iter().map(|index| OpenedRow {
                item: item.id,
                index,
                salt: item.salt(index),
                row: item.rows[index as usize].clone(),
            }));
        }
        opened
    }

    fn frames(&self) -> ([u8; 32], Vec<Frame>, Digest) {
        let (enc, mut writer) = self.writer();
        let mut frames = Vec::new();
        for OpenedRow { index, salt, row, .. } in self.opened() {
            frames.extend(writer.row(index, &salt, &row).unwrap());
        }
        let (last, sealed) = writer.finish().unwrap();
        frames.push(last);
        (enc, frames, sealed)
    }

    fn reader(&self, enc: &[u8]) -> AnswerReader {
        AnswerReader::new(&self.request, &self.recipient, enc, &self.attested()).unwrap()
    }

    fn read(&self, enc: &[u8], frames: &[Frame]) -> Result<(Vec<OpenedRow>, AnswerSummary), AnswerError> {
        let mut reader = self.reader(enc);
        let mut rows = Vec::new();
        for frame in frames {
            rows.extend(reader.frame(&frame.ciphertext, frame.last)?);
        }
        Ok((rows, reader.finish()?))
    }

    /// Seals any plaintext as an answer: what a Runner that lies would send.
    fn seal(&self, plaintext: &[u8]) -> ([u8; 32], Vec<Frame>) {
        let recipient = self.recipient.public();
        let (enc, mut sealer) =
            hpke::Sealer::new(&recipient, &info(&self.request.sha256()), &SystemEntropy::new()).unwrap();
        let count = plaintext.chunks(FRAME).count().max(1);
        let frames = (0..count).map(|index| {
            let last = index + 1 == count;
            let piece = plaintext.chunks(FRAME).nth(index).unwrap_or_default();
            Frame { index: index as u64, ciphertext: sealer.seal(&[u8::from(last)], piece).unwrap(), last }
        });
        (enc, frames.collect())
    }

    fn plaintext(&self) -> Vec<u8> {
        let (enc, frames, _) = self.frames();
        let mut opener = hpke::Opener::new(&self.recipient, &enc, &info(&self.request.sha256())).unwrap();
        frames.iter().flat_map(|frame| opener.open(&[u8::from(frame.last)], &frame.ciphertext).unwrap()).collect()
    }

    fn refusal(&self, plaintext: &[u8]) -> AnswerError {
        let (enc, frames) = self.seal(plaintext);
        self.read(&enc, &frames).unwrap_err()
    }
}

#[test]
fn the_golden_answer_is_read() {
    let recipient = hex::decode(golden()["recipient_private"].as_str().unwrap()).unwrap();
    let recipient = hpke::KeyPair::from_private(Secret::new(recipient.try_into().unwrap()));
    let request = golden_request();
    assert_eq!(request.request().recipient, recipient.public());
    let manifest = crate::manifest::parse(vectors::load()["manifest"].as_str().unwrap().as_bytes()).unwrap();
    let attested: Vec<Commitment> = manifest.items.iter().map(|item| item.commitment()).collect();
    let mut reader = AnswerReader::new(&request, &recipient, &unbase(&golden()["enc"]), &attested).unwrap();
    let frames: Vec<Vec<u8>> = golden()["frames"].as_array().unwrap().iter().map(unbase).collect();
    let mut rows = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        rows.extend(reader.frame(frame, index + 1 == frames.len()).unwrap());
    }
    let opened: Vec<(u64, &[u8])> = rows.iter().map(|row| (row.index, row.row.as_slice())).collect();
    assert_eq!(opened[0], (1, b"{\"active\":false,\"email\":\"user01@example.org\",\"n\":1}".as_slice()));
    assert_eq!((opened.len(), opened[2]), (3, (0, b"enabled".as_slice())));
    let summary = reader.finish().unwrap();
    assert_eq!((summary.items, summary.rows), (2, 3));
    let receipt = golden()["receipt_envelope"].to_string();
    let receipt = Receipt::open(receipt.as_bytes(), &[runner().verifying_key()]).unwrap();
    assert_eq!(receipt.decision, Decision::Answered { sealed_sha256: summary.sealed_sha256 });
}

#[test]
fn the_golden_plaintext_is_written() {
    let vectors = vectors::load();
    let commitments = vectors["commitments"].as_array().unwrap();
    let request = golden_request();
    let mut answered = Vec::new();
    let mut rows = Vec::new();
    for asked in &request.request().items {
        let vector = commitments.iter().find(|vector| vector["root"] == asked.root.to_string()).unwrap();
        let secret = hex::decode(vector["secret"].as_str().unwrap()).unwrap();
        let secret = ItemSecret::from_bytes(secret.try_into().unwrap());
        let all: Vec<Vec<u8>> =
            vector["rows"].as_array().unwrap().iter().map(|row| hex::decode(row.as_str().unwrap()).unwrap()).collect();
        let mut committer = Committer::new(&secret);
        let tree = Tree::new(all.iter().map(|row| committer.push(row)).collect());
        let opened = match &asked.rows {
            None => Opened::All,
            Some(rows) => Opened::Rows(rows.iter().map(|i| (*i, tree.inclusion_path(*i).unwrap())).collect()),
        };
        answered.push(AnsweredItem { item: asked.item, commitment: committer.commitment(), opened });
        for index in asked.rows.clone().unwrap_or_else(|| (0..all.len() as u64).collect()) {
            rows.push((index, Salts::new(&secret).of(index), all[index as usize].clone()));
        }
    }
    let (enc, mut writer) = AnswerWriter::new(&request, answered, &SystemEntropy::new()).unwrap();
    for (index, salt, row) in &rows {
        assert!(writer.row(*index, salt, row).unwrap().is_empty());
    }
    let (frame, sealed) = writer.finish().unwrap();
    let recipient = hex::decode(golden()["recipient_private"].as_str().unwrap()).unwrap();
    let recipient = hpke::KeyPair::from_private(Secret::new(recipient.try_into().unwrap()));
    let mut opener = hpke::Opener::new(&recipient, &enc, &info(&request.sha256())).unwrap();
    assert_eq!(opener.open(&[1], &frame.ciphertext).unwrap(), unbase(&golden()["plaintext"]));
    let mut hash = SealedHash::new(&enc);
    hash.frame(&frame.ciphertext);
    assert_eq!(hash.finish(), sealed);
}

#[test]
fn rows_of_several_items_come_back_and_are_proven() {
    let case = Case::three();
    let (enc, frames, sealed) = case.frames();
    assert!(frames.len() >= 3 && frames.iter().all(|frame| frame.ciphertext.len() <= MAX_CIPHERTEXT));
    assert!(frames.iter().enumerate().all(|(at, f)| f.index == at as u64 && f.last == (at + 1 == frames.len())));
    let (rows, summary) = case.read(&enc, &frames).unwrap();
    assert_eq!(rows, case.opened());
    assert_eq!((summary.items, summary.rows, summary.sealed_sha256), (4, 14, sealed));
    let header = case.plaintext();
    let length = u32::from_be_bytes(*header.first_chunk().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&header[4..4 + length]).unwrap();
    let paths: Vec<bool> = header["items"].as_array().unwrap().iter().map(|item| item["paths"].is_null()).collect();
    assert_eq!(paths, [true, true, false, true]);
}

#[test]
fn both_ends_can_be_handed_to_another_thread() {
    fn check<T: Send + 'static>() {}
    check::<AnswerWriter>();
    check::<AnswerReader>();
}

#[test]
fn an_answer_without_any_row_holds_too() {
    let case = Case::new(vec![(Item::new(1, Vec::new()), None)]);
    let (enc, frames, _) = case.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(case.read(&enc, &frames).unwrap().1.rows, 0);
}

#[test]
fn plaintext_of_exactly_one_frame_is_one_frame() {
    let head = Case::new(vec![(Item::new(1, vec![vec![0; 100_000]]), None)]).plaintext().len() - 100_000;
    for (length, frames) in [(FRAME - head, 1), (FRAME - head + 1, 2)] {
        let case = Case::new(vec![(Item::new(1, vec![vec![0; length]]), None)]);
        let (enc, sealed, _) = case.frames();
        assert_eq!(sealed.len(), frames);
        assert!(case.read(&enc, &sealed).is_ok());
    }
}

#[test]
fn frames_that_are_missing_added_moved_or_mislabelled_are_refused() {
    let case = Case::three();
    let (enc, frames, _) = case.frames();
    let refused = |frames: &[Frame]| case.read(&enc, frames).unwrap_err();
    assert_eq!(refused(&frames[1..]), AnswerError::Sealed(0));
    assert_eq!(refused(&frames[..frames.len() - 1]), AnswerError::Incomplete("its last frame did not come"));
    let mut swapped = frames.clone();
    swapped.swap(0, 1);
    assert_eq!(refused(&swapped), AnswerError::Sealed(0));
    let mut twice = frames.clone();
    twice.insert(1, frames[0].clone());
    assert_eq!(refused(&twice), AnswerError::Sealed(1));
    let more = [frames.as_slice(), &frames[..1]].concat();
    assert_eq!(refused(&more), AnswerError::Extra);
    for at in 0..frames.len() {
        let mut flipped = frames.clone();
        flipped[at].last ^= true;
        assert_eq!(refused(&flipped), AnswerError::Sealed(at as u64));
        let mut short = frames.clone();
        short[at].ciphertext.pop();
        assert_eq!(refused(&short), AnswerError::Sealed(at as u64));
        let mut long = frames.clone();
        long[at].ciphertext.resize(MAX_CIPHERTEXT + 1, 0);
        assert!(matches!(refused(&long), AnswerError::FrameLength { .. }));
    }
    // After a refusal nothing is read any more, and nothing is vouched for.
    let mut reader = case.reader(&enc);
    assert!(reader.frame(&frames[1].ciphertext, false).is_err());
    assert_eq!(reader.frame(&frames[0].ciphertext, false), Err(AnswerError::Refused));
    assert_eq!(reader.finish(), Err(AnswerError::Refused));
}

#[test]
fn an_answer_opens_with_its_own_key_for_its_own_request_alone() {
    let (case, other) = (Case::three(), Case::three());
    let (enc, frames, _) = case.frames();
    assert_eq!(other.read(&enc, &frames).unwrap_err(), AnswerError::Sealed(0));
    let mut request = case.request.request().clone();
    request.reason = "another reason".parse().unwrap();
    let request = PendingRequest::new(request).unwrap();
    let mut reader = AnswerReader::new(&request, &case.recipient, &enc, &case.attested()).unwrap();
    assert_eq!(reader.frame(&frames[0].ciphertext, false), Err(AnswerError::Sealed(0)));
    assert_eq!(AnswerReader::new(&request, &case.recipient, &[0; 32], &case.attested()).unwrap_err(), AnswerError::Key);
}

/// The bytes of the header, and where the rows begin.
fn split(plaintext: &[u8]) -> (String, &[u8]) {
    let (length, rest) = plaintext.split_first_chunk::<4>().unwrap();
    let (header, rows) = rest.split_at(u32::from_be_bytes(*length) as usize);
    (String::from_utf8(header.to_vec()).unwrap(), rows)
}

fn join(header: &str, rows: &[u8]) -> Vec<u8> {
    [(header.len() as u32).to_be_bytes().as_slice(), header.as_bytes(), rows].concat()
}

#[test]
fn a_runner_that_lies_in_the_header_is_caught() {
    let case = Case::three();
    let plaintext = case.plaintext();
    let (header, rows) = split(&plaintext);
    let root = case.items[0].0.commitment.root.to_string();
    let id = case.items[0].0.id.to_string();
    let request = case.request.request().request.to_string();
    for (from, to) in [
        ("\"v\":1", "\"v\":3"),
        ("\"v\":1", "\"v\":1,\"x\":1"),
        (request.as_str(), "019aa7f0-0000-7000-8000-0000000000ff"),
        (root.as_str(), &case.items[2].0.commitment.root.to_string()),
        (id.as_str(), &case.items[2].0.id.to_string()),
        ("\"rows\":9", "\"rows\":8"),
        ("\"opened\":9", "\"opened\":8"),
        ("\"opened\":3", "\"opened\":2"),
        ("\"paths\":null", "\"paths\":[]"),
        ("\"paths\":[[\"", "\"paths\":[[],[\""),
        ("\"paths\":[[\"", "\"paths\":[[\"AAAA\",\""),
        ("\"paths\":[[\"", "\"paths\":[[[\"\"],\""),
        ("\"paths\":[[\"", "\"paths\":[[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\""),
    ] {
        assert!(header.contains(from), "{from}");
        let changed = join(&header.replacen(from, to, 1), rows);
        let error = case.refusal(&changed);
        assert!(!matches!(error, AnswerError::Sealed(_) | AnswerError::Refused), "{from} -> {to}: {error}");
    }
    assert!(matches!(case.refusal(&u32::MAX.to_be_bytes()), AnswerError::HeaderTooLong { .. }));
    assert!(matches!(case.refusal(&plaintext[..50]), AnswerError::Incomplete(_)));
    assert!(matches!(case.refusal(b""), AnswerError::Incomplete(_)));
}

#[test]
fn a_runner_that_lies_in_the_rows_is_caught() {
    let case = Case::three();
    let plaintext = case.plaintext();
    let (header, rows) = split(&plaintext);
    let start = plaintext.len() - rows.len();
    // First row: index at 0, salt at 8, length at 40, bytes from 44.
    let changed = |at: usize, bit: u8| {
        let mut changed = plaintext.clone();
        changed[start + at] ^= bit;
        case.refusal(&changed)
    };
    assert!(matches!(changed(7, 1), AnswerError::Row { expected: Some(0), found: 1 }));
    for at in [8, 39, 44, 44 + 69_999] {
        assert!(matches!(changed(at, 1), AnswerError::Opening { source: OpeningError::Root, .. }), "{at}");
    }
    assert!(matches!(changed(40, 0x80), AnswerError::RowTooLong { .. }));
    // A row of the third item, which is opened by paths.
    let third = 9 * (44 + 70_000);
    for at in [third + 8, third + 44] {
        assert!(matches!(changed(at, 1), AnswerError::Opening { source: OpeningError::Row { .. }, .. }), "{at}");
    }
    assert!(matches!(case.refusal(&[plaintext.as_slice(), b"x"].concat()), AnswerError::Extra));
    assert!(matches!(case.refusal(&plaintext[..plaintext.len() - 1]), AnswerError::Truncated { expected: 1, .. }));
    let (first, rest) = rows.split_at(44 + 70_000);
    let swapped = [&rest[..44 + 70_000], first, &rest[44 + 70_000..]].concat();
    assert!(matches!(case.refusal(&join(&header, &swapped)), AnswerError::Row { .. }));
    assert!(matches!(case.refusal(&join(&header, rest)), AnswerError::Row { .. }));
}

#[test]
fn the_writer_takes_what_was_asked_for_and_nothing_else() {
    let case = Case::three();
    let (_, mut writer) = case.writer();
    let rows = case.opened();
    let row = |writer: &mut AnswerWriter, at: usize| writer.row(rows[at].index, &rows[at].salt, &rows[at].row);
    assert!(matches!(row(&mut writer, 1), Err(AnswerError::Row { expected: Some(0), found: 1 })));
    row(&mut writer, 0).unwrap();
    assert!(matches!(row(&mut writer, 0), Err(AnswerError::Row { expected: Some(1), found: 0 })));
    assert!(matches!(writer.finish(), Err(AnswerError::Truncated { expected: 1, .. })));
    let (_, mut writer) = case.writer();
    for at in 0..rows.len() {
        row(&mut writer, at).unwrap();
    }
    assert!(matches!(row(&mut writer, 0), Err(AnswerError::Row { expected: None, .. })));
    let answered: Vec<AnsweredItem> = case.items.iter().map(|(item, rows)| item.answered(rows)).collect();
    let refused = |change: &dyn Fn(&mut Vec<AnsweredItem>)| {
        let mut answered = answered.clone();
        change(&mut answered);
        let error = AnswerWriter::new(&case.request, answered, &SystemEntropy::new()).unwrap_err();
        assert!(matches!(error, AnswerError::Item { .. }), "{error}");
    };
    refused(&|items| items.truncate(2));
    refused(&|items| items.swap(0, 1));
    refused(&|items| items[0].commitment.root = Digest::ZERO);
    refused(&|items| items[2].opened = Opened::All);
    refused(&|items| items[2].opened = Opened::Rows(vec![(0, vec![]), (8, vec![]), (19, vec![])]));
    refused(&|items| items[2].commitment.rows = 19);
    refused(&|items| items[0].opened = Opened::Rows(vec![(0, vec![])]));
}

#[test]
fn many_paths_make_a_header_of_several_frames() {
    let rows: Vec<Vec<u8>> = (0..4_096_u32).map(|i| i.to_be_bytes().to_vec()).collect();
    let case = Case::new(vec![(Item::new(1, rows), Some((3_000..3_900).collect()))]);
    let (enc, frames, _) = case.frames();
    assert!(frames.len() > 2);
    assert_eq!(case.read(&enc, &frames).unwrap().0, case.opened());
}

#[test]
fn a_large_answer_passes_through_in_pieces() {
    // 40 rows of 1 MiB: each side holds one row and a frame, never the answer.
    let row = |i: u64| vec![i as u8; 1 << 20];
    let item = Item::new(1, (0..40).map(row).collect());
    let case = Case::new(vec![(item, None)]);
    let (enc, mut writer) = case.writer();
    let mut reader = case.reader(&enc);
    let (mut most, mut read) = (0, 0);
    for index in 0..40 {
        let frames = writer.row(index, &case.items[0].0.salt(index), &row(index)).unwrap();
        most = most.max(frames.iter().map(|frame| frame.ciphertext.len()).sum::<usize>());
        for frame in frames {
            read += reader.frame(&frame.ciphertext, frame.last).unwrap().len();
            assert!(reader.held() <= (1 << 20) + FRAME + 44, "{}", reader.held());
        }
    }
    let (last, sealed) = writer.finish().unwrap();
    read += reader.frame(&last.ciphertext, true).unwrap().len();
    assert_eq!(read, 40);
    assert!(most <= (1 << 20) + 2 * FRAME, "{most}");
    let summary = reader.finish().unwrap();
    assert_eq!((summary.bytes, summary.sealed_sha256), (40 << 20, sealed));
}

fn octets(enc: &[u8; 32], frames: &[Frame]) -> Vec<u8> {
    let mut stream = enc.to_vec();
    frames.iter().for_each(|frame| stream.extend(octets::frame(&frame.ciphertext)));
    stream
}

#[test]
fn a_stream_of_octets_is_cut_into_the_same_frames() {
    let case = Case::three();
    let (enc, frames, _) = case.frames();
    let stream = octets(&enc, &frames);
    for size in [1_000, 65_536, stream.len()] {
        let mut splitter = Splitter::new();
        let mut parts = Vec::new();
        for piece in stream.chunks(size) {
            parts.extend(splitter.push(piece).unwrap());
        }
        let last = splitter.finish().unwrap();
        assert_eq!(parts.remove(0), Part::Enc(enc));
        let cut: Vec<Frame> = parts
            .into_iter()
            .map(|part| match part {
                Part::Frame(frame) => frame,
                Part::Enc(_) => panic!("a second encapsulated key"),
            })
            .chain([last])
            .collect();
        assert_eq!(cut, frames);
    }
    let mut splitter = Splitter::new();
    splitter.push(&stream[..stream.len() - 1]).unwrap();
    assert_eq!(splitter.finish().unwrap_err(), OctetsError::Truncated(frames.len() as u64 - 1));
    assert_eq!(Splitter::new().finish().unwrap_err(), OctetsError::Truncated(0));
    let mut splitter = Splitter::new();
    let oversized = [enc.as_slice(), &u32::MAX.to_be_bytes()].concat();
    assert_eq!(splitter.push(&oversized).unwrap_err(), OctetsError::Length { frame: 0, found: u32::MAX });
}

proptest! {
    #[test]
    fn any_rows_come_back(lengths in proptest::collection::vec(0..5_000_usize, 0..12), mask: u16) {
        let rows: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(i, length)| vec![i as u8; *length]).collect();
        let asked: Vec<u64> = (0..rows.len() as u64).filter(|i| mask >> i & 1 == 1).collect();
        let asked = if asked.is_empty() { None } else { Some(asked) };
        let case = Case::new(vec![(Item::new(1, rows), asked)]);
        let (enc, frames, sealed) = case.frames();
        let (read, summary) = case.read(&enc, &frames).unwrap();
        prop_assert_eq!(read, case.opened());
        prop_assert_eq!(summary.sealed_sha256, sealed);
    }

    #[test]
    fn no_plaintext_makes_the_reader_panic(bytes: Vec<u8>, at: usize, byte: u8, cut: usize) {
        let case = Case::new(vec![
            (Item::new(1, vec![b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]), Some(vec![0, 2])),
            (Item::new(2, vec![b"four".to_vec()]), None),
        ]);
        let _ = case.refusal(&bytes);
        let mut plaintext = case.plaintext();
        let at = at % plaintext.len();
        if plaintext[at] != byte {
            plaintext[at] = byte;
            let (enc, frames) = case.seal(&plaintext);
            // Space in the header is no lie; everything else is.
            if let Ok((rows, _)) = case.read(&enc, &frames) {
                prop_assert_eq!(rows, case.opened());
            }
        }
        plaintext.truncate(cut % plaintext.len());
        let _ = case.refusal(&plaintext);
        let mut splitter = Splitter::new();
        let _ = splitter.push(&bytes);
        let _ = splitter.finish();
    }
}
