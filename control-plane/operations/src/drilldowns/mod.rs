//! Drill-downs: somebody asks to see evidence, the Runner decides, and what comes back passes through here sealed.
//!
//! The control plane adds its own limits (role, tenant switch) to those of the Runner and can lift none of them. Every
//! step has its audit record, and the record of the request comes before anything else.

mod answer;
mod cancel;
mod end;
mod list;
mod prepare;
mod request;
mod sign;

use control_plane_domain::drilldown::DrillDown;
use control_plane_domain::policy::Caller;
use proof::text::Name;

pub(crate) use prepare::{Readiness, may_ask};
pub use request::{AskedRows, RequestDrillDown};

use crate::Error;

/// Only the person who asked goes on with a drill-down.
fn check_asker(caller: &Caller, drilldown: &DrillDown) -> Result<(), Error> {
    if drilldown.person == caller.person() { Ok(()) } else { Err(Error::NotTheAsker) }
}

/// A code of ours as records carry it.
pub(crate) fn code(code: &'static str) -> Name {
    code.parse().expect("codes of the control plane are names")
}
