//! Who is in the tenant.

use clock::Timestamp;
use control_plane_domain::person::{Email, Person, PersonState};
use control_plane_domain::policy::{Permission, Role};
use control_plane_operations::AddPerson;
use http::StatusCode;
use ids::PersonId;
use proof::text::FreeText;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shape;
use crate::api::route::{Access, Answering, Call, Reply, Route, Shape, Verb, schema_of};
use crate::problem::Problem;

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/people",
        id: "listPeople",
        summary: "Who is and was in the tenant",
        access: Access::Permitted(&[Permission::PeopleList], list),
        query: &[],
        body: None,
        shape: Shape::Page(schema_of::<PersonDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/people",
        id: "addPerson",
        summary: "Let a person in",
        access: Access::Permitted(&[Permission::PeopleAdd], add),
        query: &[],
        body: Some(schema_of::<NewPerson>()),
        shape: Shape::Json(StatusCode::CREATED, schema_of::<PersonDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/people/{person}/role",
        id: "setRole",
        summary: "Give a person another role",
        access: Access::Permitted(&[Permission::PeopleSetRole], set_role),
        query: &[],
        body: Some(schema_of::<NewRole>()),
        shape: Shape::Json(StatusCode::OK, schema_of::<PersonDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/people/{person}/sessions/end",
        id: "endSessions",
        summary: "End every session of a person at the console",
        access: Access::Permitted(&[Permission::PeopleEndSessions], end_sessions),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<EndedSessions>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/people/{person}/remove",
        id: "removePerson",
        summary: "Take a person out; their keys and sessions end with them",
        access: Access::Permitted(&[Permission::PeopleRemove], remove),
        query: &[],
        body: None,
        shape: Shape::Empty,
    },
];

/// A person.
#[derive(Serialize, ToSchema)]
#[schema(as = Person)]
struct PersonDocument {
    /// The person's id, which is what logs name.
    #[schema(value_type = shape::Id)]
    id: PersonId,
    /// What the person is called.
    #[schema(value_type = shape::Typed)]
    name: FreeText,
    /// The person's e-mail address.
    email: String,
    /// What the person may do.
    #[schema(value_type = shape::RoleWord)]
    role: Role,
    /// Whether the person is still in the tenant.
    #[schema(value_type = shape::PersonWord)]
    state: PersonState,
    /// Since when.
    #[schema(value_type = shape::Time)]
    created: Timestamp,
}

impl From<Person> for PersonDocument {
    fn from(Person { id, name, email, role, state, created }: Person) -> Self {
        Self { id, name, email: email.to_string(), role, state, created }
    }
}

/// A person to be let in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPerson {
    /// The person's e-mail address.
    #[schema(max_length = 254)]
    email: String,
    /// What the person is called.
    #[schema(value_type = shape::Typed)]
    name: FreeText,
    /// What the person may do.
    #[schema(value_type = shape::RoleWord)]
    role: Role,
}

/// Another role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// What the person may do from now on.
    #[schema(value_type = shape::RoleWord)]
    role: Role,
}

/// Sessions that were ended.
#[derive(Serialize, ToSchema)]
struct EndedSessions {
    /// How many there were.
    ended: u64,
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let people = call.operations().list_people(&call.caller, &call.query.page()?).await?;
        Reply::page::<_, PersonDocument>(people)
    })
}

fn add(call: Call) -> Answering {
    Box::pin(async move {
        let NewPerson { email, name, role } = call.json()?;
        let email: Email = email.parse().map_err(|why| Problem::other_json().because(format!("`email`: {why}")))?;
        let person = call.operations().add_person(&call.caller, AddPerson { email, name, role }).await?;
        Reply::json(StatusCode::CREATED, &PersonDocument::from(person))
    })
}

fn set_role(call: Call) -> Answering {
    Box::pin(async move {
        let NewRole { role } = call.json()?;
        let person = call.operations().set_role(&call.caller, call.path("person", "person")?, role).await?;
        Reply::ok(&PersonDocument::from(person))
    })
}

fn end_sessions(call: Call) -> Answering {
    Box::pin(async move {
        let ended = call.operations().end_sessions_of(&call.caller, call.path("person", "person")?).await?;
        Reply::ok(&EndedSessions { ended })
    })
}

fn remove(call: Call) -> Answering {
    Box::pin(async move {
        call.operations().remove_person(&call.caller, call.path("person", "person")?).await?;
        Ok(Reply::done())
    })
}
