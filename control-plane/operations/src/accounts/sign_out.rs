//! A session ends because its browser says so: a whole one, or one that never was.

use control_plane_authn::token::SessionToken;
use control_plane_domain::policy;
use control_plane_domain::session::{SessionEnd, SessionState};
use control_plane_store::StoreError;

use super::end::end_session;
use crate::{Error, Operations};

impl Operations {
    /// Ends the session of this cookie. One that is over, or never was, is fine.
    pub async fn sign_out(&self, cookie: &str) -> Result<(), Error> {
        let Ok(token) = SessionToken::parse(cookie) else { return Ok(()) };
        let permit = policy::system(token.tenant(), policy::Permission::Authenticate)?;
        let found = self.store().read(&permit).await?.session_by_digest(&token.digest()).await?;
        let Some(found) = found.filter(|session| !matches!(session.state, SessionState::Ended { .. })) else {
            return Ok(());
        };
        let permit = policy::signing_in(token.tenant(), found.person, found.id);
        let tx = match self.store().write(&permit).await {
            Ok(tx) => tx,
            // The person was taken out in this moment, and the session with them.
            Err(StoreError::ActorGone) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let Some(session) = tx.session_by_digest(&token.digest()).await? else { return Ok(()) };
        if matches!(session.state, SessionState::Ended { .. }) {
            return Ok(());
        }
        let ended = end_session(&tx, &session, SessionEnd::SignedOut, self.now()).await?;
        let records: Vec<_> = ended.into_iter().map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await
    }
}
