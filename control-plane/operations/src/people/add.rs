//! A person is let in.

use control_plane_domain::audit::Action;
use control_plane_domain::person::{Email, Person, PersonState};
use control_plane_domain::policy::{Caller, Permission, Role};
use control_plane_store::Writes;
use ids::PersonId;
use proof::text::FreeText;

use super::check_owner;
use crate::{Error, Operations};

/// Who.
#[derive(Debug, Clone)]
pub struct AddPerson {
    /// Where to reach them.
    pub email: Email,
    /// What people call them.
    pub name: FreeText,
    /// What they may do.
    pub role: Role,
}

impl Operations {
    /// Lets a person in. They act once somebody makes them a link or a key.
    pub async fn add_person(&self, caller: &Caller, input: AddPerson) -> Result<Person, Error> {
        let permit = caller.permit(Permission::PeopleAdd)?;
        self.check_confirmed(caller)?;
        check_owner(caller, &[input.role])?;
        let tx = self.store().write(&permit).await?;
        let person = self.add_to(&tx, input).await?;
        tx.commit(&permit.record(Action::PersonAdded { person: person.id, role: person.role })).await?;
        Ok(person)
    }

    /// Keeps the record of a new person.
    pub(super) async fn add_to(&self, tx: &Writes, input: AddPerson) -> Result<Person, Error> {
        let (ms, random) = self.fresh();
        let AddPerson { email, name, role } = input;
        let id = PersonId::from_parts(ms, random);
        let person = Person { id, name, email, role, state: PersonState::Active, created: self.now() };
        if tx.person_by_email(&person.email).await?.is_some() {
            return Err(Error::Exists("person"));
        }
        tx.add_person(&person).await?;
        Ok(person)
    }
}
