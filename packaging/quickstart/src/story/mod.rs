//! The story: what a person would do on the first day, done for real, one command after the other.

mod drilldown;
mod expected;
mod line;
mod prove;
mod stage;

use std::path::Path;

use clock::Clock;
use serde_json::{Value, json};

use self::expected::{Expected, REVIEW_FAILURES, TLS_FAILURES};
use crate::authority::ENDPOINTS;
use crate::company;
use crate::fault::Fault;
use crate::folder::Folder;
use crate::procedures::{self, Brought};
use crate::programs::Programs;
use crate::say::Say;
use crate::shell::Shell;

/// A run that was made.
#[derive(Debug)]
struct Run {
    id: String,
    procedure: String,
    verdict: String,
}

/// Tells the story; says whether everything went as it must.
pub(crate) fn tell(dir: Option<&Path>, once: bool, say: Say, clock: &dyn Clock) -> Result<bool, Fault> {
    // A folder that cannot be used is refused before the long build; a fresh one is made only after it.
    let named = dir.map(Folder::named).transpose()?;
    let programs = Programs::provide(say, clock)?;
    let folder = named.map_or_else(Folder::temporary, Ok)?;
    let started = clock.monotonic_ms();
    let mut shell = Shell::new(&folder, &programs, say);

    say.title("1  A control plane, a Runner, and the line between them");
    introduce(&folder, &shell, say);
    // Services end in the reverse order: the Runner first.
    let _control_plane = line::start_control_plane(&folder, &mut shell, say, clock)?;
    line::enrol(&folder, &mut shell, say)?;

    say.title("2  What the Runner may look at, and the procedures that its operator installs");
    let listeners = stage::set(&folder, say, clock.now())?;
    let _runner = line::start_runner(&mut shell, say, clock)?;

    say.title("3  Run them on real systems, asked for over the line");
    say.line("This machine, whatever the result is:");
    let host = run(&mut shell, &procedures::HOST_BASELINE, Expected::Anything)?;
    say.line("\nThree TLS endpoints, two of which are not as they should be:");
    let tls = run(&mut shell, &procedures::TLS_ENDPOINTS, Expected::Failing(TLS_FAILURES))?;
    say.line("\nThe accounts of the order system against HR's list, with a population that must prove that it is");
    say.line("complete and a sample that nobody chooses. Some leavers kept their accounts:");
    let review = run(&mut shell, &procedures::ACCESS_REVIEW, Expected::Failing(REVIEW_FAILURES))?;
    say.line("\nWhat fails, as the control plane knows it, and since when:");
    shell.run(&["proctor-control-plane", "admin", "finding", "list"], &[0])?;

    say.title("4  Drill down: evidence across a line that cannot read it");
    line::auditor(&folder, &mut shell)?;
    let opened = drilldown::tell(&folder, &mut shell, say, &review)?;

    let proof = prove::tell(&folder, &mut shell, say, &review)?;

    let seconds = clock.monotonic_ms().saturating_sub(started) / 1000;
    let runs = [host, tls, review];
    let ok = shell.surprises().is_empty();
    say_where(&folder, say, &listeners.ports, once);
    conclude(&shell, say, seconds);
    say.summary(&json!({
        "ok": ok,
        "dir": folder.path,
        "seconds": seconds,
        "runs": runs.iter().map(|run| json!({"run": run.id, "procedure": run.procedure, "verdict": run.verdict})).collect::<Vec<_>>(),
        "bundle": folder.join(&proof.bundle),
        "opened": opened,
        "verified": proof.verified,
        "tampering_refused": proof.tampering_refused,
        "control_plane": folder.control_plane.url(),
        "endpoints": endpoints(&listeners.ports),
        "surprises": shell.surprises(),
    }));
    if !once {
        listeners.keep(say)?;
    }
    Ok(ok)
}

