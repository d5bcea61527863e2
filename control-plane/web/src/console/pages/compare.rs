//! Two runs of one procedure side by side: what became worse, better, or is new.

use std::str::FromStr;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::run::RunSummary;
use control_plane_operations::console::{AtRunner, CheckDifference, Comparison, Difference, MetricDifference};
use ids::RunId;
use proof::manifest::CheckLine;
use verdict::Status;

use super::shown::window::Window;
use super::shown::words::{self, count};
use super::whole;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/runs/{run}/compare/{other}",
    name: "run.compare",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(show(visit))),
    query: &[Field::one("checks"), Field::one("table"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/compare.html")]
struct ComparePage {
    frame: Frame,
    is: Comparison,
    checks: Vec<CheckDifference>,
    window: Window,
    here: Href,
}

impl ComparePage {
    fn new(frame: Frame, mut is: Comparison, here: &Href, from: Option<usize>) -> Self {
        let checks = std::mem::take(&mut is.checks);
        let (checks, window) = Window::of("checks", checks, from, |row| here.clone().with("checks", row).at("checks"));
        Self { frame, is, checks, window, here: here.clone() }
    }

    /// One of the page's tables as a file.
    fn table(&self, table: &str) -> Href {
        self.here.clone().with("format", "csv").with("table", table)
    }

    fn sentence(&self) -> String {
        let counts = &self.is.counts;
        let said = [
            (counts.worse, "became worse", "became worse"),
            (counts.appeared, "is new", "are new"),
            (counts.changed, "changed otherwise", "changed otherwise"),
            (counts.better, "became better", "became better"),
            (counts.gone, "is gone", "are gone"),
            (counts.same, "stayed the same", "stayed the same"),
        ];
        let said = said.iter().filter(|(number, ..)| *number > 0);
        let said: Vec<String> = said.map(|(number, one, many)| count(*number, one, many)).collect();
        match said.as_slice() {
            [] => "Neither run has a check.".to_owned(),
            said => format!("Of the checks, {}.", words::listed(said)),
        }
    }

    /// What to do about a check that does not hold in the later run.
    fn fix<'c>(&self, check: &'c CheckDifference) -> Option<&'c String> {
        let failing = |line: &CheckLine| !matches!(line.status, Status::Pass | Status::NotApplicable | Status::Skipped);
        check.fix.as_ref().filter(|_| check.after.as_ref().is_some_and(failing) && check.kind != Difference::Gone)
    }
}

fn number(value: &Option<i64>) -> String {
    value.map_or_else(|| "none".to_owned(), kit::number)
}

fn change(metric: &MetricDifference) -> String {
    let change = metric.before.zip(metric.after).map(|(before, after)| after.saturating_sub(before));
    match change {
        Some(change) if change > 0 => format!("+{}", kit::number(change)),
        Some(change) => kit::number(change),
        None => String::new(),
    }
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    let (run, other) = (visit.path::<RunId>("run", "run")?, visit.path::<RunId>("other", "run")?);
    let is = visit.operations().compare_runs(visit.caller(), run, other).await?;
    if visit.query().text("format").is_some() {
        let table = visit.query().parsed::<Table>("table")?.unwrap_or(Table::Checks);
        let name = format!("compare-{}-{}", is.before.id, is.after.id);
        return match table {
            Table::Checks => whole::table(visit, &name, COLUMNS, is.checks, cells).await,
            Table::Metrics => whole::table(visit, &format!("{name}-metrics"), METRICS, is.metrics, metric).await,
            Table::Runs => {
                let runs = vec![("earlier", is.before, is.before_runner), ("later", is.after, is.after_runner)];
                whole::table(visit, &format!("{name}-runs"), RUNS, runs, compared).await
            }
        };
    }
    let title = is.title.clone().unwrap_or_else(|| is.after.procedure.id.to_string());
    let frame =
        visit.frame(Section::Runs, "Two runs compared").crumb("Runs", path::runs()).crumb(title, path::run(run));
    let from = visit.query().parsed("checks")?;
    Answer::page(&ComparePage::new(frame, is, &path::compare(run, other), from))
}

