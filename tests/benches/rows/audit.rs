//! Rows 8 and 9: appending to a tenant's audit log, beside the same lines into a table without chain and tree; and
//! checking the whole log, beside reading its lines and hashing each once.

use std::path::Path;
use std::sync::Arc;

use clock::{Clock, SystemClock};
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Permission, Permit, system};
use control_plane_domain::tenant::{Plan as Tariff, Tenant};
use control_plane_store::{Config, PostgresConfig, PostgresTls, SqliteConfig, Store, migrate};
use crypto::digest::sha256;
use ids::TenantId;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use tests::Postgres;
use tokio::runtime::Runtime;

use super::reports::pgbench;
use crate::harness::{Contender, Cost, Goal, Line, Measured, Outcome, Plan, contend, cost, note};

const PLAIN: &str = "plain";
const OURS: &str = "ours";
const LOCKED: &str = "row lock";

/// Records in a transaction.
const TOGETHER: usize = 100;

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    note("journalctl verifies sealed journals of a running journald only and is left out")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    sqlite(plan, &runtime)?;
    match std::panic::catch_unwind(Postgres::start_durable) {
        Ok(server) => postgres(plan, &runtime, &server),
        Err(_) => note("PostgreSQL could not be started and is left out"),
    }
}

fn sqlite(plan: &Plan, runtime: &Runtime) -> Outcome<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let path = folder.path().join("control-plane.db");
    let config = Config::Sqlite(SqliteConfig::at(&path));
    let log = runtime.block_on(Log::new(&config, &config))?;
    for (together, goal) in [(TOGETHER, Goal::AtLeast(0.8)), (1, Goal::None)] {
        let plain = plain(&folder, together)?;
        let count = plan.pick(50, 20) * together.max(4);
        let measured = contend(
            plan,
            vec![
                Contender::new(PLAIN, || insert(&plain, count, together)),
                Contender::new(OURS, || appended(runtime, &log, count, together)),
            ],
        )?;
        line("8", &measured, &format!("SQLite, {together} a transaction, of plain inserts"), OURS, PLAIN, goal)?;
        note(format_args!("plain {:.1}, ours {:.1} k/s", 1e-3 / measured.wall(PLAIN), 1e-3 / measured.wall(OURS)))?;
    }
    runtime.block_on(log.append(plan.pick(50_000, 10_000), 1_000))?;
    verification(plan, runtime, &log, &path)
}

fn verification(plan: &Plan, runtime: &Runtime, log: &Log, path: &Path) -> Outcome<()> {
    let scan = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let count = runtime.block_on(log.verified())?;
    let measured = contend(
        plan,
        vec![
            Contender::new(PLAIN, || {
                let (spent, last) = cost(|| bare(&scan))?;
                last.ok_or("the log is empty")?;
                Ok(spent.each(count))
            }),
            Contender::new(OURS, || {
                let (spent, _) = cost(|| runtime.block_on(log.verified()))?;
                Ok(spent.each(count))
            }),
        ],
    )?;
    let what = "SQLite, whole log, of a bare scan with one SHA-256 a line";
    line("9", &measured, what, OURS, PLAIN, Goal::AtLeast(0.3))?;
    note(format_args!("bare {:.0}, ours {:.0} k/s", 1e-3 / measured.wall(PLAIN), 1e-3 / measured.wall(OURS)))?;
    let other = Connection::open(path)?;
    let changed = "UPDATE audit_line SET line = replace(line, 'true', 'false') WHERE seq = 7";
    if other.execute(changed, [])? != 1 {
        return Err("no line could be changed".into());
    }
    match runtime.block_on(log.verified()) {
        Ok(_) => Err("a changed record was not noticed: none of this counts".into()),
        Err(error) => note(format_args!("a changed record is refused: {error}")),
    }
}

fn postgres(plan: &Plan, runtime: &Runtime, server: &Postgres) -> Outcome<()> {
    let config = |role: &str| {
        let (url, tls) = (server.url(role), PostgresTls::Off);
        Config::Postgres(PostgresConfig { url, password: None, tls, max_connections: 4 })
    };
    let log = runtime.block_on(Log::new(&config("proctor_owner"), &config("proctor_app")))?;
    let tables = "CREATE TABLE plain (seq bigserial PRIMARY KEY, line text); \
        CREATE TABLE head (tenant int PRIMARY KEY, size bigint, prev bytea); INSERT INTO head VALUES (1, 0, '\\x00'); \
        CREATE TABLE chained (tenant int, seq bigint, line text, PRIMARY KEY (tenant, seq))";
    server.sql("proctor", tables).ok_or("the tables of the peers could not be made")?;
    let folder = tempfile::tempdir()?;
    let text = "x".repeat(200);
    let insert = folder.path().join("insert.sql");
    std::fs::write(&insert, format!("INSERT INTO plain (line) VALUES ('{text}');\n"))?;
    let batch = folder.path().join("batch.sql");
    let values = vec![format!("('{text}')"); TOGETHER].join(",");
    std::fs::write(&batch, format!("INSERT INTO plain (line) VALUES {values};\n"))?;
    let locked = folder.path().join("locked.sql");
    std::fs::write(
        &locked,
        format!(
            "BEGIN;\nSELECT size, encode(prev, 'hex') AS prev FROM head WHERE tenant = 1 FOR UPDATE \\gset\n\
             INSERT INTO chained VALUES (1, :size, '{text}');\n\
             UPDATE head SET size = size + 1, prev = sha256(prev || convert_to('{text}', 'UTF8')) WHERE tenant = 1;\n\
             COMMIT;\n"
        ),
    )?;
    let count = plan.pick(50, 20) * TOGETHER;
    let measured = contend(
        plan,
        vec![
            Contender::new(PLAIN, || {
                let spent = pgbench(server, &batch, 1, count / TOGETHER)?;
                Ok(spent.each(TOGETHER))
            }),
            Contender::new(LOCKED, || pgbench(server, &locked, 8, plan.pick(100, 30))),
            Contender::new(OURS, || appended(runtime, &log, count, TOGETHER)),
        ],
    )?;
    let what = format!("PostgreSQL, {TOGETHER} a transaction, of plain inserts of {TOGETHER} rows");
    line("8", &measured, &what, OURS, PLAIN, Goal::AtLeast(0.8))?;
    let what = "PostgreSQL, of 8 writers that lock a row and chain one record each";
    line("8", &measured, what, OURS, LOCKED, Goal::AtLeast(10.0))?;
    note(format_args!(
        "plain {:.1}, row lock {:.2}, ours {:.1} k/s",
        1e-3 / measured.wall(PLAIN),
        1e-3 / measured.wall(LOCKED),
        1e-3 / measured.wall(OURS)
    ))?;
    let (spent, count) = cost(|| runtime.block_on(log.verified()))?;
    let seen = 1e-3 / spent.each(count).wall;
    let what = format!("PostgreSQL, whole log of {count} records, checked once");
    Line { row: "9", what, seen, cpu: None, goal: Goal::None, unit: " k/s", is_void: false }.print()
}

