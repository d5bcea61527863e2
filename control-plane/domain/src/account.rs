//! What a person signs in with. Of a password there is a stretched digest, of a recovery code a keyed one, and the seed
//! of the second factor is sealed: nothing here lets anybody in by itself.

use std::fmt;
use std::str::FromStr;

use clock::Timestamp;
use crypto::Digest;

use crate::sealed::Sealed;
use crate::vocabulary;

/// A password as it is kept: a PHC string, stretched under a key of the operator's.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// The PHC string.
    pub phc: String,
    /// When it was chosen.
    pub set: Timestamp,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password").field("set", &self.set).finish_non_exhaustive()
    }
}

/// A second factor: time-based codes (RFC 6238).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totp {
    /// The seed, sealed under the operator's root key.
    pub sealed: Sealed,
    /// Since when it is asked for.
    pub since: Timestamp,
    /// The newest step of which a code was used; no code of it, or of one before, is taken again.
    pub last_step: u64,
}

/// How far a person has come in setting up how they sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing yet: a link lets them begin.
    Nothing,
    /// A password, which opens only the way to a second factor.
    Password(Password),
    /// Password and second factor.
    Both {
        /// The password.
        password: Password,
        /// The second factor.
        totp: Totp,
    },
}

impl Credentials {
    /// The password, if there is one.
    pub const fn password(&self) -> Option<&Password> {
        match self {
            Self::Nothing => None,
            Self::Password(password) | Self::Both { password, .. } => Some(password),
        }
    }

    /// The second factor, if there is one.
    pub const fn totp(&self) -> Option<&Totp> {
        match self {
            Self::Nothing | Self::Password(_) => None,
            Self::Both { totp, .. } => Some(totp),
        }
    }
}

/// One recovery code, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryCode {
    /// A keyed digest of the code.
    pub digest: Digest,
    /// When it was used; a code is used once.
    pub used: Option<Timestamp>,
}

/// A time zone by the name that it has in the IANA database. Whether there is one of this name is for those who show times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneName(String);

/// A text that no time zone is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a time zone, such as Europe/Berlin")]
pub struct ZoneNameError;

impl ZoneName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ZoneName {
    type Err = ZoneNameError;

    fn from_str(text: &str) -> Result<Self, ZoneNameError> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(known);
        if fits { Ok(Self(text.to_owned())) } else { Err(ZoneNameError) }
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

vocabulary! {
    /// What a person showed.
    Factor, "factor" {
        /// Something that they know.
        Password = "pwd",
        /// Something that they have: a time-based code.
        Otp = "otp",
        /// One of the codes that were made for the day on which that is lost.
        Recovery = "recovery",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_password_is_not_printed() {
        let password = Password { phc: "$argon2id$v=19$canary".to_owned(), set: Timestamp::from_millis(0) };
        let totp = Totp { sealed: Sealed::new(vec![1; 48]), since: Timestamp::from_millis(0), last_step: 7 };
        let both = Credentials::Both { password: password.clone(), totp };
        assert!(!format!("{both:?}").contains("canary"));
        assert_eq!(both.password(), Some(&password));
        assert!(Credentials::Password(password).totp().is_none() && Credentials::Nothing.password().is_none());
    }

    #[test]
    fn zones_are_named_plainly() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"] {
            assert_eq!(name.parse::<ZoneName>().unwrap().to_string(), name);
        }
        for text in ["", "Europe Berlin", "<b>", "Z\u{fc}rich", &"x".repeat(65)] {
            assert_eq!(text.parse::<ZoneName>(), Err(ZoneNameError), "{text}");
        }
    }
}
