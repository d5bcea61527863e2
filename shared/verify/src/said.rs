//! A report in words and in JSON.

use anstyle::{AnsiColor, Style};
use proof::verification::{Outcome, Report, Step, Verdict};
use serde_json::{Value, json as value};

/// The report as lines for people, with colours; whoever prints them drops the colours where there is no terminal.
pub fn lines(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.steps.iter().map(line).collect();
    let style = match report.verdict {
        Verdict::Verified => AnsiColor::Green,
        Verdict::Unvouched => AnsiColor::Yellow,
        Verdict::Refused => AnsiColor::Red,
    };
    let style = Style::new().fg_color(Some(style.into())).bold();
    lines.push(format!("{style}{}{style:#}", report.sentence()));
    lines
}

/// The report as JSON: `file`, `verified`, `verdict`, `sentence`, `steps` with `id`, `title`, `outcome`, `detail`.
pub fn json(file: &str, report: &Report) -> Value {
    let step = |step: &Step| {
        value!({
            "id": step.id.code(),
            "title": step.id.title(),
            "outcome": step.outcome,
            "detail": step.detail,
        })
    };
    value!({
        "file": file,
        "verified": report.verdict == Verdict::Verified,
        "verdict": report.verdict,
        "sentence": report.sentence(),
        "steps": report.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn line(step: &Step) -> String {
    step_line(step.outcome, step.id.title(), &step.detail)
}

/// A step of any judgement as a line for people, with colours.
pub fn step_line(outcome: Outcome, title: &str, detail: &str) -> String {
    let (word, colour) = match outcome {
        Outcome::Green => ("green", AnsiColor::Green),
        Outcome::Red => ("RED", AnsiColor::Red),
        Outcome::Unvouched => ("not vouched for", AnsiColor::Yellow),
        Outcome::NotJudged => ("not judged", AnsiColor::Yellow),
        Outcome::Noted => ("noted", AnsiColor::Cyan),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    let detail = match outcome {
        Outcome::NotJudged => "",
        Outcome::Green | Outcome::Red | Outcome::Unvouched | Outcome::Noted => detail,
    };
    let colon = if detail.is_empty() { "" } else { ": " };
    format!("  {style}{word:<16}{style:#}{title}{colon}{detail}")
}
