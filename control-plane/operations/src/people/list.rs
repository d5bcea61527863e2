//! Who is in the tenant.

use clock::Timestamp;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::person::{Person, PersonState};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_store::Reads;
use ids::PersonId;

use crate::{Error, Operations};

/// A person, and how far they have come in.
#[derive(Debug, Clone)]
pub struct PersonRow {
    /// The person.
    pub person: Person,
    /// Whether they have a second factor, and so a way in.
    pub second_factor: bool,
    /// When they showed both factors at the console last.
    pub signed_in: Option<Timestamp>,
    /// Until when the link holds that was made for them and not used.
    pub open_link: Option<Timestamp>,
}

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
        let Listed { items: people, next } = tx.people(page).await?;
        let mut items = Vec::with_capacity(people.len());
        for person in people {
            items.push(self.standing(&tx, person).await?);
        }
        Ok(Listed { items, next })
    }

    /// One of them, with how far they have come in.
    pub async fn get_person(&self, caller: &Caller, person: PersonId) -> Result<PersonRow, Error> {
        let permit = caller.permit(Permission::PeopleList)?;
        let tx = self.store().read(&permit).await?;
        let person = tx.person(person).await?.ok_or(Error::NotFound("person"))?;
        self.standing(&tx, person).await
    }

    async fn standing(&self, reads: &Reads, person: Person) -> Result<PersonRow, Error> {
        if person.state == PersonState::Removed {
            return Ok(PersonRow { person, second_factor: false, signed_in: None, open_link: None });
        }
        let now = self.now();
        let second_factor = reads.credentials(person.id).await?.totp().is_some();
        let signed_in = reads.signed_in_last(person.id).await?;
        let link = reads.open_person_link(person.id).await?;
        let open_link = link.map(|link| link.expires).filter(|expires| now < *expires);
        Ok(PersonRow { person, second_factor, signed_in, open_link })
    }
}
