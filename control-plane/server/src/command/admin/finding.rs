//! `admin finding`: checks that fail, and since when.

use control_plane_domain::check_state::CheckState;
use control_plane_domain::run::CheckFilter;
use control_plane_operations::Operations;
use proof::text::Name;
use serde_json::json;
use terminal::{Cell, Exit, Fail};

use super::all_pages;
use crate::place::Place;
use crate::wiring::caller::KeyArgs;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the checks that fail, the longest failing first.
    #[command(after_help = "Examples:
  proctor-control-plane admin finding list --api-key-file ada.key
  proctor-control-plane admin finding list --procedure tls-endpoints --api-key-file ada.key")]
    List {
        /// Of one procedure.
        #[arg(long, value_name = "PROCEDURE")]
        procedure: Option<Name>,
        #[command(flatten)]
        key: KeyArgs,
    },
}

pub(super) async fn execute(verb: Verb, operations: &Operations, place: &Place) -> Result<Exit, Fail> {
    let Verb::List { procedure, key } = verb;
    let caller = key.caller(operations).await?;
    let filter = CheckFilter { procedure, ..CheckFilter::default() };
    let all = all_pages!(page => operations.list_findings(&caller, &filter, &page));
    let row = |finding: &CheckState| -> Vec<Cell> {
        let since = finding.failing_since.map_or_else(String::new, |at| at.to_string());
        vec![
            finding.procedure.as_str().into(),
            finding.check.as_str().into(),
            Cell::Status(finding.status),
            finding.severity.into(),
            since.into(),
            finding.runner.into(),
        ]
    };
    let header = ["PROCEDURE", "CHECK", "STATUS", "SEVERITY", "FAILING SINCE", "RUNNER"];
    place.out.table(&header, all.iter().map(row).collect());
    let listed: Vec<_> = all
        .iter()
        .map(|finding| {
            json!({
                "procedure": finding.procedure, "check": finding.check, "status": finding.status,
                "severity": finding.severity, "failing_since": finding.failing_since, "runner": finding.runner,
                "run": finding.run,
            })
        })
        .collect();
    place.out.json(&json!({"findings": listed}));
    Ok(Exit::Pass)
}
