//! The keys under which people's secrets lie in the database, derived from the operator's root key: a copy of the
//! database alone is not enough to guess a password, to compute a code, or to see whose attempts are counted.

use control_plane_authn::attempts::Subjects;
use control_plane_authn::totp::Seed;
use control_plane_authority::RootKey;
use control_plane_domain::sealed::Sealed;
use crypto::Secret;
use crypto::aead::{Context, SealingKey};
use crypto::digest::HmacKey;
use ids::{PersonId, SessionId, TenantId};

use crate::Operations;
use crate::error::{Error, KeyFault};

/// Derived once, when the process starts.
pub(crate) struct AccountKeys {
    pub(super) passwords: Secret<[u8; 32]>,
    pub(super) recovery: HmacKey,
    pub(super) subjects: Subjects,
    seeds: SealingKey,
}

/// Whose seed it is. It is part of what the sealed seed is bound to.
#[derive(Debug, Clone, Copy)]
pub(super) enum SeedOf {
    /// A person's second factor.
    Person(TenantId, PersonId),
    /// Offered in a session, and not yet anybody's.
    Offer(TenantId, SessionId),
}

impl AccountKeys {
    pub(crate) fn new(root: &RootKey) -> Self {
        Self {
            passwords: root.key_for("passwords of people"),
            recovery: HmacKey::new(root.key_for("recovery codes of people").expose()),
            subjects: Subjects::new(root.key_for("subjects of attempts").expose()),
            seeds: SealingKey::new(&root.key_for("second factors of people")),
        }
    }
}

impl SeedOf {
    fn context(self) -> Context {
        match self {
            Self::Person(tenant, person) => {
                Context::new("proctor/control-plane/totp-seed/v1").field(tenant.as_bytes()).field(person.as_bytes())
            }
            Self::Offer(tenant, session) => {
                Context::new("proctor/control-plane/totp-offer/v1").field(tenant.as_bytes()).field(session.as_bytes())
            }
        }
    }
}

impl Operations {
    pub(super) fn seal_seed(&self, seed: &Seed, of: SeedOf) -> Sealed {
        Sealed::new(self.account_keys().seeds.seal(self.entropy(), &of.context(), seed.expose()))
    }

    pub(super) fn open_seed(&self, sealed: &Sealed, of: SeedOf) -> Result<Seed, Error> {
        let opened = self.account_keys().seeds.open(&of.context(), sealed.as_bytes()).map(Secret::new);
        let seed = opened.ok().and_then(|bytes| Seed::from_bytes(bytes.expose()).ok());
        Ok(seed.ok_or(KeyFault::Seed)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::SystemEntropy;

    #[test]
    fn a_seed_opens_for_its_own_person_alone() {
        let keys = AccountKeys::new(&RootKey::new(Secret::new([7; 32])));
        let (a, b) = (TenantId::from_bytes([1; 16]), TenantId::from_bytes([2; 16]));
        let person = PersonId::from_bytes([3; 16]);
        let own = SeedOf::Person(a, person).context();
        let sealed = keys.seeds.seal(&SystemEntropy::new(), &own, b"a seed of twenty byt");
        assert!(keys.seeds.open(&own, &sealed).is_ok());
        let others = [
            SeedOf::Person(b, person),
            SeedOf::Person(a, PersonId::from_bytes([4; 16])),
            SeedOf::Offer(a, SessionId::from_bytes([3; 16])),
        ];
        for other in others {
            assert!(keys.seeds.open(&other.context(), &sealed).is_err(), "{other:?}");
        }
        let other_root = AccountKeys::new(&RootKey::new(Secret::new([8; 32])));
        assert!(other_root.seeds.open(&own, &sealed).is_err());
        assert_ne!(keys.passwords.expose(), other_root.passwords.expose());
    }
}
