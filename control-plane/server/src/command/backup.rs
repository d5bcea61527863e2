//! `backup`: a copy of the database.

use std::path::PathBuf;

use serde_json::json;
use terminal::{Exit, Fail};

use crate::config::Config;
use crate::place::Place;
use crate::wiring::open;

/// Copy the database, also while it is in use.
///
/// The copy is one moment of the database. The tenants' private keys in it are sealed under the root key: keep a copy
/// of that apart. After a restore, Runners that saw a later audit log refuse drill-downs and raise an alarm; that is
/// meant, because a restored log cannot be told from a rewritten one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-control-plane backup /backups/control-plane-2026-11-22.sqlite
  proctor-control-plane --json backup ./copy.sqlite")]
pub(crate) struct Args {
    /// The file to write; it must not exist.
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

pub(crate) fn execute(args: &Args, place: &Place) -> Result<Exit, Fail> {
    let config = Config::load(&place.dir)?;
    let progress = place.out.progress("copying the database");
    let done = open::runtime()?.block_on(open::backup(&config, &args.to));
    progress.finish_and_clear();
    done?;
    place.out.line(format_args!("The database is copied to {}.", args.to.display()));
    place.out.json(&json!({"file": args.to}));
    Ok(Exit::Pass)
}
