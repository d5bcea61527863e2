//! Everything that a control plane holds: read from its own folder, opened with its own root key.

use std::sync::Arc;

use clock::{Clock, SystemClock};
use control_plane_authority::{
    KeyName, RootKey, ServerAuthority, ServerCertificate, ServerName, TenantAuthority, TrustedAuthorities,
};
use control_plane_domain::tenant::TenantKeyKind;
use crypto::{Secret, SystemEntropy, ed25519, p256};
use ids::TenantId;
use rusqlite::{Connection, OpenFlags};
use tests::{ControlPlane, Tenant};

/// All keys of one tenant's control plane, and of its listeners.
pub(crate) struct Keys {
    pub(crate) tenant: TenantId,
    pub(crate) issuing: TenantAuthority,
    pub(crate) drilldown: p256::SigningKey,
    pub(crate) audit: ed25519::SigningKey,
    pub(crate) witness: ed25519::SigningKey,
    pub(crate) server: Arc<ServerCertificate>,
    pub(crate) trusted: Arc<TrustedAuthorities>,
}

impl Keys {
    /// Those of a control plane that is not running.
    pub(crate) fn of(control_plane: &ControlPlane, tenant: &Tenant) -> Self {
        let entropy = SystemEntropy::new();
        let home = control_plane.home();
        let root: [u8; 32] = std::fs::read(home.join("root.key")).unwrap().try_into().unwrap();
        let root = RootKey::new(Secret::new(root));
        let database = home.join("control-plane.sqlite");
        let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let tenant: TenantId = tenant.id.parse().unwrap();
        let open = |kind: TenantKeyKind| {
            let sql = "SELECT generation, sealed, public_part FROM tenant_key WHERE kind = ?1 AND tenant = ?2";
            let (generation, sealed, public): (i64, Vec<u8>, Vec<u8>) = database
                .query_row(sql, [kind.as_str(), &tenant.to_string()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .unwrap();
            let generation = u64::try_from(generation).unwrap();
            (root.unseal(KeyName { tenant, kind, generation }, &sealed).unwrap(), public)
        };
        let seed = |kind| ed25519::SigningKey::from_seed(open(kind).0.expose().as_slice().try_into().unwrap());
        let (private, certificate) = open(TenantKeyKind::IssuingAuthority);
        let issuing = TenantAuthority::open(tenant, &certificate, private, &entropy).unwrap();
        let trusted = Arc::new(TrustedAuthorities::new());
        trusted.insert(tenant, &certificate).unwrap();
        Self {
            tenant,
            issuing,
            drilldown: p256::SigningKey::from_pkcs8(open(TenantKeyKind::DrillDown).0, &entropy).unwrap(),
            audit: seed(TenantKeyKind::Audit),
            witness: seed(TenantKeyKind::Witness),
            server: server(control_plane, &entropy),
            trusted,
        }
    }
}

/// A certificate of the control plane's own authority, for the name that Runners dial.
fn server(control_plane: &ControlPlane, entropy: &SystemEntropy) -> Arc<ServerCertificate> {
    let certificate = std::fs::read_to_string(control_plane.authority()).unwrap();
    let key = Secret::new(std::fs::read(control_plane.home().join("authority.key")).unwrap());
    let authority = ServerAuthority::open(&certificate, &key, entropy).unwrap();
    let names: [ServerName; 2] = ["localhost".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    ServerCertificate::new(authority.issue(&names, entropy, SystemClock::new().now()).unwrap())
}
