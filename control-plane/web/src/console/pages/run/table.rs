//! The tables of a run as files.

use std::str::FromStr;

use control_plane_operations::console::{ReportLine, RunCheck, RunEvidence, RunPage, RunStep};
use ids::RunId;
use proof::manifest::MetricLine;

use super::show::{ControlRow, controls};
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::pages::shown::words;
use crate::console::pages::whole;
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Checks,
    Steps,
    Evidence,
    Metrics,
    Controls,
    Exceptions,
    Reports,
}

/// A text that names no table.
#[derive(Debug, thiserror::Error)]
#[error("a run has the tables checks, steps, evidence, metrics, controls, exceptions and reports")]
pub(super) struct NoTable;

impl FromStr for Table {
    type Err = NoTable;

    fn from_str(text: &str) -> Result<Self, NoTable> {
        match text {
            "checks" => Ok(Self::Checks),
            "steps" => Ok(Self::Steps),
            "evidence" => Ok(Self::Evidence),
            "metrics" => Ok(Self::Metrics),
            "controls" => Ok(Self::Controls),
            "exceptions" => Ok(Self::Exceptions),
            "reports" => Ok(Self::Reports),
            _ => Err(NoTable),
        }
    }
}

/// The table as a file. Whoever may not see which evidence there is gets no list of it.
pub(super) async fn answer(visit: &Visit, run: RunId, page: RunPage, table: Table) -> Result<Answer, Trouble> {
    match table {
        Table::Checks => whole::table(visit, &format!("run-{run}-checks"), CHECKS, page.checks, check).await,
        Table::Steps => whole::table(visit, &format!("run-{run}-steps"), STEPS, page.steps, step).await,
        Table::Metrics => whole::table(visit, &format!("run-{run}-metrics"), METRICS, page.metrics, metric).await,
        Table::Controls => {
            let rows = controls(&page.checks);
            whole::table(visit, &format!("run-{run}-controls"), CONTROLS, rows, control).await
        }
        Table::Exceptions => {
            let rows = page.checks.into_iter().flat_map(excepted).collect();
            whole::table(visit, &format!("run-{run}-exceptions"), EXCEPTIONS, rows, exception).await
        }
        Table::Reports => whole::table(visit, &format!("run-{run}-reports"), REPORTS, page.reports, report).await,
        Table::Evidence => {
            let items = page.items.ok_or_else(|| Trouble::not_found("list of evidence for this role"))?;
            whole::table(visit, &format!("run-{run}-evidence"), EVIDENCE, items, evidence).await
        }
    }
}

const CHECKS: &[&str] = &[
    "Check",
    "Title",
    "Status",
    "Severity",
    "Failing since",
    "What to do",
    "Controls",
    "Exceptions",
    "Pass",
    "Fail",
    "Error",
    "Pending",
    "Not applicable",
    "Excepted (of fail)",
    "Status now",
];

fn check(row: &RunCheck) -> csv::Row {
    let counts = &row.line.counts;
    csv::Row::new()
        .text(&row.line.check)
        .maybe(row.title.as_ref())
        .text(row.line.status)
        .text(row.line.severity)
        .maybe_time(row.failing_since)
        .maybe(row.fix.as_ref())
        .text(words::listed(&row.controls))
        .text(words::listed(&row.line.exceptions))
        .number(counts.pass)
        .number(counts.fail)
        .number(counts.error)
        .number(counts.pending)
        .number(counts.not_applicable)
        .number(counts.excepted)
        .maybe(row.now.as_ref().map(|now| now.status))
}

const STEPS: &[&str] = &["Step", "Title", "Status", "Code", "Attempts", "Began", "Ended", "Always run"];

fn step(row: &RunStep) -> csv::Row {
    csv::Row::new()
        .text(&row.line.step)
        .maybe(row.title.as_ref())
        .text(row.line.status)
        .maybe(row.line.code)
        .number(row.line.attempts)
        .time(row.line.started)
        .time(row.line.ended)
        .text(if row.is_finally { "yes" } else { "no" })
}

const EVIDENCE: &[&str] =
    &["Item", "Step", "Step title", "Form", "Class", "Collected", "Rows", "Root", "Destroyed", "Destroyed by record"];

fn evidence(row: &RunEvidence) -> csv::Row {
    csv::Row::new()
        .text(row.line.item)
        .text(&row.line.step)
        .maybe(row.step_title.as_ref())
        .text(row.line.form)
        .text(row.line.class)
        .time(row.line.collected)
        .number(row.line.rows)
        .text(row.line.root)
        .maybe_time(row.destroyed.as_ref().map(|destroyed| destroyed.at))
        .maybe(row.destroyed.as_ref().map(|destroyed| destroyed.seq))
}

const METRICS: &[&str] = &["Metric", "Value"];

fn metric(row: &MetricLine) -> csv::Row {
    csv::Row::new().text(&row.metric).number(row.value)
}

const CONTROLS: &[&str] = &["Framework", "Control", "Worst status", "Checks"];

fn control(row: &ControlRow) -> csv::Row {
    csv::Row::new()
        .text(&row.control.framework)
        .text(&row.control.control)
        .text(row.worst)
        .text(words::listed(&row.checks))
}

const EXCEPTIONS: &[&str] = &["Check", "Exception", "Failing items of the check", "Of them excepted"];

/// A check, and one of the exceptions that cover something of it.
type Excepted = (RunCheck, String);

fn excepted(check: RunCheck) -> Vec<Excepted> {
    let ids: Vec<String> = check.line.exceptions.iter().map(ToString::to_string).collect();
    ids.into_iter().map(|id| (check.clone(), id)).collect()
}

fn exception((check, id): &Excepted) -> csv::Row {
    let counts = &check.line.counts;
    csv::Row::new().text(&check.line.check).text(id).number(counts.fail).number(counts.excepted)
}

const REPORTS: &[&str] = &["Journal record", "Accepted"];

fn report(row: &ReportLine) -> csv::Row {
    csv::Row::new().number(row.seq).time(row.at)
}
