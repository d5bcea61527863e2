//! What a person did: the records of the audit log of which they are the actor. Every role sees its own.

use askama::Template;

use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Pager;
use crate::console::pages::audit::{self, Row};
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(super) const ROUTE: PageRoute = PageRoute {
    verb: Verb::Get,
    path: "/account/activity",
    name: "account.activity",
    access: Access::Full(|visit| Box::pin(show(visit))),
    query: &[Field::one("cursor"), Field::one("format")],
    takes: Takes::Nothing,
};

#[derive(Template)]
#[template(path = "page/account_activity.html")]
struct ActivityPage {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    if visit.query().text("format") == Some("csv") {
        let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
        return audit::file(visit, "my-activity", move |page| {
            let (operations, caller) = (operations.clone(), caller.clone());
            async move { operations.own_activity(&caller, &page).await }
        })
        .await;
    }
    let lines = visit.operations().own_activity(visit.caller(), &visit.query().page()?).await?;
    let pager = visit.pager(&lines);
    let rows = audit::rows(visit, lines.items).await?;
    let frame = visit.frame(Section::Activity, "My activity").crumb("Account", path::account());
    Answer::page(&ActivityPage { frame, rows, pager })
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::Sample;
    let page = |rows| ActivityPage {
        frame: Frame::sample(Section::Activity, "My activity").crumb("Account", path::account()),
        rows,
        pager: Pager::default(),
    };
    vec![
        Sample::page("my activity, hostile", &page(audit::sample_rows())),
        Sample::page("my activity, empty", &page(vec![])),
    ]
}
