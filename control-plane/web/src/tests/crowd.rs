//! Many at once: what one address, one session or one tenant takes, nobody else misses.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, FuturesUnordered, StreamExt};
use http::{Request, StatusCode};
use hyper::client::conn::http2::SendRequest;
use tokio::io::AsyncWriteExt;

use super::harness::{fixture_behind, fixture_with, generous};
use super::listener::{Served, read_all, served, served_by};
use crate::Limits;
use crate::console::cookie;

const PATIENCE: Duration = Duration::from_secs(30);

/// An HTTP/2 connection from this address.
async fn http2(served: &Served, address: [u8; 4]) -> SendRequest<Body> {
    let stream = served.connect_from(address, &[b"h2"]).await.unwrap();
    let (executor, io) = (hyper_util::rt::TokioExecutor::new(), hyper_util::rt::TokioIo::new(stream));
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Signing in, without the form that belongs to it.
fn stalled() -> Request<Body> {
    let never = stream::pending::<Result<Bytes, std::io::Error>>();
    Request::post("https://localhost/sign-in")
        .header("cookie", format!("{}=x", cookie::VISITOR))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from_stream(never))
        .unwrap()
}

fn page() -> Request<Body> {
    Request::get("https://localhost/sign-in").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn stalled_sign_ins_of_one_address_keep_nobody_out() {
    let limits = Limits { stranger_body: Duration::from_secs(600), ..generous() };
    let (all, waiting) = (limits.requests, limits.waiting_per_address);
    let served = served(limits).await;
    let mut senders = Vec::new();
    for _ in 0..8 {
        senders.push(http2(&served, [127, 0, 0, 1]).await);
    }
    let mut asked: FuturesUnordered<_> = (0..all)
        .map(|number| {
            let mut sender = senders[number % senders.len()].clone();
            async move { sender.send_request(stalled()).await.unwrap().status() }
        })
        .collect();
    // As many as one address may have wait; the others are told so.
    for _ in waiting..all {
        let answered = tokio::time::timeout(PATIENCE, asked.next()).await.unwrap().unwrap();
        assert_eq!(answered, StatusCode::TOO_MANY_REQUESTS);
    }
    // Whoever comes from elsewhere is answered, and so is whoever comes from there and waits for no body.
    for address in [[127, 0, 0, 2], [127, 0, 0, 1]] {
        let mut sender = http2(&served, address).await;
        let answered = tokio::time::timeout(PATIENCE, sender.send_request(page())).await.unwrap().unwrap();
        assert_eq!(answered.status(), StatusCode::OK, "{address:?}");
    }
    assert!(futures_util::poll!(asked.next()).is_pending(), "these still wait");
}

#[tokio::test]
async fn a_stranger_gets_little_patience_and_little_room() {
    let limits = Limits { stranger_body: Duration::from_millis(200), body: Duration::from_secs(600), ..generous() };
    let bytes = limits.stranger_bytes;
    let served = served(limits).await;
    let mut sender = http2(&served, [127, 0, 0, 1]).await;
    let slow = tokio::time::timeout(PATIENCE, sender.send_request(stalled())).await.unwrap().unwrap();
    assert_eq!(slow.status(), StatusCode::REQUEST_TIMEOUT);
    let (head, _) = stalled().into_parts();
    let large = Request::from_parts(head, Body::from(vec![b'a'; bytes + 1]));
    let large = tokio::time::timeout(PATIENCE, sender.send_request(large)).await.unwrap().unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

/// Behind a proxy everybody has the proxy's connection: they are told apart by what it says of them.
#[tokio::test]
async fn the_clients_of_a_trusted_proxy_are_counted_by_their_own_address() {
    let limits = Limits {
        connections_per_address: 2,
        waiting_per_address: 1,
        stranger_body: Duration::from_secs(600),
        ..generous()
    };
    let served = served_by(fixture_behind(limits, vec![[127, 0, 0, 1].into()]).await).await;
    let mut senders = Vec::new();
    for _ in 0..5 {
        senders.push(http2(&served, [127, 0, 0, 1]).await);
    }
    let from = |client: &'static str, mut request: Request<Body>| {
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        request
    };
    let mut one = senders.pop().unwrap();
    let first = Box::pin(one.clone().send_request(from("192.0.2.1", stalled())));
    let second = Box::pin(one.send_request(from("192.0.2.1", stalled())));
    let both = tokio::time::timeout(PATIENCE, futures_util::future::select(first, second));
    let (refused, mut waits) = both.await.expect("one client has the places of two").factor_first();
    assert_eq!(refused.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(futures_util::poll!(&mut waits).is_pending());
    let other = senders.pop().unwrap().send_request(from("192.0.2.2", stalled()));
    tokio::pin!(other);
    assert!(futures_util::poll!(other.as_mut()).is_pending());
    let page = senders.pop().unwrap().send_request(from("192.0.2.1", page())).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(futures_util::poll!(other.as_mut()).is_pending(), "another client has no place of its own");
    // Whoever is no proxy of ours has no more connections than before.
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(served.connect_from([127, 0, 0, 2], &[b"h2"]).await.unwrap());
    }
    assert!(served.connect_from([127, 0, 0, 2], &[b"h2"]).await.is_err(), "a third one is let in");
}

#[tokio::test]
async fn one_address_has_so_many_requests_at_a_time() {
    let fixture = fixture_with(Limits { requests_per_address: 0, ..generous() }).await;
    let refused = fixture.get("/api/v1/me").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "E-WEB-032"));
    assert_eq!(refused.headers["retry-after"], "2");
}

#[tokio::test]
async fn a_body_that_stalls_leaves_room_for_those_that_do_not() {
    let limits = Limits { requests: 1, body: Duration::from_secs(600), ..generous() };
    let served = served(limits).await;
    let key = &served.fixture.ours.key;
    let mut slow = served.connect(&[b"http/1.1"]).await.unwrap();
    let head = format!(
        "POST /api/v1/tokens HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: 20\r\nConnection: close\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    // Until the server waits for it, the only place is taken.
    let answered = tokio::time::timeout(PATIENCE, async {
        loop {
            let request = format!(
                "GET /api/v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
            );
            let mut stream = served.connect(&[b"http/1.1"]).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            if read_all(&mut stream).await.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    });
    answered.await.unwrap();
}
