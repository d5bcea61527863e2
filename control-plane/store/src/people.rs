//! People of a tenant.

use control_plane_domain::list::{Listed, Page};
use control_plane_domain::person::{Email, Person, PersonState};
use control_plane_domain::policy::Role;
use ids::PersonId;

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{After, Reads, Writes};
use crate::value::{Cells, values};

impl Reads {
    /// A person, removed ones included.
    pub async fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        let sql =
            sql!("SELECT person, name, email, role, state, created FROM person WHERE tenant = $1 AND person = $2");
        self.one("person", sql, values![id], read).await
    }

    /// The active person with this address.
    pub async fn person_by_email(&self, email: &Email) -> Result<Option<Person>, StoreError> {
        let sql = sql!(
            "SELECT person, name, email, role, state, created FROM person \
             WHERE tenant = $1 AND email = $2 AND state = 'active'"
        );
        self.one("person", sql, values![email], read).await
    }

    /// People, in the order they came.
    pub async fn people(&self, page: &Page) -> Result<Listed<Person>, StoreError> {
        let after = After::of(page, 1)?.text(0);
        let sql = sql!(
            "SELECT person, name, email, role, state, created FROM person WHERE tenant = $1 AND person > $2 \
             ORDER BY person LIMIT $3"
        );
        self.list("person", sql, values![after], page, read, |person| vec![person.id.to_string()]).await
    }

    /// Up to two active people of this role: enough to know whether somebody is the last.
    pub async fn active_people_of(&self, role: Role) -> Result<Vec<PersonId>, StoreError> {
        let sql = sql!(
            "SELECT person FROM person WHERE tenant = $1 AND role = $2 AND state = 'active' ORDER BY person LIMIT 2"
        );
        self.all("person", sql, values![role], |mut cells| cells.take("person")).await
    }
}

impl Writes {
    /// Lets a person in; an address that an active person has is a conflict.
    pub async fn add_person(&self, person: &Person) -> Result<(), StoreError> {
        let Person { id, name, email, role, state, created } = person;
        let sql = sql!(
            "INSERT INTO person (tenant, person, name, email, role, state, created) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        );
        self.change("person", id, sql, values![id, name, email, role, state, created]).await
    }

    /// Gives an active person another role.
    pub async fn set_role(&self, id: PersonId, role: Role) -> Result<(), StoreError> {
        let sql = sql!("UPDATE person SET role = $3 WHERE tenant = $1 AND person = $2 AND state = 'active'");
        self.change("person", id, sql, values![id, role]).await
    }

    /// Takes an active person out; the record stays.
    pub async fn remove_person(&self, id: PersonId) -> Result<(), StoreError> {
        let sql = sql!("UPDATE person SET state = $3 WHERE tenant = $1 AND person = $2 AND state = 'active'");
        self.change("person", id, sql, values![id, PersonState::Removed]).await
    }
}

fn read(mut cells: Cells) -> Result<Person, StoreError> {
    Ok(Person {
        id: cells.take("person")?,
        name: cells.take("name")?,
        email: cells.take("email")?,
        role: cells.take("role")?,
        state: cells.take("state")?,
        created: cells.take("created")?,
    })
}
