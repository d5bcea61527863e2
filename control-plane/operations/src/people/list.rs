//! Who is in the tenant.

use control_plane_domain::list::{Listed, Page};
use control_plane_domain::person::{Person, PersonRow, PersonState};
use control_plane_domain::policy::{Caller, Permission};
use ids::PersonId;

use crate::{Error, Operations};

impl Operations {
    /// The people of the tenant, those who were removed too.
    pub async fn list_people(&self, caller: &Caller, page: &Page) -> Result<Listed<Person>, Error> {
        let permit = caller.permit(Permission::PeopleList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.people(page).await?)
    }

    /// The same people, with how far each of them has come in.
    pub async fn list_people_standing(&self, caller: &Caller, page: &Page) -> Result<Listed<PersonRow>, Error> {
        let permit = caller.permit(Permission::PeopleList)?;
        let tx = self.store().read(&permit).await?;
        let Listed { items, next } = tx.people_rows(page, self.now()).await?;
        Ok(Listed { items: items.into_iter().map(|row| self.as_of_now(row)).collect(), next })
    }

    /// One of them, with how far they have come in.
    pub async fn get_person(&self, caller: &Caller, person: PersonId) -> Result<PersonRow, Error> {
        let permit = caller.permit(Permission::PeopleList)?;
        let tx = self.store().read(&permit).await?;
        tx.person_row(person, self.now()).await?.map(|row| self.as_of_now(row)).ok_or(Error::NotFound("person"))
    }

    /// What of it holds now: nobody who was removed has a way in, and no link is open whose time is over.
    fn as_of_now(&self, row: PersonRow) -> PersonRow {
        if row.person.state == PersonState::Removed {
            return PersonRow { second_factor: false, has_key: false, signed_in: None, open_link: None, ..row };
        }
        let now = self.now();
        PersonRow { open_link: row.open_link.filter(|expires| now < *expires), ..row }
    }
}
