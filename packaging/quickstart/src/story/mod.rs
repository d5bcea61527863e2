//! The story: what people would do on the first day, done for real, one command after the other.

mod console;
mod drilldown;
mod expected;
mod line;
mod log;
mod prove;
mod runs;
mod stage;
mod witness;

use std::path::Path;

use clock::Clock;
use serde_json::{Value, json};

use self::expected::{Expected, REVIEW_FAILURES, TLS_FAILURES};
use crate::authority::ENDPOINTS;
use crate::company;
use crate::control_plane;
use crate::fault::Fault;
use crate::folder::Folder;
use crate::procedures;
use crate::programs::Programs;
use crate::say::Say;
use crate::shell::{OWNER_KEY, Shell};

/// Tells the story; says whether everything went as it must.
pub(crate) fn tell(dir: Option<&Path>, once: bool, say: Say, clock: &dyn Clock) -> Result<bool, Fault> {
    // A folder that cannot be used is refused before the long build; a fresh one is made only after it.
    let named = dir.map(Folder::named).transpose()?;
    let programs = Programs::provide(say, clock)?;
    let folder = named.map_or_else(Folder::temporary, Ok)?;
    let started = clock.monotonic_ms();
    let mut shell = Shell::new(&folder, &programs, say);

    say.title("1  A control plane, a Runner, and the line between them");
    let prelude = shell.prelude()?;
    introduce(&folder, say, &prelude);
    // Services end in the reverse order: the Runner first.
    let _control_plane = line::start_control_plane(&folder, &mut shell, say, clock)?;
    line::enrol(&folder, &mut shell, say)?;

    say.title("2  What the Runner may look at, and the procedures that its operator installs");
    let listeners = stage::set(&folder, say, clock.now())?;
    let _runner = line::start_runner(&mut shell, say, clock)?;
    let _branch = line::start_branch(&folder, &mut shell, say, clock, &listeners.ports)?;

    say.title("3  Run them on real systems, asked for over the line");
    say.line("Three requests, which the Runner takes in turn, since its operator installed what they name:");
    let all = [&procedures::HOST_BASELINE, &procedures::TLS_ENDPOINTS, &procedures::ACCESS_REVIEW];
    let before = runs::ask(&mut shell, all)?;
    say.line("\nThis machine, whatever the result is, as the control plane knows it:");
    let host = runs::came(&mut shell, clock, all[0], Expected::Anything, before[0].as_deref())?;
    say.line("\nThree TLS endpoints, two of which are not as they should be:");
    let tls = runs::came(&mut shell, clock, all[1], Expected::Failing(TLS_FAILURES), before[1].as_deref())?;
    say.line("\nThe accounts of the order system against HR's list, with a population that must prove that it is");
    say.line("complete and a sample that nobody chooses. Some leavers kept their accounts:");
    let review = runs::came(&mut shell, clock, all[2], Expected::Failing(REVIEW_FAILURES), before[2].as_deref())?;
    runs::elsewhere(&mut shell, clock, say)?;
    say.line("\nWhat fails, as the control plane knows it, and since when:");
    shell.run(&["proctor-control-plane", "admin", "finding", "list"], &[0])?;

    say.title("4  Drill down: evidence across a line that cannot read it");
    line::auditor(&folder, &mut shell)?;
    let opened = drilldown::tell(&folder, &mut shell, say, &review)?;

    let tenant = log::tenant(&shell)?;
    let proof = prove::tell(&folder, &mut shell, say, clock, (&review, &tenant))?;
    let log = log::tell(&folder, &mut shell, say, clock, &tenant)?;

    let runs = [host, tls, review];
    let console = if once {
        console::visit(&folder, &mut shell, say, clock, &runs.each_ref())?
    } else {
        console::invite(&folder, &shell, say)?
    };

    let seconds = clock.monotonic_ms().saturating_sub(started) / 1000;
    let ok = shell.surprises().is_empty();
    say_where(&folder, &prelude, say, &listeners.ports, once);
    conclude(&shell, say, seconds);
    say.summary(&json!({
        "ok": ok,
        "dir": folder.path,
        "seconds": seconds,
        "runs": runs.iter().map(|run| json!({"run": run.id, "procedure": run.procedure, "verdict": run.verdict})).collect::<Vec<_>>(),
        "bundle": folder.join(&proof.bundle),
        "opened": opened,
        "verified": proof.verified && log.verified,
        "tampering_refused": proof.tampering_refused && log.tampering_refused,
        "control_plane": folder.control_plane.url(),
        "console": console.seen,
        "link": console.link,
        "endpoints": endpoints(&listeners.ports),
        "surprises": shell.surprises(),
    }));
    if !once {
        listeners.keep(say)?;
    }
    Ok(ok)
}

