//! `restore`: a backup in the place of the database.

use std::path::PathBuf;

use serde_json::json;
use terminal::{Exit, Fail};

use crate::config::Config;
use crate::place::Place;
use crate::wiring::open;

/// Put a backup in the place of the database.
///
/// The service must be stopped. The database that is replaced is kept beside it. What happened after the backup is
/// gone from the control plane; Runners send their journals again from where the backup ends, and notice that the
/// audit log went back.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-control-plane restore /backups/control-plane-2026-11-22.sqlite --yes")]
pub(crate) struct Args {
    /// The backup.
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// Say that the present database shall be put aside.
    #[arg(long)]
    yes: bool,
}

pub(crate) fn execute(args: &Args, place: &Place) -> Result<Exit, Fail> {
    let config = Config::load(&place.dir)?;
    if !args.yes {
        return Err(Fail::input(
            "E-RESTORE-001",
            format_args!("this puts {} in the place of the present database", args.from.display()),
            "stop the service and say --yes",
        ));
    }
    open::runtime()?.block_on(open::restore(&config, &args.from))?;
    place.out.line(format_args!("{} is the database now; the one before is kept beside it.", args.from.display()));
    place.out.json(&json!({"restored": args.from}));
    Ok(Exit::Pass)
}
