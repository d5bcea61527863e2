//! A sealed answer on its way through: asked for, signed, streamed at the reader's pace, cut off when the reader leaves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::version::CURRENT;
use contract::{Condition, Epoch, FromControlPlane, FromRunner, Hello, Sealed, SealedFrame, SealedStart};
use control_plane_domain::policy::{self, Permission};
use control_plane_domain::runner::{CertificateState, RunnerCertificate};
use control_plane_operations::{PeerCertificate, Session};
use control_plane_store::Unlogged;
use crypto::{Digest, ed25519};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use ids::RequestId;
use proof::drilldown::PendingRequest;
use proof::drilldown::octets::{Part, Splitter};
use serde_json::{Value, json};

use super::harness::{CLIENT, Fixture, fixture, fixture_with, generous};
use crate::Limits;

const EPOCH: Epoch = Epoch::from_bytes([3; 16]);
const CERTIFICATE: Digest = Digest::from_bytes([9; 32]);

/// The Runner of our tenant opens a session.
async fn session(fixture: &Fixture) -> Session {
    let (tenant, runner, now) = (fixture.ours.id, fixture.ours.things.runner, fixture.operations.clock().now());
    let permit = policy::system(tenant, Permission::Upkeep).unwrap();
    let tx = fixture.operations.store().write(&permit).await.unwrap();
    let journal = tx.journal(runner).await.unwrap();
    let (journal_size, journal_head) = (journal.kept(), journal.chain().prev());
    tx.add_certificate(&RunnerCertificate {
        runner,
        generation: 1,
        fingerprint: CERTIFICATE,
        serial: [1; 16],
        key: Digest::from_bytes([6; 32]),
        request: Digest::from_bytes([7; 32]),
        chain: vec![vec![0x30, 0]],
        not_before: now,
        not_after: now.plus_ms(86_400_000),
        state: CertificateState::Current,
    })
    .await
    .unwrap();
    tx.commit_unlogged(Unlogged::Delivery).await.unwrap();
    let name = contract::identity::RunnerName { tenant, runner };
    let peer = PeerCertificate { name, fingerprint: CERTIFICATE, not_after: now.plus_ms(86_400_000) };
    let hello = Hello {
        version: CURRENT,
        software: "proctor-runner 0.1.0".parse().unwrap(),
        epoch: EPOCH,
        generation: 1,
        journal_size,
        journal_head,
        audit_size: 0,
        audit_root: proof::merkle::empty_root(),
        condition: Condition::Ready,
        seal_level: "key-file".parse().unwrap(),
        mark: None,
        marks_before: Vec::new(),
    };
    fixture.operations.hello(&peer, &hello).await.unwrap().0
}

/// Asks, waits for the words to sign, signs them; gives the request as the Runner gets it.
async fn delivered(fixture: &Fixture, session: &mut Session) -> (String, RequestId) {
    let asked = fixture.post("/api/v1/drilldowns", fixture.ours.things.new_drilldown()).await.json();
    let path = format!("/api/v1/drilldowns/{}", asked["id"].as_str().unwrap());
    pending(fixture, session).await;
    let to_sign = fixture.get(&path).await.json();
    assert_eq!(to_sign["state"], "to_sign", "{to_sign}");
    let payload = STANDARD.decode(to_sign["to_sign"]["payload"].as_str().unwrap()).unwrap();
    let pending = PendingRequest::read(payload).unwrap();
    assert_eq!(pending.request().run, fixture.ours.things.run);
    let signature = pending.sign_as_device(&ed25519::SigningKey::from_seed([9; 32]));
    let signed = fixture.post(&format!("{path}/signature"), json!({"signature": STANDARD.encode(signature.sig)})).await;
    assert_eq!(signed.status, StatusCode::OK, "{}", signed.text());
    assert_eq!(signed.json()["request_sha256"], Value::from(pending.sha256().to_string()));
    (path, asked["id"].as_str().unwrap().parse().unwrap())
}

