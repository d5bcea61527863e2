//! What a person sees of their own account.

use clock::Timestamp;
use control_plane_domain::account::{Credentials, ZoneName};
use control_plane_domain::device::Device;
use control_plane_domain::person::Person;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_store::Reads;
use ids::SessionId;
use proof::text::FreeText;

use super::devices::newest_first;
use super::{SessionRow, own_session, recovery_left};
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
    /// In which zone they read times; UTC without one.
    pub zone: Option<ZoneName>,
    /// The session that asks.
    pub session: SessionId,
    /// When both factors were shown last.
    pub confirmed: Timestamp,
    /// When the session ends, whatever is done.
    pub session_expires: Timestamp,
}

/// A person's account with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct AccountPage {
    /// The account.
    pub account: Account,
    /// Its sessions, the newest first.
    pub sessions: Vec<SessionRow>,
    /// Its devices, the newest first.
    pub devices: Vec<Device>,
}

impl Operations {
    /// The caller's own account.
    pub async fn account(&self, caller: &Caller) -> Result<Account, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let tx = self.store().read(&permit).await?;
        let devices = tx.devices(caller.person()).await?;
        self.account_in(&tx, caller, &devices).await
    }

    /// The caller's own account, their sessions and their devices, as of one moment.
    pub async fn account_page(&self, caller: &Caller) -> Result<AccountPage, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let now = self.now();
        let tx = self.store().read(&permit).await?;
        let devices = newest_first(tx.devices(caller.person()).await?);
        let account = self.account_in(&tx, caller, &devices).await?;
        let sessions = self.session_rows(tx.live_sessions(caller.person(), now).await?, caller, now);
        Ok(AccountPage { account, sessions, devices })
    }

    async fn account_in(&self, reads: &Reads, caller: &Caller, devices: &[Device]) -> Result<Account, Error> {
        let session = own_session(reads, caller, self.now()).await?;
        let person = active(reads, caller.person()).await?;
        let organisation = reads.tenant().await?.ok_or(Error::NotFound("tenant"))?.name;
        let Credentials::Both { password, totp } = reads.credentials(person.id).await? else {
            return Err(Error::SessionOver);
        };
        let recovery_left = recovery_left(reads, &person).await?;
        Ok(Account {
            organisation,
            password_set: password.set,
            totp_since: totp.since,
            recovery_left,
            devices: u32::try_from(devices.len()).unwrap_or(u32::MAX),
            zone: reads.zone_of(person.id).await?,
            session: session.id,
            confirmed: session.state.confirmed().unwrap_or(session.begun),
            session_expires: session.expires,
            person,
        })
    }
}
