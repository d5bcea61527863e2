//! Evidence: asking for it, how a request stands, and what the scripts of the page that opens it call.
//!
//! Knows requests, states, receipts and sealed octets. It must never know what is in them: evidence is opened in the
//! person's browser, under keys that are nowhere but there.

mod ask;
mod calls;
mod command;
mod one;
mod secret_calls;
mod withdraw;

use crate::console::route::PageRoute;

/// The steps of opening evidence: their ids, which are those of `proctor-verify open`, and what they say.
const STEPS: [(&str, &str); 8] = [
    ("run.attested", "the run's manifest is attested by the Runner whose key you compared"),
    ("request.content", "the request to be signed says what you asked for, and nothing else"),
    ("request.signed", "the request is signed by this browser's key"),
    ("receipt.signature", "the Runner signed a receipt for this request"),
    ("answer.sealed", "what came is what the receipt says was sent"),
    ("answer.opened", "it opens with the key that was made for this request"),
    ("rows.proven", "every row that was asked for came, and leads to the root"),
    ("rows.attested", "that root is the one in the attested manifest"),
];

/// Refusals that mean that nobody approved the device, at least not now. The script is told them by its page.
const NOT_APPROVED: &[&str] = &["E-DRILL-012", "E-DRILL-013", "E-DRILL-014"];
/// The one that wants a second person's word.
pub(super) const SECOND_PERSON: &str = "E-DRILL-023";
/// What is said of a request that is refused until they agree.
pub(super) const WANTS_SECOND: &str = "needs a second person";

/// Which checks look at an item, by their titles.
fn why(checks: &[String]) -> Option<String> {
    let (first, others) = checks.split_first()?;
    let more = match others.len() {
        0 => String::new(),
        1 => " and another one".to_owned(),
        count => format!(" and {count} others"),
    };
    Some(format!("looked at by the check “{first}”{more}"))
}

pub(crate) fn routes() -> impl Iterator<Item = &'static PageRoute> {
    [ask::ROUTES, one::ROUTES, calls::ROUTES, secret_calls::ROUTES, withdraw::ROUTES].into_iter().flatten()
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    [ask::samples(), one::samples()].into_iter().flatten().collect()
}
