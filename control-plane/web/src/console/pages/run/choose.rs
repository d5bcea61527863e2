//! Leads from a run to its comparison with the one that was chosen.

use control_plane_domain::policy::Permission;
use ids::RunId;

use crate::console::answer::Answer;
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/runs/{run}/compare",
    name: "run.compare.choose",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(choose(visit))),
    query: &[Field::one("with")],
    takes: Takes::Nothing,
}];

async fn choose(visit: &Visit) -> Result<Answer, Trouble> {
    let run = visit.path::<RunId>("run", "run")?;
    // Looked up first: what is not of this tenant is not found here either.
    visit.operations().get_run(visit.caller(), run).await?;
    Ok(Answer::go(match visit.query().parsed::<RunId>("with")? {
        Some(other) => path::compare(run, other),
        None => path::run(run).at("compare"),
    }))
}
