//! Rows 4 and 11: how long the Runner takes to be there, and what it holds while it stands still.

use std::path::Path;
use std::process::Command;

use crate::harness::{
    Contender, Goal, Line, Outcome, Plan, binary, contend, cost, idle_memory, note, program, quietly,
};

const FLOOR: &str = "true";
const OURS: &str = "ours";

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    note("without a control plane: `runs`, which opens the store and prints; `connected` has the line")?;
    let path = binary("proctor-runner")?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&path);
        command.current_dir(folder.path()).args(["--dir", "runner"]).args(arguments).env_remove("PROCTOR_DIR");
        command
    };
    quietly(&mut command(&["init"]), 0)?;
    procedure(folder.path())?;
    quietly(&mut command(&["run", "look.yaml"]), 0)?;
    let count = plan.pick(10, 5);
    let repeat = |run: &dyn Fn() -> Outcome<()>| {
        let (spent, ()) = cost(|| (0..count).try_for_each(|_| run()))?;
        Ok(spent.each(count))
    };
    let measured = contend(
        plan,
        vec![
            Contender::new(FLOOR, || repeat(&|| quietly(&mut Command::new("true"), 0))),
            Contender::new(OURS, || repeat(&|| quietly(&mut command(&["runs"]), 0))),
        ],
    )?;
    let timed = |what: &str, seen, unit, goal| {
        let (what, is_void) = (what.to_owned(), measured.is_void);
        Line { row: "11", what, seen, cpu: None, goal, unit, is_void }.print()
    };
    timed("start, open the store, print, end", measured.wall(OURS) * 1e3, " ms", Goal::AtMost(50.0))?;
    timed("the same, times a process that does nothing", 1.0 / measured.speed(OURS, FLOOR), "", Goal::None)?;
    let line = |row, what: &str, seen, unit, goal| {
        Line { row, what: what.to_owned(), seen, cpu: None, goal, unit, is_void: false }.print()
    };
    let (idle, most) = idle_memory(&mut command(&["runs"]))?;
    line("4", "memory with the store open, standing still", idle, " MB", Goal::AtMost(16.0))?;
    line("4", "the most until then", most, " MB", Goal::AtMost(64.0))?;
    let (_, most) = idle_memory(&mut command(&["run", "look.yaml"]))?;
    line("4", "the most of a small run", most, " MB", Goal::AtMost(64.0))?;
    let size = path.metadata()?.len() as f64 / (1024.0 * 1024.0);
    line("4", "size of the binary, as built for this bench", size, " MB", Goal::AtMost(20.0))?;
    match program("node_exporter") {
        Some(_) => note("node_exporter is installed; start it and compare its resident memory"),
        None => note("node_exporter and zabbix_agent2 are not installed and left out"),
    }
}

/// A run that touches one file, so that there is something to list.
fn procedure(folder: &Path) -> Outcome<()> {
    let config = "[store]\nkey = { file = \"root.key\" }\n[policy]\nfiles = [\"/etc/hostname\"]\n";
    std::fs::write(folder.join("runner/config.toml"), config)?;
    let source = "schema: procedure/v1\nid: look\nversion: 1\ntitle: Look\npurpose: To be measured.\nowner: nobody\n\
        steps:\n  - { id: f, title: Look, use: file, with: { path: /etc/hostname, content: text } }\n\
        checks:\n  - { id: f, title: Looked, assert: steps.f.exists, severity: low }\n";
    Ok(std::fs::write(folder.join("look.yaml"), source)?)
}
