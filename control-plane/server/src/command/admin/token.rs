//! `admin token`: one-time tokens with which Runners enrol.

use contract::Label;
use control_plane_domain::join_token::TokenState;
use control_plane_operations::Operations;
use ids::TokenId;
use serde_json::json;
use terminal::{Exit, Fail};

use super::all_pages;
use crate::config::Config;
use crate::place::Place;
use crate::serving::certificates::Certificates;
use crate::wiring::caller::KeyArgs;
use crate::wiring::open;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Make a token and print the one command to paste at the Runner's host within ten minutes.
    #[command(after_help = "Example:
  proctor-control-plane admin token create warehouse --api-key-file ada.key")]
    Create {
        /// What the Runner will be called in lists; a label, not an identity.
        #[arg(value_name = "LABEL")]
        label: String,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// Take a token back.
    #[command(after_help = "Example:
  proctor-control-plane admin token revoke 019aa7f0-0000-7000-8000-000000000009 --api-key-file ada.key")]
    Revoke {
        /// The token's id, not its text.
        #[arg(value_name = "TOKEN")]
        token: TokenId,
        #[command(flatten)]
        key: KeyArgs,
    },
    /// List the tokens; their texts are not kept.
    #[command(after_help = "Example:
  proctor-control-plane admin token list --api-key-file ada.key")]
    List {
        #[command(flatten)]
        key: KeyArgs,
    },
}

pub(super) async fn execute(verb: Verb, operations: &Operations, config: &Config, place: &Place) -> Result<Exit, Fail> {
    match verb {
        Verb::Create { label, key } => {
            let caller = key.caller(operations).await?;
            let label: Label = label.parse().map_err(|fault| {
                Fail::input("E-ADMIN-002", format_args!("LABEL: {fault}"), "take a short name on one line")
            })?;
            let pin = Certificates::open(config, &place.dir, operations.clock().now())?.pin;
            let made = operations.create_token(&caller, label).await.map_err(|error| open::operation(&error))?;
            let command = control_plane_web::join_command(&open::web_settings(config, pin)?, made.text.expose());
            place.out.line(format_args!("token  {}  ends {}", made.record.id, made.record.expires));
            place.out.line("At the Runner's host:");
            place.out.line(format_args!("  {command}"));
            place.out.json(&json!({
                "id": made.record.id, "expires": made.record.expires, "token": made.text.expose(),
                "join_command": command, "ca_pin": format!("sha256:{pin}"),
            }));
        }
        Verb::Revoke { token, key } => {
            let caller = key.caller(operations).await?;
            operations.revoke_token(&caller, token).await.map_err(|error| open::operation(&error))?;
            place.out.line(format_args!("{token} is revoked"));
            place.out.json(&json!({"id": token, "revoked": true}));
        }
        Verb::List { key } => {
            let caller = key.caller(operations).await?;
            let all = all_pages!(page => operations.list_tokens(&caller, &page));
            let row = |token: &control_plane_domain::join_token::JoinToken| {
                let state = state(token);
                vec![
                    token.id.to_string().into(),
                    token.label.as_str().into(),
                    state.into(),
                    token.expires.to_string().into(),
                ]
            };
            place.out.table(&["TOKEN", "LABEL", "STATE", "ENDS"], all.iter().map(row).collect());
            let listed: Vec<_> = all
                .iter()
                .map(|token| {
                    let state = state(token);
                    json!({"id": token.id, "label": token.label.as_str(), "state": state, "expires": token.expires})
                })
                .collect();
            place.out.json(&json!({"tokens": listed}));
        }
    }
    Ok(Exit::Pass)
}

fn state(token: &control_plane_domain::join_token::JoinToken) -> &'static str {
    match token.state {
        TokenState::Open => "open",
        TokenState::Used { .. } => "used",
        TokenState::Revoked { .. } => "revoked",
    }
}
