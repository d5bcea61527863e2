//! The lines of the log.

use control_plane_domain::audit_log::{AuditFilter, AuditLine};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};

use crate::{Error, Operations};

impl Operations {
    /// The log, newest first.
    pub async fn list_audit(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Listed<AuditLine>, Error> {
        let permit = caller.permit(Permission::AuditList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.audit_lines(filter, page).await?)
    }
}
