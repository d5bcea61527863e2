//! The newest checkpoint of the journal that the control plane cosigned.

use proof::checkpoint::Checkpoint;
use proof::cosignature::verify_cosignature;
use proof::merkle::root_of;
use proof::note::SignedNote;
use rusqlite::{Connection, OptionalExtension, params};

use crate::VaultError;
use crate::journal::{JournalKey, node, path_error, resume};
use crate::vault::Vault;

/// What came of a cosigned checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cosigned {
    /// It is kept, or a newer one was kept before.
    Kept,
    /// This Runner once signed it and its journal no longer is that: the store was put back. The condition is `ROLLBACK`
    /// now.
    RolledBack,
}

impl Vault {
    /// Keeps a checkpoint of this journal that the pinned control plane cosigned.
    pub fn journal_cosigned(&mut self, note: &SignedNote) -> Result<Cosigned, VaultError> {
        let refused =
            |error: &dyn std::fmt::Display| VaultError::Note { what: "countersigned", why: error.to_string() };
        let shown = Checkpoint::open(note, self.journal_key()).map_err(|error| refused(&error))?;
        verify_cosignature(note, &self.pinned()?.witness).map_err(|error| refused(&error))?;
        if let Some(why) = differs(&self.db, &shown)? {
            self.roll_back(why)?;
            return Ok(Cosigned::RolledBack);
        }
        let size = i64::try_from(shown.size).unwrap_or(i64::MAX);
        self.check_writable()?;
        self.db.execute(
            "INSERT INTO cosigned (one, size, note) VALUES (1, ?1, ?2) ON CONFLICT (one) DO UPDATE \
             SET size = excluded.size, note = excluded.note WHERE excluded.size >= cosigned.size",
            params![size, note.to_text()],
        )?;
        Ok(Cosigned::Kept)
    }

    /// The newest of them, with the cosignature.
    pub fn cosigned_checkpoint(&self) -> Result<Option<SignedNote>, VaultError> {
        stored(&self.db)
    }

    /// The newest of them that covers this record, and its size.
    pub(crate) fn cosigned_over(&self, seq: u64) -> Result<Option<(u64, SignedNote)>, VaultError> {
        let Some(note) = stored(&self.db)? else { return Ok(None) };
        let size = Checkpoint::open(&note, self.journal_key())
            .map_err(|error| VaultError::inconsistent("cosigned", 1, error))?
            .size;
        Ok(Some((size, note)).filter(|(size, _)| *size > seq))
    }
}

/// Whether the journal is one that the last cosigned checkpoint still stands for; why not, if not.
pub(crate) fn compare_with_cosigned(db: &Connection, key: &JournalKey) -> Result<Option<String>, VaultError> {
    let Some(note) = stored(db)? else { return Ok(None) };
    let checkpoint =
        Checkpoint::open(&note, key.verifier()).map_err(|error| VaultError::inconsistent("cosigned", 1, error))?;
    differs(db, &checkpoint)
}

fn differs(db: &Connection, shown: &Checkpoint) -> Result<Option<String>, VaultError> {
    let own = resume(db)?.size();
    if shown.size > own {
        return Ok(Some(format!(
            "the control plane countersigned {} records of this journal, which has {own}",
            shown.size
        )));
    }
    let root = root_of(shown.size, |wanted| node(db, wanted)).map_err(path_error)?;
    if root == shown.root {
        return Ok(None);
    }
    Ok(Some(format!("the first {} records are not those that the control plane countersigned", shown.size)))
}

fn stored(db: &Connection) -> Result<Option<SignedNote>, VaultError> {
    let note: Option<String> = db.query_row("SELECT note FROM cosigned", [], |row| row.get(0)).optional()?;
    let note = note.map(|note| SignedNote::parse(&note)).transpose();
    note.map_err(|error| VaultError::inconsistent("cosigned", 1, error))
}
