//! A session begins. The certificate was verified in the handshake and is looked at again here, with what the database
//! knows of it; then the two sides compare how long the journal is.

use clock::Timestamp;
use contract::identity::RunnerName;
use contract::limits::{ALIVE_SECONDS, WINDOW};
use contract::version::{self, SECRETS_OF_SESSION, Version};
use contract::{FromControlPlane, Hello, StopReason, Welcome};
use control_plane_authority::VerifiedRunner;
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::runner::{
    CertificateState, Condition, LockReason, Presence, Runner, RunnerCertificate, Standing,
};
use control_plane_domain::tenant::TenantState;
use control_plane_store::{Reads, StoreError};
use crypto::{Digest, p256};
use ids::AlarmId;

use super::session::Shown;
use super::{LineError, Session};
use crate::sessions::{Entrance, Marks};
use crate::{Error, Operations};

/// A suspended tenant's Runners look in once an hour.
const SUSPENDED_SECONDS: u32 = 3_600;

/// The certificate of the other end, as the one verifier of certificates read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Tenant and Runner.
    pub name: RunnerName,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: Digest,
    /// The last moment at which it is valid.
    pub not_after: Timestamp,
}

impl From<&VerifiedRunner> for PeerCertificate {
    fn from(verified: &VerifiedRunner) -> Self {
        Self { name: verified.name, fingerprint: verified.fingerprint, not_after: verified.not_after }
    }
}

/// What the database says at the beginning of a session.
struct Found {
    runner: Runner,
    certificate: RunnerCertificate,
    kept: u64,
    kept_head: Digest,
    /// The hash of the record that the Runner says is its last one, where we have that record.
    head_here: Option<Digest>,
    audit: AuditSide,
}

/// How the audit log that the Runner keeps compares with ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AuditSide {
    Same,
    Differs,
}

impl Operations {
    /// Opens a session: the session, and Welcome to be sent.
    pub async fn hello(
        &self,
        peer: &PeerCertificate,
        hello: &Hello,
    ) -> Result<(Session, Vec<FromControlPlane>), LineError> {
        let version =
            version::negotiate(hello.version).map_err(|_| LineError::stop(StopReason::Version, "E-CONTRACT-001"))?;
        let now = self.now();
        if now > peer.not_after {
            return Err(LineError::stop(StopReason::Expired, "E-LINE-001"));
        }
        let found = self.find(peer, hello).await?;
        self.check_identity(peer, hello, &found).await?;
        self.check_history(peer, hello, &found, version).await?;
        let RunnerName { tenant, runner } = peer.name;
        let marks = Marks { own: hello.mark, before: &hello.marks_before };
        let id = match self.0.sessions.open(tenant, runner, marks, self.clock().monotonic_ms()) {
            Entrance::Opened(id) => id,
            Entrance::Contended => {
                self.lock_runner(tenant, runner, LockReason::TakenOver, None).await?;
                return Err(LineError::stop(StopReason::Locked, "E-LINE-005"));
            }
        };
        let begun = match self.activate(peer, &found, hello).await {
            Ok(()) => self.line_session((id, version), peer, hello, &found),
            Err(error) => Err(error),
        };
        let session = begun.inspect_err(|_| {
            // What never began is not taken over by the next one.
            self.0.sessions.close(tenant, runner, id, self.clock().monotonic_ms());
        })?;
        self.0.presences.put(tenant, runner, session.presence.clone());
        if session.version >= SECRETS_OF_SESSION {
            self.0.sessions.takes_secrets(tenant, runner, id, session.epoch);
        }
        // An older session of this Runner looks up and sees that it was replaced.
        self.nudges().nudge(tenant, runner);
        tracing::info!(%tenant, %runner, generation = session.generation, "a session was opened");
        let welcome = self.welcome(version, &found);
        Ok((session, vec![welcome]))
    }