/// A tenant's audit log.
struct Log {
    store: Store,
    tenant: TenantId,
}

impl Log {
    async fn new(owner: &Config, serves: &Config) -> Outcome<Self> {
        migrate(owner).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store = Store::open(serves, Arc::clone(&clock)).await?;
        let log = Self { store, tenant: TenantId::from_parts(1, [1; 10]) };
        let permit = log.permit()?;
        let tx = log.store.write(&permit).await?;
        let (name, created) = ("Bench".parse()?, clock.now());
        tx.create_tenant(&Tenant { id: log.tenant, name, plan: Tariff::Business, drilldowns: true, created }).await?;
        tx.commit(&permit.record(something())).await?;
        Ok(log)
    }

    fn permit(&self) -> Outcome<Permit> {
        Ok(system(self.tenant, Permission::Upkeep)?)
    }

    /// Appends records, so many in each transaction.
    async fn append(&self, count: usize, together: usize) -> Outcome<()> {
        let permit = self.permit()?;
        let mut left = count;
        while left > 0 {
            let now = left.min(together);
            let records: Vec<_> = (0..now).map(|_| permit.record(something())).collect();
            let (first, others) = records.split_first().ok_or("nothing to append")?;
            let (mut logged, _) = self.store.write(&permit).await?.log(first).await?;
            logged.log_all(others).await?;
            logged.commit().await?;
            left -= now;
        }
        Ok(())
    }

    /// Checks all of it; how many records there are.
    async fn verified(&self) -> Outcome<usize> {
        let report = self.store.read(&self.permit()?).await?.audit_verify().await?;
        Ok(usize::try_from(report.records)?)
    }
}

fn something() -> Action {
    Action::DrillDownsSwitched { enabled: true }
}

fn appended(runtime: &Runtime, log: &Log, count: usize, together: usize) -> Outcome<Cost> {
    let (spent, ()) = cost(|| runtime.block_on(log.append(count, together)))?;
    Ok(spent.each(count))
}

/// A table for lines as long as ours, without anything that ties one to another.
fn plain(folder: &TempDir, together: usize) -> Outcome<Connection> {
    let path: &Path = folder.path();
    let db = Connection::open(path.join(format!("plain-{together}.db")))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; \
         CREATE TABLE line (tenant TEXT, seq INTEGER, at INTEGER, action TEXT, line TEXT, PRIMARY KEY (tenant, seq)) \
         WITHOUT ROWID;",
    )?;
    Ok(db)
}

fn insert(db: &Connection, count: usize, together: usize) -> Outcome<Cost> {
    let line = "x".repeat(200);
    let mut seq: i64 = db.query_row("SELECT coalesce(max(seq), -1) FROM line", [], |row| row.get(0))?;
    let (spent, ()) = cost(|| {
        let mut left = count;
        while left > 0 {
            let transaction = db.unchecked_transaction()?;
            let mut statement = db.prepare_cached("INSERT INTO line VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for _ in 0..left.min(together) {
                seq += 1;
                let tenant = "01890000-0000-7000-8000-000000000000";
                statement.execute((tenant, seq, 1_795_291_896_097_i64, "drilldowns.switched", &line))?;
            }
            drop(statement);
            transaction.commit()?;
            left -= left.min(together);
        }
        Ok(())
    })?;
    Ok(spent.each(count))
}

fn bare(scan: &Connection) -> Outcome<Option<crypto::Digest>> {
    let mut statement = scan.prepare_cached("SELECT line FROM audit_line ORDER BY tenant, seq")?;
    let mut rows = statement.query([])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        last = Some(sha256(row.get_ref(0)?.as_str()?.as_bytes()));
    }
    Ok(last)
}

fn line(row: &str, measured: &Measured, what: &str, ours: &str, other: &str, goal: Goal) -> Outcome<()> {
    let (seen, cpu) = (measured.speed(ours, other), Some(measured.thrift(ours, other)));
    let cpu = cpu.filter(|cpu| cpu.is_finite() && *cpu > 0.0);
    Line { row, what: what.to_owned(), seen, cpu, goal, unit: "", is_void: measured.is_void }.print()
}
