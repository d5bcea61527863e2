use crypto::Secret;

use super::control_plane::shake_hands;
use super::pki::Tls;
use super::relay::ForwardProxy;
use super::{clock, shared, timeouts};
use crate::address::Address;
use crate::dial::{Dialer, Proxy, ProxySettings};
use crate::error::{Fault, LinkError};
use crate::trust::Trust;

/// `Aladdin:open sesame`, the example of RFC 7617 §2.
const CREDENTIALS: &str = "QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

fn through(proxy: &ForwardProxy, password: Option<&str>, no_proxy: &[&str]) -> Dialer {
    let password = password.map(|password| Secret::new(password.to_owned()));
    let user = password.as_ref().map(|_| "Aladdin");
    let exempt: Vec<String> = no_proxy.iter().map(|entry| (*entry).to_owned()).collect();
    let url = format!("http://{}", proxy.address);
    let proxy = Proxy::new(&url, user, password.as_ref(), &exempt).unwrap();
    Dialer::new(ProxySettings::Proxy(proxy), timeouts())
}

struct Place {
    tls: Tls,
    address: Address,
}

async fn place() -> Place {
    let tls = Tls::new();
    let address = shake_hands(tls.config(None, &clock()), "127.0.0.1:0").await.unwrap();
    Place { tls, address }
}

async fn dial(place: &Place, dialer: &Dialer, to: &str) -> Result<(), LinkError> {
    let to = to.parse().unwrap();
    dialer.dial(&to, &Trust::pinned(place.tls.ca.pin), None, &shared(&clock())).await.map(drop)
}

#[tokio::test]
async fn a_tunnel_is_asked_for_by_name_and_with_credentials() {
    let place = place().await;
    let proxy = ForwardProxy::start(&place.address, Some(CREDENTIALS)).await;
    let dialer = through(&proxy, Some("open sesame"), &[]);
    // The name resolves nowhere: only the proxy has to know it.
    dial(&place, &dialer, "cp.example.org:8442").await.unwrap();
    dial(&place, &dialer, "[::1]:8442").await.unwrap();
    let asked = proxy.asked.lock().unwrap();
    assert!(asked[0].starts_with("CONNECT cp.example.org:8442 HTTP/1.1\r\nHost: cp.example.org:8442\r\n"));
    assert!(asked[1].starts_with("CONNECT [::1]:8442 HTTP/1.1\r\nHost: [::1]:8442\r\n"));
}

#[tokio::test]
async fn a_proxy_that_wants_other_credentials_is_the_operators_to_correct() {
    let place = place().await;
    let proxy = ForwardProxy::start(&place.address, Some(CREDENTIALS)).await;
    for password in [None, Some("wrong")] {
        let error = dial(&place, &through(&proxy, password, &[]), "cp.example.org:8442").await.unwrap_err();
        assert_eq!((error.code(), error.fault()), ("E-LINK-007", Fault::Operator));
        assert!(!error.to_string().contains("wrong"));
    }
}

#[tokio::test]
async fn the_name_is_verified_behind_the_proxy_too() {
    let place = place().await;
    let proxy = ForwardProxy::start(&place.address, None).await;
    let error = dial(&place, &through(&proxy, None, &[]), "other.example.org:8442").await.unwrap_err();
    assert_eq!(error.code(), "E-LINK-013");
}

#[tokio::test]
async fn a_proxy_that_refuses_or_talks_nonsense_is_said_so() {
    let place = place().await;
    for (answer, code) in [
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "E-LINK-006"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "E-LINK-006"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "E-LINK-008"),
        ("", "E-LINK-004"),
    ] {
        let proxy = ForwardProxy::answering(&place.address, move |_| answer).await;
        let error =
            dial(&place, &through(&proxy, None, &[]), "cp.example.org:8442").await.map_err(|error| error.code());
        // A proxy that says nothing closes here, because the test proxy has nothing to hold the stream open for.
        let allowed = if code == "E-LINK-004" { vec![code, "E-LINK-008"] } else { vec![code] };
        assert!(allowed.contains(&error.unwrap_err()), "{answer}");
    }
}

#[tokio::test]
async fn exempt_hosts_are_reached_without_the_proxy() {
    let place = place().await;
    let proxy = ForwardProxy::answering(&place.address, |_| "HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let here = place.address.to_string();
    for no_proxy in ["127.0.0.0/8", "127.0.0.1", "*"] {
        dial(&place, &through(&proxy, None, &[no_proxy]), &here).await.unwrap();
    }
    assert!(proxy.asked.lock().unwrap().is_empty());
    let error = dial(&place, &through(&proxy, None, &["10.0.0.0/8", "example.org"]), &here).await.unwrap_err();
    assert_eq!(error.code(), "E-LINK-006");
}
