//! A person's sessions: which there are, and the end of those that should not be.

use clock::Timestamp;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::session::{Session, SessionEnd};
use ids::SessionId;
use proof::text::FreeText;

use super::end::end_session;
use super::end_sessions;
use crate::{Error, Operations};

/// One session, for its owner to look at.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Its name.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub this: bool,
    /// When it began.
    pub begun: Timestamp,
    /// When it was used last, to the minute.
    pub seen: Timestamp,
    /// When it ends, whatever is done.
    pub expires: Timestamp,
    /// The network from which it was used last.
    pub address: String,
    /// What the browser calls itself.
    pub agent: FreeText,
}

impl Operations {
    /// The caller's sessions, the newest first.
    pub async fn list_sessions(&self, caller: &Caller) -> Result<Vec<SessionRow>, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let now = self.now();
        let tx = self.store().read(&permit).await?;
        let live = tx.live_sessions(caller.person(), now).await?;
        Ok(self.session_rows(live, caller, now))
    }

    /// Those that hold, the newest first.
    pub(super) fn session_rows(&self, live: Vec<Session>, caller: &Caller, now: Timestamp) -> Vec<SessionRow> {
        let holds = |session: &Session| session.is_full(now) && now < self.idle_until(session);
        let mut rows: Vec<_> = live.into_iter().filter(holds).map(|session| row(session, caller)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.begun, row.id)));
        rows
    }

    /// Ends one of the caller's sessions.
    pub async fn end_session(&self, caller: &Caller, session: SessionId) -> Result<(), Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let now = self.now();
        let tx = self.store().write(&permit).await?;
        let found = tx.session(session).await?;
        // Somebody else's session is not forbidden but absent.
        let found = found.filter(|found| found.person == caller.person() && found.is_full(now));
        let found = found.ok_or(Error::NotFound("session"))?;
        let own = caller.session() == Some(session);
        let cause = if own { SessionEnd::SignedOut } else { SessionEnd::EndedElsewhere };
        let ended = end_session(&tx, &found, cause, now).await?;
        let records: Vec<_> = ended.into_iter().map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await
    }

    /// Ends every session of the caller but the one that asks; how many.
    pub async fn end_other_sessions(&self, caller: &Caller) -> Result<u64, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let tx = self.store().write(&permit).await?;
        let cause = SessionEnd::EndedElsewhere;
        let ended = end_sessions(&tx, caller.person(), caller.session(), cause, self.now()).await?;
        let records: Vec<_> = ended.into_iter().map(|action| permit.record(action)).collect();
        let many = u64::try_from(records.len()).unwrap_or(u64::MAX);
        self.commit_all(tx, &records).await?;
        Ok(many)
    }
}

fn row(session: Session, caller: &Caller) -> SessionRow {
    let Session { id, begun, seen, expires, address, agent, .. } = session;
    SessionRow { id, this: caller.session() == Some(id), begun, seen, expires, address, agent }
}
