//! How a command ends: the exit code that scripts rely on, and the error that a person reads.

use std::fmt;
use std::process::ExitCode;

/// Stable exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command did what was asked and the result is a pass.
    Pass = 0,
    /// The command did what was asked and the result is not a pass.
    NotPass = 1,
    /// What was given is wrong: a file, an argument, a configuration.
    BadInput = 2,
    /// A fault of this program or of the machine.
    Fault = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error with a stable code and what to do about it.
#[derive(Debug)]
pub struct Fail {
    /// What the process ends with.
    pub exit: Exit,
    /// Stable, such as `E-CONF-002`.
    pub code: String,
    /// What is wrong and where.
    pub message: String,
    /// The next step.
    pub next: String,
}

impl Fail {
    /// Something that was given is wrong.
    pub fn input(code: &str, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self { exit: Exit::BadInput, code: code.to_owned(), message: message.to_string(), next: next.to_string() }
    }

    /// This program or the machine failed.
    pub fn fault(code: &str, message: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self { exit: Exit::Fault, code: code.to_owned(), message: message.to_string(), next: next.to_string() }
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fail {}
