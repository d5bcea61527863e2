use super::control_plane::{ControlPlane, shake_hands};
use super::pki::{ServerCa, Tls};
use super::relay::ForwardProxy;
use super::{clock, direct, let_in, shared, timeouts};
use crate::address::Address;
use crate::dial::{Dialer, Proxy, ProxySettings};
use crate::probe::{Finding, Part, run};
use crate::trust::Trust;

fn parts(findings: &[Finding]) -> Vec<(Part, bool)> {
    findings.iter().map(|finding| (finding.part, finding.outcome.is_ok())).collect()
}

#[tokio::test]
async fn the_whole_way_is_gone_part_by_part() {
    let clock = clock();
    let control_plane = ControlPlane::new(&clock);
    let tls = Tls::new();
    let address = control_plane.serve_line(&tls).await;
    let identity = let_in(&control_plane, &tls, &address);
    let trust = Trust::pinned(tls.ca.pin);
    let findings = run(&address, &trust, Some(&identity), &direct(), shared(&clock)).await;
    let shown: Vec<_> = parts(&findings).into_iter().take(5).collect();
    let expected = [Part::Resolve, Part::Tcp, Part::Chain, Part::Tls, Part::Http2];
    assert_eq!(shown, expected.map(|part| (part, true)), "{findings:?}");
    let chain = findings[2].outcome.as_ref().unwrap();
    assert!(chain.contains(&tls.ca.pin.to_string()) && chain.contains("cp.example.org"), "{chain}");
    // The test's clock stands in November 2026 and the server's does not: that is what the probe is for.
    assert!(findings[5..].iter().all(|finding| finding.part == Part::Clock));
    assert!(control_plane.state().sessions.is_empty(), "no session is opened");
    let without = run(&address, &trust, None, &direct(), shared(&clock)).await;
    let last = without.last().unwrap();
    assert_eq!((last.part, last.outcome.as_ref().unwrap_err().code), (Part::Http2, "E-LINK-017"));
}

#[tokio::test]
async fn a_wrong_authority_is_shown_with_the_chain() {
    let clock = clock();
    let tls = Tls::new();
    let address = shake_hands(tls.config(None, &clock), "127.0.0.1:0").await.unwrap();
    let findings = run(&address, &Trust::pinned(ServerCa::new().pin), None, &direct(), shared(&clock)).await;
    let expected = [(Part::Resolve, true), (Part::Tcp, true), (Part::Chain, true), (Part::Tls, false)];
    assert_eq!(parts(&findings), expected);
    assert_eq!(findings[3].outcome.as_ref().unwrap_err().code, "E-LINK-011");
}

#[tokio::test]
async fn the_first_part_that_fails_is_the_last_that_is_tried() {
    let clock = clock();
    let trust = Trust::pinned(ServerCa::new().pin);
    let nobody: Address = "nobody.invalid:8442".parse().unwrap();
    let findings = run(&nobody, &trust, None, &direct(), shared(&clock)).await;
    assert_eq!(parts(&findings), [(Part::Resolve, false)]);
    let proxy = ForwardProxy::answering(&nobody, |_| "HTTP/1.1 407 No\r\n\r\n").await;
    let proxy = Proxy::new(&format!("http://{}", proxy.address), None, None, &[]).unwrap();
    let dialer = Dialer::new(ProxySettings::Proxy(proxy), timeouts());
    let findings = run(&nobody, &trust, None, &dialer, shared(&clock)).await;
    assert_eq!(parts(&findings), [(Part::Proxy, false)]);
    assert_eq!(findings[0].outcome.as_ref().unwrap_err().code, "E-LINK-007");
}
