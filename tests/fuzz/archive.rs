//! A bundle's archive, written a second time from its description: zip with files stored, sorted, at one fixed time.

use std::collections::BTreeMap;

/// Version, flags and method of a stored file, midnight of 1980-01-01.
const STORED: [u16; 5] = [10, 0, 0, 0, 0x0021];
const MADE_BY: u16 = (3 << 8) | 10;
const MODE: u32 = 0o100_644 << 16;

/// The archive of these files. Names and contents are put in as they are, also where no reader should take them.
pub fn pack(files: &BTreeMap<&str, &[u8]>) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let offset = out.len();
        let mut shared = Vec::new();
        halves(&mut shared, &STORED);
        words(&mut shared, &[crc32fast::hash(content), short(content.len()), short(content.len())]);
        halves(&mut shared, &[u16::try_from(name.len()).unwrap_or(u16::MAX), 0]);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&shared);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(content);
        directory.extend_from_slice(b"PK\x01\x02");
        halves(&mut directory, &[MADE_BY]);
        directory.extend_from_slice(&shared);
        halves(&mut directory, &[0, 0, 0]);
        words(&mut directory, &[MODE, short(offset)]);
        directory.extend_from_slice(name.as_bytes());
    }
    let (start, count) = (out.len(), u16::try_from(files.len()).unwrap_or(u16::MAX));
    let length = directory.len();
    out.append(&mut directory);
    out.extend_from_slice(b"PK\x05\x06");
    halves(&mut out, &[0, 0, count, count]);
    words(&mut out, &[short(length), short(start)]);
    halves(&mut out, &[0]);
    out
}

fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn halves(out: &mut Vec<u8>, numbers: &[u16]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

fn words(out: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}
