//! Waiting until one side has cosigned what the other has logged: each shows its checkpoints every few seconds.

use std::time::Duration;

use clock::Clock;
use serde_json::Value;

use crate::fault::Fault;
use crate::shell::Shell;

/// How long a checkpoint may take to be signed, shown, and cosigned.
const PATIENCE_MS: u64 = 20_000;
const GLANCE: Duration = Duration::from_millis(100);

/// How many records the Runner's journal has.
pub(super) fn journal(shell: &Shell<'_>) -> Result<u64, Fault> {
    Ok(number(&status(shell)?, "/store/journal").unwrap_or(u64::MAX))
}

/// Until the control plane has cosigned so many records of the Runner's journal.
pub(super) fn of_the_journal(shell: &Shell<'_>, clock: &dyn Clock, records: u64) -> Result<bool, Fault> {
    wait(clock, || Ok(number(&status(shell)?, "/store/cosigned") >= Some(records)))
}

/// Until the Runner keeps the audit log up to its last record, with nothing left to report; seen twice, since the
/// cosignature itself is on its way for a moment.
pub(super) fn of_the_log(shell: &Shell<'_>, clock: &dyn Clock) -> Result<bool, Fault> {
    let mut seen = 0;
    wait(clock, || {
        let runner = status(shell)?;
        let log = shell.ask(&["proctor-control-plane", "audit", "verify"])?;
        let (kept, records) = (number(&runner, "/store/audit/size"), number(&log, "/logs/0/records"));
        let is_whole = kept.is_some() && kept == records && number(&runner, "/store/waiting") == Some(0);
        seen = if is_whole { seen + 1 } else { 0 };
        Ok(seen == 2)
    })
}

/// Whether it came to be so in time.
pub(super) fn wait(clock: &dyn Clock, mut is_so: impl FnMut() -> Result<bool, Fault>) -> Result<bool, Fault> {
    let started = clock.monotonic_ms();
    while clock.monotonic_ms().saturating_sub(started) < PATIENCE_MS {
        if is_so()? {
            return Ok(true);
        }
        std::thread::sleep(GLANCE);
    }
    Ok(false)
}

fn status(shell: &Shell<'_>) -> Result<Value, Fault> {
    shell.ask(&["proctor-runner", "status"])
}

fn number(said: &Value, pointer: &str) -> Option<u64> {
    said.pointer(pointer).and_then(Value::as_u64)
}
