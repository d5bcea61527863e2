//! A person gets another role. It holds for their next request: keys never carry more than the role, and sessions end. So do
//! links: the one that was made for them in the old role, and those that they made in it; and the keys that they made for
//! others, unless they may do all that they could before.

use control_plane_domain::audit::Action;
use control_plane_domain::person::Person;
use control_plane_domain::policy::{Caller, Permission, Role};
use control_plane_domain::session::SessionEnd;
use ids::PersonId;

use super::{active, check_not_last_owner, check_owner};
use crate::accounts::end_sessions;
use crate::api_keys::revoke_keys_made_for_others;
use crate::{Error, Operations};

impl Operations {
    /// Gives a person another role; the role that they have already changes and logs nothing.
    pub async fn set_role(&self, caller: &Caller, person: PersonId, role: Role) -> Result<Person, Error> {
        let permit = caller.permit(Permission::PeopleSetRole)?;
        self.check_confirmed(caller)?;
        if person == caller.person() {
            return Err(Error::OwnStanding);
        }
        let tx = self.store().write(&permit).await?;
        let found = active(&tx, person).await?;
        check_owner(caller, &[found.role, role])?;
        if found.role == role {
            return Ok(found);
        }
        check_not_last_owner(&tx, &found).await?;
        tx.set_role(person, role).await?;
        let now = self.now();
        tx.replace_person_links(person, now).await?;
        tx.replace_links_made_by(person, now).await?;
        // An owner may do all that anybody may.
        let keys = if role == Role::Owner { Vec::new() } else { revoke_keys_made_for_others(&tx, person, now).await? };
        let ended = end_sessions(&tx, person, None, SessionEnd::RoleChanged, now).await?;
        let changed = std::iter::once(Action::PersonRoleChanged { person, from: found.role, to: role });
        let records: Vec<_> = changed.chain(keys).chain(ended).map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await?;
        Ok(Person { role, ..found })
    }
}
