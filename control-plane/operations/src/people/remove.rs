//! A person is taken out, and every key, session and link of theirs ends in the same moment, as do the links and the keys
//! that they made for others. The record stays: logs name it.

use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::session::SessionEnd;
use ids::PersonId;

use super::{active, check_not_last_owner, check_owner};
use crate::accounts::end_sessions;
use crate::api_keys::revoke_keys_made_for_others;
use crate::{Error, Operations};

impl Operations {
    /// Takes a person out.
    pub async fn remove_person(&self, caller: &Caller, person: PersonId) -> Result<(), Error> {
        let permit = caller.permit(Permission::PeopleRemove)?;
        self.check_confirmed(caller)?;
        if person == caller.person() {
            return Err(Error::OwnStanding);
        }
        let tx = self.store().write(&permit).await?;
        let found = active(&tx, person).await?;
        check_owner(caller, &[found.role])?;
        check_not_last_owner(&tx, &found).await?;
        let now = self.now();
        tx.revoke_api_keys_of(person, now).await?;
        let keys = revoke_keys_made_for_others(&tx, person, now).await?;
        tx.replace_person_links(person, now).await?;
        tx.replace_links_made_by(person, now).await?;
        tx.forget_credentials(person).await?;
        let ended = end_sessions(&tx, person, None, SessionEnd::PersonRemoved, now).await?;
        tx.remove_person(person).await?;
        let removed = std::iter::once(Action::PersonRemoved { person });
        let records: Vec<_> = removed.chain(keys).chain(ended).map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await
    }
}
