//! What the engine asks of a connector and what it gets.

use std::path::Path;
use std::time::Duration;

use runner_evidence::{EvidenceError, RawEvidence};
use serde_json::Value;
use verdict::Code;

use crate::connection::Connection;

/// One collection, with everything resolved.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Id of the procedure, for the Runner's list of allowed changes.
    pub procedure: &'a str,
    /// Id of the step, likewise.
    pub step: &'a str,
    /// The word in `use`.
    pub connector: &'a str,
    /// The arguments, expressions evaluated.
    pub arguments: &'a Value,
    /// The connection that `via` names.
    pub connection: Option<&'a Connection>,
    /// Whether the procedure declares that the step changes something.
    pub changes: bool,
    /// How long the whole collection may take.
    pub timeout: Duration,
    /// The run's scratch folder: an allowed root for files, the working folder of commands.
    pub scratch: Option<&'a Path>,
}

/// What was collected.
#[derive(Debug)]
pub struct Collected {
    /// The evidence.
    pub evidence: RawEvidence,
    /// The resolved request without secrets.
    pub request: Value,
    /// Who answered.
    pub source: Value,
    /// What the source says about completeness, where it says anything.
    pub complete: Option<bool>,
    /// Bytes that came from the target.
    pub bytes: u64,
}

/// Why nothing was collected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Failure {
    /// The one word that may leave the Runner.
    pub code: Code,
    /// What happened, for people at the Runner. May quote the target and must never leave.
    pub detail: String,
    /// Whether the transport failed and nothing was changed, so that trying again is safe and may help.
    pub transport: bool,
    /// The resolved request without secrets; null if the arguments could not be read.
    pub request: Value,
}

/// A failure before the request is put beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) detail: String,
    pub(crate) transport: bool,
}

pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

/// What a connector hands to the registry.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) evidence: RawEvidence,
    pub(crate) source: Value,
    pub(crate) complete: Option<bool>,
    pub(crate) bytes: u64,
}

impl Fault {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), transport: false }
    }

    pub(crate) fn transport(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), transport: true }
    }

    pub(crate) fn denied(detail: impl Into<String>) -> Self {
        Self::new(Code::PolicyDenied, detail)
    }

    /// The code for an error of the operating system while reaching a target over the network.
    pub(crate) fn network(what: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let code = match error.kind() {
            Kind::ConnectionRefused => Code::Refused,
            Kind::TimedOut => Code::Timeout,
            Kind::UnexpectedEof | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Code::Truncated,
            Kind::PermissionDenied => Code::PermissionDenied,
            _ => Code::Unreachable,
        };
        Self::transport(code, format!("{what}: {error}"))
    }

    /// The code for an error of the operating system on a file of this machine.
    pub(crate) fn local(what: &str, error: impl Into<std::io::Error>) -> Self {
        let error = error.into();
        let code = match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Code::NotFound,
            std::io::ErrorKind::PermissionDenied => Code::PermissionDenied,
            _ => Code::Internal,
        };
        Self::new(code, format!("{what}: {error}"))
    }
}

impl From<EvidenceError> for Fault {
    fn from(error: EvidenceError) -> Self {
        let code = match error {
            EvidenceError::Parse(_) => Code::Parse,
            EvidenceError::Row { .. } => Code::BadOutput,
            EvidenceError::Inconsistent(_) => Code::Internal,
        };
        Self::new(code, error.to_string())
    }
}