    async fn find(&self, peer: &PeerCertificate, hello: &Hello) -> Result<Found, LineError> {
        let RunnerName { tenant, runner } = peer.name;
        let tx = match self.store().read(&policy::runner(tenant, runner)).await {
            Ok(tx) => tx,
            Err(StoreError::UnknownTenant) => return Err(LineError::stop(StopReason::Revoked, "E-LINE-002")),
            Err(error) => return Err(error.into()),
        };
        match tx.tenant_state().await? {
            Some(TenantState::Active) => {}
            Some(TenantState::Suspended) => {
                let stop = LineError::stop(StopReason::Busy, "E-LINE-007");
                return Err(LineError { retry_after_seconds: SUSPENDED_SECONDS, ..stop });
            }
            None => return Err(LineError::stop(StopReason::Revoked, "E-LINE-002")),
        }
        let unknown = || LineError::stop(StopReason::Revoked, "E-LINE-002");
        let runner = tx.runner(runner).await?.ok_or_else(unknown)?;
        let certificate = tx.certificate(&peer.fingerprint).await?;
        let certificate = certificate.filter(|certificate| certificate.runner == runner.id).ok_or_else(unknown)?;
        let journal = tx.journal(runner.id).await?;
        let (kept, kept_head) = (journal.chain().size(), journal.chain().prev());
        let head_here = match hello.journal_size {
            0 => Some(Digest::ZERO),
            size if size > kept => None,
            size if size == kept => Some(kept_head),
            size => tx.journal_line(runner.id, size - 1).await?.map(|line| crypto::digest::sha256(line.as_bytes())),
        };
        let audit = audit_side(&tx, hello).await?;
        Ok(Found { runner, certificate, kept, kept_head, head_here, audit })
    }

    /// Standing and generation: a certificate that was replaced has no second life.
    async fn check_identity(&self, peer: &PeerCertificate, hello: &Hello, found: &Found) -> Result<(), LineError> {
        match found.runner.state.standing() {
            Standing::Active => {}
            Standing::Locked => return Err(LineError::stop(StopReason::Locked, "E-LINE-004")),
            Standing::Pending | Standing::Revoked => return Err(LineError::stop(StopReason::Revoked, "E-LINE-003")),
        }
        match found.certificate.state {
            CertificateState::Next | CertificateState::Current => {}
            CertificateState::Superseded | CertificateState::Abandoned => {
                let RunnerName { tenant, runner } = peer.name;
                self.lock_runner(tenant, runner, LockReason::GenerationReused, None).await?;
                return Err(LineError::stop(StopReason::Locked, "E-LINE-006"));
            }
        }
        if hello.generation == found.certificate.generation { Ok(()) } else { Err(LineError::protocol("E-LINE-011")) }
    }

    /// The journal that the Runner has continues what was accepted, or the Runner is locked. Welcome goes out before the
    /// end, so that the Runner sees by itself that its store was put back.
    async fn check_history(
        &self,
        peer: &PeerCertificate,
        hello: &Hello,
        found: &Found,
        version: Version,
    ) -> Result<(), LineError> {
        let same_head = found.head_here.is_none_or(|here| here == hello.journal_head);
        let reason = match (same_head, hello.journal_size < found.kept) {
            (true, false) => return Ok(()),
            (true, true) => LockReason::JournalRolledBack,
            (false, _) => LockReason::JournalForked,
        };
        let evidence = format!(
            "{{\"kept\":{{\"size\":{},\"head\":\"{}\"}},\"shown\":{{\"size\":{},\"head\":\"{}\"}}}}",
            found.kept, found.kept_head, hello.journal_size, hello.journal_head
        );
        let RunnerName { tenant, runner } = peer.name;
        self.lock_runner(tenant, runner, reason, Some(evidence.into_bytes())).await?;
        let before = vec![self.welcome(version, found)];
        Err(LineError { before, ..LineError::stop(StopReason::Locked, "E-LINE-008") })
    }

    /// The first session of a certificate ends the life of those before it.
    async fn activate(&self, peer: &PeerCertificate, found: &Found, hello: &Hello) -> Result<(), LineError> {
        self.activate_certificate(peer, found).await?;
        if found.audit == AuditSide::Differs {
            self.alarm_audit_differs(peer, hello).await?;
        }
        Ok(())
    }

    async fn activate_certificate(&self, peer: &PeerCertificate, found: &Found) -> Result<(), LineError> {
        if found.certificate.state == CertificateState::Current {
            return Ok(());
        }
        let RunnerName { tenant, runner } = peer.name;
        let permit = policy::runner(tenant, runner);
        let tx = self.store().write(&permit).await?;
        // Looked at again where nobody else can change it: another session may have been first.
        let certificate = tx.certificate(&peer.fingerprint).await?;
        match certificate.map(|certificate| certificate.state) {
            Some(CertificateState::Next) => {}
            Some(CertificateState::Current) => return Ok(()),
            Some(CertificateState::Superseded | CertificateState::Abandoned) | None => {
                drop(tx);
                self.lock_runner(tenant, runner, LockReason::GenerationReused, None).await?;
                return Err(LineError::stop(StopReason::Locked, "E-LINE-006"));
            }
        }
        if let Some(current) = tx.certificate_in(runner, CertificateState::Current).await? {
            tx.set_certificate_state(&current.fingerprint, CertificateState::Superseded).await?;
        }
        tx.set_certificate_state(&peer.fingerprint, CertificateState::Current).await?;
        let generation = found.certificate.generation;
        tx.set_generation(runner, generation).await?;
        let action = Action::RunnerCertificateActivated { runner, generation, certificate_sha256: peer.fingerprint };
        tx.commit(&permit.record(action)).await?;
        Ok(())
    }

