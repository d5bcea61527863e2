//! What a run came to: evaluated from the store, put into a manifest, signed, journalled and printed.
//!
//! The judgement is always made from what the store holds, never from what is still in memory. So a run that is verified
//! years later goes through exactly this code.

use clock::Timestamp;
use ids::RunId;
use procedure::{Assessment, MetricValue, Procedure};
use runner_disclosure::{CheckFact, Facts, RunFact, StepReport};
use runner_engine::StepFact;
use runner_vault::StoredRun;
use serde_json::{Value, json};
use verdict::Status;

use crate::config::MetricsPolicy;
use crate::fail::{Exit, Fail};
use crate::output::{self, Cell};
use crate::wiring::execute::Reached;
use crate::wiring::runner::Runner;
use crate::wiring::{begin, exceptions};

/// A run as it is known now.
pub(crate) struct Judged {
    /// The run.
    pub(crate) run: RunId,
    /// The procedure's id and title.
    pub(crate) procedure: (String, String),
    /// The evaluation; its keys and details stay here.
    pub(crate) assessment: Assessment,
    /// Whether this manifest was not attested before.
    pub(crate) is_news: bool,
    /// Until when it waits, if it does.
    pub(crate) parked: Option<Option<Timestamp>>,
}

impl Judged {
    /// The verdict.
    pub(crate) fn verdict(&self) -> Status {
        self.assessment.verdict
    }

    /// What the process ends with.
    pub(crate) fn exit(&self) -> Exit {
        if self.verdict() == Status::Pass { Exit::Pass } else { Exit::NotPass }
    }
}

/// Evaluates a run from the store and attests it, unless exactly this was attested already.
pub(crate) fn report(runner: &Runner, procedure: &Procedure, run: RunId, reached: Reached) -> Result<Judged, Fail> {
    let stored = runner.store.with(|store| store.load_run(run))?;
    let (assessment, facts) = judge(runner, procedure, &stored)?;
    let manifest = manifest(procedure, &stored, &facts)?;
    let last = runner.store.with(|store| store.attestations(run))?.pop();
    let ended = reached == Reached::End;
    let is_news = last.is_none_or(|last| last.manifest != manifest || last.is_final != ended);
    if is_news {
        runner.store.with(|store| store.attest(run, &manifest))?;
    }
    if ended {
        remove_scratch(runner, run);
    }
    let parked = match reached {
        Reached::End => None,
        Reached::Parked { until } => Some(until),
    };
    let procedure = (procedure.id.clone(), procedure.title.clone());
    Ok(Judged { run, procedure, assessment, is_news, parked })
}

/// Evaluates what the store holds of a run, and gathers what may be told of it.
pub(crate) fn judge(runner: &Runner, procedure: &Procedure, stored: &StoredRun) -> Result<(Assessment, Facts), Fail> {
    let mut machine = begin::rebuild(runner, procedure, stored)?;
    // Everything that became known is in the store; nothing may happen now, so the clock stands where it stood then.
    let known = stored.pieces.iter().map(|piece| piece.ended).max().unwrap_or(stored.start.started);
    machine.advance(known);
    let covering = exceptions::for_procedure(runner, procedure, stored.start.started)?;
    let only = stored.start.only.as_ref().map(|only| only.iter().cloned().collect());
    let assessment = procedure::assess(procedure, machine.world(), &covering, only.as_ref()).map_err(|failure| {
        Fail::fault("E-RUN-017", failure.text, "free memory or threads, then `proctor-runner resume`")
    })?;
    let steps: Vec<(String, StepFact)> =
        machine.progress().map(|(step, progress)| (step.id.clone(), progress.fact())).collect();
    let start = &stored.start;
    let identity = runner.identity;
    let run = RunFact {
        run: start.run,
        tenant: identity.tenant,
        runner: identity.runner,
        trigger: start.trigger,
        due: start.due,
        started: start.started,
        verdict: assessment.verdict,
        score: assessment.score,
        score_with_exceptions: assessment.score_with_exceptions,
        counts: assessment.counts,
        partial: assessment.partial,
    };
    let steps = steps.into_iter().map(|(id, fact)| StepReport { fact, items: items(stored, &id) }).collect();
    let checks = assessment.checks.iter().map(|check| CheckFact {
        status: check.status,
        counts: check.counts,
        exceptions: check.exceptions.clone(),
    });
    let checks = checks.collect();
    let metrics = assessment.metrics.iter().map(|metric| measured(&metric.value)).collect();
    Ok((assessment, Facts { run, steps, checks, metrics }))
}