fn introduce(folder: &Folder, shell: &Shell<'_>, say: Say) {
    if folder.used_before {
        say.line("Using the folder of a former quickstart again.");
    }
    say.line("Every command below is printed as it runs. To repeat one by hand, type this first:");
    say.dim(format_args!("\n{}", shell.prelude()));
}

/// Asks for a run over the line, finds out which run that was, and checks what came of it.
fn run(shell: &mut Shell<'_>, brought: &Brought, expected: Expected) -> Result<Run, Fault> {
    let codes: &[i32] = if expected == Expected::Anything { &[0, 1] } else { &[1] };
    let procedure = brought.id();
    let code = shell.run(&["proctor-control-plane", "admin", "run", "request", procedure], codes)?;
    if !(0..=1).contains(&code) {
        return Err(Fault::NotRun { procedure: brought.path });
    }
    let listed = ["proctor-control-plane", "admin", "run", "list", "--procedure", procedure];
    let runs = shell.ask(&listed)?;
    let newest = runs.pointer("/runs/0").unwrap_or(&Value::Null);
    let id = line::text(newest, "run", &listed)?;
    let verdict = line::text(newest, "verdict", &listed)?;
    let shown = shell.ask(&["proctor-control-plane", "admin", "run", "show", &id])?;
    for difference in expected.differences(&shown) {
        shell.surprise(format!("{}: {difference}", brought.path));
    }
    Ok(Run { id, procedure: procedure.to_owned(), verdict })
}

fn endpoints(ports: &[u16]) -> Vec<Value> {
    let pairs = ENDPOINTS.iter().zip(ports);
    pairs.map(|(endpoint, port)| json!({"name": endpoint.name, "port": port, "about": endpoint.about})).collect()
}

fn say_where(folder: &Folder, say: Say, ports: &[u16], once: bool) {
    say.title("7  Where everything is, and what to try next");
    let dir = folder.text();
    say.line(format_args!("In {dir}"));
    for (name, what) in [
        ("procedures/", "the procedures; change one and run it"),
        ("config.toml", "what this Runner may reach"),
        ("store.db", "the evidence, encrypted under root.key"),
        ("control-plane/", "the control plane: configuration, database, authority"),
        ("*.log", "what the two services say"),
        (company::FILE, "the company's database, filled anew by every quickstart"),
    ] {
        say.line(format_args!("  {name:<12} {what}"));
    }
    for (endpoint, port) in ENDPOINTS.iter().zip(ports) {
        say.line(format_args!("  https://localhost:{port}  {}: {}", endpoint.name, endpoint.about));
    }
    if once {
        say.line(format_args!(
            "Services and endpoints end with this program; `cargo quickstart --dir {dir}` starts them again."
        ));
    }
    say.line(format_args!("  {}  the control plane's API", folder.control_plane.url()));
    say.line("To try next, after the lines of part 1:");
    for (command, what) in [
        ("proctor-runner status", "the Runner's end of the line"),
        ("proctor-control-plane admin run list", "what ran, as the control plane knows it"),
        ("proctor-runner runs", "the same, with everything that stays at the Runner"),
        ("proctor-runner evidence last", "what the newest run collected; `destroy ITEM` shreds one"),
        ("proctor-runner run procedures/admin-decision.yaml", "a run that waits for a person's decisions"),
        ("proctor-runner pending", "what it waits for"),
        ("proctor-runner keys rotate", "new keys for everything that is stored"),
        ("proctor-runner doctor", "what is not as it should be with this Runner"),
    ] {
        say.line(format_args!("  {command:<50}  {what}"));
    }
    say.line(format_args!("The folder stays until you remove it: rm -r {dir}\n"));
}

fn conclude(shell: &Shell<'_>, say: Say, seconds: u64) {
    match shell.surprises() {
        [] => say.good(format_args!(
            "Everything went as it must; the evidence and the proof are verified. It took {seconds} s."
        )),
        surprises => {
            say.bad(format_args!("{} things did not go as they must:", surprises.len()));
            surprises.iter().for_each(|surprise| say.line(format_args!("  {surprise}")));
        }
    }
}
