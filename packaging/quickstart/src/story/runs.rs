//! Runs that are asked for over the line, and what came of them.

use clock::Clock;
use serde_json::Value;

use super::expected::Expected;
use super::{line, witness};
use crate::fault::Fault;
use crate::procedures::{self, Brought};
use crate::say::Say;
use crate::shell::Shell;

/// A run that was made.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) procedure: String,
    pub(super) verdict: String,
    /// Records of the journal when it had been reported.
    pub(super) journal: u64,
}

/// Asks for runs of them all; gives the newest run of each from before, which a former quickstart may have made.
pub(super) fn ask<const N: usize>(
    shell: &mut Shell<'_>,
    procedures: [&Brought; N],
) -> Result<[Option<String>; N], Fault> {
    let mut before = [const { None }; N];
    for (brought, known) in procedures.iter().zip(&mut before) {
        *known = newest(shell, brought.id())?.map(|(id, _)| id);
        let code = shell.run(&["proctor-control-plane", "admin", "run", "request", brought.id(), "--no-wait"], &[0])?;
        if code != 0 {
            return Err(Fault::NotRun { procedure: brought.path });
        }
    }
    Ok(before)
}

/// Runs that make the pages of the console worth looking at: of the branch office, a second one of the endpoints, and one
/// that waits for people.
pub(super) fn elsewhere(shell: &mut Shell<'_>, clock: &dyn Clock, say: Say) -> Result<(), Fault> {
    say.line("\nThe branch office, the endpoints once more, and a decision that waits for a person:");
    let all =
        [&procedures::BRANCH_BACKUPS, &procedures::SHOP_TLS, &procedures::TLS_ENDPOINTS, &procedures::ADMIN_DECISION];
    let before = ask(shell, all)?;
    let mut missing = true;
    witness::wait(clock, || {
        missing = false;
        for (brought, known) in all.iter().zip(&before) {
            let now = newest(shell, brought.id())?.map(|(id, _)| id);
            missing |= now.is_none() || now == *known;
        }
        Ok(!missing)
    })?;
    if missing {
        shell.surprise("not every run of the branch office was reported in time".to_owned());
    }
    Ok(())
}

/// Waits until another run than the one before was reported, shows it, and checks what came of it.
pub(super) fn came(
    shell: &mut Shell<'_>,
    clock: &dyn Clock,
    brought: &Brought,
    expected: Expected,
    before: Option<&str>,
) -> Result<Run, Fault> {
    let codes: &[i32] = if expected == Expected::Anything { &[0, 1] } else { &[1] };
    let mut found = None;
    witness::wait(clock, || {
        found = newest(shell, brought.id())?.filter(|(id, _)| Some(id.as_str()) != before);
        Ok(found.is_some())
    })?;
    let (id, verdict) = found.ok_or(Fault::NotRun { procedure: brought.path })?;
    let line = ["proctor-control-plane", "admin", "run", "show", &id];
    shell.run(&line, codes)?;
    let shown = shell.ask(&line)?;
    for difference in expected.differences(&shown) {
        shell.surprise(format!("{}: {difference}", brought.path));
    }
    let journal = witness::journal(shell)?;
    Ok(Run { procedure: brought.id().to_owned(), id, verdict, journal })
}

/// The newest run of a procedure that the control plane knows, and its verdict.
fn newest(shell: &Shell<'_>, procedure: &str) -> Result<Option<(String, String)>, Fault> {
    let listed = ["proctor-control-plane", "admin", "run", "list", "--procedure", procedure];
    let runs = shell.ask(&listed)?;
    let Some(newest) = runs.pointer("/runs/0") else { return Ok(None) };
    // A run that is under way has no verdict yet.
    let Some(verdict) = newest.get("verdict").and_then(Value::as_str) else { return Ok(None) };
    Ok(Some((line::text(newest, "run", &listed)?, verdict.to_owned())))
}
