//! Checkpoints of the log: signed here, countersigned by the tenant's Runners.

use control_plane_domain::audit_log::AuditCheckpoint;
use control_plane_domain::policy::{self, Caller, Permission};
use control_plane_domain::tenant::TenantKeyKind;
use control_plane_store::{Reads, StoreError, Unlogged};
use ids::TenantId;
use proof::checkpoint::{Checkpoint, audit_origin};
use proof::note::{SignedNote, VerifierKey};

use crate::{Error, Operations};

impl Operations {
    /// Signs a checkpoint for every tenant whose log has grown; how many. To be called every second or two. A fault in one
    /// tenant keeps no other from its turn.
    pub async fn sign_checkpoints(&self) -> Result<usize, Error> {
        let mut signed = 0;
        for tenant in self.active_tenants().await? {
            match self.sign_checkpoint(tenant).await {
                Ok(fresh) => signed += usize::from(fresh),
                Err(error) => {
                    tracing::error!(%tenant, code = error.code(), %error, "no checkpoint of an audit log could be signed");
                }
            }
        }
        Ok(signed)
    }

    /// Signs a checkpoint of a tenant's log if it has grown since the last one. That is not in the log itself, or the log
    /// would grow by being signed.
    pub async fn sign_checkpoint(&self, tenant: TenantId) -> Result<bool, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let grown = async |reads: &Reads| {
            let newest = reads.audit_checkpoint().await?.map_or(0, |checkpoint| checkpoint.size);
            Ok::<_, StoreError>(reads.audit_chain().await?.size() > newest)
        };
        if !grown(&*self.store().read(&permit).await?).await? {
            return Ok(false);
        }
        let tx = self.store().write(&permit).await?;
        if !grown(&tx).await? {
            return Ok(false);
        }
        let chain = tx.audit_chain().await?;
        let checkpoint = Checkpoint { origin: audit_origin(tenant), size: chain.size(), root: chain.root() };
        let note = self.sign_audit_checkpoint(&tx, tenant, &checkpoint).await?;
        let Checkpoint { size, root, .. } = checkpoint;
        tx.add_audit_checkpoint(&AuditCheckpoint { size, root, note: note.to_text(), at: self.now() }).await?;
        tx.commit_unlogged(Unlogged::Witnessing).await?;
        Ok(true)
    }

    /// The newest checkpoint, with the cosignatures of the Runners that have seen it.
    pub async fn audit_checkpoint(&self, caller: &Caller) -> Result<SignedNote, Error> {
        let permit = caller.permit(Permission::AuditList)?;
        let tx = self.store().read(&permit).await?;
        let newest = tx.audit_checkpoint().await?.ok_or(Error::NotFound("checkpoint: none was signed yet"))?;
        self.with_cosignatures(&tx, &newest).await
    }

    /// The key of the log, to be pinned by whoever verifies it.
    pub async fn audit_key(&self, caller: &Caller) -> Result<VerifierKey, Error> {
        let permit = caller.permit(Permission::AuditList)?;
        let tx = self.store().read(&permit).await?;
        self.verifier_key(&tx, TenantKeyKind::Audit).await
    }

    pub(crate) async fn with_cosignatures(
        &self,
        reads: &Reads,
        checkpoint: &AuditCheckpoint,
    ) -> Result<SignedNote, Error> {
        let stored = |note: &str| SignedNote::parse(note).map_err(|why| Error::AuditBroken(why.to_string()));
        let mut note = stored(&checkpoint.note)?;
        let cosignatures = reads.audit_cosignatures(checkpoint.size).await?;
        let keys = reads.witness_keys(&cosignatures.iter().map(|cosignature| cosignature.runner).collect()).await?;
        for cosignature in cosignatures {
            let key = keys.get(&cosignature.runner).ok_or(Error::NotFound("Runner"))?;
            let key: VerifierKey = key.parse().map_err(|_| Error::AuditBroken("a Runner's witness key".into()))?;
            let theirs = stored(&cosignature.note)?;
            let (signature, _) = proof::log::witness::cosignature_of(&theirs, &note, &key)
                .map_err(|why| Error::AuditBroken(why.to_string()))?;
            note.replace(signature);
        }
        Ok(note)
    }
}
