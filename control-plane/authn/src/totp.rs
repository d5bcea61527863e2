//! Time-based codes (RFC 6238): six digits, thirty seconds, a seed of 160 bits.

use std::fmt;

use clock::Timestamp;
use crypto::entropy::random_bytes;
use crypto::otp::hotp6;
use crypto::{Entropy, Secret, equal_constant_time};

/// Milliseconds of a step.
const STEP_MS: i64 = 30_000;

/// Steps by which the person's clock may be off, each way.
const SKEW: u64 = 1;

/// Bytes of a seed.
pub const SEED: usize = 20;

/// What the person's device and we both hold.
pub struct Seed(Secret<[u8; SEED]>);

/// Bytes that are not a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seed has {SEED} bytes")]
pub struct NotASeed;

impl Seed {
    /// A fresh one.
    pub fn fresh(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(random_bytes(entropy)))
    }

    /// The seed with these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotASeed> {
        bytes.try_into().map(|bytes| Self(Secret::new(bytes))).map_err(|_| NotASeed)
    }

    /// The bytes, to be sealed.
    pub fn expose(&self) -> &[u8; SEED] {
        self.0.expose()
    }

    /// The text that a person types into their app: base32 (RFC 4648 §6), without padding.
    pub fn to_base32(&self) -> Secret<String> {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        Secret::new(five_bits(self.0.expose()).map(|five| letter(ALPHABET, five)).collect())
    }

    /// What an app reads out of a QR code.
    pub fn to_uri(&self, account: &str) -> Secret<String> {
        let account: String = account.bytes().map(in_uri).collect();
        let secret = self.to_base32();
        let secret = secret.expose();
        Secret::new(format!(
            "otpauth://totp/Proctor:{account}?secret={secret}&issuer=Proctor&algorithm=SHA1&digits=6&period=30"
        ))
    }

    /// The step of which this is the code, if it is one that may be used now: not before the last one that was used, and
    /// at most one step off. All steps are compared, whichever fits.
    pub fn step_of(&self, code: &str, after: u64, now: Timestamp) -> Option<u64> {
        let typed: String = code.chars().filter(|c| *c != ' ').collect();
        let this = u64::try_from(now.as_millis() / STEP_MS).unwrap_or_default();
        let mut found = None;
        for step in (this.saturating_sub(SKEW)..=this.saturating_add(SKEW)).rev() {
            let expected = Secret::new(format!("{:06}", hotp6(self.0.expose(), step)));
            if equal_constant_time(expected.expose().as_bytes(), typed.as_bytes()) && step > after {
                found = Some(step);
            }
        }
        found
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// The bytes in groups of five bits; what is missing in the last group is zero.
pub(crate) fn five_bits(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes.chunks(5).flat_map(|chunk| {
        let mut forty = [0; 8];
        forty.iter_mut().skip(3).zip(chunk).for_each(|(to, from)| *to = *from);
        let bits = u64::from_be_bytes(forty);
        let groups = (chunk.len() * 8).div_ceil(5);
        (0..groups).map(move |group| u8::try_from(bits >> (35 - 5 * group) & 31).unwrap_or_default())
    })
}

pub(crate) fn letter(alphabet: &[u8; 32], five: u8) -> char {
    alphabet.get(usize::from(five)).copied().map_or('?', char::from)
}

/// One byte as it may stand in a URI (RFC 3986 §2.3).
fn in_uri(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Seed {
        Seed::from_bytes(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    /// The last six of the eight digits of RFC 6238, appendix B.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(seed().step_of(code, 0, at(seconds)), Some(u64::try_from(seconds / 30).unwrap()));
        }
        assert_eq!(seed().step_of("081 804", 0, at(1_111_111_109)), Some(37_037_036));
    }

    #[test]
    fn a_code_holds_one_step_to_either_side_and_no_further() {
        let made = 1_111_111_110 / 30;
        let begin = i64::try_from(made).unwrap() * 30;
        let code = format!("{:06}", hotp6(seed().expose(), made));
        for (seconds, fits) in
            [(begin - 31, false), (begin - 30, true), (begin, true), (begin + 59, true), (begin + 60, false)]
        {
            assert_eq!(seed().step_of(&code, 0, at(seconds)).is_some(), fits, "{seconds}");
        }
    }

    #[test]
    fn a_step_is_used_once() {
        let (step, code) = (37_037_036, "081804");
        assert_eq!(seed().step_of(code, step - 1, at(1_111_111_109)), Some(step));
        assert_eq!(seed().step_of(code, step, at(1_111_111_109)), None);
        assert_eq!(seed().step_of(code, step + 1, at(1_111_111_109)), None);
    }

    #[test]
    fn what_is_no_code_fits_nothing() {
        for code in ["", "08180", "0818040", "08180a", "８１８０４０", "-81804", "+81804"] {
            assert_eq!(seed().step_of(code, 0, at(1_111_111_109)), None, "{code}");
        }
    }

    #[test]
    fn texts_are_those_that_apps_read() {
        assert_eq!(seed().to_base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            seed().to_uri("ada+1@example.org").expose(),
            "otpauth://totp/Proctor:ada%2B1%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Proctor\
             &algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{:?}", seed()), "Seed(…)");
        assert!(Seed::from_bytes(&[0; 19]).is_err());
        let groups: Vec<u8> = five_bits(&[0xff, 0x01]).collect();
        assert_eq!(groups, [31, 28, 0, 16]);
    }
}
