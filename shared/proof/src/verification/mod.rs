//! Judging a proof bundle, step by step, by nothing but its bytes and the keys that the judge trusts.
//!
//! Every step is listed in every report. A step whose basis is missing is not judged, which is not a pass either.
//! Knows all of this crate; the procedure is read by whoever calls, because only they know the language.

mod attested;
mod evidence;
mod journal;
mod report;
mod trust;
pub(crate) mod witnesses;

#[cfg(test)]
mod tests;

use crypto::Digest;
use verdict::Severity;

use crate::bundle::{self, Bundle, Notation};

pub use report::{Outcome, Report, Step, StepId, Verdict};
pub use trust::{Trust, TrustError};

use report::Steps;

/// What the verification needs to know of a procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureOutline {
    /// Its id.
    pub id: String,
    /// Its version number.
    pub version: u64,
    /// The digest of its model.
    pub digest: Digest,
    /// Ids of its steps in their order, those of `finally` last.
    pub steps: Vec<String>,
    /// Ids and severities of its checks, in their order.
    pub checks: Vec<(String, Severity)>,
    /// Names of its metrics, in their order.
    pub metrics: Vec<String>,
}

/// Reads a procedure from a bundle; the error says in one line why it cannot be read.
pub type ReadProcedure<'a> = &'a dyn Fn(Notation, &[u8]) -> Result<ProcedureOutline, String>;

/// Judges a bundle.
pub fn verify_bundle(bytes: &[u8], trust: &Trust, read_procedure: ReadProcedure<'_>) -> Report {
    let mut steps = Steps::new();
    let read = bundle::read(bytes).map_err(|error| error.to_string());
    let count = |bundle: &Bundle<'_>| format!("{} files, {} bytes", bundle.files().count(), bytes.len());
    if let Some(bundle) = steps.judge(StepId::Container, read, count) {
        evidence::judge_files(&mut steps, &bundle);
        let attested = attested::judge(&mut steps, &bundle, trust, read_procedure);
        journal::judge(&mut steps, &bundle, attested.as_ref(), trust);
        evidence::judge(&mut steps, &bundle, attested.as_ref());
    }
    steps.into_report()
}

/// A text that is one line, or ends in a line, without the newline that may stand behind it.
fn without_newline(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

/// The bytes of a file as text.
fn text<'a>(bundle: &Bundle<'a>, name: &str) -> Option<Result<&'a str, String>> {
    let bytes = bundle.file(name)?;
    Some(std::str::from_utf8(bytes).map_err(|_| format!("{name} is not text")))
}
