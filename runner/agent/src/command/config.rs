//! `config`: checking the configuration, and a sample of it.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::config::{Config, SAMPLE};
use crate::fail::{Exit, Fail};
use crate::output::printable;
use crate::place::Place;
use crate::wiring::config_check::{self, Finding, Weight};
use crate::wiring::files;
use crate::wiring::runner::absolute;

/// Checks config.toml, or prints a sample with every key explained.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner config check
  proctor-runner --dir /var/lib/proctor-runner config check ./config.toml.new
  proctor-runner config sample > config.toml")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Find everything that is wrong at once: unknown keys, missing files, secrets that cannot be read, programs that
    /// others may replace, bindings to connections that do not exist. Nothing is connected to. Exit code 2 says that
    /// something must be corrected; warnings alone do not.
    #[command(after_help = "Examples:
  proctor-runner config check
  proctor-runner config check ./config.toml.new")]
    Check {
        /// Configuration to check instead of config.toml in the Runner's folder; relative paths in it still start at
        /// that folder.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print a configuration with every key explained.
    #[command(after_help = "Example:
  proctor-runner config sample > config.toml")]
    Sample,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::Check { file } => check(file.as_deref(), place),
        Action::Sample => {
            place.out.line(SAMPLE.trim_end_matches('\n'));
            place.out.json(&json!({"text": SAMPLE}));
            Ok(Exit::Pass)
        }
    }
}

fn check(file: Option<&Path>, place: &Place) -> Result<Exit, Fail> {
    runner_vault::harden_process().map_err(crate::wiring::runner::vault)?;
    let dir = absolute(place)?;
    let path = file.map_or_else(|| dir.join("config.toml"), Path::to_path_buf);
    let config = match file {
        None => Config::load(&dir)?,
        Some(file) => parse(file)?,
    };
    let findings = config_check::findings(&config, &path, &dir);
    for Finding { weight, code, place: at, says, next } in &findings {
        place.out.line(format_args!("{}: {} {code} {at}: {}", path.display(), weight.as_str(), printable(says)));
        place.out.line(format_args!("    {next}"));
    }
    let faults = findings.iter().filter(|finding| finding.weight == Weight::Fault).count();
    if faults == 0 {
        let (connections, warnings) = (config.connections.len(), findings.len());
        place.out.line(format_args!("{}: ok, {connections} connections, {warnings} warnings", path.display()));
    }
    let listed: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "weight": finding.weight.as_str(), "code": finding.code, "place": finding.place,
                "message": finding.says, "next": finding.next,
            })
        })
        .collect();
    place.out.json(&json!({"file": path, "ok": faults == 0, "findings": listed}));
    Ok(if faults == 0 { Exit::Pass } else { Exit::BadInput })
}

fn parse(file: &Path) -> Result<Config, Fail> {
    let bytes = files::read(file, files::SMALL)?;
    let named = |mut fail: Fail| {
        fail.message = format!("{}: {}", file.display(), fail.message);
        fail
    };
    let text = String::from_utf8(bytes)
        .map_err(|_| named(Fail::input("E-CONF-002", "it is not UTF-8", "save it as UTF-8")))?;
    Config::parse(&text).map_err(named)
}
