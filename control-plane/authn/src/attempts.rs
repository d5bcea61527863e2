//! Whose attempts are counted where several processes see the count: a keyed digest, so that the list of them names
//! nobody.

use std::net::IpAddr;

use crypto::Digest;
use crypto::digest::HmacKey;
use ids::{PersonId, SessionId, TenantId};

use crate::throttle::network_of;

/// Attempts and how fast they come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Attempts in a row.
    pub attempts: u32,
    /// Milliseconds after which one of them is forgotten.
    pub recovery_ms: u32,
}

impl Limit {
    /// Milliseconds by which all attempts will be forgotten, at most.
    pub fn most_ms(&self) -> i64 {
        i64::from(self.attempts) * i64::from(self.recovery_ms)
    }
}

/// Names subjects of counters.
pub struct Subjects(HmacKey);

impl std::fmt::Debug for Subjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subjects(…)")
    }
}

impl Subjects {
    /// Under this key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(HmacKey::new(key))
    }

    /// Somebody who says that they are this one, whether there is such a person or not, from one network.
    pub fn password_from(&self, organisation: &str, email: &str, address: IpAddr) -> Digest {
        self.name(b"password from", &[organisation.as_bytes(), email.as_bytes(), &network(address)])
    }

    /// Somebody who says that they are this one, from networks where that person never was.
    pub fn password_elsewhere(&self, organisation: &str, email: &str) -> Digest {
        self.name(b"password elsewhere", &[organisation.as_bytes(), email.as_bytes()])
    }

    /// The second factor of a person, from one network where they were before, or from all others.
    pub fn second_factor(&self, tenant: TenantId, person: PersonId, known: Option<IpAddr>) -> Digest {
        let network = known.map(network).unwrap_or_default();
        self.name(b"second factor", &[tenant.as_bytes(), person.as_bytes(), &network])
    }

    /// Recovery codes of a person, likewise.
    pub fn recovery(&self, tenant: TenantId, person: PersonId, known: Option<IpAddr>) -> Digest {
        let network = known.map(network).unwrap_or_default();
        self.name(b"recovery", &[tenant.as_bytes(), person.as_bytes(), &network])
    }

    /// The password of somebody who is signed in already.
    pub fn confirm(&self, tenant: TenantId, session: SessionId) -> Digest {
        self.name(b"confirm", &[tenant.as_bytes(), session.as_bytes()])
    }

    /// Links that are presented from one network.
    pub fn link(&self, address: IpAddr) -> Digest {
        self.name(b"link", &[&network(address)])
    }

    fn name(&self, what: &[u8], parts: &[&[u8]]) -> Digest {
        let length = |part: &[u8]| u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes();
        let lengths: Vec<[u8; 8]> = std::iter::once(what).chain(parts.iter().copied()).map(length).collect();
        let all = std::iter::once(what).chain(parts.iter().copied());
        let framed: Vec<&[u8]> = lengths.iter().zip(all).flat_map(|(length, part)| [length.as_slice(), part]).collect();
        Digest::from_bytes(self.0.sign(&framed))
    }
}

fn network(address: IpAddr) -> Vec<u8> {
    match network_of(address) {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_is_its_own() {
        let subjects = Subjects::new(&[7; 32]);
        let (tenant, person) = (TenantId::from_bytes([1; 16]), PersonId::from_bytes([2; 16]));
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let all = [
            subjects.password_from("acme", "a@b", address("192.0.2.1")),
            subjects.password_from("acme", "a@b", address("192.0.2.2")),
            subjects.password_from("acmea", "@b", address("192.0.2.1")),
            subjects.password_elsewhere("acme", "a@b"),
            subjects.second_factor(tenant, person, None),
            subjects.second_factor(tenant, person, Some(address("192.0.2.1"))),
            subjects.recovery(tenant, person, None),
            subjects.confirm(tenant, SessionId::from_bytes([2; 16])),
            subjects.link(address("192.0.2.1")),
            Subjects::new(&[8; 32]).link(address("192.0.2.1")),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one), "{index}");
        }
        assert_eq!(subjects.link(address("2001:db8::1")), subjects.link(address("2001:db8::2")), "one network");
        assert_eq!(Limit { attempts: 5, recovery_ms: 60_000 }.most_ms(), 300_000);
    }
}
