//! What the quickstart prints: the story on standard output, or on standard error when standard output belongs to the
//! JSON summary.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::process::Stdio;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// The printer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Say {
    json: bool,
}

impl Say {
    /// Tells the story on standard error when `json`, so that standard output holds the summary alone.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Where the output of child processes goes: beside the story.
    pub(crate) fn child_output(self) -> Stdio {
        if !self.json {
            return Stdio::inherit();
        }
        std::io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
    }

    /// A heading.
    pub(crate) fn title(self, text: impl Display) {
        self.write(format_args!("\n{BOLD}── {text}{BOLD:#}\n"));
    }

    /// A line of text.
    pub(crate) fn line(self, text: impl Display) {
        self.write(format_args!("{text}\n"));
    }

    /// A command line, before it runs.
    pub(crate) fn command(self, line: &str) {
        self.write(format_args!("\n{CYAN}$ {line}{CYAN:#}\n"));
    }

    /// Something that is as it should be.
    pub(crate) fn good(self, text: impl Display) {
        self.write(format_args!("{GREEN}✓{GREEN:#} {text}\n"));
    }

    /// Something that is not as it should be.
    pub(crate) fn bad(self, text: impl Display) {
        self.write(format_args!("{RED}✗ {text}{RED:#}\n"));
    }

    /// A remark.
    pub(crate) fn dim(self, text: impl Display) {
        self.write(format_args!("{DIM}{text}{DIM:#}\n"));
    }

    /// One line that replaces itself on a terminal; nothing on a pipe.
    pub(crate) fn progress(self, text: &str) {
        let mut error = std::io::stderr().lock();
        if error.is_terminal() {
            let text: String = text.chars().filter(|character| !character.is_control()).take(70).collect();
            // Nothing can be done for somebody who closed the terminal; the same holds below.
            let _ = write!(error, "\r\x1b[K{text}").and_then(|()| error.flush());
        }
    }

    /// The summary for programs.
    pub(crate) fn summary(self, value: &serde_json::Value) {
        if self.json {
            let _ = writeln!(std::io::stdout().lock(), "{value:#}");
        }
    }

    fn write(self, text: std::fmt::Arguments<'_>) {
        let _ = if self.json {
            AutoStream::auto(std::io::stderr()).write_fmt(text)
        } else {
            AutoStream::auto(std::io::stdout()).write_fmt(text)
        };
    }
}
