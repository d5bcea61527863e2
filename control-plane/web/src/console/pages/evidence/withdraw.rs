//! Whoever requested evidence withdraws the request.

use control_plane_domain::drilldown::DrillDown;
use control_plane_domain::policy::Permission;
use control_plane_operations::Error;
use http::StatusCode;

use super::one::id;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::pages::sure::Sure;
use crate::console::pages::who::Who;
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const REQUEST: &[Permission] = &[Permission::DrillDownsRequest];

pub(super) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/drilldowns/{drilldown}/cancel",
        name: "drilldown.cancelling",
        access: Access::Permitted(REQUEST, |visit| Box::pin(cancelling(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/drilldowns/{drilldown}/cancel",
        name: "drilldown.cancel",
        access: Access::Permitted(REQUEST, |visit| Box::pin(cancel(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("confirm")]),
    },
];

async fn found(visit: &Visit) -> Result<(DrillDown, Frame, Sure), Trouble> {
    let drilldown = visit.operations().get_drilldown(visit.caller(), id(visit)?).await?;
    // Said before anything is typed; operations say it again.
    if drilldown.person != visit.caller().person() {
        return Err(Error::NotTheAsker.into());
    }
    let who = Who::read(visit, [], [drilldown.runner]).await?;
    let frame = visit
        .frame(Section::DrillDowns, "Withdraw an evidence request")
        .crumb("Evidence requests", path::drilldowns())
        .crumb("Evidence request", path::drilldown(drilldown.id));
    let sure = Sure {
        heading: "Withdraw the evidence request".to_owned(),
        says: vec![
            "It is over then: nobody opens an answer to it any more. That it was made and withdrawn stays in both logs."
                .to_owned(),
        ],
        facts: vec![
            ("Purpose", crate::console::kit::id(drilldown.purpose)),
            ("Reason", crate::console::kit::quiet(drilldown.reason.as_str())),
            ("Requested", frame.time(drilldown.requested)),
            ("Runner", who.runner(drilldown.runner).html()),
        ],
        what: "Runner's label",
        name: who.runner_name(drilldown.runner),
        wants_reason: false,
        hidden: &[],
        action: path::drilldown_cancel(drilldown.id),
        button: "Withdraw the request",
        is_danger: true,
        back: path::drilldown(drilldown.id),
        back_says: "Leave it",
    };
    Ok((drilldown, frame, sure))
}

async fn cancelling(visit: &Visit) -> Result<Answer, Trouble> {
    let (_, frame, sure) = found(visit).await?;
    sure.ask(frame)
}

async fn cancel(visit: &Visit) -> Result<Answer, Trouble> {
    let (drilldown, frame, sure) = found(visit).await?;
    let mut draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(frame, StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    match visit.operations().cancel_drilldown(visit.caller(), drilldown.id).await {
        Ok(_) => Ok(Answer::go(path::drilldown(drilldown.id)).saying("The request was withdrawn.")),
        Err(error) => {
            draft.refuse(error)?;
            sure.again(frame, StatusCode::CONFLICT, draft)
        }
    }
}
