//! A certificate is issued to a Runner.

use contract::DerCertificate;
use control_plane_authority::CertificateRequest;
use control_plane_domain::runner::{CertificateState, RunnerCertificate};
use control_plane_store::Reads;
use ids::{RunnerId, TenantId};

use crate::error::KeyFault;
use crate::{Error, Operations};

impl Operations {
    /// A certificate of this generation, not yet used by anybody. To be stored in the transaction that read the key.
    pub(crate) async fn issue(
        &self,
        reads: &Reads,
        tenant: TenantId,
        runner: RunnerId,
        request: &CertificateRequest,
        generation: u64,
    ) -> Result<RunnerCertificate, Error> {
        let authority = self.issuing_authority(reads, tenant).await?;
        // Another process may have made the tenant a moment ago: whoever holds this certificate dials the line at once.
        if let Err(why) = self.authority().trusted().insert(tenant, authority.certificate_der()) {
            tracing::error!(%tenant, code = why.code(), %why, "the issuing authority of a tenant is not trusted");
        }
        let issued = authority.issue(request, runner, self.entropy(), self.now()).map_err(KeyFault::from)?;
        Ok(RunnerCertificate {
            runner,
            generation,
            fingerprint: issued.fingerprint,
            serial: issued.serial,
            key: issued.key_digest,
            request: request.digest(),
            chain: issued.chain,
            not_before: issued.not_before,
            not_after: issued.not_after,
            state: CertificateState::Next,
        })
    }
}

/// The chain as the line carries it.
pub(crate) fn chain(certificate: &RunnerCertificate) -> Result<Vec<DerCertificate>, Error> {
    let link = |der: &Vec<u8>| DerCertificate::new(der.clone());
    let chain: Result<_, _> = certificate.chain.iter().map(link).collect();
    Ok(chain.map_err(|_| KeyFault::Damaged(control_plane_domain::tenant::TenantKeyKind::IssuingAuthority))?)
}
