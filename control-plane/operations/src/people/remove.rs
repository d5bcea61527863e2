//! A person is taken out, and every key of theirs ends in the same moment. The record stays: logs name it.

use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use ids::PersonId;

use super::{active, check_not_last_owner, check_owner};
use crate::{Error, Operations};

impl Operations {
    /// Takes a person out.
    pub async fn remove_person(&self, caller: &Caller, person: PersonId) -> Result<(), Error> {
        let permit = caller.permit(Permission::PeopleRemove)?;
        if person == caller.person() {
            return Err(Error::OwnStanding);
        }
        let tx = self.store().write(&permit).await?;
        let found = active(&tx, person).await?;
        check_owner(caller, &[found.role])?;
        check_not_last_owner(&tx, &found).await?;
        tx.revoke_api_keys_of(person, self.now()).await?;
        tx.remove_person(person).await?;
        tx.commit(&permit.record(Action::PersonRemoved { person })).await?;
        Ok(())
    }
}
