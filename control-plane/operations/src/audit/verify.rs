//! The log in the database is read through and compared with what was signed.

use control_plane_domain::audit_log::AuditReport;
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::tenant::TenantKeyKind;
use ids::TenantId;
use proof::checkpoint::Checkpoint;
use proof::note::SignedNote;

use crate::{Error, Operations};

impl Operations {
    /// Checks a tenant's whole log: every line, the chain, the tree, every checkpoint against the tree, and the newest
    /// checkpoint's signature. By the operator, who cannot forge the cosignatures that Runners keep elsewhere.
    pub async fn verify_audit(&self, tenant: TenantId) -> Result<AuditReport, Error> {
        let permit = policy::operator(tenant, Permission::AuditVerify)?;
        let tx = self.store().read(&permit).await?;
        tx.tenant().await?.ok_or(Error::NotFound("tenant"))?;
        let report = tx.audit_verify().await?;
        if let Some(newest) = tx.audit_checkpoint().await? {
            let key = self.verifier_key(&tx, TenantKeyKind::Audit).await?;
            let broken = |why: String| Error::AuditBroken(format!("the newest checkpoint: {why}"));
            let note = SignedNote::parse(&newest.note).map_err(|why| broken(why.to_string()))?;
            let opened = Checkpoint::open(&note, &key).map_err(|why| broken(why.to_string()))?;
            if (opened.size, opened.root) != (newest.size, newest.root) {
                return Err(broken("its row says something else than its note".into()));
            }
            self.with_cosignatures(&tx, &newest).await?;
        }
        Ok(report)
    }
}
