//! The one opened store of this process. Several threads may use it; each holds it for one short piece of work.

use std::sync::{Arc, Mutex, MutexGuard};

use runner_vault::{Vault, VaultError};

use crate::fail::Fail;
use crate::wiring::runner::vault;

/// Code of the error that says that it cannot be used any more.
pub(crate) const FAILED: &str = "E-RUN-033";

/// The store, shared.
#[derive(Clone)]
pub(crate) struct Store(Arc<Mutex<Vault>>);

impl Store {
    /// Shares an opened store.
    pub(crate) fn new(vault: Vault) -> Self {
        Self(Arc::new(Mutex::new(vault)))
    }

    /// Does one piece of work with it. The work must not ask for the store again, nor wait for anybody.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Vault) -> Result<T, VaultError>) -> Result<T, Fail> {
        work(&mut *self.lock()?).map_err(vault)
    }

    /// The store itself, if nobody else has it.
    pub(crate) fn into_inner(self) -> Option<Vault> {
        Arc::into_inner(self.0).and_then(|store| store.into_inner().ok())
    }

    /// The store for as long as the guard lives, for a command that reads much of it and is alone.
    pub(crate) fn lock(&self) -> Result<MutexGuard<'_, Vault>, Fail> {
        self.0.lock().map_err(|_| {
            Fail::fault(
                FAILED,
                "a thread failed while it used the store",
                "start the Runner again; what was made durable stands, please report this",
            )
        })
    }
}
