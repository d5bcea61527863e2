//! `migrate`: the tables of this version.

use serde_json::json;
use terminal::{Exit, Fail};

use crate::config::Config;
use crate::place::Place;
use crate::wiring::open;

/// Bring the database to the tables of this version.
///
/// Stop the service first, and make a backup: an older version refuses the newer tables.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-control-plane backup /backups/before-upgrade.sqlite
  proctor-control-plane migrate")]
pub(crate) struct Args {}

pub(crate) fn execute(_: &Args, place: &Place) -> Result<Exit, Fail> {
    let config = Config::load(&place.dir)?;
    let (from, to) = open::runtime()?.block_on(open::migrate(&config))?;
    if from == to {
        place.out.line(format_args!("The tables are those of this version ({to}) already."));
    } else {
        place.out.line(format_args!("The tables went from version {from} to {to}."));
    }
    place.out.json(&json!({"from": from, "to": to}));
    Ok(Exit::Pass)
}
