//! Requests to run something now.

use std::time::Duration;

use clock::Timestamp;
use control_plane_domain::policy::Permission;
use control_plane_domain::run_request::{RunRequest, RunRequestState, RunRequestWord};
use control_plane_operations::RequestRun;
use crypto::Digest;
use http::StatusCode;
use ids::{PersonId, RequestId, RunId, RunnerId};
use proof::text::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::procedures::RUNNER;
use super::shape;
use crate::api::route::{Access, Answering, Call, Reply, Route, Shape, Verb, schema_of};

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/run-requests",
        id: "listRunRequests",
        summary: "Requests to run something, newest first",
        access: Access::Permitted(&[Permission::RunsList], list),
        query: &[RUNNER],
        body: None,
        shape: Shape::Page(schema_of::<RunRequestDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/run-requests",
        id: "requestRun",
        summary: "Ask a Runner to run what its operator installed",
        access: Access::Permitted(&[Permission::RunsRequest], request),
        query: &[],
        body: Some(schema_of::<NewRunRequest>()),
        shape: Shape::Json(StatusCode::CREATED, schema_of::<RunRequestDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/run-requests/{request}",
        id: "getRunRequest",
        summary: "What became of a request",
        access: Access::Permitted(&[Permission::RunsList], get),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<RunRequestDocument>()),
    },
];

/// A request to run something.
#[derive(Serialize, ToSchema)]
#[schema(as = RunRequest)]
struct RunRequestDocument {
    #[schema(value_type = shape::Id)]
    id: RequestId,
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    /// The digest of the procedure.
    #[schema(value_type = shape::Hex)]
    procedure: Digest,
    /// Who asked.
    #[schema(value_type = shape::Id)]
    person: PersonId,
    #[schema(value_type = shape::Time)]
    requested: Timestamp,
    /// When it is void, if the Runner has not begun by then.
    #[schema(value_type = shape::Time)]
    expires: Timestamp,
    #[schema(value_type = shape::RequestWord)]
    state: RunRequestWord,
    /// The run, once there is one.
    #[schema(value_type = Option<shape::Id>)]
    run: Option<RunId>,
    /// Why it was refused or ended without a result.
    #[schema(value_type = Option<shape::Word>)]
    code: Option<Name>,
    /// When its state changed last.
    #[schema(value_type = Option<shape::Time>)]
    changed: Option<Timestamp>,
}

impl From<RunRequest> for RunRequestDocument {
    fn from(request: RunRequest) -> Self {
        let RunRequest { id, runner, procedure, person, requested, expires, audit: _, state } = request;
        let word = state.word();
        let (run, code, changed) = match state {
            RunRequestState::Waiting => (None, None, None),
            RunRequestState::Begun { run, at } => (Some(run), None, Some(at)),
            RunRequestState::Ended { run, at, code } => (Some(run), code, Some(at)),
            RunRequestState::Refused { code, at } => (None, Some(code), Some(at)),
            RunRequestState::Expired { at } => (None, None, Some(at)),
        };
        Self { id, runner, procedure, person, requested, expires, state: word, run, code, changed }
    }
}

/// What shall be run where.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRunRequest {
    /// The Runner.
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    /// The digest of a procedure that is installed there.
    #[schema(value_type = shape::Hex)]
    procedure: Digest,
    /// How long it waits for a Runner that is away.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 604_800)]
    wait_seconds: Option<u32>,
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let (runner, page) = (call.query.parsed("runner")?, call.query.page()?);
        let requests = call.operations().list_run_requests(&call.caller, runner, &page).await?;
        Reply::page::<_, RunRequestDocument>(requests)
    })
}

fn request(call: Call) -> Answering {
    Box::pin(async move {
        let NewRunRequest { runner, procedure, wait_seconds } = call.json()?;
        let wait = wait_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        let request = call.operations().request_run(&call.caller, RequestRun { runner, procedure, wait }).await?;
        Reply::json(StatusCode::CREATED, &RunRequestDocument::from(request))
    })
}

fn get(call: Call) -> Answering {
    Box::pin(async move {
        let request = call.path("request", "run request")?;
        let request = call.operations().get_run_request(&call.caller, request).await?;
        Reply::ok(&RunRequestDocument::from(request))
    })
}
