//! How long the caller's session lasts, so that a page can say so before it ends.

use clock::Timestamp;
use control_plane_domain::policy::{Caller, Permission};

use crate::{Error, Operations};

/// When a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnds {
    /// If nothing is done with it any more.
    pub idle: Timestamp,
    /// Whatever is done.
    pub whole: Timestamp,
}

impl Operations {
    /// When the session that asks ends. Asking is no use of it.
    pub async fn session_ends(&self, caller: &Caller) -> Result<SessionEnds, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let own = caller.session().ok_or(Error::SessionOver)?;
        let live = self.store().read(&permit).await?.live_sessions(caller.person(), self.now()).await?;
        let session = live.into_iter().find(|session| session.id == own).ok_or(Error::SessionOver)?;
        Ok(SessionEnds { idle: self.idle_until(&session), whole: session.expires })
    }
}
