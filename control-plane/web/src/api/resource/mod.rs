//! What there is: one file a resource, each with its shapes, its handlers and its rows of the table of routes.

mod alarms;
pub(crate) mod answer;
mod api_keys;
mod audit;
mod checks;
mod coverage;
pub(crate) mod drilldowns;
mod items;
mod me;
mod people;
mod procedures;
mod run_requests;
mod runners;
mod runs;
mod schedule;
pub(crate) mod secrets;
mod shape;
mod tenant;
mod tokens;

use crate::api::route::Route;

/// The table: every route there is.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    [
        crate::api::document::ROUTES,
        me::ROUTES,
        tenant::ROUTES,
        people::ROUTES,
        api_keys::ROUTES,
        tokens::ROUTES,
        runners::ROUTES,
        procedures::ROUTES,
        runs::ROUTES,
        run_requests::ROUTES,
        schedule::ROUTES,
        checks::ROUTES,
        coverage::ROUTES,
        items::ROUTES,
        drilldowns::ROUTES,
        secrets::ROUTES,
        alarms::ROUTES,
        audit::ROUTES,
    ]
    .into_iter()
    .flatten()
}
