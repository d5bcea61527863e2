//! Sessions at the console. Of a cookie there is only a hash.

use clock::Timestamp;
use control_plane_domain::sealed::Sealed;
use control_plane_domain::session::{Session, SessionEnd, SessionState};
use crypto::Digest;
use ids::{PersonId, SessionId};

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, Value, values};

impl Reads {
    /// A session.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let sql = sql!(
            "SELECT session, person, begun, seen, expires, address, agent, recovered, state, confirmed, ended, cause \
             FROM session WHERE tenant = $1 AND session = $2"
        );
        self.one("session", sql, values![id], read).await
    }

    /// The session whose cookie has this hash now.
    pub async fn session_by_digest(&self, digest: &Digest) -> Result<Option<Session>, StoreError> {
        let sql = sql!(
            "SELECT session, person, begun, seen, expires, address, agent, recovered, state, confirmed, ended, cause \
             FROM session WHERE tenant = $1 AND digest = $2"
        );
        self.one("session", sql, values![digest], read).await
    }

    /// The seed that was offered in a session, sealed.
    pub async fn totp_offer(&self, id: SessionId) -> Result<Option<Sealed>, StoreError> {
        let sql = sql!("SELECT offer FROM session WHERE tenant = $1 AND session = $2 AND offer IS NOT NULL");
        self.one("session", sql, values![id], |mut cells| cells.take("offer")).await
    }

    /// A person's sessions that are neither ended nor past their time, the one that ends first first.
    pub async fn live_sessions(&self, person: PersonId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let sql = sql!(
            "SELECT session, person, begun, seen, expires, address, agent, recovered, state, confirmed, ended, cause \
             FROM session WHERE tenant = $1 AND person = $2 AND expires > $3 AND state <> 'ended' \
             ORDER BY expires, session"
        );
        self.all("session", sql, values![person, now], read).await
    }

    /// Whether a person showed both factors from this network since then. Where a session of theirs was merely used does
    /// not count.
    pub async fn was_confirmed_from(
        &self,
        person: PersonId,
        network: &str,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = sql!(
            "SELECT session FROM session WHERE tenant = $1 AND confirmed_from = $2 AND person = $3 AND confirmed > $4 \
             AND confirmed_from IS NOT NULL LIMIT 1"
        );
        let read = |mut cells: Cells| cells.take::<SessionId>("session");
        Ok(self.one("session", sql, values![network, person, since], read).await?.is_some())
    }

    /// Whether anybody of the tenant showed both factors from this network, as long as that is remembered.
    pub async fn is_network_known(&self, network: &str) -> Result<bool, StoreError> {
        let sql = sql!(
            "SELECT session FROM session WHERE tenant = $1 AND confirmed_from = $2 AND confirmed_from IS NOT NULL LIMIT 1"
        );
        let read = |mut cells: Cells| cells.take::<SessionId>("session");
        Ok(self.one("session", sql, values![network], read).await?.is_some())
    }
}

