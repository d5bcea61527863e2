//! What a person did: the records of the log in which they are the one who acts. Whoever cannot read the log can read these.

use control_plane_domain::audit_log::{AuditActor, AuditFilter, AuditLine};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};

use crate::{Error, Operations};

impl Operations {
    /// The caller's own records, the newest first, whichever of their keys or sessions it was.
    pub async fn own_activity(&self, caller: &Caller, page: &Page) -> Result<Listed<AuditLine>, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let filter = AuditFilter { actor: Some(AuditActor::Person(caller.person())), ..AuditFilter::default() };
        let tx = self.store().read(&permit).await?;
        Ok(tx.audit_lines(&filter, page).await?)
    }
}
