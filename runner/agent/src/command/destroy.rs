//! `destroy`: an evidence item goes for good.

use ids::ItemId;
use proof::text::FreeText;
use runner_vault::StoredItem;
use serde_json::json;

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::wiring::runner::{Mode, Runner};
use crate::wiring::terminal;

/// Destroys one evidence item: its key, its secret and its encrypted rows are deleted from the store, so that nobody can
/// open it or prove its content from here again. Its commitment stays in the manifest and keeps verifying; the journal
/// records the destruction and why. This cannot be undone. What was taken out before is not reached: bundles with opened
/// rows, exported files, and backups of the store for as long as the root key that they were made under exists.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner destroy 019aa7f0-0000-7000-8000-000000000003 --reason \"erasure request 2026-114\"
  proctor-runner destroy --yes 019aa7f0-0000-7000-8000-000000000003 --reason \"erasure request 2026-114\"

`proctor-runner evidence RUN` lists the items of a run.")]
pub(crate) struct Args {
    /// The item.
    #[arg(value_name = "ITEM")]
    item: ItemId,
    /// Why, in 1 to 500 characters; it stands in the journal.
    #[arg(long, value_name = "TEXT")]
    reason: FreeText,
    /// Do not ask; needed where there is no terminal.
    #[arg(long)]
    yes: bool,
}

pub(crate) fn execute(args: Args, place: &Place) -> Result<Exit, Fail> {
    if !args.yes {
        // Nobody else is kept waiting while a person thinks: the store is opened for writing afterwards.
        let stored = there(&Runner::open(place, Mode::Look)?, args.item)?;
        place.out.note(format_args!("item {} of run {}, step {}", args.item, stored.run, stored.step));
        terminal::confirm(place.out, &args.item.to_string(), "Destroying this evidence")?;
    }
    let runner = Runner::open(place, Mode::Write)?;
    let stored = there(&runner, args.item)?;
    let seq = runner.store.with(|store| store.destroy(args.item, None, args.reason))?.seq;
    place.out.line(format_args!("destroyed {}; journal record {seq}", args.item));
    place.out.json(&json!({"item": args.item, "run": stored.run, "step": stored.step, "seq": seq}));
    Ok(Exit::Pass)
}

/// The item, unless it is gone already.
fn there(runner: &Runner, item: ItemId) -> Result<StoredItem, Fail> {
    let stored = runner.store.with(|store| store.item(item))?;
    match stored.destroyed {
        None => Ok(stored),
        Some(seq) => {
            let message = format!("item {item} was destroyed already (journal record {seq})");
            Err(Fail::input("E-DESTROY-001", message, "nothing is left to destroy"))
        }
    }
}
