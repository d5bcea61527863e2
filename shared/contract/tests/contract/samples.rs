//! One good message of every kind.

use contract::token::JoinToken;
use contract::version::CURRENT;
use contract::{
    Accepted, Alive, Attested, AuditCheckpoint, AuditCosignature, AuditForkSeen, AwaitingApproval, Catalogue,
    Condition, ConnectorSecret, DerCertificate, DerRequest, Digest, DrillDown, DrillDownBytes, DrillDownCancel,
    DrillDownCredit, Due, EnrolRequest, Enrolled, Envelope, Epoch, Goodbye, Hello, InstalledProcedure,
    JournalCheckpoint, JournalCosignature, JournalLine, ManifestBytes, Mark, Name, Notation, NoteText, ProcedureSource,
    Receipt, ReceiptAccepted, RecoverRequest, Refused, Renew, Renewed, Report, ReportRefused, RunProgress, RunRequest,
    RunStage, RunUnderWay, Schedule, Sealed, SealedFrame, SealedSecret, SealedStart, SecretBytes, Stop, StopReason,
    Timestamp, UnderWay, VerifierKey, Welcome,
};
use crypto::{SystemEntropy, ed25519, p256};
use ids::{RequestId, RunId};
use proof::dsse::Signer;
use proof::log::{Head, build_line};
use proof::note::{Algorithm, SignedNote};

use crate::messages::Sample;

pub(crate) fn sequence(length: u8) -> Vec<u8> {
    [vec![0x30, length], vec![5; usize::from(length)]].concat()
}

pub(crate) fn certificate(length: u8) -> DerCertificate {
    DerCertificate::new(sequence(length)).unwrap()
}

pub(crate) fn request_der(length: u8) -> DerRequest {
    DerRequest::new(sequence(length)).unwrap()
}

pub(crate) fn envelope<const MAX: usize>(payload: &[u8]) -> Envelope<MAX> {
    let key = p256::SigningKey::generate(&SystemEntropy::new());
    proof::dsse::Envelope::sign("application/json", payload, &[Signer::P256(&key)]).try_into().unwrap()
}

pub(crate) fn note(size: u64) -> NoteText {
    let key = ed25519::SigningKey::from_seed([1; 32]);
    let text = format!("proctor/a/audit\n{size}\nAAAA\n");
    NoteText::try_from(&SignedNote::sign(&text, &"proctor/a/audit".parse().unwrap(), &key).unwrap()).unwrap()
}

pub(crate) fn device_key(seed: u8) -> ed25519::VerifyingKey {
    ed25519::SigningKey::from_seed([seed; 32]).verifying_key()
}

pub(crate) fn vkey(name: &str, seed: u8) -> VerifierKey {
    let key = ed25519::SigningKey::from_seed([seed; 32]).verifying_key();
    VerifierKey::new(name.parse().unwrap(), Algorithm::Ed25519, key)
}

pub(crate) fn line(seq: u64, kind: &str) -> JournalLine {
    let head = Head { seq, prev: Digest::from_bytes([2; 32]), at: time(1) };
    JournalLine::new(build_line(&head, &serde_json::json!({"kind": kind, "run": "x"})).unwrap()).unwrap()
}

