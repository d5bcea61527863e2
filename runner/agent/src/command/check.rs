//! `check`: every fault of procedure files at once, or their digests.

use std::path::{Path, PathBuf};

use procedure::Procedure;
use serde_json::{Value, json};

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::procedures::{self, Unreadable};

/// Checks procedure files. Prints every fault as FILE:LINE:COLUMN with a code and what to do; a file without faults is
/// printed with its digest, which identifies this version of the procedure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner check tls-endpoints.yaml
  proctor-runner check --json procedures/*.md
  proctor-runner check --deny-warnings procedures/*")]
pub(crate) struct Args {
    /// Procedure files, .yaml or .md.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// End with exit code 2 also when there are only warnings.
    #[arg(long)]
    deny_warnings: bool,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let mut clean = true;
    let mut results = Vec::with_capacity(args.files.len());
    for file in &args.files {
        let (ok, result) = match procedures::read_file(file) {
            Ok(procedure) => report(place, file, &procedure, args.deny_warnings),
            Err(Unreadable::File(fail)) => {
                place.out.line(format_args!("{}: {}: {}", file.display(), fail.code, fail.message));
                let fault = json!({"code": fail.code, "message": fail.message});
                (false, json!({"file": file, "ok": false, "faults": [fault]}))
            }
            Err(Unreadable::Faults(faults)) => {
                let mut listed = Vec::new();
                for fault in faults.iter() {
                    place.out.line(format_args!("{}:{fault}", file.display()));
                    place.out.line(format_args!("    {}", fault.code.help()));
                    listed.push(json!({
                        "line": fault.line, "column": fault.column, "code": fault.code.as_str(),
                        "message": fault.message, "suggestion": fault.suggestion, "help": fault.code.help(),
                    }));
                }
                (false, json!({"file": file, "ok": false, "faults": listed}))
            }
        };
        clean &= ok;
        results.push(result);
    }
    place.out.json(&Value::Array(results));
    Ok(if clean { Exit::Pass } else { Exit::BadInput })
}

fn report(place: &Place, file: &Path, procedure: &Procedure, deny_warnings: bool) -> (bool, Value) {
    let warnings = procedure::lint(procedure);
    for warning in &warnings {
        place.out.line(format_args!("{}:{warning}", file.display()));
    }
    let digest = procedure.digest();
    place.out.line(format_args!(
        "{}: ok {} version {} sha256:{digest}",
        file.display(),
        procedure.id,
        procedure.version
    ));
    if !procedure.metrics.is_empty() {
        let names: Vec<_> = procedure.metrics.iter().map(|metric| metric.name.as_str()).collect();
        place.out.line(format_args!("    these numbers will leave the Runner: {}", names.join(", ")));
    }
    let listed: Vec<_> = warnings.iter().map(|warning| json!({"warning": warning.to_string()})).collect();
    let ok = warnings.is_empty() || !deny_warnings;
    let result = json!({
        "file": file, "ok": ok, "id": procedure.id, "version": procedure.version, "sha256": digest,
        "title": procedure.title, "warnings": listed,
        "metrics": procedure.metrics.iter().map(|metric| &metric.name).collect::<Vec<_>>(),
    });
    (ok, result)
}
