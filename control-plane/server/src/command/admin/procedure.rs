//! `admin procedure`: what is installed where.

use control_plane_domain::procedure::InstalledProcedure;
use control_plane_operations::Operations;
use ids::RunnerId;
use serde_json::json;
use terminal::{Cell, Exit, Fail};

use super::all_pages;
use crate::place::Place;
use crate::wiring::caller::KeyArgs;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the procedures that Runners say their operators installed.
    #[command(after_help = "Examples:
  proctor-control-plane admin procedure list --api-key-file ada.key
  proctor-control-plane admin procedure list --runner 019aa7f0-0000-7000-8000-000000000002 --api-key-file ada.key")]
    List {
        /// At one Runner.
        #[arg(long, value_name = "RUNNER")]
        runner: Option<RunnerId>,
        #[command(flatten)]
        key: KeyArgs,
    },
}

pub(super) async fn execute(verb: Verb, operations: &Operations, place: &Place) -> Result<Exit, Fail> {
    let Verb::List { runner, key } = verb;
    let caller = key.caller(operations).await?;
    let all = all_pages!(page => operations.list_procedures(&caller, runner, &page));
    let row = |procedure: &InstalledProcedure| -> Vec<Cell> {
        let schedule = procedure.schedule.as_ref().map_or("on request", |schedule| schedule.as_str());
        vec![
            procedure.id.as_str().into(),
            procedure.version.into(),
            schedule.into(),
            procedure.runner.into(),
            procedure.digest.into(),
        ]
    };
    place.out.table(&["PROCEDURE", "VERSION", "SCHEDULE", "RUNNER", "DIGEST"], all.iter().map(row).collect());
    let listed: Vec<_> = all
        .iter()
        .map(|procedure| {
            json!({
                "procedure": procedure.id, "version": procedure.version, "runner": procedure.runner,
                "sha256": procedure.digest.to_string(), "title": procedure.title,
                "schedule": procedure.schedule, "time_zone": procedure.time_zone,
            })
        })
        .collect();
    place.out.json(&json!({"procedures": listed}));
    Ok(Exit::Pass)
}
