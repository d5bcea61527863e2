//! Procedures that the operator approved: their sources, and when the journal says so.

use clock::Timestamp;
use crypto::Digest;
use ids::PersonId;
use proof::log::Line;
use proof::log::journal::JournalRecord;
use proof::manifest::ProcedureVersion;
use proof::text::Name;
use rusqlite::{OptionalExtension, Row, params};

use crate::VaultError;
use crate::runs::{Notation, ProcedureSource, store_procedure};
use crate::vault::Vault;

/// A version of a procedure in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledProcedure {
    /// The procedure.
    pub procedure: ProcedureSource,
    /// When it was first stored.
    pub stored: Timestamp,
    /// The journal record of its approval; none if it was only ever run by hand.
    pub approved: Option<u64>,
    /// When that was: due times count from then on.
    pub approved_at: Option<Timestamp>,
    /// The journal record that withdrew it.
    pub withdrawn: Option<u64>,
}

impl Vault {
    /// Approves a version of a procedure; journalled. Gives the number of the record.
    pub fn approve_procedure(&mut self, procedure: &ProcedureSource, by: Option<PersonId>) -> Result<u64, VaultError> {
        let mut writer = self.begin()?;
        store_procedure(&writer.tx, procedure, writer.now)?;
        let seq = writer.journal(&JournalRecord::ProcedureApproved { procedure: version(procedure), by })?.seq;
        writer.tx.execute(
            "UPDATE procedure SET approved = ?3, withdrawn = NULL WHERE digest = ?1 AND notation = ?2",
            params![procedure.digest.as_bytes(), procedure.notation.as_str(), seq as i64],
        )?;
        writer.commit()?;
        Ok(seq)
    }

    /// Withdraws the approval of a version, in both notations; journalled.
    pub fn withdraw_procedure(&mut self, digest: &Digest, by: Option<PersonId>) -> Result<u64, VaultError> {
        let known = self.procedure(digest)?.ok_or_else(|| VaultError::not_found("procedure", digest))?;
        let mut writer = self.begin()?;
        let procedure = version(&known.procedure);
        let seq = writer.journal(&JournalRecord::ProcedureWithdrawn { procedure, by })?.seq;
        writer
            .tx
            .execute("UPDATE procedure SET withdrawn = ?2 WHERE digest = ?1", params![digest.as_bytes(), seq as i64])?;
        writer.commit()?;
        Ok(seq)
    }

    /// Every version in the store, by id and age.
    pub fn procedures(&self) -> Result<Vec<InstalledProcedure>, VaultError> {
        let mut statement = self.db.prepare_cached(&format!("{SELECT} ORDER BY id, stored, version"))?;
        let mut rows = statement.query([])?;
        let mut procedures = Vec::new();
        while let Some(row) = rows.next()? {
            procedures.push(read(row)?);
        }
        Ok(procedures)
    }

    /// One version, in the notation that was approved last.
    pub fn procedure(&self, digest: &Digest) -> Result<Option<InstalledProcedure>, VaultError> {
        self.db
            .prepare_cached(&format!("{SELECT} WHERE digest = ?1 ORDER BY approved DESC NULLS LAST LIMIT 1"))?
            .query_row([digest.as_bytes()], |row| Ok(read(row)))
            .optional()?
            .transpose()
    }
}

const SELECT: &str = "SELECT digest, notation, id, version, source, stored, approved, withdrawn, line FROM procedure \
     LEFT JOIN journal ON journal.seq = approved";

fn read(row: &Row<'_>) -> Result<InstalledProcedure, VaultError> {
    let digest = Digest::from_bytes(row.get(0)?);
    let id: String = row.get(2)?;
    let seq = |seq: Option<i64>| seq.map(|seq| seq as u64);
    let approval: Option<String> = row.get(8)?;
    let approval = approval.as_deref().map(Line::parse).transpose();
    let approval = approval.map_err(|error| VaultError::inconsistent("procedure", digest, error))?;
    Ok(InstalledProcedure {
        procedure: ProcedureSource {
            id: id.parse::<Name>().map_err(|error| VaultError::inconsistent("procedure", digest, error))?,
            version: row.get::<_, i64>(3)? as u64,
            digest,
            notation: Notation::stored(&row.get::<_, String>(1)?, digest)?,
            source: row.get(4)?,
        },
        stored: Timestamp::from_millis(row.get(5)?),
        approved: seq(row.get(6)?),
        approved_at: approval.map(|line| line.head().at),
        withdrawn: seq(row.get(7)?),
    })
}

pub(crate) fn version(procedure: &ProcedureSource) -> ProcedureVersion {
    ProcedureVersion { id: procedure.id.clone(), version: procedure.version, sha256: procedure.digest }
}
