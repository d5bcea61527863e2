//! `admin alarm`: alarms of a tenant.

use control_plane_domain::alarm::Alarm;
use control_plane_operations::Operations;
use ids::AlarmId;
use serde_json::json;
use terminal::{Exit, Fail};

use super::all_pages;
use crate::place::Place;
use crate::wiring::caller::KeyArgs;
use crate::wiring::open;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// List the alarms that nobody has acknowledged, or all of them.
    #[command(after_help = "Examples:
  proctor-control-plane admin alarm list --api-key-file ada.key
  proctor-control-plane admin alarm list --all --api-key-file ada.key")]
    List {
        /// Also those that were acknowledged.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Say that somebody has looked into it.
    #[command(after_help = "Example:
  proctor-control-plane admin alarm acknowledge 019aa7f0-0000-7000-8000-000000000009 --justification 'restored from backup, ticket 41' --api-key-file ada.key")]
    Acknowledge {
        /// The alarm.
        #[arg(value_name = "ALARM")]
        alarm: AlarmId,
        /// What was found; it stands in the audit log.
        #[arg(long, value_name = "TEXT")]
        justification: String,
        #[command(flatten)]
        key: KeyArgs,
    },
}

pub(super) async fn execute(verb: Verb, operations: &Operations, place: &Place) -> Result<Exit, Fail> {
    match verb {
        Verb::List { all, key } => {
            let caller = key.caller(operations).await?;
            let alarms = all_pages!(page => operations.list_alarms(&caller, !all, &page));
            let row = |alarm: &Alarm| {
                let acknowledged = alarm.acknowledged.map_or_else(|| "open".to_owned(), |seen| seen.at.to_string());
                vec![
                    alarm.id.to_string().into(),
                    alarm.kind.as_str().into(),
                    alarm.runner.map_or_else(String::new, |runner| runner.to_string()).into(),
                    alarm.subject.as_ref().map_or_else(String::new, ToString::to_string).into(),
                    alarm.opened.to_string().into(),
                    acknowledged.into(),
                ]
            };
            place.out.table(
                &["ALARM", "WHAT", "RUNNER", "ABOUT", "SINCE", "ACKNOWLEDGED"],
                alarms.iter().map(row).collect(),
            );
            let listed: Vec<_> = alarms
                .iter()
                .map(|alarm| {
                    json!({
                        "id": alarm.id, "kind": alarm.kind.as_str(), "runner": alarm.runner, "subject": alarm.subject,
                        "opened": alarm.opened,
                        "acknowledged": alarm.acknowledged.map(|seen| seen.at),
                    })
                })
                .collect();
            place.out.json(&json!({"alarms": listed}));
            let quiet = alarms.iter().all(|alarm| alarm.acknowledged.is_some());
            Ok(if quiet { Exit::Pass } else { Exit::NotPass })
        }
        Verb::Acknowledge { alarm, justification, key } => {
            let caller = key.caller(operations).await?;
            let why = open::text("--justification", &justification)?;
            let alarm =
                operations.acknowledge_alarm(&caller, alarm, why).await.map_err(|error| open::operation(&error))?;
            place.out.line(format_args!("{} is acknowledged", alarm.id));
            place.out.json(&json!({"id": alarm.id, "acknowledged": alarm.acknowledged.map(|seen| seen.at)}));
            Ok(Exit::Pass)
        }
    }
}
