//! Verification of proof bundles with the procedure language at hand: what `proctor-verify` and `proctor-runner` share.
//!
//! Knows how to read the procedure of a bundle and how to say the outcome; the judging itself is in
//! [`proof::verification`]. This library must never know a store, a network or a Runner; what `proctor-verify open` asks
//! over the network is in the binary alone. Binaries may depend on it.
#![deny(missing_docs)]

mod said;
mod show;

use proof::bundle;
use proof::verification::{ProcedureOutline, Report, Trust, verify_bundle};

pub use said::{json, lines, step_line};
pub use show::show;

/// Judges a bundle; its procedure is read by the language.
pub fn verify(bundle: &[u8], trust: &Trust) -> Report {
    verify_bundle(bundle, trust, &outline)
}

/// Reads the procedure of a bundle as far as the verification needs it.
fn outline(notation: bundle::Notation, source: &[u8]) -> Result<ProcedureOutline, String> {
    let notation = match notation {
        bundle::Notation::Yaml => procedure::Notation::Yaml,
        bundle::Notation::Markdown => procedure::Notation::Markdown,
    };
    let procedure = procedure::read(source, notation)
        .map_err(|faults| format!("the procedure has {} faults; its digest cannot be taken", faults.0.len()))?;
    Ok(ProcedureOutline {
        id: procedure.id.clone(),
        version: procedure.version,
        digest: procedure.digest(),
        steps: procedure.all_steps().map(|step| step.id.clone()).collect(),
        checks: procedure.checks.iter().map(|check| (check.id.clone(), check.severity)).collect(),
        metrics: procedure.metrics.iter().map(|metric| metric.name.clone()).collect(),
    })
}
