//! `admin person`: people of a tenant.

use control_plane_domain::link::LinkKind;
use control_plane_domain::person::Email;
use control_plane_domain::policy::Role;
use control_plane_operations::{AddPerson, LINK_PATH, Link, Operations};
use crypto::Secret;
use ids::{PersonId, TenantId};
use serde_json::json;
use terminal::{Exit, Fail};

use super::all_pages;
use crate::config::Config;
use crate::place::Place;
use crate::wiring::caller::KeyArgs;
use crate::wiring::open;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Add a person with a role.
    #[command(after_help = "Example:
  proctor-control-plane admin person add grace@example.org Grace --role auditor --api-key-file ada.key")]
    Add {
        /// Mail address.
        #[arg(value_name = "MAIL")]
        email: Email,
        /// Name.
        #[arg(value_name = "NAME")]
        name: String,
        /// owner, administrator, engineer, approver, auditor or viewer.
        #[arg(long, value_name = "ROLE")]
        role: Role,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Change a person's role.
    #[command(after_help = "Example:
  proctor-control-plane admin person role 019aa7f0-0000-7000-8000-000000000002 engineer --api-key-file ada.key")]
    Role {
        /// The person.
        #[arg(value_name = "PERSON")]
        person: PersonId,
        /// owner, administrator, engineer, approver, auditor or viewer.
        #[arg(value_name = "ROLE")]
        role: Role,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Remove a person; their keys end at once, what they did stays in the log.
    #[command(after_help = "Example:
  proctor-control-plane admin person remove 019aa7f0-0000-7000-8000-000000000002 --api-key-file ada.key")]
    Remove {
        /// The person.
        #[arg(value_name = "PERSON")]
        person: PersonId,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Make a one-time link with which somebody comes to the console; the audit log says that the operator did it.
    #[command(after_help = "Examples:
  proctor-control-plane admin person link grace@example.org
  proctor-control-plane admin person link grace@example.org --kind everything \
                            --tenant 019aa7f0-0000-7000-8000-000000000001")]
    Link {
        /// The person's mail address.
        #[arg(value_name = "MAIL")]
        email: Email,
        /// invitation (the first password and second factor), password (a new password; the second factor stays) or
        /// everything (both anew, for somebody who lost both).
        #[arg(long, value_name = "KIND", default_value = "invitation")]
        kind: LinkKind,
        /// The tenant; not needed when there is only one.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<TenantId>,
    },
    /// List the people.
    #[command(after_help = "Example:
  proctor-control-plane admin person list --api-key-file ada.key")]
    List {
        #[command(flatten)]
        key: KeyArgs,
    },
}

pub(super) async fn execute(verb: Verb, operations: &Operations, config: &Config, place: &Place) -> Result<Exit, Fail> {
    match verb {
        Verb::Add { email, name, role, key } => {
            let caller = key.caller(operations).await?;
            let new = AddPerson { email, name: open::text("NAME", &name)?, role };
            let person = operations.add_person(&caller, new).await.map_err(|error| open::operation(&error))?;
            place.out.line(format_args!("person  {}", person.id));
            place.out.json(&json!({"person": person.id, "role": person.role}));
        }
        Verb::Role { person, role, key } => {
            let caller = key.caller(operations).await?;
            let person = operations.set_role(&caller, person, role).await.map_err(|error| open::operation(&error))?;
            place.out.line(format_args!("{} is {} now", person.id, person.role));
            place.out.json(&json!({"person": person.id, "role": person.role}));
        }
        Verb::Remove { person, key } => {
            let caller = key.caller(operations).await?;
            operations.remove_person(&caller, person).await.map_err(|error| open::operation(&error))?;
            place.out.line(format_args!("{person} is removed"));
            place.out.json(&json!({"person": person, "removed": true}));
        }
        Verb::Link { email, kind, tenant } => {
            let tenant = match tenant {
                Some(tenant) => tenant,
                None => only_tenant(operations).await?,
            };
            let person =
                operations.person_as_operator(tenant, &email).await.map_err(|error| open::operation(&error))?;
            let link = operations.link_as_operator(tenant, person.id, kind).await;
            let link = link.map_err(|error| open::operation(&error))?;
            let shown = address(config, &link);
            place.out.line(shown.expose());
            place.out.line(format_args!("once, by {}, until {}", person.email, link.expires));
            place.out.json(&json!({
                "link": shown.expose(), "kind": kind, "expires": link.expires, "person": person.id, "tenant": tenant,
            }));
        }
        Verb::List { key } => {
            let caller = key.caller(operations).await?;
            let all = all_pages!(page => operations.list_people(&caller, &page));
            let row = |person: &control_plane_domain::person::Person| {
                let role = person.role.to_string();
                vec![
                    person.id.to_string().into(),
                    person.email.as_str().into(),
                    person.name.as_str().into(),
                    role.into(),
                ]
            };
            place.out.table(&["PERSON", "MAIL", "NAME", "ROLE"], all.iter().map(row).collect());
            let listed: Vec<_> = all
                .iter()
                .map(|person| {
                    json!({"person": person.id, "email": person.email.as_str(), "name": person.name, "role": person.role})
                })
                .collect();
            place.out.json(&json!({"people": listed}));
        }
    }
    Ok(Exit::Pass)
}

/// The only tenant that there is.
async fn only_tenant(operations: &Operations) -> Result<TenantId, Fail> {
    let tenants = operations.tenants().await.map_err(|error| open::operation(&error))?;
    match tenants.as_slice() {
        [only] => Ok(only.id),
        [] => Err(Fail::input("E-ADMIN-006", "there is no tenant yet", "make one with `admin tenant create`")),
        [_, _, ..] => Err(Fail::input(
            "E-ADMIN-007",
            "there are several tenants",
            "say which one with --tenant; `admin tenant list` shows them",
        )),
    }
}

/// Where the person opens the link.
pub(super) fn address(config: &Config, link: &Link) -> Secret<String> {
    Secret::new(format!("{}{LINK_PATH}{}", config.console_url(), link.text.expose()))
}
