//! Which evidence there is: commitments to it, never content.

use clock::Timestamp;
use control_plane_domain::policy::Permission;
use control_plane_domain::run::RunItem;
use crypto::Digest;
use http::StatusCode;
use ids::{ItemId, RunId, RunnerId};
use proof::manifest::ItemLine;
use proof::text::Name;
use serde::Serialize;
use utoipa::ToSchema;
use verdict::{EvidenceClass, EvidenceForm};

use super::shape;
use crate::api::route::{Access, Answering, Call, Reply, Route, Shape, Verb, schema_of};

pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/api/v1/items/{item}",
    id: "getItem",
    summary: "One evidence item: its commitment, never its content",
    access: Access::Permitted(&[Permission::ItemsList], get),
    query: &[],
    body: None,
    shape: Shape::Json(StatusCode::OK, schema_of::<ItemDocument>()),
}];

/// An evidence item: what is known of it outside the Runner.
#[derive(Serialize, ToSchema)]
#[schema(as = Item)]
pub(super) struct ItemDocument {
    /// The item.
    #[schema(value_type = shape::Id)]
    item: ItemId,
    /// The run that collected it.
    #[schema(value_type = shape::Id)]
    run: RunId,
    /// The Runner that keeps it.
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    /// The step that collected it.
    #[schema(value_type = shape::Word)]
    step: Name,
    /// Whether it is rows or bytes.
    #[schema(value_type = shape::FormWord)]
    form: EvidenceForm,
    /// How sensitive it is, as the procedure says.
    #[schema(value_type = shape::Word)]
    class: EvidenceClass,
    /// When it was collected.
    #[schema(value_type = shape::Time)]
    collected: Timestamp,
    /// How many rows it has.
    rows: u64,
    /// The root of the commitment to its rows.
    #[schema(value_type = shape::Hex)]
    root: Digest,
}

impl From<RunItem> for ItemDocument {
    fn from(RunItem { run, runner, line }: RunItem) -> Self {
        let ItemLine { item, step, form, class, collected, rows, root } = line;
        Self { item, run, runner, step, form, class, collected, rows, root }
    }
}

fn get(call: Call) -> Answering {
    Box::pin(async move {
        let item = call.operations().get_item(&call.caller, call.path("item", "evidence item")?).await?;
        Reply::ok(&ItemDocument::from(item))
    })
}
