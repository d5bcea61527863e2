//! Who is in the tenant.

use control_plane_domain::list::{Listed, Page};
use control_plane_domain::person::Person;
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

    /// One of them.
    pub async fn get_person(&self, caller: &Caller, person: PersonId) -> Result<Person, Error> {
        let permit = caller.permit(Permission::PeopleList)?;
        let tx = self.store().read(&permit).await?;
        tx.person(person).await?.ok_or(Error::NotFound("person"))
    }
}