impl Writes {
    /// Keeps a new session.
    pub async fn add_session(&self, session: &Session, digest: &Digest) -> Result<(), StoreError> {
        let Session { id, person, begun, seen, expires, address, agent, recovered, state } = session;
        let sql = sql!(
            "INSERT INTO session (tenant, session, person, digest, begun, seen, expires, address, agent, recovered, \
             state, confirmed, ended, cause) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        );
        let row = values![id, person, digest, begun, seen, expires, address, agent, recovered];
        let row = row.into_iter().chain(state_cells(state)).collect();
        self.change("session", id, sql, row).await
    }

    /// A session took a step; its cookie has another hash from now on, and what was offered in it is over.
    pub async fn rotate_session(&self, session: &Session, digest: &Digest) -> Result<(), StoreError> {
        let Session { id, seen, expires, address, agent, recovered, state, .. } = session;
        let sql = sql!(
            "UPDATE session SET digest = $3, seen = $4, expires = $5, address = $6, agent = $7, offer = NULL, \
             recovered = $8, state = $9, confirmed = $10, ended = $11, cause = $12 \
             WHERE tenant = $1 AND session = $2 AND state <> 'ended'"
        );
        let row = values![id, digest, seen, expires, address, agent, recovered];
        let row = row.into_iter().chain(state_cells(state)).collect();
        self.change("session", id, sql, row).await
    }

    /// The session's person showed both factors, from this network.
    pub async fn set_confirmed_from(&self, session: &Session, network: &str, at: Timestamp) -> Result<(), StoreError> {
        let (id, person) = (session.id, session.person);
        let sql = sql!("UPDATE session SET confirmed_from = $3 WHERE tenant = $1 AND session = $2 AND state = 'full'");
        self.change("session", id, sql, values![id, network]).await?;
        let sql = sql!("UPDATE person SET signed_in = $3 WHERE tenant = $1 AND person = $2");
        self.change("person", person, sql, values![person, at]).await
    }

    /// Keeps the seed that is offered in a session, sealed.
    pub async fn offer_totp(&self, id: SessionId, offer: &Sealed) -> Result<(), StoreError> {
        let sql = sql!("UPDATE session SET offer = $3 WHERE tenant = $1 AND session = $2 AND state <> 'ended'");
        self.change("session", id, sql, values![id, offer]).await
    }

    /// A session was used.
    pub async fn touch_session(&self, id: SessionId, at: Timestamp, address: &str) -> Result<(), StoreError> {
        let sql =
            sql!("UPDATE session SET seen = $3, address = $4 WHERE tenant = $1 AND session = $2 AND state <> 'ended'");
        self.change("session", id, sql, values![id, at, address]).await
    }

    /// Ends a session that is not ended; its cookie is worth nothing from now on.
    pub async fn end_session(&self, id: SessionId, cause: SessionEnd, at: Timestamp) -> Result<(), StoreError> {
        let sql = sql!(
            "UPDATE session SET state = 'ended', ended = $3, cause = $4, offer = NULL \
             WHERE tenant = $1 AND session = $2 AND state <> 'ended'"
        );
        self.change("session", id, sql, values![id, at, cause]).await
    }

    /// Forgets half sessions whose time was over before; how many.
    pub async fn sweep_half_sessions(&self, before: Timestamp) -> Result<u64, StoreError> {
        let sql = sql!("DELETE FROM session WHERE tenant = $1 AND state = 'half' AND expires < $2");
        self.count("session", before, sql, values![before]).await
    }

    /// Forgets where people were in sessions whose time was over before, and the sessions themselves unless a request for
    /// evidence or a secret names them; how many.
    pub async fn forget_sessions(&self, before: Timestamp) -> Result<u64, StoreError> {
        let blank = sql!(
            "UPDATE session SET address = '', agent = 'forgotten', confirmed_from = NULL WHERE tenant = $1 \
             AND expires < $2 AND address <> '' AND state <> 'half' \
             AND (EXISTS (SELECT 1 FROM drilldown AS d WHERE d.tenant = $1 AND d.session = session.session) \
             OR EXISTS (SELECT 1 FROM connector_secret AS c WHERE c.tenant = $1 AND c.session = session.session))"
        );
        let blanked = self.count("session", before, blank, values![before]).await?;
        let sql = sql!("DELETE FROM session WHERE tenant = $1 AND expires < $2 AND address <> '' AND state <> 'half'");
        Ok(blanked + self.count("session", before, sql, values![before]).await?)
    }
}

/// `state, confirmed, ended, cause`.
fn state_cells(state: &SessionState) -> Vec<Value> {
    let nothing = || (Option::<Timestamp>::None, Option::<SessionEnd>::None);
    let (word, (ended, cause)) = match state {
        SessionState::Half => ("half", nothing()),
        SessionState::Full { .. } => ("full", nothing()),
        SessionState::Ended { at, cause, .. } => ("ended", (Some(*at), Some(*cause))),
    };
    values![word, state.confirmed(), ended, cause]
}

fn read(mut cells: Cells) -> Result<Session, StoreError> {
    let (id, person) = (cells.take("session")?, cells.take("person")?);
    let (begun, seen, expires) = (cells.take("begun")?, cells.take("seen")?, cells.take("expires")?);
    let (address, agent, recovered) = (cells.take("address")?, cells.take("agent")?, cells.take("recovered")?);
    let word: String = cells.take("state")?;
    let (confirmed, ended, cause) = (cells.take("confirmed")?, cells.take("ended")?, cells.take("cause")?);
    let state = match (word.as_str(), confirmed, ended, cause) {
        ("half", None, None, None) => SessionState::Half,
        ("full", Some(confirmed), None, None) => SessionState::Full { confirmed },
        ("ended", confirmed, Some(at), Some(cause)) => SessionState::Ended { confirmed, at, cause },
        (_, _, _, _) => return Err(cells.wrong("its state does not fit what is kept beside it")),
    };
    Ok(Session { id, person, begun, seen, expires, address, agent, recovered, state })
}
