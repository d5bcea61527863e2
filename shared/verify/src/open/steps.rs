//! The steps of opening evidence, each said as it is done.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use ids::RequestId;
use proof::text::printable;
use serde_json::{Value, json};

/// A step that was taken, and whether it holds.
struct Step {
    id: &'static str,
    title: &'static str,
    holds: bool,
    detail: String,
}

/// The steps so far. On standard error, so that standard output has nothing but the rows.
pub(super) struct Steps {
    is_silent: bool,
    taken: Vec<Step>,
    request: Option<RequestId>,
}

impl Steps {
    pub(super) fn new(is_silent: bool) -> Self {
        Self { is_silent, taken: Vec::new(), request: None }
    }

    /// A step that holds.
    pub(super) fn holds(&mut self, id: &'static str, title: &'static str, detail: impl Into<String>) {
        self.add(Step { id, title, holds: true, detail: detail.into() });
    }

    /// A step that does not.
    pub(super) fn fails(&mut self, id: &'static str, title: &'static str, detail: impl Into<String>) {
        self.add(Step { id, title, holds: false, detail: detail.into() });
    }

    /// The request that was made; by its id both logs name it.
    pub(super) fn asked(&mut self, request: RequestId) {
        self.note(&format!("request {request}"));
        self.request = Some(request);
    }

    /// The request, once it was made.
    pub(super) fn request(&self) -> Option<RequestId> {
        self.request
    }

    /// A remark that is no step.
    pub(super) fn note(&self, text: &str) {
        if !self.is_silent {
            // Where standard error is closed there is nobody to tell.
            let _ = writeln!(anstream::stderr(), "    {}", printable(text));
        }
    }

    fn add(&mut self, step: Step) {
        if !self.is_silent {
            let (mark, colour) = if step.holds { ('✓', AnsiColor::Green) } else { ('✗', AnsiColor::Red) };
            let style = Style::new().fg_color(Some(colour.into()));
            let colon = if step.detail.is_empty() { "" } else { ": " };
            let detail = printable(&step.detail);
            let _ = writeln!(anstream::stderr(), "  {style}{mark}{style:#} {}{colon}{detail}", step.title);
        }
        self.taken.push(step);
    }

    /// `[{"id","title","outcome","detail"}]`.
    pub(super) fn to_json(&self) -> Value {
        let step = |step: &Step| {
            let outcome = if step.holds { "green" } else { "red" };
            json!({"id": step.id, "title": step.title, "outcome": outcome, "detail": step.detail})
        };
        self.taken.iter().map(step).collect()
    }
}