    /// The Runner keeps an audit log that is not ours: this database was put back, or somebody wrote in it. The Runner will
    /// see it too, when it is shown the next checkpoint; here an administrator hears of it.
    async fn alarm_audit_differs(&self, peer: &PeerCertificate, hello: &Hello) -> Result<(), LineError> {
        let RunnerName { tenant, runner } = peer.name;
        let permit = policy::system(tenant, Permission::Upkeep).map_err(Error::from)?;
        let (ms, random) = self.fresh();
        let kept = format!("{{\"size\":{},\"root\":\"{}\"}}", hello.audit_size, hello.audit_root);
        let alarm = Alarm {
            id: AlarmId::from_parts(ms, random),
            kind: AlarmKind::AuditForkSeen,
            runner: Some(runner),
            subject: None,
            opened: self.now(),
            evidence: Some(kept.into_bytes()),
            acknowledged: None,
        };
        let tx = self.store().write(&permit).await?;
        if tx.raise_alarm(&alarm).await? {
            let Alarm { id, kind, runner, subject, .. } = alarm;
            tx.commit(&permit.record(Action::AlarmRaised { alarm: id, kind, runner, subject })).await?;
        }
        Ok(())
    }

    fn line_session(
        &self,
        (id, version): (u64, Version),
        peer: &PeerCertificate,
        hello: &Hello,
        found: &Found,
    ) -> Result<Session, LineError> {
        let damaged = || LineError::stop(StopReason::Busy, "E-LINE-009");
        let keys = &found.runner.keys;
        Ok(Session {
            id,
            name: peer.name,
            certificate: peer.fingerprint,
            certificate_key: found.certificate.key,
            generation: found.certificate.generation,
            version,
            not_after: peer.not_after,
            epoch: hello.epoch,
            attestation_key: p256::VerifyingKey::from_spki(&keys.attestation_key).map_err(|_| damaged())?,
            journal_key: keys.journal_key.parse().map_err(|_| damaged())?,
            witness_key: keys.witness_key.parse().map_err(|_| damaged())?,
            presence: Presence {
                last_seen: Some(self.now()),
                connected: true,
                condition: Some(condition(hello.condition)),
                software: hello.software.clone(),
                seal_level: Some(hello.seal_level.clone()),
                waiting: hello.journal_size.saturating_sub(found.kept),
            },
            refused_from: None,
            checkpoint_ahead: None,
            sent_runs: std::collections::BTreeSet::new(),
            sent_drilldowns: std::collections::BTreeSet::new(),
            sent_secrets: std::collections::BTreeSet::new(),
            secrets_to_mark: Vec::new(),
            to_mark: Vec::new(),
            audit: Shown {
                kept: hello.audit_size,
                under_way: None,
                at_ms: None,
                forked: hello.condition == contract::Condition::ForkSeen,
            },
            looked_at: None,
            look_again: None,
        })
    }

    fn welcome(&self, version: Version, found: &Found) -> FromControlPlane {
        FromControlPlane::Welcome(Welcome {
            version,
            accepted: found.kept,
            accepted_head: found.kept_head,
            window: WINDOW,
            alive_seconds: ALIVE_SECONDS,
            now: self.now(),
        })
    }
}

async fn audit_side(reads: &Reads, hello: &Hello) -> Result<AuditSide, LineError> {
    if hello.audit_size == 0 {
        return Ok(AuditSide::Same);
    }
    let ours = reads.audit_root(hello.audit_size).await?;
    Ok(if ours == Some(hello.audit_root) { AuditSide::Same } else { AuditSide::Differs })
}

/// The line's word as the record's.
pub(super) fn condition(word: contract::Condition) -> Condition {
    match word {
        contract::Condition::Ready => Condition::Ready,
        contract::Condition::Full => Condition::Full,
        contract::Condition::Rollback => Condition::Rollback,
        contract::Condition::ForkSeen => Condition::ForkSeen,
    }
}
