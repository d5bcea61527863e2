//! Who is signed in, for as long as they are: sessions that end while something is read, pages that look by themselves,
//! and requests that are sent twice.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use control_plane_operations::{Client, Seen};
use crypto::{SystemEntropy, ed25519};
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::browser::{Browser, code_of, form_request, place_of};
use crate::Limits;
use crate::console::cookie;
use crate::http::lasting::lasting;
use crate::http::stream::{Cut, paced};
use crate::tests::harness::{Answer, CLIENT, fixture, fixture_with, generous};

/// A stream that never ends of itself is read until it breaks off.
async fn breaks_off(mut body: Body) -> String {
    let read = async {
        loop {
            match body.frame().await {
                Some(Ok(_)) => tokio::task::yield_now().await,
                Some(Err(error)) => return error.to_string(),
                None => panic!("a part was taken for the whole"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the stream outlives what entitled to it")
}

#[tokio::test]
async fn a_stream_ends_after_its_session_does() {
    let fixture = fixture_with(Limits { look: Duration::from_millis(10), ..generous() }).await;
    for how in ["signed out", "ended from elsewhere", "idle"] {
        let browser = fixture.signed_in(&fixture.ours).await;
        let client = Client::new(CLIENT, "a test");
        let Seen::Full(signed) = fixture.operations.session(&browser.session(), &client).await.unwrap() else {
            panic!("not signed in")
        };
        let endless = stream::repeat_with(|| Ok::<_, Cut>(Bytes::from_static(b"a row\r\n")));
        let place = fixture.web.download(&signed.caller).unwrap();
        let pieces = lasting(&fixture.web, &signed.caller, Some(place), endless);
        let mut body = paced(pieces, Duration::from_secs(60));
        for _ in 0..100 {
            body.frame().await.unwrap().unwrap();
        }
        match how {
            "signed out" => fixture.operations.sign_out(&browser.session()).await.unwrap(),
            "idle" => fixture.clock.advance_ms(61 * 60_000),
            _ => {
                let session = signed.caller.session().unwrap();
                fixture.operations.end_session(&signed.caller, session).await.unwrap();
            }
        }
        let why = breaks_off(body).await;
        assert!(why.contains("the session is over"), "{how}: {why}");
    }
    let free = tokio::time::timeout(Duration::from_secs(20), async {
        while fixture.web.downloads.taken() > 0 {
            tokio::task::yield_now().await;
        }
    });
    free.await.expect("a place is kept for a stream that is over");
}

fn looks(path: &str, mode: Option<&str>) -> Request<Body> {
    let mut request = Request::get(path).header("x-proctor-unattended", "1");
    if let Some(mode) = mode {
        request = request.header("sec-fetch-mode", mode);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn only_a_script_that_looks_leaves_the_session_to_go_idle() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    // Somebody who clicks uses the session, whatever the header says.
    for _ in 0..4 {
        fixture.clock.advance_ms(20 * 60_000);
        owner.send(looks("/runs", Some("navigate"))).await;
    }
    assert_eq!(owner.get("/account").await.status, StatusCode::OK);
    for _ in 0..4 {
        fixture.clock.advance_ms(20 * 60_000);
        owner.send(looks("/runs", Some("cors"))).await;
    }
    assert_eq!(place_of(&owner.get("/account").await), "/sign-in?next=%2Faccount");
}

#[tokio::test]
async fn whoever_looks_from_elsewhere_is_seen_where_one_is_signed_in() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    fixture.clock.advance_ms(2 * 60_000);
    let mut stolen = looks("/runs", Some("cors"));
    let session = format!("{}={}", cookie::SESSION, owner.session());
    stolen.headers_mut().insert("cookie", session.parse().unwrap());
    let elsewhere: IpAddr = [203, 0, 113, 77].into();
    assert_eq!(fixture.web.respond(stolen, elsewhere).await.status(), StatusCode::OK);
    let client = Client::new(elsewhere, "a test");
    let Seen::Full(signed) = fixture.operations.look_at_session(&owner.session(), &client).await.unwrap() else {
        panic!("not signed in")
    };
    let rows = fixture.operations.list_sessions(&signed.caller).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].address, "203.0.113.77");
}

/// A neighbour behind the same address has cookies that are worth nothing, as many as they like.
#[tokio::test]
async fn a_neighbours_stale_cookies_keep_nobody_out() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let good = owner.session();
    let mut refused = 0;
    for number in 0..700 {
        let mut request = Request::get("/account").body(Body::empty()).unwrap();
        let stale = format!("{}{number:04}{}", &good[..good.len() - 8], &good[good.len() - 4..]);
        request.headers_mut().insert("cookie", format!("{}={stale}", cookie::SESSION).parse().unwrap());
        refused += u32::from(fixture.web.respond(request, CLIENT).await.status() == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 0, "nobody counts cookies that are worth nothing");
    assert_eq!(owner.get("/account").await.status, StatusCode::OK, "a good one is refused for them");
}

/// The body of a change may be a long time coming; whoever is signed out meanwhile changes nothing.
#[tokio::test]
async fn a_session_that_ends_while_a_form_is_sent_does_nothing() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let (token, session) = (owner.token(), owner.session());
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let pieces =
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (piece, receiver)) });
    let mut request = form_request("/account/zone", Body::from_stream(pieces));
    request.headers_mut().insert("cookie", format!("{}={session}", cookie::SESSION).parse().unwrap());
    let web = std::sync::Arc::clone(&fixture.web);
    let sent = tokio::spawn(async move { web.respond(request, CLIENT).await });
    sender.send(Ok(Bytes::from(format!("csrf={token}")))).await.unwrap();
    sender.send(Ok(Bytes::from_static(b"&zone="))).await.unwrap();
    fixture.clock.advance_ms(2_000);
    fixture.operations.sign_out(&session).await.unwrap();
    sender.send(Ok(Bytes::from_static(b"Asia%2FTokyo"))).await.unwrap();
    drop(sender);
    let answer = sent.await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert!(answer.headers()["location"].to_str().unwrap().starts_with("/sign-in"), "{answer:?}");
}

