//! Endpoints that are as they should be, and others.

use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use verdict::Code;

use crate::listener::{Authority, Identity, NAME, ToThisMachine, listen, listen_tls};
use crate::room::Room;

fn room(authority: Option<&Authority>) -> Room {
    let mut room = Room::new().network("127.0.0.1:*").network("*.example.net:*");
    room.resolver = Some(Arc::new(ToThisMachine));
    room.authorities = authority.map(Authority::pem);
    room
}

async fn endpoint(identity: &Identity) -> u16 {
    listen_tls(identity.acceptor_for_all(), async |_| {}).await
}

fn ask(port: u16) -> Value {
    json!({"host": NAME, "port": port})
}

#[tokio::test]
async fn a_good_endpoint() {
    let authority = Authority::new();
    let identity = authority.issue(&[NAME, "127.0.0.1"]);
    let port = endpoint(&identity).await;
    let value = room(Some(&authority)).value("tls", ask(port), None).await;
    assert_eq!((&value["trusted"], &value["hostname_ok"]), (&json!(true), &json!(true)));
    assert_eq!(value["accepts"], json!({"tls1_0": false, "tls1_1": false, "tls1_2": true, "tls1_3": true}));
    let (own, above) = (&value["chain"][0], &value["chain"][1]);
    assert_eq!(own["subject"], format!("CN={NAME}"));
    assert_eq!(own["issuer"], "O=Proctor\\, tests,CN=Test Authority");
    assert_eq!(
        (own["issuer"].clone(), &own["key_type"], &own["key_bits"]),
        (above["subject"].clone(), &json!("ec"), &json!(256))
    );
    assert_eq!(own["sans"], json!([NAME, "127.0.0.1"]));
    assert_eq!(own["sha256"], crypto::digest::sha256(&identity.chain[0]).to_string());
    for field in ["not_before", "not_after"] {
        assert!(own[field].as_str().unwrap().parse::<clock::Timestamp>().is_ok());
    }
    // By its address, with only one version tried.
    let by_address = json!({"host": "127.0.0.1", "port": port, "probe": ["tls1_1"]});
    let collected = room(Some(&authority)).collect("tls", by_address, None).await.unwrap();
    assert_eq!(collected.source["certificate_sha256"], own["sha256"]);
    let value = collected.evidence.value().unwrap();
    assert_eq!((&value["hostname_ok"], &value["accepts"]), (&json!(true), &json!({"tls1_1": false})));
}

#[tokio::test]
async fn what_is_wrong_is_told_apart_and_the_chain_is_told_anyway() {
    let (authority, other) = (Authority::new(), Authority::new());
    let expired = |params: &mut rcgen::CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    for (what, identity, trusted, hostname_ok) in [
        ("other name", authority.issue(&["other.example.net"]), true, false),
        ("expired", authority.issue_with(&[NAME], KeyPair::generate().unwrap(), expired), false, true),
        ("unknown authority", other.issue(&[NAME]), false, true),
    ] {
        let value = room(Some(&authority)).value("tls", ask(endpoint(&identity).await), None).await;
        assert_eq!((&value["trusted"], &value["hostname_ok"]), (&json!(trusted), &json!(hostname_ok)), "{what}");
        assert_eq!(value["chain"].as_array().map(Vec::len), Some(2), "{what}");
    }
}

#[tokio::test]
async fn keys_are_described() {
    let authority = Authority::new();
    for (algorithm, kind, bits) in [(&PKCS_ECDSA_P384_SHA384, "ec", 384), (&PKCS_ED25519, "ed25519", 256)] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let identity = authority.issue_with(&[NAME], key, |_| {});
        let value = room(Some(&authority)).value("tls", ask(endpoint(&identity).await), None).await;
        assert_eq!((&value["chain"][0]["key_type"], &value["chain"][0]["key_bits"]), (&json!(kind), &json!(bits)));
        assert_eq!(value["trusted"], true);
    }
}

