//! Noticing that an older database, or another one, was put in the place of this one.

use proof::checkpoint::Checkpoint;
use proof::log::journal::{GapReason, JournalRecord};
use proof::merkle::root_of;
use proof::note::SignedNote;
use proof::text::FreeText;
use rusqlite::Connection;

use super::{JournalKey, node, path_error, resume, stored_checkpoint};
use crate::line::forget_rollback;
use crate::vault::{Condition, Files, Vault};
use crate::{VaultError, files};

/// Compares the journal with the checkpoint that is kept outside of the database: the journal must be that one or have
/// grown from it. Gives the condition of the store, and whether the file is behind.
pub(crate) fn compare_with_checkpoint(
    db: &Connection,
    key: &JournalKey,
    files: &Files,
) -> Result<(Condition, bool), VaultError> {
    // The file first: a process that writes commits before it renews the file, so what is read later is never behind it.
    let bytes = files::read_small(&files.checkpoint).map_err(|error| VaultError::file(&files.checkpoint, error))?;
    let _snapshot = db.unchecked_transaction()?;
    let head = resume(db)?;
    let own = SignedNote::parse(&stored_checkpoint(db)?)
        .map_err(Into::into)
        .and_then(|note| Checkpoint::open(&note, key.verifier()))
        .map_err(|error| VaultError::inconsistent("journal_head", 1, error))?;
    if own.size != head.size() || own.root != head.root() {
        return Err(VaultError::inconsistent("journal_head", 1, "the signed checkpoint is of another tree"));
    }
    let rollback = |why: String| Ok((Condition::Rollback(why), false));
    let Some(bytes) = bytes else {
        // Between making the database and writing the file for the first time there is one moment without it.
        return if own.size == 0 {
            Ok((Condition::Ready, true))
        } else {
            rollback(format!("the checkpoint file {} is missing", files.checkpoint.display()))
        };
    };
    let seen = proof::note::parse(&bytes).map_err(Into::into).and_then(|note| Checkpoint::open(&note, key.verifier()));
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => return rollback(format!("the checkpoint file is not one of this store: {error}")),
    };
    if seen.size > own.size {
        let (had, has) = (seen.size, own.size);
        return rollback(format!("the journal had {had} records when it was last written and has {has} now"));
    }
    let root = root_of(seen.size, |wanted| node(db, wanted)).map_err(path_error)?;
    if root != seen.root {
        return rollback(format!("the first {} records are not those that were there before", seen.size));
    }
    Ok((Condition::Ready, seen.size < own.size))
}

impl Vault {
    /// Accepts the store as it is after a rollback: a gap record with the reason is journalled and stays visible, and
    /// the store is ready again.
    pub fn acknowledge_rollback(&mut self, justification: FreeText) -> Result<(), VaultError> {
        if self.condition == Condition::Ready {
            return Err(VaultError::not_allowed("store", self.identity.store, "it was not rolled back"));
        }
        let until = self.now();
        let from = resume(&self.db)?.last_at();
        let gap = JournalRecord::Gap {
            from,
            until,
            reason: GapReason::Rollback,
            by: None,
            justification: Some(justification),
        };
        let writer = self.begin_in_any_condition()?;
        forget_rollback(&writer.tx)?;
        writer.with_journal(&gap)?;
        self.condition = Condition::Ready;
        Ok(())
    }
}
