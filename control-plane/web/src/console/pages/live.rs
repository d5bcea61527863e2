//! The stream that live pages follow.

use control_plane_domain::policy::Permission;

use crate::console::answer::Answer;
use crate::console::live::events;
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::stream::paced;
use crate::http::verb::Verb;
use crate::problem::Problem;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/live",
    name: "live",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(follow(visit))),
    query: &[],
    takes: Takes::Nothing,
}];

async fn follow(visit: &Visit) -> Result<Answer, Trouble> {
    let pulse = visit.operations().pulse(visit.caller()).await?;
    let follower = visit.web().followers.enter(visit.caller()).ok_or_else(|| Problem::too_many_live().after(10))?;
    let entropy = visit.web().entropy.clone();
    let events = events(visit.operations().clone(), entropy, visit.caller().clone(), pulse, follower);
    Ok(Answer::stream("text/event-stream", None, paced(events, visit.settings().limits.idle)))
}
