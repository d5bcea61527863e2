//! A certificate is renewed at half of its life, in two phases: the one in use stays good until the new one has been
//! used, so that a lost answer costs nothing.

use contract::{DerRequest, FromControlPlane, Refused, Renew, Renewed, StopReason};
use control_plane_authority::CertificateRequest;
use control_plane_domain::audit::Action;
use control_plane_domain::runner::{CertificateState, LockReason, RunnerCertificate, Standing};

use super::{LineError, Session};
use crate::runners::{chain, stable};
use crate::{Error, Operations};

impl Operations {
    pub(super) async fn renew(&self, session: &Session, message: &Renew) -> Result<Vec<FromControlPlane>, LineError> {
        let wanted = match self.wanted(session, &message.certificate_request) {
            Ok(wanted) => wanted,
            Err(code) => return Ok(vec![FromControlPlane::RenewRefused(Refused { code: stable(code) })]),
        };
        let (tenant, runner) = (session.name.tenant, session.name.runner);
        let permit = session.permit();
        let tx = self.store().write(&permit).await?;
        let found = tx.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        match found.state.standing() {
            Standing::Active => {}
            Standing::Locked => return Err(LineError::stop(StopReason::Locked, "E-LINE-004")),
            Standing::Pending | Standing::Revoked => return Err(LineError::stop(StopReason::Revoked, "E-LINE-003")),
        }
        // The very same request, whenever it comes: its answer was lost.
        if let Some(known) = tx.certificate_by_request(runner, &wanted.digest()).await?
            && matches!(known.state, CertificateState::Next | CertificateState::Current)
        {
            return Ok(vec![renewed(&known)?]);
        }
        // Only who holds the generation in force may go on from it. Anybody else had the identity before.
        if message.generation != found.generation || session.generation != found.generation {
            drop(tx);
            self.lock_runner(tenant, runner, LockReason::RenewalConflict, None).await?;
            return Err(LineError::stop(StopReason::Locked, "E-LINE-031"));
        }
        if let Some(next) = tx.certificate_in(runner, CertificateState::Next).await? {
            // Should somebody use it after all, there are two who renewed.
            tx.set_certificate_state(&next.fingerprint, CertificateState::Abandoned).await?;
        }
        let certificate = self.issue(&tx, tenant, runner, &wanted, found.generation + 1).await?;
        tx.add_certificate(&certificate).await?;
        let answer = renewed(&certificate)?;
        let action = Action::RunnerCertificateRenewed {
            runner,
            generation: certificate.generation,
            certificate_sha256: certificate.fingerprint,
        };
        tx.commit(&permit.record(action)).await?;
        Ok(vec![answer])
    }

    /// A request over a key that the session's certificate does not have: a renewal that keeps the key would keep whoever
    /// copied it.
    fn wanted(&self, session: &Session, request: &DerRequest) -> Result<CertificateRequest, &'static str> {
        let wanted = CertificateRequest::parse(request.as_bytes()).map_err(|_| "E-LINE-030")?;
        if wanted.key_digest() == session.certificate_key { Err("E-LINE-032") } else { Ok(wanted) }
    }
}

fn renewed(certificate: &RunnerCertificate) -> Result<FromControlPlane, LineError> {
    let chain = chain(certificate)?;
    Ok(FromControlPlane::Renewed(Renewed { chain, generation: certificate.generation }))
}
