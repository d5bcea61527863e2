//! One-time codes: HOTP (RFC 4226), of which TOTP (RFC 6238) is the counter of the time.

use ring::hmac;

/// The six digits of a seed at a counter. SHA-1, because that is what authenticator apps compute; as a code it is keyed,
/// truncated and used once, so that what is known of SHA-1's collisions does not bear on it.
pub fn hotp6(seed: &[u8], counter: u64) -> u32 {
    truncated(seed, counter) % 1_000_000
}

/// Dynamic truncation, RFC 4226 §5.3: 31 bits from where the last four say.
fn truncated(seed: &[u8], counter: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &counter.to_be_bytes());
    let tag = tag.as_ref();
    let place = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let four = tag.get(place..place + 4).and_then(|four| four.try_into().ok());
    u32::from_be_bytes(four.expect("HMAC-SHA-1 has 20 bytes and the place is at most 15")) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";

    /// RFC 4226, appendix D.
    #[test]
    fn the_vectors_of_hotp() {
        let codes = [755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871, 520_489];
        for (counter, code) in (0..).zip(codes) {
            assert_eq!(hotp6(SEED, counter), code);
        }
    }

    /// RFC 6238, appendix B: eight digits, SHA-1, steps of 30 seconds.
    #[test]
    fn the_vectors_of_totp() {
        for (time, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(truncated(SEED, time / 30) % 100_000_000, code, "{time}");
        }
    }
}
