//! The two services, as processes of their own: started, waited for, stopped with the quickstart.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clock::Clock;

use crate::fault::Fault;

/// How long a service may take until it is ready, and until it has stopped.
const PATIENCE_MS: u64 = 20_000;
const GLANCE: Duration = Duration::from_millis(20);
/// How much of a log is shown when its service fell over.
const TAIL: usize = 2000;

/// A running service. It is told to stop when this value goes.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts it; what it says goes to a log file.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, Fault> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(log).map_err(Fault::file(log))?;
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().map_err(|error| Fault::CannotStart { program, error })?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Waits until `ready` says so; a service that ends before is a fault.
    pub(crate) fn wait_until(
        &mut self,
        clock: &dyn Clock,
        what: &'static str,
        mut ready: impl FnMut() -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let started = clock.monotonic_ms();
        while clock.monotonic_ms().saturating_sub(started) < PATIENCE_MS {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Fault::Service { what, ended: status.to_string(), log: self.tail() });
            }
            if ready()? {
                return Ok(());
            }
            std::thread::sleep(GLANCE);
        }
        Err(Fault::Service { what, ended: "not ready after 20 s".to_owned(), log: self.tail() })
    }

    /// Whether it still runs.
    pub(crate) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn tail(&self) -> String {
        let mut text = String::new();
        // A log that cannot be read has nothing to tell.
        let _ = File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text));
        let from = text.char_indices().rev().nth(TAIL).map_or(0, |(place, _)| place);
        text.get(from..).unwrap_or_default().trim_end().to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // SIGTERM through the shell's `kill`, so that the service closes its store; a process that is gone already is fine.
        let _ = Command::new("/bin/sh")
            .args(["-c", "kill \"$0\"", &self.child.id().to_string()])
            .stderr(Stdio::null())
            .status();
        for _ in 0..(PATIENCE_MS / 20) {
            if !self.lives() {
                return;
            }
            std::thread::sleep(GLANCE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_service_that_falls_over_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock::SystemClock::new();
        let mut service = Service::start(shell("echo no port >&2; exit 3"), &folder.path().join("log")).unwrap();
        let fault = service.wait_until(&clock, "the service", || Ok(false)).unwrap_err();
        assert!(matches!(&fault, Fault::Service { log, .. } if log == "no port"), "{fault}");
    }

    #[test]
    fn a_service_ends_with_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("stopped");
        let script = format!("trap 'echo > {}; exit' TERM; echo up >&2; while :; do sleep 0.01; done", mark.display());
        let log = folder.path().join("log");
        let mut service = Service::start(shell(&script), &log).unwrap();
        let up = || Ok(std::fs::read_to_string(&log).is_ok_and(|text| text.contains("up")));
        service.wait_until(&clock::SystemClock::new(), "the service", up).unwrap();
        drop(service);
        assert!(mark.exists());
    }
}