fn introduce(folder: &Folder, say: Say, prelude: &str) {
    if folder.used_before {
        say.line("Using the folder of a former quickstart again.");
    }
    say.line(
        "Two programs, started here as two processes, that meet only over mTLS which the Runner dials. Every command",
    );
    say.line("below is printed as it runs. To repeat one by hand, type this first:");
    say.dim(format_args!("\n{prelude}"));
}

fn endpoints(ports: &[u16]) -> Vec<Value> {
    let pairs = ENDPOINTS.iter().zip(ports);
    pairs.map(|(endpoint, port)| json!({"name": endpoint.name, "port": port, "about": endpoint.about})).collect()
}

fn say_where(folder: &Folder, prelude: &str, say: Say, ports: &[u16], once: bool) {
    say.title("9  Where everything is, and what to try next");
    let dir = folder.text();
    let url = folder.control_plane.url();
    say.line(format_args!("In {dir}"));
    for (name, what) in [
        (OWNER_KEY, "the API key of Olga, who owns the tenant"),
        (line::AUDITOR_KEY, "the API key of Grace, who audits; her device's key is beside it"),
        (prove::RUNNER_KEYS, "public keys, as the Runner's operator hands them out"),
        (prove::CONTROL_PLANE_KEYS, "public keys, as the control plane's operator hands them out"),
        ("control-plane", "the control plane: configuration, database, authority"),
        ("config.toml", "what this Runner may reach"),
        ("branch", "the branch office's Runner, with a folder of its own"),
        ("procedures", "the procedures; change one, and `proctor-runner procedures add` installs it"),
        ("store.db", "the evidence, encrypted under root.key"),
        (company::FILE, "the company's database, filled anew by every quickstart"),
        ("*.log", "what the two services say"),
    ] {
        say.line(format_args!("  {name:<20} {what}"));
    }
    say.line("Addresses");
    say.line(format_args!("  {url}  the console"));
    say.line(format_args!("  {url}/api/v1  the control plane's API"));
    for (endpoint, port) in ENDPOINTS.iter().zip(ports) {
        say.line(format_args!("  https://localhost:{port}  {}: {}", endpoint.name, endpoint.about));
    }
    if once {
        say.line(format_args!(
            "Services and endpoints end with this program; `cargo quickstart --dir {dir}` starts them again."
        ));
    }
    say.line("Three commands to try, in a shell that has read env.sh:");
    say.dim(format_args!("\n{prelude}\n"));
    let findings = format!(
        "curl --cacert {} -H \"Authorization: Bearer $(cat {OWNER_KEY})\" {url}/api/v1/findings",
        control_plane::AUTHORITY
    );
    for (command, what) in [
        (findings.as_str(), "what fails and since when, over the API"),
        ("proctor-control-plane admin run request tls-endpoints", "look at the endpoints once more, over the line"),
        ("proctor-runner journal tail", "what this Runner wrote down, and who looked at what"),
    ] {
        say.line(format_args!("  {command}\n      {what}"));
    }
    say.line(format_args!("README.md goes on from here. The folder stays until you remove it: rm -r {dir}\n"));
}

fn conclude(shell: &Shell<'_>, say: Say, seconds: u64) {
    match shell.surprises() {
        [] => say.good(format_args!(
            "Everything went as it must; evidence, proof and log are verified. It took {seconds} s."
        )),
        surprises => {
            say.bad(format_args!("{} things did not go as they must:", surprises.len()));
            surprises.iter().for_each(|surprise| say.line(format_args!("  {surprise}")));
        }
    }
}
