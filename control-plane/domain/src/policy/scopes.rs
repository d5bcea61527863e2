//! What a key may do, at most: its role at the time of use narrows it further.
//!
//! What is asked for is read by [`Scopes::parse`]; what was written down before, in a row or a record, by everything else.
//! That may name a permission which keys carried then and carry no more: it still reads, and gives nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::{Permission, Role, UnknownPermission};

/// Why a list of scopes is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A word that names nothing.
    #[error(transparent)]
    Unknown(#[from] UnknownPermission),
    /// A key of a person cannot carry it.
    #[error("`{0}` is not for a person's key")]
    NotGrantable(Permission),
    /// A key without scopes can do nothing.
    #[error("a key needs at least one scope")]
    Empty,
    /// The same word twice.
    #[error("`{0}` stands there twice")]
    Twice(Permission),
}

/// The permissions that a key names, in the order of [`Permission::ALL`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Permission>);

impl Scopes {
    /// Everything that this role may do and a key can carry.
    pub fn of_role(role: Role) -> Self {
        Self(Permission::ALL.iter().copied().filter(|p| p.is_scope() && role.allows(*p)).collect())
    }

    /// Reads a list of words that somebody asks for.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let scopes = Self::written(words)?;
        let refused = scopes.iter().find(|permission| !permission.is_scope());
        refused.map_or(Ok(scopes), |permission| Err(ScopeError::NotGrantable(permission)))
    }

    /// Reads a list of words that was written down.
    fn written<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let mut scopes = BTreeSet::new();
        for word in words {
            let permission: Permission = word.parse()?;
            if !scopes.insert(permission) {
                return Err(ScopeError::Twice(permission));
            }
        }
        if scopes.is_empty() { Err(ScopeError::Empty) } else { Ok(Self(scopes)) }
    }

    /// Whether the key names this permission.
    pub fn contains(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }

    /// The permissions, sorted.
    pub fn iter(&self) -> impl Iterator<Item = Permission> {
        self.0.iter().copied()
    }

    /// The first permission here that `other` does not have.
    pub fn beyond(&self, other: &Self) -> Option<Permission> {
        self.iter().find(|permission| !other.contains(*permission))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, permission) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(permission.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    /// Reads what `Display` writes: words between single spaces.
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() { Err(ScopeError::Empty) } else { Self::written(text.split(' ')) }
    }
}

impl serde::Serialize for Scopes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for Scopes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        Self::written(words.iter().map(String::as_str)).map_err(serde::de::Error::custom)
    }
}
