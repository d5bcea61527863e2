//! How checks stand now, and what fails since when.

use clock::Timestamp;
use control_plane_domain::check_state::CheckState;
use control_plane_domain::policy::Permission;
use control_plane_domain::run::CheckFilter;
use ids::{RunId, RunnerId};
use proof::text::Name;
use serde::Serialize;
use utoipa::ToSchema;
use verdict::{Severity, Status};

use super::procedures::RUNNER;
use super::runs::{PROCEDURE, STATUSES};
use super::shape;
use crate::api::route::{Access, Answering, Call, Parameter, Reply, Route, Shape, Verb, schema_of};
use crate::problem::Problem;

const FILTERS: &[Parameter] =
    &[RUNNER, PROCEDURE, Parameter { name: "status", description: "Only checks of this status.", form: STATUSES }];

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/checks",
        id: "listChecks",
        summary: "How every check stands, by Runner and procedure",
        access: Access::Permitted(&[Permission::ChecksList], list),
        query: FILTERS,
        body: None,
        shape: Shape::Page(schema_of::<CheckDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/findings",
        id: "listFindings",
        summary: "What fails and since when, longest first",
        access: Access::Permitted(&[Permission::FindingsList], findings),
        query: FILTERS,
        body: None,
        shape: Shape::Page(schema_of::<CheckDocument>()),
    },
];

/// How a check stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Check)]
struct CheckDocument {
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    #[schema(value_type = shape::Word)]
    procedure: Name,
    #[schema(value_type = shape::Word)]
    check: Name,
    /// How it came out last.
    #[schema(value_type = shape::StatusWord)]
    status: Status,
    #[schema(value_type = shape::SeverityWord)]
    severity: Severity,
    /// Since when it has been so.
    #[schema(value_type = shape::Time)]
    since: Timestamp,
    /// Since when it fails, excepted or not; an error in between does not end a finding.
    #[schema(value_type = Option<shape::Time>)]
    failing_since: Option<Timestamp>,
    /// The run that says so.
    #[schema(value_type = shape::Id)]
    run: RunId,
    #[schema(value_type = shape::Time)]
    run_ended: Timestamp,
}

impl From<CheckState> for CheckDocument {
    fn from(state: CheckState) -> Self {
        let CheckState { runner, procedure, check, status, severity, since, failing_since, run, run_ended } = state;
        Self { runner, procedure, check, status, severity, since, failing_since, run, run_ended }
    }
}

fn filter(call: &Call) -> Result<CheckFilter, Problem> {
    Ok(CheckFilter {
        runner: call.query.parsed("runner")?,
        procedure: call.query.parsed("procedure")?,
        status: call.query.parsed("status")?,
    })
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let (filter, page) = (filter(&call)?, call.query.page()?);
        let checks = call.operations().list_checks(&call.caller, &filter, &page).await?;
        Reply::page::<_, CheckDocument>(checks)
    })
}

fn findings(call: Call) -> Answering {
    Box::pin(async move {
        let (filter, page) = (filter(&call)?, call.query.page()?);
        let findings = call.operations().list_findings(&call.caller, &filter, &page).await?;
        Reply::page::<_, CheckDocument>(findings)
    })
}
