//! A service as a real process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clock::{Clock, SystemClock};

/// Longer than anything takes on a busy machine.
const PATIENCE_MS: u64 = 60_000;
const GLANCE: Duration = Duration::from_millis(20);

/// Asks again and again until it is so; a test that waits in vain says for what.
#[track_caller]
pub fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    let found = within(ask);
    assert!(found.is_some(), "waited in vain: {what}");
    found.expect("it was found")
}

/// Asks again and again until it is so, or for longer than anything takes.
pub(crate) fn within<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = SystemClock::new();
    let started = clock.monotonic_ms();
    loop {
        if let Some(found) = ask() {
            return Some(found);
        }
        if clock.monotonic_ms() - started >= PATIENCE_MS {
            return None;
        }
        std::thread::sleep(GLANCE);
    }
}

/// A running process, ended with this value.
pub struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts it; what it says goes to the end of a file.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log can be written");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn();
        Self { child: child.expect("the binary starts"), log: log.to_owned() }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it said so far, and what those before it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        // One that is gone already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let _ = Command::new("/bin/sh")
            .args(["-c", "kill \"$0\"", &self.child.id().to_string()])
            .stderr(Stdio::null())
            .status();
        until("a service that was told to stop ends", || self.child.try_wait().ok().flatten()).code()
    }

    /// The most memory it ever held, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The memory it holds now, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.status("VmRSS:")
    }

    fn status(&self, field: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
        value.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}
