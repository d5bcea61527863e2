//! Runs and items as people name them.

use ids::{ItemId, RunId};
use runner_vault::{RunFilter, StoredRun};

use crate::fail::Fail;
use crate::wiring::runner::Runner;

/// A run by its id, or `last`.
pub(crate) fn run(runner: &Runner, text: &str) -> Result<RunId, Fail> {
    if text == "last" {
        let newest = runner.store.with(|store| store.runs(&RunFilter::default(), None, 1))?;
        let newest = newest.first().map(|summary| summary.run);
        return newest
            .ok_or_else(|| Fail::input("E-RUN-020", "there is no run yet", "execute one: proctor-runner run FILE"));
    }
    text.parse()
        .map_err(|error| Fail::input("E-RUN-021", error, "`proctor-runner runs` lists them; `last` is the newest"))
}

/// An item of this run by its id, or by the step that collected it if that has just one; the part before a `/` is the step,
/// the part after it the name of the piece.
pub(crate) fn item(stored: &StoredRun, text: &str) -> Result<ItemId, Fail> {
    if let Ok(item) = text.parse() {
        let mut items = stored.pieces.iter().flat_map(|piece| &piece.items);
        return items.any(|known| known.item == item).then_some(item).ok_or_else(|| {
            let message = format!("the item {item} is not of run {}", stored.start.run);
            Fail::input("E-RUN-025", message, "`proctor-runner evidence RUN` lists the items of a run")
        });
    }
    let (step, key) = text.split_once('/').map_or((text, None), |(step, key)| (step, Some(key)));
    let of_step = stored.pieces.iter().filter(|piece| piece.step == step);
    let named = of_step.filter(|piece| key.is_none() || piece.key.as_deref() == key);
    let mut items = named.filter_map(|piece| piece.items.first());
    match (items.next(), items.next()) {
        (Some(item), None) => Ok(item.item),
        (None, _) => {
            let message = format!("the run has no evidence of `{text}`");
            Err(Fail::input("E-RUN-022", message, "`proctor-runner evidence RUN` lists what it has"))
        }
        (Some(_), Some(_)) => {
            let message = format!("the step `{step}` collected more than one piece");
            Err(Fail::input(
                "E-RUN-023",
                message,
                "name one as STEP/KEY or by its id; `proctor-runner evidence RUN` lists them",
            ))
        }
    }
}
