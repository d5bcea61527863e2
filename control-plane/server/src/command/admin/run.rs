//! `admin run`: asking for runs and looking at what came of them.

use std::time::Duration;

use control_plane_domain::procedure::InstalledProcedure;
use control_plane_domain::run::{RunFilter, RunSummary};
use control_plane_domain::run_request::RunRequestState;
use control_plane_operations::{Operations, RequestRun};
use crypto::Digest;
use ids::{RunId, RunnerId};
use proof::manifest::ItemLine;
use proof::text::Name;
use serde_json::{Value, json};
use terminal::{Cell, Exit, Fail, score};
use verdict::Status;

use super::all_pages;
use crate::place::Place;
use crate::wiring::caller::KeyArgs;
use crate::wiring::open;

/// Code of the error that no Runner has the procedure.
const NOT_INSTALLED: &str = "E-ADMIN-004";
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How often a procedure that is not there is looked for again.
const LOOKS: u32 = 10;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Ask a Runner to run a procedure that its operator installed, and wait for the result.
    ///
    /// Exit code 0 says that the run passed, 1 that it did not or that the Runner refused.
    #[command(after_help = "Examples:
  proctor-control-plane admin run request tls-endpoints --api-key-file ada.key
  proctor-control-plane admin run request tls-endpoints --runner 019aa7f0-0000-7000-8000-000000000002 --no-wait --api-key-file ada.key")]
    Request {
        /// The procedure's id; the newest version that is installed.
        #[arg(value_name = "PROCEDURE")]
        procedure: Name,
        /// The Runner, when the procedure is installed at several.
        #[arg(long, value_name = "RUNNER")]
        runner: Option<RunnerId>,
        /// Do not wait for the Runner to take it and to report.
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// List runs, newest first.
    #[command(after_help = "Examples:
  proctor-control-plane admin run list --api-key-file ada.key
  proctor-control-plane admin run list --procedure tls-endpoints --verdict fail --api-key-file ada.key")]
    List {
        /// Of one procedure.
        #[arg(long, value_name = "PROCEDURE")]
        procedure: Option<Name>,
        /// Of one Runner.
        #[arg(long, value_name = "RUNNER")]
        runner: Option<RunnerId>,
        /// With one verdict: pass, fail, error, pending, excepted.
        #[arg(long, value_name = "STATUS")]
        verdict: Option<Status>,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Show one run: checks, steps, and the evidence that the Runner committed to.
    #[command(after_help = "Example:
  proctor-control-plane admin run show 019aa7f0-0000-7000-8000-000000000003 --items --api-key-file ada.key")]
    Show {
        /// The run.
        #[arg(value_name = "RUN")]
        run: RunId,
        /// List every evidence item, with its commitment.
        #[arg(long)]
        items: bool,
        #[command(flatten)]
        key: KeyArgs,
    },
}

pub(super) async fn execute(verb: Verb, operations: &Operations, place: &Place) -> Result<Exit, Fail> {
    match verb {
        Verb::Request { procedure, runner, no_wait, key } => {
            request(&procedure, runner, no_wait, &key, operations, place).await
        }
        Verb::List { procedure, runner, verdict, key } => {
            let caller = key.caller(operations).await?;
            let filter = RunFilter { runner, procedure, verdict, ..RunFilter::default() };
            let all = all_pages!(page => operations.list_runs(&caller, &filter, &page));
            let row = |run: &RunSummary| -> Vec<Cell> {
                vec![
                    run.id.into(),
                    run.procedure.id.as_str().into(),
                    Cell::Status(run.verdict),
                    score(run.score).into(),
                    run.ended.into(),
                ]
            };
            place.out.table(&["RUN", "PROCEDURE", "VERDICT", "SCORE", "ENDED"], all.iter().map(row).collect());
            place.out.json(&json!({"runs": all.iter().map(shown).collect::<Vec<_>>()}));
            Ok(Exit::Pass)
        }
        Verb::Show { run, items, key } => {
            let caller = key.caller(operations).await?;
            show(run, items, &caller, operations, place).await
        }
    }
}

async fn request(
    procedure: &Name,
    runner: Option<RunnerId>,
    no_wait: bool,
    key: &KeyArgs,
    operations: &Operations,
    place: &Place,
) -> Result<Exit, Fail> {
    let caller = key.caller(operations).await?;
    let mut looks = 0;
    let (runner, digest) = loop {
        let installed = all_pages!(page => operations.list_procedures(&caller, runner, &page));
        match newest(&installed, procedure) {
            // What was installed a moment ago is on its way.
            Err(fail) if fail.code == NOT_INSTALLED && looks < LOOKS => looks += 1,
            found => break found?,
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    let asked = RequestRun { runner, procedure: digest, wait: None };
    let made = operations.request_run(&caller, asked).await.map_err(|error| open::operation(&error))?;
    place.out.line(format_args!("request  {}", made.id));
    if no_wait {
        place.out.json(&json!({"request": made.id, "runner": runner, "state": made.state.word().as_str()}));
        return Ok(Exit::Pass);
    }
    let progress = place.out.progress("waiting for the Runner");
    let ended = loop {
        let now = operations.get_run_request(&caller, made.id).await.map_err(|error| open::operation(&error))?;
        match now.state {
            RunRequestState::Waiting => progress.set_message("waiting for the Runner"),
            RunRequestState::Begun { run, .. } => progress.set_message(format!("running {run}")),
            RunRequestState::Ended { run, code, .. } => break Ok((run, code)),
            RunRequestState::Refused { code, .. } => break Err(("refused", Some(code))),
            RunRequestState::Expired { .. } => break Err(("expired before the Runner came", None)),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    progress.finish_and_clear();
    match ended {
        Ok((run, None)) => show(run, false, &caller, operations, place).await,
        Ok((run, Some(code))) => {
            place.out.line(format_args!("run {run} ended without a result: {code}"));
            place.out.json(&json!({"request": made.id, "run": run, "state": "ended", "code": code}));
            Ok(Exit::NotPass)
        }
        Err((how, code)) => {
            let reason = code.as_ref().map_or_else(String::new, |code| format!(": {code}"));
            place.out.line(format_args!("the request was {how}{reason}"));
            place.out.json(&json!({"request": made.id, "state": how, "code": code}));
            Ok(Exit::NotPass)
        }
    }
}

/// How much evidence each step collected, in the order of the steps.
fn by_step(items: &[ItemLine]) -> Vec<Vec<Cell>> {
    let of_one_step = items.chunk_by(|a, b| a.step == b.step);
    let row = |items: &[ItemLine]| -> Option<Vec<Cell>> {
        let rows: u64 = items.iter().map(|item| item.rows).sum();
        Some(vec![items.first()?.step.as_str().into(), items.len().into(), rows.into()])
    };
    of_one_step.filter_map(row).collect()
}

/// The newest version of a procedure, at the one Runner that has it.
fn newest(installed: &[InstalledProcedure], procedure: &Name) -> Result<(RunnerId, Digest), Fail> {
    let mut found: Vec<_> = installed.iter().filter(|installed| installed.id == *procedure).collect();
    found.sort_by_key(|installed| (installed.runner, installed.version));
    let Some(last) = found.last() else {
        return Err(Fail::input(
            NOT_INSTALLED,
            format_args!("no Runner says that {procedure} is installed"),
            "its operator installs it with `proctor-runner procedures add FILE`",
        ));
    };
    if found.iter().any(|other| other.runner != last.runner) {
        let says = format_args!("{procedure} is installed at several Runners");
        return Err(Fail::input("E-ADMIN-005", says, "name one with --runner"));
    }
    Ok((last.runner, last.digest))
}

async fn show(
    run: RunId,
    items: bool,
    caller: &control_plane_domain::policy::Caller,
    operations: &Operations,
    place: &Place,
) -> Result<Exit, Fail> {
    let detail = operations.get_run(caller, run).await.map_err(|error| open::operation(&error))?;
    let summary = &detail.summary;
    place.out.line(format_args!("run        {}", summary.id));
    place.out.line(format_args!("procedure  {} version {}", summary.procedure.id, summary.procedure.version));
    place.out.line(format_args!("verdict    {}  score {}", terminal::status(summary.verdict), score(summary.score)));
    let checks = detail.checks.iter().map(|check| -> Vec<Cell> {
        vec![check.check.as_str().into(), Cell::Status(check.status), check.severity.into(), check.counts.fail.into()]
    });
    place.out.table(&["CHECK", "STATUS", "SEVERITY", "FAILING"], checks.collect());
    place.out.table(&["STEP", "EVIDENCE ITEMS", "ROWS"], by_step(&detail.items));
    if items {
        let all = detail.items.iter().map(|item| -> Vec<Cell> {
            vec![item.item.into(), item.step.as_str().into(), item.rows.into(), item.root.into()]
        });
        place.out.table(&["EVIDENCE", "STEP", "ROWS", "COMMITMENT"], all.collect());
    }
    let mut value = shown(summary);
    if let Some(fields) = value.as_object_mut() {
        let checks = detail.checks.iter().map(|check| {
            json!({"check": check.check, "status": check.status, "severity": check.severity, "counts": check.counts})
        });
        let all = detail.items.iter().map(
            |item| json!({"item": item.item, "step": item.step, "rows": item.rows, "root": item.root.to_string()}),
        );
        fields.insert("checks".to_owned(), checks.collect());
        fields.insert("items".to_owned(), all.collect());
    }
    place.out.json(&value);
    Ok(if summary.verdict == Status::Pass { Exit::Pass } else { Exit::NotPass })
}

fn shown(run: &RunSummary) -> Value {
    json!({
        "run": run.id, "runner": run.runner, "procedure": run.procedure.id, "version": run.procedure.version,
        "procedure_sha256": run.procedure.sha256.to_string(), "verdict": run.verdict, "score": run.score,
        "started": run.started, "ended": run.ended, "accepted": run.accepted, "counts": run.counts,
    })
}
