//! `config`: checking the configuration, a sample of it, and its JSON Schema.

use std::path::{Path, PathBuf};

use serde_json::json;
use terminal::{Exit, Fail};

use crate::config::{Config, SAMPLE, schema};
use crate::place::Place;

/// Check the configuration, or print a sample or its JSON Schema.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Find what is wrong: unknown keys, names that are none, files that are missing. Nothing is connected to.
    #[command(after_help = "Examples:
  proctor-control-plane config check
  proctor-control-plane --dir ./cp config check ./config.toml.new")]
    Check {
        /// Configuration to check instead of config.toml in the folder; relative paths in it still start there.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Print a configuration with every key explained.
    #[command(after_help = "Example:
  proctor-control-plane config sample > config.toml")]
    Sample,
    /// Print the JSON Schema of the configuration, for editors.
    #[command(after_help = "Example:
  proctor-control-plane config schema > config.schema.json")]
    Schema,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    match args.action {
        Action::Check { file } => check(file.as_deref(), place),
        Action::Sample => {
            place.out.line(SAMPLE.trim_end_matches('\n'));
            place.out.json(&json!({"text": SAMPLE}));
            Ok(Exit::Pass)
        }
        Action::Schema => {
            place.out.line(format_args!("{:#}", schema()));
            place.out.json(&schema());
            Ok(Exit::Pass)
        }
    }
}

fn check(file: Option<&Path>, place: &Place) -> Result<Exit, Fail> {
    let path = file.map_or_else(|| Config::path(&place.dir), Path::to_path_buf);
    let config = match file {
        None => Config::load(&place.dir)?,
        Some(file) => Config::read(file, &place.dir)?,
    };
    let missing: Vec<_> = config.files().into_iter().filter(|(_, path)| !path.is_file()).collect();
    for (key, file) in &missing {
        place.out.line(format_args!("{}: E-CONF-004 {key}: {} is not there", path.display(), file.display()));
    }
    if missing.is_empty() {
        place.out.line(format_args!("{}: ok", path.display()));
    }
    let findings: Vec<_> = missing
        .iter()
        .map(
            |(key, file)| json!({"code": "E-CONF-004", "place": key, "message": "the file is not there", "file": file}),
        )
        .collect();
    place.out.json(&json!({"file": path, "ok": missing.is_empty(), "findings": findings}));
    Ok(if missing.is_empty() { Exit::Pass } else { Exit::BadInput })
}
