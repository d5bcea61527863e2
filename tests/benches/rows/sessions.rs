//! Row 7: what a connected Runner that has nothing to say costs the control plane, and how fast all of them come back.
//! Beside it: a server that does nothing but hold streams. Both servers are processes of their own; the clients are here,
//! and share the processors with them.

use std::sync::Arc;
use std::time::Duration;

use tests::Database;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::harness::{Contender, Cost, Goal, Line, Outcome, Plan, contend, note, now};
use crate::line::{Bare, Dialled, Plane, Session, processor_seconds};

const FLOOR: &str = "bare";
const OURS: &str = "ours";

/// Connections that are being made at a time.
const AT_ONCE: usize = 64;

/// How many Runners the goal for coming back is about.
const FLEET: f64 = 5_000.0;

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    note("NATS, mosquitto and Teleport are not installed and left out")?;
    let count = plan.pick(1_000, 100);
    let mut plane = Plane::start(&Database::Sqlite)?;
    let peers = plane.peers(count)?;
    // What enrolment has touched is not what a session costs.
    plane.stop()?;
    plane.begin()?;
    let folder = tempfile::tempdir()?;
    let first = peers.first().ok_or("nobody was enrolled")?;
    let bare = Bare::start(folder.path(), &first.authority_pem()?)?;
    let authority = std::fs::read(plane.control_plane.authority())?;
    let port = plane.control_plane.ports.line;
    let ours = peers.iter().map(|peer| peer.dialled(port, &authority)).collect::<Outcome<Vec<_>>>()?;
    let floor = peers.iter().map(|peer| peer.dialled(bare.port, &bare.authority)).collect::<Outcome<Vec<_>>>()?;
    let pid = plane.pid()?;

    let held = memory(&plane, bare.pid(), &floor)?;
    let line = |what: &str, seen, goal| {
        Line { row: "7", what: what.to_owned(), seen, cpu: None, goal, unit: " KiB", is_void: false }.print()
    };
    line("memory of a stream that a bare server holds", held, Goal::None)?;
    let held = memory(&plane, pid, &ours)?;
    line("memory of a connected Runner that is idle", held, Goal::AtMost(64.0))?;
    plane.until_sessions(0)?;

    let connected = |pid: u32, dialled: &[Dialled]| {
        let (used, started) = (processor_seconds(pid)?, now());
        let sessions = plane.runtime.block_on(open(dialled))?;
        let wall = started.elapsed().as_secs_f64();
        let spent = Cost { wall, cpu: processor_seconds(pid)? - used };
        drop(sessions);
        Outcome::Ok(spent.each(count))
    };
    let measured = contend(
        plan,
        vec![
            Contender::new(FLOOR, || connected(bare.pid(), &floor)),
            Contender::new(OURS, || {
                let spent = connected(pid, &ours)?;
                // Who comes back before its session has ended would be taken for a twin.
                plane.until_sessions(0)?;
                Ok(spent)
            }),
        ],
    )?;
    let is_void = measured.is_void;
    let (seen, cpu) = (measured.speed(OURS, FLOOR), Some(measured.thrift(OURS, FLOOR)));
    let what = format!("{count} Runners connect and are welcomed, of a bare server (its cpu alone)");
    Line { row: "7", what, seen, cpu, goal: Goal::None, unit: "", is_void }.print()?;
    let what = "the same for 5,000 of them, clients on the same processors".to_owned();
    let seen = measured.wall(OURS) * FLEET;
    Line { row: "7", what, seen, cpu: None, goal: Goal::AtMost(6.0), unit: " s", is_void }.print()?;
    note(format_args!(
        "bare {:.0}, ours {:.0} sessions a second",
        1.0 / measured.wall(FLOOR),
        1.0 / measured.wall(OURS)
    ))?;
    stranger(&plane, first.dialled(port, &bare.authority)?)
}

/// KiB that a server holds for each of these sessions.
fn memory(plane: &Plane, pid: u32, dialled: &[Dialled]) -> Outcome<f64> {
    let (first, others) = dialled.split_first().ok_or("nobody to connect")?;
    // One, so that what the first one touches is there already.
    let one = plane.runtime.block_on(first.open())?;
    let before = resident_kib(pid)?;
    let sessions = plane.runtime.block_on(open(others))?;
    // Time to put away what the handshakes needed.
    std::thread::sleep(Duration::from_secs(3));
    let after = resident_kib(pid)?;
    drop((one, sessions));
    Ok((after - before) / others.len() as f64)
}

async fn open(dialled: &[Dialled]) -> Outcome<Vec<Session>> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for dialled in dialled {
        let (dialled, turns) = (dialled.clone(), Arc::clone(&turns));
        tasks.spawn(async move {
            let _turn = turns.acquire_owned().await?;
            dialled.open().await
        });
    }
    tasks.join_all().await.into_iter().collect()
}

fn resident_kib(pid: u32) -> Outcome<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the kernel does not say")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// A server's certificate of another authority must not be believed by those who were timed.
fn stranger(plane: &Plane, dialled: Dialled) -> Outcome<()> {
    match plane.runtime.block_on(dialled.open()) {
        Ok(_) => Err("a certificate of another authority was believed: none of this counts".into()),
        Err(_) => note("a server whose certificate is of another authority is refused"),
    }
}
