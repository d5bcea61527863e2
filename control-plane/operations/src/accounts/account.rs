//! What a person sees of their own account.

use clock::Timestamp;
use control_plane_domain::account::Credentials;
use control_plane_domain::person::Person;
use control_plane_domain::policy::{Caller, Permission};
use ids::SessionId;
use proof::text::FreeText;

use super::{own_session, recovery_left};
use crate::people::active;
use crate::{Error, Operations};

/// A person's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The person.
    pub person: Person,
    /// What the tenant is called.
    pub organisation: FreeText,
    /// When the password was chosen.
    pub password_set: Timestamp,
    /// Since when the second factor is asked for.
    pub totp_since: Timestamp,
    /// How many recovery codes are left.
    pub recovery_left: u32,
    /// How many devices sign for evidence.
    pub devices: u32,
    /// The session that asks.
    pub session: SessionId,
    /// When both factors were shown last.
    pub confirmed: Timestamp,
    /// When the session ends, whatever is done.
    pub session_expires: Timestamp,
}

impl Operations {
    /// The caller's own account.
    pub async fn account(&self, caller: &Caller) -> Result<Account, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let tx = self.store().read(&permit).await?;
        let session = own_session(&tx, caller, self.now()).await?;
        let person = active(&tx, caller.person()).await?;
        let organisation = tx.tenant().await?.ok_or(Error::NotFound("tenant"))?.name;
        let Credentials::Both { password, totp } = tx.credentials(person.id).await? else {
            return Err(Error::SessionOver);
        };
        let recovery_left = recovery_left(&tx, &person).await?;
        let devices = u32::try_from(tx.devices(person.id).await?.len()).unwrap_or(u32::MAX);
        Ok(Account {
            person,
            organisation,
            password_set: password.set,
            totp_since: totp.since,
            recovery_left,
            devices,
            session: session.id,
            confirmed: session.state.confirmed().unwrap_or(session.begun),
            session_expires: session.expires,
        })
    }
}
