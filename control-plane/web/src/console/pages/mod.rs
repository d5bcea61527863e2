//! The pages: one file or folder a page, each with its rows of the table of routes, its contexts and its samples.

mod account;
pub(super) mod again;
pub(crate) mod alarms;
mod audit;
mod changes;
mod codes;
mod compare;
mod confirm;
mod coverage;
mod drilldowns;
mod evidence;
mod findings;
mod keys;
mod link;
mod live;
mod missed;
mod narrow;
mod overview;
mod people;
mod procedure;
mod procedures;
mod requests;
mod run;
pub(crate) mod runners;
mod runs;
mod second_factor;
mod secrets;
mod session;
mod settings;
pub(crate) mod shown;
mod sign_in;
mod sign_out;
mod sure;
mod when;
mod who;
mod whole;

use super::route::PageRoute;

/// The table: every page there is.
pub(crate) fn routes() -> impl Iterator<Item = &'static PageRoute> {
    [
        sign_in::ROUTES,
        second_factor::ROUTES,
        link::ROUTES,
        confirm::ROUTES,
        sign_out::ROUTES,
        live::ROUTES,
        account::ROUTES,
        changes::ROUTES,
        codes::ROUTES,
        compare::ROUTES,
        findings::ROUTES,
        missed::ROUTES,
        overview::ROUTES,
        procedures::ROUTES,
        runs::ROUTES,
        runners::list::ROUTES,
        runners::add::ROUTES,
        runners::token::ROUTES,
        runners::one::ROUTES,
        runners::act::ROUTES,
        requests::ROUTES,
        alarms::ROUTES,
        audit::ROUTES,
        audit::take::ROUTES,
        audit::verify::ROUTES,
        people::list::ROUTES,
        people::invite::ROUTES,
        people::one::ROUTES,
        people::act::ROUTES,
        keys::list::ROUTES,
        keys::new::ROUTES,
        drilldowns::ROUTES,
        secrets::ROUTES,
        session::ROUTES,
        settings::ROUTES,
    ]
    .into_iter()
    .flatten()
    .chain(evidence::routes())
    .chain(procedure::routes())
    .chain(run::routes())
    .chain(coverage::routes())
}

/// Every page with sample values.
#[cfg(test)]
pub(crate) fn samples() -> Vec<super::sample::Sample> {
    [
        super::trouble::samples(),
        again::samples(),
        sign_in::samples(),
        second_factor::samples(),
        link::samples(),
        confirm::samples(),
        account::samples(),
        changes::samples(),
        codes::samples(),
        compare::samples(),
        coverage::samples(),
        findings::samples(),
        missed::samples(),
        overview::samples(),
        procedure::samples(),
        procedures::samples(),
        run::samples(),
        runs::samples(),
        evidence::samples(),
        runners::samples(),
        requests::samples(),
        alarms::samples(),
        audit::samples(),
        audit::verify::samples(),
        people::samples(),
        keys::samples(),
        drilldowns::samples(),
        secrets::samples(),
        settings::samples(),
        sure::samples(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
