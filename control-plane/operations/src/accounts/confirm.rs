//! Somebody who is signed in shows both factors again, before something sensitive.

use control_plane_authn::password::Password;
use control_plane_domain::account::Factor;
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::session::Session;
use crypto::Secret;
use ids::PersonId;

use super::attempts::{CONFIRM, Counted};
use super::second_factor::SecondFactor;
use super::{Client, Finished, commit_all, own_session, recovery_left};
use crate::people::active;
use crate::{Error, Operations};

impl Operations {
    /// Both factors were shown just now, from here on. The cookie is a new one.
    pub async fn confirm(
        &self,
        caller: &Caller,
        password: Secret<String>,
        code: &str,
        client: &Client,
    ) -> Result<Finished, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let tenant = permit.tenant();
        let counted = self.compare_password(caller, &password).await?;
        let factor = SecondFactor::of(code);
        let tx = self.store().read(&permit).await?;
        let known = self.known_network(&tx, caller.person(), client).await?;
        drop(tx);
        let recovery = factor.factor() == Factor::Recovery;
        let counted_code = self.count_second_factor(tenant, caller.person(), known, recovery).await?;

        let now = self.now();
        let tx = self.store().write(&permit).await?;
        let session = own_session(&tx, caller, now).await?;
        let person = active(&tx, caller.person()).await?;
        let used = match self.use_second_factor(&tx, tenant, &person, factor).await {
            Ok(used) => used,
            Err(error) => {
                if matches!(error, Error::WrongCode) {
                    self.0.refusals.note(tenant, person.id, factor.factor());
                }
                return Err(error);
            }
        };
        let session = Session { address: client.network(), agent: client.agent().clone(), ..session };
        let session = session.confirmed(now).map_err(|_| Error::SessionOver)?;
        let cookie = self.rotate(&tx, &session).await?;
        let recovery_left = recovery_left(&tx, &person).await?;
        let factors = vec![Factor::Password, factor.factor()];
        let confirmed = Action::SessionConfirmed { session: session.id, factors };
        let records: Vec<_> = used.into_iter().chain([confirmed]).map(|action| permit.record(action)).collect();
        commit_all(tx, &records).await?;
        self.was_right(counted).await;
        self.was_right(counted_code).await;
        Ok(Finished { cookie, recovery_codes: Vec::new(), recovery_left })
    }

    /// Compares the password of somebody who is signed in. The attempt is to be given back when all else was right too.
    pub(super) async fn compare_password(&self, caller: &Caller, password: &Secret<String>) -> Result<Counted, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let session = caller.session().ok_or(Error::SessionOver)?;
        let subject = self.account_keys().subjects.confirm(permit.tenant(), session);
        let counted = self.count(subject, CONFIRM).await?;
        let tx = self.store().read(&permit).await?;
        let credentials = tx.credentials(caller.person()).await?;
        drop(tx);
        let kept = credentials.password().map(|password| password.phc.clone()).unwrap_or_default();
        let typed = Password::typed(password);
        if self.stretch(move |key| typed.is(&kept, key)).await? {
            return Ok(counted);
        }
        self.note_wrong_password(caller, caller.person());
        Err(Error::WrongCode)
    }

    fn note_wrong_password(&self, caller: &Caller, person: PersonId) {
        self.0.refusals.note(caller.tenant(), person, Factor::Password);
    }
}
