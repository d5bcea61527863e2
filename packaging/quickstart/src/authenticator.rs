//! An authenticator app: the codes of RFC 6238 (HMAC-SHA-1, six digits, 30 seconds) from the secret that a page shows.

use clock::Timestamp;
use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

const STEP_SECONDS: i64 = 30;

/// The code that counts now; `None` if the secret is no base32.
pub(crate) fn code(secret: &str, now: Timestamp) -> Option<String> {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).ok()?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).ok()?;
    mac.update(&(now.as_millis() / 1000 / STEP_SECONDS).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash.last()? & 0xf);
    let four: [u8; 4] = hash.get(offset..offset + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let secret = BASE32_NOPAD.encode(b"12345678901234567890");
        for (time, expected) in [
            ("1970-01-01T00:00:59.000Z", "287082"),
            ("2005-03-18T01:58:29.000Z", "081804"),
            ("2033-05-18T03:33:20.000Z", "279037"),
        ] {
            assert_eq!(code(&secret, time.parse().unwrap()).as_deref(), Some(expected), "{time}");
        }
        assert_eq!(code("not base32", "1970-01-01T00:00:59.000Z".parse().unwrap()), None);
    }
}
