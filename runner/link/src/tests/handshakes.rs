use std::sync::Arc;

use clock::ManualClock;
use contract::token::CaPin;
use rcgen::ExtendedKeyUsagePurpose;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::control_plane::shake_hands;
use super::pki::{ServerCa, Tls};
use super::{clock, direct, shared};
use crate::address::Address;
use crate::error::{Fault, LinkError};
use crate::identity::tests::now;
use crate::trust::Trust;

/// Shakes hands with a server that is as `change` makes it; `believe` says whom the Runner trusts.
async fn shake(change: impl FnOnce(&mut Tls), believe: impl FnOnce(&Tls) -> Trust) -> Result<(), LinkError> {
    let clock = clock();
    let mut tls = Tls::new();
    change(&mut tls);
    let address = shake_hands(tls.config(None, &clock), "127.0.0.1:0").await.unwrap();
    dial(&address, &believe(&tls), &clock).await
}

async fn dial(address: &Address, trust: &Trust, clock: &Arc<ManualClock>) -> Result<(), LinkError> {
    direct().dial(address, trust, None, &shared(clock)).await.map(drop)
}

fn pinned(tls: &Tls) -> Trust {
    Trust::pinned(tls.ca.pin)
}

fn file(tls: &Tls) -> Trust {
    Trust::Authorities(vec![tls.ca.der.clone()])
}

#[tokio::test]
async fn the_right_control_plane_is_believed() {
    assert_eq!(shake(|_| {}, pinned).await, Ok(()));
    assert_eq!(shake(|_| {}, file).await, Ok(()));
    assert_eq!(shake(|tls| tls.shows_ca = false, file).await, Ok(()));
}

#[tokio::test]
async fn an_authority_that_was_seen_need_not_be_shown_again() {
    let clock = clock();
    let tls = Tls::new();
    let address = shake_hands(tls.config(None, &clock), "127.0.0.1:0").await.unwrap();
    let connection = direct().dial(&address, &pinned(&tls), None, &shared(&clock)).await.unwrap();
    assert_eq!(connection.authority, Some(tls.ca.der.clone()));
    let trust = Trust::Pinned { pin: tls.ca.pin, authority: connection.authority };
    let alone = Tls { shows_ca: false, ..tls };
    let address = shake_hands(alone.config(None, &clock), "127.0.0.1:0").await.unwrap();
    assert_eq!(dial(&address, &trust, &clock).await, Ok(()));
    let unseen = dial(&address, &pinned(&alone), &clock).await.unwrap_err();
    assert_eq!(unseen.code(), "E-LINK-011");
}

#[tokio::test]
async fn every_address_family_and_a_name_work() {
    let clock = clock();
    let tls = Tls::new();
    let config = tls.config(None, &clock);
    let v4 = shake_hands(Arc::clone(&config), "127.0.0.1:0").await.unwrap();
    let by_name: Address = format!("localhost:{}", v4.port).parse().unwrap();
    assert_eq!(dial(&by_name, &pinned(&tls), &clock).await, Ok(()));
    // A host without IPv6 cannot run this part.
    if let Some(v6) = shake_hands(config, "[::1]:0").await {
        assert_eq!(dial(&v6, &pinned(&tls), &clock).await, Ok(()));
        let wrong = Tls { names: vec!["127.0.0.1"], ..tls };
        let v6 = shake_hands(wrong.config(None, &clock), "[::1]:0").await.unwrap();
        assert_eq!(dial(&v6, &pinned(&wrong), &clock).await.unwrap_err().code(), "E-LINK-013");
    }
}

