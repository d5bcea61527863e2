//! A half session shows its second factor and is whole: with another cookie than before.

use control_plane_authn::recovery_code::RecoveryCode;
use control_plane_domain::account::{Credentials, Factor};
use control_plane_domain::audit::Action;
use control_plane_domain::person::Person;
use control_plane_domain::policy;
use control_plane_domain::session::{Session, SessionEnd};
use control_plane_store::{Reads, Writes};
use ids::TenantId;

use super::end::end_session;
use super::keys::SeedOf;
use super::session::HalfSession;
use super::{Client, Finished, recovery_left};
use crate::{Error, Operations};

/// Sessions of a person at a time; when there is one more, the one that would end first ends.
const SESSIONS: usize = 20;

/// What somebody typed.
#[derive(Clone, Copy)]
pub enum SecondFactor<'a> {
    /// The six digits of an app.
    Totp(&'a str),
    /// A recovery code.
    Recovery(&'a str),
}

impl<'a> SecondFactor<'a> {
    /// Six digits are a code; everything else is meant as a recovery code.
    pub(super) fn of(text: &'a str) -> Self {
        let digits = text.chars().filter(|c| *c != ' ');
        if digits.clone().count() == 6 && digits.clone().all(|c| c.is_ascii_digit()) {
            Self::Totp(text)
        } else {
            Self::Recovery(text)
        }
    }

    pub(super) const fn factor(self) -> Factor {
        match self {
            Self::Totp(_) => Factor::Otp,
            Self::Recovery(_) => Factor::Recovery,
        }
    }
}

impl Operations {
    /// Makes a half session whole.
    pub async fn second_factor(
        &self,
        cookie: &str,
        factor: SecondFactor<'_>,
        client: &Client,
    ) -> Result<Finished, Error> {
        let HalfSession { token, session, person } = self.half_session(cookie).await?;
        let tenant = token.tenant();
        let permit = policy::signing_in(tenant, person.id, session.id);
        let known = self.known_network(&*self.store().read(&permit).await?, person.id, client).await?;
        let recovery = factor.factor() == Factor::Recovery;
        let counted = self.count_second_factor(tenant, person.id, known, recovery).await;
        let counted = counted.inspect_err(|error| self.note_throttled(tenant, person.id, factor.factor(), error))?;

        let tx = self.store().write(&permit).await?;
        let session = tx.session_by_digest(&token.digest()).await?.ok_or(Error::SessionOver)?;
        let used = match self.use_second_factor(&tx, tenant, &person, factor).await {
            Ok(used) => used,
            Err(error) => {
                if matches!(error, Error::WrongCode) {
                    self.0.refusals.note(tenant, person.id, factor.factor());
                }
                return Err(error);
            }
        };
        let factors = vec![Factor::Password, factor.factor()];
        let (finished, actions) = self.complete(&tx, session, &person, factors, client).await?;
        let records: Vec<_> = used.into_iter().chain(actions).map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await?;
        self.was_right(counted).await;
        Ok(finished)
    }

    /// Uses a code, or a recovery code; what the log is to hear of it.
    pub(super) async fn use_second_factor(
        &self,
        tx: &Writes,
        tenant: TenantId,
        person: &Person,
        factor: SecondFactor<'_>,
    ) -> Result<Option<Action>, Error> {
        let Credentials::Both { totp, .. } = tx.credentials(person.id).await? else { return Err(Error::WrongCode) };
        match factor {
            SecondFactor::Totp(code) => {
                let seed = self.open_seed(&totp.sealed, SeedOf::Person(tenant, person.id))?;
                let step = seed.step_of(code, totp.last_step, self.now()).ok_or(Error::WrongCode)?;
                if tx.use_totp_step(person.id, step).await? { Ok(None) } else { Err(Error::WrongCode) }
            }
            SecondFactor::Recovery(code) => {
                let code = RecoveryCode::parse(code).map_err(|_| Error::WrongCode)?;
                let digest = code.digest(&self.account_keys().recovery, tenant, person.id);
                if !tx.use_recovery_code(person.id, &digest, self.now()).await? {
                    return Err(Error::WrongCode);
                }
                let left = recovery_left(tx, person).await?;
                Ok(Some(Action::AccountRecoveryCodeUsed { person: person.id, left: u64::from(left) }))
            }
        }
    }

    /// The session is whole from now on.
    pub(super) async fn complete(
        &self,
        tx: &Writes,
        session: Session,
        person: &Person,
        factors: Vec<Factor>,
        client: &Client,
    ) -> Result<(Finished, Vec<Action>), Error> {
        let now = self.now();
        let life_ms = i64::try_from(self.settings().session_life.as_millis()).unwrap_or(i64::MAX);
        let id = session.id;
        let session = Session { address: client.network(), agent: client.agent().clone(), ..session };
        let recovered = factors.contains(&Factor::Recovery);
        let session = session.completed(now, life_ms, recovered).map_err(|_| Error::SessionOver)?;
        let mut actions = make_room(tx, &session).await?;
        let cookie = self.rotate(tx, &session).await?;
        tx.set_confirmed_from(&session, &client.network(), now).await?;
        actions.push(Action::SessionBegun { session: id, person: person.id, factors });
        let recovery_left = recovery_left(tx, person).await?;
        Ok((Finished { cookie, recovery_codes: Vec::new(), recovery_left }, actions))
    }
}

/// Ends the sessions that are too many.
async fn make_room(tx: &Writes, session: &Session) -> Result<Vec<Action>, Error> {
    let now = session.seen;
    let live = others(tx, session).await?;
    let many = (live.len() + 1).saturating_sub(SESSIONS);
    let mut ended = Vec::new();
    for oldest in live.iter().take(many) {
        ended.extend(end_session(tx, oldest, SessionEnd::TooMany, now).await?);
    }
    Ok(ended)
}

async fn others(reads: &Reads, session: &Session) -> Result<Vec<Session>, Error> {
    let live = reads.live_sessions(session.person, session.seen).await?;
    Ok(live.into_iter().filter(|other| other.id != session.id && other.is_full(session.seen)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_are_a_code_and_the_rest_is_a_recovery_code() {
        for text in ["123456", "123 456", " 1 2 3 4 5 6 "] {
            assert!(matches!(SecondFactor::of(text), SecondFactor::Totp(_)), "{text}");
        }
        for text in ["", "12345", "1234567", "0000-0000-0000-0000", "12345a"] {
            assert!(matches!(SecondFactor::of(text), SecondFactor::Recovery(_)), "{text}");
        }
    }
}
