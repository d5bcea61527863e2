//! Facts and the procedure's own words, put together as a manifest.

use clock::Timestamp;
use ids::{ExceptionId, RunId, RunnerId, TenantId};
use procedure::Procedure;
use proof::manifest::{CheckLine, ItemLine, Manifest, ManifestError, MetricLine, ProcedureVersion, RunLine, StepLine};
use proof::text::{Name, Software};
use runner_engine::StepFact;
use runner_evidence::ItemRecord;
use verdict::{Counts, Status, Trigger};

/// What is told of the run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunFact {
    /// The run.
    pub run: RunId,
    /// The tenant; nil before enrolment.
    pub tenant: TenantId,
    /// This Runner.
    pub runner: RunnerId,
    /// What set it off.
    pub trigger: Trigger,
    /// When it was due, if a schedule set it off.
    pub due: Option<Timestamp>,
    /// When it began.
    pub started: Timestamp,
    /// Its verdict.
    pub verdict: Status,
    /// The score as measured, in basis points.
    pub score: Option<u64>,
    /// The score without excepted items, in basis points.
    pub score_with_exceptions: Option<u64>,
    /// The sum over the checks.
    pub counts: Counts,
    /// Whether checks were left out on request.
    pub partial: bool,
}

/// What is told of a step and of the evidence that it collected, in the order of collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// The step.
    pub fact: StepFact,
    /// Its items.
    pub items: Vec<ItemRecord>,
}

/// What is told of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFact {
    /// Its status.
    pub status: Status,
    /// Its items by status.
    pub counts: Counts,
    /// The exceptions that cover its failing items.
    pub exceptions: Vec<ExceptionId>,
}

/// What is told of a metric: `None` if it could not be measured.
pub type MetricFact = Option<i32>;

/// Everything that is told of a run. Each list is in the order of the procedure and as long as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The run.
    pub run: RunFact,
    /// One a step, those of `finally` last.
    pub steps: Vec<StepReport>,
    /// One a check.
    pub checks: Vec<CheckFact>,
    /// One a metric.
    pub metrics: Vec<MetricFact>,
}

/// Which declared metrics leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Those that the procedure declares.
    Listed,
    /// None.
    None,
}

/// Why no manifest was made.
#[derive(Debug, thiserror::Error)]
pub enum DisclosureError {
    /// The facts are of another procedure.
    #[error("the facts do not fit the procedure: {0} of another number")]
    OtherProcedure(&'static str),
    /// A word of the procedure cannot stand in a manifest.
    #[error("`{0}` of the procedure cannot stand in a manifest")]
    Word(String),
    /// The facts contradict each other.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// The bytes of the manifest, exactly as they are signed and sent. The same facts give the same bytes.
///
/// `software` is the name and version that the program gave itself when the run began.
pub fn manifest(
    procedure: &Procedure,
    software: &Software,
    facts: &Facts,
    metrics: Metrics,
) -> Result<Vec<u8>, DisclosureError> {
    let fits = [
        ("steps", procedure.all_steps().count() == facts.steps.len()),
        ("checks", procedure.checks.len() == facts.checks.len()),
        ("metrics", procedure.metrics.len() == facts.metrics.len()),
    ];
    if let Some((what, _)) = fits.into_iter().find(|(_, fits)| !fits) {
        return Err(DisclosureError::OtherProcedure(what));
    }
    let run = run_line(procedure, software, facts)?;
    let mut lines = Manifest { run, steps: Vec::new(), items: Vec::new(), checks: Vec::new(), metrics: Vec::new() };
    for (step, report) in procedure.all_steps().zip(&facts.steps) {
        let name = name(&step.id)?;
        lines.items.extend(report.items.iter().map(|item| item_line(&name, item)));
        lines.steps.push(step_line(name, report.fact, lines.run.ended));
    }
    for (check, fact) in procedure.checks.iter().zip(&facts.checks) {
        lines.checks.push(CheckLine {
            check: name(&check.id)?,
            status: fact.status,
            severity: check.severity,
            counts: fact.counts,
            exceptions: fact.exceptions.clone(),
        });
    }
    if metrics == Metrics::Listed {
        for (metric, value) in procedure.metrics.iter().zip(&facts.metrics) {
            let Some(value) = *value else { continue };
            lines.metrics.push(MetricLine { metric: name(&metric.name)?, value });
        }
    }
    Ok(lines.to_bytes()?)
}

fn run_line(procedure: &Procedure, software: &Software, facts: &Facts) -> Result<RunLine, DisclosureError> {
    let run = &facts.run;
    // A run ends with its last step; a run that waits is reported as of the last thing that became known.
    let ended = facts.steps.iter().filter_map(|step| step.fact.ended).max().unwrap_or(run.started);
    Ok(RunLine {
        run: run.run,
        tenant: run.tenant,
        runner: run.runner,
        procedure: ProcedureVersion {
            id: name(&procedure.id)?,
            version: procedure.version,
            sha256: procedure.digest(),
        },
        trigger: run.trigger,
        due: run.due,
        started: run.started,
        ended: ended.max(run.started),
        verdict: run.verdict,
        score: run.score,
        score_with_exceptions: run.score_with_exceptions,
        counts: run.counts,
        partial: run.partial,
        software: software.clone(),
    })
}

fn step_line(step: Name, fact: StepFact, reported: Timestamp) -> StepLine {
    let started = fact.started.unwrap_or(reported);
    StepLine {
        step,
        status: fact.status,
        code: fact.code,
        attempts: fact.attempts,
        started,
        ended: fact.ended.unwrap_or(reported).max(started),
    }
}

fn item_line(step: &Name, item: &ItemRecord) -> ItemLine {
    ItemLine {
        item: item.item,
        step: step.clone(),
        form: item.form,
        class: item.class,
        collected: item.collected,
        rows: item.commitment.rows,
        root: item.commitment.root,
    }
}

fn name(word: &str) -> Result<Name, DisclosureError> {
    word.parse().map_err(|_| DisclosureError::Word(word.to_owned()))
}

#[cfg(test)]
mod tests;
