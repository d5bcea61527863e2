//! The log is taken away: an archive that anybody can verify without this control plane.

use control_plane_domain::audit::Action;
use control_plane_domain::policy::{self, Caller, Permission, Permit};
use control_plane_domain::tenant::TenantKeyKind;
use ids::{RunnerId, TenantId};
use proof::export::{self, ExportWriter};

use crate::{Error, Operations};

/// Lines that are read at a time.
const BATCH: u32 = 1_000;

/// How old a record may be that an archive leaves out, so that Runners vouch for all that is in it. They cosign within
/// seconds while they are connected.
const LEFT_OUT_MS: i64 = 60 * 60 * 1_000;

/// An export under way: pieces of the archive, one after the other. Millions of lines pass through; a thousand are in
/// memory.
pub struct AuditExport {
    operations: Operations,
    tenant: TenantId,
    writer: Option<ExportWriter>,
    next: u64,
    size: u64,
    file_name: String,
    begun: Vec<u8>,
    cosigned_by: Vec<RunnerId>,
    left_out: u64,
}

impl Operations {
    /// Begins an export of the log: up to the newest checkpoint that Runners cosigned, or up to the newest of all where
    /// that would leave out more than the last hour. That it was taken is recorded first.
    pub async fn export_audit(&self, caller: &Caller) -> Result<AuditExport, Error> {
        let permit = caller.permit(Permission::AuditExport)?;
        self.begin_export(&permit).await
    }

    /// The same, by the operator of the platform; the tenant's log says so.
    pub async fn export_audit_as_operator(&self, tenant: TenantId) -> Result<AuditExport, Error> {
        let permit = policy::operator(tenant, Permission::AuditExport)?;
        self.begin_export(&permit).await
    }

    async fn begin_export(&self, permit: &Permit) -> Result<AuditExport, Error> {
        let tenant = permit.tenant();
        self.sign_checkpoint(tenant).await?;
        let tx = self.store().write(permit).await?;
        let newest = tx.audit_checkpoint().await?.ok_or(Error::NotFound("checkpoint: none was signed yet"))?;
        let end = match tx.audit_checkpoint_kept().await? {
            Some(kept) => {
                let first_left_out = tx.audit_range(kept.size, 1).await?.into_iter().next();
                let is_fresh = first_left_out.is_none_or(|line| line.at > self.now().plus_ms(-LEFT_OUT_MS));
                if is_fresh { kept } else { newest }
            }
            None => newest,
        };
        let left_out = tx.audit_chain().await?.size().saturating_sub(end.size);
        tx.commit(&permit.record(Action::AuditExported { records: end.size, root: end.root })).await?;
        let reads = self.store().read(permit).await?;
        let note = self.with_cosignatures(&reads, &end).await?;
        let cosigned_by = reads.audit_cosignatures(end.size).await?.into_iter().map(|one| one.runner).collect();
        let key = self.verifier_key(&reads, TenantKeyKind::Audit).await?;
        let mut begun = Vec::new();
        let writer = ExportWriter::begin(&note, &key, None, &mut begun).map_err(broken)?;
        let file_name = export::file_name(tenant);
        let (operations, size) = (self.clone(), end.size);
        let writer = Some(writer);
        Ok(AuditExport { operations, tenant, writer, next: 0, size, file_name, begun, cosigned_by, left_out })
    }
}

impl AuditExport {
    /// What the archive is called.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The Runners whose cosignatures stand under the archive's checkpoint.
    pub fn cosigned_by(&self) -> &[RunnerId] {
        &self.cosigned_by
    }

    /// Records that came after that checkpoint and are not in the archive; none of them was older than an hour.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The next bytes of the archive; `None` after the last. An error means that what was written so far is no archive.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(writer) = &mut self.writer else { return Ok(None) };
        let mut out = std::mem::take(&mut self.begun);
        if self.next < self.size {
            let left = u32::try_from(self.size - self.next).unwrap_or(BATCH).min(BATCH);
            // A transaction a batch: lines that are there do not change, and who reads slowly holds no connection.
            let permit = policy::system(self.tenant, Permission::Upkeep)?;
            let reads = self.operations.store().read(&permit).await?;
            let lines = reads.audit_range(self.next, left).await?;
            if lines.is_empty() {
                return Err(Error::AuditBroken(format!("record {} is not there", self.next)));
            }
            for line in lines {
                writer.line(&line.line, &mut out).map_err(broken)?;
                self.next = line.seq + 1;
            }
            return Ok(Some(out));
        }
        if let Some(writer) = self.writer.take() {
            writer.finish(&mut out).map_err(broken)?;
        }
        Ok(Some(out))
    }
}

fn broken(error: export::ExportError) -> Error {
    Error::AuditBroken(error.to_string())
}

impl std::fmt::Debug for AuditExport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditExport").field("next", &self.next).field("size", &self.size).finish_non_exhaustive()
    }
}
