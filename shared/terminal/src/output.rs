//! What a command prints: tables and colours for people, plain text on a pipe, JSON for programs.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::{Color, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use verdict::Status;

use crate::Fail;

/// Where a command prints, and in which shape.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Prints JSON if asked to, otherwise text.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the result is JSON.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// A line of text; nothing when the result is JSON.
    pub fn line(self, text: impl Display) {
        if !self.json {
            print(text);
        }
    }

    /// A remark that does not belong to the result.
    pub fn note(self, text: impl Display) {
        remark(text);
    }

    /// The result as JSON; nothing when the result is text.
    pub fn json(self, value: &Value) {
        if self.json {
            print(inert(&format!("{value:#}")));
        }
    }

    /// A table; nothing when the result is JSON.
    pub fn table(self, header: &[&str], rows: Vec<Vec<Cell>>) {
        if self.json {
            return;
        }
        let mut table = Table::new();
        if std::io::stdout().is_terminal() {
            table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
            if table.width() == Some(0) {
                // Some containers give a terminal without a size; without this a column would be one character wide.
                table.set_width(120);
            }
        } else {
            // A pipe has no width to wrap for: one row stays one line, so that grep and awk see it whole.
            table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        }
        table.set_header(header);
        for row in rows {
            table.add_row(row.into_iter().map(Cell::shown));
        }
        print(table);
    }

    /// An error, on standard error, as text or JSON.
    pub fn fail(self, fail: &Fail) {
        if self.json {
            let error = serde_json::json!({"error": {"code": fail.code, "message": fail.message, "next": fail.next}});
            return remark(inert(&format!("{error:#}")));
        }
        let red = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        // Several lines are several things that are wrong, or a place in a file with a mark below it.
        let mut lines = fail.message.lines().map(printable);
        remark(format_args!("{red}{}{red:#} {}", fail.code, lines.next().unwrap_or_default()));
        lines.for_each(|line| remark(format_args!("  {line}")));
        if !fail.next.is_empty() {
            remark(format_args!("  → {}", printable(&fail.next)));
        }
    }

    /// What became of the output: an error if it could not be written. A reader that went away, as `head` does, has
    /// what it wanted.
    pub fn finish(self) -> Result<(), Fail> {
        match REFUSED.get() {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(Fail::fault(
                "E-OUT-001",
                format_args!("the result could not be printed: {error}"),
                "what the command did stands; free space and look at the result again",
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Progress of long work: a spinner on a terminal, silence elsewhere.
    pub fn progress(self, text: &str) -> ProgressBar {
        if self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_message(text.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

/// The first error of standard output, which belongs to the process.
static REFUSED: OnceLock<std::io::Error> = OnceLock::new();

/// Nothing is printed after an error: a hole in the output would not be seen.
fn print(text: impl Display) {
    if REFUSED.get().is_none()
        && let Err(error) = writeln!(anstream::stdout().lock(), "{text}")
    {
        let _ = REFUSED.set(error);
    }
}

/// Where standard error cannot be written there is nobody left to tell.
fn remark(text: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Text, which may have come from a target.
    Text(String),
    /// A status, in its colour.
    Status(Status),
}

impl Cell {
    /// The cell as a table takes it.
    pub fn shown(self) -> comfy_table::Cell {
        match self {
            Self::Text(text) => comfy_table::Cell::new(brief(&text)),
            Self::Status(status) => comfy_table::Cell::new(status).fg(match status {
                Status::Pass => Color::Green,
                Status::Fail => Color::Red,
                Status::Error => Color::Magenta,
                Status::Pending | Status::Excepted => Color::Yellow,
                Status::NotApplicable | Status::Skipped => Color::DarkGrey,
            }),
        }
    }
}

impl<T: Display> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::Text(text.to_string())
    }
}

/// A status in its colour, for a line of text.
pub fn status(status: Status) -> String {
    let colour = match status {
        Status::Pass => AnsiColor::Green,
        Status::Fail => AnsiColor::Red,
        Status::Error => AnsiColor::Magenta,
        Status::Pending | Status::Excepted => AnsiColor::Yellow,
        Status::NotApplicable | Status::Skipped => AnsiColor::BrightBlack,
    };
    let style = Style::new().fg_color(Some(colour.into())).bold();
    format!("{style}{status}{style:#}")
}

/// A score in basis points as a percentage.
pub fn score(score: Option<u64>) -> String {
    score.map_or_else(|| "none".to_owned(), |points| format!("{}.{:02}", points / 100, points % 100))
}

/// Characters of a name or a message that are shown where many are listed.
const BRIEF: usize = 300;

/// Text that may have come from a target, for a line among others: safe for a terminal, and what is left out of a very
/// long one is said.
pub fn brief(text: &str) -> String {
    match text.char_indices().nth(BRIEF) {
        None => printable(text),
        Some((end, _)) => {
            let shown = printable(text.get(..end).unwrap_or_default());
            format!("{shown}… (the first {BRIEF} of {} characters)", text.chars().count())
        }
    }
}

/// JSON that is the same document and cannot act on a terminal: what `printable` escapes stands as JSON's own escape.
/// Outside of strings JSON has no such characters but line breaks.
pub fn inert(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && proof::text::is_deceptive(character) {
            let units =
                character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>();
            shown.extend(units);
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Text that may have come from a target, made safe for a terminal: control characters, among them escape sequences,
/// and characters that reorder text are shown as escapes.
pub fn printable(text: &str) -> String {
    proof::text::printable(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_cannot_act_on_a_terminal_is_the_same_json() {
        let value = serde_json::json!({"a\u{202e}": "\u{9b}31m \u{e0041} \u{1b}[2J\n é 漢 \u{7f}"});
        let text = inert(&format!("{value:#}"));
        assert!(!text.chars().any(|character| character != '\n' && proof::text::is_deceptive(character)), "{text}");
        assert!(text.contains("é 漢"));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn what_is_left_out_is_said() {
        assert_eq!(brief("short\u{202e}"), "short\\u{202e}");
        let long = brief(&"é".repeat(BRIEF + 1));
        assert!(long.ends_with("… (the first 300 of 301 characters)") && long.starts_with('é'), "{long}");
    }
}
