//! Rows 12 and 13: a page of runs where a tenant has ten thousand of them, and where it has a million; beside it the page
//! that most consoles have, which counts all rows and skips those before. What grows with the runs, and what must not.

use std::path::PathBuf;
use std::sync::Arc;

use clock::{Clock, SystemClock};
use control_plane_domain::list::{Cursor, Page};
use control_plane_domain::policy::{Permission, Permit, system};
use control_plane_domain::run::{AcceptedReport, RunFilter};
use control_plane_domain::standing::FindingFilter;
use control_plane_store::{Config, PostgresConfig, PostgresTls, SqliteConfig, Store};
use ids::{RunId, RunnerId, TenantId};
use proof::manifest::{CheckLine, Manifest, ProcedureVersion, RunLine, StepLine};
use rusqlite::{Connection, OpenFlags};
use tests::{Database, Person, Postgres, Visitor};
use tokio::runtime::Runtime;
use verdict::{Counts, Severity, Status, StepStatus, Trigger};

use super::fleet::{Fleet, Size};
use super::reports::pgbench;
use crate::harness::{Contender, Cost, Goal, Line, Outcome, Plan, contend, cost, note, now};
use crate::line::Plane;

const NAIVE: &str = "naive";
const QUERY: &str = "query";
const SMALL_QUERY: &str = "query, small";
const PAGE: &str = "page";
const SMALL_PAGE: &str = "page, small";
const INSERT: &str = "insert";
const SMALL_INSERT: &str = "insert, small";
const TREND: &str = "trend";
const SMALL_TREND: &str = "trend, small";

/// Rows of a page, and how many stand before it.
const ROWS: u32 = 50;
const BEFORE: usize = 5_000;

/// Pages or reports of one turn.
const TURN: usize = 20;

/// When the first run began, and how far apart they are.
const BEGAN: i64 = 1_600_000_000_000;
const APART: i64 = 60_000;

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    let sizes = (plan.pick(10_000, 6_000), plan.pick(1_000_000, 60_000));
    note(format_args!("{} and {} runs; a page has {ROWS}, and {BEFORE} stand before it", sizes.0, sizes.1))?;
    let (small, large) = (Bed::sqlite(sizes.0)?, Bed::sqlite(sizes.1)?);
    compare(plan, "SQLite", &small, &large)?;
    fleet(plan, "SQLite", &large)?;
    drop((small, large));
    let Ok(servers) = std::panic::catch_unwind(|| (Postgres::start_durable(), Postgres::start_durable())) else {
        return note("PostgreSQL could not be started and is left out");
    };
    let (small, large) = (Bed::postgres(sizes.0, &servers.0)?, Bed::postgres(sizes.1, &servers.1)?);
    compare(plan, "PostgreSQL", &small, &large)?;
    fleet(plan, "PostgreSQL", &large)
}

/// A control plane with many runs, its database, and somebody who is signed in.
struct Bed<'a> {
    plane: Plane,
    store: Store,
    tenant: TenantId,
    runner: RunnerId,
    owner: Person,
    runs: usize,
    next: std::cell::Cell<u64>,
    naive: Naive<'a>,
}

/// How the naive page is asked for.
enum Naive<'a> {
    Sqlite(Connection),
    Postgres { server: &'a Postgres, script: PathBuf, _folder: tempfile::TempDir },
}

impl<'a> Bed<'a> {
    fn sqlite(runs: usize) -> Outcome<Self> {
        let mut plane = Plane::start(&Database::Sqlite)?;
        let path = plane.control_plane.home().join("control-plane.sqlite");
        let config = Config::Sqlite(SqliteConfig::at(&path));
        let (tenant, runner) = begin(&mut plane)?;
        let db = Connection::open(&path)?;
        db.execute_batch(&sqlite_rows(tenant, runner, runs))?;
        drop(db);
        let naive = Naive::Sqlite(Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?);
        Self::over(plane, &config, tenant, runner, runs, naive)
    }

    fn postgres(runs: usize, server: &'a Postgres) -> Outcome<Self> {
        let mut plane = Plane::start(&server.database())?;
        let (url, tls) = (server.url("proctor_app"), PostgresTls::Off);
        let config = Config::Postgres(PostgresConfig { url, password: None, tls, max_connections: 4 });
        let (tenant, runner) = begin(&mut plane)?;
        let filled = server.sql("proctor", &postgres_rows(tenant, runner, runs));
        filled.ok_or("the database could not be filled")?;
        server.sql("proctor", "VACUUM ANALYZE").ok_or("the database could not be analysed")?;
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("naive.sql");
        std::fs::write(&script, naive(tenant).join(";\n") + ";\n")?;
        Self::over(plane, &config, tenant, runner, runs, Naive::Postgres { server, script, _folder: folder })
    }

