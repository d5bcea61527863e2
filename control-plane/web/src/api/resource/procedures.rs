//! What is installed where.

use clock::Timestamp;
use control_plane_domain::policy::Permission;
use control_plane_domain::procedure::InstalledProcedure;
use crypto::Digest;
use ids::RunnerId;
use proof::text::{FreeText, Name};
use serde::Serialize;
use utoipa::ToSchema;

use super::shape;
use crate::api::route::{Access, Answering, Call, Form, Parameter, Reply, Route, Shape, Verb, schema_of};

/// The parameter of every list that one Runner can narrow.
pub(super) const RUNNER: Parameter =
    Parameter { name: "runner", description: "Only what is of this Runner.", form: Form::Id };

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/procedures",
        id: "listProcedures",
        summary: "What is installed where, as the Runners say",
        access: Access::Permitted(&[Permission::ProceduresList], list),
        query: &[RUNNER],
        body: None,
        shape: Shape::Page(schema_of::<ProcedureDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/runners/{runner}/procedures/{digest}/source",
        id: "getProcedureSource",
        summary: "The file of a procedure as the Runner's operator approved it",
        access: Access::Permitted(&[Permission::ProceduresList], source),
        query: &[],
        body: None,
        shape: Shape::Bytes("text/plain; charset=utf-8"),
    },
];

/// A procedure that is installed at a Runner.
#[derive(Serialize, ToSchema)]
#[schema(as = Procedure)]
struct ProcedureDocument {
    /// The Runner.
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    /// The procedure's id, from its file.
    #[schema(value_type = shape::Word)]
    id: Name,
    /// Its version, from its file.
    version: u64,
    /// The digest of its model: what identifies it, and what a run is requested by.
    #[schema(value_type = shape::Hex)]
    digest: Digest,
    /// Its title.
    #[schema(value_type = shape::Typed)]
    title: FreeText,
    /// How its file is written: yaml or markdown.
    #[schema(value_type = shape::Word)]
    notation: Name,
    /// When the Runner's operator approved it.
    #[schema(value_type = shape::Time)]
    approved: Timestamp,
    /// When it is due, as its file says it; nothing when it runs on request alone.
    #[schema(value_type = Option<shape::Typed>)]
    schedule: Option<FreeText>,
    /// The zone in which the schedule is read.
    #[schema(value_type = Option<shape::Typed>)]
    time_zone: Option<FreeText>,
    /// Whether its file can be read here.
    has_source: bool,
    /// When the Runner said so.
    #[schema(value_type = shape::Time)]
    reported: Timestamp,
}

impl From<InstalledProcedure> for ProcedureDocument {
    fn from(procedure: InstalledProcedure) -> Self {
        let InstalledProcedure { runner, id, version, digest, title, notation, approved, .. } = procedure;
        let InstalledProcedure { schedule, time_zone, has_source, reported, .. } = procedure;
        Self { runner, id, version, digest, title, notation, approved, schedule, time_zone, has_source, reported }
    }
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let (runner, page) = (call.query.parsed("runner")?, call.query.page()?);
        let procedures = call.operations().list_procedures(&call.caller, runner, &page).await?;
        Reply::page::<_, ProcedureDocument>(procedures)
    })
}

fn source(call: Call) -> Answering {
    Box::pin(async move {
        let (runner, digest) = (call.path("runner", "procedure")?, call.path::<Digest>("digest", "procedure")?);
        let source = call.operations().procedure_source(&call.caller, runner, &digest).await?;
        Ok(Reply::bytes("text/plain; charset=utf-8", source))
    })
}
