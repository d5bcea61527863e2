//! All processes that come from one command, also those that have left its group.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal};

/// Rounds of looking and killing before giving up; each round catches what was started during the one before.
const ROUNDS: usize = 20;

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
pub(super) fn kill_all(leader: Pid, mark: &[u8]) {
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

fn processes(mark: &[u8]) -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter_map(|number| read(number, mark)).collect()
}

fn read(number: i32, mark: &[u8]) -> Option<Process> {
    let pid = Pid::from_raw(number)?;
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name stands in brackets and may itself hold brackets and spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let dead = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let environment = std::fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
    let marked = environment.split(|byte| *byte == 0).any(|variable| variable == mark);
    Some(Process { pid, parent, group, marked, dead })
}
