//! Somebody who is signed in shows both factors again, before something sensitive.

use control_plane_authn::password::Password;
use control_plane_domain::account::Factor;
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::session::Session;
use crypto::Secret;

use super::attempts::{CONFIRM, Counted};
use super::second_factor::SecondFactor;
use super::stretch::{Lane, Place};
use super::{Client, Finished, own_session, recovery_left};
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
        let place = self.place(Lane::Inside)?;
        let counted = self.compare_password(caller, &password, place).await?;
        let factor = SecondFactor::of(code);
        let tx = self.store().read(&permit).await?;
        let known = self.known_network(&tx, caller.person(), client).await?;
        drop(tx);
        let recovery = factor.factor() == Factor::Recovery;
        let counted_code = self.count_second_factor(tenant, caller.person(), known, recovery).await;
        let counted_code =
            counted_code.inspect_err(|error| self.note_throttled(tenant, caller.person(), factor.factor(), error))?;

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
        let session = session.confirmed(now, recovery).map_err(|_| Error::SessionOver)?;
        let cookie = self.rotate(&tx, &session).await?;
        tx.set_confirmed_from(&session, &client.network(), now).await?;
        let recovery_left = recovery_left(&tx, &person).await?;
        let factors = vec![Factor::Password, factor.factor()];
        let confirmed = Action::SessionConfirmed { session: session.id, factors };
        let records: Vec<_> = used.into_iter().chain([confirmed]).map(|action| permit.record(action)).collect();
        self.commit_all(tx, &records).await?;
        self.was_right(counted).await;
        self.was_right(counted_code).await;
        Ok(Finished { cookie, recovery_codes: Vec::new(), recovery_left })
    }

    /// Compares the password of somebody who is signed in. The attempt is to be given back when all else was right too.
    pub(super) async fn compare_password(
        &self,
        caller: &Caller,
        password: &Secret<String>,
        place: Place<'_>,
    ) -> Result<Counted, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let session = caller.session().ok_or(Error::SessionOver)?;
        let subject = self.account_keys().subjects.confirm(permit.tenant(), session);
        let counted = self.count(subject, CONFIRM).await;
        let counted = counted.inspect_err(|error| {
            self.note_throttled(permit.tenant(), caller.person(), Factor::Password, error);
        })?;
        let tx = self.store().read(&permit).await?;
        let credentials = tx.credentials(caller.person()).await?;
        drop(tx);
        let kept = credentials.password().map(|password| password.phc.clone()).unwrap_or_default();
        let typed = Password::typed(password);
        if self.stretch(place, move |key| typed.is(&kept, key)).await? {
            return Ok(counted);
        }
        self.0.refusals.note(permit.tenant(), caller.person(), Factor::Password);
        Err(Error::WrongCode)
    }
}
