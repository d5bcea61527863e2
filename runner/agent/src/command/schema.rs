//! `schema`: the language for editors.

use crate::fail::{Exit, Fail};
use crate::output::Output;
use crate::place::Place;

/// Prints the JSON Schema of procedure/v1. An editor that knows it completes and checks fields while typing; `check`
/// knows more than a schema can say.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  proctor-runner schema > procedure-v1.schema.json")]
pub(crate) struct Args {}

pub(crate) fn execute(_: Args, _: &Place) -> Result<Exit, Fail> {
    Output::new(true).json(&procedure::language_schema());
    Ok(Exit::Pass)
}
