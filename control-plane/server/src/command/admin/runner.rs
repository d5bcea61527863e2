//! `admin runner`: Runners of a tenant.

use contract::enrolment::Fingerprint;
use control_plane_domain::runner::Runner;
use control_plane_operations::Operations;
use ids::RunnerId;
use serde_json::{Value, json};
use terminal::{Exit, Fail};

use super::all_pages;
use crate::place::Place;
use crate::wiring::caller::KeyArgs;
use crate::wiring::open;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the Runners, those that wait for approval included.
    #[command(after_help = "Example:
  proctor-control-plane admin runner list --api-key-file ada.key")]
    List {
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Let a Runner in, after comparing the fingerprint that its own console shows.
    #[command(after_help = "Example:
  proctor-control-plane admin runner approve 019aa7f0-0000-7000-8000-000000000002 \
                            --fingerprint 3f2a-91bc-0c11-77aa-3f2a-91bc-0c11-77aa-3f2a-91bc-0c11-77aa-3f2a-91bc-0c11-77aa --api-key-file ada.key")]
    Approve {
        /// The Runner.
        #[arg(value_name = "RUNNER")]
        runner: RunnerId,
        /// The fingerprint as the Runner's console shows it.
        #[arg(long, value_name = "FINGERPRINT")]
        fingerprint: String,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Shut a Runner out for good; its live session is cut within seconds.
    #[command(after_help = "Example:
  proctor-control-plane admin runner revoke 019aa7f0-0000-7000-8000-000000000002 --justification 'host retired' --api-key-file ada.key")]
    Revoke {
        /// The Runner.
        #[arg(value_name = "RUNNER")]
        runner: RunnerId,
        /// Why; it stands in the audit log.
        #[arg(long, value_name = "TEXT")]
        justification: String,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Let a Runner in again that was locked because its identity was seen twice.
    #[command(after_help = "Example:
  proctor-control-plane admin runner unlock 019aa7f0-0000-7000-8000-000000000002 --justification 'clone found and erased' --api-key-file ada.key")]
    Unlock {
        /// The Runner.
        #[arg(value_name = "RUNNER")]
        runner: RunnerId,
        /// Why; it stands in the audit log.
        #[arg(long, value_name = "TEXT")]
        justification: String,
        #[command(flatten)]
        key: KeyArgs,
    },
}

pub(super) async fn execute(verb: Verb, operations: &Operations, place: &Place) -> Result<Exit, Fail> {
    match verb {
        Verb::List { key } => {
            let caller = key.caller(operations).await?;
            let all = all_pages!(page => operations.list_runners(&caller, None, &page));
            let row = |runner: &Runner| {
                let seen = runner.presence.last_seen.map_or_else(|| "never".to_owned(), |at| at.to_string());
                vec![
                    runner.id.to_string().into(),
                    runner.label.as_str().into(),
                    runner.state.standing().as_str().into(),
                    seen.into(),
                    Fingerprint::new(runner.keys.fingerprint).to_string().into(),
                ]
            };
            place.out.table(&["RUNNER", "LABEL", "STATE", "SEEN", "FINGERPRINT"], all.iter().map(row).collect());
            place.out.json(&json!({"runners": all.iter().map(shown).collect::<Vec<_>>()}));
            return Ok(Exit::Pass);
        }
        Verb::Approve { runner, fingerprint, key } => {
            let caller = key.caller(operations).await?;
            let fingerprint: Fingerprint = fingerprint.parse().map_err(|error| {
                Fail::input(
                    "E-ADMIN-003",
                    format_args!("--fingerprint: {error}"),
                    "copy it from the Runner's console; `proctor-runner status` shows it again",
                )
            })?;
            let done = operations.approve_runner(&caller, runner, &fingerprint).await;
            tell(&done.map_err(|error| open::operation(&error))?, place);
        }
        Verb::Revoke { runner, justification, key } => {
            let caller = key.caller(operations).await?;
            let why = open::text("--justification", &justification)?;
            let done = operations.revoke_runner(&caller, runner, why).await;
            tell(&done.map_err(|error| open::operation(&error))?, place);
        }
        Verb::Unlock { runner, justification, key } => {
            let caller = key.caller(operations).await?;
            let why = open::text("--justification", &justification)?;
            let done = operations.unlock_runner(&caller, runner, why).await;
            tell(&done.map_err(|error| open::operation(&error))?, place);
        }
    }
    Ok(Exit::Pass)
}

fn tell(runner: &Runner, place: &Place) {
    place.out.line(format_args!("{} ({}) is {}", runner.id, runner.label.as_str(), runner.state.standing().as_str()));
    place.out.json(&shown(runner));
}

fn shown(runner: &Runner) -> Value {
    json!({
        "runner": runner.id, "label": runner.label.as_str(), "state": runner.state.standing().as_str(),
        "last_seen": runner.presence.last_seen, "fingerprint": Fingerprint::new(runner.keys.fingerprint).to_string(),
    })
}
