//! Those who read what they asked for slowly, not at all, or all at once.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use control_plane_domain::policy::Role;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;

use super::console::browser::{code_of, form_request};
use super::harness::{CLIENT, fixture, fixture_with, generous};
use super::listener::served;
use crate::{Limits, Web};

const PATIENCE: Duration = Duration::from_secs(30);

async fn until(what: &str, holds: impl Fn() -> bool) {
    let held = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    });
    held.await.unwrap_or_else(|_| panic!("{what}"));
}

/// A window of no octets: the answer is there, and the reader takes nothing of it, while its connection answers pings.
#[tokio::test]
async fn a_reader_that_takes_nothing_is_ended_and_its_memory_let_go() {
    let served = served(Limits { idle: Duration::from_secs(2), ..generous() }).await;
    let web = Arc::clone(&served.fixture.web);
    let stream = served.connect(&[b"h2"]).await.unwrap();
    let (executor, io) = (hyper_util::rt::TokioExecutor::new(), hyper_util::rt::TokioIo::new(stream));
    let mut builder = hyper::client::conn::http2::Builder::new(executor);
    builder.initial_stream_window_size(0);
    let (mut sender, connection) = builder.handshake::<_, Body>(io).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut answers = Vec::new();
    for _ in 0..8 {
        let request = Request::get("https://localhost/sign-in").body(Body::empty()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answers.push(answer);
    }
    assert!(unread(&web) > 8 * 500, "{} octets wait to be read", unread(&web));
    until("the connection goes on", || web.counts().connections == 0).await;
    assert_eq!((unread(&web), web.counts().let_go), (0, 8));
    drop(tokio::time::timeout(PATIENCE, connection).await.expect("the client's side goes on"));
    for answer in answers {
        assert!(answer.into_body().collect().await.is_err(), "a part was taken for the whole");
    }
}

fn unread(web: &Web) -> usize {
    web.unread.taken()
}

#[tokio::test]
async fn what_one_address_has_not_read_is_bounded() {
    let fixture = fixture_with(Limits { unread_per_address: 10_000, ..generous() }).await;
    let ask = || Request::get("/sign-in").body(Body::empty()).unwrap();
    let mut held = Vec::new();
    let refused = loop {
        let answer = fixture.web.respond(ask(), CLIENT).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        held.push(answer);
        assert!(held.len() < 20, "it never ends");
    };
    assert_eq!((refused.status(), held.is_empty()), (StatusCode::TOO_MANY_REQUESTS, false));
    let other = fixture.web.respond(ask(), [192, 0, 2, 2].into()).await;
    assert_eq!(other.status(), StatusCode::OK, "another address has its own");
    // What changes something is answered: nobody is left without word of what was done.
    let change = fixture.web.respond(form_request("/sign-in", "csrf=x"), CLIENT).await;
    assert_eq!(change.status(), StatusCode::FORBIDDEN);
    drop((held, refused, other, change));
    assert_eq!(unread(&fixture.web), 0);
    assert_eq!(fixture.send(ask()).await.status, StatusCode::OK);
}

/// Asks for this, each time from another address, until it is refused; what was answered is not read.
async fn refused_from_everywhere(web: &Arc<Web>, ask: impl Fn() -> Request<Body>) -> (StatusCode, Vec<Response<Body>>) {
    let mut held = Vec::new();
    for address in 1..=250 {
        let answer = web.respond(ask(), [198, 51, 100, address].into()).await;
        if answer.status() != StatusCode::OK {
            return (answer.status(), held);
        }
        held.push(answer);
    }
    panic!("it never ends");
}

#[tokio::test]
async fn what_all_addresses_have_not_read_is_bounded() {
    let fixture = fixture_with(Limits { unread: 50_000, ..generous() }).await;
    let ask = || Request::get("/sign-in").body(Body::empty()).unwrap();
    let (status, held) = refused_from_everywhere(&fixture.web, ask).await;
    assert_eq!((status, held.is_empty()), (StatusCode::SERVICE_UNAVAILABLE, false));
    assert!(unread(&fixture.web) <= 50_000, "{}", unread(&fixture.web));
    let change = fixture.web.respond(form_request("/sign-in", "csrf=x"), CLIENT).await;
    assert_eq!(change.status(), StatusCode::FORBIDDEN, "what a change came to is said");
    drop((held, change));
    assert_eq!(unread(&fixture.web), 0);
    assert_eq!(fixture.send(ask()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_one_key_and_one_session_have_not_read_is_bounded() {
    let fixture = fixture_with(Limits { unread_per_means: 5_000, ..generous() }).await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let session = format!("{}={}", crate::console::cookie::SESSION, owner.session());
    let by_key = || {
        let ask = Request::get("/api/v1/me").header("authorization", format!("Bearer {}", fixture.ours.key));
        ask.body(Body::empty()).unwrap()
    };
    let by_session = || Request::get("/account/zone").header("cookie", &session).body(Body::empty()).unwrap();
    let (status, of_key) = refused_from_everywhere(&fixture.web, by_key).await;
    assert_eq!((status, of_key.is_empty()), (StatusCode::TOO_MANY_REQUESTS, false));
    let (status, of_session) = refused_from_everywhere(&fixture.web, by_session).await;
    assert_eq!((status, of_session.is_empty()), (StatusCode::TOO_MANY_REQUESTS, false));
    let theirs = fixture.signed_in(&fixture.theirs).await;
    assert_eq!(theirs.get("/account/zone").await.status, StatusCode::OK, "another session has its own");
    drop((of_key, of_session));
    assert_eq!(fixture.get("/api/v1/me").await.status, StatusCode::OK);
    assert_eq!(owner.get("/account/zone").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_person_has_so_many_downloads_with_all_keys_and_sessions() {
    let fixture = fixture_with(Limits { downloads_per_person: 2, ..generous() }).await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let caller = fixture.operations.authenticate(&fixture.ours.key, CLIENT).await.unwrap();
    assert_eq!(caller.person(), fixture.ours.owner);
    let by_key = fixture.web.download(&caller).unwrap();
    let by_session = hold_session(&fixture, &owner.session()).await;
    let refused = owner.get("/people?format=csv").await;
    assert_eq!((refused.status, code_of(&refused).as_str()), (StatusCode::TOO_MANY_REQUESTS, "E-WEB-032"));
    let other = fixture.signed_in_with_role(&fixture.ours, Role::Auditor).await;
    drop(hold_session(&fixture, &other.session()).await);
    drop((by_key, by_session));
    assert_eq!(owner.get("/people?format=csv").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_attested_takes_a_place_of_the_downloads() {
    let fixture = fixture_with(Limits { downloads_per_means: 0, ..generous() }).await;
    let auditor = fixture.signed_in_with_role(&fixture.ours, Role::Auditor).await;
    for file in ["manifest", "attestation"] {
        let refused = auditor.get(&format!("/console/runs/{}/{file}", fixture.ours.things.run)).await;
        assert_eq!((refused.status, refused.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "E-WEB-032"), "{file}");
    }
}

#[tokio::test]
async fn a_session_and_a_tenant_have_so_many_downloads() {
    let fixture = fixture_with(Limits { downloads_per_means: 1, downloads_per_tenant: 2, ..generous() }).await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let theirs = fixture.signed_in(&fixture.theirs).await;
    let caller = fixture.operations.authenticate(&fixture.ours.key, CLIENT).await.unwrap();
    // The key has its one; the session of the same tenant has another one.
    let by_key = fixture.web.download(&caller).unwrap();
    let manifest = format!("/api/v1/runs/{}/manifest", fixture.ours.things.run);
    assert_eq!(fixture.get(&manifest).await.code(), "E-WEB-032");
    assert_eq!(owner.get("/people?format=csv").await.status, StatusCode::OK);
    let mut ask = Request::get("/people?format=csv").body(Body::empty()).unwrap();
    let session = format!("{}={}", crate::console::cookie::SESSION, owner.session());
    ask.headers_mut().insert("cookie", session.parse().unwrap());
    let unread = fixture.web.respond(ask, CLIENT).await;
    assert_eq!(unread.status(), StatusCode::OK);
    // The file is short and was read to its end behind the scenes; the place is free when the stream has ended.
    until("the place is never free", || fixture.web.downloads.taken() == 1).await;
    let _second = fixture.web.download(&theirs_caller(&fixture).await).unwrap();
    let _of_tenant = hold_session(&fixture, &owner.session()).await;
    let refused = owner.get("/people?format=csv").await;
    assert_eq!((refused.status, code_of(&refused).as_str()), (StatusCode::TOO_MANY_REQUESTS, "E-WEB-032"));
    assert_eq!(theirs.get("/people?format=csv").await.status, StatusCode::OK, "another session has its own");
    assert_eq!(owner.get("/people").await.status, StatusCode::OK, "a page is no download");
    drop((by_key, unread));
    assert_eq!(fixture.get(&manifest).await.status, StatusCode::OK);
}

async fn theirs_caller(fixture: &super::harness::Fixture) -> control_plane_domain::policy::Caller {
    fixture.operations.authenticate(&fixture.theirs.key, CLIENT).await.unwrap()
}

async fn hold_session(fixture: &super::harness::Fixture, session: &str) -> crate::places::Place {
    let client = control_plane_operations::Client::new(CLIENT, "a test");
    let seen = fixture.operations.session(session, &client).await.unwrap();
    let control_plane_operations::Seen::Full(signed) = seen else { panic!("not signed in") };
    fixture.web.download(&signed.caller).unwrap()
}

#[tokio::test]
async fn a_tenant_verifies_its_log_once_at_a_time_and_keeps_nobody_waiting() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let theirs = fixture.signed_in(&fixture.theirs).await;
    let caller = fixture.operations.authenticate(&fixture.ours.key, CLIENT).await.unwrap();
    let going_on = fixture.web.verification(&caller).unwrap();
    let refused = owner.get("/audit/verify").await;
    assert_eq!((refused.status, code_of(&refused).as_str()), (StatusCode::TOO_MANY_REQUESTS, "E-WEB-032"));
    assert!(theirs.get("/audit/verify").await.text().contains("The log holds as far as it could be judged"));
    drop(going_on);
    // Readers who leave at once leave nothing behind.
    for _ in 0..50 {
        let head = Request::head("/audit/verify").body(Body::empty()).unwrap();
        owner.send(head).await;
    }
    until("a verification goes on without a reader", || fixture.web.verifications.taken() == 0).await;
    assert!(owner.get("/audit/verify").await.text().contains("The log holds as far as it could be judged"));
}