    fn over(
        mut plane: Plane,
        config: &Config,
        tenant: TenantId,
        runner: RunnerId,
        runs: usize,
        naive: Naive<'a>,
    ) -> Outcome<Self> {
        plane.begin()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store = plane.runtime.block_on(Store::open(config, clock))?;
        let owner = Person::join(&plane.control_plane, &plane.tenant.link, "owner@bench.example");
        let next = std::cell::Cell::new(u64::try_from(runs)?);
        Ok(Self { plane, store, tenant, runner, owner, runs, next, naive })
    }

    fn runtime(&self) -> &Runtime {
        &self.plane.runtime
    }

    fn permit(&self) -> Outcome<Permit> {
        Ok(system(self.tenant, Permission::Upkeep)?)
    }

    /// The page that counts and skips.
    fn naive(&self) -> Outcome<Cost> {
        let db = match &self.naive {
            Naive::Sqlite(db) => db,
            Naive::Postgres { server, script, .. } => return pgbench(server, script, 1, 3),
        };
        let [count, page] = naive(self.tenant);
        let (spent, ()) = cost(|| {
            let all: i64 = db.query_row(&count, [], |row| row.get(0))?;
            let mut statement = db.prepare_cached(&page)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(1))?.count();
            if all < i64::from(ROWS) || rows != ROWS as usize { Err("the page is not full".into()) } else { Ok(()) }
        })?;
        Ok(spent)
    }

    /// The page after the same rows, out of the store.
    fn query(&self, filter: &RunFilter) -> Outcome<Cost> {
        let permit = self.permit()?;
        let skipped = self.runs - BEFORE;
        let after = Cursor::at([at(skipped).to_string(), run_id(u64::try_from(skipped)?).to_string()]);
        let page = Page::new(Some(after), ROWS)?;
        let (spent, rows) = cost(|| {
            self.runtime().block_on(async {
                let mut rows = 0;
                for _ in 0..TURN {
                    rows = self.store.read(&permit).await?.runs(filter, &page).await?.items.len();
                }
                Ok(rows)
            })
        })?;
        if *filter == RunFilter::default() && rows != ROWS as usize {
            return Err(format!("{rows} rows on a page of {ROWS}").into());
        }
        Ok(spent.each(TURN))
    }

    /// The console's page, over its own connection, whole.
    fn page(&self, path: &str) -> Outcome<Cost> {
        let (spent, ()) = cost(|| (0..TURN).try_for_each(|_| shown(&self.owner.visitor, path).map(drop)))?;
        Ok(spent.each(TURN))
    }

    /// Milliseconds of many pages, sorted.
    fn times(&self, path: &str, count: usize) -> Outcome<Vec<f64>> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            // A session may have a hundred pages in a second; the pause is not counted.
            std::thread::sleep(std::time::Duration::from_millis(10));
            times.push(shown(&self.owner.visitor, path)?);
        }
        times.sort_by(f64::total_cmp);
        Ok(times)
    }

    /// Gives the tenant many Runners, procedures and people beside its runs.
    fn grow(&self, size: Size) -> Outcome<RunId> {
        let permit = self.permit()?;
        let (store, tenant, like) = (&self.store, self.tenant, self.runner);
        let began = clock::Timestamp::from_millis(BEGAN);
        let fleet = Fleet { store, permit: &permit, tenant, like, began };
        self.runtime().block_on(fleet.fill(size))
    }

    /// Reports of new runs, each accepted in a transaction with nine others.
    fn insert(&self) -> Outcome<Cost> {
        let permit = self.permit()?;
        let manifests: Vec<(u64, Manifest)> = (0..TURN).map(|_| self.fresh()).collect();
        let (spent, ()) = cost(|| {
            self.runtime().block_on(async {
                for manifests in manifests.chunks(10) {
                    let reports: Vec<_> = manifests.iter().map(|(seq, manifest)| report(*seq, manifest)).collect();
                    let tx = self.store.write(&permit).await?;
                    tx.accept_reports(&reports).await?;
                    tx.commit_unlogged(control_plane_store::Unlogged::Delivery).await?;
                }
                Ok(())
            })
        })?;
        Ok(spent.each(TURN))
    }

    /// What the overview reads of the last thirty days.
    fn trend(&self) -> Outcome<Cost> {
        let permit = self.permit()?;
        let until = clock::Timestamp::from_millis(at(self.runs));
        let (spent, days) = cost(|| {
            self.runtime().block_on(async {
                let mut days = 0;
                for _ in 0..TURN {
                    let tx = self.store.read(&permit).await?;
                    days = tx.day_tallies(until.plus_ms(-30 * 86_400_000), until).await?.len();
                    tx.standing_counts().await?;
                    tx.findings_by(&FindingFilter::default(), None, &Page::new(None, 5)?).await?;
                }
                Ok(days)
            })
        })?;
        if days == 0 { Err("there is no trend".into()) } else { Ok(spent.each(TURN)) }
    }

    fn fresh(&self) -> (u64, Manifest) {
        let n = self.next.replace(self.next.get() + 1);
        let started = clock::Timestamp::from_millis(BEGAN + i64::try_from(n).unwrap_or(0) * APART);
        (n, manifest(self.tenant, self.runner, n, started))
    }
}