/// Session, tenant and person are read once, in one transaction; a page that needs nothing else reads nothing else.
#[tokio::test]
async fn who_asks_is_read_once() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let page = owner.get("/account/zone").await;
    let store = fixture.operations.store();
    let before = store.round_trips();
    assert_eq!(owner.get("/codes").await.status, StatusCode::OK);
    let looked = store.round_trips() - before;
    assert!(looked <= 4, "a page is {looked} reads before it begins its own");
    let before = store.round_trips();
    let refused = owner.post_from(&page, "/account/zone", &[("zone", "Europe/Nowhere")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let looked = store.round_trips() - before;
    assert!(looked <= 4, "a change is {looked} reads before it begins its own");
}

async fn call(browser: &Browser<'_>, path: &str, key: &str, body: &Value) -> Answer {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("sec-fetch-site", "same-origin")
        .header("x-csrf-token", browser.token())
        .header("idempotency-key", key);
    browser.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn what_a_script_sends_twice_is_done_once() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let device = STANDARD.encode(ed25519::SigningKey::generate(&SystemEntropy::new()).verifying_key().to_spki());
    let registered = call(&owner, "/console/devices", "d", &json!({"public_key": device, "label": "Firefox"})).await;
    assert_eq!(registered.status, StatusCode::OK, "{}", registered.text());
    let mut asked = fixture.ours.things.new_drilldown();
    asked["device_key"] = json!(device);
    let first = call(&owner, "/console/drilldowns", "one", &asked).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    // The answer was lost; the page sends it again.
    let again = call(&owner, "/console/drilldowns", "one", &asked).await;
    assert_eq!((again.status, again.headers["idempotency-replayed"].as_bytes()), (StatusCode::OK, &b"true"[..]));
    assert_eq!(first.json()["id"], again.json()["id"]);
    let another = call(&owner, "/console/drilldowns", "two", &asked).await;
    assert_ne!(first.json()["id"], another.json()["id"]);
    asked["reason"] = json!("another one");
    let mismatch = call(&owner, "/console/drilldowns", "one", &asked).await;
    assert_eq!((mismatch.status.as_u16(), mismatch.code().as_str()), (422, "E-WEB-013"));
    assert_eq!(call(&owner, "/console/drilldowns", "not a key", &asked).await.code(), "E-WEB-012");
    let other = fixture.signed_in(&fixture.theirs).await;
    let theirs = call(&other, "/console/devices", "d", &json!({"public_key": device, "label": "Firefox"})).await;
    assert!(theirs.headers.get("idempotency-replayed").is_none(), "a key is of one session");
    assert_eq!(code_of(&owner.get("/nowhere").await), "E-WEB-002");
}
