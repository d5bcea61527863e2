//! What was tried and what came of it.

use std::fmt::Write as _;
use std::io::Write as _;

/// A table of refusals, printed when it is complete.
pub(crate) struct Table {
    title: &'static str,
    rows: Vec<[String; 3]>,
}

impl Table {
    pub(crate) fn new(title: &'static str) -> Self {
        Self { title, rows: Vec::new() }
    }

    /// One attempt: what was tried, the Runner's code, and where the attempt stands.
    pub(crate) fn row(&mut self, tried: &str, code: &str, stands: &str) {
        self.rows.push([tried, code, stands].map(str::to_owned));
    }

    /// Past the capture of the test harness: the table is the result of the test, also where nothing failed.
    pub(crate) fn print(&self) {
        let mut text = format!("\n{} ({} attempts)\n", self.title, self.rows.len());
        for [tried, code, stands] in &self.rows {
            let _ = writeln!(text, "  {tried:<78} {code:<14} {stands}");
        }
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}