fn compare(plan: &Plan, what: &str, small: &Bed<'_>, large: &Bed<'_>) -> Outcome<()> {
    let path = "/runs";
    let plain = RunFilter::default();
    let measured = contend(
        plan,
        vec![
            Contender::new(SMALL_QUERY, || small.query(&plain)),
            Contender::new(QUERY, || large.query(&plain)),
            Contender::new(NAIVE, || large.naive()),
            Contender::new(SMALL_PAGE, || small.page(path)),
            Contender::new(PAGE, || large.page(path)),
            Contender::new(SMALL_INSERT, || small.insert()),
            Contender::new(INSERT, || large.insert()),
            Contender::new(SMALL_TREND, || small.trend()),
            Contender::new(TREND, || large.trend()),
        ],
    )?;
    let is_void = measured.is_void;
    let line = |row: &'static str, text: &str, seen: f64, goal: Goal, unit: &'static str| {
        let what = format!("{what}, {text}");
        Line { row, what, seen, cpu: None, goal, unit, is_void }.print()
    };
    line("12", "a page of runs, of OFFSET and count", measured.speed(QUERY, NAIVE), Goal::AtLeast(20.0), "")?;
    let times = large.times(path, plan.pick(300, 60))?;
    let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or(f64::NAN);
    line("12", "the console's page of runs, p99 with TLS and client", p99, Goal::AtMost(10.0), " ms")?;
    line("12", "the slowest of all filters, p99 of the query", slowest(plan, large)?, Goal::AtMost(10.0), " ms")?;
    let (few, many) = (slowest_search(plan, small)?, slowest_search(plan, large)?);
    line("12", "the slowest search by everything else", many, Goal::AtMost(10.0), " ms")?;
    note(format_args!("among few runs {few:.2} ms: there a search may end before it looked at as many as it may"))?;
    for (text, ours, other, goal) in [
        ("a page's query, many of few runs", QUERY, SMALL_QUERY, 1.3),
        ("the console's page, many of few runs", PAGE, SMALL_PAGE, 1.3),
        ("a report taken in, many of few runs", INSERT, SMALL_INSERT, 1.3),
        ("the trend, many of few runs", TREND, SMALL_TREND, 2.0),
    ] {
        line("13", text, 1.0 / measured.speed(ours, other), Goal::AtMost(goal), "")?;
    }
    note(format_args!(
        "query {:.2} ms, naive {:.1} ms, page {:.2} ms, report {:.2} ms, trend {:.2} ms",
        1e3 * measured.wall(QUERY),
        1e3 * measured.wall(NAIVE),
        1e3 * measured.wall(PAGE),
        1e3 * measured.wall(INSERT),
        1e3 * measured.wall(TREND),
    ))
}

/// Milliseconds of the slowest search: of what many runs have, what few have, and what none has.
fn slowest_search(plan: &Plan, bed: &Bed<'_>) -> Outcome<f64> {
    let none = RunFilter::default;
    let searches = [
        RunFilter { version: Some(1), ..none() },
        RunFilter { version: Some(7), ..none() },
        RunFilter { digest: Some(crypto::Digest::ZERO), score_to: Some(1), ..none() },
        RunFilter { partial: Some(false), score_from: Some(9_001), ..none() },
        RunFilter { partial: Some(true), ..none() },
        RunFilter { failing: Some(Severity::Info), ..none() },
        RunFilter { procedure: Some("procedure-3".parse()?), version: Some(7), ..none() },
        RunFilter { runner: Some(bed.runner), verdict: Some(Status::Fail), score_to: Some(1), ..none() },
        RunFilter { asked_by: Some(ids::PersonId::NIL), ..none() },
    ];
    let permit = bed.permit()?;
    let page = Page::new(None, ROWS)?;
    let mut worst: f64 = 0.0;
    for filter in searches {
        for _ in 0..plan.pick(10, 2) {
            let (spent, ()) = cost(|| {
                bed.runtime().block_on(async {
                    for _ in 0..TURN {
                        bed.store.read(&permit).await?.search_runs(&filter, None, &page).await?;
                    }
                    Ok(())
                })
            })?;
            worst = worst.max(1e3 * spent.each(TURN).wall);
        }
    }
    Ok(worst)
}

