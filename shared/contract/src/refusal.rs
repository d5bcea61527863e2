//! Why a message is not let in.

use std::fmt;

use crate::version::Incompatible;

/// A message that must not cross: which field, and what is wrong with it. The value itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The path to the field as `line.proto` names it, such as `catalogue.procedures[3].title`.
    pub field: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not there, and must be.
    #[error("is missing")]
    Missing,
    /// More bytes than allowed.
    #[error("is longer than {max} bytes")]
    TooLong {
        /// Bytes allowed.
        max: usize,
    },
    /// More entries than allowed.
    #[error("has more than {max} entries")]
    TooMany {
        /// Entries allowed.
        max: usize,
    },
    /// A value that the field's type does not allow; the text says what it expects.
    #[error("is not {0}")]
    Wrong(&'static str),
    /// The other side speaks a version that this side does not.
    #[error("cannot be spoken: {0}")]
    Version(Incompatible),
}

impl Refusal {
    /// The stable code of a message that is refused for its content; a version that cannot be spoken has its own.
    pub fn code(&self) -> &'static str {
        match &self.fault {
            Fault::Version(incompatible) => incompatible.code(),
            Fault::Missing | Fault::TooLong { .. } | Fault::TooMany { .. } | Fault::Wrong(_) => "E-CONTRACT-002",
        }
    }

    /// A refusal of this field.
    pub(crate) fn of(field: &str, fault: Fault) -> Self {
        Self { field: field.to_owned(), fault }
    }

    /// The same, seen from the message that holds the field.
    pub(crate) fn within(mut self, field: &str) -> Self {
        let separator = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{field}{separator}{}", self.field);
        self
    }

    /// The same, seen from the list that holds the entry.
    pub(crate) fn at(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { field: String::new(), fault }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.fault)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_whole_path() {
        let refusal = Refusal::from(Fault::Missing).within("title").at(3).within("procedures").within("catalogue");
        assert_eq!(refusal.to_string(), "`catalogue.procedures[3].title` is missing");
    }
}
