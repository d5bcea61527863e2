//! Audit logs as files that anybody can verify.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use control_plane_domain::policy::Caller;
use control_plane_operations::Operations;
use proof::export;
use proof::note::VerifierKey;
use proof::verification::{Outcome, Trust, Verdict};
use serde_json::json;
use terminal::{Exit, Fail};

use super::caller::KeyArgs;
use super::open;
use crate::config::Config;
use crate::place::Place;

/// Writes the tenant's audit log to a new file.
pub(crate) async fn write(to: &Path, key: &KeyArgs, place: &Place) -> Result<Exit, Fail> {
    let config = Config::load(&place.dir)?;
    let operations = open::operations(&config, open::clock()).await?;
    let caller = key.caller(&operations).await?;
    let unwritten = |error: std::io::Error| {
        Fail::input("E-EXPORT-001", format_args!("{} cannot be written: {error}", to.display()), "name a new file")
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(unwritten)?;
    let progress = place.out.progress("exporting the audit log");
    let exported = copy(&operations, &caller, &mut file).await;
    progress.finish_and_clear();
    let (witnesses, left_out) = match exported {
        Ok(exported) => exported,
        Err(fail) => {
            // Half an export proves nothing.
            let _ = std::fs::remove_file(to);
            return Err(fail);
        }
    };
    file.sync_all().map_err(unwritten)?;
    place.out.line(format_args!("The audit log is in {}; `proctor-verify audit` checks it.", to.display()));
    let runners = if witnesses == 1 { "1 Runner".to_owned() } else { format!("{witnesses} Runners") };
    match (witnesses, left_out) {
        (0, _) => place.out.line("No Runner has countersigned the checkpoint that it ends at."),
        (_, 0) => place.out.line(format_args!("{runners} countersigned the checkpoint that it ends at.")),
        (_, _) => place.out.line(format_args!(
            "{runners} countersigned the checkpoint that it ends at; {left_out} records of the last hour came after \
             it and are not in it."
        )),
    }
    place.out.json(&json!({"file": to, "cosigned_by": witnesses, "left_out": left_out}));
    Ok(Exit::Pass)
}

/// Verifies an export.
pub(crate) fn verify(
    file: &Path,
    audit_key: Option<&Path>,
    witness_keys: &[PathBuf],
    place: &Place,
) -> Result<Exit, Fail> {
    let trust = Trust {
        audit_keys: audit_key.into_iter().map(read_key).collect::<Result<_, _>>()?,
        witness_keys: witness_keys.iter().map(|path| read_key(path)).collect::<Result<_, _>>()?,
        ..Trust::default()
    };
    let input = File::open(file).map_err(|error| {
        Fail::input("E-EXPORT-002", format_args!("{} cannot be read: {error}", file.display()), "check its path")
    })?;
    let report = export::verify(std::io::BufReader::new(input), &trust);
    for step in &report.steps {
        let mark = match step.outcome {
            Outcome::Green => "✓",
            Outcome::Red => "✗",
            Outcome::Unvouched => "?",
            Outcome::NotJudged => "·",
            Outcome::Noted => " ",
        };
        place.out.line(format_args!("{mark} {}  {}", step.id.title(), step.detail));
    }
    place.out.line(report.sentence());
    let verified = report.verdict == Verdict::Verified;
    place.out.json(&json!({"verified": verified, "says": report.sentence()}));
    Ok(if verified { Exit::Pass } else { Exit::NotPass })
}

/// Gives how many Runners vouch for the archive, and how many newer records are not in it.
async fn copy(operations: &Operations, caller: &Caller, file: &mut File) -> Result<(usize, u64), Fail> {
    let mut export = operations.export_audit(caller).await.map_err(|error| open::operation(&error))?;
    while let Some(piece) = export.next().await.map_err(|error| open::operation(&error))? {
        file.write_all(&piece).map_err(|error| Fail::fault("E-EXPORT-004", error, "check the disk"))?;
    }
    Ok((export.cosigned_by().len(), export.left_out()))
}

fn read_key(path: &Path) -> Result<VerifierKey, Fail> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Fail::input("E-EXPORT-003", format_args!("{} cannot be read: {error}", path.display()), "check its path")
    })?;
    text.trim().parse().map_err(|error| {
        Fail::input("E-EXPORT-003", format_args!("{}: {error}", path.display()), "name a file with a verifier key")
    })
}
