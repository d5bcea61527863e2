//! Somebody's sessions are ended by those who look after people: their laptop was stolen, or they left it open.

use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::session::SessionEnd;
use ids::PersonId;

use super::{active, check_owner};
use crate::accounts::end_sessions;
use crate::{Error, Operations};

impl Operations {
    /// Ends every session of somebody else; how many. Their keys stay: those are ended one by one. One's own sessions are ended
    /// in one's account.
    pub async fn end_sessions_of(&self, caller: &Caller, person: PersonId) -> Result<u64, Error> {
        let permit = caller.permit(Permission::PeopleEndSessions)?;
        self.check_confirmed(caller)?;
        if person == caller.person() {
            return Err(Error::OwnStanding);
        }
        let tx = self.store().write(&permit).await?;
        let found = active(&tx, person).await?;
        check_owner(caller, &[found.role])?;
        let ended = end_sessions(&tx, person, None, SessionEnd::EndedByOther, self.now()).await?;
        let records: Vec<_> = ended.into_iter().map(|action| permit.record(action)).collect();
        let many = u64::try_from(records.len()).unwrap_or(u64::MAX);
        self.commit_all(tx, &records).await?;
        Ok(many)
    }
}
