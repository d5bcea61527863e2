//! A person takes another password. Every other session of theirs ends.

use control_plane_authn::password::Password;
use control_plane_domain::account::Password as Kept;
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::session::{Session, SessionEnd};
use crypto::Secret;

use super::stretch::Lane;
use super::{Client, Finished, about, end_sessions, own_session, recovery_left};
use crate::people::active;
use crate::{Error, Operations};

impl Operations {
    /// Changes the caller's password. The cookie of this session is a new one.
    pub async fn change_password(
        &self,
        caller: &Caller,
        old: Secret<String>,
        new: Secret<String>,
        client: &Client,
    ) -> Result<Finished, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        self.check_confirmed(caller)?;
        let tx = self.store().read(&permit).await?;
        let person = active(&tx, caller.person()).await?;
        let tenant = tx.tenant().await?.ok_or(Error::NotFound("tenant"))?;
        drop(tx);
        let chosen = Password::chosen(&new, &about(&person, &tenant))?;
        // Both places first: an attempt that could not be carried to its end would be one that was spent for nothing.
        let (place, next) = (self.place(Lane::Inside)?, self.place(Lane::Inside)?);
        let counted = self.compare_password(caller, &old, place).await?;
        let operations = self.clone();
        let phc = self.stretch(next, move |key| chosen.keep(key, operations.entropy())).await?;

        let now = self.now();
        let tx = self.store().write(&permit).await?;
        let session = own_session(&tx, caller, now).await?;
        tx.set_password(person.id, &Kept { phc, set: now }).await?;
        let cause = SessionEnd::PasswordChanged;
        let ended = end_sessions(&tx, person.id, Some(session.id), cause, now).await?;
        let session = Session { seen: now, address: client.network(), agent: client.agent().clone(), ..session };
        let cookie = self.rotate(&tx, &session).await?;
        let recovery_left = recovery_left(&tx, &person).await?;
        let set = Action::AccountPasswordSet { person: person.id };
        let records: Vec<_> = std::iter::once(set).chain(ended).map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await?;
        self.was_right(counted).await;
        Ok(Finished { cookie, recovery_codes: Vec::new(), recovery_left })
    }
}
