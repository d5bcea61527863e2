//! Times that a filter names: a day or a minute, in the reader's own zone.

use clock::Timestamp;

use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::problem::Problem;

/// What a field of the query names: its first millisecond, and the first one after it.
pub(crate) fn span(visit: &Visit, name: &'static str) -> Result<Option<(Timestamp, Timestamp)>, Trouble> {
    let Some(text) = visit.query().text(name) else { return Ok(None) };
    let refused = || {
        Problem::query()
            .because(format_args!("`{name}` is no day such as 2026-11-22, and no time such as 2026-11-22T09:14"))
    };
    visit.zone().span(text).map(Some).ok_or_else(|| refused().into())
}

/// At or after it.
pub(crate) fn from(visit: &Visit, name: &'static str) -> Result<Option<Timestamp>, Trouble> {
    Ok(span(visit, name)?.map(|(from, _)| from))
}

/// At or before it: before what comes after it.
pub(crate) fn until(visit: &Visit, name: &'static str) -> Result<Option<Timestamp>, Trouble> {
    Ok(span(visit, name)?.map(|(_, until)| until))
}
