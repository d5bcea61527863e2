//! Sessions of a person end, in the transaction of what ends them.

use clock::Timestamp;
use control_plane_domain::audit::Action;
use control_plane_domain::session::{Session, SessionEnd, SessionState};
use control_plane_store::Writes;
use ids::{PersonId, SessionId};

use crate::Error;

/// Ends every session of a person but one; the records that say so, for the log. Half sessions were never in it.
pub(crate) async fn end_sessions(
    tx: &Writes,
    person: PersonId,
    but: Option<SessionId>,
    cause: SessionEnd,
    now: Timestamp,
) -> Result<Vec<Action>, Error> {
    let mut ended = Vec::new();
    for session in tx.live_sessions(person, now).await? {
        if Some(session.id) != but {
            ended.extend(end_session(tx, &session, cause, now).await?);
        }
    }
    Ok(ended)
}

/// Ends one session; the record that says so, unless it was half.
pub(super) async fn end_session(
    tx: &Writes,
    session: &Session,
    cause: SessionEnd,
    now: Timestamp,
) -> Result<Option<Action>, Error> {
    tx.end_session(session.id, cause, now).await?;
    Ok(match session.state {
        SessionState::Full { .. } => Some(Action::SessionEnded { session: session.id, person: session.person, cause }),
        SessionState::Half | SessionState::Ended { .. } => None,
    })
}