/// The tables of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Runs,
    Checks,
    Metrics,
}

/// A text that names no table.
#[derive(Debug, thiserror::Error)]
#[error("a comparison has the tables runs, checks and metrics")]
struct NoTable;

impl FromStr for Table {
    type Err = NoTable;

    fn from_str(text: &str) -> Result<Self, NoTable> {
        match text {
            "runs" => Ok(Self::Runs),
            "checks" => Ok(Self::Checks),
            "metrics" => Ok(Self::Metrics),
            _ => Err(NoTable),
        }
    }
}

const METRICS: &[&str] = &["Metric", "Earlier", "Later", "Change"];

fn metric(row: &MetricDifference) -> csv::Row {
    let change = row.before.zip(row.after).map(|(before, after)| after.saturating_sub(before));
    let number = |row: csv::Row, number: Option<i64>| match number {
        Some(number) => row.number(number),
        None => row.maybe(None::<&str>),
    };
    [row.before, row.after, change].into_iter().fold(csv::Row::new().text(&row.metric), number)
}

const RUNS: &[&str] = &[
    "Which",
    "Run",
    "Began",
    "Verdict",
    "Score",
    "Score with exceptions",
    "Pass",
    "Fail",
    "Error",
    "Pending",
    "Not applicable",
    "Excepted (of fail)",
    "Runner",
    "Runner label",
    "Version",
    "Digest",
];

fn compared((which, run, runner): &(&'static str, RunSummary, AtRunner)) -> csv::Row {
    csv::Row::new()
        .text(which)
        .text(run.id)
        .time(run.started)
        .text(run.verdict)
        .score(run.score)
        .score(run.score_with_exceptions)
        .number(run.counts.pass)
        .number(run.counts.fail)
        .number(run.counts.error)
        .number(run.counts.pending)
        .number(run.counts.not_applicable)
        .number(run.counts.excepted)
        .text(runner.id)
        .text(&runner.label)
        .number(run.procedure.version)
        .text(run.procedure.sha256)
}

const COLUMNS: &[&str] = &[
    "Check",
    "Title",
    "Difference",
    "Status earlier",
    "Status later",
    "Pass earlier",
    "Pass later",
    "Fail earlier",
    "Fail later",
    "Error earlier",
    "Error later",
    "Pending earlier",
    "Pending later",
    "Not applicable earlier",
    "Not applicable later",
    "What to do",
];

fn cells(row: &CheckDifference) -> csv::Row {
    let (before, after) = (row.before.as_ref(), row.after.as_ref());
    let both = |cells: csv::Row, of: fn(&CheckLine) -> u64| cells.maybe(before.map(of)).maybe(after.map(of));
    let cells = csv::Row::new()
        .text(&row.check)
        .maybe(row.title.as_ref())
        .text(words::difference(row.kind).0)
        .maybe(before.map(|line| line.status))
        .maybe(after.map(|line| line.status));
    let cells = both(cells, |line| line.counts.pass);
    let cells = both(cells, |line| line.counts.fail);
    let cells = both(cells, |line| line.counts.error);
    let cells = both(cells, |line| line.counts.pending);
    both(cells, |line| line.counts.not_applicable).maybe(row.fix.as_ref())
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::shown::sample;
    use crate::console::sample::Sample;
    let page = |is: Comparison| {
        let here = path::compare(is.after.id, is.before.id);
        ComparePage::new(Frame::sample(Section::Runs, "Two runs compared"), is, &here, None)
    };
    vec![
        Sample::page("compare, ordinary", &page(sample::comparison())),
        Sample::page("compare, empty", &page(sample::empty_comparison())),
        Sample::page("compare, hostile", &page(sample::hostile_comparison())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::shown::sample;

    #[test]
    fn the_difference_is_said_in_one_sentence() {
        let page = |is| ComparePage::new(Frame::sample(Section::Runs, "x"), is, &path::runs(), None).sentence();
        assert_eq!(
            page(sample::comparison()),
            "Of the checks, 1 became worse, 1 is new, 1 became better and 2 stayed the same."
        );
        assert_eq!(page(sample::empty_comparison()), "Neither run has a check.");
    }
}
