//! An authenticator app: the codes of RFC 6238 (HMAC-SHA-1, six digits, 30 seconds), from the text that a console shows.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// How long a code counts.
pub const STEP_SECONDS: u64 = 30;

/// The code of a step: the number of whole steps since 1970.
pub fn code_of_step(secret: &str, step: u64) -> String {
    let secret: String = secret.chars().filter(|letter| !letter.is_whitespace() && *letter != '=').collect();
    let key = BASE32_NOPAD.decode(secret.to_uppercase().as_bytes()).expect("the secret is base32");
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).expect("a key of any length will do");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash.last().copied().unwrap_or(0) & 0xf);
    let four: [u8; 4] = hash.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok()).expect("20 bytes suffice");
    format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
}

/// The secret in an `otpauth:` address.
pub fn secret_of(uri: &str) -> String {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let secret = query.split('&').find_map(|pair| pair.strip_prefix("secret="));
    secret.expect("an otpauth address has a secret").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let secret = BASE32_NOPAD.encode(b"12345678901234567890");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_of_step(&secret, seconds / STEP_SECONDS), code);
        }
        assert_eq!(secret_of("otpauth://totp/Proctor:a%40b?secret=ABC&issuer=Proctor"), "ABC");
    }
}
