//! What a password must be, and how it is kept.
//!
//! Length, and that nobody would guess it soon: no rules about kinds of characters, no change by date. Passwords are
//! compared in one normal form, so that two keyboards write the same one.

mod guess;

use std::fmt;

use crypto::{Entropy, Secret};
use unicode_normalization::UnicodeNormalization;

pub use crypto::password::COST;
pub use guess::About;

/// Characters of a password, at least.
pub const SHORTEST: usize = 12;

/// Bytes of a password in its normal form, at most.
pub const LONGEST: usize = 256;

/// Why a password is refused. Its text is for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too few characters.
    #[error("a password has at least {SHORTEST} characters; three or four words of your own are easy to remember")]
    TooShort,
    /// Too many bytes.
    #[error("a password has at most {LONGEST} bytes")]
    TooLong,
    /// A character that nobody can type on purpose.
    #[error("a password has no control characters")]
    Control,
    /// One of those that are tried first.
    #[error(
        "this password is one of those that are tried first: it is made of common words, names of yours, dates, \
         repetitions or keys in a row; take three or four words that do not belong together"
    )]
    Common,
}

/// A password in its normal form: NFC, every kind of space as a plain one (the profile OpaqueString of RFC 8265).
pub struct Password(Secret<String>);

impl Password {
    /// The normal form of what was typed.
    pub fn typed(text: &Secret<String>) -> Self {
        let spaced = |c: char| if c.is_whitespace() && !c.is_control() { ' ' } else { c };
        // What nobody could have chosen need not be normalised to be wrong.
        let bounded = text.expose().chars().take(4 * LONGEST);
        Self(Secret::new(bounded.map(spaced).nfc().collect()))
    }

    /// A password that somebody chose, if it may be one.
    pub fn chosen(text: &Secret<String>, about: &About<'_>) -> Result<Self, Weak> {
        let password = Self::typed(text);
        let chosen = password.0.expose();
        if chosen.chars().count() < SHORTEST {
            return Err(Weak::TooShort);
        }
        if chosen.len() > LONGEST {
            return Err(Weak::TooLong);
        }
        if chosen.chars().any(char::is_control) {
            return Err(Weak::Control);
        }
        if guess::is_common(chosen, about) { Err(Weak::Common) } else { Ok(password) }
    }

    /// The PHC string under which it is kept.
    pub fn keep(&self, key: &Secret<[u8; 32]>, entropy: &dyn Entropy) -> String {
        crypto::password::hash(self.0.expose().as_bytes(), key, COST, entropy)
    }

    /// Whether it is the one that is kept. A string that cannot be read takes as long and is never right.
    pub fn is(&self, phc: &str, key: &Secret<[u8; 32]>) -> bool {
        match crypto::password::Kept::parse(phc) {
            Ok(kept) => kept.matches(self.0.expose().as_bytes(), key),
            Err(_) => {
                self.spend(key);
                false
            }
        }
    }

    /// The PHC string under which it is to be kept from now on, if it was stretched less than passwords are today.
    pub fn renewed(&self, phc: &str, key: &Secret<[u8; 32]>, entropy: &dyn Entropy) -> Option<String> {
        let today = crypto::password::Kept::parse(phc).is_ok_and(|kept| kept.cost() == COST);
        (!today).then(|| self.keep(key, entropy))
    }

    /// The work of a comparison, for somebody of whom no password is kept.
    pub fn spend(&self, key: &Secret<[u8; 32]>) {
        let nobody: &dyn Entropy = &Nobody;
        std::hint::black_box(crypto::password::hash(self.0.expose().as_bytes(), key, COST, nobody));
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A salt for work whose result nobody keeps.
struct Nobody;

impl Entropy for Nobody {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use crypto::SystemEntropy;

    use super::*;

    fn chosen(text: &str) -> Result<Password, Weak> {
        let about =
            About { name: "Ada Lovelace", email: "ada.lovelace@analytical.example", organisation: "Difference AG" };
        Password::chosen(&Secret::new(text.to_owned()), &about)
    }

    #[test]
    fn length_is_counted_in_characters_and_bounded_in_bytes() {
        assert_eq!(chosen("kumquat-jot").unwrap_err(), Weak::TooShort);
        assert!(chosen("kumquat-jots").is_ok());
        assert_eq!(chosen("äöüäöüäöüäö").unwrap_err(), Weak::TooShort, "eleven characters in more bytes");
        let long: String = "kumquat jot ".chars().cycle().take(256).collect();
        assert!(chosen(&format!("{}zebu", &long[..200])).is_ok());
        assert_eq!(chosen(&"zäh, quer & 7 Kürbisse ".repeat(12)).unwrap_err(), Weak::TooLong);
        assert_eq!(chosen(&"x".repeat(100_000)).unwrap_err(), Weak::TooLong);
        assert_eq!(chosen("kumquat\u{7}jots").unwrap_err(), Weak::Control);
    }

    #[test]
    fn two_keyboards_write_the_same_password() {
        let key = Secret::new([7; 32]);
        let composed = chosen("gr\u{fc}nes kumquat 7").unwrap();
        let phc = composed.keep(&key, &SystemEntropy::new());
        let decomposed = Password::typed(&Secret::new("gru\u{308}nes\u{a0}kumquat 7".to_owned()));
        assert!(decomposed.is(&phc, &key));
        assert!(!Password::typed(&Secret::new("grunes kumquat 7".to_owned())).is(&phc, &key));
        assert!(!decomposed.is("$argon2id$nonsense", &key));
        assert!(!format!("{composed:?}").contains("kumquat") && phc.starts_with("$argon2id$v=19$m=32768,t=3,p=1$"));
    }
}
