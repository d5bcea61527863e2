//! Requests to run a procedure.

use clock::Timestamp;
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::run_request::{RunRequest, RunRequestState, RunRequestWord};
use ids::{RequestId, RunnerId};

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{After, Reads, Writes};
use crate::value::{Cells, ToValue, Value, values};

impl Reads {
    /// A request.
    pub async fn run_request(&self, id: RequestId) -> Result<Option<RunRequest>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, procedure_digest, person, requested, expires, audit_seq, audit_hash, state, changed, \
             run, code FROM run_request WHERE tenant = $1 AND request = $2"
        );
        self.one("run_request", sql, values![id], read_run_request).await
    }

    /// Requests to one Runner or to all, newest first.
    pub async fn run_requests(&self, runner: Option<RunnerId>, page: &Page) -> Result<Listed<RunRequest>, StoreError> {
        let before = After::of(page, 1)?.text_down(0);
        let place = |request: &RunRequest| vec![request.id.to_string()];
        let Some(runner) = runner else {
            let sql = sql!(
                "SELECT request, runner, procedure_digest, person, requested, expires, audit_seq, audit_hash, state, \
                 changed, run, code FROM run_request WHERE tenant = $1 AND request < $2 ORDER BY request DESC LIMIT $3"
            );
            return self.list("run_request", sql, values![before], page, read_run_request, place).await;
        };
        let sql = sql!(
            "SELECT request, runner, procedure_digest, person, requested, expires, audit_seq, audit_hash, state, \
             changed, run, code FROM run_request WHERE tenant = $1 AND runner = $2 AND request < $3 \
             ORDER BY request DESC LIMIT $4"
        );
        self.list("run_request", sql, values![runner, before], page, read_run_request, place).await
    }

    /// What this Runner has not answered, oldest first.
    pub async fn waiting_run_requests(&self, runner: RunnerId) -> Result<Vec<RunRequest>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, procedure_digest, person, requested, expires, audit_seq, audit_hash, state, changed, \
             run, code FROM run_request WHERE tenant = $1 AND runner = $2 AND state = 'waiting' ORDER BY request"
        );
        self.all("run_request", sql, values![runner], read_run_request).await
    }

    /// Requests that nobody answered until this time.
    pub async fn run_requests_expired_by(&self, time: Timestamp, limit: u32) -> Result<Vec<RunRequest>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, procedure_digest, person, requested, expires, audit_seq, audit_hash, state, changed, \
             run, code FROM run_request WHERE tenant = $1 AND expires <= $2 AND state = 'waiting' \
             ORDER BY expires, request LIMIT $3"
        );
        self.all("run_request", sql, values![time, limit], read_run_request).await
    }
}

impl Writes {
    /// Keeps a request. The record that logged it must be in the audit log.
    pub async fn add_run_request(&self, request: &RunRequest) -> Result<(), StoreError> {
        let RunRequest { id, runner, procedure, person, requested, expires, audit, state } = request;
        let mut row = values![id, runner, procedure, person, requested, expires, audit.seq, audit.hash];
        row.extend(state_cells(state));
        let sql = sql!(
            "INSERT INTO run_request (tenant, request, runner, procedure_digest, person, requested, expires, audit_seq, \
             audit_hash, state, changed, run, code) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        );
        self.change("run_request", id, sql, row).await
    }

    /// What became of a request.
    pub async fn set_run_request_state(&self, id: RequestId, state: &RunRequestState) -> Result<(), StoreError> {
        let sql = sql!(
            "UPDATE run_request SET state = $3, changed = $4, run = $5, code = $6 WHERE tenant = $1 AND request = $2"
        );
        let row = values![id].into_iter().chain(state_cells(state)).collect();
        self.change("run_request", id, sql, row).await?;
        if let RunRequestState::Begun { run, .. } | RunRequestState::Ended { run, .. } = state {
            // Its report may have come before this.
            let sql = sql!(
                "UPDATE run SET asked_by = coalesce((SELECT run_request.person FROM run_request \
                 WHERE run_request.tenant = $1 AND run_request.request = $2 AND run_request.runner = run.runner), \
                 asked_by) WHERE tenant = $1 AND run = $3"
            );
            self.count("run", run, sql, values![id, run]).await?;
        }
        Ok(())
    }
}

/// `state, changed, run, code`.
fn state_cells(state: &RunRequestState) -> Vec<Value> {
    let word = state.word();
    match state {
        RunRequestState::Waiting => vec![word.to_value(), Value::Null, Value::Null, Value::Null],
        RunRequestState::Begun { run, at } => vec![word.to_value(), at.to_value(), run.to_value(), Value::Null],
        RunRequestState::Ended { run, at, code } => values![word, at, run, code],
        RunRequestState::Refused { code, at } => vec![word.to_value(), at.to_value(), Value::Null, code.to_value()],
        RunRequestState::Expired { at } => vec![word.to_value(), at.to_value(), Value::Null, Value::Null],
    }
}

pub(crate) fn read_run_request(mut cells: Cells) -> Result<RunRequest, StoreError> {
    let id = cells.take("request")?;
    let runner = cells.take("runner")?;
    let procedure = cells.take("procedure_digest")?;
    let person = cells.take("person")?;
    let (requested, expires) = (cells.take("requested")?, cells.take("expires")?);
    let audit = AuditRef { seq: cells.take("audit_seq")?, hash: cells.take("audit_hash")? };
    let (word, changed) = (cells.take("state")?, cells.take("changed")?);
    let (run, code) = (cells.take("run")?, cells.take("code")?);
    let state = match (word, changed, run, code) {
        (RunRequestWord::Waiting, None, None, None) => RunRequestState::Waiting,
        (RunRequestWord::Begun, Some(at), Some(run), None) => RunRequestState::Begun { run, at },
        (RunRequestWord::Ended, Some(at), Some(run), code) => RunRequestState::Ended { run, at, code },
        (RunRequestWord::Refused, Some(at), None, Some(code)) => RunRequestState::Refused { code, at },
        (RunRequestWord::Expired, Some(at), None, None) => RunRequestState::Expired { at },
        (_, _, _, _) => return Err(cells.wrong("its state does not fit what is kept beside it")),
    };
    Ok(RunRequest { id, runner, procedure, person, requested, expires, audit, state })
}
