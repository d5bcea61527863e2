//! `proctor-verify audit`: judges exports of audit logs.

use std::fs::File;
use std::io::BufReader;

use anstyle::{AnsiColor, Style};
use proof::export::{self, ExportReport};
use proof::text::printable;
use proof::verification::Verdict;
use serde_json::json;

use crate::cli::Audit;
use crate::fail::{Exit, Fail};
use crate::input;
use crate::print::{inert, print};

/// Judges every file; verified only if all are.
pub(crate) fn command(audit: &Audit) -> Result<Exit, Fail> {
    let trust = input::trust(&audit.keys).map_err(bad_input)?;
    let mut exit = Exit::Verified;
    for path in &audit.files {
        let file = File::open(path).map_err(|error| bad_input(format!("{}: {error}", path.display())))?;
        let report = export::verify(BufReader::with_capacity(65_536, file), &trust);
        let name = path.display().to_string();
        let text = if audit.json { as_json(&name, &report) } else { as_lines(&name, &report) };
        print(&text).map_err(|error| Fail::fault("E-VERIFY-002", format!("it cannot be printed: {error}"), ""))?;
        if report.verdict != Verdict::Verified {
            exit = Exit::Refused;
        }
    }
    Ok(exit)
}

fn bad_input(message: String) -> Fail {
    Fail::usage("E-VERIFY-001", message, "name readable files and keys; see `proctor-verify audit --help`")
}

fn as_lines(name: &str, report: &ExportReport) -> String {
    let mut text = format!("{}\n", printable(name));
    for step in &report.steps {
        text.push_str(&verify::step_line(step.outcome, step.id.title(), &step.detail));
        text.push('\n');
    }
    let colour = match report.verdict {
        Verdict::Verified => AnsiColor::Green,
        Verdict::Unvouched => AnsiColor::Yellow,
        Verdict::Refused => AnsiColor::Red,
    };
    let style = Style::new().fg_color(Some(colour.into())).bold();
    text.push_str(&format!("{style}{}{style:#}\n", report.sentence()));
    text
}

fn as_json(name: &str, report: &ExportReport) -> String {
    let step = |step: &export::ExportStep| json!({"id": step.id.code(), "title": step.id.title(), "outcome": step.outcome, "detail": step.detail});
    let document = json!({
        "file": name,
        "verified": report.verdict == Verdict::Verified,
        "verdict": report.verdict,
        "sentence": report.sentence(),
        "steps": report.steps.iter().map(step).collect::<Vec<_>>(),
    });
    format!("{}\n", inert(&document.to_string()))
}
