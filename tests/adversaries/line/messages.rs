//! Messages that no control plane may send: each ends the session, and nothing that they say takes effect.

use contract::{
    Accepted, Digest, FromControlPlane, FromRunner, JournalCosignature, NoteText, ReceiptAccepted, Welcome,
};
use proof::checkpoint::{Checkpoint, journal_origin};
use proof::cosignature::Witness;
use proof::log::witness::cosign;
use proto::from_control_plane::Message;
use serde_json::Value;
use tests::until;

use super::next;
use crate::evil::{Scene, Table, new_request, now};

/// What a Welcome says instead of what is so.
type Claim = fn(&Welcome) -> Welcome;

/// What each attempt is, and what is said after the Welcome.
type Said = (&'static str, Vec<Message>);

#[test]
fn what_no_control_plane_may_say_ends_the_session_and_changes_nothing() {
    let mut scene = Scene::new();
    let mut table = Table::new("Messages that no control plane may send");
    let mut session = scene.session();
    let own = scene.evil.keys.issuing.certificate_der().to_vec();
    let attempts = broken(session.hello.journal_size, &own);
    let kept = standing(&scene);
    for (tried, messages) in attempts {
        let before = scene.line.runner_log().len();
        for message in messages {
            session.say_raw(proto::FromControlPlane { message: Some(message) });
        }
        session.until_it_hangs_up();
        until(tried, || scene.line.runner_log().get(before..).unwrap().contains("E-LINK-022").then_some(()));
        assert_eq!(standing(&scene), kept, "{tried}");
        table.row(tried, "E-LINK-022", "log");
        session = next(&mut scene, session);
    }
    // Another code: the transport itself refuses these.
    for (tried, message) in oversized() {
        let before = scene.line.runner_log().len();
        session.say_raw(proto::FromControlPlane { message: Some(message) });
        session.until_it_hangs_up();
        until(tried, || scene.line.runner_log().get(before..).unwrap().contains("E-LINK-024").then_some(()));
        table.row(tried, "E-LINK-024", "log");
        session = next(&mut scene, session);
    }
    assert_eq!(standing(&scene), kept);
    scene.nothing_came_out();
    table.print();
}

/// What must not change: how much the control plane is known to have, what is installed, who may read.
fn standing(scene: &Scene) -> (u64, String, String) {
    let status = scene.line.runner.json(&["status"]);
    assert_eq!(status["store"]["condition"], "ready", "{status:#}");
    (
        status["store"]["accepted"].as_u64().unwrap(),
        scene.line.runner.json(&["procedures", "list"]).to_string(),
        scene.line.runner.json(&["readers", "list"])["readers"].to_string(),
    )
}

fn broken(size: u64, authority: &[u8]) -> Vec<Said> {
    let welcome = || proto::Welcome {
        version: Some(proto::Version { major: 1, minor: 2 }),
        accepted: 0,
        accepted_head: vec![0; 32],
        window: 16,
        alive_seconds: 5,
        now_ms: now().as_millis(),
    };
    let run = || proto::RunRequest {
        request: new_request().to_string(),
        procedure: vec![1; 32],
        epoch: vec![2; 16],
        expires_ms: now().as_millis(),
        audit_seq: 1,
        audit_hash: vec![3; 32],
    };
    let accepted = |accepted| Message::Accepted(proto::Accepted { accepted });
    let credit = |request: String, frames| Message::DrillDownCredit(proto::DrillDownCredit { request, frames });
    let id = || new_request().to_string();
    let renewed = |chain, generation| Message::Renewed(proto::Renewed { chain, generation });
    vec![
        ("a second Welcome", vec![Message::Welcome(welcome())]),
        ("acknowledges one record more than there is", vec![accepted(size + 1_000)]),
        ("acknowledges 2^64 - 1 records", vec![accepted(u64::MAX)]),
        ("takes an acknowledgement back", vec![accepted(0)]),
        ("refuses a record that is not under way", {
            vec![Message::ReportRefused(proto::ReportRefused { seq: 0, code: "E-REPORT-001".into() })]
        }),
        ("refuses record 2^64 - 1", {
            vec![Message::ReportRefused(proto::ReportRefused { seq: u64::MAX, code: "E-REPORT-001".into() })]
        }),
        ("a certificate that was not asked for", vec![renewed(vec![authority.to_vec()], 2)]),
        ("a chain of 1,000 certificates", vec![renewed(vec![vec![0x30]; 1_000], 2)]),
        ("refuses a renewal that was not asked for", {
            vec![Message::RenewRefused(proto::Refused { code: "E-RENEW-001".into() })]
        }),
        ("a run request that expires before the year 0", {
            vec![Message::RunRequest(proto::RunRequest { expires_ms: i64::MIN, ..run() })]
        }),
        ("a run request with record 2^64 - 1", {
            vec![Message::RunRequest(proto::RunRequest { audit_seq: u64::MAX, ..run() })]
        }),
        ("a run request for a digest of 31 bytes", {
            vec![Message::RunRequest(proto::RunRequest { procedure: vec![1; 31], ..run() })]
        }),
        ("a run request with an id in capitals", {
            vec![Message::RunRequest(proto::RunRequest { request: id().to_uppercase(), ..run() })]
        }),
        ("credit for 2^32 - 1 frames", vec![credit(id(), u32::MAX)]),
        ("credit for no frames", vec![credit(id(), 0)]),
        ("credit for `../../etc/passwd`", vec![credit("../../etc/passwd".into(), 1)]),
        ("a checkpoint that is no note", {
            vec![Message::AuditCheckpoint(proto::AuditCheckpoint { note: "x".into(), from_size: 0, proof: vec![] })]
        }),
        ("a proof of 10,000 hashes", {
            let proof = vec![vec![0; 32]; 10_000];
            vec![Message::AuditCheckpoint(proto::AuditCheckpoint { note: "x".into(), from_size: 0, proof })]
        }),
        ("a receipt's hash of 33 bytes", {
            vec![Message::ReceiptAccepted(proto::ReceiptAccepted { request: id(), receipt_sha256: vec![0; 33] })]
        }),
        ("a stop without a reason", vec![Message::Stop(proto::Stop { reason: 0, retry_after_seconds: 0 })]),
        ("a stop for reason 99", vec![Message::Stop(proto::Stop { reason: 99, retry_after_seconds: 0 })]),
    ]
}

fn oversized() -> Vec<(&'static str, Message)> {
    vec![
        ("a message of 2 MiB", {
            Message::DrillDown(proto::DrillDown { envelope: vec![b' '; 2 * 1024 * 1024], device_key: Vec::new() })
        }),
        ("a message of 64 MiB", {
            Message::DrillDown(proto::DrillDown { envelope: vec![b' '; 64 * 1024 * 1024], device_key: Vec::new() })
        }),
    ]
}

#[test]
fn a_welcome_that_claims_what_is_not_so_stops_the_runner_from_opening_and_running() {
    let mut scene = Scene::new();
    let mut table = Table::new("Welcomes that claim what is not so");
    let claims: [(&str, Claim); 2] = [
        ("that it has more of the journal than there is", |honest| Welcome {
            accepted: honest.accepted + 7,
            ..honest.clone()
        }),
        ("that it has another journal of the same length", |honest| Welcome {
            accepted_head: Digest::from_slice(&[9; 32]).unwrap(),
            ..honest.clone()
        }),
    ];
    for (tried, claim) in claims {
        let mut session = scene.evil.session();
        session.say(FromControlPlane::Welcome(claim(&session.honest_welcome())));
        session.until("that the Runner is in ROLLBACK", |message| match message {
            FromRunner::Alive(alive) => (alive.condition == contract::Condition::Rollback).then_some(()),
            _ => None,
        });
        let status = scene.line.runner.json(&["status"]);
        assert_eq!(status["store"]["condition"], "rollback", "{status:#}");
        // Nothing is opened and nothing runs, also not for an honest request.
        let runs = scene.runs();
        let forged = scene.changed(&session, |_| {});
        crate::evil::send(&mut session, &forged);
        scene.no_answer_but(&mut session, &[]);
        scene.log_says("E-DRILL-030");
        assert_eq!(scene.runs(), runs);
        assert!(scene.records("evidence.opened").is_empty());
        table.row(tried, "E-DRILL-030", "status, log; the store is not written to");
        let _ = scene.line.runner.run(&["journal", "acknowledge", "--reason", "the control plane lied"]).with_code(0);
        assert!(scene.records("gap").iter().any(|gap| gap["justification"] == "the control plane lied"));
        drop(session);
        scene.line.stop_runner();
        scene.evil.forget();
        scene.line.serve_alone();
    }
    scene.nothing_came_out();
    table.print();
}

#[test]
fn a_cosignature_of_another_journal_is_not_kept() {
    let scene = Scene::new();
    let mut session = scene.session();
    let mut table = Table::new("Cosignatures of what is not this journal");
    let shown = session.until("the newest checkpoint of the journal", |message| match message {
        FromRunner::JournalCheckpoint(shown) => Some(shown.note.note()),
        _ => None,
    });
    let keys = &scene.evil.keys;
    let origin = journal_origin(scene.tenant, scene.runner);
    let forged = Checkpoint { origin, size: 3, root: Digest::from_slice(&[7; 32]).unwrap() };
    let name = proof::checkpoint::control_plane_witness(scene.tenant);
    let cosigned = |note: &proof::note::SignedNote, key: &crypto::ed25519::SigningKey| {
        let mut note = note.clone();
        cosign(&mut note, &Witness { name: &name, key }, now());
        note
    };
    let attempts = [
        (
            "another root, signed with the control plane's own key",
            cosigned(&forged.sign(&keys.audit).unwrap(), &keys.witness),
        ),
        ("the journal's checkpoint, not cosigned", shown.clone()),
        ("the journal's checkpoint, cosigned with another key", cosigned(&shown, &keys.audit)),
    ];
    for (tried, note) in attempts {
        let before = scene.line.runner_log().len();
        let note = NoteText::try_from(&note).unwrap();
        session.say(FromControlPlane::JournalCosignature(JournalCosignature { note }));
        until(tried, || scene.line.runner_log().get(before..).unwrap().contains("E-VAULT-029").then_some(()));
        table.row(tried, "E-VAULT-029", "log; not kept");
    }
    let status = scene.line.runner.json(&["status"]);
    assert_eq!(status["store"]["condition"], "ready", "{status:#}");
    table.print();
}

/// The records stay in the journal whatever is acknowledged: an acknowledgement lets the queue go, and nothing else.
#[test]
fn acknowledging_everything_hides_nothing() {
    let scene = Scene::new();
    let mut session = scene.session();
    let refused = scene.changed(&session, |request| request.purpose = proof::drilldown::Purpose::Test);
    assert_eq!(scene.refusal(&mut session, "another purpose", &refused), "E-DRILL-016");
    let invented = ReceiptAccepted { request: new_request(), receipt_sha256: Digest::from_slice(&[1; 32]).unwrap() };
    session.say(FromControlPlane::ReceiptAccepted(invented));
    let wrong = ReceiptAccepted { request: refused.request, receipt_sha256: Digest::from_slice(&[1; 32]).unwrap() };
    session.say(FromControlPlane::ReceiptAccepted(wrong));
    let records = scene.records("evidence.refused");
    assert!(records.iter().any(|record| record["request"] == refused.request.to_string()), "{records:#?}");
    let journal: Vec<Value> = scene.journal();
    assert!(journal.iter().enumerate().all(|(at, record)| record["seq"] == at));
    scene.nothing_came_out();
}

#[test]
fn endless_messages_cost_the_runner_no_memory() {
    let mut scene = Scene::new();
    let session = scene.session();
    let before = scene.line.service().resident_kib();
    let size = session.hello.journal_size;
    for _ in 0..60_000 {
        let alive = session.say_raw(FromControlPlane::Accepted(Accepted { accepted: size }).into());
        assert!(alive, "what repeats itself is no fault:\n{}", scene.line.runner_log());
    }
    for _ in 0..60_000 {
        let credit = contract::DrillDownCredit { request: new_request(), frames: 1024 };
        assert!(session.say_raw(FromControlPlane::DrillDownCredit(credit).into()));
        let cancel = contract::DrillDownCancel { request: new_request() };
        assert!(session.say_raw(FromControlPlane::DrillDownCancel(cancel).into()));
    }
    let grown = scene.line.service().resident_kib().saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB");
    let mut table = Table::new("Endless messages");
    table.row("180,000 messages that mean nothing", "none", "memory of the Runner grew by less than 32 MiB");
    table.print();
    drop(session);
}
