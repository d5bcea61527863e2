//! `admin api-key`: API keys of a tenant.

use std::path::PathBuf;

use control_plane_domain::policy::Scopes;
use control_plane_operations::{CreateApiKey, Operations};
use ids::{ApiKeyId, PersonId};
use serde_json::json;
use terminal::{Exit, Fail};

use super::{all_pages, tenant};
use crate::place::Place;
use crate::wiring::caller::KeyArgs;
use crate::wiring::files::NewFile;
use crate::wiring::open;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a key; its text is shown once.
    #[command(after_help = "Examples:
  proctor-control-plane admin api-key create 'nightly export' --scopes 'runs.list audit.list' --days 30 --api-key-file ada.key
  proctor-control-plane admin api-key create grace --person 019aa7f0-0000-7000-8000-000000000002 --key-to grace.key --api-key-file ada.key")]
    Create {
        /// What it is for.
        #[arg(value_name = "LABEL")]
        label: String,
        /// For whom; the person of the acting key when left out.
        #[arg(long, value_name = "PERSON")]
        person: Option<PersonId>,
        /// What it may do, of what its person may do; all of that when left out.
        #[arg(long, value_name = "SCOPES")]
        scopes: Option<Scopes>,
        /// How long it lasts.
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
        /// Write the API key to this new file (mode 600) instead of printing it.
        #[arg(long, value_name = "FILE")]
        key_to: Option<PathBuf>,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// End a key at once.
    #[command(after_help = "Example:
  proctor-control-plane admin api-key revoke 019aa7f0-0000-7000-8000-000000000009 --api-key-file ada.key")]
    Revoke {
        /// The key's id, not its text.
        #[arg(value_name = "KEY")]
        id: ApiKeyId,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// List the keys; their texts are not kept.
    #[command(after_help = "Example:
  proctor-control-plane admin api-key list --api-key-file ada.key")]
    List {
        #[command(flatten)]
        key: KeyArgs,
    },
}

pub(super) async fn execute(verb: Verb, operations: &Operations, place: &Place) -> Result<Exit, Fail> {
    match verb {
        Verb::Create { label, person, scopes, days, key_to, key } => {
            let caller = key.caller(operations).await?;
            let file = key_to.as_deref().map(NewFile::reserve).transpose()?;
            let expires = operations.clock().now().plus_ms(i64::from(days) * DAY_MS);
            let new = CreateApiKey { person, label: open::text("LABEL", &label)?, scopes, expires };
            let made = operations.create_api_key(&caller, new).await.map_err(|error| open::operation(&error))?;
            place.out.line(format_args!("key      {}  ends {}", made.record.id, made.record.expires));
            let shown = tenant::hand_over(&made.text, file, place)?;
            place.out.json(&json!({
                "id": made.record.id, "expires": made.record.expires, "api_key": shown, "api_key_file": key_to,
            }));
        }
        Verb::Revoke { id, key } => {
            let caller = key.caller(operations).await?;
            operations.revoke_api_key(&caller, id).await.map_err(|error| open::operation(&error))?;
            place.out.line(format_args!("{id} is revoked"));
            place.out.json(&json!({"id": id, "revoked": true}));
        }
        Verb::List { key } => {
            let caller = key.caller(operations).await?;
            let all = all_pages!(page => operations.list_api_keys(&caller, &page));
            let used = |key: &control_plane_domain::api_key::ApiKey| {
                key.last_used.map_or_else(|| "never".to_owned(), |at| at.to_string())
            };
            let row = |key: &control_plane_domain::api_key::ApiKey| {
                vec![
                    key.id.to_string().into(),
                    key.label.as_str().into(),
                    key.person.to_string().into(),
                    key.expires.to_string().into(),
                    used(key).into(),
                    if key.revoked.is_some() { "revoked" } else { "" }.into(),
                ]
            };
            let header = ["KEY", "LABEL", "PERSON", "ENDS", "USED", "STATE"];
            place.out.table(&header, all.iter().map(row).collect());
            let listed: Vec<_> = all
                .iter()
                .map(|key| {
                    json!({
                        "id": key.id, "label": key.label, "person": key.person, "expires": key.expires,
                        "last_used": key.last_used, "revoked": key.revoked, "scopes": key.scopes,
                    })
                })
                .collect();
            place.out.json(&json!({"api_keys": listed}));
        }
    }
    Ok(Exit::Pass)
}
