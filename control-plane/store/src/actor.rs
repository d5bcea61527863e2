//! Who acts still may. A permit was made of what was read a moment ago; when a transaction writes, no other writer of the
//! tenant can come between, so what is found now holds until the commit: nothing is done with a key, in a session or in a
//! role that ended before it.

use clock::Timestamp;
use control_plane_domain::person::PersonState;
use control_plane_domain::policy::{Actor, Permission, Permit, Role};
use ids::{ApiKeyId, PersonId, SessionId};

use crate::StoreError;
use crate::sql::sql;
use crate::tx::Reads;
use crate::value::{Cells, values};

/// Refuses a permit whose person, key or session does not hold any more.
pub(crate) async fn check(reads: &Reads, permit: &Permit, now: Timestamp) -> Result<(), StoreError> {
    let may = match permit.actor() {
        Actor::Person { person, key } => of_key(reads, person, key, now).await?,
        // On the way in there is no session yet, or a half one; whoever is removed gets no further.
        Actor::Console { person, .. } if permit.permission() == Permission::Authenticate => {
            let person = reads.person(person).await?;
            return held(person.is_some_and(|person| person.state == PersonState::Active));
        }
        Actor::Console { person, session } => of_session(reads, person, session, now).await?,
        Actor::Runner { .. } | Actor::Operator {} | Actor::System {} => return Ok(()),
    };
    held(may.is_some_and(|role| role.allows(permit.permission())))
}

fn held(holds: bool) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::ActorGone) }
}

/// The role of the key's person, if both hold.
async fn of_key(reads: &Reads, person: PersonId, key: ApiKeyId, now: Timestamp) -> Result<Option<Role>, StoreError> {
    let sql = sql!(
        "SELECT k.api_key, p.role FROM api_key k JOIN person p ON p.person = k.person \
         WHERE k.tenant = $1 AND p.tenant = $1 AND k.api_key = $2 AND k.person = $3 AND k.expires > $4 \
         AND k.revoked IS NULL AND p.state = 'active'"
    );
    reads.one("api_key", sql, values![key, person, now], role).await
}

/// The role of the session's person, if both hold and both factors were shown.
async fn of_session(
    reads: &Reads,
    person: PersonId,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<Role>, StoreError> {
    let sql = sql!(
        "SELECT s.session, p.role FROM session s JOIN person p ON p.person = s.person \
         WHERE s.tenant = $1 AND p.tenant = $1 AND s.session = $2 AND s.person = $3 AND s.expires > $4 \
         AND s.state = 'full' AND p.state = 'active'"
    );
    reads.one("session", sql, values![session, person, now], role).await
}

fn role(mut cells: Cells) -> Result<Role, StoreError> {
    let _: String = cells.take("id")?;
    cells.take("role")
}
