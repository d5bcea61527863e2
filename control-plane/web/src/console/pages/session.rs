//! How long the visitor's session lasts: what the script asks for that warns before it ends, and that keeps it.

use clock::Timestamp;
use serde::{Deserialize, Serialize};

use crate::console::answer::Answer;
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const PATH: &str = "/console/session";

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: PATH,
        name: "call.session",
        access: Access::Full(|visit| Box::pin(left(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        // Asking like this is a use of the session, which is what keeps it.
        verb: Verb::Post,
        path: PATH,
        name: "call.stay",
        access: Access::Full(|visit| Box::pin(stay(visit))),
        query: &[],
        takes: Takes::Json,
    },
];

/// Seconds, so that the browser's clock does not matter.
#[derive(Serialize)]
struct LeftDocument {
    /// Until it ends because nothing is done.
    idle_seconds: i64,
    /// Until it ends whatever is done.
    whole_seconds: i64,
}

/// `{}`: there is nothing to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn stay(visit: &Visit) -> Result<Answer, Trouble> {
    let Nothing {} = visit.json()?;
    left(visit).await
}

async fn left(visit: &Visit) -> Result<Answer, Trouble> {
    let ends = visit.operations().session_ends(visit.caller()).await?;
    let seconds = |end: Timestamp| (end.as_millis() - visit.now().as_millis()).max(0) / 1_000;
    Answer::json(&LeftDocument { idle_seconds: seconds(ends.idle), whole_seconds: seconds(ends.whole) })
}
