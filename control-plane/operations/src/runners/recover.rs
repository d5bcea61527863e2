//! A Runner whose certificate expired while it was away gets a new one for the key that it had.

use std::net::IpAddr;

use contract::enrolment::RecoveryStatement;
use contract::{EnrolResponse, RecoverRequest};
use control_plane_authn::throttle::network_of;
use control_plane_authority::{CertificateRequest, VerifiedRunner};
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{self, Permission, Permit};
use control_plane_domain::runner::{CertificateState, LockReason, Runner, RunnerCertificate, Standing};
use control_plane_domain::tenant::TenantState;
use control_plane_store::WriteTx;
use crypto::p256;

use super::NotLetIn;
use crate::Operations;

/// How far the Runner's clock may be off when it says that it wants to recover.
const SKEW_MS: i64 = 60 * 60 * 1000;

impl Operations {
    /// A new certificate for a Runner that shows an expired one, the key of it, and its attestation key. Revoked and
    /// locked Runners stay out.
    pub async fn recover(&self, request: &RecoverRequest, address: IpAddr) -> EnrolResponse {
        match self.try_recover(request, address).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn try_recover(&self, request: &RecoverRequest, address: IpAddr) -> Result<EnrolResponse, NotLetIn> {
        let now = self.now();
        let network = network_of(address);
        self.0.wrong_tokens.attempt(&network, now)?;
        let shown = self.authority().trusted().verify_expired(request.certificate.as_bytes(), now);
        let shown = shown.map_err(|_| NotLetIn::Refused("E-ENROL-020"))?;
        let wanted = CertificateRequest::parse(request.certificate_request.as_bytes());
        let wanted = wanted.map_err(|_| NotLetIn::Refused("E-ENROL-006"))?;
        if wanted.key_digest() != shown.key_digest {
            return Err(NotLetIn::Refused("E-ENROL-021"));
        }
        let permit = policy::system(shown.name.tenant, Permission::Enrol)?;
        let tx = self.store().write(&permit).await?;
        if tx.tenant_state().await? != Some(TenantState::Active) {
            return Err(NotLetIn::Refused("E-ENROL-020"));
        }
        let runner = tx.runner(shown.name.runner).await?.ok_or(NotLetIn::Refused("E-ENROL-020"))?;
        let certificate = tx.certificate(&shown.fingerprint).await?.filter(|known| known.runner == runner.id);
        let certificate = certificate.ok_or(NotLetIn::Refused("E-ENROL-020"))?;
        self.check_statement(request, &shown, &wanted, &runner, &certificate)?;
        self.0.wrong_tokens.succeeded(&network);
        match runner.state.standing() {
            Standing::Revoked => return Err(NotLetIn::Refused("E-ENROL-008")),
            Standing::Locked => return Err(NotLetIn::Refused("E-ENROL-009")),
            Standing::Pending => return Err(NotLetIn::Refused("E-ENROL-020")),
            Standing::Active => {}
        }
        match certificate.state {
            CertificateState::Next | CertificateState::Current => {}
            CertificateState::Superseded | CertificateState::Abandoned => {
                drop(tx);
                self.lock_runner(permit.tenant(), runner.id, LockReason::GenerationReused, None).await?;
                return Err(NotLetIn::Refused("E-ENROL-009"));
            }
        }
        self.reissue(tx, &permit, &runner, &certificate, &wanted).await
    }

    /// That the Runner itself wants it, and not somebody who has its TLS key alone.
    fn check_statement(
        &self,
        request: &RecoverRequest,
        shown: &VerifiedRunner,
        wanted: &CertificateRequest,
        runner: &Runner,
        certificate: &RunnerCertificate,
    ) -> Result<(), NotLetIn> {
        let refused = || NotLetIn::Refused("E-ENROL-022");
        let key = p256::VerifyingKey::from_spki(&runner.keys.attestation_key).map_err(|_| refused())?;
        let statement = RecoveryStatement::open(request.statement.envelope(), &key).map_err(|_| refused())?;
        let off = (statement.at.as_millis() - self.now().as_millis()).abs();
        let right = statement.tenant == shown.name.tenant
            && statement.runner == shown.name.runner
            && statement.request_sha256 == wanted.digest()
            && statement.generation == certificate.generation
            && off <= SKEW_MS;
        if right { Ok(()) } else { Err(refused()) }
    }

    /// A certificate that was issued and never used in a session is in use once it is shown here: were it put aside for
    /// the new one, a Runner that did not get this answer would have nothing to show the next time.
    async fn reissue(
        &self,
        tx: WriteTx,
        permit: &Permit,
        runner: &Runner,
        shown: &RunnerCertificate,
        wanted: &CertificateRequest,
    ) -> Result<EnrolResponse, NotLetIn> {
        let taken_up = shown.state == CertificateState::Next;
        if taken_up {
            take_up(&tx, shown).await?;
        }
        let next = tx.certificate_in(runner.id, CertificateState::Next).await?;
        if let Some(next) = &next {
            // The same request again: the answer was lost.
            if next.request == wanted.digest() && self.now() < next.not_after {
                return Ok(EnrolResponse::Enrolled(self.enrolled(&tx, next).await?));
            }
            tx.set_certificate_state(&next.fingerprint, CertificateState::Abandoned).await?;
        }
        let newest = next.map_or(shown.generation, |next| next.generation.max(shown.generation));
        let certificate = self.issue(&tx, permit.tenant(), runner.id, wanted, newest + 1).await?;
        let enrolled = self.enrolled(&tx, &certificate).await?;
        tx.add_certificate(&certificate).await?;
        let action = Action::RunnerRecovered {
            runner: runner.id,
            generation: certificate.generation,
            certificate_sha256: certificate.fingerprint,
        };
        let activated = taken_up.then_some(Action::RunnerCertificateActivated {
            runner: runner.id,
            generation: shown.generation,
            certificate_sha256: shown.fingerprint,
        });
        let records: Vec<_> = activated.into_iter().chain([action]).map(|action| permit.record(action)).collect();
        if let [first, rest @ ..] = records.as_slice() {
            let (mut logged, _) = tx.log(first).await?;
            logged.log_all(rest).await?;
            logged.commit().await?;
        }
        Ok(EnrolResponse::Enrolled(enrolled))
    }
}

/// Makes a certificate the one in force.
async fn take_up(tx: &WriteTx, certificate: &RunnerCertificate) -> Result<(), NotLetIn> {
    if let Some(current) = tx.certificate_in(certificate.runner, CertificateState::Current).await? {
        tx.set_certificate_state(&current.fingerprint, CertificateState::Superseded).await?;
    }
    tx.set_certificate_state(&certificate.fingerprint, CertificateState::Current).await?;
    Ok(tx.set_generation(certificate.runner, certificate.generation).await?)
}
