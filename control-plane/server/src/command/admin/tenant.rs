//! `admin tenant`: organisations.

use std::path::PathBuf;

use control_plane_domain::person::Email;
use control_plane_operations::{CreateTenant, Operations};
use ids::{PersonId, TenantId};
use serde_json::json;
use terminal::{Cell, Exit, Fail};

use super::person;
use crate::config::Config;
use crate::place::Place;
use crate::wiring::files::{self, NewFile};
use crate::wiring::open;

/// A key that the operator makes lasts for a day: long enough to make another.
const RECOVERY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a tenant with its keys, its owner, the owner's first API key and their link to the console.
    #[command(after_help = "Examples:
  proctor-control-plane admin tenant create 'Example Ltd' --owner-email ada@example.org --owner-name Ada
  proctor-control-plane admin tenant create 'Example Ltd' --owner-email ada@example.org --owner-name Ada --key-to ada.key")]
    Create {
        /// The organisation's name.
        #[arg(value_name = "NAME")]
        name: String,
        /// The owner's mail address.
        #[arg(long, value_name = "MAIL")]
        owner_email: Email,
        /// The owner's name.
        #[arg(long, value_name = "NAME")]
        owner_name: String,
        /// Write the API key to this new file (mode 600) instead of printing it.
        #[arg(long, value_name = "FILE")]
        key_to: Option<PathBuf>,
    },
    /// List the tenants.
    #[command(after_help = "Example:
  proctor-control-plane admin tenant list")]
    List,
    /// Print the public keys of a tenant, for people who verify its logs and requests.
    #[command(after_help = "Example:
  proctor-control-plane admin tenant keys 019aa7f0-0000-7000-8000-000000000001
  proctor-control-plane admin tenant keys 019aa7f0-0000-7000-8000-000000000001 --out /media/auditor")]
    Keys {
        /// The tenant.
        #[arg(value_name = "TENANT")]
        tenant: TenantId,
        /// Also write audit.vkey, witness.vkey and drilldown.pem into this folder.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Make a new API key for somebody who lost theirs; the audit log says that the operator did it.
    #[command(after_help = "Example:
  proctor-control-plane admin tenant new-key 019aa7f0-0000-7000-8000-000000000001 \
                            019aa7f0-0000-7000-8000-000000000002")]
    NewKey {
        /// The tenant.
        #[arg(value_name = "TENANT")]
        tenant: TenantId,
        /// The person.
        #[arg(value_name = "PERSON")]
        person: PersonId,
        /// Write the API key to this new file (mode 600) instead of printing it.
        #[arg(long, value_name = "FILE")]
        key_to: Option<PathBuf>,
    },
}

pub(super) async fn execute(verb: Verb, operations: &Operations, config: &Config, place: &Place) -> Result<Exit, Fail> {
    match verb {
        Verb::Create { name, owner_email, owner_name, key_to } => {
            let file = key_to.as_deref().map(NewFile::reserve).transpose()?;
            let new = CreateTenant {
                name: open::text("NAME", &name)?,
                owner_email,
                owner_name: open::text("--owner-name", &owner_name)?,
            };
            let made = operations.create_tenant(new).await.map_err(|error| open::operation(&error))?;
            place.out.line(format_args!("tenant   {}", made.tenant));
            place.out.line(format_args!("owner    {}", made.owner));
            let link = person::address(config, &made.link);
            place.out.line(format_args!("console  {}", link.expose()));
            place.out.line(format_args!("         once, by the owner, until {}", made.link.expires));
            let shown = hand_over(&made.api_key, file, place)?;
            place.out.json(&json!({
                "tenant": made.tenant, "owner": made.owner, "key": made.key, "api_key": shown, "api_key_file": key_to,
                "link": link.expose(), "link_expires": made.link.expires,
            }));
        }
        Verb::List => {
            let mut all = Vec::new();
            for known in operations.tenants().await.map_err(|error| open::operation(&error))? {
                all.push(operations.tenant(known.id).await.map_err(|error| open::operation(&error))?);
            }
            let rows = all.iter().map(|tenant| -> Vec<Cell> {
                vec![tenant.id.into(), tenant.name.as_str().into(), tenant.created.into()]
            });
            place.out.table(&["TENANT", "NAME", "CREATED"], rows.collect());
            let listed: Vec<_> = all
                .iter()
                .map(|tenant| json!({"tenant": tenant.id, "name": tenant.name, "created": tenant.created}))
                .collect();
            place.out.json(&json!({"tenants": listed}));
        }
        Verb::Keys { tenant, out } => {
            let keys = operations.tenant_keys(tenant).await.map_err(|error| open::operation(&error))?;
            let audit = keys.audit.to_string();
            let witness = keys.witness.to_string();
            let drilldown = keys.drilldown.key_id().to_string();
            if let Some(folder) = &out {
                let all = [
                    ("audit.vkey", format!("{audit}\n")),
                    ("witness.vkey", format!("{witness}\n")),
                    ("drilldown.pem", keys.drilldown.to_pem()),
                ];
                files::make_folder(folder)?;
                for (name, text) in all {
                    files::replace(&folder.join(name), text.as_bytes())?;
                }
            }
            place.out.line(format_args!("audit log      {audit}"));
            place.out.line(format_args!("witness        {witness}"));
            place.out.line(format_args!("drill-downs    {drilldown}"));
            place.out.json(&json!({
                "audit_key": audit, "witness_key": witness, "drilldown_key": keys.drilldown.to_pem(),
            }));
        }
        Verb::NewKey { tenant, person, key_to } => {
            let file = key_to.as_deref().map(NewFile::reserve).transpose()?;
            let label = open::text("label", "made by the operator")?;
            let expires = operations.clock().now().plus_ms(RECOVERY_MS);
            let made = operations.create_api_key_as_operator(tenant, person, label, expires).await;
            let made = made.map_err(|error| open::operation(&error))?;
            let shown = hand_over(&made.text, file, place)?;
            place.out.json(&json!({"key": made.record.id, "api_key": shown, "api_key_file": key_to}));
        }
    }
    Ok(Exit::Pass)
}

/// Shows a new API key once, or writes it to the file that was made for it. What JSON shows comes back.
pub(super) fn hand_over(
    key: &crypto::Secret<String>,
    file: Option<NewFile>,
    place: &Place,
) -> Result<Option<String>, Fail> {
    if let Some(file) = file {
        place.out.line(format_args!("api key  in {}", file.path().display()));
        file.fill(format!("{}\n", key.expose()).as_bytes())?;
        return Ok(None);
    }
    place.out.line(format_args!("api key  {}", key.expose()));
    place.out.line("It is shown this once.");
    Ok(Some(key.expose().clone()))
}