#[tokio::test]
async fn each_version_is_tried_by_itself() {
    let authority = Authority::new();
    let identity = authority.issue(&[NAME]);
    for (version, accepts) in [
        (&rustls::version::TLS12, json!({"tls1_0": false, "tls1_1": false, "tls1_2": true, "tls1_3": false})),
        (&rustls::version::TLS13, json!({"tls1_0": false, "tls1_1": false, "tls1_2": false, "tls1_3": true})),
    ] {
        let port = listen_tls(identity.acceptor(&[version]), async |_| {}).await;
        let value = room(Some(&authority)).value("tls", ask(port), None).await;
        assert_eq!((&value["accepts"], &value["trusted"]), (&accepts, &json!(true)));
    }
}

/// An endpoint that knows nothing but TLS 1.0: it answers the offers of others with an alert.
async fn old_endpoint(identity: &Identity) -> u16 {
    let own = identity.chain[0].to_vec();
    listen(move |mut stream| {
        let own = own.clone();
        async move {
            let mut hello = vec![0; 4_096];
            let count = stream.read(&mut hello).await.unwrap_or(0);
            let answer = if hello.get(9..11) == Some(&[3, 1]) { flight(&own) } else { vec![21, 3, 1, 0, 2, 2, 70] };
            assert!(count > 11);
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

/// ServerHello, Certificate and ServerHelloDone of TLS 1.0.
fn flight(certificate: &[u8]) -> Vec<u8> {
    let length = |n: usize| [(n >> 16) as u8, (n >> 8) as u8, n as u8];
    let mut hello = vec![3, 1];
    hello.extend([5; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    let mut messages = [&[2][..], &length(hello.len()), &hello].concat();
    let list = [&length(certificate.len())[..], certificate].concat();
    let body = [&length(list.len())[..], &list].concat();
    messages.extend([&[11][..], &length(body.len()), &body].concat());
    messages.extend([14, 0, 0, 0]);
    [&[22, 3, 1][..], &(messages.len() as u16).to_be_bytes(), &messages].concat()
}

#[tokio::test]
async fn an_old_version_is_seen_and_its_chain_is_not_trusted() {
    let authority = Authority::new();
    let identity = authority.issue(&[NAME]);
    let value = room(Some(&authority)).value("tls", ask(old_endpoint(&identity).await), None).await;
    assert_eq!(value["accepts"], json!({"tls1_0": true, "tls1_1": false, "tls1_2": false, "tls1_3": false}));
    assert_eq!((&value["trusted"], &value["hostname_ok"]), (&json!(false), &json!(true)));
    assert_eq!(value["chain"][0]["sha256"], crypto::digest::sha256(&identity.chain[0]).to_string());
}

#[tokio::test]
async fn silence_and_other_protocols_are_errors_and_never_refusals() {
    let silent = listen(async |mut stream| {
        let mut bytes = [0; 4_096];
        while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
    })
    .await;
    let failure = room(None).timeout(300).failure("tls", ask(silent), None).await;
    assert_eq!((failure.code, failure.transport), (Code::Timeout, true));

    let web = listen(async |mut stream| {
        let mut bytes = [0; 512];
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    assert_eq!(room(None).code("tls", ask(web), None).await, Code::Tls);

    let closing = listen(async |stream| drop(stream)).await;
    assert_eq!(room(None).code("tls", ask(closing), None).await, Code::Tls);

    // Half a hello, then the end.
    let half = listen(async |mut stream| {
        let mut bytes = [0; 512];
        let _ = stream.read(&mut bytes).await;
        let _ = stream.write_all(&[22, 3, 3, 0, 80, 2, 0]).await;
    })
    .await;
    assert_eq!(room(None).code("tls", ask(half), None).await, Code::Truncated);
}

#[tokio::test]
async fn unreachable_and_unlisted_targets() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let failure = room(None).failure("tls", ask(closed), None).await;
    assert_eq!((failure.code, failure.transport), (Code::Refused, true));
    assert_eq!(Room::new().code("tls", ask(closed), None).await, Code::PolicyDenied);
    for host in ["169.254.169.254", "metadata.google.internal", "2852039166", "[::ffff:169.254.169.254]"] {
        let failure = room(None).failure("tls", json!({"host": host, "port": 443}), None).await;
        assert_eq!((failure.code, failure.transport), (Code::PolicyDenied, false), "{host}");
    }
    for arguments in [json!({"host": NAME}), json!({"host": NAME, "port": 70_000}), json!({"host": NAME, "port": "1"})]
    {
        assert_eq!(room(None).code("tls", arguments, None).await, Code::WrongType);
    }
}
