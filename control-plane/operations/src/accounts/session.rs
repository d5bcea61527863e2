//! Who a browser's cookie belongs to.

use clock::Timestamp;
use control_plane_authn::throttle::network_of;
use control_plane_authn::token::SessionToken;
use control_plane_domain::account::ZoneName;
use control_plane_domain::api_key::StoredApiKey;
use control_plane_domain::person::{Email, Person, PersonState};
use control_plane_domain::policy::{self, Caller, Means, Permission, Permit, SessionStanding};
use control_plane_domain::session::{Need, Session, SessionState};
use control_plane_domain::tenant::TenantState;
use control_plane_store::{ReadTx, Unlogged};
use ids::{PersonId, SessionId, TenantId};
use proof::text::FreeText;

use super::Client;
use super::sign_in::need;
use crate::{Error, Operations};

/// A session's last use is kept to the minute, so that looking at a page does not mean writing each time.
const SEEN_MS: i64 = 60_000;

/// How long half sessions are kept that came to nothing.
const HALF_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// How long it is kept from where somebody was signed in, after the session's end: as long as that network counts as one
/// where they were before. The log keeps who was signed in when.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Whom a cookie lets in, and how far.
#[derive(Debug, Clone)]
pub enum Seen {
    /// Nobody: there is no such session, or it is over.
    Nobody,
    /// Somebody who showed a password: as far as the second factor.
    Half(Half),
    /// Somebody who showed both factors.
    Full(Signed),
}

/// Somebody who is signed in, and what every page says of them.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Who, for everything that they do.
    pub caller: Caller,
    /// What people call them.
    pub name: FreeText,
    /// Their address.
    pub email: Email,
    /// What the tenant is called.
    pub organisation: FreeText,
    /// Whether evidence may be asked for at all.
    pub drilldowns: bool,
    /// In which zone they read times; UTC without one.
    pub zone: Option<ZoneName>,
}

/// Somebody between password and second factor. It is no caller, and nothing that takes one can be reached.
#[derive(Debug, Clone)]
pub struct Half {
    /// The tenant.
    pub tenant: TenantId,
    /// The person.
    pub person: PersonId,
    /// The session.
    pub session: SessionId,
    /// What people call them.
    pub name: FreeText,
    /// Their address.
    pub email: Email,
    /// What the tenant is called.
    pub organisation: FreeText,
    /// What is to be shown next.
    pub need: Need,
    /// Until when.
    pub expires: Timestamp,
}

/// A live half session, found by its cookie.
pub(super) struct HalfSession {
    pub(super) token: SessionToken,
    pub(super) session: Session,
    pub(super) person: Person,
}

impl Operations {
    /// Whom the cookie lets in. What does not hold is `Nobody`, whatever the reason.
    pub async fn session(&self, cookie: &str, client: &Client) -> Result<Seen, Error> {
        self.looked_at(cookie, client, true).await
    }

    /// The same, by a page that looks by itself whether something changed: that is no use of the session, which goes idle
    /// all the same. From where somebody looks is noted.
    pub async fn look_at_session(&self, cookie: &str, client: &Client) -> Result<Seen, Error> {
        self.looked_at(cookie, client, false).await
    }

    async fn looked_at(&self, cookie: &str, client: &Client, used: bool) -> Result<Seen, Error> {
        let Ok(token) = SessionToken::parse(cookie) else { return Ok(Seen::Nobody) };
        let Some((permit, session, seen)) = self.seen(&token).await? else {
            // Only cookies that never were, or were replaced, count: nobody guesses 256 bits, and nobody shall ask for free.
            // A neighbour with a good one is not refused for them.
            self.0.wrong_cookies.attempt(&network_of(client.address()), self.now())?;
            return Ok(Seen::Nobody);
        };
        if matches!(seen, Seen::Full(_)) {
            self.note_seen(&permit, &session, client, used).await;
        }
        Ok(seen)
    }

    /// Whether what the caller showed, and the role that they had, still hold: for what goes on after it was begun. No use of
    /// a session.
    pub async fn still_holds(&self, caller: &Caller) -> Result<(), Error> {
        let now = self.now();
        let permit = policy::system(caller.tenant(), Permission::Authenticate)?;
        let tx = self.store().read(&permit).await?;
        let served = tx.tenant_state().await? == Some(TenantState::Active);
        let person = tx.person(caller.person()).await?;
        let stands = person.is_some_and(|person| person.state == PersonState::Active && person.role == caller.role());
        let (holds, over) = match caller.means() {
            Means::Key { key, .. } => {
                let holds = |StoredApiKey { key, .. }: &StoredApiKey| key.revoked.is_none() && now < key.expires;
                (tx.api_key(*key).await?.is_some_and(|key| holds(&key)), Error::Unauthenticated)
            }
            Means::Session { session, .. } => {
                let holds = |session: &Session| session.is_full(now) && now < self.idle_until(session);
                (tx.session(*session).await?.is_some_and(|session| holds(&session)), Error::SessionOver)
            }
        };
        if served && stands && holds { Ok(()) } else { Err(over) }
    }