fn measured(value: &MetricValue) -> Option<i32> {
    match value {
        MetricValue::Value(value) => Some(*value),
        MetricValue::Pending | MetricValue::Failed(_) => None,
    }
}

/// The exact bytes of the manifest.
pub(crate) fn manifest(procedure: &Procedure, stored: &StoredRun, facts: &Facts) -> Result<Vec<u8>, Fail> {
    let metrics = match begin::Fixed::of(stored)?.metrics {
        MetricsPolicy::Listed => runner_disclosure::Metrics::Listed,
        MetricsPolicy::None => runner_disclosure::Metrics::None,
    };
    let software = stored.start.software.parse().map_err(internal)?;
    runner_disclosure::manifest(procedure, &software, facts, metrics).map_err(internal)
}

/// Items of a step in the order of collection: pieces by position, body before frame.
fn items(stored: &StoredRun, step: &str) -> Vec<runner_evidence::ItemRecord> {
    let mut pieces: Vec<_> = stored.pieces.iter().filter(|piece| piece.step == step).collect();
    pieces.sort_by_key(|piece| piece.position);
    pieces.into_iter().flat_map(|piece| piece.items.iter().cloned()).collect()
}

fn remove_scratch(runner: &Runner, run: RunId) {
    let scratch = runner.scratch(run);
    if let Err(error) = std::fs::remove_dir_all(&scratch)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        runner.out.note(format_args!("the scratch folder {} is not empty: {error}", scratch.display()));
    }
}

fn internal(error: impl std::fmt::Display) -> Fail {
    Fail::fault("E-RUN-016", error, "this is a fault of the Runner; the evidence is stored, please report it")
}

/// Prints the result of a run.
pub(crate) fn print(runner: &Runner, judged: &Judged) -> Result<Exit, Fail> {
    let out = runner.out;
    let Assessment { checks, counts, score, score_with_exceptions, .. } = &judged.assessment;
    out.table(
        &["check", "severity", "status", "pass", "fail", "error", "pending", "n/a", "excepted"],
        checks
            .iter()
            .map(|check| {
                let counts = check.counts;
                let numbers =
                    [counts.pass, counts.fail, counts.error, counts.pending, counts.not_applicable, counts.excepted];
                let words = [Cell::from(&check.id), Cell::from(check.severity), Cell::Status(check.status)];
                words.into_iter().chain(numbers.map(Cell::from)).collect()
            })
            .collect(),
    );
    out.line(format_args!(
        "{}  score {}  with exceptions {}  ({} pass, {} fail, {} error, {} pending, {} not applicable, {} excepted)",
        output::status(judged.verdict()),
        output::score(*score),
        output::score(*score_with_exceptions),
        counts.pass,
        counts.fail,
        counts.error,
        counts.pending,
        counts.not_applicable,
        counts.excepted,
    ));
    out.line(format_args!("run {}", judged.run));
    if let Some(until) = judged.parked {
        out.line(match until {
            Some(until) => format!("it waits until {until} or for an answer: proctor-runner pending {}", judged.run),
            None => format!("it waits for an answer: proctor-runner pending {}", judged.run),
        });
    } else if judged.verdict() != Status::Pass {
        out.line(format_args!("why: proctor-runner show {}", judged.run));
    }
    out.json(&as_json(judged));
    Ok(judged.exit())
}

/// The result of a run for programs.
pub(crate) fn as_json(judged: &Judged) -> Value {
    let Assessment { checks, counts, score, score_with_exceptions, metrics, partial, .. } = &judged.assessment;
    let checks: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({"check": check.id, "severity": check.severity, "status": check.status, "counts": check.counts,
                   "exceptions": check.exceptions})
        })
        .collect();
    let metrics: serde_json::Map<_, _> = metrics
        .iter()
        .map(|metric| {
            let value = match &metric.value {
                MetricValue::Value(value) => json!(value),
                MetricValue::Pending => Value::Null,
                MetricValue::Failed(failure) => json!({"code": failure.code}),
            };
            (metric.name.clone(), value)
        })
        .collect();
    json!({
        "run": judged.run, "procedure": judged.procedure.0, "title": judged.procedure.1,
        "verdict": judged.verdict(), "score": score, "score_with_exceptions": score_with_exceptions,
        "counts": counts, "partial": partial, "checks": checks, "metrics": metrics,
        "waits": judged.parked.map(|until| json!({"until": until})),
    })
}