fn frame(request: RequestId, index: u64, last: bool) -> FromRunner {
    SealedFrame { request, index, ciphertext: Sealed::new(vec![u8::try_from(index).unwrap(); 5_000]).unwrap(), last }
        .into()
}

/// What the session has to say a little later.
async fn pending(fixture: &Fixture, session: &mut Session) -> Vec<FromControlPlane> {
    fixture.clock.advance_ms(1_500);
    fixture.operations.pending(session).await.unwrap()
}

async fn say(fixture: &Fixture, session: &mut Session, message: FromRunner) -> u32 {
    let said = fixture.operations.line().receive(session, message).await.unwrap();
    granted(&said)
}

fn granted(said: &[FromControlPlane]) -> u32 {
    said.iter()
        .map(|message| if let FromControlPlane::DrillDownCredit(credit) = message { credit.frames } else { 0 })
        .sum()
}

fn reading(fixture: &Fixture, path: &str) -> Request<axum::body::Body> {
    let request = Request::get(format!("{path}/answer"));
    let request = request.header("authorization", format!("Bearer {}", fixture.ours.key));
    request.body(axum::body::Body::empty()).unwrap()
}

#[tokio::test]
async fn an_answer_is_streamed_frame_by_frame_at_the_readers_pace() {
    let fixture = fixture().await;
    let mut session = session(&fixture).await;
    let (path, request) = delivered(&fixture, &mut session).await;
    assert!(pending(&fixture, &mut session).await.iter().any(|m| m.name() == "drill_down"));
    let web = std::sync::Arc::clone(&fixture.web);
    let reader = tokio::spawn({
        let ask = reading(&fixture, &path);
        async move { web.respond(ask, CLIENT).await }
    });
    let start: FromRunner = SealedStart { request, enc: [7; 32] }.into();
    let mut credit = say(&fixture, &mut session, start).await;
    // The first piece is what the reader waits for before it says that all is well.
    let response = reader.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    credit += granted(&pending(&fixture, &mut session).await);
    assert!((1..=16).contains(&credit), "{credit} frames are granted before any was read");
    // Nobody reads: what was granted is sent, and no more is granted.
    for index in 0..credit {
        credit_is_not_given(&fixture, &mut session, frame(request, index.into(), false)).await;
    }
    let mut body = response.into_body();
    let (mut splitter, mut parts) = (Splitter::new(), Vec::new());
    let (mut sent, total, mut room) = (u64::from(credit), 30, 0);
    while let Some(piece) = body.frame().await {
        parts.extend(splitter.push(&piece.unwrap().into_data().unwrap()).unwrap());
        room += granted(&pending(&fixture, &mut session).await);
        while room > 0 && sent < total {
            room += say(&fixture, &mut session, frame(request, sent, sent + 1 == total)).await;
            room -= 1;
            sent += 1;
        }
    }
    assert!(matches!(parts.first(), Some(Part::Enc(enc)) if *enc == [7; 32]));
    // The splitter holds the last frame back until the stream has ended.
    assert_eq!(u64::try_from(parts.len()).unwrap(), total);
    assert_eq!(splitter.finish().unwrap().ciphertext, vec![u8::try_from(total - 1).unwrap(); 5_000]);
    let again = fixture.get(&format!("{path}/answer")).await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "E-OPS-044"));
}

async fn credit_is_not_given(fixture: &Fixture, session: &mut Session, message: FromRunner) {
    assert_eq!(say(fixture, session, message).await, 0);
}

