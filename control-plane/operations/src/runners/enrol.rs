//! A Runner asks to be let in.
//!
//! Idempotent for a pair of token and keys: the same request gets the same answer, before and after approval and also
//! when the token's time is over, so that a lost answer strands nobody. Other keys with a used token are refused. Writers
//! of one tenant come one after the other, so of many that redeem one token at once exactly one is first.

use std::net::IpAddr;

use clock::Timestamp;
use contract::enrolment::{Fingerprint, KeyStatement};
use contract::{AwaitingApproval, EnrolRequest, EnrolResponse, Enrolled};
use control_plane_authn::throttle::network_of;
use control_plane_authority::CertificateRequest;
use control_plane_domain::audit::Action;
use control_plane_domain::join_token::{JoinToken, Redemption, TokenRefusal};
use control_plane_domain::policy::{self, Permission, Permit};
use control_plane_domain::runner::{
    CertificateState, Presence, Runner, RunnerCertificate, RunnerKeys, RunnerState, Standing,
};
use control_plane_domain::tenant::TenantState;
use control_plane_store::{Reads, WriteTx};
use ids::TenantId;
use proof::text::FreeText;

use super::NotLetIn;
use crate::{Error, Operations};

/// How soon a Runner that waits for approval asks again.
const ASK_AGAIN_SECONDS: u32 = 5;

/// What a request shows once its parts were checked against one another.
struct Applicant {
    statement: KeyStatement,
    fingerprint: Fingerprint,
    envelope: Vec<u8>,
    request: CertificateRequest,
}

impl Operations {
    /// Lets a Runner in, or says that an administrator has to look first, or refuses with a code.
    pub async fn enrol(&self, request: &EnrolRequest, address: IpAddr) -> EnrolResponse {
        match self.try_enrol(request, address).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn try_enrol(&self, request: &EnrolRequest, address: IpAddr) -> Result<EnrolResponse, NotLetIn> {
        let now = self.now();
        let network = network_of(address);
        self.0.wrong_tokens.attempt(&network, now)?;
        let tenant = request.token.tenant;
        let applicant = Applicant::read(request)?;
        let permit = policy::system(tenant, Permission::Enrol)?;
        let tx = self.store().write(&permit).await?;
        if tx.tenant_state().await? != Some(TenantState::Active) {
            return Err(NotLetIn::Refused("E-ENROL-001"));
        }
        let token = tx.join_token_by_digest(&request.token.digest()).await?;
        let token = token.ok_or(NotLetIn::Refused("E-ENROL-001"))?;
        let redemption = token.redeem(&applicant.fingerprint.digest(), now).map_err(|refusal| match refusal {
            TokenRefusal::Used => NotLetIn::Refused("E-ENROL-002"),
            TokenRefusal::Expired => NotLetIn::Refused("E-ENROL-003"),
            TokenRefusal::Revoked => NotLetIn::Refused("E-ENROL-004"),
        })?;
        // From here on it is known that the token was right.
        self.0.wrong_tokens.succeeded(&network);
        match redemption {
            Redemption::First => self.apply(tx, &permit, &token, &applicant, now).await,
            Redemption::Again(runner) => {
                let runner = tx.runner(runner).await?.ok_or(NotLetIn::Refused("E-ENROL-001"))?;
                self.answer_again(tx, &permit, &runner, &applicant, now).await
            }
        }
    }

    /// The first use of a token: the Runner is known from here on, and waits.
    async fn apply(
        &self,
        tx: WriteTx,
        permit: &Permit,
        token: &JoinToken,
        applicant: &Applicant,
        now: Timestamp,
    ) -> Result<EnrolResponse, NotLetIn> {
        let runner = applicant.runner(token, now);
        match tx.runner(runner.id).await? {
            None => tx.add_runner(&runner).await?,
            Some(known) if comes_again(&known, &runner) => tx.reenrol_runner(&runner).await?,
            Some(_) => return Err(NotLetIn::Refused("E-ENROL-007")),
        }
        let statement_sha256 = applicant.fingerprint.digest();
        tx.use_join_token(token.id, &statement_sha256, runner.id, now).await?;
        let action = Action::TokenRedeemed { token: token.id, runner: runner.id, statement_sha256 };
        tx.commit(&permit.record(action)).await?;
        Ok(waiting())
    }

    /// The same keys ask again.
    async fn answer_again(
        &self,
        tx: WriteTx,
        permit: &Permit,
        runner: &Runner,
        applicant: &Applicant,
        now: Timestamp,
    ) -> Result<EnrolResponse, NotLetIn> {
        match runner.state.standing() {
            Standing::Pending => return Ok(waiting()),
            Standing::Revoked => return Err(NotLetIn::Refused("E-ENROL-008")),
            Standing::Locked => return Err(NotLetIn::Refused("E-ENROL-009")),
            Standing::Active => {}
        }
        let first = match tx.certificate_in(runner.id, CertificateState::Next).await? {
            None => tx.certificate_in(runner.id, CertificateState::Current).await?,
            next => next,
        };
        if let Some(first) = first {
            // Its answer was lost. A Runner that has renewed since, or whose certificate has expired, recovers instead.
            let again = first.key == applicant.request.key_digest() && now < first.not_after;
            if !again {
                return Err(NotLetIn::Refused("E-ENROL-010"));
            }
            return Ok(EnrolResponse::Enrolled(self.enrolled(&tx, &first).await?));
        }
        let generation = runner.generation + 1;
        let certificate = self.issue(&tx, permit.tenant(), runner.id, &applicant.request, generation).await?;
        let enrolled = self.enrolled(&tx, &certificate).await?;
        tx.add_certificate(&certificate).await?;
        let runner = runner.id;
        let action = Action::RunnerEnrolled { runner, generation, certificate_sha256: certificate.fingerprint };
        tx.commit(&permit.record(action)).await?;
        Ok(EnrolResponse::Enrolled(enrolled))
    }

    /// Everything that a Runner needs to dial the line with a certificate.
    pub(super) async fn enrolled(&self, reads: &Reads, certificate: &RunnerCertificate) -> Result<Enrolled, Error> {
        let pinned = self.pinned_keys(reads).await?;
        Ok(Enrolled {
            chain: super::certificate::chain(certificate)?,
            generation: certificate.generation,
            line_address: self.settings().line_address.clone(),
            drilldown_key: pinned.drilldown,
            audit_key: pinned.audit,
            witness_key: pinned.witness,
        })
    }
}

impl Applicant {
    /// The statement is signed by the key that it names, is for the tenant of the token, and names the key of the
    /// certificate request, whose own signature shows that the Runner has it.
    fn read(request: &EnrolRequest) -> Result<Self, NotLetIn> {
        let envelope = request.statement.envelope();
        let (statement, fingerprint) = KeyStatement::open(envelope).map_err(|_| NotLetIn::Refused("E-ENROL-005"))?;
        if statement.tenant != request.token.tenant || statement.tenant == TenantId::NIL {
            return Err(NotLetIn::Refused("E-ENROL-005"));
        }
        let parsed = CertificateRequest::parse(request.certificate_request.as_bytes());
        let parsed = parsed.map_err(|_| NotLetIn::Refused("E-ENROL-006"))?;
        if parsed.key_digest() != statement.tls_key {
            return Err(NotLetIn::Refused("E-ENROL-006"));
        }
        Ok(Self { statement, fingerprint, envelope: request.statement.as_bytes().to_vec(), request: parsed })
    }

