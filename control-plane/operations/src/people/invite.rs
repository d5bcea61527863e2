//! A person is let in, with a link that lets them begin.

use control_plane_domain::audit::Action;
use control_plane_domain::link::LinkKind;
use control_plane_domain::person::Person;
use control_plane_domain::policy::{Caller, Permission};

use super::{AddPerson, check_owner};
use crate::accounts::{Link, add_link, life_ms};
use crate::{Error, Operations};

impl Operations {
    /// Adds a person and makes their first link, in one step. Its text is shown this once.
    pub async fn invite_person(&self, caller: &Caller, input: AddPerson) -> Result<(Person, Link), Error> {
        caller.permit(Permission::PeopleLink)?;
        let permit = caller.permit(Permission::PeopleAdd)?;
        self.check_confirmed(caller)?;
        check_owner(caller, &[input.role])?;
        let tx = self.store().write(&permit).await?;
        let person = self.add_to(&tx, input).await?;
        let kind = LinkKind::Invitation;
        let (link, made) = add_link(self, &tx, person.id, kind, Some(caller.person()), life_ms(kind)).await?;
        let added = Action::PersonAdded { person: person.id, role: person.role };
        let (mut logged, _) = tx.log(&permit.record(added)).await?;
        logged.log(&permit.record(made)).await?;
        logged.commit().await?;
        Ok((person, link))
    }
}