    /// The session of a cookie with whom it lets in; `None` for a cookie that never was or was replaced.
    async fn seen(&self, token: &SessionToken) -> Result<Option<(Permit, Session, Seen)>, Error> {
        let now = self.now();
        let permit = policy::system(token.tenant(), Permission::Authenticate)?;
        let tx = self.store().read(&permit).await?;
        let Some(session) = tx.session_by_digest(&token.digest()).await? else { return Ok(None) };
        let active = tx.tenant_state().await? == Some(TenantState::Active);
        let person = if active { tx.person_and_zone(session.person).await? } else { None };
        let seen = match person {
            None => Seen::Nobody,
            Some((person, _)) if session.is_half(now) && person.state == PersonState::Active => {
                self.half(&tx, session.clone(), person).await.map(Seen::Half)?
            }
            Some((person, zone)) => {
                match Caller::of_session(self.session_standing(token.tenant(), &session, &person), now) {
                    Some(caller) => signed(&tx, caller, person, zone).await.map(Seen::Full)?,
                    None => Seen::Nobody,
                }
            }
        };
        Ok(Some((permit, session, seen)))
    }

    async fn half(&self, tx: &ReadTx, session: Session, person: Person) -> Result<Half, Error> {
        let tenant = tx.tenant().await?.ok_or(Error::NotFound("tenant"))?;
        let need = need(&tx.credentials(person.id).await?);
        Ok(Half {
            tenant: tenant.id,
            person: person.id,
            session: session.id,
            name: person.name,
            email: person.email,
            organisation: tenant.name,
            need,
            expires: session.expires,
        })
    }

    fn session_standing(&self, tenant: TenantId, session: &Session, person: &Person) -> SessionStanding {
        let (is_full, ended) = match session.state {
            SessionState::Half => (false, false),
            SessionState::Full { .. } => (true, false),
            SessionState::Ended { .. } => (false, true),
        };
        SessionStanding {
            tenant,
            person: person.id,
            role: person.role,
            person_active: person.state == PersonState::Active,
            session: session.id,
            is_full,
            confirmed: session.state.confirmed().unwrap_or(session.begun),
            recovered: session.recovered,
            expires: session.expires,
            idle_until: self.idle_until(session),
            ended,
        }
    }

    /// When the session ends because nothing is done.
    pub(super) fn idle_until(&self, session: &Session) -> Timestamp {
        let idle_ms = i64::try_from(self.settings().session_idle.as_millis()).unwrap_or(i64::MAX);
        session.seen.plus_ms(idle_ms)
    }

    /// That a session was used keeps it alive; and from where, at once, so that its person sees whoever has taken it. Not
    /// being able to note it keeps nobody out.
    async fn note_seen(&self, permit: &Permit, session: &Session, client: &Client, used: bool) {
        let now = self.now();
        let network = client.network();
        let is_time = used && now >= session.seen.plus_ms(SEEN_MS);
        let has_moved = session.address != network && self.0.moves.attempt(&session.id, now).is_ok();
        if !is_time && !has_moved {
            return;
        }
        let seen = if used { now } else { session.seen };
        let noted = async {
            let tx = self.store().write(permit).await?;
            tx.touch_session(session.id, seen, &network).await?;
            tx.commit_unlogged(Unlogged::SessionSeen).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(code = error.code(), %error, "the use of a session could not be noted");
        }
    }

    /// Forgets sessions that are over since a month, and from where they were used; how many.
    pub(crate) async fn sweep_sessions(&self, tenant: TenantId, now: Timestamp) -> Result<u64, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        let swept = tx.forget_sessions(now.plus_ms(-KEPT_MS)).await?;
        if swept > 0 {
            tx.commit_unlogged(Unlogged::SignIn).await?;
        }
        Ok(swept)
    }

    /// Forgets half sessions that are over since a day; how many.
    pub(crate) async fn sweep_half_sessions(&self, tenant: TenantId, now: Timestamp) -> Result<u64, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        let swept = tx.sweep_half_sessions(now.plus_ms(-HALF_KEPT_MS)).await?;
        if swept > 0 {
            tx.commit_unlogged(Unlogged::SignIn).await?;
        }
        Ok(swept)
    }

    /// The live half session of this cookie, for the steps that it may take.
    pub(super) async fn half_session(&self, cookie: &str) -> Result<HalfSession, Error> {
        let token = SessionToken::parse(cookie).map_err(|_| Error::SessionOver)?;
        let permit = policy::system(token.tenant(), Permission::Authenticate)?;
        let tx = self.store().read(&permit).await?;
        let session = tx.session_by_digest(&token.digest()).await?;
        let session = session.filter(|session| session.is_half(self.now())).ok_or(Error::SessionOver)?;
        let person = tx.person(session.person).await?.filter(|person| person.state == PersonState::Active);
        let served = tx.tenant_state().await? == Some(TenantState::Active);
        let person = person.filter(|_| served).ok_or(Error::SessionOver)?;
        Ok(HalfSession { token, session, person })
    }
}

async fn signed(tx: &ReadTx, caller: Caller, person: Person, zone: Option<ZoneName>) -> Result<Signed, Error> {
    let tenant = tx.tenant().await?.ok_or(Error::NotFound("tenant"))?;
    let Person { name, email, .. } = person;
    Ok(Signed { caller, name, email, organisation: tenant.name, drilldowns: tenant.drilldowns, zone })
}
