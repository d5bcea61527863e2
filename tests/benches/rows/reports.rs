//! Row 6: records of Runners' journals at the control plane: over the line, checked, chained, written, acknowledged.
//! Beside it: the same lines into a database and nothing else, as many in a transaction as are under way.

use clock::{Clock, SystemClock};
use contract::{FromRunner, Report};
use proof::log::journal::{JournalRecord, MissReason};
use rusqlite::Connection;
use tests::{Database, Postgres};
use tokio::task::JoinSet;

use crate::harness::{Contender, Cost, Goal, Line, Outcome, Plan, contend, cost, note, now};
use crate::line::{Peer, Plane, Session, processor_seconds};

const PLAIN: &str = "plain";
const ONE: &str = "one Runner";
const MANY: &str = "four Runners";
const RUNS: &str = "attested runs";

/// Lines in a transaction of the floor.
const TOGETHER: usize = 256;

/// Runners that report at a time.
const FLEET: usize = 4;

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    note("what is timed runs in another process than its clients, on the same processors; cpu is the server's alone")?;
    sqlite(plan)?;
    match std::panic::catch_unwind(Postgres::start_durable) {
        Ok(server) => postgres(plan, &server),
        Err(_) => note("PostgreSQL could not be started and is left out"),
    }
}

fn sqlite(plan: &Plan) -> Outcome<()> {
    let count = plan.pick(10_000, 2_000);
    let mut plane = Plane::start(&Database::Sqlite)?;
    let mut fleet = Fleet::new(&mut plane)?;
    let folder = tempfile::tempdir()?;
    let plain = Connection::open(folder.path().join("plain.db"))?;
    plain.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; \
         CREATE TABLE line (runner TEXT, seq INTEGER, line TEXT, PRIMARY KEY (runner, seq)) WITHOUT ROWID;",
    )?;
    let mut written = 0_u64;
    let fleet = std::cell::RefCell::new(&mut fleet);
    let measured = contend(
        plan,
        vec![
            Contender::new(PLAIN, || insert(&plain, &mut written, count)),
            Contender::new(ONE, || fleet.borrow_mut().report(1, count, missed)),
            Contender::new(MANY, || fleet.borrow_mut().report(FLEET, count, missed)),
            Contender::new(RUNS, || fleet.borrow_mut().report(1, count / 5, Peer::run)),
        ],
    )?;
    for (name, goal) in [(ONE, Goal::AtLeast(25.0)), (MANY, Goal::AtLeast(25.0)), (RUNS, Goal::None)] {
        let is_void = measured.is_void;
        let (seen, cpu) = (measured.speed(name, PLAIN), Some(measured.thrift(name, PLAIN)));
        let what = format!("SQLite, {name}, of plain inserts, {TOGETHER} a transaction");
        Line { row: "6", what, seen, cpu, goal: Goal::None, unit: "", is_void }.print()?;
        let (what, seen) = (format!("SQLite, {name}, records a second"), 1e-3 / measured.wall(name));
        Line { row: "6", what, seen, cpu: None, goal, unit: " k", is_void }.print()?;
    }
    note(format_args!("plain {:.0} k/s", 1e-3 / measured.wall(PLAIN)))?;
    fleet.into_inner().tampered()
}

fn postgres(plan: &Plan, server: &Postgres) -> Outcome<()> {
    let count = plan.pick(10_000, 2_000);
    let mut plane = Plane::start(&server.database())?;
    let mut fleet = Fleet::new(&mut plane)?;
    let fleet = std::cell::RefCell::new(&mut fleet);
    let made =
        server.sql("proctor", "CREATE TABLE plain (runner uuid, seq bigserial, line text, PRIMARY KEY (runner, seq))");
    made.ok_or("the table of the peer could not be made")?;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("insert.sql");
    let line = "x".repeat(260);
    std::fs::write(
        &script,
        format!("INSERT INTO plain (runner, line) VALUES ('00000000-0000-0000-0000-000000000000', '{line}');\n"),
    )?;
    let measured = contend(
        plan,
        vec![
            Contender::new(PLAIN, || pgbench(server, &script, 8, plan.pick(500, 100))),
            Contender::new(ONE, || fleet.borrow_mut().report(1, count, missed)),
            Contender::new(MANY, || fleet.borrow_mut().report(FLEET, count, missed)),
            Contender::new(RUNS, || fleet.borrow_mut().report(1, count / 5, Peer::run)),
        ],
    )?;
    for (name, rate) in [(ONE, Goal::AtLeast(25.0)), (MANY, Goal::AtLeast(25.0)), (RUNS, Goal::None)] {
        let is_void = measured.is_void;
        let what = format!("PostgreSQL, {name}, of plain inserts by 8 clients");
        let seen = measured.speed(name, PLAIN);
        Line { row: "6", what, seen, cpu: None, goal: Goal::AtLeast(1.5), unit: "", is_void }.print()?;
        let (what, seen) = (format!("PostgreSQL, {name}, records a second"), 1e-3 / measured.wall(name));
        Line { row: "6", what, seen, cpu: None, goal: rate, unit: " k", is_void }.print()?;
    }
    note(format_args!("plain {:.1} k/s", 1e-3 / measured.wall(PLAIN)))
}