pub(crate) fn time(more: i64) -> Timestamp {
    Timestamp::from_millis(1_795_291_896_097).plus_ms(more)
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn enrolment() -> Vec<(&'static str, Vec<u8>)> {
    let token = JoinToken::generate(ids::TenantId::from_bytes([3; 16]), &SystemEntropy::new());
    let enrolled = Enrolled {
        chain: vec![certificate(9), certificate(8)],
        generation: 1,
        line_address: "proctor.example.org:8442".parse().unwrap(),
        drilldown_key: p256::SigningKey::generate(&SystemEntropy::new()).verifying_key(),
        audit_key: vkey("proctor/a/audit", 1),
        witness_key: vkey("proctor/a/witness", 2),
    };
    let enrol =
        EnrolRequest { version: CURRENT, token, certificate_request: request_der(7), statement: envelope(b"{}") };
    let recover = RecoverRequest {
        version: CURRENT,
        certificate_request: request_der(7),
        certificate: certificate(5),
        statement: envelope(b"{}"),
    };
    vec![
        enrol.entry(),
        recover.entry(),
        AwaitingApproval { retry_after_seconds: 5 }.entry(),
        enrolled.entry(),
        Refused { code: "E-OPS-001".parse().unwrap() }.entry(),
    ]
}

fn procedure() -> InstalledProcedure {
    InstalledProcedure {
        id: name("access-review"),
        version: 3,
        digest: Digest::from_bytes([4; 32]),
        title: "Wer darf was?".parse().unwrap(),
        notation: Notation::Markdown,
        source: Some(ProcedureSource::new(b"# Wer darf was?".to_vec()).unwrap()),
        approved: time(0),
        schedule: Some("0 6 * * MON-FRI".parse().unwrap()),
        time_zone: Some("Europe/Berlin".parse().unwrap()),
    }
}

fn from_runner(request: RequestId) -> Vec<(&'static str, Vec<u8>)> {
    let hello = Hello {
        version: CURRENT,
        software: "proctor-runner 0.1.0".parse().unwrap(),
        epoch: Epoch::from_bytes([5; 16]),
        generation: 1,
        journal_size: 7,
        journal_head: Digest::from_bytes([6; 32]),
        audit_size: 9,
        audit_root: Digest::from_bytes([7; 32]),
        condition: Condition::Ready,
        seal_level: name("key-file"),
        mark: Some(Mark::from_bytes([4; 16])),
        marks_before: vec![Mark::from_bytes([3; 16])],
    };
    let attested = Attested {
        manifest: ManifestBytes::new(b"{\"v\":1}\n".to_vec()).unwrap(),
        attestation: envelope(b"{\"_type\":\"x\"}"),
    };
    let due = Due { procedure: name("access-review"), next_due: time(5) };
    let progress = RunProgress {
        request: Some(request),
        run: Some(RunId::from_bytes([8; 16])),
        stage: RunStage::Ended,
        code: Some("timeout".parse().unwrap()),
    };
    let run = RunUnderWay {
        run: RunId::from_bytes([8; 16]),
        procedure: name("access-review"),
        digest: Digest::from_bytes([4; 32]),
        began: time(1),
        step: Some(name("list-people")),
        done: 1,
        steps: 3,
    };
    vec![
        hello.entry(),
        Report { seq: 8, line: line(8, "run.attested"), attested: Some(attested) }.entry(),
        JournalCheckpoint { note: note(8) }.entry(),
        AuditCosignature { note: note(9) }.entry(),
        AuditForkSeen { kept_size: 9, kept_root: Digest::ZERO, shown: note(10) }.entry(),
        Catalogue { procedures: vec![procedure()] }.entry(),
        procedure().entry(),
        Schedule { due: vec![due.clone()] }.entry(),
        due.entry(),
        progress.entry(),
        UnderWay { runs: vec![run.clone()] }.entry(),
        run.entry(),
        Renew { certificate_request: request_der(7), generation: 1 }.entry(),
        SealedStart { request, enc: [9; 32] }.entry(),
        SealedFrame { request, index: 1, ciphertext: Sealed::new(vec![1; 20]).unwrap(), last: true }.entry(),
        Receipt { request, envelope: envelope(b"{}") }.entry(),
        Alive { at: time(1), condition: Condition::Full, waiting: 4 }.entry(),
        Goodbye {}.entry(),
    ]
}

fn from_control_plane(request: RequestId) -> Vec<(&'static str, Vec<u8>)> {
    let welcome = Welcome {
        version: CURRENT,
        accepted: 8,
        accepted_head: Digest::from_bytes([6; 32]),
        window: 256,
        alive_seconds: 15,
        now: time(2),
    };
    let run = RunRequest {
        request,
        procedure: Digest::from_bytes([4; 32]),
        epoch: Epoch::from_bytes([5; 16]),
        expires: time(60_000),
        audit_seq: 11,
        audit_hash: Digest::from_bytes([1; 32]),
    };
    let proof = vec![Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32])];
    vec![
        welcome.entry(),
        Accepted { accepted: 8 }.entry(),
        ReportRefused { seq: 8, code: "E-OPS-002".parse().unwrap() }.entry(),
        run.entry(),
        DrillDown { envelope: DrillDownBytes::new(b"{}".to_vec()).unwrap(), device_key: Some(device_key(1)) }.entry(),
        DrillDownCredit { request, frames: 8 }.entry(),
        DrillDownCancel { request }.entry(),
        ReceiptAccepted { request, receipt_sha256: Digest::from_bytes([3; 32]) }.entry(),
        ConnectorSecret {
            envelope: SecretBytes::new(b"{}".to_vec()).unwrap(),
            device_key: Some(device_key(1)),
            sealed: SealedSecret::new(vec![7; 304]).unwrap(),
        }
        .entry(),
        JournalCosignature { note: note(8) }.entry(),
        AuditCheckpoint { note: note(11), from_size: 9, proof }.entry(),
        Renewed { chain: vec![certificate(9)], generation: 2 }.entry(),
        Stop { reason: StopReason::Busy, retry_after_seconds: 30 }.entry(),
    ]
}

/// Each message's name and encoding; every field of every message is set.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let request = RequestId::from_bytes([1; 16]);
    [enrolment(), from_runner(request), from_control_plane(request)].concat()
}
