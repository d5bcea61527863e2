//! The keys that the control plane holds for a tenant: made once, kept sealed under the operator's root key, opened for
//! the moment in which they are used.

use control_plane_authority::{KeyName as SealedName, TenantAuthority};
use control_plane_domain::sealed::Sealed;
use control_plane_domain::tenant::{TenantKey, TenantKeyKind};
use control_plane_store::Reads;
use crypto::{Secret, ed25519, p256};
use ids::TenantId;
use proof::checkpoint::{self, Checkpoint};
use proof::cosignature::Witness;
use proof::note::{Algorithm, VerifierKey};

use crate::error::KeyFault;
use crate::{Error, Operations};

/// All public keys of a tenant, as its Runners pin them.
#[derive(Debug, Clone)]
pub(crate) struct PinnedKeys {
    /// SubjectPublicKeyInfo of the key that signs drill-down requests.
    pub(crate) drilldown: p256::VerifyingKey,
    /// The key of the audit log.
    pub(crate) audit: VerifierKey,
    /// The key that cosigns journals.
    pub(crate) witness: VerifierKey,
}

impl Operations {
    /// Makes the keys of a new tenant, sealed.
    pub(crate) fn make_tenant_keys(&self, tenant: TenantId) -> Result<Vec<TenantKey>, KeyFault> {
        let authority = TenantAuthority::create(tenant, self.entropy(), self.now())?;
        let certificate = authority.certificate_der().to_vec();
        let audit = ed25519::SigningKey::generate(self.entropy());
        let audit_name = checkpoint::audit_origin(tenant);
        let audit_vkey = VerifierKey::new(audit_name, Algorithm::Ed25519, audit.verifying_key());
        let witness = ed25519::SigningKey::generate(self.entropy());
        let witness_name = checkpoint::control_plane_witness(tenant);
        let witness_vkey = Witness { name: &witness_name, key: &witness }.verifier_key();
        let drilldown = p256::SigningKey::generate(self.entropy());
        let seed = |key: &ed25519::SigningKey| Secret::new(key.to_seed().expose().to_vec());
        let key = |kind, private: &Secret<Vec<u8>>, public| self.sealed_key(tenant, kind, private, public);
        Ok(vec![
            key(TenantKeyKind::IssuingAuthority, authority.private_key(), certificate),
            key(TenantKeyKind::Audit, &seed(&audit), audit_vkey.to_string().into_bytes()),
            key(TenantKeyKind::Witness, &seed(&witness), witness_vkey.to_string().into_bytes()),
            key(TenantKeyKind::DrillDown, drilldown.to_pkcs8(), drilldown.verifying_key().to_spki()),
        ])
    }

    fn sealed_key(
        &self,
        tenant: TenantId,
        kind: TenantKeyKind,
        private: &Secret<Vec<u8>>,
        public: Vec<u8>,
    ) -> TenantKey {
        let generation = 1;
        let sealed = self.authority().root().seal(self.entropy(), SealedName { tenant, kind, generation }, private);
        TenantKey { kind, generation, sealed: Sealed::new(sealed), public, created: self.now() }
    }

    async fn stored_key(&self, reads: &Reads, kind: TenantKeyKind) -> Result<TenantKey, Error> {
        Ok(reads.tenant_key(kind).await?.ok_or(KeyFault::Missing(kind))?)
    }

    async fn private_key(
        &self,
        reads: &Reads,
        tenant: TenantId,
        kind: TenantKeyKind,
    ) -> Result<(TenantKey, Secret<Vec<u8>>), Error> {
        let key = self.stored_key(reads, kind).await?;
        let name = SealedName { tenant, kind, generation: key.generation };
        let private = self.authority().root().unseal(name, key.sealed.as_bytes()).map_err(KeyFault::from)?;
        Ok((key, private))
    }

    async fn ed25519_key(
        &self,
        reads: &Reads,
        tenant: TenantId,
        kind: TenantKeyKind,
    ) -> Result<ed25519::SigningKey, Error> {
        let (_, private) = self.private_key(reads, tenant, kind).await?;
        let seed = private.expose().as_slice().try_into().map_err(|_| KeyFault::Damaged(kind))?;
        Ok(ed25519::SigningKey::from_seed(seed))
    }

    /// The authority that issues the tenant's certificates.
    pub(crate) async fn issuing_authority(&self, reads: &Reads, tenant: TenantId) -> Result<TenantAuthority, Error> {
        let (key, private) = self.private_key(reads, tenant, TenantKeyKind::IssuingAuthority).await?;
        Ok(TenantAuthority::open(tenant, &key.public, private, self.entropy()).map_err(KeyFault::from)?)
    }

    /// The key that signs drill-down requests.
    pub(crate) async fn drilldown_key(&self, reads: &Reads, tenant: TenantId) -> Result<p256::SigningKey, Error> {
        let kind = TenantKeyKind::DrillDown;
        let (_, private) = self.private_key(reads, tenant, kind).await?;
        Ok(p256::SigningKey::from_pkcs8(private, self.entropy()).map_err(|_| KeyFault::Damaged(kind))?)
    }

    /// Signs a checkpoint of the tenant's audit log.
    pub(crate) async fn sign_audit_checkpoint(
        &self,
        reads: &Reads,
        tenant: TenantId,
        checkpoint: &Checkpoint,
    ) -> Result<proof::note::SignedNote, Error> {
        let key = self.ed25519_key(reads, tenant, TenantKeyKind::Audit).await?;
        Ok(checkpoint.sign(&key).map_err(KeyFault::from)?)
    }

    /// Cosigns a checkpoint of a journal whose root was found to be ours.
    pub(crate) async fn cosign_journal(
        &self,
        reads: &Reads,
        tenant: TenantId,
        note: &mut proof::note::SignedNote,
    ) -> Result<(), Error> {
        let key = self.ed25519_key(reads, tenant, TenantKeyKind::Witness).await?;
        let name = checkpoint::control_plane_witness(tenant);
        proof::log::witness::cosign(note, &Witness { name: &name, key: &key }, self.now());
        Ok(())
    }

    /// The public keys that a Runner of the tenant pins.
    pub(crate) async fn pinned_keys(&self, reads: &Reads) -> Result<PinnedKeys, Error> {
        let kind = TenantKeyKind::DrillDown;
        let spki = self.stored_key(reads, kind).await?.public;
        let drilldown = p256::VerifyingKey::from_spki(&spki).map_err(|_| KeyFault::Damaged(kind))?;
        let audit = self.verifier_key(reads, TenantKeyKind::Audit).await?;
        let witness = self.verifier_key(reads, TenantKeyKind::Witness).await?;
        Ok(PinnedKeys { drilldown, audit, witness })
    }

    /// The public part of a key that stands as a verifier key.
    pub(crate) async fn verifier_key(&self, reads: &Reads, kind: TenantKeyKind) -> Result<VerifierKey, Error> {
        let public = self.stored_key(reads, kind).await?.public;
        let text = String::from_utf8(public).map_err(|_| KeyFault::Damaged(kind))?;
        Ok(text.parse().map_err(|_| KeyFault::Damaged(kind))?)
    }

    /// The certificate of the authority that issues the tenant's certificates.
    pub(crate) async fn issuing_certificate(&self, reads: &Reads) -> Result<Vec<u8>, Error> {
        Ok(self.stored_key(reads, TenantKeyKind::IssuingAuthority).await?.public)
    }
}
