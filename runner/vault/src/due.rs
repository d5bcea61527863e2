//! Due times: of each procedure the last one that has a run or a journalled reason, so that a restart neither skips nor
//! repeats one.

use clock::Timestamp;
use proof::text::Name;
use rusqlite::{Connection, OptionalExtension, params};

use crate::VaultError;
use crate::vault::Vault;

impl Vault {
    /// The last due time of a procedure that was handled; none if none ever was.
    pub fn due_handled(&self, procedure: &Name) -> Result<Option<Timestamp>, VaultError> {
        handled(&self.db, procedure)
    }

    /// Sets from when due times are handled, also back: a clock that once stood years ahead must not stop a schedule for
    /// years. Whoever does so journals why.
    pub fn set_due_handled(&mut self, procedure: &Name, due: Timestamp) -> Result<(), VaultError> {
        let writer = self.begin()?;
        keep(&writer.tx, procedure, due)?;
        writer.commit()
    }
}

/// Marks a due time as handled within the caller's transaction. One at or before the last is refused.
pub(crate) fn handle_due(db: &Connection, procedure: &Name, due: Timestamp) -> Result<(), VaultError> {
    if handled(db, procedure)?.is_some_and(|last| last >= due) {
        return Err(VaultError::not_allowed("procedure", procedure, format!("its due time {due} was handled already")));
    }
    keep(db, procedure, due)
}

fn handled(db: &Connection, procedure: &Name) -> Result<Option<Timestamp>, VaultError> {
    let due: Option<i64> = db
        .prepare_cached("SELECT handled FROM due WHERE procedure = ?1")?
        .query_row([procedure.as_str()], |row| row.get(0))
        .optional()?;
    Ok(due.map(Timestamp::from_millis))
}

fn keep(db: &Connection, procedure: &Name, due: Timestamp) -> Result<(), VaultError> {
    db.prepare_cached(
        "INSERT INTO due (procedure, handled) VALUES (?1, ?2) \
         ON CONFLICT (procedure) DO UPDATE SET handled = excluded.handled",
    )?
    .execute(params![procedure.as_str(), due.as_millis()])?;
    Ok(())
}
