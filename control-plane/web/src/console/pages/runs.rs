//! All runs, by whatever tells them apart.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::run::RunFilter;
use control_plane_operations::console::{Choices, RunRow, RunningRow};
use ids::RunnerId;
use proof::text::Name;
use verdict::{Status, Trigger};

use super::shown::date::Day;
use super::shown::words;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Pager;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::{Draft, Values};
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/runs",
    name: "runs",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(list(visit))),
    query: &[
        Field::one("runner"),
        Field::one("procedure"),
        Field::one("verdict"),
        Field::one("trigger"),
        Field::one("from"),
        Field::one("until"),
        Field::one("cursor"),
        Field::one("format"),
    ],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/runs.html")]
struct RunsPage {
    frame: Frame,
    running: Vec<RunningRow>,
    rows: Vec<RunRow>,
    choices: Choices,
    filter: Draft,
    is_filtered: bool,
    pager: Pager,
}

impl RunsPage {
    /// What a run can come to. None is ever skipped as a whole.
    fn verdicts(&self) -> Vec<(Status, &'static str)> {
        let all = Status::ALL.iter().filter(|status| **status != Status::Skipped);
        all.map(|status| (*status, words::plain(*status))).collect()
    }

    fn triggers(&self) -> Vec<(Trigger, &'static str)> {
        Trigger::ALL.iter().map(|trigger| (*trigger, words::trigger(*trigger))).collect()
    }
}

fn read(query: &Values) -> Result<RunFilter, Trouble> {
    Ok(RunFilter {
        runner: query.parsed::<RunnerId>("runner")?,
        procedure: query.parsed::<Name>("procedure")?,
        verdict: query.parsed::<Status>("verdict")?,
        trigger: query.parsed::<Trigger>("trigger")?,
        from: query.parsed::<Day>("from")?.map(Day::start),
        until: query.parsed::<Day>("until")?.map(Day::end),
    })
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let filter = read(visit.query())?;
    if visit.query().text("format").is_some() {
        return table(visit, filter).await;
    }
    let page = visit.query().page()?;
    let found = visit.operations().runs_page(visit.caller(), &filter, &page).await?;
    let frame = visit.frame(Section::Runs, "Runs").live();
    Answer::page(&RunsPage {
        frame,
        running: found.running,
        pager: visit.pager(&found.rows),
        rows: found.rows.items,
        choices: found.choices,
        filter: visit.query().draft(),
        is_filtered: filter != RunFilter::default() || page.after().is_some(),
    })
}

async fn table(visit: &Visit, filter: RunFilter) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    let fetch = move |page| {
        let (operations, caller, filter) = (operations.clone(), caller.clone(), filter.clone());
        async move { Ok(operations.runs_page(&caller, &filter, &page).await?.rows) }
    };
    csv::answer(visit, "runs", COLUMNS, fetch, cells).await
}

const COLUMNS: &[&str] = &[
    "Run",
    "Procedure",
    "Version",
    "Title",
    "Digest",
    "Runner",
    "Runner label",
    "Set off",
    "Due",
    "Began",
    "Ended",
    "Verdict",
    "Partial",
    "Score",
    "Score with exceptions",
    "Pass",
    "Fail",
    "Error",
    "Pending",
    "Not applicable",
    "Excepted (of fail)",
    "Reports",
    "Journal record",
];

fn cells(row: &RunRow) -> csv::Row {
    let run = &row.run;
    csv::Row::new()
        .text(run.id)
        .text(&run.procedure.id)
        .number(run.procedure.version)
        .maybe(row.title.as_ref())
        .text(run.procedure.sha256)
        .text(row.runner.id)
        .text(&row.runner.label)
        .text(run.trigger)
        .maybe_time(run.due)
        .time(run.started)
        .time(run.ended)
        .text(run.verdict)
        .text(if run.partial { "yes" } else { "no" })
        .score(run.score)
        .score(run.score_with_exceptions)
        .number(run.counts.pass)
        .number(run.counts.fail)
        .number(run.counts.error)
        .number(run.counts.pending)
        .number(run.counts.not_applicable)
        .number(run.counts.excepted)
        .number(run.reports)
        .number(run.seq)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::shown::sample;
    use crate::console::sample::Sample;
    let page = |rows: Vec<RunRow>, is_filtered| RunsPage {
        frame: Frame::sample(Section::Runs, "Runs"),
        running: if rows.is_empty() { Vec::new() } else { sample::running() },
        rows,
        choices: sample::choices(),
        filter: Draft::of([("verdict", "fail".to_owned()), ("from", "2026-11-01".to_owned())]),
        is_filtered,
        pager: Pager::default(),
    };
    vec![
        Sample::page("runs, ordinary", &page(sample::run_rows(), true)),
        Sample::page("runs, none", &page(Vec::new(), false)),
        Sample::page("runs, none that fits", &page(Vec::new(), true)),
        Sample::page("runs, hostile", &page(sample::hostile_run_rows(), false)),
    ]
}
