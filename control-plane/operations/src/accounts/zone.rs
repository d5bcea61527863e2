//! In which zone a person reads times. It is theirs wherever they sign in, and nobody else sees it.

use control_plane_domain::account::ZoneName;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_store::Unlogged;

use crate::{Error, Operations};

impl Operations {
    /// Sets the caller's zone; without one times are in UTC.
    pub async fn set_zone(&self, caller: &Caller, zone: Option<ZoneName>) -> Result<(), Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let tx = self.store().write(&permit).await?;
        tx.set_zone(caller.person(), zone.as_ref()).await?;
        Ok(tx.commit_unlogged(Unlogged::Preference).await?)
    }
}