#[tokio::test]
async fn only_the_one_who_asked_signs_reads_and_cancels() {
    let fixture = fixture().await;
    let mut session = session(&fixture).await;
    let asked = fixture.post("/api/v1/drilldowns", fixture.ours.things.new_drilldown()).await.json();
    pending(&fixture, &mut session).await;
    let path = format!("/api/v1/drilldowns/{}", asked["id"].as_str().unwrap());
    let engineer = json!({"email": "e@example.org", "name": "E", "role": "engineer"});
    let engineer = fixture.post("/api/v1/people", engineer).await.json();
    let key = json!({"label": "k", "expires": "2026-11-30T00:00:00.000Z", "person": engineer["id"]});
    let key = fixture.post("/api/v1/api-keys", key).await.json()["text"].as_str().unwrap().to_owned();
    let seen = fixture.ask(Method::GET, &path, &key, None).await.json();
    assert_eq!((seen["state"].as_str(), seen["to_sign"].is_null()), (Some("to_sign"), true));
    for (method, verb, body) in [
        (Method::POST, "signature", Some(json!({"signature": STANDARD.encode([1; 64])}))),
        (Method::POST, "cancel", None),
        (Method::GET, "answer", None),
    ] {
        let answer = fixture.ask(method, &format!("{path}/{verb}"), &key, body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "E-OPS-042"), "{verb}");
    }
    let wrong = fixture.post(&format!("{path}/signature"), json!({"signature": STANDARD.encode([1; 64])})).await;
    assert_eq!((wrong.status.as_u16(), wrong.code().as_str()), (422, "E-OPS-043"));
}

#[tokio::test]
async fn a_reader_that_leaves_stops_the_runner() {
    let fixture = fixture().await;
    let mut session = session(&fixture).await;
    let (path, request) = delivered(&fixture, &mut session).await;
    pending(&fixture, &mut session).await;
    let start: FromRunner = SealedStart { request, enc: [7; 32] }.into();
    say(&fixture, &mut session, start).await;
    let response = fixture.web.respond(reading(&fixture, &path), CLIENT).await;
    assert_eq!(response.status(), StatusCode::OK);
    drop(response);
    is_cancelled(&fixture, &mut session).await;
}

async fn is_cancelled(fixture: &Fixture, session: &mut Session) {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
        let said = pending(fixture, session).await;
        if said.iter().any(|message| message.name() == "drill_down_cancel") {
            return;
        }
    }
    panic!("the Runner was not told");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_ends_in_a_broken_body() {
    let fixture = fixture().await;
    let mut session = session(&fixture).await;
    let (path, request) = delivered(&fixture, &mut session).await;
    pending(&fixture, &mut session).await;
    let start: FromRunner = SealedStart { request, enc: [7; 32] }.into();
    say(&fixture, &mut session, start).await;
    let response = fixture.web.respond(reading(&fixture, &path), CLIENT).await;
    assert!(granted(&pending(&fixture, &mut session).await) > 0);
    say(&fixture, &mut session, frame(request, 0, false)).await;
    fixture.operations.ended(session).await;
    assert!(response.into_body().collect().await.is_err(), "a part was taken for the whole");
}

#[tokio::test]
async fn an_answer_ends_with_the_key_that_asked_for_it() {
    let fixture = fixture_with(Limits { look: std::time::Duration::from_millis(10), ..generous() }).await;
    let mut session = session(&fixture).await;
    let (path, request) = delivered(&fixture, &mut session).await;
    pending(&fixture, &mut session).await;
    let start: FromRunner = SealedStart { request, enc: [7; 32] }.into();
    say(&fixture, &mut session, start).await;
    let response = fixture.web.respond(reading(&fixture, &path), CLIENT).await;
    assert_eq!(response.status(), StatusCode::OK);
    let key = fixture.operations.authenticate(&fixture.ours.key, CLIENT).await.unwrap().key().unwrap();
    fixture.operations.revoke_api_key_as_operator(fixture.ours.id, key).await.unwrap();
    // Nothing more comes from the Runner: without a look at the key the body would never end.
    let read = tokio::time::timeout(std::time::Duration::from_secs(10), response.into_body().collect()).await;
    assert!(read.expect("the stream outlives its key").is_err(), "a part was taken for the whole");
    is_cancelled(&fixture, &mut session).await;
}
