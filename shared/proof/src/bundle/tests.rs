use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;

use super::*;
use crate::commitment::Commitment;
use crypto::Digest;

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let files: BTreeMap<String, Cow<'_, [u8]>> =
        files.iter().map(|(name, bytes)| ((*name).to_owned(), Cow::from(*bytes))).collect();
    archive::write(&files).unwrap()
}

fn sample() -> Vec<u8> {
    archive(&[("a.txt", b"first"), ("b/c.row", b""), ("b/d.row", b"third")])
}

/// Puts a little-endian half at a place.
fn patched(mut bytes: Vec<u8>, at: usize, value: u16) -> Vec<u8> {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn another_implementation_reads_what_is_written() {
    let bytes = sample();
    assert_eq!(bytes, sample());
    let mut referee = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    assert_eq!(referee.len(), 3);
    for (name, content) in read(&bytes).unwrap().files() {
        let mut file = referee.by_name(name).unwrap();
        assert_eq!(file.unix_mode(), Some(0o100_644));
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert_eq!(read, content, "{name}");
    }
    let bundle = read(&bytes).unwrap();
    assert_eq!(bundle.file("b/d.row"), Some(b"third".as_slice()));
    assert_eq!(bundle.file("b/e.row"), None);
}

/// The same three files as other plain writers lay them out. Numbers are version made by, version needed, flags, time,
/// date, and external attributes.
fn foreign() -> Vec<(&'static str, Vec<u8>)> {
    let time = [b"UT\x05\0\x01".as_slice(), &315_532_800_u32.to_le_bytes()].concat();
    vec![
        ("Python's zipfile", shaped([0x0314, 20, 0, 0, 0x21], 0o600 << 16, b"")),
        ("Info-ZIP with -X0", shaped([0x031e, 10, 0, 0, 0x21], 0o100_644 << 16, b"")),
        ("Go's archive/zip", shaped([20, 20, 8, 0, 0x21], 0, b"")),
        ("Go's archive/zip with a time", shaped([20, 20, 8, 0, 0x21], 0, &time)),
        ("one with UTF-8 names and another time", shaped([0, 20, 0x0800, 0x6000, 0x5a21], 0x20, b"")),
    ]
}

fn shaped([made_by, needs, flags, time, date]: [u16; 5], attributes: u32, extra: &[u8]) -> Vec<u8> {
    let halves = |numbers: &[u16]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let words = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    let files: [(&str, &[u8]); 3] = [("a.txt", b"first"), ("b/c.row", b""), ("b/d.row", b"third")];
    for (name, content) in files {
        let offset = u32::try_from(out.len()).unwrap();
        let length = u32::try_from(content.len()).unwrap();
        let sums = [crc32fast::hash(content), length, length];
        let head = halves(&[needs, flags, 0, time, date]);
        let lengths = halves(&[u16::try_from(name.len()).unwrap(), u16::try_from(extra.len()).unwrap()]);
        let streamed = flags & 8 != 0;
        let in_front = words(&if streamed { [0; 3] } else { sums });
        out.extend([b"PK\x03\x04", head.as_slice(), &in_front, &lengths, name.as_bytes(), extra, content].concat());
        if streamed {
            out.extend([b"PK\x07\x08", words(&sums).as_slice()].concat());
        }
        let line = [halves(&[made_by]), head, words(&sums), lengths, halves(&[0, 0, 0]), words(&[attributes, offset])];
        directory.extend([b"PK\x01\x02", line.concat().as_slice(), name.as_bytes(), extra].concat());
    }
    let ends = words(&[u32::try_from(directory.len()).unwrap(), u32::try_from(out.len()).unwrap()]);
    [out, directory, b"PK\x05\x06".to_vec(), halves(&[0, 0, 3, 3]), ends, halves(&[0])].concat()
}

#[test]
fn no_flipped_bit_and_no_length_gets_through_whoever_wrote_it() {
    for (writer, bytes) in [("ours", sample())].into_iter().chain(foreign()) {
        let files: Vec<_> = read(&bytes).unwrap_or_else(|error| panic!("{writer}: {error}")).files().collect();
        let expected: [(&str, &[u8]); 3] = [("a.txt", b"first"), ("b/c.row", b""), ("b/d.row", b"third")];
        assert_eq!(files, expected, "{writer}");
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(read(&changed).is_err(), "{writer}: byte {at} bit {bit}");
            }
        }
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{writer}: length {length}");
        }
    }
}

