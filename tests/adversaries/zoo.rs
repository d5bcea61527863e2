//! Wrong certificates, shown to a control plane as it runs.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use contract::identity::RunnerName;
use control_plane_authority::TenantAuthority;
use crypto::SystemEntropy;
use ids::{RunnerId, TenantId};
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tests::{Api, Line};

use crate::evil::{Certifier, Keys, Table, now, valid};

/// The preface of HTTP/2 and empty SETTINGS.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A connection over TLS.
pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

#[test]
fn nobody_comes_in_with_a_wrong_certificate() {
    let mut line = Line::start();
    let keys = Keys::of(&line.control_plane, &line.tenant);
    let certifier = Certifier::of(&keys);
    let runner: RunnerId = line.runner_id().parse().unwrap();
    let name = RunnerName { tenant: keys.tenant, runner }.to_string();
    let key = KeyPair::generate().unwrap();
    let spoilt = |spoil: &dyn Fn(&mut rcgen::CertificateParams)| {
        let mut params = certifier.leaf(&name);
        spoil(&mut params);
        vec![certifier.sign(&params, &key), certifier.certificate.clone()]
    };
    let other = TenantAuthority::create(TenantId::from_bytes([9; 16]), &SystemEntropy::new(), now()).unwrap();
    let attempts: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("no certificate", Vec::new()),
        ("expired", spoilt(&|it| valid(it, -7_200, -60))),
        ("not valid yet", spoilt(&|it| valid(it, 3_600, 7_200))),
        ("for ten years", spoilt(&|it| valid(it, -300, 315_360_000))),
        ("for servers", spoilt(&|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])),
        ("an authority", spoilt(&|it| it.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)))),
        ("two names", spoilt(&|it| it.subject_alt_names.push(SanType::DnsName("a.example".try_into().unwrap())))),
        (
            "a name that is no Runner's",
            spoilt(&|it| {
                it.subject_alt_names =
                    vec![SanType::URI(format!("spiffe://{}", keys.tenant).as_str().try_into().unwrap())];
            }),
        ),
        (
            "another tenant's name under this authority",
            spoilt(&|it| {
                let name = RunnerName { tenant: TenantId::from_bytes([9; 16]), runner }.to_string();
                it.subject_alt_names = vec![SanType::URI(name.as_str().try_into().unwrap())];
            }),
        ),
        ("signed with another key in the authority's name", {
            vec![
                certifier.sign_with(&certifier.leaf(&name), &key, KeyPair::generate().unwrap()),
                certifier.certificate.clone(),
            ]
        }),
        ("the authority's own certificate", vec![certifier.certificate.clone()]),
        ("an authority that the platform does not know", {
            let key = KeyPair::try_from(other.private_key().expose().as_slice()).unwrap();
            vec![
                certifier.sign_with(&certifier.leaf(&name), &KeyPair::generate().unwrap(), key),
                other.certificate_der().to_vec(),
            ]
        }),
    ];
    let mut table = Table::new("Wrong certificates at a running control plane");
    for (shown, chain) in attempts {
        let answer = converse(&line, &chain, &key);
        assert!(answer.is_err(), "{shown}: the control plane speaks: {answer:?}");
        table.row(shown, "alert", "log, metrics");
    }
    let (status, metrics) = Api::plain(&format!("http://127.0.0.1:{}/metrics", line.control_plane.ports.metrics));
    assert_eq!(status, 200);
    assert!(metrics.contains("E-GATEWAY-022") || metrics.contains("E-GATEWAY-020"), "{metrics}");

    // One that only differs in never having been issued passes TLS, and is turned away at Hello: the process speaks.
    let never_issued = spoilt(&|_| {});
    assert!(converse(&line, &never_issued, &key).is_ok());
    // And the Runner itself is still served.
    let shown = line.request("accounts");
    assert_eq!(shown["verdict"], "pass");
    line.stop_runner();
    table.print();
}

/// Shakes hands with this certificate and says the first words of HTTP/2; what comes back, if anything does.
fn converse(line: &Line, chain: &[Vec<u8>], key: &KeyPair) -> io::Result<Vec<u8>> {
    let identity = (!chain.is_empty()).then_some((chain, key));
    let mut stream = connect(line.control_plane.ports.line, client(&line.control_plane.authority(), identity))?;
    stream.write_all(PREFACE)?;
    stream.flush()?;
    let mut answer = vec![0; 9];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// A client that trusts this authority, and shows this chain whether the key fits or not.
pub(crate) fn client(authority: &std::path::Path, identity: Option<(&[Vec<u8>], &KeyPair)>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = chain.iter().cloned().map(CertificateDer::from).collect();
            let key: PrivateKeyDer<'static> = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
            let key = provider.key_provider.load_private_key(key).unwrap();
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key))))
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Connects and shakes hands.
pub(crate) fn connect(port: u16, config: ClientConfig) -> io::Result<Tls> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let name = "localhost".try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}
