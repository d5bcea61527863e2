//! What fails, since when, and what to do about it.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::standing::{FindingFilter, FindingOrder, SeverityCounts};
use control_plane_operations::console::{Choices, ControlRef, FindingRow};
use ids::RunnerId;
use proof::text::Name;
use verdict::Severity;

use super::shown::control_sets::{self, Asked};
use super::shown::words;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Html, Pager};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/findings",
    name: "findings",
    access: Access::Permitted(&[Permission::FindingsList], |visit| Box::pin(list(visit))),
    query: &[
        Field::one("severity"),
        Field::one("control"),
        Field::one("age"),
        Field::one("runner"),
        Field::one("procedure"),
        Field::one("order"),
        Field::one("cursor"),
        Field::one("format"),
    ],
    takes: Takes::Nothing,
}];

/// Days that the form offers to ask for.
const AGES: &[(u32, &str)] =
    &[(1, "a day or longer"), (7, "a week or longer"), (30, "30 days or longer"), (90, "90 days or longer")];

const DAY_MS: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "page/findings.html")]
struct FindingsPage {
    frame: Frame,
    rows: Vec<FindingRow>,
    counts: SeverityCounts,
    choices: Choices,
    controls: Vec<ControlRef>,
    filter: Draft,
    is_filtered: bool,
    pager: Pager,
}

impl FindingsPage {
    fn by_severity(&self) -> Vec<(Severity, u64)> {
        Severity::ALL.iter().map(|severity| (*severity, self.counts.of(*severity))).collect()
    }

    /// The controls to choose from, by framework.
    fn by_framework(&self) -> Vec<(&str, Vec<&ControlRef>)> {
        control_sets::by_framework(&self.controls)
    }

    /// What the check serves; many controls wait to be asked for.
    fn controls_of(&self, row: &FindingRow) -> Html {
        let state = &row.state;
        // Those of the check alone say more than those of its whole procedure.
        let controls = if row.own.is_empty() { &row.controls } else { &row.own };
        control_sets::html(controls, format!("controls-{}-{}-{}", state.runner, state.procedure, state.check))
    }

    /// The check in the run that says so.
    fn check(&self, row: &FindingRow) -> Href {
        path::run(row.state.run)
    }
}

/// What is wanted.
#[derive(Clone)]
struct Wanted {
    filter: FindingFilter,
    control: Option<ControlRef>,
}

fn read(visit: &Visit) -> Result<Wanted, Trouble> {
    let query = visit.query();
    let age = query.parsed::<u32>("age")?;
    let order = match query.text("order") {
        None | Some("severity") => FindingOrder::Severity,
        Some("age") => FindingOrder::Age,
        Some(_) => return Err(Trouble::invalid("findings are ordered by `severity` or by `age`")),
    };
    let filter = FindingFilter {
        runner: query.parsed::<RunnerId>("runner")?,
        procedure: query.parsed::<Name>("procedure")?,
        severity: query.parsed::<Severity>("severity")?,
        failing_before: age.map(|days| visit.now().plus_ms(-DAY_MS * i64::from(days))),
        failing_from: None,
        order,
    };
    Ok(Wanted { filter, control: query.parsed::<Asked>("control")?.map(|control| control.0) })
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let wanted = read(visit)?;
    if visit.query().text("format").is_some() {
        return table(visit, wanted).await;
    }
    let page = visit.query().page()?;
    let Wanted { filter, control } = wanted;
    let found = visit.operations().findings_page(visit.caller(), &filter, control.as_ref(), &page).await?;
    let named = ["severity", "control", "age", "runner", "procedure", "cursor"];
    Answer::page(&FindingsPage {
        frame: visit.frame(Section::Findings, "Findings").live(),
        pager: visit.pager(&found.rows),
        rows: found.rows.items,
        counts: found.counts,
        choices: found.choices,
        controls: found.controls,
        filter: visit.query().draft(),
        is_filtered: named.iter().any(|name| visit.query().text(name).is_some()),
    })
}

async fn table(visit: &Visit, wanted: Wanted) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    let fetch = move |page| {
        let (operations, caller, wanted) = (operations.clone(), caller.clone(), wanted.clone());
        async move { Ok(operations.findings_page(&caller, &wanted.filter, wanted.control.as_ref(), &page).await?.rows) }
    };
    csv::answer(visit, "findings", COLUMNS, fetch, cells).await
}

const COLUMNS: &[&str] = &[
    "Severity",
    "Check",
    "Title",
    "Status",
    "Failing since",
    "Status since",
    "What to do",
    "Controls",
    "Procedure",
    "Procedure title",
    "Runner",
    "Runner label",
    "Run",
    "Run ended",
];

fn cells(row: &FindingRow) -> csv::Row {
    let state = &row.state;
    csv::Row::new()
        .text(state.severity)
        .text(&state.check)
        .maybe(row.title.as_ref())
        .text(state.status)
        .maybe_time(state.failing_since)
        .time(state.since)
        .maybe(row.fix.as_ref())
        .text(words::listed(&row.controls))
        .text(&state.procedure)
        .maybe(row.procedure_title.as_ref())
        .text(row.runner.id)
        .text(&row.runner.label)
        .text(state.run)
        .time(state.run_ended)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::shown::sample;
    use crate::console::sample::Sample;
    let page = |rows: Vec<FindingRow>, is_filtered| FindingsPage {
        frame: Frame::sample(Section::Findings, "Findings"),
        rows,
        counts: sample::severities(),
        choices: sample::choices(),
        controls: sample::controls(),
        filter: Draft::of([("control", "iso-27001-2022 A.5.15".to_owned())]),
        is_filtered,
        pager: Pager::default(),
    };
    vec![
        Sample::page("findings, ordinary", &page(sample::finding_rows(), true)),
        Sample::page("findings, none", &page(Vec::new(), false)),
        Sample::page("findings, none that fits", &page(Vec::new(), true)),
        Sample::page("findings, hostile", &page(sample::hostile_finding_rows(), false)),
    ]
}