/// Every page that shows more where there are more Runners, procedures and people.
fn fleet(plan: &Plan, what: &str, bed: &Bed<'_>) -> Outcome<()> {
    let pick = |full, quick| u64::try_from(plan.pick(full, quick));
    let size = Size { runners: pick(200, 20)?, procedures: pick(30, 6)?, people: pick(200, 20)? };
    let run = bed.grow(size)?;
    if let Naive::Postgres { server, .. } = &bed.naive {
        // As the server itself does within a minute after so much was written.
        server.sql("proctor", "VACUUM ANALYZE").ok_or("the database could not be analysed")?;
    }
    let Size { runners, procedures, people } = size;
    note(format_args!("{what}: {runners} Runners with {procedures} procedures each, {people} people"))?;
    for path in [
        "/".to_owned(),
        "/runs".to_owned(),
        "/runs?failing=high".to_owned(),
        format!("/runs/{run}"),
        "/findings".to_owned(),
        "/coverage".to_owned(),
        "/procedures".to_owned(),
        "/runners".to_owned(),
        "/people".to_owned(),
        "/audit".to_owned(),
    ] {
        // What is kept in memory is read the first time.
        bed.times(&path, 3)?;
        let times = bed.times(&path, plan.pick(200, 20))?;
        let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or(f64::NAN);
        let shown = if path.starts_with("/runs/") { "/runs/…" } else { path.as_str() };
        let median = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
        let what = format!("{what}, {shown} with a large fleet, p99 with TLS and client (half ≤ {median:.1} ms)");
        Line { row: "12", what, seen: p99, cpu: None, goal: Goal::AtMost(10.0), unit: " ms", is_void: false }
            .print()?;
    }
    Ok(())
}

/// Milliseconds of the slowest filter, of the hundredth slowest time each; also of those that nothing fits.
fn slowest(plan: &Plan, bed: &Bed<'_>) -> Outcome<f64> {
    let nobody = RunnerId::from_parts(9, [9; 10]);
    let mut worst: f64 = 0.0;
    for runner in [None, Some(bed.runner), Some(nobody)] {
        for procedure in [None, Some("procedure-3".parse()?), Some("procedure-none".parse()?)] {
            for verdict in [None, Some(Status::Fail), Some(Status::Pending)] {
                for trigger in [None, Some(Trigger::Request), Some(Trigger::Local)] {
                    for until in [None, Some(clock::Timestamp::from_millis(BEGAN + APART))] {
                        let procedure = procedure.clone();
                        let filter = RunFilter { runner, procedure, verdict, trigger, until, ..RunFilter::default() };
                        let rounds = plan.pick(10, 2);
                        let costs = (0..rounds).map(|_| bed.query(&filter)).collect::<Outcome<Vec<_>>>()?;
                        worst = costs.iter().map(|cost| 1e3 * cost.wall).fold(worst, f64::max);
                    }
                }
            }
        }
    }
    Ok(worst)
}

/// Milliseconds until the page is there.
fn shown(visitor: &Visitor, path: &str) -> Outcome<f64> {
    let started = now();
    let reply = visitor.get(path);
    let spent = started.elapsed().as_secs_f64() * 1e3;
    if reply.status == 200 && reply.text().contains("<main") {
        Ok(spent)
    } else {
        Err(format!("{path} answers {}", reply.status).into())
    }
}

/// Lets a Runner in and ends the service, so that the database is ours for a while.
fn begin(plane: &mut Plane) -> Outcome<(TenantId, RunnerId)> {
    let _peers = plane.peers(1)?;
    let web = plane.owner()?;
    let runners = plane.runtime.block_on(web.get_json("/runners"))?;
    let runner = runners.pointer("/items/0/id").and_then(serde_json::Value::as_str).ok_or("no Runner was let in")?;
    plane.stop()?;
    Ok((plane.tenant.id.parse()?, runner.parse()?))
}

