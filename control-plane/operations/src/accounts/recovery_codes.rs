//! A person makes new recovery codes; those before are dead.

use control_plane_domain::policy::{Caller, Permission};
use crypto::Secret;

use super::own_session;
use crate::people::active;
use crate::{Error, Operations};

impl Operations {
    /// New codes, shown this once.
    pub async fn new_recovery_codes(&self, caller: &Caller) -> Result<Vec<Secret<String>>, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        self.check_confirmed(caller)?;
        let tx = self.store().write(&permit).await?;
        own_session(&tx, caller, self.now()).await?;
        let person = active(&tx, caller.person()).await?;
        let (codes, made) = self.make_recovery_codes(&tx, permit.tenant(), &person).await?;
        tx.commit(&permit.record(made)).await?;
        Ok(codes)
    }
}
