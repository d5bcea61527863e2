//! What is due when, what is overdue, and what was not run although it was due.

use clock::Timestamp;
use control_plane_domain::policy::Permission;
use control_plane_domain::procedure::{MissedDue, ScheduleDue};
use http::StatusCode;
use ids::RunnerId;
use proof::text::Name;
use serde::Serialize;
use utoipa::ToSchema;

use super::procedures::RUNNER;
use super::shape;
use crate::api::route::{Access, Answering, Call, Reply, Route, Shape, Verb, schema_of};

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/missed",
        id: "listMissed",
        summary: "Due times at which nothing ran, each with the reason that the Runner journalled, newest first",
        access: Access::Permitted(&[Permission::RunsList], missed),
        query: &[RUNNER],
        body: None,
        shape: Shape::Page(schema_of::<MissedDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/runners/{runner}/schedule",
        id: "getSchedule",
        summary: "When the Runner's procedures are due next, and which of them are overdue",
        access: Access::Permitted(&[Permission::RunsList], schedule),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<ScheduleDocument>()),
    },
];

/// A due time at which nothing ran.
#[derive(Serialize, ToSchema)]
#[schema(as = Missed)]
struct MissedDocument {
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    #[schema(value_type = shape::Word)]
    procedure: Name,
    /// When it was due.
    #[schema(value_type = shape::Time)]
    due: Timestamp,
    /// Why nothing ran.
    #[schema(value_type = shape::Word)]
    reason: Name,
    /// The record of the Runner's journal that says so.
    record: u64,
}

impl From<MissedDue> for MissedDocument {
    fn from(missed: MissedDue) -> Self {
        let MissedDue { runner, procedure, due, reason, seq } = missed;
        Self { runner, procedure, due, reason, record: seq }
    }
}

/// What is due at a Runner.
#[derive(Serialize, ToSchema)]
#[schema(as = Schedule)]
struct ScheduleDocument {
    due: Vec<DueDocument>,
}

/// When a procedure is due next.
#[derive(Serialize, ToSchema)]
#[schema(as = Due)]
struct DueDocument {
    #[schema(value_type = shape::Word)]
    procedure: Name,
    /// When.
    #[schema(value_type = shape::Time)]
    next_due: Timestamp,
    /// Since when it is overdue: due, and neither run nor accounted for.
    #[schema(value_type = Option<shape::Time>)]
    overdue_since: Option<Timestamp>,
    /// When the Runner said so.
    #[schema(value_type = shape::Time)]
    reported: Timestamp,
}

impl From<ScheduleDue> for DueDocument {
    fn from(due: ScheduleDue) -> Self {
        let ScheduleDue { runner: _, procedure, next_due, reported, overdue_since } = due;
        Self { procedure, next_due, overdue_since, reported }
    }
}

fn missed(call: Call) -> Answering {
    Box::pin(async move {
        let (runner, page) = (call.query.parsed("runner")?, call.query.page()?);
        let missed = call.operations().list_missed(&call.caller, runner, &page).await?;
        Reply::page::<_, MissedDocument>(missed)
    })
}

fn schedule(call: Call) -> Answering {
    Box::pin(async move {
        let runner = call.path("runner", "Runner")?;
        let due = call.operations().runner_schedule(&call.caller, runner).await?;
        Reply::json(StatusCode::OK, &ScheduleDocument { due: due.into_iter().map(DueDocument::from).collect() })
    })
}
