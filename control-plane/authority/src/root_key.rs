//! The operator's root key: 32 bytes from a file that only the server may read. What tenants need private keys for is
//! sealed under keys derived from it, so a copy of the database alone signs nothing.

use std::fmt;

use control_plane_domain::tenant::TenantKeyKind;
use crypto::aead::{Context, SealingKey};
use crypto::{Entropy, Secret, kdf};
use ids::TenantId;

const SALT: &[u8] = b"proctor/control-plane/root/v1";
const CONTEXT: &str = "proctor/control-plane/tenant-key/v1";

/// Which key a sealed value holds. All of it is part of what the value is bound to: moved to another tenant, kind or
/// generation it does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyName {
    /// Whose key.
    pub tenant: TenantId,
    /// What for.
    pub kind: TenantKeyKind,
    /// Which one: 1 is the first.
    pub generation: u64,
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} key {} of tenant {}", self.kind, self.generation, self.tenant)
    }
}

impl KeyName {
    fn context(self) -> Context {
        Context::new(CONTEXT).field(self.tenant.as_bytes()).field(self.kind.as_str().as_bytes()).number(self.generation)
    }
}

/// A tenant's private key does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "E-AUTHORITY-001: the {0} does not open: the root key is not the one it was sealed under, or the row was changed; \
     start with the root key file that belongs to this database"
)]
pub struct UnsealError(pub KeyName);

/// The root key.
pub struct RootKey {
    root: Secret<[u8; 32]>,
    tenant_keys: SealingKey,
}

impl RootKey {
    /// Takes the 32 bytes of the operator's file.
    pub fn new(root: Secret<[u8; 32]>) -> Self {
        let tenant_keys = SealingKey::new(&kdf::hkdf_sha256(&root, SALT, b"tenant keys"));
        Self { root, tenant_keys }
    }

    /// A key for another purpose of the server; different purposes give unrelated keys.
    pub fn key_for(&self, purpose: &str) -> Secret<[u8; 32]> {
        kdf::hkdf_sha256(&self.root, SALT, format!("purpose {purpose}").as_bytes())
    }

    /// Seals a private key: PKCS#8 of a P-256 key, the 32-byte seed of an Ed25519 key.
    pub fn seal(&self, entropy: &dyn Entropy, name: KeyName, private: &Secret<Vec<u8>>) -> Vec<u8> {
        self.tenant_keys.seal(entropy, &name.context(), private.expose())
    }

    /// Opens what [`seal`](Self::seal) made under the same name.
    pub fn unseal(&self, name: KeyName, sealed: &[u8]) -> Result<Secret<Vec<u8>>, UnsealError> {
        self.tenant_keys.open(&name.context(), sealed).map(Secret::new).map_err(|_| UnsealError(name))
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use crypto::SystemEntropy;

    use super::*;

    #[test]
    fn a_key_opens_only_under_its_own_name_and_root() {
        let entropy = SystemEntropy::new();
        let root = RootKey::new(Secret::new([7; 32]));
        let name = KeyName { tenant: TenantId::from_bytes([1; 16]), kind: TenantKeyKind::Audit, generation: 1 };
        let sealed = root.seal(&entropy, name, &Secret::new(b"seed".to_vec()));
        assert_eq!(root.unseal(name, &sealed).unwrap().expose(), b"seed");
        let others = [
            KeyName { tenant: TenantId::from_bytes([2; 16]), ..name },
            KeyName { kind: TenantKeyKind::Witness, ..name },
            KeyName { generation: 2, ..name },
        ];
        for other in others {
            assert_eq!(root.unseal(other, &sealed).unwrap_err(), UnsealError(other));
        }
        let another_root = RootKey::new(Secret::new([8; 32]));
        assert!(another_root.unseal(name, &sealed).is_err());
        assert!(!sealed.windows(4).any(|window| window == b"seed"));
    }

    #[test]
    fn purposes_give_unrelated_keys() {
        let root = RootKey::new(Secret::new([7; 32]));
        assert_eq!(root.key_for("cursors").expose(), root.key_for("cursors").expose());
        assert_ne!(root.key_for("cursors").expose(), root.key_for("sessions").expose());
        assert_eq!(format!("{root:?}"), "RootKey(…)");
    }
}
