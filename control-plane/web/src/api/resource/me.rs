//! Whose key it is.

use control_plane_operations::{Error, Me};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::shape;
use crate::api::route::{Access, Answering, Call, Reply, Route, Shape, Verb, schema_of};

pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/api/v1/me",
    id: "getMe",
    summary: "Whose key this is, and what it may do",
    access: Access::Key(get),
    query: &[],
    body: None,
    shape: Shape::Json(StatusCode::OK, schema_of::<MeDocument>()),
}];

/// The person behind the key, and what the key may do.
#[derive(Serialize, ToSchema)]
struct MeDocument {
    /// The tenant.
    #[schema(value_type = shape::Id)]
    tenant: ids::TenantId,
    /// What the tenant is called.
    #[schema(value_type = shape::Typed)]
    tenant_name: proof::text::FreeText,
    /// Whether drill-downs are switched on in the tenant.
    drilldowns: bool,
    /// The person.
    #[schema(value_type = shape::Id)]
    person: ids::PersonId,
    /// What the person is called.
    #[schema(value_type = shape::Typed)]
    name: proof::text::FreeText,
    /// The person's e-mail address.
    email: String,
    /// The person's role.
    #[schema(value_type = shape::RoleWord)]
    role: control_plane_domain::policy::Role,
    /// The key.
    #[schema(value_type = shape::Id)]
    key: ids::ApiKeyId,
    /// What the key carries; the role narrows it further.
    #[schema(value_type = Vec<shape::ScopeWord>)]
    scopes: control_plane_domain::policy::Scopes,
}

fn get(call: Call) -> Answering {
    Box::pin(async move {
        let Me { tenant, tenant_name, drilldowns, person, key, role, scopes } =
            call.operations().me(&call.caller).await?;
        Reply::ok(&MeDocument {
            tenant,
            tenant_name,
            drilldowns,
            person: person.id,
            name: person.name,
            email: person.email.to_string(),
            role,
            key: key.ok_or(Error::Unauthenticated)?,
            scopes,
        })
    })
}