/// Seconds a transaction of this script, as pgbench counts them.
pub(crate) fn pgbench(server: &Postgres, script: &std::path::Path, clients: usize, each: usize) -> Outcome<Cost> {
    let output = server
        .client("pgbench", "proctor")
        .args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string(), "-t", &each.to_string(), "-f"])
        .arg(script)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")).and_then(|rest| rest.split(' ').next());
    let rate: f64 = rate.ok_or_else(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?.parse()?;
    Ok(Cost { wall: 1.0 / rate, cpu: 0.0 })
}

fn insert(db: &Connection, written: &mut u64, count: usize) -> Outcome<Cost> {
    let line = "x".repeat(260);
    let (spent, ()) = cost(|| {
        let mut left = count;
        while left > 0 {
            let transaction = db.unchecked_transaction()?;
            let mut statement = db.prepare_cached("INSERT INTO line (runner, seq, line) VALUES ('a', ?1, ?2)")?;
            for _ in 0..left.min(TOGETHER) {
                *written += 1;
                statement.execute((*written as i64, &line))?;
            }
            drop(statement);
            transaction.commit()?;
            left -= left.min(TOGETHER);
        }
        Ok(())
    })?;
    Ok(spent.each(count))
}

/// Runners that report.
struct Fleet<'a> {
    plane: &'a mut Plane,
    peers: Vec<Peer>,
    authority: Vec<u8>,
    pid: u32,
}

impl<'a> Fleet<'a> {
    fn new(plane: &'a mut Plane) -> Outcome<Self> {
        let (peers, pid) = (plane.peers(FLEET)?, plane.pid()?);
        let authority = std::fs::read(plane.control_plane.authority())?;
        Ok(Self { plane, peers, authority, pid })
    }

    /// So many records by so many of them, each on a stream that is open already. What one costs.
    fn report(&mut self, runners: usize, count: usize, make: fn(&mut Peer) -> Outcome<Report>) -> Outcome<Cost> {
        let port = self.plane.control_plane.ports.line;
        let each = count / runners;
        let mut ready = Vec::new();
        for peer in self.peers.iter_mut().take(runners) {
            let dialled = peer.dialled(port, &self.authority)?;
            let reports = (0..each).map(|_| make(peer)).collect::<Outcome<Vec<_>>>()?;
            let first = reports.first().map_or(0, |report| report.seq);
            let session = self.plane.runtime.block_on(dialled.open())?;
            ready.push((session, first, encoded(reports)));
        }
        let (used, started) = (processor_seconds(self.pid)?, now());
        self.plane.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for (mut session, first, reports) in ready {
                tasks.spawn(async move { session.report(first, reports).await.map(|()| session) });
            }
            tasks.join_all().await.into_iter().collect::<Outcome<Vec<Session>>>()
        })?;
        let spent = Cost { wall: started.elapsed().as_secs_f64(), cpu: processor_seconds(self.pid)? - used };
        self.plane.until_sessions(0)?;
        Ok(spent.each(each * runners))
    }

    /// A manifest with a changed byte, and a line with one, must both be refused.
    fn tampered(&mut self) -> Outcome<()> {
        let port = self.plane.control_plane.ports.line;
        let (with_run, with_line) = match self.peers.as_mut_slice() {
            [first, second, ..] => (first, second),
            _ => return Err("two Runners are needed".into()),
        };
        let dialled = with_run.dialled(port, &self.authority)?;
        let report = with_run.run()?;
        let first = report.seq;
        let mut changed = encoded(vec![report]);
        for message in &mut changed {
            if let Some(proto::from_runner::Message::Report(report)) = &mut message.message {
                let middle = report.manifest.len() / 2;
                if let Some(byte) = report.manifest.get_mut(middle) {
                    *byte ^= 1;
                }
            }
        }
        let refused = self.plane.runtime.block_on(async { dialled.open().await?.report(first, changed).await });
        let Err(manifest) = refused else {
            return Err("a changed manifest was accepted: none of this counts".into());
        };
        let dialled = with_line.dialled(port, &self.authority)?;
        let reports = (0..10).map(|_| missed(with_line)).collect::<Outcome<Vec<_>>>()?;
        let first = reports.first().map_or(0, |report| report.seq);
        let mut changed = encoded(reports);
        if let Some(proto::from_runner::Message::Report(report)) =
            changed.get_mut(4).and_then(|message| message.message.as_mut())
        {
            report.line = report.line.replacen("\"stopped\"", "\"storage\"", 1);
        }
        let refused = self.plane.runtime.block_on(async { dialled.open().await?.report(first, changed).await });
        let Err(line) = refused else { return Err("a changed line was accepted: none of this counts".into()) };
        let short = |error: String| error.chars().take(120).collect::<String>();
        note(format_args!("a changed manifest: {}", short(manifest.to_string())))?;
        note(format_args!("a changed line: {}", short(line.to_string())))
    }
}

fn missed(peer: &mut Peer) -> Outcome<Report> {
    let due = SystemClock::new().now();
    peer.report(&JournalRecord::DueMissed { procedure: "bench".parse()?, due, reason: MissReason::Stopped })
}

fn encoded(reports: Vec<Report>) -> Vec<proto::FromRunner> {
    reports.into_iter().map(|report| FromRunner::Report(report).into()).collect()
}
