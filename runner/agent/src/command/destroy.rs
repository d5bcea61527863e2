//! `destroy`: an evidence item goes for good.

use ids::ItemId;
use proof::text::FreeText;
use serde_json::json;

use crate::cli::Place;
use crate::fail::{Exit, Fail};
use crate::wiring::runner::{Mode, Runner, vault};
use crate::wiring::terminal;

/// Destroys one evidence item: its key and its secret are deleted, so that neither the store nor a bundle made before
/// can be used to prove its content again, and the encrypted rows are deleted too. Its commitment stays in the manifest
/// and keeps verifying; the journal records who destroyed it and why. This cannot be undone.
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
    let mut runner = Runner::open(place, Mode::Write)?;
    let stored = runner.vault.item(args.item).map_err(vault)?;
    if let Some(seq) = stored.destroyed {
        let message = format_args!("item {} was destroyed already (journal record {seq})", args.item).to_string();
        return Err(Fail::input("E-DESTROY-001", message, "nothing is left to destroy"));
    }
    if !args.yes {
        place.out.note(format_args!("item {} of run {}, step {}", args.item, stored.run, stored.step));
        terminal::confirm(place.out, &args.item.to_string(), "Destroying this evidence")?;
    }
    let seq = runner.vault.destroy(args.item, None, args.reason).map_err(vault)?.seq;
    place.out.line(format_args!("destroyed {}; journal record {seq}", args.item));
    place.out.json(&json!({"item": args.item, "run": stored.run, "step": stored.step, "seq": seq}));
    Ok(Exit::Pass)
}
