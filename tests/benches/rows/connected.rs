//! Rows 4 and 11 with the line: how long a Runner takes until it is connected and a control plane until it serves, and
//! what a connected Runner holds and does while nothing happens.

use std::process::Command;
use std::time::Duration;

use tests::{Database, Runner, Service};

use crate::harness::{Contender, Cost, Goal, Line, Outcome, Plan, binary, contend, cost, note, now, quietly};
use crate::line::{Plane, processor_seconds};

const FLOOR: &str = "true";
const RUNNER: &str = "Runner";
const PLANE: &str = "control plane";

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    note("puppet, trestle, node_exporter and zabbix_agent2 are not installed and left out")?;
    let mut plane = Plane::start(&Database::Sqlite)?;
    let runner = Runner::empty();
    tests::enrol(&plane.control_plane, &plane.tenant, &runner);
    idle(plan, &plane, &runner)?;
    let plane = std::cell::RefCell::new(&mut plane);
    let measured = contend(
        plan,
        vec![
            Contender::new(FLOOR, || {
                let (spent, ()) = cost(|| (0..20).try_for_each(|_| quietly(&mut Command::new("true"), 0)))?;
                Ok(spent.each(20))
            }),
            Contender::new(RUNNER, || {
                let (spent, mut service) = connected(&plane.borrow(), &runner)?;
                stop(&plane.borrow(), &mut service)?;
                Ok(spent)
            }),
            Contender::new(PLANE, || {
                let mut plane = plane.borrow_mut();
                plane.stop()?;
                Ok(Cost { wall: plane.begin()?, cpu: 0.0 })
            }),
        ],
    )?;
    let line = |what: &str, name, most| {
        let (seen, is_void) = (measured.wall(name) * 1e3, measured.is_void);
        let goal = Goal::AtMost(most);
        Line { row: "11", what: what.to_owned(), seen, cpu: None, goal, unit: " ms", is_void }.print()
    };
    line("from the start of an enrolled Runner until its session is open", RUNNER, 50.0)?;
    line("from the start of a control plane on SQLite until it says that it is ready", PLANE, 250.0)?;
    note(format_args!("a process that does nothing: {:.1} ms", measured.wall(FLOOR) * 1e3))?;
    changed(&plane.borrow(), &runner)
}

/// Row 4: memory and processor of a Runner that is connected and has nothing to do.
fn idle(plan: &Plan, plane: &Plane, runner: &Runner) -> Outcome<()> {
    let (_, mut service) = connected(plane, runner)?;
    // What the start took is over.
    std::thread::sleep(Duration::from_secs(2));
    let seconds = plan.pick(30, 10) as u64;
    let used = processor_seconds(service.pid())?;
    std::thread::sleep(Duration::from_secs(seconds));
    let used = (processor_seconds(service.pid())? - used) / seconds as f64;
    let line = |what: &str, seen, unit, goal| {
        Line { row: "4", what: what.to_owned(), seen, cpu: None, goal, unit, is_void: false }.print()
    };
    let megabytes = |kib: u64| kib as f64 / 1024.0;
    line("memory of a connected Runner that is idle", megabytes(service.resident_kib()), " MB", Goal::AtMost(16.0))?;
    line("the most until then", megabytes(service.peak_kib()), " MB", Goal::AtMost(64.0))?;
    line("of one processor, idle", used * 100.0, " %", Goal::AtMost(0.1))?;
    let size = binary("proctor-runner")?.metadata()?.len() as f64 / (1024.0 * 1024.0);
    line("size of the binary, as built for this bench", size, " MB", Goal::AtMost(20.0))?;
    let size = binary("proctor-control-plane")?.metadata()?.len() as f64 / (1024.0 * 1024.0);
    line("size of the control plane's, for comparison", size, " MB", Goal::None)?;
    stop(plane, &mut service)?;
    Ok(())
}

/// Starts the Runner's service and waits until the control plane has its session.
fn connected(plane: &Plane, runner: &Runner) -> Outcome<(Cost, Service)> {
    let started = now();
    let service = Service::start(runner.command(&["serve"]), &runner.beside("runner.log"));
    plane.until_sessions(1)?;
    Ok((Cost { wall: started.elapsed().as_secs_f64(), cpu: 0.0 }, service))
}

fn stop(plane: &Plane, service: &mut Service) -> Outcome<()> {
    match service.stop() {
        Some(0) => plane.until_sessions(0),
        code => Err(format!("the Runner ended with {code:?}: {}", service.log()).into()),
    }
}

/// A Runner whose stored identity has a changed byte must not connect.
fn changed(plane: &Plane, runner: &Runner) -> Outcome<()> {
    let db = rusqlite::Connection::open(runner.home().join("store.db"))?;
    let rows: Vec<(String, Vec<u8>)> = db
        .prepare("SELECT name, sealed FROM sealed_value")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if rows.is_empty() {
        return Err("the Runner keeps no identity".into());
    }
    for (name, mut sealed) in rows {
        let middle = sealed.len() / 2;
        if let Some(byte) = sealed.get_mut(middle) {
            *byte ^= 1;
        }
        db.execute("UPDATE sealed_value SET sealed = ?2 WHERE name = ?1", (name, sealed))?;
    }
    drop(db);
    let mut service = Service::start(runner.command(&["serve"]), &runner.beside("runner.log"));
    std::thread::sleep(Duration::from_secs(3));
    let sessions = plane.metric("sessions");
    service.kill();
    if sessions == Some(0) {
        note("a Runner whose stored identity has a changed byte does not connect")
    } else {
        Err("a changed byte was not noticed: none of this counts".into())
    }
}
