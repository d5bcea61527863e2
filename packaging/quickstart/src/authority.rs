//! The certification authority of the little company, and the certificates of its endpoints: one as it should be, the
//! others with the faults that happen.

use std::time::Duration;

use clock::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::fault::Fault;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A time in the year 9000.
const LATEST_SECONDS: u64 = 221_845_392_000;

/// An endpoint of the company and the certificate that it presents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    /// What people call it.
    pub(crate) name: &'static str,
    /// What is wrong with it, or that nothing is.
    pub(crate) about: &'static str,
    made_out_to: &'static str,
    /// Days from today.
    valid: (i64, i64),
}

/// Every endpoint, in the order of their ports.
pub(crate) const ENDPOINTS: [Endpoint; 3] = [
    Endpoint { name: "shop", about: "a good certificate", made_out_to: "localhost", valid: (-10, 80) },
    Endpoint {
        name: "intranet",
        about: "a certificate that ended 12 days ago and is made out to another host",
        made_out_to: "intranet.example.org",
        valid: (-102, -12),
    },
    Endpoint { name: "api", about: "a certificate with 9 days left", made_out_to: "localhost", valid: (-81, 9) },
];

/// A certificate with its key.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// The authority. Its key lives as long as this value and is never written.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    now: Timestamp,
}

impl Authority {
    /// Makes a new authority.
    pub(crate) fn new(now: Timestamp) -> Result<Self, Fault> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name("Example Ltd quickstart authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_validity(&mut params, now, (-365, 365));
        let key = KeyPair::generate().map_err(fault)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(fault)?;
        Ok(Self { issuer, now })
    }

    /// The authority's certificate as PEM, for those who are to trust it.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Issues the certificate of an endpoint.
    pub(crate) fn issue(&self, endpoint: &Endpoint) -> Result<Credential, Fault> {
        let mut params = CertificateParams::new(vec![endpoint.made_out_to.to_owned()]).map_err(fault)?;
        params.distinguished_name = name(endpoint.made_out_to);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, self.now, endpoint.valid);
        let key = KeyPair::generate().map_err(fault)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(fault)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Credential { chain: vec![certificate.into()], key })
    }
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Example Ltd");
    name.push(DnType::CommonName, common);
    name
}

/// Sets from when to when the certificate is valid, in days from now.
fn set_validity(params: &mut CertificateParams, now: Timestamp, (from, to): (i64, i64)) {
    // Dates of certificates end with the year 9999; a clock set near there must not make the arithmetic overflow.
    let seconds = u64::try_from(now.as_millis() / 1000).unwrap_or(0).min(LATEST_SECONDS);
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let day = |days: i64| {
        let distance = DAY * u32::try_from(days.unsigned_abs()).unwrap_or(0);
        if days < 0 { now - distance } else { now + distance }
    };
    params.not_before = day(from);
    params.not_after = day(to);
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function to map errors with")]
fn fault(error: rcgen::Error) -> Fault {
    Fault::Listener(format!("cannot make a certificate: {error}"))
}
