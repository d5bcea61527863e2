//! The lines of the table.

use std::fmt;
use std::io::Write;

use super::{Outcome, Plan};

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// At least this ratio.
    AtLeast(f64),
    /// At most this one.
    AtMost(f64),
    /// Nothing; the line explains others.
    None,
}

/// One line.
pub(crate) struct Line<'a> {
    /// Number in the table of goals.
    pub(crate) row: &'a str,
    /// What was measured, against what.
    pub(crate) what: String,
    /// What was seen.
    pub(crate) seen: f64,
    /// The same in processor time, where that says something.
    pub(crate) cpu: Option<f64>,
    /// What is wanted.
    pub(crate) goal: Goal,
    /// Of a ratio: none.
    pub(crate) unit: &'a str,
    /// Whether the floor moved while it was measured.
    pub(crate) is_void: bool,
}

impl Line<'_> {
    /// Prints it.
    pub(crate) fn print(&self) -> Outcome<()> {
        let (goal, met) = match self.goal {
            Goal::AtLeast(least) => (format!("≥ {least}"), Some(self.seen >= least)),
            Goal::AtMost(most) => (format!("≤ {most}"), Some(self.seen <= most)),
            Goal::None => ("-".to_owned(), None),
        };
        let verdict = match (self.is_void, met) {
            (true, _) => "void",
            (false, Some(true)) => "met",
            (false, Some(false)) => "MISSED",
            (false, None) => "",
        };
        let cpu = self.cpu.map(|cpu| format!("cpu {cpu:.2}")).unwrap_or_default();
        let seen = format!("{:.*}{}", if self.seen.abs() < 100.0 { 2 } else { 0 }, self.seen, self.unit);
        say(format_args!("  {:>2}  {:<80} {:>10}  {:<9} {:>9}  {}", self.row, self.what, seen, cpu, goal, verdict))
    }
}

/// The machine's class and how busy it is, without which ratios say little.
pub(crate) fn heading(plan: &Plan) -> Outcome<()> {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let processors = std::thread::available_parallelism()?;
    let aes = if crypto::aead::hardware_aes() { "AES in hardware" } else { "AES IN SOFTWARE: 80 times slower" };
    say(format_args!(
        "{processors} processors, {aes}, load {}, {} rounds{}",
        load.join(" "),
        plan.rounds(),
        if plan.is_quick { ", the short form: only a look" } else { "" }
    ))?;
    say(format_args!("  #   {:<80} {:>10}  {:<9} {:>9}", "what, against what", "seen", "", "goal"))
}

/// Something to know besides the ratios.
pub(crate) fn note(text: impl fmt::Display) -> Outcome<()> {
    say(format_args!("      ({text})"))
}

/// A line on standard output.
pub(crate) fn say(text: impl fmt::Display) -> Outcome<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
