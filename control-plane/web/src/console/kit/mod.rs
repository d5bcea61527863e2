//! The parts that pages are made of. Each is a small template with typed values, and gives out markup that is safe to
//! stand in a page; nothing else in the console makes markup out of text.

mod block;
mod qr;
mod text;
mod word;

use askama::Template;
use askama::filters::Safe;

pub(crate) use block::{Pager, empty, fault, faults, hidden, notice};
pub(crate) use qr::qr;
pub(crate) use text::{command, digest, digest_short, exact, id, none, number, quiet, time};
pub(crate) use word::{Tone, badge, counts, score, severity, status, step, tally};

/// Markup out of a template of ours.
pub(crate) type Html = Safe<String>;

/// The markup of a part.
pub(crate) fn html(part: &impl Template) -> Html {
    // Writing into a text fails only if a value refuses to be written; then the page says so instead of looking whole.
    part.render().map_or_else(
        |error| {
            tracing::error!(%error, "a part of a page cannot be written");
            Safe("<strong class=\"fault\">(not shown)</strong>".to_owned())
        },
        Safe,
    )
}

/// Fixed markup of ours: no value that came from anywhere else may be in it.
pub(super) fn safe(markup: String) -> Html {
    Safe(markup)
}

/// A name as part of an id: field names are ours, and yet nothing but a word gets into an id.
pub(super) fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect()
}
