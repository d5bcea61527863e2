//! What is installed where, when it is due, and how it stands.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::{Choices, ProcedureFilter, ProcedureRow};
use ids::RunnerId;
use proof::text::Name;

use super::shown::due;
use super::shown::sparkline::{Spark, Sparkline};
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Pager;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/procedures",
    name: "procedures",
    access: Access::Permitted(&[Permission::ProceduresList], |visit| Box::pin(list(visit))),
    query: &[Field::one("runner"), Field::one("procedure"), Field::one("cursor"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/procedures.html")]
struct ProceduresPage {
    frame: Frame,
    rows: Vec<Row>,
    choices: Choices,
    filter: Draft,
    is_filtered: bool,
    pager: Pager,
}

struct Row {
    is: ProcedureRow,
    href: Href,
    schedule: String,
    last_runs: Sparkline,
}

impl Row {
    fn new(is: ProcedureRow) -> Self {
        let installed = &is.installed;
        Self {
            href: path::procedure(installed.runner, installed.digest),
            schedule: schedule(&is),
            last_runs: last_runs(&is),
            is,
        }
    }
}

fn schedule(row: &ProcedureRow) -> String {
    let pattern = row.installed.schedule.as_ref().map(|pattern| pattern.as_str());
    due::schedule(pattern, row.installed.time_zone.as_ref().map(|zone| zone.as_str()))
}

fn last_runs(row: &ProcedureRow) -> Sparkline {
    Sparkline::of(row.recent.iter().map(|run| Spark { verdict: run.verdict, score: run.score, ended: run.ended }))
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let filter = ProcedureFilter {
        runner: visit.query().parsed::<RunnerId>("runner")?,
        procedure: visit.query().parsed::<Name>("procedure")?,
    };
    if visit.query().text("format").is_some() {
        return table(visit, filter).await;
    }
    let page = visit.query().page()?;
    let found = visit.operations().procedures(visit.caller(), &filter, &page).await?;
    let pager = visit.pager(&found.rows);
    let is_filtered = filter.runner.is_some() || filter.procedure.is_some() || page.after().is_some();
    let rows = found.rows.items.into_iter().map(Row::new).collect();
    let frame = visit.frame(Section::Procedures, "Procedures").live();
    let filter = visit.query().draft();
    Answer::page(&ProceduresPage { frame, rows, choices: found.choices, filter, is_filtered, pager })
}

async fn table(visit: &Visit, filter: ProcedureFilter) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    let fetch = move |page| {
        let (operations, caller, filter) = (operations.clone(), caller.clone(), filter.clone());
        async move { Ok(operations.procedures(&caller, &filter, &page).await?.rows) }
    };
    csv::answer(visit, "procedures", COLUMNS, fetch, cells).await
}

const COLUMNS: &[&str] = &[
    "Procedure",
    "Version",
    "Title",
    "Runner",
    "Runner label",
    "Digest",
    "Approved",
    "Schedule",
    "Next due",
    "Overdue since",
    "Verdict",
    "Verdict since",
    "Score",
    "Score with exceptions",
    "Last run",
    "Last run ended",
];

fn cells(row: &ProcedureRow) -> csv::Row {
    let (installed, last) = (&row.installed, row.last.as_ref());
    csv::Row::new()
        .text(&installed.id)
        .number(installed.version)
        .text(&installed.title)
        .text(row.runner.id)
        .text(&row.runner.label)
        .text(installed.digest)
        .time(installed.approved)
        .text(schedule(row))
        .maybe_time(row.due.as_ref().map(|due| due.next_due))
        .maybe_time(row.due.as_ref().and_then(|due| due.overdue_since))
        .maybe(last.map(|last| last.verdict))
        .maybe_time(last.map(|last| last.since))
        .score(last.and_then(|last| last.score))
        .score(last.and_then(|last| last.score_with_exceptions))
        .maybe(last.map(|last| last.run))
        .maybe_time(last.map(|last| last.ended))
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::pages::shown::sample;
    use crate::console::sample::Sample;
    let page = |rows: Vec<ProcedureRow>, is_filtered| ProceduresPage {
        frame: Frame::sample(Section::Procedures, "Procedures"),
        rows: rows.into_iter().map(Row::new).collect(),
        choices: sample::choices(),
        filter: Draft::of([("runner", sample::runner().id.to_string())]),
        is_filtered,
        pager: Pager::default(),
    };
    vec![
        Sample::page("procedures, ordinary", &page(sample::procedure_rows(), true)),
        Sample::page("procedures, none", &page(Vec::new(), false)),
        Sample::page("procedures, none that fits", &page(Vec::new(), true)),
        Sample::page("procedures, hostile", &page(sample::hostile_procedure_rows(), false)),
    ]
}
