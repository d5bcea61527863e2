//! One-time tokens that let a Runner ask to be let in.

use clock::Timestamp;
use contract::Label;
use control_plane_domain::join_token::{JoinToken, TokenState};
use control_plane_domain::policy::Permission;
use control_plane_operations::CreatedToken;
use http::StatusCode;
use ids::{PersonId, RunnerId, TokenId};
use proof::text::FreeText;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shape;
use crate::api::route::{Access, Answering, Call, Reply, Route, Shape, Verb, schema_of};
use crate::join_command;

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/tokens",
        id: "listTokens",
        summary: "Tokens, and what became of each",
        access: Access::Permitted(&[Permission::TokensList], list),
        query: &[],
        body: None,
        shape: Shape::Page(schema_of::<TokenDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/tokens",
        id: "createToken",
        summary: "Make a token that lets one Runner in within ten minutes; its text is shown once",
        access: Access::Permitted(&[Permission::TokensCreate], create),
        query: &[],
        body: Some(schema_of::<NewToken>()),
        shape: Shape::Json(StatusCode::CREATED, schema_of::<NewTokenText<'static>>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/tokens/{token}/revoke",
        id: "revokeToken",
        summary: "Take a token back before it is used",
        access: Access::Permitted(&[Permission::TokensRevoke], revoke),
        query: &[],
        body: None,
        shape: Shape::Empty,
    },
];

/// A token; never its text.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
struct TokenDocument {
    /// The token's id.
    #[schema(value_type = shape::Id)]
    id: TokenId,
    /// What it is for.
    #[schema(value_type = shape::Typed)]
    label: FreeText,
    /// Who made it.
    #[schema(value_type = shape::Id)]
    created_by: PersonId,
    /// When it was made.
    #[schema(value_type = shape::Time)]
    created: Timestamp,
    /// When it ends.
    #[schema(value_type = shape::Time)]
    expires: Timestamp,
    /// What became of it; an open one may have expired.
    state: TokenWord,
    /// The Runner that came with it.
    #[schema(value_type = Option<shape::Id>)]
    runner: Option<RunnerId>,
    /// When it was used or revoked.
    #[schema(value_type = Option<shape::Time>)]
    ended: Option<Timestamp>,
}

/// What became of a token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TokenWord {
    Open,
    Used,
    Revoked,
}

impl From<JoinToken> for TokenDocument {
    fn from(JoinToken { id, label, created_by, created, expires, state }: JoinToken) -> Self {
        let (state, runner, ended) = match state {
            TokenState::Open => (TokenWord::Open, None, None),
            TokenState::Used { runner, at, .. } => (TokenWord::Used, Some(runner), Some(at)),
            TokenState::Revoked { at } => (TokenWord::Revoked, None, Some(at)),
        };
        Self { id, label, created_by, created, expires, state, runner, ended }
    }
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is for.
    #[schema(value_type = shape::ShortText)]
    label: Label,
}

/// A token with its text, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedToken)]
struct NewTokenText<'a> {
    /// The token.
    token: TokenDocument,
    /// The text.
    text: &'a str,
    /// What the operator pastes at the host of the new Runner.
    command: String,
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let tokens = call.operations().list_tokens(&call.caller, &call.query.page()?).await?;
        Reply::page::<_, TokenDocument>(tokens)
    })
}

fn create(call: Call) -> Answering {
    Box::pin(async move {
        let NewToken { label } = call.json()?;
        let CreatedToken { record, text } = call.operations().create_token(&call.caller, label).await?;
        let command = join_command(call.settings(), text.expose());
        Reply::secret(&NewTokenText { token: record.into(), text: text.expose(), command })
    })
}

fn revoke(call: Call) -> Answering {
    Box::pin(async move {
        call.operations().revoke_token(&call.caller, call.path("token", "token")?).await?;
        Ok(Reply::done())
    })
}
