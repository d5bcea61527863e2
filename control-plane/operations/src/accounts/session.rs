//! Who a browser's cookie belongs to.

use clock::Timestamp;
use control_plane_authn::throttle::network_of;
use control_plane_authn::token::SessionToken;
use control_plane_domain::person::{Email, Person, PersonState};
use control_plane_domain::policy::{self, Caller, Permission, Permit, SessionStanding};
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

/// Whom a cookie lets in, and how far.
#[derive(Debug, Clone)]
pub enum Seen {
    /// Nobody: there is no such session, or it is over.
    Nobody,
    /// Somebody who showed a password: as far as the second factor.
    Half(Half),
    /// Somebody who showed both factors.
    Full(Caller),
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
        let network = network_of(client.address());
        // Only cookies that never were, or were replaced, count: nobody guesses 256 bits, and nobody shall ask for free.
        self.0.wrong_cookies.attempt(&network, self.now())?;
        let Some((permit, session, seen)) = self.seen(cookie).await? else { return Ok(Seen::Nobody) };
        self.0.wrong_cookies.succeeded(&network);
        if matches!(seen, Seen::Full(_)) {
            self.note_seen(&permit, &session, client, self.now()).await;
        }
        Ok(seen)
    }

    /// The same, by a page that looks by itself whether something changed: that is no use of the session, which goes idle
    /// all the same.
    pub async fn look_at_session(&self, cookie: &str) -> Result<Seen, Error> {
        Ok(self.seen(cookie).await?.map_or(Seen::Nobody, |(_, _, seen)| seen))
    }

    /// The session of a cookie with whom it lets in; `None` for a cookie that never was or was replaced.
    async fn seen(&self, cookie: &str) -> Result<Option<(Permit, Session, Seen)>, Error> {
        let now = self.now();
        let Ok(token) = SessionToken::parse(cookie) else { return Ok(None) };
        let permit = policy::system(token.tenant(), Permission::Authenticate)?;
        let tx = self.store().read(&permit).await?;
        let Some(session) = tx.session_by_digest(&token.digest()).await? else { return Ok(None) };
        let active = tx.tenant_state().await? == Some(TenantState::Active);
        let person = if active { tx.person(session.person).await? } else { None };
        let seen = match person {
            None => Seen::Nobody,
            Some(person) if session.is_half(now) && person.state == PersonState::Active => {
                self.half(&tx, session.clone(), person).await.map(Seen::Half)?
            }
            Some(person) => Caller::of_session(self.session_standing(token.tenant(), &session, &person), now)
                .map_or(Seen::Nobody, Seen::Full),
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

    /// That a session was used keeps it alive; not being able to note it keeps nobody out.
    async fn note_seen(&self, permit: &Permit, session: &Session, client: &Client, now: Timestamp) {
        if now < session.seen.plus_ms(SEEN_MS) {
            return;
        }
        let noted = async {
            let tx = self.store().write(permit).await?;
            tx.touch_session(session.id, now, &client.network()).await?;
            tx.commit_unlogged(Unlogged::SessionSeen).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(code = error.code(), %error, "the use of a session could not be noted");
        }
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
