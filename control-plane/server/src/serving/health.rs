//! Whether the service lives, and whether it can do its work.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clock::Clock;

use super::certificates::Certificates;

/// A disk with less than this is full: a commit could fail half way through a log.
const LEAST_FREE: u64 = 64 * 1024 * 1024;

/// What stands in the way of the service's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotReady {
    /// Stable, such as `E-HEALTH-001`.
    pub(crate) code: &'static str,
    /// What it is.
    pub(crate) says: &'static str,
}

/// What the checks look at.
pub(crate) struct Health {
    certificates: Arc<Certificates>,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
    database: AtomicBool,
}

impl Health {
    /// Nothing is ready before the database has answered once.
    pub(crate) fn new(certificates: Arc<Certificates>, clock: Arc<dyn Clock>, folder: PathBuf) -> Self {
        Self { certificates, clock, folder, database: AtomicBool::new(false) }
    }

    /// Says whether the database answered.
    pub(crate) fn database(&self, answers: bool) {
        self.database.store(answers, Ordering::Relaxed);
    }

    /// Seconds until the server's certificate ends; 0 when it has.
    pub(crate) fn certificate_seconds(&self) -> u64 {
        u64::try_from(self.certificates.not_after().since_ms(self.clock.now()) / 1000).unwrap_or(0)
    }

    /// Whether the service can do its work.
    pub(crate) fn ready(&self) -> Result<(), NotReady> {
        if self.certificate_seconds() == 0 {
            return Err(NotReady { code: "E-HEALTH-001", says: "the server's certificate has expired" });
        }
        if free_bytes(&self.folder).is_none_or(|free| free < LEAST_FREE) {
            return Err(NotReady { code: "E-HEALTH-002", says: "the disk is full" });
        }
        if !self.database.load(Ordering::Relaxed) {
            return Err(NotReady { code: "E-HEALTH-003", says: "the database does not answer" });
        }
        Ok(())
    }
}

/// Bytes that this user can still write beside the database.
pub(crate) fn free_bytes(folder: &std::path::Path) -> Option<u64> {
    let about = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(about.blocks_available().saturating_mul(about.fragment_size()))
}
