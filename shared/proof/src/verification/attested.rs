//! What the Runner attested: the manifest, the signature over it, and the procedure that was run.

use crypto::p256;

use super::report::{Outcome, StepId, Steps};
use super::{ProcedureOutline, ReadProcedure, Trust, text, without_newline};
use crate::attestation::{self, Statement};
use crate::bundle::{Bundle, Notation, names};
use crate::dsse::{Envelope, MAX_ENVELOPE};
use crate::manifest::{self, Manifest};

/// A manifest that is well-formed; whether it is attested stands in the report.
pub(super) struct Attested {
    pub(super) manifest: Manifest,
}

/// Judges manifest, attestation and procedure; gives the manifest if it could be read.
pub(super) fn judge(
    steps: &mut Steps,
    bundle: &Bundle<'_>,
    trust: &Trust,
    read_procedure: ReadProcedure<'_>,
) -> Option<Attested> {
    let read = bundle.file(names::MANIFEST).map(|bytes| {
        let manifest = manifest::parse(bytes).map_err(|error| error.to_string());
        steps.judge(StepId::Manifest, manifest, summary).map(|manifest| (manifest, bytes))
    });
    let manifest = read.flatten();
    let statement = judge_signature(steps, bundle, trust);
    if let (Some((manifest, bytes)), Some(statement)) = (&manifest, &statement) {
        let matches = statement.matches(manifest, bytes).map_err(|error| error.to_string());
        steps.judge(StepId::Statement, matches, |()| format!("the run's result is {}", statement.result));
    }
    if let (Some((manifest, _)), Some((notation, bytes))) = (&manifest, bundle.procedure()) {
        judge_procedure(steps, manifest, notation, bytes, read_procedure);
    }
    manifest.map(|(manifest, _)| Attested { manifest })
}

fn summary(manifest: &Manifest) -> String {
    let run = &manifest.run;
    let score = run.score.map_or("no score".to_owned(), |score| format!("{}.{:02} %", score / 100, score % 100));
    format!("run {} of {} version {}: {}, {score}", run.run, run.procedure.id, run.procedure.version, run.verdict)
}

/// Judges the envelope under the key in the bundle, and that key by the judge's own.
fn judge_signature(steps: &mut Steps, bundle: &Bundle<'_>, trust: &Trust) -> Option<Statement> {
    let pem = text(bundle, names::RUNNER_KEY)?;
    let key = match pem.and_then(read_key) {
        Ok(key) => key,
        Err(reason) => {
            steps.set(StepId::Signature, Outcome::Red, &reason);
            steps.set(StepId::RunnerKey, Outcome::Red, &reason);
            return None;
        }
    };
    let (outcome, detail) = match (trust.runner_keys.as_slice(), trust.runner_keys.contains(&key)) {
        ([], _) => (Outcome::Unvouched, format!("you named no Runner key; the one in the bundle is {}", key.key_id())),
        (_, true) => (Outcome::Green, key.key_id().to_string()),
        (_, false) => (Outcome::Red, format!("it is none of those that you trust, but {}", key.key_id())),
    };
    steps.set(StepId::RunnerKey, outcome, &detail);
    let bytes = bundle.file(names::ATTESTATION)?;
    let opened = Envelope::parse(bytes, MAX_ENVELOPE)
        .map_err(attestation::AttestationError::from)
        .and_then(|envelope| attestation::open(&envelope, &[key]))
        .map_err(|error| error.to_string());
    steps.judge(StepId::Signature, opened, |_| format!("by key {}", key.key_id()))
}

fn read_key(pem: &str) -> Result<p256::VerifyingKey, String> {
    let key = p256::VerifyingKey::from_pem(pem).map_err(|error| format!("runner.pem: {error}"))?;
    if without_newline(&key.to_pem()) == without_newline(pem) {
        Ok(key)
    } else {
        Err("runner.pem is not in the exact form of a key file".to_owned())
    }
}

fn judge_procedure(
    steps: &mut Steps,
    manifest: &Manifest,
    notation: Notation,
    bytes: &[u8],
    read_procedure: ReadProcedure<'_>,
) {
    let outline = read_procedure(notation, bytes);
    let outline = outline.and_then(|outline| {
        let stated = &manifest.run.procedure;
        if outline.digest != stated.sha256 {
            return Err(format!("its digest is {}, and what was run has {}", outline.digest, stated.sha256));
        }
        if outline.id != stated.id.as_str() || outline.version != stated.version {
            return Err("the manifest gives it another id or version".to_owned());
        }
        Ok(outline)
    });
    let detail = |outline: &ProcedureOutline| outline.digest.to_string();
    if let Some(outline) = steps.judge(StepId::ProcedureDigest, outline, detail) {
        let compared = compare(manifest, &outline);
        let count = format!("{} steps, {} checks", outline.steps.len(), outline.checks.len());
        steps.judge(StepId::ProcedureContents, compared, |()| count);
    }
}

/// Law 1 lets nothing into a manifest that does not stand in the procedure; and nothing may be left out, or a failing
/// check could be.
fn compare(manifest: &Manifest, outline: &ProcedureOutline) -> Result<(), String> {
    let steps = manifest.steps.iter().map(|line| line.step.as_str());
    if !steps.eq(outline.steps.iter().map(String::as_str)) {
        return Err("the steps are not those of the procedure in its order".to_owned());
    }
    let checks = manifest.checks.iter().map(|line| line.check.as_str());
    if !checks.eq(outline.checks.iter().map(|(id, _)| id.as_str())) {
        return Err("the checks are not those of the procedure in its order".to_owned());
    }
    for (line, (id, severity)) in manifest.checks.iter().zip(&outline.checks) {
        if line.severity != *severity {
            return Err(format!("check {id} is {severity} in the procedure, not {}", line.severity));
        }
    }
    // A metric that could not be measured is left out; the rest keep their order.
    let mut declared = outline.metrics.iter();
    for line in &manifest.metrics {
        if !declared.any(|name| name == line.metric.as_str()) {
            return Err(format!("metric {} does not stand in the procedure, or not in this order", line.metric));
        }
    }
    Ok(())
}
