//! Retention classes, and the epochs that key-encryption keys belong to.

use std::fmt;
use std::str::FromStr;

use clock::Timestamp;

/// How long evidence is kept; the number of days of each is the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retention {
    /// 90 days unless configured otherwise.
    Operational,
    /// Three years.
    Audit,
    /// Seven years.
    Statutory,
}

impl Retention {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Operational, Self::Audit, Self::Statutory];

    /// Its word in procedures and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Audit => "audit",
            Self::Statutory => "statutory",
        }
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no retention class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown retention class; expected one of: operational audit statutory")]
pub struct UnknownRetention;

impl FromStr for Retention {
    type Err = UnknownRetention;

    fn from_str(text: &str) -> Result<Self, UnknownRetention> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or(UnknownRetention)
    }
}

/// What shares a key-encryption key: a month and a retention class, or the Runner's own keys and secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Epoch(String);

impl Epoch {
    /// Signing keys and connector secrets.
    pub(crate) fn system() -> Self {
        Self("system".to_owned())
    }

    /// What is collected in the month of `at` and kept so long.
    pub(crate) fn of(at: Timestamp, retention: Retention) -> Self {
        let text = at.to_string();
        Self(format!("{}/{retention}", text.get(..7).unwrap_or(&text)))
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// Whether nothing more will be sealed in it at `now`.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        let month = now.to_string();
        self.0 != "system" && self.0.get(..7) < month.get(..7)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
