//! What a command prints: tables and colours for people, plain text on a pipe, JSON for programs.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use ::terminal::inert;
pub(crate) use ::terminal::{Cell, brief, printable, score, status};

use crate::fail::Fail;
use crate::local::caller;

/// Where a command prints, and in which shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    log: bool,
}

impl Output {
    /// Prints JSON if asked to, otherwise text.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, log: false }
    }

    /// For a service: remarks go to its log, and nothing is printed.
    pub(crate) fn log() -> Self {
        Self { json: true, log: true }
    }

    /// Whether the result is JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// A line of text; nothing when the result is JSON.
    pub(crate) fn line(self, text: impl Display) {
        if !self.json {
            print(text);
        }
    }

    /// A remark that does not belong to the result.
    pub(crate) fn note(self, text: impl Display) {
        if self.log {
            return tracing::warn!("{text}");
        }
        remark(text);
    }

    /// The result as JSON; nothing when the result is text.
    pub(crate) fn json(self, value: &Value) {
        if self.json {
            print(inert(&format!("{value:#}")));
        }
    }

    /// A table; nothing when the result is JSON.
    pub(crate) fn table(self, header: &[&str], rows: Vec<Vec<Cell>>) {
        if self.json {
            return;
        }
        let mut table = Table::new();
        if std::io::stdout().is_terminal() && !caller::is_there() {
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
    pub(crate) fn fail(self, fail: &Fail) {
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
    pub(crate) fn finish(self) -> Result<(), Fail> {
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
    pub(crate) fn progress(self, text: &str) -> ProgressBar {
        if self.json || caller::is_there() || !std::io::stderr().is_terminal() {
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
pub(crate) fn print(text: impl Display) {
    let text = text.to_string();
    if caller::print(&text) {
        return;
    }
    if REFUSED.get().is_none()
        && let Err(error) = writeln!(anstream::stdout().lock(), "{text}")
    {
        let _ = REFUSED.set(error);
    }
}

/// Where standard error cannot be written there is nobody left to tell.
pub(crate) fn remark(text: impl Display) {
    let text = text.to_string();
    if caller::remark(&text) {
        return;
    }
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
