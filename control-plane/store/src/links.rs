//! Links that let a person set how they sign in.

use clock::Timestamp;
use control_plane_domain::link::{LinkState, PersonLink};
use crypto::Digest;
use ids::{LinkId, PersonId};

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};

impl Reads {
    /// The link with this hash.
    pub async fn person_link(&self, digest: &Digest) -> Result<Option<PersonLink>, StoreError> {
        let sql = sql!(
            "SELECT link, person, kind, created_by, created, expires, state, changed FROM person_link \
             WHERE tenant = $1 AND digest = $2"
        );
        self.one("person_link", sql, values![digest], read).await
    }
}

impl Writes {
    /// Keeps a link; a person has one open link at most.
    pub async fn add_person_link(&self, link: &PersonLink, digest: &Digest) -> Result<(), StoreError> {
        let PersonLink { id, person, kind, created_by, created, expires, state } = link;
        let (word, changed) = cells(state);
        let sql = sql!(
            "INSERT INTO person_link (tenant, link, person, kind, digest, created_by, created, expires, state, changed) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        );
        let row = values![id, person, kind, digest, created_by, created, expires, word, changed];
        self.change("person_link", id, sql, row).await
    }

    /// Uses a link that is open.
    pub async fn use_person_link(&self, id: LinkId, at: Timestamp) -> Result<(), StoreError> {
        let sql = sql!(
            "UPDATE person_link SET state = 'used', changed = $3 WHERE tenant = $1 AND link = $2 AND state = 'open'"
        );
        self.change("person_link", id, sql, values![id, at]).await
    }

    /// Ends the open link of a person, if there is one.
    pub async fn replace_person_links(&self, person: PersonId, at: Timestamp) -> Result<u64, StoreError> {
        let sql = sql!(
            "UPDATE person_link SET state = 'replaced', changed = $3 \
             WHERE tenant = $1 AND person = $2 AND state = 'open'"
        );
        self.count("person_link", person, sql, values![person, at]).await
    }

    /// Ends the open links that a person made for others, and for themselves.
    pub async fn replace_links_made_by(&self, person: PersonId, at: Timestamp) -> Result<u64, StoreError> {
        let sql = sql!(
            "UPDATE person_link SET state = 'replaced', changed = $3 \
             WHERE tenant = $1 AND created_by = $2 AND state = 'open' AND created_by IS NOT NULL"
        );
        self.count("person_link", person, sql, values![person, at]).await
    }
}

fn cells(state: &LinkState) -> (&'static str, Option<Timestamp>) {
    match state {
        LinkState::Open => ("open", None),
        LinkState::Used { at } => ("used", Some(*at)),
        LinkState::Replaced { at } => ("replaced", Some(*at)),
    }
}

fn read(mut cells: Cells) -> Result<PersonLink, StoreError> {
    let (id, person, kind) = (cells.take("link")?, cells.take("person")?, cells.take("kind")?);
    let (created_by, created) = (cells.take("created_by")?, cells.take("created")?);
    let expires = cells.take("expires")?;
    let word: String = cells.take("state")?;
    let state = match (word.as_str(), cells.take("changed")?) {
        ("open", None) => LinkState::Open,
        ("used", Some(at)) => LinkState::Used { at },
        ("replaced", Some(at)) => LinkState::Replaced { at },
        (_, _) => return Err(cells.wrong("its state does not fit what is kept beside it")),
    };
    Ok(PersonLink { id, person, kind, created_by, created, expires, state })
}
