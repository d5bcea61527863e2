//! A person sets up a second factor: their first, on the way in, or another one.

use control_plane_authn::recovery_code::{CODES, RecoveryCode};
use control_plane_authn::totp::Seed;
use control_plane_domain::account::{Credentials, Factor, Totp};
use control_plane_domain::audit::Action;
use control_plane_domain::person::Person;
use control_plane_domain::policy::{self, Caller, Permission, Permit};
use control_plane_domain::session::{Session, SessionEnd};
use control_plane_store::{Reads, Unlogged, Writes};
use crypto::{Digest, Secret};
use ids::{SessionId, TenantId};

use super::keys::SeedOf;
use super::session::HalfSession;
use super::{Client, Finished, end_sessions, own_session};
use crate::people::active;
use crate::{Error, Operations};

/// A seed that can become a second factor. The same one is offered as long as the session takes no step.
#[derive(Debug)]
pub struct TotpOffer {
    /// What a person types into their app: base32.
    pub secret: Secret<String>,
    /// What an app reads out of a QR code.
    pub uri: Secret<String>,
}

impl Operations {
    /// Offers a seed to somebody who has no second factor yet.
    pub async fn offer_totp(&self, cookie: &str) -> Result<TotpOffer, Error> {
        let HalfSession { token, session, person } = self.half_session(cookie).await?;
        let permit = policy::signing_in(token.tenant(), person.id, session.id);
        let tx = self.store().read(&permit).await?;
        if tx.credentials(person.id).await?.totp().is_some() {
            return Err(Error::FactorIsSet);
        }
        drop(tx);
        self.offer(&permit, &session, &person).await
    }

    /// Offers a seed to somebody who is signed in and wants another one.
    pub async fn offer_new_totp(&self, caller: &Caller) -> Result<TotpOffer, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        self.check_confirmed(caller)?;
        let tx = self.store().read(&permit).await?;
        let session = own_session(&tx, caller, self.now()).await?;
        let person = active(&tx, caller.person()).await?;
        drop(tx);
        self.offer(&permit, &session, &person).await
    }

    /// Sets up the first second factor and makes the half session whole. The recovery codes are shown this once.
    pub async fn enrol_totp(&self, cookie: &str, code: &str, client: &Client) -> Result<Finished, Error> {
        let HalfSession { token, session, person } = self.half_session(cookie).await?;
        let tenant = token.tenant();
        let permit = policy::signing_in(tenant, person.id, session.id);
        let tx = self.store().write(&permit).await?;
        let session = tx.session_by_digest(&token.digest()).await?.ok_or(Error::SessionOver)?;
        if !session.is_half(self.now()) {
            return Err(Error::SessionOver);
        }
        match tx.credentials(person.id).await? {
            Credentials::Nothing => return Err(Error::SessionOver),
            Credentials::Password(_) => {}
            Credentials::Both { .. } => return Err(Error::FactorIsSet),
        }
        let (codes, mut actions) = self.take_offer(&tx, tenant, &session, &person, code).await?;
        // Whoever else came as far with the same password comes no further.
        let cause = SessionEnd::SecondFactorChanged;
        actions.extend(end_sessions(&tx, person.id, Some(session.id), cause, self.now()).await?);
        let factors = vec![Factor::Password, Factor::Otp];
        let (finished, begun) = self.complete(&tx, session, &person, factors, client).await?;
        let records: Vec<_> = actions.into_iter().chain(begun).map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await?;
        Ok(Finished { recovery_codes: codes, ..finished })
    }

    /// Sets up another second factor. Recovery codes are new, every other session ends, and this one has a new cookie.
    pub async fn replace_totp(&self, caller: &Caller, code: &str, client: &Client) -> Result<Finished, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        self.check_confirmed(caller)?;
        let now = self.now();
        let tx = self.store().write(&permit).await?;
        let session = own_session(&tx, caller, now).await?;
        let person = active(&tx, caller.person()).await?;
        let (recovery_codes, mut actions) = self.take_offer(&tx, permit.tenant(), &session, &person, code).await?;
        let cause = SessionEnd::SecondFactorChanged;
        actions.extend(end_sessions(&tx, person.id, Some(session.id), cause, now).await?);
        // A code of the new app was shown just now.
        let (address, agent) = (client.network(), client.agent().clone());
        let session = Session { seen: now, address, agent, recovered: false, ..session };
        let cookie = self.rotate(&tx, &session).await?;
        let recovery_left = u32::try_from(recovery_codes.len()).unwrap_or(u32::MAX);
        let records: Vec<_> = actions.into_iter().map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await?;
        Ok(Finished { cookie, recovery_codes, recovery_left })
    }

    async fn offer(&self, permit: &Permit, session: &Session, person: &Person) -> Result<TotpOffer, Error> {
        let tenant = permit.tenant();
        let tx = self.store().write(permit).await?;
        if let Some(seed) = self.offered(&tx, tenant, session.id).await? {
            return Ok(shown(&seed, person));
        }
        let seed = Seed::fresh(self.entropy());
        tx.offer_totp(session.id, &self.seal_seed(&seed, SeedOf::Offer(tenant, session.id))).await?;
        tx.commit_unlogged(Unlogged::SignIn).await?;
        Ok(shown(&seed, person))
    }

    async fn offered(&self, reads: &Reads, tenant: TenantId, session: SessionId) -> Result<Option<Seed>, Error> {
        let Some(sealed) = reads.totp_offer(session).await? else { return Ok(None) };
        self.open_seed(&sealed, SeedOf::Offer(tenant, session)).map(Some)
    }

    /// What was offered becomes the person's second factor, if the code shows that their app has it.
    async fn take_offer(
        &self,
        tx: &Writes,
        tenant: TenantId,
        session: &Session,
        person: &Person,
        code: &str,
    ) -> Result<(Vec<Secret<String>>, Vec<Action>), Error> {
        let now = self.now();
        let seed = self.offered(tx, tenant, session.id).await?.ok_or(Error::WrongCode)?;
        let last_step = seed.step_of(code, 0, now).ok_or(Error::WrongCode)?;
        let sealed = self.seal_seed(&seed, SeedOf::Person(tenant, person.id));
        tx.set_totp(person.id, &Totp { sealed, since: now, last_step }).await?;
        let (codes, made) = self.make_recovery_codes(tx, tenant, person).await?;
        Ok((codes, vec![Action::AccountTotpSet { person: person.id }, made]))
    }

    /// New recovery codes; those before are dead.
    pub(super) async fn make_recovery_codes(
        &self,
        tx: &Writes,
        tenant: TenantId,
        person: &Person,
    ) -> Result<(Vec<Secret<String>>, Action), Error> {
        let codes: Vec<_> = (0..CODES).map(|_| RecoveryCode::fresh(self.entropy())).collect();
        let key = &self.account_keys().recovery;
        let digests: Vec<Digest> = codes.iter().map(|code| code.digest(key, tenant, person.id)).collect();
        tx.replace_recovery_codes(person.id, &digests).await?;
        let made = u64::try_from(codes.len()).unwrap_or(u64::MAX);
        let action = Action::AccountRecoveryCodesMade { person: person.id, codes: made };
        Ok((codes.iter().map(RecoveryCode::to_text).collect(), action))
    }
}

fn shown(seed: &Seed, person: &Person) -> TotpOffer {
    TotpOffer { secret: seed.to_base32(), uri: seed.to_uri(person.email.as_str()) }
}
