//! `doctor`: everything that can be wrong with a Runner, and what to do about each. It reads and changes nothing.
//!
//! `machine` looks at the folder and the machine, `store` at what stands in the store, `line` at the way to the control
//! plane.

mod line;
mod machine;
mod store;

use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use clock::{Clock, SystemClock};
use crypto::SystemEntropy;
use runner_vault::Vault;
use serde_json::json;

use crate::config::Config;
use crate::fail::{Exit, Fail};
use crate::output::printable;
use crate::place::Place;
use crate::wiring::config_check::{self, Weight};
use crate::wiring::runner::{absolute, vault};

/// Looks for trouble and says what to do: folder, configuration, root key, store, journal, disk, clock, processor, core
/// dumps, leftovers, runs that wait, retention, outbox, certificate, and the way to the control plane: name, proxy, TLS and
/// the chain that is shown, clock. Nothing is changed. Exit code 0 says that all is well, 1 that
/// there are warnings, 3 that there is a fault.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner doctor
  proctor-runner doctor --json | jq '.lines[] | select(.state != \"ok\")'")]
pub(crate) struct Args {}

/// One thing that was looked at.
pub(crate) struct Line {
    name: &'static str,
    state: State,
    says: String,
    next: Option<String>,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Ok,
    Warn,
    Fault,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fault => "fault",
        }
    }

    const fn colour(self) -> AnsiColor {
        match self {
            Self::Ok => AnsiColor::Green,
            Self::Warn => AnsiColor::Yellow,
            Self::Fault => AnsiColor::Red,
        }
    }
}

impl Line {
    fn ok(name: &'static str, says: impl ToString) -> Self {
        Self { name, state: State::Ok, says: says.to_string(), next: None }
    }

    fn warn(name: &'static str, says: impl ToString, next: impl ToString) -> Self {
        Self { name, state: State::Warn, says: says.to_string(), next: Some(next.to_string()) }
    }

    fn fault(name: &'static str, says: impl ToString, next: impl ToString) -> Self {
        Self { name, state: State::Fault, says: says.to_string(), next: Some(next.to_string()) }
    }

    fn failed(name: &'static str, fail: &Fail) -> Self {
        Self::fault(name, format_args!("{}: {}", fail.code, fail.message), &fail.next)
    }
}

pub(crate) fn execute(_: Args, place: &Place) -> Result<Exit, Fail> {
    let clock = SystemClock::new();
    let lines = examine(place, Arc::new(clock))?;
    let worst = lines.iter().map(|line| line.state).max().unwrap_or(State::Ok);
    for line in &lines {
        let style = Style::new().fg_color(Some(line.state.colour().into()));
        let word = line.state.as_str();
        place.out.line(format_args!("{style}{word:<5}{style:#} {:<15} {}", line.name, printable(&line.says)));
        if let Some(next) = &line.next {
            place.out.line(format_args!("                      → {}", printable(next)));
        }
    }
    let listed: Vec<_> = lines
        .iter()
        .map(|line| json!({"name": line.name, "state": line.state.as_str(), "says": line.says, "next": line.next}))
        .collect();
    place.out.json(&json!({"state": worst.as_str(), "lines": listed}));
    Ok(match worst {
        State::Ok => Exit::Pass,
        State::Warn => Exit::NotPass,
        State::Fault => Exit::Fault,
    })
}

/// Looks at everything that can be looked at; what cannot, because something before it failed, is left out.
fn examine(place: &Place, clock: Arc<dyn Clock>) -> Result<Vec<Line>, Fail> {
    let dir = absolute(place)?;
    let mut lines = vec![machine::core_dumps(), machine::aes(), machine::folder(&dir)];
    lines.extend(machine::disk(&dir));
    let config = match Config::load(&dir) {
        Ok(config) => config,
        Err(fail) => {
            lines.push(Line::failed("configuration", &fail));
            return Ok(lines);
        }
    };
    lines.push(configuration(&config, &dir));
    lines.extend(machine::half_changed_key(&dir));
    lines.push(machine::checkpoint_place(&config, &dir));
    let entropy = SystemEntropy::new();
    let opened = config.store.provider(&dir, config.profile).and_then(|provider| {
        let (files, options) = (config.store.files(&dir), config.store.options());
        Vault::open_read_only(&files, &provider, options, Arc::clone(&clock), entropy).map_err(vault)
    });
    let store = match opened {
        Ok(store) => store,
        Err(fail) => {
            lines.push(Line::failed("store", &fail));
            return Ok(lines);
        }
    };
    lines.extend(store::lines(&store, &config, &*clock));
    lines.push(store::scratch(&store, &dir.join("scratch")));
    lines.extend(line::lines(&store, &config, &dir, &clock));
    Ok(lines)
}

fn configuration(config: &Config, dir: &std::path::Path) -> Line {
    let findings = config_check::findings(config, &dir.join("config.toml"), dir);
    let faults = findings.iter().filter(|finding| finding.weight == Weight::Fault).count();
    let warnings = findings.len() - faults;
    let next = "`proctor-runner config check` names each";
    match (faults, warnings) {
        (0, 0) => Line::ok("configuration", "nothing is wrong with it"),
        (0, warnings) => Line::warn("configuration", format_args!("{warnings} warnings"), next),
        (faults, _) => Line::fault("configuration", format_args!("{faults} faults"), next),
    }
}
