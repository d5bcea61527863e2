//! The Runner executes what its own operator installed, in the version that is installed, once per request.

use contract::{Digest, Epoch, FromControlPlane, FromRunner, RunRequest, RunStage};
use crypto::digest::sha256;
use ids::RequestId;
use tests::{text, until};

use crate::evil::{Scene, Session, Table, new_request, now};

const COUNTED: &str = r#"schema: procedure/v1
id: counted
version: VERSION
title: A procedure in several versions
purpose: Is installed, replaced and withdrawn.
owner: linux-operations
steps:
  - id: read
    title: Read a file
    use: file
    with: { path: DIR/internal, content: text }
    evidence: { class: internal }
facts:
  size: size(steps.read.content)
checks:
  - id: there_is_something
    title: There is something
    assert: facts.size > 0
    severity: low
"#;

#[test]
fn only_what_is_installed_is_executed_and_each_request_once() {
    let mut scene = Scene::new();
    let mut table = Table::new("Runs of what is not installed");
    let older = install(&scene, "1");
    let withdrawn = install(&scene, "2");
    let _ = scene.line.runner.run(&["procedures", "remove", "counted"]).with_code(0);
    let installed = digest(&scene, "evidence");
    let mut session = scene.session();
    let before = scene.runs();
    let mut changed = *installed.as_bytes();
    changed[31] ^= 1;
    let code = "E-RUN-040";
    let attempts = [
        ("a procedure that never was", sha256(b"id: backdoor")),
        ("an installed procedure, one bit changed", Digest::from_slice(&changed).unwrap()),
        ("the digest of nothing", Digest::from_slice(&[0; 32]).unwrap()),
        ("the older version of a procedure", older),
        ("a procedure that was withdrawn", withdrawn),
    ];
    for (tried, procedure) in attempts {
        let asked = ask(&session, procedure);
        assert_eq!(refused(&mut session, &asked), code, "{tried}");
        scene.log_says(&asked.request.to_string());
        table.row(tried, code, "store, log");
    }
    let other_epoch = Epoch::from_bytes([7; 16]);
    let asked = RunRequest { epoch: other_epoch, ..ask(&session, installed) };
    assert_eq!(refused(&mut session, &asked), "E-LINK-040");
    table.row("an installed procedure, asked over another stream", "E-LINK-040", "answer");
    for (tried, expires) in
        [("one that expired a second ago", -1_000), ("one that expired a year ago", -31_536_000_000)]
    {
        let asked = RunRequest { expires: now().plus_ms(expires), ..ask(&session, installed) };
        assert_eq!(refused(&mut session, &asked), "E-LINK-041");
        table.row(tried, "E-LINK-041", "answer");
    }
    assert_eq!(scene.runs(), before);

    // An honest request is executed, and never again: over this stream, a new one, or after a restart.
    let honest = ask(&session, installed);
    session.say(FromControlPlane::RunRequest(honest.clone()));
    ended(&mut session, honest.request);
    for _ in 0..3 {
        session.say(FromControlPlane::RunRequest(honest.clone()));
    }
    settle(&scene, &mut session, installed);
    drop(session);
    session = scene.session();
    let again = RunRequest { epoch: session.hello.epoch, ..honest.clone() };
    session.say(FromControlPlane::RunRequest(again));
    settle(&scene, &mut session, installed);
    session = scene.session_after_restart();
    let again = RunRequest { epoch: session.hello.epoch, ..honest };
    session.say(FromControlPlane::RunRequest(again));
    settle(&scene, &mut session, installed);
    // One for the honest request, and one for each of the three that settled.
    assert_eq!(scene.runs(), before + 4);
    table.row("the same request again, five times, three streams", "none", "one run");
    scene.nothing_came_out();
    table.print();
}

#[test]
fn a_flood_of_run_requests_is_bounded() {
    let scene = Scene::new();
    let mut session = scene.session();
    let installed = digest(&scene, "evidence");
    for _ in 0..400 {
        session.say(FromControlPlane::RunRequest(ask(&session, installed)));
    }
    let busy = session.until("that too many wait", |message| match message {
        FromRunner::RunProgress(progress) if progress.stage == RunStage::Refused => progress.code.clone(),
        _ => None,
    });
    assert_eq!(busy.to_string(), "E-RUN-044");
    let mut table = Table::new("Floods of run requests");
    table.row("400 requests at once", "E-RUN-044", "store, log");
    table.print();
}

/// Installs this version; its digest.
fn install(scene: &Scene, version: &str) -> Digest {
    scene.line.install("counted.yaml", &COUNTED.replace("VERSION", version));
    digest(scene, "counted")
}

fn digest(scene: &Scene, id: &str) -> Digest {
    let listed = scene.line.runner.json(&["procedures", "list"]);
    let newest = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["procedure"] == id)
        .max_by_key(|one| one["version"].as_u64());
    let found = newest.unwrap_or_else(|| panic!("{id} is not in {listed:#}"));
    text(found, "/sha256").parse().unwrap()
}

fn ask(session: &Session, procedure: Digest) -> RunRequest {
    RunRequest {
        request: new_request(),
        procedure,
        epoch: session.hello.epoch,
        expires: now().plus_ms(60_000),
        audit_seq: 3,
        audit_hash: sha256(b"a record"),
    }
}

/// Asks, and hears the code of the refusal.
#[track_caller]
fn refused(session: &mut Session, asked: &RunRequest) -> String {
    session.say(FromControlPlane::RunRequest(asked.clone()));
    session.until("a refusal", |message| match message {
        FromRunner::RunProgress(progress) if progress.request == Some(asked.request) => {
            assert_eq!(progress.stage, RunStage::Refused, "{progress:?}");
            Some(progress.code.as_ref().unwrap().to_string())
        }
        _ => None,
    })
}

#[track_caller]
fn ended(session: &mut Session, request: RequestId) {
    session.until("the end of the run", |message| match message {
        FromRunner::RunProgress(progress) if progress.request == Some(request) => {
            (progress.stage == RunStage::Ended).then_some(())
        }
        _ => None,
    });
}

/// Has another run made: what was asked before it was decided before it.
fn settle(scene: &Scene, session: &mut Session, installed: Digest) {
    let last = ask(session, installed);
    session.say(FromControlPlane::RunRequest(last.clone()));
    ended(session, last.request);
    until("nothing is executed any more", || {
        let status = scene.line.runner.json(&["status"]);
        assert_eq!(text(&status, "/service/state"), "running");
        (status["service"]["executing"] == 0).then_some(())
    });
}
