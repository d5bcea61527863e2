//! A transaction as a value: it ends in a commit, or everything in it never was.

use clock::Timestamp;
use crypto::SystemEntropy;
use proof::log::journal::JournalRecord;
use proof::log::{Appended, Chain};
use rusqlite::{Transaction, TransactionBehavior};

use crate::journal;
use crate::keys::KeyRing;
use crate::own_keys::OwnKeys;
use crate::seal::Identity;
use crate::vault::{Files, Vault};
use crate::{VaultError, files};

pub(crate) struct Writer<'v> {
    pub(crate) tx: Transaction<'v>,
    pub(crate) ring: &'v mut KeyRing,
    pub(crate) identity: Identity,
    pub(crate) entropy: &'v SystemEntropy,
    pub(crate) keys: &'v OwnKeys,
    pub(crate) now: Timestamp,
    files: &'v Files,
    checkpoint_stale: &'v mut bool,
    chain: Option<Chain>,
}

impl<'v> Writer<'v> {
    pub(crate) fn begin(vault: &'v mut Vault) -> Result<Self, VaultError> {
        Ok(Self {
            tx: Transaction::new_unchecked(&vault.db, TransactionBehavior::Immediate)?,
            ring: &mut vault.ring,
            identity: vault.identity,
            entropy: &vault.entropy,
            keys: &vault.keys,
            now: vault.clock.now(),
            files: &vault.files,
            checkpoint_stale: &mut vault.checkpoint_stale,
            chain: None,
        })
    }

    /// Appends a record to the journal.
    pub(crate) fn journal(&mut self, record: &JournalRecord) -> Result<Appended, VaultError> {
        let chain = match &mut self.chain {
            Some(chain) => chain,
            none => none.insert(journal::resume(&self.tx)?),
        };
        journal::append(&self.tx, chain, self.now, record)
    }

    /// Appends a record and commits.
    pub(crate) fn with_journal(mut self, record: &JournalRecord) -> Result<Appended, VaultError> {
        let appended = self.journal(record)?;
        self.commit()?;
        Ok(appended)
    }

    /// Makes everything durable. If the journal grew, its new checkpoint is signed in the same transaction and then
    /// copied to its file; should that fail, what was committed stands and the next transaction is refused until the
    /// file can be written.
    pub(crate) fn commit(self) -> Result<(), VaultError> {
        let Some(chain) = self.chain else {
            self.tx.commit()?;
            return Ok(());
        };
        let note = journal::store_head(&self.tx, &chain, &self.keys.journal)?;
        self.tx.commit()?;
        if let Err(error) = files::replace(&self.files.checkpoint, note.as_bytes()) {
            tracing::error!(path = %self.files.checkpoint.display(), %error, "the journal checkpoint cannot be written");
            *self.checkpoint_stale = true;
        }
        Ok(())
    }
}
