//! The people of a tenant.

mod add;
mod end_sessions;
mod invite;
mod list;
mod remove;
mod set_role;

pub use add::AddPerson;
pub use control_plane_domain::person::PersonRow;

use control_plane_domain::person::{Email, Person, PersonState};
use control_plane_domain::policy::{self, Caller, Permission, Role};
use control_plane_store::Reads;
use ids::{PersonId, TenantId};

use crate::{Error, Operations};

/// The person, if they are still in the tenant.
pub(crate) async fn active(reads: &Reads, person: PersonId) -> Result<Person, Error> {
    let found = reads.person(person).await?.filter(|person| person.state == PersonState::Active);
    found.ok_or(Error::NotFound("person"))
}

impl Operations {
    /// The person with this address, for the operator of the platform.
    pub async fn person_as_operator(&self, tenant: TenantId, email: &Email) -> Result<Person, Error> {
        let permit = policy::operator(tenant, Permission::PeopleList)?;
        let tx = self.store().read(&permit).await?;
        tx.person_by_email(email).await?.ok_or(Error::NotFound("person"))
    }
}

/// Who touches an owner, or makes one, is an owner.
pub(crate) fn check_owner(caller: &Caller, roles: &[Role]) -> Result<(), Error> {
    if roles.contains(&Role::Owner) && caller.role() != Role::Owner { Err(Error::OwnersOnly) } else { Ok(()) }
}

/// A tenant without an owner could never have one again.
async fn check_not_last_owner(reads: &Reads, person: &Person) -> Result<(), Error> {
    if person.role != Role::Owner {
        return Ok(());
    }
    let owners = reads.active_people_of(Role::Owner).await?;
    if owners.iter().any(|owner| *owner != person.id) { Ok(()) } else { Err(Error::LastOwner) }
}
