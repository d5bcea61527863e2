//! Our keys and times in the shape that certificates are made from.

use std::time::Duration;

use clock::Timestamp;
use crypto::entropy::random_bytes;
use crypto::p256::{SigningKey, VerifyingKey};
use crypto::{Digest, Entropy};
use rcgen::{CertificateParams, DistinguishedName, DnType, PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd};

/// SubjectPublicKeyInfo of P-256 up to the point itself; `crypto::p256` reads and writes no other form.
const POINT_AT: usize = 26;

/// The year 9000: certificates end with 9999, and a clock set there must not make the arithmetic overflow.
const LATEST_SECONDS: u64 = 221_845_392_000;

/// A certificate could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("E-AUTHORITY-003: a certificate could not be made: {0}")]
pub struct IssueError(#[from] pub(crate) rcgen::Error);

/// A public key that a certificate is made for.
pub(crate) struct Subject {
    point: Vec<u8>,
}

impl Subject {
    pub(crate) fn new(key: &VerifyingKey) -> Self {
        Self { point: key.to_spki().split_off(POINT_AT) }
    }
}

impl rcgen::PublicKeyData for Subject {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// A key of ours that certificates are signed with.
pub(crate) struct Signer<'a> {
    key: &'a SigningKey,
    subject: Subject,
}

impl<'a> Signer<'a> {
    pub(crate) fn new(key: &'a SigningKey) -> Self {
        Self { key, subject: Subject::new(&key.verifying_key()) }
    }
}

impl rcgen::PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.subject.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.subject.algorithm()
    }
}

impl rcgen::SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign(message))
    }
}

/// From when to when a certificate is valid; whole seconds, because certificates know no finer time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

impl Validity {
    pub(crate) fn new(from: Timestamp, to: Timestamp) -> Self {
        let whole = |time: Timestamp| {
            let latest = i64::try_from(LATEST_SECONDS).unwrap_or(i64::MAX);
            Timestamp::from_millis((time.as_millis() / 1000).clamp(0, latest) * 1000)
        };
        Self { not_before: whole(from), not_after: whole(to) }
    }

    pub(crate) fn set(self, params: &mut CertificateParams) {
        let seconds = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_millis() / 1000).unwrap_or(0));
        params.not_before = date_time_ymd(1970, 1, 1) + seconds(self.not_before);
        params.not_after = date_time_ymd(1970, 1, 1) + seconds(self.not_after);
    }
}

/// A serial number of exactly 16 bytes: positive, and without a leading zero that DER would drop.
pub(crate) fn random_serial(entropy: &dyn Entropy) -> [u8; 16] {
    let [first, rest @ ..]: [u8; 16] = random_bytes(entropy);
    let mut serial = [0; 16];
    serial.iter_mut().zip([(first & 0x3f) | 0x40].iter().chain(&rest)).for_each(|(to, from)| *to = *from);
    serial
}

pub(crate) fn set_serial(params: &mut CertificateParams, serial: &[u8; 16]) {
    params.serial_number = Some(SerialNumber::from_slice(serial));
}

pub(crate) fn distinguished(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Proctor");
    name.push(DnType::CommonName, common_name);
    name
}

/// SHA-256 of a certificate's DER, by which the database knows it.
pub(crate) fn fingerprint(der: &[u8]) -> Digest {
    crypto::digest::sha256(der)
}

#[cfg(test)]
mod tests {
    use crypto::SystemEntropy;

    use super::*;

    #[test]
    fn serials_are_positive_and_keep_their_length() {
        let entropy = SystemEntropy::new();
        for _ in 0..1000 {
            let serial = random_serial(&entropy);
            assert_eq!(serial[0] >> 6, 0b01, "{serial:02x?}");
        }
        assert_ne!(random_serial(&entropy), random_serial(&entropy));
    }

    #[test]
    fn a_clock_at_the_end_of_time_makes_no_arithmetic_overflow() {
        let far = Timestamp::from_millis(i64::MAX);
        let validity = Validity::new(far, far.plus_ms(i64::MAX));
        validity.set(&mut CertificateParams::default());
        Validity::new(Timestamp::from_millis(i64::MIN), far).set(&mut CertificateParams::default());
    }
}
