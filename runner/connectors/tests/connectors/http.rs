//! Web APIs that answer well, badly, slowly, endlessly or from elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crypto::Secret;
use runner_connectors::{Access, ClientIdentity, Connection, Http, HttpCredentials, Target};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, Instant};
use verdict::Code;

use crate::listener::{Authority, NAME, Stream, ToThisMachine, listen, listen_tls};
use crate::room::{CANARY, Room};

/// A server of our own: every request's head goes to the function, whose bytes go out as they are.
struct Server {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn new(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&heads));
        let port = listen(move |stream| {
            let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
            async move { serve(stream, &*answer, &seen).await }
        })
        .await;
        Self { port, heads }
    }

    fn connection(&self) -> Connection {
        api(&format!("http://127.0.0.1:{}", self.port), HttpCredentials::None)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(mut stream: impl Stream, answer: &(dyn Fn(&str) -> Vec<u8> + Sync), seen: &Mutex<Vec<String>>) {
    let mut received = Vec::new();
    loop {
        match stream.read_buf(&mut received).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(received.drain(..end + 4).collect()).unwrap();
        received.clear();
        seen.lock().unwrap().push(head.clone());
        if stream.write_all(&answer(&head)).await.is_err() {
            return;
        }
        if !head.contains("keep") {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

fn respond(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

fn api(base: &str, credentials: HttpCredentials) -> Connection {
    let api = Http { base: base.parse().unwrap(), credentials, identity: None, authorities: None, plain: false };
    Connection { name: "api".to_owned(), access: Access::ReadOnly, target: Target::Http(api) }
}

fn room() -> Room {
    let mut room = Room::new().network("127.0.0.1:*").network("*.example.net:*");
    room.resolver = Some(Arc::new(ToThisMachine));
    room
}

async fn code_of(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Code {
    let server = Server::new(answer).await;
    room().code("http", json!({"get": "/x"}), Some(&server.connection())).await
}

#[tokio::test]
async fn a_json_answer_below_the_base() {
    let server = Server::new(|_| respond(200, "{\"count\": 3, \"big\": 12345678901234567890}")).await;
    let mut connection = server.connection();
    if let Target::Http(api) = &mut connection.target {
        api.base.set_path("/tenant");
    }
    let arguments = json!({"get": "/api/v1/users", "query": {"active": true, "name": "a&b"}});
    let collected = room().collect("http", arguments, Some(&connection)).await.unwrap();
    let value = collected.evidence.value().unwrap();
    assert_eq!(value, json!({"status": 200, "body": {"count": 3, "big": "12345678901234567890"}}));
    assert!(server.heads()[0].starts_with("GET /tenant/api/v1/users?active=true&name=a%26b HTTP/1.1\r\n"));
    assert_eq!(collected.source["address"], format!("127.0.0.1:{}", server.port));
    assert_eq!(collected.request["path"], "/api/v1/users");
    for outside in ["/../x", "https://evil.example/", "//evil.example/x"] {
        let code = room().code("http", json!({"get": outside}), Some(&connection)).await;
        assert_eq!(code, Code::PolicyDenied, "{outside}");
    }
}

#[tokio::test]
async fn other_forms_of_answers() {
    let text = |media: &str, body: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    for (answer, expected) in [
        (respond(200, "[{\"a\": 1}]"), json!([{"a": 1}])),
        (respond(200, ""), Value::Null),
        (text("text/plain; charset=utf-8", "ready"), json!("ready")),
        (text("text/plain", " {\"a\": 1}"), json!({"a": 1})),
        (text("text/plain", "{half"), json!("{half")),
        (text("text/html", "<html>"), json!("<html>")),
    ] {
        let server = Server::new(move |_| answer.clone()).await;
        let value = room().value("http", json!({"get": "/"}), Some(&server.connection())).await;
        assert_eq!(value["body"], expected);
    }
    for answer in
        [text("application/octet-stream", "<html>"), text("application/json", "{half"), text("", "\u{feff}oops")]
    {
        assert_eq!(code_of(move |_| answer.clone()).await, Code::Parse);
    }
    assert_eq!(code_of(|_| respond(200, &"[".repeat(100_000))).await, Code::Parse);
}

#[tokio::test]
async fn statuses_have_codes() {
    for (status, code, transport) in [
        (401, Code::Auth, false),
        (403, Code::PermissionDenied, false),
        (404, Code::NotFound, false),
        (429, Code::RateLimited, false),
        (500, Code::BadOutput, false),
        (503, Code::BadOutput, true),
        (204, Code::BadOutput, false),
    ] {
        let server = Server::new(move |_| respond(status, "")).await;
        let failure = room().failure("http", json!({"get": "/"}), Some(&server.connection())).await;
        assert_eq!((failure.code, failure.transport), (code, transport), "{status}");
        let one = json!({"get": "/", "expect": status});
        assert_eq!(room().value("http", one, Some(&server.connection())).await["body"], Value::Null);
        let expected = json!({"get": "/", "expect": [200, status]});
        assert_eq!(room().value("http", expected, Some(&server.connection())).await["status"], status);
    }
}

#[tokio::test]
async fn credentials_are_sent_and_recorded_nowhere() {
    let server = Server::new(|_| respond(200, "{}")).await;
    let base = format!("http://127.0.0.1:{}", server.port);
    let secret = || Secret::new(CANARY.to_owned());
    for (credentials, line) in [
        (HttpCredentials::Bearer(secret()), format!("authorization: Bearer {CANARY}")),
        (
            HttpCredentials::Basic { user: "u".to_owned(), password: secret() },
            "authorization: Basic dTpjYW5hcnktN2YzYTlk".to_owned(),
        ),
        (HttpCredentials::Header { name: "X-Key".to_owned(), value: secret() }, format!("x-key: {CANARY}")),
    ] {
        let connection = api(&base, credentials);
        let collected = room().collect("http", json!({"get": "/"}), Some(&connection)).await.unwrap();
        assert!(server.heads().last().unwrap().contains(&line));
        assert!(!format!("{:?}{:?}{connection:?}", collected.request, collected.source).contains(CANARY));
    }
    let in_address = api(&format!("http://user:{CANARY}@127.0.0.1:{}", server.port), HttpCredentials::None);
    assert_eq!(room().code("http", json!({"get": "/"}), Some(&in_address)).await, Code::PolicyDenied);
}

#[tokio::test]
async fn redirects_stay_on_the_origin() {
    let target = Server::new(|_| respond(200, "{\"stolen\": true}")).await;
    let elsewhere = format!("http://127.0.0.1:{}/", target.port);
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        &elsewhere,
        "file:///etc/passwd",
    ] {
        let location = location.to_owned();
        let server =
            Server::new(move |_| format!("HTTP/1.1 302 X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into())
                .await;
        let connection =
            api(&format!("http://127.0.0.1:{}", server.port), HttpCredentials::Bearer(Secret::new(CANARY.to_owned())));
        assert_eq!(room().code("http", json!({"get": "/"}), Some(&connection)).await, Code::PolicyDenied);
    }
    assert!(target.heads().is_empty());

    let server = Server::new(|head| {
        if head.starts_with("GET /old") {
            b"HTTP/1.1 307 X\r\nlocation: /new\r\ncontent-length: 0\r\n\r\n".to_vec()
        } else {
            respond(200, "1")
        }
    })
    .await;
    assert_eq!(room().value("http", json!({"get": "/old"}), Some(&server.connection())).await["body"], 1);
    let circle = |_: &str| b"HTTP/1.1 302 X\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n".to_vec();
    assert_eq!(code_of(circle).await, Code::BadOutput);
}

#[tokio::test]
async fn no_connection_leads_to_the_metadata_service() {
    let room = room().network("0.0.0.0/0:*");
    for base in [
        "http://169.254.169.254/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://[::ffff:169.254.169.254]/",
        "http://metadata.google.internal/",
    ] {
        let code =
            room.code("http", json!({"get": "/latest/meta-data/"}), Some(&api(base, HttpCredentials::None))).await;
        assert_eq!(code, Code::PolicyDenied, "{base}");
    }
}

#[tokio::test]
async fn broken_answers_are_truncations() {
    for (what, answer) in [
        ("shorter than declared", &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"users\": []}"[..]),
        ("no last chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n"),
        ("half a head", b"HTTP/1.1 200 OK\r\ncontent-le"),
        ("nothing", b""),
    ] {
        assert_eq!(code_of(|_| answer.to_vec()).await, Code::Truncated, "{what}");
    }
    assert_eq!(code_of(|_| b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()).await, Code::BadOutput);
}

#[tokio::test]
async fn a_slow_drip_ends_with_the_deadline() {
    let port = listen(async |mut stream| {
        let mut bytes = [0; 1_024];
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n[").await;
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let since = Instant::now();
    let connection = api(&format!("http://127.0.0.1:{port}"), HttpCredentials::None);
    let failure = room().timeout(300).failure("http", json!({"get": "/"}), Some(&connection)).await;
    assert_eq!((failure.code, failure.transport), (Code::Timeout, true));
    assert!(since.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn an_endless_or_packed_body_is_refused() {
    let port = listen(async |mut stream| {
        let mut bytes = [0; 1_024];
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[").await;
        let spaces = vec![b' '; 65_536];
        while stream.write_all(&spaces).await.is_ok() {}
    })
    .await;
    let connection = api(&format!("http://127.0.0.1:{port}"), HttpCredentials::None);
    assert_eq!(room().code("http", json!({"get": "/"}), Some(&connection)).await, Code::TooLarge);
    let declared = |_: &str| b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    assert_eq!(code_of(declared).await, Code::TooLarge);
    let packed = |_: &str| b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b".to_vec();
    assert_eq!(code_of(packed).await, Code::BadOutput);
}

/// The page that a request asks for, from its cursor.
fn cursor(head: &str) -> usize {
    let text = head.split("cursor=").nth(1).unwrap_or("0");
    text.split([' ', '&']).next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn all_pages_make_one_list() {
    let server = Server::new(|head| {
        let page = cursor(head);
        let next = if page < 4 { json!((page + 1).to_string()) } else { Value::Null };
        respond(200, &json!({"users": [{"id": page * 2}, {"id": page * 2 + 1}], "next_cursor": next}).to_string())
    })
    .await;
    let pages = json!({"items": "body.users", "next": "body.next_cursor", "param": "cursor", "max": 5});
    let arguments = json!({"get": "/users", "query": {"per": 2}, "pages": pages});
    let collected = room().collect("http", arguments.clone(), Some(&server.connection())).await.unwrap();
    let value = room().value("http", arguments.clone(), Some(&server.connection())).await;
    assert_eq!((&value["pages"], &value["complete"]), (&json!(5), &json!(true)));
    let ids: Vec<_> = value["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (0..10).collect::<Vec<_>>());
    assert_eq!(collected.complete, Some(true));
    assert!(server.heads()[4].starts_with("GET /users?per=2&cursor=4 "));

    // One page fewer than there are is an error, not a shorter list.
    let mut fewer = arguments.clone();
    fewer["pages"]["max"] = json!(4);
    assert_eq!(room().code("http", fewer, Some(&server.connection())).await, Code::TooLarge);
    let mut room = room();
    room.limits.step_bytes = 200;
    assert_eq!(room.code("http", arguments, Some(&server.connection())).await, Code::TooLarge);
}

#[tokio::test]
async fn the_last_page_must_say_so() {
    let ask = async |pages: &'static [&'static str]| {
        let server = Server::new(move |head| respond(200, pages[cursor(head)])).await;
        let arguments = json!({"get": "/", "pages": {"items": "body.l", "next": "body.n", "param": "cursor"}});
        room().collect("http", arguments, Some(&server.connection())).await.map(|collected| collected.complete)
    };
    for end in ["{\"l\": [1], \"n\": null}", "{\"l\": [1], \"n\": \"\"}", "{\"l\": [1], \"n\": false}"] {
        let pages: &'static [&'static str] = Box::leak(Box::new([end]));
        assert_eq!(ask(pages).await.unwrap(), Some(true));
    }
    // Left out on the last page by an API that has shown that it names a next page.
    assert_eq!(ask(&["{\"l\": [1], \"n\": 1}", "{\"l\": [2]}"]).await.unwrap(), Some(true));
    // Never mentioned: perhaps the path is wrong.
    assert_eq!(ask(&["{\"l\": [1], \"next\": 1}"]).await.unwrap(), Some(false));
    assert_eq!(ask(&["{\"n\": null}"]).await.unwrap_err().code, Code::BadOutput);
    assert_eq!(ask(&["{\"l\": {}, \"n\": null}"]).await.unwrap_err().code, Code::BadOutput);
    assert_eq!(ask(&["{\"l\": [], \"n\": {}}"]).await.unwrap_err().code, Code::BadOutput);
    assert_eq!(ask(&["{\"l\": [1], \"n\": 1}", "oops"]).await.unwrap_err().code, Code::Parse);
}

#[tokio::test]
async fn circles_of_pages_are_seen() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let server = Server::new(move |_| {
        let next = ["a", "b", "c", "a"][seen.fetch_add(1, Ordering::Relaxed) % 4];
        respond(200, &json!({"l": [1], "n": next}).to_string())
    })
    .await;
    let arguments = json!({"get": "/", "pages": {"items": "body.l", "next": "body.n", "param": "cursor"}});
    let failure = room().failure("http", arguments, Some(&server.connection())).await;
    assert_eq!(failure.code, Code::BadOutput, "{failure}");
    assert_eq!(count.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_next_page_may_be_an_address_on_the_same_origin() {
    let pages = json!({"items": "body.l", "next": "body.n"});
    let server = Server::new(|head| {
        let next = if head.starts_with("GET /two") { Value::Null } else { json!("/two?x=1") };
        respond(200, &json!({"l": [1], "n": next}).to_string())
    })
    .await;
    let value = room().value("http", json!({"get": "/one", "pages": pages}), Some(&server.connection())).await;
    assert_eq!(value["items"], json!([1, 1]));
    let evil = Server::new(|_| respond(200, "{\"l\": [], \"n\": \"http://169.254.169.254/latest\"}")).await;
    assert_eq!(
        room().code("http", json!({"get": "/", "pages": pages}), Some(&evil.connection())).await,
        Code::PolicyDenied
    );
}

#[tokio::test]
async fn post_needs_a_declared_change_and_write_access() {
    let server = Server::new(|_| respond(200, "{}")).await;
    let mut connection = server.connection();
    let arguments = json!({"post": "/do", "body": {"a": 1}});
    assert_eq!(room().code("http", arguments.clone(), Some(&connection)).await, Code::PolicyDenied);
    let mut room = room();
    room.changes = true;
    room.policy.changes.push("tried/*".to_owned());
    assert_eq!(room.code("http", arguments.clone(), Some(&connection)).await, Code::PolicyDenied);
    connection.access = Access::ReadWrite;
    room.value("http", arguments, Some(&connection)).await;
    assert!(server.heads()[0].starts_with("POST /do HTTP/1.1\r\n") && server.heads().len() == 1);
    for arguments in [
        json!({}),
        json!({"get": "/", "post": "/"}),
        json!({"get": "/", "body": 1}),
        json!({"get": "/", "query": {"a": {}}}),
    ] {
        assert_eq!(room.code("http", arguments, Some(&connection)).await, Code::WrongType);
    }
    assert_eq!(room.code("http", json!({"get": "/"}), None).await, Code::PolicyDenied);
}

#[tokio::test]
async fn certificates_are_verified_and_recorded() {
    let (authority, other) = (Authority::new(), Authority::new());
    let identity = authority.issue(&[NAME]);
    let port = listen_tls(identity.acceptor_for_all(), async |stream| {
        serve(stream, &|_: &str| respond(200, "{}"), &Mutex::default()).await;
    })
    .await;
    let good = api(&format!("https://{NAME}:{port}"), HttpCredentials::None);
    let mut room = room();
    room.authorities = Some(authority.pem());
    let collected = room.collect("http", json!({"get": "/"}), Some(&good)).await.unwrap();
    assert_eq!(collected.source["certificate_sha256"], crypto::digest::sha256(&identity.chain[0]).to_string());

    let wrong_name = api(&format!("https://other.example.net:{port}"), HttpCredentials::None);
    let failure = room.failure("http", json!({"get": "/"}), Some(&wrong_name)).await;
    assert_eq!((failure.code, failure.transport), (Code::Tls, false), "{failure}");
    room.authorities = Some(other.pem());
    assert_eq!(room.code("http", json!({"get": "/"}), Some(&good)).await, Code::Tls);
    // The connection's own authority is enough.
    let mut own = api(&format!("https://{NAME}:{port}"), HttpCredentials::None);
    if let Target::Http(api) = &mut own.target {
        api.authorities = Some(authority.pem());
        let client = authority.issue(&["client.example.net"]);
        let key = Secret::new(client.key.serialize_pem().into_bytes());
        let chain = client.pem;
        api.identity = Some(ClientIdentity { chain: chain.into_bytes(), key });
    }
    assert!(room.collect("http", json!({"get": "/"}), Some(&own)).await.is_ok());
    let plain = listen(async |mut stream| {
        let mut bytes = [0; 1_024];
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(&respond(400, "this is not the protocol that was expected here")).await;
    })
    .await;
    let not_tls = api(&format!("https://{NAME}:{plain}"), HttpCredentials::None);
    assert_eq!(room.code("http", json!({"get": "/"}), Some(&not_tls)).await, Code::Tls);
}

#[tokio::test]
async fn targets_that_cannot_be_reached() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let failure = room()
        .failure("http", json!({"get": "/"}), Some(&api(&format!("http://127.0.0.1:{closed}"), HttpCredentials::None)))
        .await;
    assert_eq!((failure.code, failure.transport), (Code::Refused, true), "{failure}");
    // Another machine is not asked without TLS.
    let room = Room::new().network("192.0.2.1:*");
    let plain = api("http://192.0.2.1/", HttpCredentials::None);
    let failure = room.failure("http", json!({"get": "/"}), Some(&plain)).await;
    assert!(failure.code == Code::PolicyDenied && failure.detail.contains("plain = true"), "{failure}");
    assert_eq!(Room::new().code("http", json!({"get": "/"}), Some(&plain)).await, Code::PolicyDenied);
}
