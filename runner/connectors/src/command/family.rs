//! All processes that come from one command, also those that have left its group.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal};

/// Rounds of looking and killing before giving up; each round catches what was started during the one before.
const ROUNDS: usize = 20;

/// The variable that marks every process of one command: the Runner's process number, a dash, a number of the command.
pub(super) const MARK: &str = "PROCTOR_COMMAND";

/// Ends what the commands of Runners that are gone have left behind, after a crash or a kill, and tells how many
/// processes that were. Commands of Runners that live are left alone, and so is what runs in another container, where
/// the same numbers are other processes. To be called when a Runner starts.
pub fn end_orphans() -> usize {
    let is_orphan = |mark: &str| {
        let runner = mark.split_once('-').and_then(|(runner, _)| runner.parse::<i32>().ok()).and_then(Pid::from_raw);
        runner.is_some_and(|runner| rustix::process::test_kill_process(runner) == Err(rustix::io::Errno::SRCH))
    };
    let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/pid")).ok();
    let own = namespace("self");
    let is_near = |number: i32| own.is_some() && namespace(&number.to_string()) == own;
    let mut ended = 0;
    for _ in 0..ROUNDS {
        let marked = numbers().filter(|number| mark_of(*number).is_some_and(|mark| is_orphan(&mark)));
        let found = marked.filter(|number| is_near(*number));
        let killed =
            found.filter_map(Pid::from_raw).filter(|pid| rustix::process::kill_process(*pid, Signal::KILL).is_ok());
        match killed.count() {
            0 => break,
            count => ended += count,
        }
        // The dead are not marked any more.
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    ended
}

struct Process {
    pid: Pid,
    parent: i32,
    group: i32,
    marked: bool,
    dead: bool,
}

/// Kills what is left of a process group.
pub(super) fn kill_group(leader: Pid) {
    // No such process means that nothing is left.
    let _ = rustix::process::kill_process_group(leader, Signal::KILL);
}

/// Kills the group, every descendant of its leader and every process that carries the mark, until there is none.
pub(super) fn kill_all(leader: Pid, mark: &str) {
    for _ in 0..ROUNDS {
        let processes = processes(mark);
        let mut family = BTreeSet::from([leader.as_raw_nonzero().get()]);
        // Parents are not listed before their children in any order that can be relied on.
        loop {
            let before = family.len();
            family.extend(
                processes
                    .iter()
                    .filter(|p| p.marked || family.contains(&p.parent) || family.contains(&p.group))
                    .map(|p| p.pid.as_raw_nonzero().get())
                    .collect::<Vec<_>>(),
            );
            if family.len() == before {
                break;
            }
        }
        kill_group(leader);
        let alive = processes.iter().filter(|p| !p.dead && family.contains(&p.pid.as_raw_nonzero().get()));
        let mut found = false;
        for process in alive {
            found = true;
            let _ = rustix::process::kill_process(process.pid, Signal::KILL);
        }
        if !found {
            return;
        }
        std::thread::yield_now();
    }
}

/// What a process has started itself and has not outlived. Nothing where the kernel does not tell.
pub(super) fn children(parent: Pid) -> Vec<Pid> {
    let number = parent.as_raw_nonzero();
    let listed = std::fs::read_to_string(format!("/proc/{number}/task/{number}/children")).unwrap_or_default();
    listed.split_ascii_whitespace().filter_map(|text| Pid::from_raw(text.parse().ok()?)).collect()
}

fn processes(mark: &str) -> Vec<Process> {
    numbers().filter_map(|number| read(number, mark)).collect()
}

fn numbers() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn read(number: i32, mark: &str) -> Option<Process> {
    let pid = Pid::from_raw(number)?;
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name stands in brackets and may itself hold brackets and spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let dead = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let marked = mark_of(number).is_some_and(|found| found == mark);
    Some(Process { pid, parent, group, marked, dead })
}

/// The mark in the environment of a process, if that can be read and holds one.
fn mark_of(number: i32) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{number}/environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0).filter_map(|variable| std::str::from_utf8(variable).ok());
    variables.find_map(|variable| variable.strip_prefix(MARK)?.strip_prefix('=').map(str::to_owned))
}
