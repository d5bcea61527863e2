//! The control plane's database: the only SQL, on SQLite and on PostgreSQL.
//!
//! Every function on a tenant's rows belongs to a transaction that was begun with a permit for that tenant; a writing one
//! ends in an audit record. Knows tables, rows and the two databases; must never know who may do what, what a message
//! looks like, or a private key that is not sealed. Operations and the server depend on it.

mod actor;
mod alarms;
mod api_keys;
mod attempts;
mod audit;
mod backup;
mod certificates;
mod checks;
mod config;
mod connector_secrets;
mod credentials;
mod devices;
mod dialect;
mod drilldowns;
mod error;
mod filters;
mod idempotency;
mod join_tokens;
mod journal;
mod lease;
mod links;
mod migrate;
mod people;
mod postgres;
mod procedures;
mod pulse;
mod run_requests;
mod runners;
mod runs;
mod scope;
mod sessions;
mod sql;
mod sqlite;
mod summaries;
mod tenants;
mod tree;
mod tx;
mod under_way;
mod value;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clock::Clock;
use control_plane_domain::policy::Permit;

pub use attempts::Attempt;
pub use audit::AuditWalk;
pub use backup::{backup, restore};
pub use config::{Config, PostgresConfig, PostgresTls, SqliteConfig};
pub use error::StoreError;
pub use journal::JournalTail;
pub use migrate::{Migrated, SchemaState, migrate, schema_state};
pub use runs::FoundRuns;
pub use summaries::Opened;
pub use tx::{Logged, ReadTx, Reads, Unlogged, WriteTx, Writes};

use error::Failure;
use postgres::Postgres;
use sqlite::{Mode, Sqlite};
use tx::{On, Tx};

/// The database. Cloning is cheap and shares its connections.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    clock: Arc<dyn Clock>,
    trips: Arc<AtomicU64>,
    commits: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.backend {
            Backend::Sqlite(_) => "Store(SQLite)",
            Backend::Postgres(_) => "Store(PostgreSQL)",
        })
    }
}

impl Store {
    /// Opens the database. Another schema than this version's is refused, and on PostgreSQL a role that row-level
    /// security does not bind.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        migrate::require_current(config).await?;
        let backend = match config {
            Config::Sqlite(sqlite) => {
                let (path, readers) = (sqlite.path.clone(), sqlite.readers);
                let open = tokio::task::spawn_blocking(move || Sqlite::open(&path, readers));
                Backend::Sqlite(open.await.map_err(|error| StoreError::Unavailable(error.to_string()))??)
            }
            Config::Postgres(server) => {
                let pool = postgres::open_pool(server)?;
                let client = pool.get().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
                postgres::check_server_role(&client).await?;
                drop(client);
                Backend::Postgres(Postgres::new(pool))
            }
        };
        Ok(Self { backend, clock, trips: Arc::default(), commits: Arc::default() })
    }

    /// Begins a transaction that reads the permit's tenant, as of now.
    pub async fn read(&self, permit: &Permit) -> Result<ReadTx, StoreError> {
        let tenant = permit.tenant();
        let tx = self.begin(&tenant.to_string(), Mode::Read).await.map_err(begun)?;
        Ok(ReadTx(Reads { tx, tenant }))
    }

    /// Begins a transaction that writes for the permit's tenant; waits for other writers of that tenant.
    pub async fn write(&self, permit: &Permit) -> Result<WriteTx, StoreError> {
        let tenant = permit.tenant();
        let tx = self.begin(&tenant.to_string(), Mode::Write).await.map_err(begun)?;
        let reads = Reads { tx, tenant };
        let tail = audit::head(&reads, true).await?;
        // From here on no other writer of the tenant can end the key or the session that this is done with.
        actor::check(&reads, permit, self.clock.now()).await?;
        Ok(WriteTx { writes: Writes { reads, now: self.clock.now() }, tail })
    }

    /// How often the database was asked since it was opened. What a page costs is told by this number before and after it,
    /// whatever the machine is doing.
    pub fn round_trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }

    /// How often something was made durable since then: what takes the disk's time, whoever it is about.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.tenants_after("", 1).await.map(drop)
    }

    /// A transaction of no tenant: it sees tables of the platform only.
    pub(crate) async fn platform(&self, mode: Mode) -> Result<Tx, StoreError> {
        self.begin("", mode).await.map_err(begun)
    }

    async fn begin(&self, tenant: &str, mode: Mode) -> Result<Tx, Failure> {
        let on = match &self.backend {
            Backend::Sqlite(sqlite) => On::Sqlite(sqlite.begin(tenant, mode).await?),
            Backend::Postgres(postgres) => On::Postgres(Box::new(postgres.begin(tenant, mode).await?)),
        };
        Ok(Tx { on, trips: Arc::clone(&self.trips), commits: Arc::clone(&self.commits) })
    }
}

fn begun(failure: Failure) -> StoreError {
    failure.at("transaction", "begin")
}
