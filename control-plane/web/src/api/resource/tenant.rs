//! What holds for the whole tenant.

use control_plane_domain::policy::Permission;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::route::{Access, Answering, Call, Reply, Route, Shape, Verb, schema_of};

pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Post,
    path: "/api/v1/tenant/drilldowns",
    id: "switchDrilldowns",
    summary: "Switch drill-downs of the whole tenant off or on",
    access: Access::Permitted(&[Permission::DrillDownsSwitch], switch),
    query: &[],
    body: Some(schema_of::<SwitchDrilldowns>()),
    shape: Shape::Empty,
}];

/// Off is off; on is whatever each Runner's own policy allows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SwitchDrilldowns {
    /// Whether drill-downs may be asked for.
    enabled: bool,
}

fn switch(call: Call) -> Answering {
    Box::pin(async move {
        let SwitchDrilldowns { enabled } = call.json()?;
        call.operations().set_drilldowns(&call.caller, enabled).await?;
        Ok(Reply::done())
    })
}
