//! Keys to this API.

use clock::Timestamp;
use control_plane_domain::api_key::ApiKey;
use control_plane_domain::policy::{Permission, Scopes};
use control_plane_operations::{CreateApiKey, CreatedApiKey};
use http::StatusCode;
use ids::{ApiKeyId, PersonId};
use proof::text::FreeText;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shape;
use crate::api::route::{Access, Answering, Call, Reply, Route, Shape, Verb, schema_of};

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/api-keys",
        id: "listApiKeys",
        summary: "Your keys; everybody's, if you look after keys",
        access: Access::Permitted(&[Permission::ApiKeysList], list),
        query: &[],
        body: None,
        shape: Shape::Page(schema_of::<ApiKeyDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/api-keys",
        id: "createApiKey",
        summary: "Make a key; its text is shown once",
        access: Access::Permitted(&[Permission::ApiKeysCreate, Permission::ApiKeysManage], create),
        query: &[],
        body: Some(schema_of::<NewApiKey>()),
        shape: Shape::Json(StatusCode::CREATED, schema_of::<CreatedKey<'static>>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/api-keys/{key}/revoke",
        id: "revokeApiKey",
        summary: "End a key at once",
        access: Access::Permitted(&[Permission::ApiKeysRevoke], revoke),
        query: &[],
        body: None,
        shape: Shape::Empty,
    },
];

/// A key; never its text.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct ApiKeyDocument {
    /// The key's id, which also stands in its text.
    #[schema(value_type = shape::Id)]
    id: ApiKeyId,
    /// Whose key it is.
    #[schema(value_type = shape::Id)]
    person: PersonId,
    /// What it is for.
    #[schema(value_type = shape::Typed)]
    label: FreeText,
    /// What it carries.
    #[schema(value_type = Vec<shape::ScopeWord>)]
    scopes: Scopes,
    /// When it was made.
    #[schema(value_type = shape::Time)]
    created: Timestamp,
    /// When it ends.
    #[schema(value_type = shape::Time)]
    expires: Timestamp,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<shape::Time>)]
    last_used: Option<Timestamp>,
    /// When it was ended.
    #[schema(value_type = Option<shape::Time>)]
    revoked: Option<Timestamp>,
}

impl From<ApiKey> for ApiKeyDocument {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, person, label, scopes, created, expires, last_used, revoked } = key;
        Self { id, person, label, scopes, created, expires, last_used, revoked }
    }
}

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApiKey {
    /// What it is for.
    #[schema(value_type = shape::Typed)]
    label: FreeText,
    /// When it ends: in the future, within 366 days.
    #[schema(value_type = shape::Time)]
    expires: Timestamp,
    /// Whose key it shall be; your own when left out.
    #[serde(default)]
    #[schema(value_type = Option<shape::Id>)]
    person: Option<PersonId>,
    /// What it shall carry; all that it may when left out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<shape::ScopeWord>>)]
    scopes: Option<Scopes>,
}

/// A key with its text, which is shown this once.
#[derive(Serialize, ToSchema)]
struct CreatedKey<'a> {
    /// The key.
    key: ApiKeyDocument,
    /// The text to be sent as `Authorization: Bearer …`.
    text: &'a str,
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let keys = call.operations().list_api_keys(&call.caller, &call.query.page()?).await?;
        Reply::page::<_, ApiKeyDocument>(keys)
    })
}

fn create(call: Call) -> Answering {
    Box::pin(async move {
        let NewApiKey { label, expires, person, scopes } = call.json()?;
        let input = CreateApiKey { person, label, scopes, expires };
        let CreatedApiKey { record, text } = call.operations().create_api_key(&call.caller, input).await?;
        Reply::secret(&CreatedKey { key: record.into(), text: text.expose() })
    })
}

fn revoke(call: Call) -> Answering {
    Box::pin(async move {
        call.operations().revoke_api_key(&call.caller, call.path("key", "API key")?).await?;
        Ok(Reply::done())
    })
}
