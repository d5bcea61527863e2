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

#[test]
fn no_flipped_bit_and_no_length_gets_through() {
    let bytes = sample();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(read(&changed).is_err(), "byte {at} bit {bit}");
        }
    }
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "length {length}");
    }
}

#[test]
fn hostile_archives_are_refused_with_the_reason() {
    let bytes = sample();
    let header = |what: &str| match read(&patched(bytes.clone(), what.parse().unwrap(), 9)) {
        Err(ArchiveError::Header { file: 1, what }) => what,
        other => panic!("{other:?}"),
    };
    assert!(header("6").contains("encrypted"));
    assert!(header("8").contains("compressed"));
    assert!(header("28").contains("zip64"));
    assert!(header("4").contains("version or time"));
    assert!(header("10").contains("version or time"));
    assert!(header("18").contains("sizes differ"));
    assert_eq!(read(&patched(bytes.clone(), 14, 9)).unwrap_err(), ArchiveError::Checksum(1));
    assert_eq!(read(&patched(bytes.clone(), 28 - 2, 60_000)).unwrap_err(), ArchiveError::CutOff(1));
    let huge = patched(patched(bytes.clone(), 20, 0xffff), 24, 0xffff);
    assert_eq!(read(&huge).unwrap_err(), ArchiveError::CutOff(1));
    assert_eq!(read(b"").unwrap_err(), ArchiveError::NotAnArchive);
    assert_eq!(read(&[b"x", bytes.as_slice()].concat()).unwrap_err(), ArchiveError::NotAnArchive);
    assert_eq!(read(&[bytes.as_slice(), b"x"].concat()).unwrap_err(), ArchiveError::Trailing(1));
    // An archive comment, and a directory that names fewer files than there are.
    assert_eq!(read(&patched(bytes.clone(), bytes.len() - 2, 1)).unwrap_err(), ArchiveError::Directory);
    let hidden = [&archive(&[("0", b"hidden")])[..37], &bytes].concat();
    assert_eq!(read(&hidden).unwrap_err(), ArchiveError::Directory);
    // What is listed at the end has another name than the file itself.
    let mut renamed = bytes.clone();
    let at = bytes.windows(5).rposition(|window| window == b"a.txt").unwrap();
    renamed[at] = b'z';
    assert_eq!(read(&renamed).unwrap_err(), ArchiveError::Directory);
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
    // Swapped and doubled files, each with a correct header of its own.
    let [a, b] = [archive(&[("a", b"1")]), archive(&[("b", b"2")])];
    let file = |archive: &[u8]| archive[..32].to_vec();
    assert_eq!(read(&[file(&b), file(&a)].concat()).unwrap_err(), ArchiveError::Order(2));
    assert_eq!(read(&[file(&a), file(&a)].concat()).unwrap_err(), ArchiveError::Order(2));
}

#[test]
fn documents_are_read_in_their_exact_bytes_only() {
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
        ("\"rows\":3", "\"rows\": 3"),
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
        assert_eq!(DestroyedFile::parse(&DestroyedFile::new(bad).to_bytes()), Err(DocumentError::Order));
    }
    assert!(DestroyedFile::parse(b"[1,[]]").is_err());
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
