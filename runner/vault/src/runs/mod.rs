//! Runs: their beginning, each piece of truth that they collect, and their end.
//!
//! One transaction, so one `fsync`, for each piece. What was recorded is never replaced; a piece that waits for a person
//! or a time is followed by what came of it, and both stay.

mod attest;
mod begin;
mod history;
mod list;
mod load;
mod record;
mod words;

pub(crate) use attest::is_final;
pub use attest::{Attested, CheckState, StoredAttestation};
pub use begin::RunStart;
pub(crate) use begin::store_procedure;
pub(crate) use history::Place;
pub(crate) use list::run_state;
pub use list::{RunFilter, RunSummary};
pub use load::{PastState, StoredPiece, StoredRun};
pub use record::{FailedAttempt, Outcome, PieceRecord};
pub use words::{PieceState, RunState};

use clock::Timestamp;
use crypto::Digest;
use ids::RunId;
use rusqlite::{Connection, OptionalExtension};

use crate::keys::{DataKey, KeyRing};
use crate::seal::{Cell, Part};
use crate::{Retention, VaultError};

/// What of a run's row the other operations need.
pub(crate) struct RunRow {
    pub(crate) id: i64,
    pub(crate) run: RunId,
    pub(crate) state: String,
    pub(crate) started: Timestamp,
    pub(crate) retention: Retention,
    generation: u64,
    wrapped_by: Option<u64>,
    wrapped: Option<Vec<u8>>,
}

impl RunRow {
    pub(crate) fn find(db: &Connection, run: RunId) -> Result<Self, VaultError> {
        let row = db
            .prepare_cached(
                "SELECT id, state, started, retention, generation, wrapped_by, wrapped FROM run WHERE run = ?1",
            )?
            .query_row([run.as_bytes()], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get::<_, String>(3)?,
                    row.get::<_, i64>(4)?,
                    row.get::<_, Option<i64>>(5)?,
                    row.get(6)?,
                ))
            })
            .optional()?;
        let (id, state, started, retention, generation, wrapped_by, wrapped) =
            row.ok_or_else(|| VaultError::not_found("run", run))?;
        let retention = retention.parse().map_err(|error| VaultError::inconsistent("run", run, error))?;
        Ok(Self {
            id,
            run,
            state,
            started: Timestamp::from_millis(started),
            retention,
            generation: generation as u64,
            wrapped_by: wrapped_by.map(|number| number as u64),
            wrapped,
        })
    }

    /// The key that seals everything of the run but its evidence items.
    pub(crate) fn key(&self, ring: &KeyRing) -> Result<DataKey, VaultError> {
        let (Some(by), Some(wrapped)) = (self.wrapped_by, &self.wrapped) else {
            return Err(VaultError::not_allowed(
                "run",
                self.run,
                "its retention time is over and its keys are destroyed",
            ));
        };
        let run = self.run;
        ring.unwrap(by, self.generation, wrapped, |generation| run_key_cell(run, generation))
    }

    pub(crate) fn check_running(&self) -> Result<(), VaultError> {
        if self.state == "running" { Ok(()) } else { Err(VaultError::not_allowed("run", self.run, "it has ended")) }
    }
}

pub(crate) fn run_key_cell(run: RunId, generation: u64) -> Cell<'static> {
    Cell::new("run", "wrapped", generation).run(run)
}

/// What the sealed part of a state in a piece's history is bound to: every clear column beside it.
pub(crate) fn history_part(
    step: &str,
    position: i64,
    state: &str,
    code: Option<&str>,
    started: i64,
    ended: i64,
    until: Option<i64>,
) -> Part {
    Part::new()
        .text(step)
        .number(position)
        .text(state)
        .optional_text(code)
        .number(started)
        .number(ended)
        .optional_number(until)
}

/// A procedure as a run executes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureSource {
    /// Its id.
    pub id: proof::text::Name,
    /// Its version.
    pub version: u64,
    /// The digest of its model.
    pub digest: Digest,
    /// `yaml` or `md`.
    pub notation: Notation,
    /// The file, byte for byte.
    pub source: Vec<u8>,
}

/// The two notations of the procedure language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// A YAML file.
    Yaml,
    /// A Markdown SOP.
    Markdown,
}

impl Notation {
    /// The file extension.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Markdown => "md",
        }
    }

    pub(crate) fn stored(text: &str, key: impl ToString) -> Result<Self, VaultError> {
        match text {
            "yaml" => Ok(Self::Yaml),
            "md" => Ok(Self::Markdown),
            _ => Err(VaultError::inconsistent("procedure", key, "an unknown notation")),
        }
    }
}
