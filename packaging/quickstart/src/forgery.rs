//! What a forger would do to a proof bundle, so that it can be seen to be refused.

/// The verdict as the manifest of a failed run tells it, and what a forger would rather read there. Both are of one
/// length, so that nothing else in the archive moves.
const VERDICT: &[u8] = br#""verdict":"fail""#;
const WISHED: &[u8] = br#""verdict":"pass""#;

/// The bundle with one bit changed, in the manifest's verdict where that is found; and in which byte.
pub(crate) fn one_bit(bundle: &[u8]) -> (Vec<u8>, usize) {
    let place = find(bundle, VERDICT).map_or(bundle.len() / 2, |start| start + VERDICT.len() - 2);
    let mut changed = bundle.to_vec();
    if let Some(byte) = changed.get_mut(place) {
        *byte ^= 1;
    }
    (changed, place)
}

/// The bundle with the verdict `fail` made `pass` and the archive's checksums repaired: an intact archive that says
/// something else. None if the bundle has no such verdict.
pub(crate) fn verdict(bundle: &[u8]) -> Option<Vec<u8>> {
    let manifest = manifest(bundle)?;
    let old = bundle.get(manifest.clone())?;
    let at = find(old, VERDICT)?;
    let mut new = old.to_vec();
    new.get_mut(at..at + WISHED.len())?.copy_from_slice(WISHED);
    let mut forged = bundle.to_vec();
    forged.get_mut(manifest)?.copy_from_slice(&new);
    // The checksum stands before the content and once more in the archive's directory.
    let (old, new) = (crc32(old).to_le_bytes(), crc32(&new).to_le_bytes());
    for _ in 0..2 {
        let at = find(&forged, &old)?;
        forged.get_mut(at..at + new.len())?.copy_from_slice(&new);
    }
    Some(forged)
}

/// Where the manifest's content is: after its local header (APPNOTE.TXT 4.3.7), as the archive is not compressed.
fn manifest(bundle: &[u8]) -> Option<std::ops::Range<usize>> {
    const NAME: &[u8] = b"manifest.jsonl";
    let header = bundle.windows(30 + NAME.len()).position(|h| h.starts_with(b"PK\x03\x04") && h.ends_with(NAME))?;
    let number = |at: usize, bytes: usize| {
        let bytes = bundle.get(header + at..header + at + bytes)?;
        bytes.iter().rev().try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))
    };
    let start = header + 30 + number(26, 2)? + number(28, 2)?;
    Some(start..start.checked_add(number(22, 4)?)?)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The checksum of archives (ISO 3309), bit by bit: a manifest is small.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_bit_changes() {
        for whole in [&br#"{"run":1,"verdict":"fail"}"#[..], &b"no such word here"[..]] {
            let (changed, place) = one_bit(whole);
            let differing: Vec<_> = (0..whole.len()).filter(|&at| whole[at] != changed[at]).collect();
            assert_eq!((changed.len(), differing), (whole.len(), vec![place]));
            assert_eq!((whole[place] ^ changed[place]).count_ones(), 1);
        }
    }

    #[test]
    fn the_checksum_is_the_one_of_archives() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_forged_archive_is_intact_and_says_pass() {
        let content = br#"{"v":1,"verdict":"fail","score":0}"#;
        let sum = crc32(content).to_le_bytes();
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        let local = [&b"PK\x03\x04"[..], &[0; 10], &sum, &length, &length, &[14, 0, 0, 0], b"manifest.jsonl"].concat();
        let central = [&b"PK\x01\x02"[..], &[0; 12], &sum, &length, &length, &[14, 0], b"manifest.jsonl"].concat();
        let archive = [&local[..], content, &central].concat();

        let forged = verdict(&archive).unwrap();
        let range = manifest(&forged).unwrap();
        let new = crc32(&forged[range.clone()]).to_le_bytes();
        assert_eq!(&forged[range], br#"{"v":1,"verdict":"pass","score":0}"#);
        assert_eq!(&forged[14..18], new);
        assert_eq!(&forged[local.len() + content.len() + 16..][..4], new);
        assert_eq!(verdict(b"PK\x03\x04 not an archive"), None);
    }
}