#[tokio::test]
async fn every_wrong_control_plane_is_refused_with_its_own_code() {
    let day = 24 * 3_600_000;
    let other = ServerCa::new();
    let (other_pin, other_ca) = (other.pin, other.der);
    let wrong_pin = shake(|_| {}, |_| Trust::pinned(other_pin)).await;
    let wrong_file = shake(|_| {}, |_| Trust::Authorities(vec![other_ca])).await;
    for (what, result, code, fault) in [
        ("another authority than the pin", wrong_pin, "E-LINK-011", Fault::Operator),
        ("another authority than the file", wrong_file, "E-LINK-012", Fault::Operator),
        ("a pin that it does not show", shake(|tls| tls.shows_ca = false, pinned).await, "E-LINK-011", Fault::Operator),
        (
            "another name",
            shake(|tls| tls.names = vec!["evil.example.org"], pinned).await,
            "E-LINK-013",
            Fault::Operator,
        ),
        ("another name (file)", shake(|tls| tls.names = vec!["10.0.0.1"], file).await, "E-LINK-013", Fault::Operator),
        ("expired", shake(|tls| tls.from = now().plus_ms(-2 * day), pinned).await, "E-LINK-014", Fault::Peer),
        ("not valid yet", shake(|tls| tls.from = now().plus_ms(day), file).await, "E-LINK-014", Fault::Peer),
        ("only TLS 1.2", shake(|tls| tls.version = &rustls::version::TLS12, pinned).await, "E-LINK-015", Fault::Peer),
        ("no ALPN", shake(|tls| tls.alpn.clear(), pinned).await, "E-LINK-016", Fault::Operator),
        ("HTTP/1.1", shake(|tls| tls.alpn = vec![b"http/1.1".to_vec()], pinned).await, "E-LINK-016", Fault::Operator),
        (
            "a client's certificate",
            shake(|tls| tls.purpose = ExtendedKeyUsagePurpose::ClientAuth, pinned).await,
            "E-LINK-010",
            Fault::Network,
        ),
    ] {
        let error = result.expect_err(what);
        assert_eq!((error.code(), error.fault()), (code, fault), "{what}: {error}");
    }
}

#[tokio::test]
async fn a_private_authority_is_not_one_of_the_systems() {
    let error = shake(|_| {}, |_| Trust::System).await.unwrap_err();
    // A host that has no authorities at all says so before the handshake.
    assert!(["E-LINK-012", "E-LINK-019"].contains(&error.code()), "{error}");
}

#[tokio::test]
async fn a_pin_of_the_servers_own_key_is_no_authority() {
    let clock = clock();
    let tls = Tls::new();
    let address = shake_hands(tls.config(None, &clock), "127.0.0.1:0").await.unwrap();
    let seen = Arc::new(crate::trust::Seen::default());
    let stream = direct().reach(&address).await.unwrap();
    direct().secure(stream, &address, &pinned(&tls), None, &shared(&clock), &seen).await.map(drop).unwrap();
    let leaf = seen.sight().chain[0].spki;
    let error = dial(&address, &Trust::pinned(CaPin(leaf)), &clock).await.unwrap_err();
    let LinkError::Pin { shown, .. } = &error else { panic!("{error}") };
    assert_eq!(shown, &tls.ca.pin.to_string(), "the error says what was shown");
}

#[tokio::test]
async fn a_server_that_speaks_something_else_or_nothing_is_left() {
    let clock = clock();
    let trust = Trust::pinned(ServerCa::new().pin);
    for (says, code) in [(Some(&b"220 mail.example.org ESMTP\r\n"[..]), "E-LINK-010"), (None, "E-LINK-018")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: Address = listener.local_addr().unwrap().to_string().parse().unwrap();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if let Some(says) = says {
                    stream.write_all(says).await.unwrap();
                }
                held.push(stream);
            }
        });
        assert_eq!(dial(&address, &trust, &clock).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_the_networks_fault() {
    let clock = clock();
    let trust = Trust::pinned(ServerCa::new().pin);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone: Address = listener.local_addr().unwrap().to_string().parse().unwrap();
    drop(listener);
    let error = dial(&gone, &trust, &clock).await.unwrap_err();
    assert_eq!((error.code(), error.fault()), ("E-LINK-003", Fault::Network));
    // RFC 6761 §6.4: names under .invalid never resolve.
    let error = dial(&"nobody.invalid:8441".parse().unwrap(), &trust, &clock).await.unwrap_err();
    assert_eq!((error.code(), error.fault()), ("E-LINK-002", Fault::Network));
}
