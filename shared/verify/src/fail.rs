//! How a command ends: the exit code that scripts rely on, and the error that a person reads.

use std::fmt;
use std::io::Write;

use proof::text::printable;
use serde_json::{Value, json};

use crate::print::inert;

/// Stable exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Verified.
    Verified = 0,
    /// Refused, or not verified.
    Refused = 1,
    /// What was given is wrong: an argument, a file, a key.
    Usage = 2,
    /// A fault of the network, of the other side, or of this machine.
    Fault = 3,
}

/// An error with a stable code and what to do about it.
#[derive(Debug)]
pub(crate) struct Fail {
    /// What the process ends with.
    pub(crate) exit: Exit,
    /// Stable, such as `E-OPEN-010`.
    pub(crate) code: &'static str,
    /// What is wrong and where.
    pub(crate) message: String,
    /// The next step.
    pub(crate) next: String,
}

impl Fail {
    /// Something that was given is wrong.
    pub(crate) fn usage(code: &'static str, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, code, message, next)
    }

    /// Somebody refused, or something does not hold.
    pub(crate) fn refused(code: &'static str, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(Exit::Refused, code, message, next)
    }

    /// The network, the other side or this machine failed.
    pub(crate) fn fault(code: &'static str, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::new(Exit::Fault, code, message, next)
    }

    fn new(exit: Exit, code: &'static str, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self { exit, code, message: message.to_string(), next: next.to_string() }
    }

    /// `{"code","message","next"}`.
    pub(crate) fn to_json(&self) -> Value {
        json!({"code": self.code, "message": self.message, "next": self.next})
    }

    /// Says it on standard error. Where that is closed there is nobody to tell.
    pub(crate) fn say(&self, as_json: bool) {
        let mut out = anstream::stderr();
        if as_json {
            let error = json!({"error": self.to_json()});
            let _ = writeln!(out, "{}", inert(&error.to_string()));
            return;
        }
        let _ = writeln!(out, "proctor-verify: {} {}", self.code, printable(&self.message));
        if !self.next.is_empty() {
            let _ = writeln!(out, "  → {}", printable(&self.next));
        }
    }
}
