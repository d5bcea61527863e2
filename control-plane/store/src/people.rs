//! People of a tenant.

use clock::Timestamp;
use control_plane_domain::account::ZoneName;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::person::{Email, Person, PersonRow, PersonState};
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

    /// The same people in the same order, with how far each has come in. A link is among it also when its time is over.
    pub async fn people_rows(&self, page: &Page, now: Timestamp) -> Result<Listed<PersonRow>, StoreError> {
        let after = After::of(page, 1)?.text(0);
        let sql = sql!(
            "SELECT p.person, p.name, p.email, p.role, p.state, p.created, p.signed_in, c.totp_since, \
             l.expires AS link_expires, (SELECT k.expires FROM api_key AS k WHERE k.tenant = $1 \
             AND k.person = p.person AND k.expires > $3 AND k.revoked IS NULL LIMIT 1) AS key_expires FROM person AS p \
             LEFT JOIN credential AS c ON c.tenant = $1 AND c.person = p.person \
             LEFT JOIN person_link AS l ON l.tenant = $1 AND l.person = p.person AND l.state = 'open' \
             WHERE p.tenant = $1 AND p.person > $2 ORDER BY p.person LIMIT $4"
        );
        self.list("person", sql, values![after, now], page, read_row, |row| vec![row.person.id.to_string()]).await
    }

    /// One of them.
    pub async fn person_row(&self, id: PersonId, now: Timestamp) -> Result<Option<PersonRow>, StoreError> {
        let sql = sql!(
            "SELECT p.person, p.name, p.email, p.role, p.state, p.created, p.signed_in, c.totp_since, \
             l.expires AS link_expires, (SELECT k.expires FROM api_key AS k WHERE k.tenant = $1 \
             AND k.person = p.person AND k.expires > $3 AND k.revoked IS NULL LIMIT 1) AS key_expires FROM person AS p \
             LEFT JOIN credential AS c ON c.tenant = $1 AND c.person = p.person \
             LEFT JOIN person_link AS l ON l.tenant = $1 AND l.person = p.person AND l.state = 'open' \
             WHERE p.tenant = $1 AND p.person = $2"
        );
        self.one("person", sql, values![id, now], read_row).await
    }

    /// In which zone a person reads times, if they said so.
    pub async fn zone_of(&self, person: PersonId) -> Result<Option<ZoneName>, StoreError> {
        let sql = sql!("SELECT zone FROM person WHERE tenant = $1 AND person = $2 AND zone IS NOT NULL");
        self.one("person", sql, values![person], |mut cells| cells.take("zone")).await
    }

    /// A person with their zone: what every page of theirs needs of them.
    pub async fn person_and_zone(&self, id: PersonId) -> Result<Option<(Person, Option<ZoneName>)>, StoreError> {
        let sql = sql!(
            "SELECT person, name, email, role, state, created, zone FROM person WHERE tenant = $1 AND person = $2"
        );
        let read = |mut cells: Cells| Ok((read_cells(&mut cells)?, cells.take("zone")?));
        self.one("person", sql, values![id], read).await
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

    /// In which zone an active person reads times from now on; as everybody does, without one.
    pub async fn set_zone(&self, id: PersonId, zone: Option<&ZoneName>) -> Result<(), StoreError> {
        let sql = sql!("UPDATE person SET zone = $3 WHERE tenant = $1 AND person = $2 AND state = 'active'");
        self.change("person", id, sql, values![id, zone]).await
    }

    /// Takes an active person out; the record stays.
    pub async fn remove_person(&self, id: PersonId) -> Result<(), StoreError> {
        let sql = sql!("UPDATE person SET state = $3 WHERE tenant = $1 AND person = $2 AND state = 'active'");
        self.change("person", id, sql, values![id, PersonState::Removed]).await
    }
}

fn read_row(mut cells: Cells) -> Result<PersonRow, StoreError> {
    let (person, signed_in) = (read_cells(&mut cells)?, cells.take("signed_in")?);
    let totp: Option<Timestamp> = cells.take("totp_since")?;
    let open_link = cells.take("link_expires")?;
    let key: Option<Timestamp> = cells.take("key_expires")?;
    Ok(PersonRow { person, second_factor: totp.is_some(), has_key: key.is_some(), signed_in, open_link })
}

fn read(mut cells: Cells) -> Result<Person, StoreError> {
    read_cells(&mut cells)
}

fn read_cells(cells: &mut Cells) -> Result<Person, StoreError> {
    Ok(Person {
        id: cells.take("person")?,
        name: cells.take("name")?,
        email: cells.take("email")?,
        role: cells.take("role")?,
        state: cells.take("state")?,
        created: cells.take("created")?,
    })
}
