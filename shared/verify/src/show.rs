//! What a bundle says, for reading: the run, its checks, and the evidence that was opened.
//!
//! Evidence comes from target systems and may hold anything, so every character that does something to a terminal is
//! written as its escape.

use std::fmt::Write;

use proof::bundle::{Bundle, OpeningFile, names};
use proof::manifest::{self, Manifest};
use proof::text::printable;
use verdict::Counts;

/// Bytes of one row that are shown; the rest is in the bundle.
const SHOWN: usize = 4096;

/// What the bundle says, as lines. It proves nothing: see [`verify`](crate::verify). The error says what cannot be read.
pub fn show(bundle: &[u8]) -> Result<Vec<String>, String> {
    let bundle = proof::bundle::read(bundle).map_err(|error| error.to_string())?;
    let bytes = bundle.file(names::MANIFEST).ok_or("the bundle has no manifest")?;
    let manifest = manifest::parse(bytes).map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    run(&mut lines, &manifest);
    steps(&mut lines, &manifest);
    checks(&mut lines, &manifest);
    opened(&mut lines, &bundle)?;
    Ok(lines)
}

fn run(lines: &mut Vec<String>, manifest: &Manifest) {
    let run = &manifest.run;
    let score =
        |score: Option<u64>| score.map_or("none".to_owned(), |score| format!("{}.{:02} %", score / 100, score % 100));
    lines.push(format!("run         {}", run.run));
    lines.push(format!("tenant      {}", run.tenant));
    lines.push(format!("Runner      {} ({})", run.runner, run.software));
    lines.push(format!("procedure   {} version {}", run.procedure.id, run.procedure.version));
    lines.push(format!("digest      {}", run.procedure.sha256));
    let due = run.due.map_or(String::new(), |due| format!(", due {due}"));
    lines.push(format!("trigger     {}{due}", run.trigger));
    lines.push(format!("time        {} to {}", run.started, run.ended));
    lines.push(format!("verdict     {}{}", run.verdict, if run.partial { ", of a part of the checks" } else { "" }));
    lines.push(format!("score       {}", score(run.score)));
    lines.push(format!("excepted    {} with exceptions left out", score(run.score_with_exceptions)));
}

fn steps(lines: &mut Vec<String>, manifest: &Manifest) {
    lines.push(String::new());
    lines.push("steps".to_owned());
    for step in &manifest.steps {
        let code = step.code.map_or(String::new(), |code| format!(" ({code})"));
        let items = manifest.items.iter().filter(|item| item.step == step.step);
        let (count, rows) =
            items.fold((0_u64, 0_u64), |(count, rows), item| (count + 1, rows.saturating_add(item.rows)));
        lines.push(format!("  {:<24} {}{code}, {count} items of {rows} rows", step.step, step.status));
    }
    lines.push(String::new());
    lines.push("evidence".to_owned());
    for item in &manifest.items {
        lines.push(format!("  {} {} of {}, {}, {} rows", item.item, item.form, item.step, item.class, item.rows));
    }
}

fn checks(lines: &mut Vec<String>, manifest: &Manifest) {
    lines.push(String::new());
    lines.push("checks".to_owned());
    for check in &manifest.checks {
        lines.push(format!(
            "  {:<14} {:<8} {:<24} {}",
            check.status,
            check.severity,
            check.check,
            counted(&check.counts)
        ));
    }
    if !manifest.metrics.is_empty() {
        lines.push(String::new());
        lines.push("metrics".to_owned());
        lines.extend(manifest.metrics.iter().map(|metric| format!("  {:<24} {}", metric.metric, metric.value)));
    }
}

fn counted(counts: &Counts) -> String {
    let Counts { pass, fail, error, pending, not_applicable, excepted } = *counts;
    let all = [
        (pass, "pass"),
        (fail, "fail"),
        (excepted, "of these excepted"),
        (error, "error"),
        (pending, "pending"),
        (not_applicable, "not applicable"),
    ];
    let shown = all.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    shown.collect::<Vec<_>>().join(", ")
}

fn opened(lines: &mut Vec<String>, bundle: &Bundle<'_>) -> Result<(), String> {
    for (name, document) in bundle.files().filter(|(name, _)| name.ends_with("/opening.json")) {
        let opening = OpeningFile::parse(document).map_err(|error| format!("{name}: {error}"))?;
        lines.push(String::new());
        lines.push(format!("opened {}: {} of {} rows", opening.item, opening.opened.len(), opening.rows));
        for row in &opening.opened {
            let file = proof::bundle::row_name(opening.item, row.index);
            let bytes = bundle.file(&file).ok_or_else(|| format!("{file} is missing"))?;
            lines.push(format!("  row {}: {}", row.index, readable(bytes)));
        }
    }
    Ok(())
}

/// The row as text with everything escaped that is not plainly text.
fn readable(row: &[u8]) -> String {
    let shown = row.get(..SHOWN).unwrap_or(row);
    let mut text = String::with_capacity(shown.len());
    for chunk in shown.utf8_chunks() {
        text.push_str(&printable(chunk.valid()));
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    if row.len() > shown.len() {
        let _ = write!(text, " … ({} bytes in all)", row.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_row_reaches_the_terminal_as_a_command() {
        assert_eq!(readable(b"plain \xc3\xa9"), "plain é");
        assert_eq!(readable(b"\x1b[2J\r\n\x07"), "\\u{1b}[2J\\u{d}\\u{a}\\u{7}");
        assert_eq!(readable("a\u{202e}b\u{9b}m".as_bytes()), "a\\u{202e}b\\u{9b}m");
        assert_eq!(readable(b"\xff\xfe"), "\\xff\\xfe");
        let long = readable(&[b'x'; 5000]);
        assert!(long.ends_with(" … (5000 bytes in all)") && long.len() < 4200);
    }
}
