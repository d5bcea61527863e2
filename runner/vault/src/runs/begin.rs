//! The beginning of a run.

use clock::Timestamp;
use crypto::Digest;
use ids::{RequestId, RunId};
use proof::log::journal::JournalRecord;
use rusqlite::{Connection, params};
use serde_json::Value;
use verdict::Trigger;
use zeroize::Zeroizing;

use super::{ProcedureSource, run_key_cell};
use crate::due::handle_due;
use crate::keys::Epoch;
use crate::line::insert_request;
use crate::seal::{Cell, Part};
use crate::vault::Vault;
use crate::{Retention, VaultError};

/// Everything that is fixed before a run collects anything.
#[derive(Clone, PartialEq)]
pub struct RunStart {
    /// The run's id, which the sample depends on.
    pub run: RunId,
    /// What it executes.
    pub procedure: ProcedureSource,
    /// Its bound inputs; sealed.
    pub inputs: Value,
    /// What set it off.
    pub trigger: Trigger,
    /// When it was due.
    pub due: Option<Timestamp>,
    /// When it began.
    pub started: Timestamp,
    /// The period that it reports on.
    pub period: Option<(Timestamp, Timestamp)>,
    /// In a partial run: the ids of the steps or checks that it is limited to.
    pub only: Option<Vec<String>>,
    /// Name and version of the program, as the manifest carries it.
    pub software: String,
    /// How long it is kept.
    pub retention: Retention,
}

/// Shows what is known without opening anything.
impl std::fmt::Debug for RunStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RunStart({}, {} {}, …)", self.run, self.procedure.id, self.procedure.version)
    }
}

impl Vault {
    /// Begins a run. Refused in state `ROLLBACK`, and when too many reports wait to be acknowledged: then a gap is
    /// journalled once.
    /// If a schedule set it off, its due time is handled from here on; one that was handled before is refused.
    pub fn begin_run(&mut self, start: &RunStart) -> Result<(), VaultError> {
        self.begin_run_for(start, None)
    }

    /// Begins a run that was requested over the line. A request that was seen before is refused (`E-VAULT-030`);
    /// [`run_request`](Self::run_request) says what came of it.
    pub fn begin_requested_run(&mut self, start: &RunStart, request: RequestId) -> Result<(), VaultError> {
        self.begin_run_for(start, Some(request))
    }

    fn begin_run_for(&mut self, start: &RunStart, request: Option<RequestId>) -> Result<(), VaultError> {
        self.check_ready()?;
        self.check_waiting()?;
        let epoch = Epoch::of(start.started, start.retention);
        self.reserve(&epoch, 1)?;
        let writer = self.begin()?;
        let run = start.run;
        if let Some(request) = request {
            insert_request(&writer.tx, request, writer.now, Some(run), None)?;
        }
        if let Some(due) = start.due.filter(|_| start.trigger == Trigger::Schedule) {
            handle_due(&writer.tx, &start.procedure.id, due)?;
        }
        store_procedure(&writer.tx, &start.procedure, writer.now)?;
        let fresh = writer.ring.fresh(writer.entropy, &epoch, |generation| run_key_cell(run, generation))?;
        let generation = fresh.data.generation;
        let only = start.only.as_ref().map(|ids| Value::from(ids.clone()).to_string());
        let columns = Columns::of(start, only.as_deref());
        let text = Zeroizing::new(start.inputs.to_string());
        let inputs = inputs_cell(run, generation).part(columns.part().as_bytes()).seal(
            &writer.identity,
            &fresh.data.key,
            writer.entropy,
            text.as_bytes(),
        );
        let inserted = writer
            .tx
            .prepare_cached(
                "INSERT INTO run (run, procedure, notation, procedure_id, procedure_version, trigger, due, started, \
             period_start, period_end, only_ids, software, retention, state, generation, wrapped_by, wrapped, inputs) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 'running', ?14, ?14, ?15, ?16) \
             ON CONFLICT (run) DO NOTHING",
            )?
            .execute(params![
                run.as_bytes(),
                columns.procedure.as_bytes(),
                columns.notation,
                columns.procedure_id,
                columns.procedure_version,
                columns.trigger,
                columns.due,
                columns.started,
                columns.period_start,
                columns.period_end,
                columns.only,
                columns.software,
                columns.retention,
                generation as i64,
                fresh.wrapped,
                inputs,
            ])?;
        if inserted != 1 {
            return Err(VaultError::not_allowed("run", run, "it began already"));
        }
        writer.with_journal(&JournalRecord::RunBegun { run, procedure_sha256: start.procedure.digest })?;
        Ok(())
    }
}

/// The clear columns of a run's beginning; its sealed inputs are bound to them.
pub(super) struct Columns<'a> {
    pub(super) procedure: Digest,
    pub(super) notation: &'a str,
    pub(super) procedure_id: &'a str,
    pub(super) procedure_version: i64,
    pub(super) trigger: &'a str,
    pub(super) due: Option<i64>,
    pub(super) started: i64,
    pub(super) period_start: Option<i64>,
    pub(super) period_end: Option<i64>,
    pub(super) only: Option<&'a str>,
    pub(super) software: &'a str,
    pub(super) retention: &'a str,
}

impl<'a> Columns<'a> {
    fn of(start: &'a RunStart, only: Option<&'a str>) -> Self {
        Self {
            procedure: start.procedure.digest,
            notation: start.procedure.notation.as_str(),
            procedure_id: start.procedure.id.as_str(),
            procedure_version: i64::try_from(start.procedure.version).unwrap_or(i64::MAX),
            trigger: start.trigger.as_str(),
            due: start.due.map(Timestamp::as_millis),
            started: start.started.as_millis(),
            period_start: start.period.map(|(from, _)| from.as_millis()),
            period_end: start.period.map(|(_, to)| to.as_millis()),
            only,
            software: &start.software,
            retention: start.retention.as_str(),
        }
    }

    pub(super) fn part(&self) -> Part {
        Part::new()
            .bytes(self.procedure.as_bytes())
            .text(self.notation)
            .text(self.procedure_id)
            .number(self.procedure_version)
            .text(self.trigger)
            .optional_number(self.due)
            .number(self.started)
            .optional_number(self.period_start)
            .optional_number(self.period_end)
            .optional_text(self.only)
            .text(self.software)
            .text(self.retention)
    }
}

pub(super) fn inputs_cell(run: RunId, generation: u64) -> Cell<'static> {
    Cell { media: "json", ..Cell::new("run", "inputs", generation).run(run) }
}

/// Keeps the source of a procedure, once for each digest and notation.
pub(crate) fn store_procedure(db: &Connection, procedure: &ProcedureSource, now: Timestamp) -> Result<(), VaultError> {
    let version = i64::try_from(procedure.version)
        .map_err(|_| VaultError::Unstorable { what: "procedure", why: "its version is beyond 2^63".into() })?;
    db.prepare_cached(
        "INSERT INTO procedure (digest, notation, id, version, source, stored) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (digest, notation) DO NOTHING",
    )?
    .execute(params![
        procedure.digest.as_bytes(),
        procedure.notation.as_str(),
        procedure.id.as_str(),
        version,
        procedure.source,
        now.as_millis(),
    ])?;
    Ok(())
}
