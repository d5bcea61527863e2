//! What stands in the store.

use std::path::Path;

use clock::Clock;
use proof::log::Line as JournalText;
use runner_vault::{Condition, PieceState, SealLevel, Vault, VaultError};

use super::Line;
use crate::config::Config;
use crate::wiring::runner::vault;

/// Records of the journal that are checked here; `journal verify` reads all of them.
const RECENT: u64 = 500;
/// A clock that is this far behind was set back, not corrected.
const SET_BACK_MS: i64 = 5 * 60 * 1000;
/// The outbox is looked at before it is full.
const NEARLY_FULL_PERCENT: u64 = 80;

pub(super) fn lines(store: &Vault, config: &Config, clock: &dyn Clock) -> Vec<Line> {
    let identity = store.identity();
    let mut lines = vec![
        Line::ok("store", format_args!("opens; Runner {}", identity.runner)),
        seal_level(store.seal_level(), config),
        condition(store),
    ];
    let checks: [(&'static str, Result<Line, VaultError>); 6] = [
        ("journal", journal(store)),
        ("clock", time(store, clock)),
        ("rotation", rotation(store)),
        ("runs", runs(store)),
        ("retention", retention(store, clock)),
        ("outbox", outbox(store)),
    ];
    for (name, line) in checks {
        lines.push(line.unwrap_or_else(|error| Line::failed(name, &vault(error))));
    }
    lines
}

fn seal_level(level: SealLevel, config: &Config) -> Line {
    let says = format!("{}: {}", level.name(), level.sentence());
    match (level, config.profile) {
        (SealLevel::KeyFileOnStoreDisk, crate::config::Profile::Production) => {
            let next = "`proctor-runner keys rewrap` moves the root key to another disk, a credential or a passphrase";
            Line::warn("seal level", says, next)
        }
        _ => Line::ok("seal level", says),
    }
}

fn condition(store: &Vault) -> Line {
    match store.condition() {
        Condition::Ready => Line::ok("condition", "ready: the store is not older than its last checkpoint"),
        Condition::Rollback(why) => {
            let next = "put the newest store back, or `proctor-runner journal acknowledge --reason …`";
            Line::fault("condition", format_args!("ROLLBACK: {why}"), next)
        }
    }
}

/// The newest records follow from each other, and the last of them stands in the tree that the Runner signed.
fn journal(store: &Vault) -> Result<Line, VaultError> {
    let tail = store.journal_tail(RECENT)?;
    let broken = |seq: u64, why: String| {
        let next = "run `proctor-runner journal verify`; treat the store as tampered with and keep a copy of it";
        Ok(Line::fault("journal", format_args!("record {seq}: {why}"), next))
    };
    let mut before: Option<(u64, crypto::Digest)> = None;
    let mut last = None;
    for record in &tail {
        let line = match JournalText::parse(&record.line) {
            Ok(line) => line,
            Err(error) => return broken(record.seq, error.to_string()),
        };
        let head = line.head();
        if before.is_some_and(|(seq, hash)| head.seq != seq.saturating_add(1) || head.prev != hash) {
            return broken(record.seq, "it does not name the record before it".to_owned());
        }
        before = Some((head.seq, line.hash()));
        last = Some((head.seq, line.leaf()));
    }
    let Some((seq, leaf)) = last else {
        return Ok(Line::fault("journal", "it is empty", "restore the store from a backup"));
    };
    match store.inclusion(seq)?.verify(leaf, store.journal_key()) {
        Ok(signed) => {
            let says = format!(
                "{} records, the last {} follow from each other and are signed; `journal verify` reads all",
                signed.size,
                tail.len()
            );
            Ok(Line::ok("journal", says))
        }
        Err(error) => broken(seq, error.to_string()),
    }
}

/// Time only moves forward; the journal says how far it was.
fn time(store: &Vault, clock: &dyn Clock) -> Result<Line, VaultError> {
    let now = clock.now();
    let last = store.journal_tail(1)?.pop();
    let last = last.and_then(|record| JournalText::parse(&record.line).ok().map(|line| line.head().at));
    let behind = last.map_or(0, |last| last.since_ms(now));
    let says = format!("it is {now}, {} s before the last journal record", behind / 1000);
    let next = "see that the machine keeps time (timedatectl); samples, deadlines and exceptions depend on it";
    Ok(if behind > SET_BACK_MS {
        Line::fault("clock", says, next)
    } else if behind > 0 {
        Line::warn("clock", says, next)
    } else {
        Line::ok("clock", format_args!("it is {now}, not before the last journal record"))
    })
}

fn rotation(store: &Vault) -> Result<Line, VaultError> {
    let status = store.key_status()?;
    let alive = status.generations.iter().filter(|generation| generation.state != "retired").count();
    Ok(if status.rotating {
        let says = "a rotation began and has not finished; everything can be read meanwhile";
        Line::warn("rotation", says, "`proctor-runner keys rotate` goes on with it")
    } else {
        Line::ok("rotation", format_args!("none is under way; {alive} generations of keys"))
    })
}

fn runs(store: &Vault) -> Result<Line, VaultError> {
    let unfinished = store.unfinished_runs()?;
    let mut cut_off = 0_usize;
    for run in &unfinished {
        let waits = |state: &PieceState| matches!(state, PieceState::Pending { .. } | PieceState::Waiting { .. });
        if !store.load_run(*run)?.pieces.iter().any(|piece| waits(&piece.state)) {
            cut_off += 1;
        }
    }
    let waiting = unfinished.len() - cut_off;
    Ok(if cut_off > 0 {
        let says = format!("{cut_off} runs are under way or were interrupted, {waiting} wait");
        Line::warn(
            "runs",
            says,
            "if none is under way: `proctor-runner resume` goes on with them, `cancel RUN` ends one",
        )
    } else if waiting > 0 {
        Line::ok("runs", format_args!("{waiting} wait for a person or a time; `proctor-runner pending` lists them"))
    } else {
        Line::ok("runs", "all have ended")
    })
}

fn retention(store: &Vault, clock: &dyn Clock) -> Result<Line, VaultError> {
    let expired = store.expired(clock.now())?;
    let held = expired.iter().filter(|run| run.held).count();
    let due = expired.len() - held;
    Ok(if due > 0 {
        let says = format!("{due} runs are past their retention");
        Line::warn(
            "retention",
            says,
            "`proctor-runner purge --dry-run` lists them, `proctor-runner purge` destroys them",
        )
    } else {
        Line::ok("retention", format_args!("nothing is kept too long; {held} runs are held"))
    })
}

fn outbox(store: &Vault) -> Result<Line, VaultError> {
    let (waiting, limit) = (store.outbox_waiting()?, store.options().outbox_limit);
    let says = format!("{waiting} of {limit} reports wait for a control plane");
    let next = "when it is full no new run begins: connect the Runner, or enlarge the outbox";
    Ok(if waiting >= limit {
        Line::fault("outbox", says, next)
    } else if waiting.saturating_mul(100) >= limit.saturating_mul(NEARLY_FULL_PERCENT) {
        Line::warn("outbox", says, next)
    } else {
        Line::ok("outbox", says)
    })
}

/// What runs wrote for themselves and did not take with them when they ended.
pub(super) fn scratch(store: &Vault, folder: &Path) -> Line {
    const NAME: &str = "scratch";
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Line::ok(NAME, "nothing is left of any run");
        }
        Err(error) => {
            return Line::warn(
                NAME,
                format_args!("{}: {error}", folder.display()),
                "see the permissions of the folder",
            );
        }
    };
    let unfinished: Vec<_> = store.unfinished_runs().unwrap_or_default().iter().map(ToString::to_string).collect();
    let left = entries.flatten().map(|entry| entry.file_name());
    let left = left.filter(|name| !unfinished.iter().any(|run| name == run.as_str())).count();
    if left == 0 {
        return Line::ok(NAME, "nothing is left of ended runs");
    }
    let says = format!("{left} leftovers of ended runs in {}; they may hold what targets said", folder.display());
    Line::warn(NAME, says, "remove them")
}
