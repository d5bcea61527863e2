//! Runners for the samples of pages and for tests.

use clock::Timestamp;
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit_log::AuditCosignature;
use control_plane_domain::journal::JournalCheckpoint;
use control_plane_domain::procedure::{InstalledProcedure, MissedDue, ScheduleDue};
use control_plane_domain::runner::{
    CertificateState, Condition, LockReason, Presence, Runner, RunnerCertificate, RunnerKeys, RunnerState,
};
use control_plane_operations::console::RunnerPage;
use crypto::Digest;
use ids::{AlarmId, RunnerId, TokenId};

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000)
}

/// One that is well.
pub(crate) fn runner() -> Runner {
    Runner {
        id: RunnerId::from_parts(1_795_000_000_000, [1; 10]),
        label: "warehouse".parse().unwrap(),
        token: TokenId::from_parts(1_795_000_000_000, [2; 10]),
        enrolled: now().plus_ms(-86_400_000),
        state: RunnerState::Active { since: now().plus_ms(-86_000_000) },
        keys: RunnerKeys {
            fingerprint: Digest::from_bytes([5; 32]),
            statement: b"{}".to_vec(),
            tls_key: Digest::from_bytes([6; 32]),
            attestation_key: vec![1; 91],
            journal_key: "proctor/journal+01020304+AAAA".to_owned(),
            witness_key: "proctor/witness+01020304+AAAA".to_owned(),
            sealing_key: [7; 32],
        },
        generation: 3,
        presence: Presence {
            last_seen: Some(now().plus_ms(-4_000)),
            connected: true,
            condition: Some(Condition::Ready),
            software: "proctor-runner 0.1.0".parse().unwrap(),
            seal_level: Some("systemd-credential".parse().unwrap()),
            waiting: 0,
        },
        overdue_since: None,
    }
}

/// One of each standing and condition.
pub(crate) fn of_every_kind() -> Vec<Runner> {
    let away = Presence { connected: false, waiting: 12, ..runner().presence };
    let full = Presence { condition: Some(Condition::Full), ..runner().presence };
    let new = Presence { last_seen: None, connected: false, condition: None, seal_level: None, ..runner().presence };
    let since = now().plus_ms(-3_600_000);
    vec![
        runner(),
        Runner { overdue_since: Some(since), ..runner() },
        Runner { presence: full, ..runner() },
        Runner { presence: away, ..runner() },
        Runner { state: RunnerState::Pending, generation: 0, presence: new, ..runner() },
        Runner { state: RunnerState::Locked { since, reason: LockReason::JournalForked }, ..runner() },
        Runner { state: RunnerState::Revoked { since }, ..runner() },
    ]
}

/// One whose operator means no good.
pub(crate) fn hostile() -> Runner {
    let software = "<script>alert(1)</script>' onload=x".parse().unwrap();
    Runner {
        label: crate::console::sample::hostile_text(),
        presence: Presence { software, ..runner().presence },
        ..runner()
    }
}

/// A Runner of which nothing is known yet.
pub(crate) fn empty(runner: Runner) -> RunnerPage {
    RunnerPage {
        runner,
        connected_since: None,
        certificate: None,
        next_certificate: None,
        journal_size: 0,
        journal_checkpoint: None,
        audit_kept: None,
        procedures: Vec::new(),
        more_procedures: false,
        schedule: Vec::new(),
        missed: Vec::new(),
        open_alarms: None,
    }
}

/// A Runner of which everything is known.
pub(crate) fn full(runner: Runner) -> RunnerPage {
    let (id, root) = (runner.id, Digest::from_bytes([8; 32]));
    let certificate = |generation, state| RunnerCertificate {
        runner: id,
        generation,
        fingerprint: Digest::from_bytes([9; 32]),
        serial: [1; 16],
        key: Digest::ZERO,
        request: Digest::ZERO,
        chain: Vec::new(),
        not_before: now(),
        not_after: now().plus_ms(86_400_000),
        state,
    };
    let note = || "a note\n".to_owned();
    let procedure = || "access-review".parse().unwrap();
    RunnerPage {
        connected_since: Some(now().plus_ms(-7_200_000)),
        certificate: Some(certificate(3, CertificateState::Current)),
        next_certificate: Some(certificate(4, CertificateState::Next)),
        journal_size: 41,
        journal_checkpoint: Some(JournalCheckpoint { runner: id, size: 41, root, note: note(), at: now() }),
        audit_kept: Some(AuditCosignature { runner: id, size: 90, root, note: note(), at: now() }),
        more_procedures: true,
        procedures: vec![InstalledProcedure {
            runner: id,
            id: procedure(),
            version: 2,
            digest: Digest::from_bytes([4; 32]),
            title: crate::console::sample::hostile_text(),
            notation: "yaml".parse().unwrap(),
            approved: now(),
            schedule: Some("0 6 * * 1".parse().unwrap()),
            time_zone: Some("Europe/Berlin".parse().unwrap()),
            has_source: true,
            reported: now(),
        }],
        schedule: vec![ScheduleDue {
            runner: id,
            procedure: procedure(),
            next_due: now().plus_ms(3_600_000),
            reported: now(),
            overdue_since: Some(now()),
        }],
        missed: vec![MissedDue {
            runner: id,
            procedure: procedure(),
            due: now(),
            reason: "stopped".parse().unwrap(),
            seq: 12,
        }],
        open_alarms: Some(vec![Alarm {
            id: AlarmId::from_parts(1, [3; 10]),
            kind: AlarmKind::Overdue,
            runner: Some(id),
            subject: Some(procedure()),
            opened: now(),
            evidence: None,
            acknowledged: None,
        }]),
        runner,
    }
}
