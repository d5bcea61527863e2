//! A certificate read strictly: one DER value, version 3, only the extensions that our own certificates have, each once.

use clock::Timestamp;
use crypto::p256::VerifyingKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{BasicConstraints, ExtendedKeyUsage, GeneralName, KeyUsage, ParsedExtension};
use x509_parser::oid_registry::OID_SIG_ECDSA_WITH_SHA256;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

use crate::verify::Why;

/// What contract allows a certificate to have.
const MAX_LENGTH: usize = 4096;

/// A certificate of which only the form is known to be right.
pub(crate) struct Certificate<'a> {
    inner: X509Certificate<'a>,
    extensions: Extensions<'a>,
}

/// What the extensions say; names as they stand.
#[derive(Default)]
struct Extensions<'a> {
    uri: Option<&'a str>,
    basic_constraints: Option<BasicConstraints>,
    key_usage: Option<KeyUsage>,
    client_only: Option<bool>,
    key_identifiers: (bool, bool),
}

impl<'a> Certificate<'a> {
    pub(crate) fn read(der: &'a [u8]) -> Result<Self, Why> {
        if der.len() > MAX_LENGTH {
            return Err(Why::Encoding);
        }
        let (rest, inner) = X509Certificate::from_der(der).map_err(|_| Why::Encoding)?;
        if !rest.is_empty() || inner.version() != X509Version::V3 {
            return Err(Why::Encoding);
        }
        let extensions = Extensions::read(&inner)?;
        Ok(Self { inner, extensions })
    }

    /// The one name that it has, a URI.
    pub(crate) fn uri(&self) -> Result<&'a str, Why> {
        self.extensions.uri.ok_or(Why::Name)
    }

    pub(crate) fn key(&self) -> Result<VerifyingKey, Why> {
        VerifyingKey::from_spki(self.inner.public_key().raw).map_err(|_| Why::Key)
    }

    /// Exactly 16 bytes, as every serial number of ours.
    pub(crate) fn serial(&self) -> Result<[u8; 16], Why> {
        self.inner.raw_serial().try_into().map_err(|_| Why::Serial)
    }

    pub(crate) fn not_before(&self) -> Timestamp {
        Timestamp::from_millis(self.inner.validity().not_before.timestamp().saturating_mul(1000))
    }

    pub(crate) fn not_after(&self) -> Timestamp {
        Timestamp::from_millis(self.inner.validity().not_after.timestamp().saturating_mul(1000))
    }

    pub(crate) fn may_issue(&self) -> bool {
        self.extensions.basic_constraints.as_ref().is_some_and(|basic| basic.ca)
    }

    /// CA:TRUE with path length 0, and a key that signs certificates.
    pub(crate) fn issues_leaves_only(&self) -> bool {
        let basic = self.extensions.basic_constraints.as_ref();
        let usage = self.extensions.key_usage.as_ref();
        basic.is_some_and(|basic| basic.ca && basic.path_len_constraint == Some(0))
            && usage.is_some_and(KeyUsage::key_cert_sign)
    }

    /// A key that signs and does nothing else.
    pub(crate) fn signs_only(&self) -> bool {
        const DIGITAL_SIGNATURE: u16 = 1;
        self.extensions.key_usage.as_ref().is_some_and(|usage| usage.flags == DIGITAL_SIGNATURE)
    }

    /// Extended key usage: TLS client, present and alone.
    pub(crate) fn client_only(&self) -> bool {
        self.extensions.client_only == Some(true)
    }

    pub(crate) fn has_purposes(&self) -> bool {
        self.extensions.client_only.is_some()
    }

    /// Whether it names itself as its issuer and its own key signed it.
    pub(crate) fn signed_by_itself(&self) -> Result<bool, Why> {
        let algorithm = &self.inner.signature_algorithm;
        let named = self.inner.issuer().as_raw() == self.inner.subject().as_raw()
            && algorithm.algorithm == OID_SIG_ECDSA_WITH_SHA256
            && algorithm.parameters.is_none()
            && self.inner.signature_value.unused_bits == 0;
        let signature = &self.inner.signature_value.data;
        Ok(named && self.key()?.verify(self.inner.tbs_certificate.as_ref(), signature).is_ok())
    }
}

impl<'a> Extensions<'a> {
    fn read(certificate: &X509Certificate<'a>) -> Result<Self, Why> {
        let mut read = Self::default();
        for extension in certificate.extensions() {
            let first = match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => match names.general_names.as_slice() {
                    [GeneralName::URI(uri)] => read.uri.replace(uri).is_none(),
                    _ => return Err(Why::Name),
                },
                ParsedExtension::BasicConstraints(basic) => read.basic_constraints.replace(basic.clone()).is_none(),
                ParsedExtension::KeyUsage(usage) => read.key_usage.replace(*usage).is_none(),
                ParsedExtension::ExtendedKeyUsage(usage) => read.client_only.replace(is_client_only(usage)).is_none(),
                ParsedExtension::AuthorityKeyIdentifier(_) => !std::mem::replace(&mut read.key_identifiers.0, true),
                ParsedExtension::SubjectKeyIdentifier(_) => !std::mem::replace(&mut read.key_identifiers.1, true),
                // Our certificates have no others, so what carries one was not made by us, whoever signed it.
                _ => return Err(Why::Extension),
            };
            if !first {
                return Err(Why::Extension);
            }
        }
        Ok(read)
    }
}

fn is_client_only(usage: &ExtendedKeyUsage<'_>) -> bool {
    let others = usage.any
        || usage.server_auth
        || usage.code_signing
        || usage.email_protection
        || usage.time_stamping
        || usage.ocsp_signing
        || !usage.other.is_empty();
    usage.client_auth && !others
}
