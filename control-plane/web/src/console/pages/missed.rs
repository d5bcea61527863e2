//! Due times without a run, each with the Runner's reason.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::procedure::MissedDue;
use control_plane_operations::console::{Choices, MissedRow};
use ids::RunnerId;

use super::shown::words;
use super::who::named;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Html, Pager};
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/missed",
    name: "missed",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(list(visit))),
    query: &[Field::one("runner"), Field::one("cursor"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/missed.html")]
struct MissedPage {
    frame: Frame,
    rows: Vec<MissedRow>,
    choices: Choices,
    filter: Draft,
    pager: Pager,
}

fn procedure(row: &MissedRow) -> Html {
    named(&row.missed.procedure, row.title.as_ref(), row.runner.id, row.digest)
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let runner = visit.query().parsed::<RunnerId>("runner")?;
    if visit.query().text("format").is_some() {
        return table(visit, runner).await;
    }
    let found = visit.operations().missed_page(visit.caller(), runner, &visit.query().page()?).await?;
    let frame = visit.frame(Section::Overview, "Missed due times").crumb("Overview", path::overview()).live();
    Answer::page(&MissedPage {
        frame,
        pager: visit.pager(&found.rows),
        rows: found.rows.items,
        choices: found.choices,
        filter: visit.query().draft(),
    })
}

async fn table(visit: &Visit, runner: Option<RunnerId>) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    let fetch = move |page| {
        let (operations, caller) = (operations.clone(), caller.clone());
        async move { operations.list_missed(&caller, runner, &page).await }
    };
    let head = &["Procedure", "Runner", "Due", "Reason", "In words", "Journal record"];
    csv::answer(visit, "missed", head, fetch, |row: &MissedDue| {
        csv::Row::new()
            .text(&row.procedure)
            .text(row.runner)
            .time(row.due)
            .text(&row.reason)
            .text(words::missed(&row.reason))
            .number(row.seq)
    })
    .await
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::shown::sample;
    use crate::console::sample::Sample;
    let page = |rows| MissedPage {
        frame: Frame::sample(Section::Overview, "Missed due times"),
        rows,
        choices: sample::choices(),
        filter: Draft::of([("runner", sample::runner().id.to_string())]),
        pager: Pager::default(),
    };
    let rows = || sample::missed().into_iter().map(sample::missed_row).collect::<Vec<_>>();
    let hostile = rows().into_iter().map(|row| MissedRow { runner: sample::hostile_runner(), ..row }).collect();
    let bare = rows().into_iter().map(|row| MissedRow { title: None, digest: None, ..row }).collect();
    vec![
        Sample::page("missed, ordinary", &page(bare)),
        Sample::page("missed, none", &page(Vec::new())),
        Sample::page("missed, hostile", &page(hostile)),
    ]
}
