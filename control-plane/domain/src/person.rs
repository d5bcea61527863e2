//! A member of a tenant.

use std::fmt;
use std::str::FromStr;

use clock::Timestamp;
use ids::PersonId;
use proof::text::{FreeText, is_deceptive};

use crate::policy::Role;
use crate::vocabulary;

/// An address that mail could be sent to: one `@`, no space, at most 254 characters, kept in lower case, so that one
/// mailbox is one person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// A text that is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address: expected name@domain, at most 254 characters")]
pub struct EmailError;

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let (name, domain) = text.split_once('@').ok_or(EmailError)?;
        let bad = |c: char| c == '@' || c.is_whitespace() || is_deceptive(c) || "\"\\<>(),;:".contains(c);
        if name.is_empty() || domain.is_empty() || text.len() > 254 || name.contains(bad) || domain.contains(bad) {
            return Err(EmailError);
        }
        Ok(Self(text.to_lowercase()))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

vocabulary! {
    /// Whether a person may still act.
    PersonState, "person state" {
        /// Yes.
        Active = "active",
        /// No; the record stays, because logs name it.
        Removed = "removed",
    }
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name that logs use.
    pub id: PersonId,
    /// What people call them.
    pub name: FreeText,
    /// Where to reach them; at most one active person of a tenant has it.
    pub email: Email,
    /// What they may do.
    pub role: Role,
    /// Whether they may still act.
    pub state: PersonState,
    /// Since when the record exists.
    pub created: Timestamp,
}

/// A person, and how far they have come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// The person.
    pub person: Person,
    /// Whether they have a second factor, and so a way in.
    pub second_factor: bool,
    /// Whether they have an API key that can be used.
    pub has_key: bool,
    /// When they showed both factors at the console last.
    pub signed_in: Option<Timestamp>,
    /// Until when the link holds that was made for them and not used.
    pub open_link: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly_and_compared_without_case() {
        assert_eq!("Ada@Example.org".parse::<Email>(), "ada@example.org".parse());
        for text in ["", "ada", "@example.org", "ada@", "a@b@c", "a b@c", "a\u{202e}@c", "<a@b>", &"a@b".repeat(100)] {
            assert_eq!(text.parse::<Email>(), Err(EmailError), "{text}");
        }
    }
}