#[test]
fn what_no_plain_writer_does_is_refused_for_all_files_too() {
    let zip64 = [1, 0, 5, 0, 1, 0, 0, 0, 0];
    let with_access_time = [b"UT\x09\0\x03".as_slice(), &[0; 8]].concat();
    for (bytes, why) in [
        (shaped([20, 20, 1, 0, 0x21], 0, b""), "encrypted"),
        (shaped([20, 45, 0, 0, 0x21], 0, b""), "another version of zip"),
        (shaped([20, 20, 0, 0, 0x21], 0o120_777 << 16, b""), "a link"),
        (shaped([20, 20, 0, 0, 0x21], 0o040_755 << 16, b""), "a folder"),
        (shaped([20, 20, 0, 0, 0x21], 0x10, b""), "a folder"),
        (shaped([20, 20, 0, 0, 0x21], 0, &zip64), "zip64"),
        (shaped([20, 20, 0, 0, 0x21], 0, &with_access_time), "extra field"),
    ] {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
}

/// Lengths that follow the content may not stand in front of it as well, and must be there.
#[test]
fn a_streamed_file_says_its_length_once_and_the_same_as_the_directory() {
    let streamed = shaped([20, 20, 8, 0, 0x21], 0, b"");
    let differ = |bytes: &[u8]| match read(bytes) {
        Err(ArchiveError::Header { file: 1, what }) => what,
        other => panic!("{other:?}"),
    };
    assert!(differ(&patched(streamed.clone(), 22, 5)).contains("in front of it"));
    let descriptor = 30 + "a.txt".len() + "first".len();
    assert!(differ(&patched(streamed.clone(), descriptor + 12, 4)).contains("what follows"));
    let without = [&streamed[..descriptor], &streamed[descriptor + 16..]].concat();
    assert_eq!(read(&without).unwrap_err(), ArchiveError::Directory);
}

#[test]
fn hostile_archives_are_refused_with_the_reason() {
    let bytes = sample();
    let directory = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    // Changed in the directory's first line, and alone: what it says is refused, or that the header says something else.
    let header = |at: usize| match read(&patched(bytes.clone(), directory + at, 9)) {
        Err(ArchiveError::Header { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert!(header(4).contains("other than the first file's"));
    assert!(header(6).contains("version of zip"));
    assert!(header(8).contains("encrypted"));
    assert!(header(10).contains("compressed"));
    assert!(header(12).contains("in front of it"));
    assert!(header(20).contains("sizes differ"));
    assert!(header(30).contains("zip64") && header(32).contains("a comment") && header(34).contains("another disk"));
    assert!(header(36).contains("other than") && header(40).contains("other than"));
    assert!(header(38).contains("a folder"));
    let end = bytes.len() - 22;
    for at in [0, 4, 6, 20] {
        assert_eq!(read(&patched(bytes.clone(), end + at, 1)).unwrap_err(), ArchiveError::End, "{at}");
    }
    for at in [8, 10, 12, 16] {
        assert_eq!(read(&patched(bytes.clone(), end + at, 1)).unwrap_err(), ArchiveError::Directory, "{at}");
    }
    assert_eq!(read(&patched(patched(bytes.clone(), end + 8, 2), end + 10, 2)).unwrap_err(), ArchiveError::Directory);
    let both = patched(patched(bytes.clone(), 14, 9), directory + 16, 9);
    assert_eq!(read(&both).unwrap_err(), ArchiveError::Checksum(1));
    let huge = |at: usize, bytes| patched(patched(bytes, at + 2, 0xffff), at + 6, 0xffff);
    assert_eq!(read(&huge(18, huge(directory + 20, bytes.clone()))).unwrap_err(), ArchiveError::CutOff(1));
    assert_eq!(read(b"").unwrap_err(), ArchiveError::NotAnArchive);
    assert_eq!(read(b"PK\x03\x04").unwrap_err(), ArchiveError::End);
    assert_eq!(read(&[b"x", bytes.as_slice()].concat()).unwrap_err(), ArchiveError::NotAnArchive);
    for after in [b"x".as_slice(), &bytes, &bytes[end..]] {
        assert!(read(&[bytes.as_slice(), after].concat()).is_err());
    }
    // A file that the directory does not list: in front of all, between two, and behind the last.
    let hidden = &archive(&[("a.tyt", b"hidden")])[..41];
    for place in [0, 40, directory] {
        let mut changed = bytes.clone();
        changed.splice(place..place, hidden.iter().copied());
        assert!(read(&changed).is_err());
        let start = u16::try_from(directory + hidden.len()).unwrap();
        let moved = patched(changed, end + hidden.len() + 16, start);
        assert!(matches!(read(&moved), Err(ArchiveError::Directory | ArchiveError::Header { .. })), "{place}");
    }
    // What is listed at the end has another name than the file itself.
    let mut renamed = bytes.clone();
    renamed[directory + 46] = b'A';
    assert!(matches!(read(&renamed), Err(ArchiveError::Header { file: 1, .. })));
}

#[test]
fn names_are_plain_relative_sorted_and_unique() {
    for name in ["/a", "../a", "a/../b", "a//b", "a/", "./a", "a\\b", "C:a", "a b", "ä", "", &"a".repeat(201)] {
        let files = BTreeMap::from([(name.to_owned(), Cow::from(b"".as_slice()))]);
        assert_eq!(archive::write(&files), Err(ArchiveError::Name(1)), "{name}");
    }
    // The same through the eyes of the reader, from another writer with our options.
    let foreign = |names: &[&str]| {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default()).unix_permissions(0o644);
        for name in names {
            writer.start_file(*name, options).unwrap();
            writer.write_all(b"x").unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    assert_eq!(read(&foreign(&["../a"])).unwrap_err(), ArchiveError::Name(1));
    assert_eq!(read(&foreign(&["b", "a"])).unwrap_err(), ArchiveError::Order(2));
    let mut doubled = archive(&[("aaaa", b"1"), ("bbbb", b"2")]);
    while let Some(at) = doubled.windows(4).position(|window| window == b"bbbb") {
        doubled[at..at + 4].copy_from_slice(b"aaaa");
    }
    assert_eq!(read(&doubled).unwrap_err(), ArchiveError::Order(2));
}

#[test]
fn documents_have_one_spelling_of_each_value_and_no_other_field() {
    let item = "019aa7f0-0000-7000-8000-000000000004".parse().unwrap();
    let row =
        |index| OpenedRow { index, salt: crate::commitment::Salt::from_bytes([7; 32]), path: vec![Digest::ZERO; 2] };
    let commitment = Commitment { rows: 3, root: Digest::ZERO };
    let opening = OpeningFile::new(item, commitment, vec![row(0), row(2)]);
    let text = String::from_utf8(opening.to_bytes()).unwrap();
    let salt = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    assert!(text.starts_with("{\"v\":1,\"item\":\"019aa7f0-0000-7000-8000-000000000004\",\"rows\":3,\"root\":\"00"));
    assert!(text.contains(&format!("\"opened\":[{{\"i\":0,\"salt\":\"{salt}\",\"path\":[\"AAAA")));
    assert_eq!(OpeningFile::parse(text.as_bytes()), Ok(opening));
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"i\":2", "\"i\":0"),
        ("\"rows\":3", "\"rows\":3.0"),
        ("\"rows\":3", "\"rows\":3,\"\\u0072ows\":3"),
        ("019aa7f0", "019AA7F0"),
        ("\"root\":\"0", "\"root\":\" 0"),
        ("}]}", "}]}{}"),
        ("\"rows\":3", "\"rows\":3,\"rows\":3"),
        ("\"rows\":3", "\"rows\":3,\"more\":3"),
        ("BwcHBwc=", "BwcHBwd="),
        ("BwcHBwc=", "BwcHBw=="),
    ] {
        assert!(text.contains(from));
        assert!(OpeningFile::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{from} -> {to}");
    }
    let entry = |item: u128, seq| DestroyedItem { item: ids::ItemId::from_bytes(item.to_be_bytes()), seq };
    let file = DestroyedFile::new(vec![entry(1, 9), entry(2, 4)]);
    let text = String::from_utf8(file.to_bytes()).unwrap();
    assert!(text.starts_with("{\"v\":1,\"destroyed\":[{\"item\":\"00000000-0000-0000-0000-000000000002\",\"seq\":4}"));
    assert_eq!(DestroyedFile::parse(text.as_bytes()), Ok(file));
    for bad in [vec![entry(1, 4), entry(2, 4)], vec![entry(1, 4), entry(1, 5)]] {
        assert_eq!(DestroyedFile::parse(&DestroyedFile::new(bad).to_bytes()), Err(DocumentError::Twice));
    }
}

/// Spaces, escapes, and the order of fields and entries are the writer's; an object is an object.
#[test]
fn documents_of_other_writers_are_read() {
    let id = "019aa7f0-0000-7000-8000-000000000004";
    let salt = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    let root = Digest::ZERO;
    let row = |index: u64| format!("{{ \"path\": [],\n \"salt\": \"{salt}\",\t\"i\": {index} }}");
    let opened = format!("[{}, {}]", row(2), row(0));
    let text = |opened: &str| {
        format!("\r\n{{\"\\u006fpened\": {opened}, \"root\": \"{root}\", \"rows\": 3, \"item\": \"{id}\", \"v\": 1}}\n")
    };
    let read = OpeningFile::parse(text(&opened).as_bytes()).unwrap();
    assert_eq!((read.rows, read.opened.len(), read.opened[0].index), (3, 2, 2));
    assert_eq!(OpeningFile::parse(text("[]").as_bytes()).unwrap().opened, []);
    for (from, to) in [(row(0), row(2)), (row(0), format!("[0, \"{salt}\", []]")), (row(0), "null".to_owned())] {
        assert!(OpeningFile::parse(text(&opened.replace(&from, &to)).as_bytes()).is_err(), "{to}");
    }
    assert_eq!(OpeningFile::parse(format!("[1,\"{id}\",3,\"{root}\",[]]").as_bytes()), Err(DocumentError::Spelling));
    let destroyed = format!("{{\"destroyed\": [{{\"seq\": 4, \"item\": \"{id}\"}}], \"v\": 1}}");
    assert_eq!(DestroyedFile::parse(destroyed.as_bytes()).unwrap().destroyed.len(), 1);
    assert_eq!(DestroyedFile::parse(b"[1,[]]"), Err(DocumentError::Spelling));
    assert_eq!(DestroyedFile::parse(b"{\"v\": 2, \"destroyed\": []}"), Err(DocumentError::Version(2)));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, at: usize, byte: u8) {
        let _ = read(&bytes);
        let _ = OpeningFile::parse(&bytes);
        let _ = DestroyedFile::parse(&bytes);
        let mut changed = sample();
        let at = at % changed.len();
        changed[at] = byte;
        let _ = read(&changed);
    }
}
