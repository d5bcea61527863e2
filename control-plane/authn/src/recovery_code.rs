//! Recovery codes: for the day on which the second factor is lost. 80 random bits each, used once.

use crypto::digest::HmacKey;
use crypto::entropy::random_bytes;
use crypto::{Digest, Entropy, Secret};
use ids::{PersonId, TenantId};

use crate::totp::{five_bits, letter};

/// How many codes a person has.
pub const CODES: usize = 10;

/// Letters and digits that are not mistaken for one another; `i`, `l`, `o` and `u` are not among them.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Letters of a code.
const LENGTH: usize = 16;

const CONTEXT: &[u8] = b"proctor/v1/recovery-code\0";

/// A recovery code.
pub struct RecoveryCode(Secret<String>);

/// A text that is not a recovery code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a recovery code: expected 16 letters and digits")]
pub struct NotACode;

impl RecoveryCode {
    /// A fresh one.
    pub fn fresh(entropy: &dyn Entropy) -> Self {
        let bits = Secret::new(random_bytes::<10>(entropy));
        Self(Secret::new(five_bits(bits.expose()).map(|five| letter(ALPHABET, five)).collect()))
    }

    /// What a person typed. Case, spaces and hyphens do not matter, nor what looks alike.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let mut letters = Secret::new(String::with_capacity(LENGTH + 4));
        for typed in text.chars().filter(|c| !matches!(c, '-' | ' ')).take(LENGTH + 1) {
            let known = match typed.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other if ALPHABET.iter().any(|letter| char::from(*letter) == other) => other,
                _ => return Err(NotACode),
            };
            letters = Secret::new(format!("{}{known}", letters.expose()));
        }
        if letters.expose().len() == LENGTH { Ok(Self(letters)) } else { Err(NotACode) }
    }

    /// The code as it is shown: four groups of four.
    pub fn to_text(&self) -> Secret<String> {
        let mut text = String::with_capacity(LENGTH + 3);
        for (index, letter) in self.0.expose().chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        Secret::new(text)
    }

    /// What is stored: keyed, so that a stolen database does not help to find the code.
    pub fn digest(&self, key: &HmacKey, tenant: TenantId, person: PersonId) -> Digest {
        let code = self.0.expose().as_bytes();
        Digest::from_bytes(key.sign(&[CONTEXT, tenant.as_bytes(), person.as_bytes(), code]))
    }
}

#[cfg(test)]
mod tests {
    use crypto::SystemEntropy;

    use super::*;

    #[test]
    fn a_code_is_read_however_it_was_typed() {
        let code = RecoveryCode::fresh(&SystemEntropy::new());
        let key = HmacKey::new(&[7; 32]);
        let digest = |code: &RecoveryCode| code.digest(&key, TenantId::NIL, PersonId::NIL);
        let text = code.to_text();
        let text = text.expose();
        assert_eq!((text.len(), text.matches('-').count()), (19, 3));
        for typed in
            [text.clone(), text.to_uppercase(), text.replace('-', " "), text.replace('0', "O").replace('1', "l")]
        {
            assert_eq!(digest(&RecoveryCode::parse(&typed).unwrap()), digest(&code), "{typed}");
        }
        let other = RecoveryCode::fresh(&SystemEntropy::new());
        assert_ne!(digest(&other), digest(&code));
        let elsewhere = code.digest(&key, TenantId::from_bytes([1; 16]), PersonId::NIL);
        assert_ne!(elsewhere, digest(&code));
        assert_ne!(code.digest(&HmacKey::new(&[8; 32]), TenantId::NIL, PersonId::NIL), digest(&code));
    }

    #[test]
    fn anything_else_is_none() {
        for text in
            ["", "0000-0000-0000-000", "0000-0000-0000-00000", "0000-0000-0000-000u", "123456", "ä".repeat(16).as_str()]
        {
            assert!(RecoveryCode::parse(text).is_err(), "{text}");
        }
    }
}
