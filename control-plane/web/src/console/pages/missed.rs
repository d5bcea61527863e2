//! Due times without a run, each with the Runner's reason.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::procedure::MissedDue;
use ids::RunnerId;

use super::shown::words;
use super::who::{Linked, Who};
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Pager;
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
    rows: Vec<Row>,
    filter: Draft,
    pager: Pager,
}

struct Row {
    missed: MissedDue,
    runner: Linked,
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let runner = visit.query().parsed::<RunnerId>("runner")?;
    if visit.query().text("format").is_some() {
        return table(visit, runner).await;
    }
    let missed = visit.operations().list_missed(visit.caller(), runner, &visit.query().page()?).await?;
    let pager = visit.pager(&missed);
    let who = Who::read(visit, [], missed.items.iter().map(|missed| missed.runner)).await?;
    let rows = missed.items.into_iter().map(|missed| Row { runner: who.runner(missed.runner), missed }).collect();
    let frame = visit.frame(Section::Overview, "Missed due times").crumb("Overview", path::overview()).live();
    Answer::page(&MissedPage { frame, rows, filter: visit.query().draft(), pager })
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
    use crate::console::sample::{HOSTILE, Sample};
    let page = |label: &str, missed: Vec<MissedDue>| MissedPage {
        frame: Frame::sample(Section::Overview, "Missed due times"),
        rows: missed
            .into_iter()
            .map(|missed| Row {
                runner: Linked { text: label.to_owned(), href: Some(path::runner(missed.runner)) },
                missed,
            })
            .collect(),
        filter: Draft::default(),
        pager: Pager::default(),
    };
    vec![
        Sample::page("missed, ordinary", &page("warehouse", sample::missed())),
        Sample::page("missed, none", &page("", Vec::new())),
        Sample::page("missed, hostile", &page(HOSTILE, sample::missed())),
    ]
}
