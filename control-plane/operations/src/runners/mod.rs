//! Runners: let in, looked at, locked, shut out. What they say in their sessions is in `line`.

mod approve;
mod certificate;
mod enrol;
mod list;
mod lock;
mod recover;
mod revoke;
mod unlock;

pub(crate) use certificate::chain;

use contract::{Code, EnrolResponse, Refused};

use crate::Error;

/// Why a Runner is not let in: one of its own codes, or something that failed here.
#[derive(Debug)]
pub(crate) enum NotLetIn {
    /// It is refused, and this is what it is told.
    Refused(&'static str),
    /// It could not be decided.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for NotLetIn {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl NotLetIn {
    /// What the Runner hears: a code, and nothing of what happened inside.
    pub(crate) fn into_response(self) -> EnrolResponse {
        let code = match self {
            Self::Refused(code) => code,
            Self::Failed(Error::Throttled(_)) => "E-ENROL-011",
            Self::Failed(Error::NotFound(_)) => "E-ENROL-001",
            Self::Failed(_) => "E-ENROL-012",
        };
        EnrolResponse::Refused(Refused { code: stable(code) })
    }
}

/// A code of ours as the line carries it.
pub(crate) fn stable(code: &'static str) -> Code {
    Code::new(code).expect("codes of the control plane are codes")
}
