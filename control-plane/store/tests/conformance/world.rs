//! A fresh database of one kind or the other, with two tenants in it.

use std::path::PathBuf;
use std::sync::Arc;

use clock::{Clock, ManualClock, Timestamp};
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Permission, Permit, system};
use control_plane_domain::tenant::{Plan, Tenant};
use control_plane_store::{Config, SqliteConfig, Store, migrate};
use ids::TenantId;

use crate::cluster::cluster;

pub(crate) const START: &str = "2026-11-21T20:11:36.097Z";

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) place: Place,
    pub(crate) a: TenantId,
    pub(crate) b: TenantId,
}

/// Where the database is, for tests that go behind the store's back.
pub(crate) enum Place {
    Sqlite { path: PathBuf, _folder: tempfile::TempDir },
    Postgres { database: String },
}

pub(crate) fn tenant(n: u8) -> TenantId {
    TenantId::from_parts(1_763_755_896_097, [n; 10])
}

pub(crate) fn permit(tenant: TenantId) -> Permit {
    system(tenant, Permission::Upkeep).unwrap()
}

pub(crate) fn at(ms: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap().plus_ms(ms)
}

/// A record of something; the store does not look at what it says.
pub(crate) fn something() -> Action {
    Action::DrillDownsSwitched { enabled: true }
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control-plane.db");
        let config = Config::Sqlite(SqliteConfig::at(&path));
        migrate(&config).await.unwrap();
        Self::begin(&config, Place::Sqlite { path, _folder: folder }).await
    }

    pub(crate) async fn postgres() -> Self {
        let cluster = cluster().await;
        let database = cluster.database(true).await;
        let config = Config::Postgres(cluster.config("proctor_app", &database));
        Self::begin(&config, Place::Postgres { database }).await
    }

    async fn begin(config: &Config, place: Place) -> Self {
        let clock = Arc::new(ManualClock::at(START.parse().unwrap()));
        let store = Store::open(config, Arc::clone(&clock) as Arc<dyn Clock>).await.unwrap();
        let (a, b) = (tenant(1), tenant(2));
        let world = Self { store, clock, place, a, b };
        world.create(a).await;
        world.create(b).await;
        world
    }

    pub(crate) async fn create(&self, id: TenantId) {
        let permit = permit(id);
        let tx = self.store.write(&permit).await.unwrap();
        let name = "Example GmbH".parse().unwrap();
        let tenant = Tenant { id, name, plan: Plan::Business, drilldowns: true, created: at(0) };
        tx.create_tenant(&tenant).await.unwrap();
        tx.commit(&permit.record(something())).await.unwrap();
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.place, Place::Sqlite { .. })
    }

    /// Executes SQL as somebody who has the database itself.
    pub(crate) async fn behind(&self, sql: &str) -> u64 {
        match &self.place {
            Place::Sqlite { path, .. } => {
                let db = rusqlite::Connection::open(path).unwrap();
                db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
                db.execute(sql, []).unwrap() as u64
            }
            Place::Postgres { database } => cluster().await.admin(database).await.execute(sql, &[]).await.unwrap(),
        }
    }
}

/// Runs a test on both databases.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: World) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn test($world: World) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test(World::sqlite().await).await;
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                test(World::postgres().await).await;
            }
        }
    )*};
}

pub(crate) use on_both;