    fn runner(&self, token: &JoinToken, now: Timestamp) -> Runner {
        let statement = &self.statement;
        let label: FreeText = token.label.clone();
        Runner {
            id: statement.runner,
            label,
            token: token.id,
            enrolled: now,
            state: RunnerState::Pending,
            keys: RunnerKeys {
                fingerprint: self.fingerprint.digest(),
                statement: self.envelope.clone(),
                tls_key: statement.tls_key,
                attestation_key: statement.attestation_key.to_spki(),
                journal_key: statement.journal_key.to_string(),
                witness_key: statement.witness_key.to_string(),
                sealing_key: statement.sealing_key,
            },
            generation: 0,
            presence: Presence {
                last_seen: None,
                connected: false,
                condition: None,
                software: statement.software.clone(),
                seal_level: None,
                waiting: 0,
            },
            overdue_since: None,
        }
    }
}

/// Whether it is the Runner that was kept out, with a new TLS key: what was copied of the old one is worth nothing then.
/// The keys under which its runs and its journal are known stay the same ones, or somebody else takes its place under its
/// id. An administrator made the token and compares the fingerprint anew.
fn comes_again(known: &Runner, asks: &Runner) -> bool {
    let (kept, shown) = (&known.keys, &asks.keys);
    let is_kept_out = matches!(known.state.standing(), Standing::Locked | Standing::Revoked);
    let is_the_same = kept.attestation_key == shown.attestation_key
        && kept.journal_key == shown.journal_key
        && kept.witness_key == shown.witness_key;
    is_kept_out && is_the_same && kept.tls_key != shown.tls_key
}

fn waiting() -> EnrolResponse {
    EnrolResponse::AwaitingApproval(AwaitingApproval { retry_after_seconds: ASK_AGAIN_SECONDS })
}