fn naive(tenant: TenantId) -> [String; 2] {
    [
        format!("SELECT count(*) FROM run WHERE tenant = '{tenant}'"),
        format!(
            "SELECT * FROM run WHERE tenant = '{tenant}' ORDER BY started DESC, run DESC LIMIT {ROWS} OFFSET {BEFORE}"
        ),
    ]
}

const COLUMNS: &str = "tenant, run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, \
    verdict, score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
    reports, accepted";

/// What stands in a row besides its id, for the number `i`.
fn cells(digest: &str) -> String {
    format!(
        "'procedure-' || (i % 20), 1, {digest}, CASE WHEN i % 50 = 0 THEN 'request' ELSE 'schedule' END, NULL, \
         {BEGAN} + i * {APART}, {BEGAN} + i * {APART} + 900, \
         CASE WHEN i % 20 = 0 THEN 'fail' WHEN i % 33 = 0 THEN 'error' ELSE 'pass' END, 9000, 9000, 9, 1, 0, 0, 0, 0, 0, \
         'proctor-runner 0.1.0', i, 1, {BEGAN} + i * {APART} + 1000"
    )
}

/// The tallies of the runs, as they would have been kept up.
const TALLIES: &str = "INSERT INTO day_tally (tenant, day, runs, pass, fail, error, pending, excepted, not_applicable, \
    scored, score_sum) SELECT tenant, started - started % 86400000, count(*), 0, 0, 0, 0, 0, 0, count(*), sum(score) \
    FROM run GROUP BY tenant, started - started % 86400000";

fn sqlite_rows(tenant: TenantId, runner: RunnerId, runs: usize) -> String {
    let cells = cells("zeroblob(32)");
    format!(
        "PRAGMA synchronous = OFF; BEGIN; \
         WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {runs} - 1) \
         INSERT INTO run ({COLUMNS}) \
         SELECT '{tenant}', printf('018f0000-0000-7000-8000-%012x', i), '{runner}', {cells} FROM n; \
         {TALLIES}; COMMIT;"
    )
}

fn postgres_rows(tenant: TenantId, runner: RunnerId, runs: usize) -> String {
    let cells = cells("decode(repeat('00', 32), 'hex')");
    format!(
        "INSERT INTO run ({COLUMNS}) \
         SELECT '{tenant}', '018f0000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'), '{runner}', {cells} \
         FROM generate_series(0, {runs} - 1) AS numbers (n), LATERAL (SELECT n::bigint AS i) AS wide; {TALLIES}"
    )
}

/// The time of the run of this number.
fn at(n: usize) -> i64 {
    BEGAN + i64::try_from(n).unwrap_or(0) * APART
}

/// The id that the databases were filled with.
fn run_id(n: u64) -> RunId {
    format!("018f0000-0000-7000-8000-{n:012x}").parse().unwrap_or(RunId::NIL)
}

fn report(seq: u64, manifest: &Manifest) -> AcceptedReport<'_> {
    let at = manifest.run.ended;
    AcceptedReport { seq, manifest, manifest_bytes: &[b'm'; 2_000], attestation: &[b'a'; 1_000], at }
}

/// A run of one step and ten checks; each second time another one fails.
fn manifest(tenant: TenantId, runner: RunnerId, n: u64, started: clock::Timestamp) -> Manifest {
    let digest = crypto::digest::sha256(b"procedure");
    let fails = |check: u64| check == 0 && n.is_multiple_of(2);
    let check = |check: u64| CheckLine {
        check: format!("check-{check}").parse().expect("a name"),
        status: if fails(check) { Status::Fail } else { Status::Pass },
        severity: Severity::High,
        counts: Counts::default(),
        exceptions: Vec::new(),
    };
    Manifest {
        run: RunLine {
            run: run_id(n),
            tenant,
            runner,
            procedure: ProcedureVersion {
                id: format!("procedure-{}", n % 20).parse().expect("a name"),
                version: 1,
                sha256: digest,
            },
            trigger: Trigger::Schedule,
            due: None,
            started,
            ended: started.plus_ms(900),
            verdict: if fails(0) { Status::Fail } else { Status::Pass },
            score: Some(9_000),
            score_with_exceptions: Some(9_000),
            counts: Counts::default(),
            partial: false,
            software: "proctor-runner 0.1.0".parse().expect("a program"),
        },
        steps: vec![StepLine {
            step: "collect".parse().expect("a name"),
            status: StepStatus::Ok,
            code: None,
            attempts: 1,
            started,
            ended: started,
        }],
        items: Vec::new(),
        checks: (0..10).map(check).collect(),
        metrics: Vec::new(),
    }
}
