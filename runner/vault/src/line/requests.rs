//! Runs that were requested over the line: each request once, whatever is repeated or restarted.

use clock::Timestamp;
use ids::{RequestId, RunId};
use proof::log::journal::JournalRecord;
use proof::text::Name;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::VaultError;
use crate::vault::Vault;

/// A request to run a procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedRun {
    /// The request.
    pub request: RequestId,
    /// When it was decided.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: RequestOutcome,
}

/// What came of a request to run a procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The run that began.
    Begun(RunId),
    /// The stable code of why none did.
    Refused(Name),
}

const SELECT: &str = "SELECT request, at, run, code FROM run_request";

impl Vault {
    /// Keeps that a request to run something was refused, and why; in the journal too, if the caller says so.
    pub fn refuse_run_request(&mut self, request: RequestId, code: &Name, journalled: bool) -> Result<(), VaultError> {
        let mut writer = self.begin()?;
        insert_request(&writer.tx, request, writer.now, None, Some(code))?;
        if journalled {
            writer.journal(&JournalRecord::RunRefused { request, code: code.clone() })?;
        }
        writer.commit()
    }

    /// Journals that a request was refused before it was looked at; its id is not used up.
    pub fn journal_run_refused(&mut self, request: RequestId, code: &Name) -> Result<(), VaultError> {
        let record = JournalRecord::RunRefused { request, code: code.clone() };
        self.begin()?.with_journal(&record).map(drop)
    }

    /// What came of a request; none if it was never seen.
    pub fn run_request(&self, request: RequestId) -> Result<Option<RequestedRun>, VaultError> {
        self.db
            .prepare_cached(&format!("{SELECT} WHERE request = ?1"))?
            .query_row([request.as_bytes()], |row| Ok(read(row)))
            .optional()?
            .transpose()
    }

    /// What came of each request since then, oldest first.
    pub fn run_requests(&self, since: Timestamp) -> Result<Vec<RequestedRun>, VaultError> {
        let mut statement = self.db.prepare_cached(&format!("{SELECT} WHERE at >= ?1 ORDER BY at, request"))?;
        let mut rows = statement.query([since.as_millis()])?;
        let mut requests = Vec::new();
        while let Some(row) = rows.next()? {
            requests.push(read(row)?);
        }
        Ok(requests)
    }
}

/// Keeps a request within the caller's transaction.
pub(crate) fn insert_request(
    db: &Connection,
    request: RequestId,
    at: Timestamp,
    run: Option<RunId>,
    code: Option<&Name>,
) -> Result<(), VaultError> {
    let run = run.as_ref().map(RunId::as_bytes);
    let inserted = db
        .prepare_cached(
            "INSERT INTO run_request (request, at, run, code) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (request) DO NOTHING",
        )?
        .execute(params![request.as_bytes(), at.as_millis(), run, code.map(Name::as_str)])?;
    if inserted == 1 { Ok(()) } else { Err(VaultError::Seen(request.to_string())) }
}

fn read(row: &Row<'_>) -> Result<RequestedRun, VaultError> {
    let request = RequestId::from_bytes(row.get(0)?);
    let fault = |what: &dyn std::fmt::Display| VaultError::inconsistent("run_request", request, what);
    let outcome = match (row.get::<_, Option<[u8; 16]>>(2)?, row.get::<_, Option<String>>(3)?) {
        (Some(run), None) => RequestOutcome::Begun(RunId::from_bytes(run)),
        (None, Some(code)) => RequestOutcome::Refused(code.parse().map_err(|error| fault(&error))?),
        (Some(_), Some(_)) | (None, None) => return Err(fault(&"it neither began nor was refused")),
    };
    Ok(RequestedRun { request, at: Timestamp::from_millis(row.get(1)?), outcome })
}
