//! `show`: one run, and why its checks failed.

use procedure::{Assessment, CheckResult, PopulationState};
use runner_vault::{CheckState, PieceState, StoredRun};
use serde_json::{Value, json};
use verdict::Status;

use crate::fail::{Exit, Fail};
use crate::output::{self, Cell, brief, printable};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner};
use crate::wiring::{find, report, restore};

/// Shows a run: checks with the items that did not pass, why, since when and what to do; steps that failed and the
/// target's own words; populations and samples. All of it is evaluated from the store and stays here.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner show last
  proctor-runner show 019aa7f0-0000-7000-8000-000000000003 --all --json")]
pub(crate) struct Args {
    /// The run: its id, or `last`.
    #[arg(value_name = "RUN")]
    run: String,
    /// List the items that passed too.
    #[arg(long)]
    all: bool,
}

/// Items listed for one check, unless all are asked for.
const LISTED: usize = 20;

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let run = find::run(&runner, &args.run)?;
    let stored = runner.store.with(|store| store.load_run(run))?;
    let procedure = restore::procedure(&stored.start.procedure)?;
    let (assessment, _) = report::judge(&runner, &procedure, &stored)?;
    let states = runner.store.with(|store| store.check_states(&procedure.id))?;
    let out = place.out;
    out.line(format_args!("{}  version {}", procedure.title, procedure.version));
    out.line(format_args!("run {run}  started {}  {}", stored.start.started, output::status(assessment.verdict)));
    out.line(format_args!("score {}", output::score(assessment.score)));
    out.line("");
    for (check, result) in procedure.checks.iter().zip(&assessment.checks) {
        let state = states.iter().find(|state| state.check == check.id);
        print_check(place, check, result, state, args.all);
    }
    print_steps(place, &stored);
    print_populations(place, &assessment);
    out.json(&as_json(&stored, &assessment, &states, args.all));
    Ok(Exit::Pass)
}

fn print_check(place: &Place, check: &procedure::Check, result: &CheckResult, state: Option<&CheckState>, all: bool) {
    let out = place.out;
    out.line(format_args!("{}  {}  [{}] {}", output::status(result.status), check.id, check.severity, check.title));
    if matches!(result.status, Status::Pass | Status::NotApplicable | Status::Skipped) && !all {
        return;
    }
    if let Some(since) = state.and_then(|state| state.failing_since) {
        out.line(format_args!("    failing since {since}"));
    }
    let concerning = result.items.iter().filter(|item| all || item.status != Status::Pass);
    let concerning: Vec<_> = concerning.filter(|item| all || item.status != Status::NotApplicable).collect();
    for item in concerning.iter().take(if all { usize::MAX } else { LISTED }) {
        let key = item.key.as_deref().unwrap_or("-");
        let code = item.code.map(|code| format!(" ({code})")).unwrap_or_default();
        let excepted = item.excepted.map(|id| format!(" excepted by {id}")).unwrap_or_default();
        let detail = item.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        out.line(format_args!("    {}  {}{code}{excepted}{}", output::status(item.status), brief(key), brief(&detail)));
    }
    if !all && concerning.len() > LISTED {
        out.line(format_args!("    … and {} more; --all lists them", concerning.len() - LISTED));
    }
    if let (Status::Fail, Some(fix)) = (result.status, &check.fix) {
        out.line(format_args!("    fix: {fix}"));
    }
}

fn print_steps(place: &Place, stored: &StoredRun) {
    let mut rows = Vec::new();
    for piece in &stored.pieces {
        let PieceState::Failed { code, detail, .. } = &piece.state else { continue };
        let key = piece.key.as_deref().unwrap_or("-");
        rows.push(vec![
            Cell::from(&piece.step),
            Cell::from(key),
            Cell::from(code),
            Cell::from(piece.attempts),
            Cell::from(detail),
        ]);
    }
    if !rows.is_empty() {
        place.out.line("\nnot collected:");
        place.out.table(&["step", "piece", "code", "attempts", "why"], rows);
    }
}

fn print_populations(place: &Place, assessment: &Assessment) {
    for population in &assessment.populations {
        let text = match &population.state {
            PopulationState::Proven { size, digest, sample } => {
                let sampled = sample.as_ref().map(|sample| format!(", sample of {}", sample.keys.len()));
                format!("complete: {size} items{}, digest {digest}", sampled.unwrap_or_default())
            }
            PopulationState::Pending => "not known yet".to_owned(),
            PopulationState::Failed(failure) => format!("not proven ({}): {}", failure.code, failure.text),
        };
        place.out.line(format_args!("population {}  {}", population.name, printable(&text)));
    }
}

fn as_json(stored: &StoredRun, assessment: &Assessment, states: &[CheckState], all: bool) -> Value {
    let checks: Vec<_> = assessment
        .checks
        .iter()
        .map(|check| {
            let state = states.iter().find(|state| state.check == check.id);
            let items = check.items.iter().filter(|item| all || item.status != Status::Pass);
            let items: Vec<_> = items
                .map(|item| {
                    json!({"key": item.key, "status": item.status, "code": item.code, "excepted": item.excepted,
                           "detail": item.detail})
                })
                .collect();
            json!({"check": check.id, "severity": check.severity, "status": check.status, "counts": check.counts,
                   "failing_since": state.and_then(|state| state.failing_since), "items": items})
        })
        .collect();
    let pieces: Vec<_> = stored
        .pieces
        .iter()
        .map(|piece| {
            let (code, detail) = match &piece.state {
                PieceState::Failed { code, detail, .. } => (Some(*code), Some(detail)),
                _ => (None, None),
            };
            json!({"step": piece.step, "key": piece.key, "attempts": piece.attempts, "started": piece.started,
                   "ended": piece.ended, "code": code, "detail": detail,
                   "items": piece.items.iter().map(|item| item.item).collect::<Vec<_>>()})
        })
        .collect();
    json!({
        "run": stored.start.run, "procedure": stored.start.procedure.id.as_str(), "started": stored.start.started,
        "verdict": assessment.verdict, "score": assessment.score,
        "score_with_exceptions": assessment.score_with_exceptions, "counts": assessment.counts,
        "partial": assessment.partial, "checks": checks, "pieces": pieces,
    })
}
