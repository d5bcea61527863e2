//! All runs, by whatever tells them apart.

use std::str::FromStr;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::run::RunFilter;
use control_plane_operations::console::{Choices, ControlRef, PersonRef, RunRow, RunningRow};
use crypto::Digest;
use ids::{PersonId, RunnerId};
use proof::text::Name;
use verdict::{Severity, Status, Trigger};

use super::shown::control_sets::{self, Asked};
use super::shown::words;
use super::when;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{self, Pager};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
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
        Field::one("by"),
        Field::one("version"),
        Field::one("digest"),
        Field::one("whole"),
        Field::one("control"),
        Field::one("check"),
        Field::one("failing"),
        Field::one("least"),
        Field::one("most"),
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
    /// How many runs were looked through, where that is why the page ends.
    looked_through: Option<u64>,
    choices: Choices,
    controls: Vec<ControlRef>,
    askers: Vec<PersonRef>,
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

    /// A time of the filter as a field for times takes it: a day alone begins or ends at `or`.
    fn moment(&self, name: &str, or: &str) -> String {
        let value = self.filter.value(name);
        if value.len() == 10 { format!("{value}T{or}") } else { value.to_owned() }
    }

    fn by_framework(&self) -> Vec<(&str, Vec<&ControlRef>)> {
        control_sets::by_framework(&self.controls)
    }

    /// Whether a filter is set that stands below the usual ones.
    fn has_more(&self) -> bool {
        ["by", "version", "digest", "whole", "control", "check", "failing", "least", "most"]
            .iter()
            .any(|name| !self.filter.value(name).is_empty())
    }

    fn triggers(&self) -> Vec<(Trigger, &'static str)> {
        Trigger::ALL.iter().map(|trigger| (*trigger, words::trigger(*trigger))).collect()
    }
}

/// That a page ended before it was full, and there may be more.
pub(crate) fn looked_through(number: &u64) -> String {
    format!(
        "{} runs were looked through for this page. Older ones may fit too: go on to the next page.",
        kit::number(number)
    )
}

/// Whether a run looked at everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Whole,
    Partial,
}

#[derive(Debug, thiserror::Error)]
#[error("a run is `whole` or `partial`")]
struct NoWhole;

impl FromStr for Whole {
    type Err = NoWhole;

    fn from_str(text: &str) -> Result<Self, NoWhole> {
        match text {
            "whole" => Ok(Self::Whole),
            "partial" => Ok(Self::Partial),
            _ => Err(NoWhole),
        }
    }
}

/// A score as people write it, 0 to 100 with up to two decimals: basis points.
struct Score(u64);

#[derive(Debug, thiserror::Error)]
#[error("not a score between 0 and 100, such as 98.5")]
struct NoScore;

impl FromStr for Score {
    type Err = NoScore;

    fn from_str(text: &str) -> Result<Self, NoScore> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
        let is_plain =
            |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain(whole, 3) || !is_plain(rest, 2) {
            return Err(NoScore);
        }
        let points = format!("{whole}{rest:0<2}").parse().map_err(|_| NoScore)?;
        if points > 10_000 { Err(NoScore) } else { Ok(Self(points)) }
    }
}

fn read(visit: &Visit) -> Result<RunFilter, Trouble> {
    let query = visit.query();
    Ok(RunFilter {
        runner: query.parsed::<RunnerId>("runner")?,
        procedure: query.parsed::<Name>("procedure")?,
        verdict: query.parsed::<Status>("verdict")?,
        trigger: query.parsed::<Trigger>("trigger")?,
        from: when::from(visit, "from")?,
        until: when::until(visit, "until")?,
        asked_by: query.parsed::<PersonId>("by")?,
        digest: query.parsed::<Digest>("digest")?,
        version: query.parsed::<u64>("version")?,
        partial: query.parsed::<Whole>("whole")?.map(|whole| whole == Whole::Partial),
        failing_check: query.parsed::<Name>("check")?,
        failing: query.parsed::<Severity>("failing")?,
        score_from: query.parsed::<Score>("least")?.map(|score| score.0),
        score_to: query.parsed::<Score>("most")?.map(|score| score.0),
    })
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let filter = read(visit)?;
    let control = visit.query().parsed::<Asked>("control")?.map(|control| control.0);
    if visit.query().text("format").is_some() {
        return table(visit, filter, control).await;
    }
    let page = visit.query().page()?;
    let found = visit.operations().search_runs(visit.caller(), &filter, control.as_ref(), &page).await?;
    let frame = visit.frame(Section::Runs, "Runs").live();
    Answer::page(&RunsPage {
        frame,
        running: found.running,
        pager: visit.pager(&found.rows),
        rows: found.rows.items,
        looked_through: found.looked_through,
        choices: found.choices,
        controls: found.controls,
        askers: found.askers,
        filter: visit.query().draft(),
        is_filtered: filter != RunFilter::default() || control.is_some() || page.after().is_some(),
    })
}

async fn table(visit: &Visit, filter: RunFilter, control: Option<ControlRef>) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    let fetch = move |page| {
        let (operations, caller) = (operations.clone(), caller.clone());
        let (filter, control) = (filter.clone(), control.clone());
        async move { Ok(operations.search_runs(&caller, &filter, control.as_ref(), &page).await?.rows) }
    };
    csv::answer(visit, "runs", COLUMNS, fetch, cells).await
}

pub(crate) const COLUMNS: &[&str] = &[
    "Run",
    "Procedure",
    "Version",
    "Title",
    "Digest",
    "Runner",
    "Runner label",
    "Trigger",
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

pub(crate) fn cells(row: &RunRow) -> csv::Row {
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
    let page = |rows: Vec<RunRow>, is_filtered, rows_looked_through| RunsPage {
        frame: Frame::sample(Section::Runs, "Runs"),
        running: if rows.is_empty() { Vec::new() } else { sample::running() },
        rows,
        looked_through: rows_looked_through,
        choices: sample::choices(),
        controls: sample::controls(),
        askers: vec![sample::person()],
        filter: Draft::of([("verdict", "fail".to_owned()), ("from", "2026-11-01".to_owned())]),
        is_filtered,
        pager: Pager::default(),
    };
    vec![
        Sample::page("runs, ordinary", &page(sample::run_rows(), true, None)),
        Sample::page("runs, none", &page(Vec::new(), false, None)),
        Sample::page("runs, none that fits", &page(Vec::new(), true, None)),
        Sample::page("runs, none that fits so far", &page(Vec::new(), true, Some(5_000))),
        Sample::page("runs, hostile", &page(sample::hostile_run_rows(), false, None)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_read_as_people_write_it() {
        let read = |text: &str| text.parse::<Score>().ok().map(|score| score.0);
        for (text, points) in [("0", 0), ("98.5", 9_850), ("98.05", 9_805), ("100", 10_000), ("100.00", 10_000)] {
            assert_eq!(read(text), Some(points), "{text}");
        }
        for text in ["", "100.01", "101", "-1", "+1", "1e2", "98.", ".5", "98.123", "0100", "9 8"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
