//! Answers that are kept for repeated requests.

use clock::Timestamp;
use control_plane_domain::idempotency::{IdempotencyEntry, IdempotencyOutcome, StoredResponse};
use crypto::Digest;

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, ToValue, Value, values};

impl Reads {
    /// What is known of this key.
    pub async fn idempotency(&self, key: &Digest) -> Result<Option<IdempotencyEntry>, StoreError> {
        let sql = sql!(
            "SELECT id_hash, request, created, outcome, status, body FROM idempotency \
             WHERE tenant = $1 AND id_hash = $2"
        );
        self.one("idempotency", sql, values![key], read).await
    }
}

impl Writes {
    /// Keeps a key; `false` when it is there.
    pub async fn begin_idempotency(&self, entry: &IdempotencyEntry) -> Result<bool, StoreError> {
        let IdempotencyEntry { key, request, created, outcome } = entry;
        let row = values![key, request, created].into_iter().chain(outcome_cells(outcome)).collect();
        let sql = sql!(
            "INSERT INTO idempotency (tenant, id_hash, request, created, outcome, status, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, id_hash) DO NOTHING"
        );
        Ok(self.count("idempotency", key, sql, row).await? == 1)
    }

    /// What became of the request.
    pub async fn finish_idempotency(&self, key: &Digest, outcome: &IdempotencyOutcome) -> Result<(), StoreError> {
        let row = values![key].into_iter().chain(outcome_cells(outcome)).collect();
        let sql =
            sql!("UPDATE idempotency SET outcome = $3, status = $4, body = $5 WHERE tenant = $1 AND id_hash = $2");
        self.change("idempotency", key, sql, row).await
    }

    /// The request came to nothing and may be made again.
    pub async fn abandon_idempotency(&self, key: &Digest) -> Result<(), StoreError> {
        let sql = sql!("DELETE FROM idempotency WHERE tenant = $1 AND id_hash = $2");
        self.change("idempotency", key, sql, values![key]).await
    }

    /// Forgets keys that came before this time; how many.
    pub async fn sweep_idempotency(&self, before: Timestamp) -> Result<u64, StoreError> {
        let sql = sql!("DELETE FROM idempotency WHERE tenant = $1 AND created < $2");
        self.count("idempotency", before, sql, values![before]).await
    }
}

/// `outcome, status, body`.
fn outcome_cells(outcome: &IdempotencyOutcome) -> Vec<Value> {
    match outcome {
        IdempotencyOutcome::Running => vec!["running".to_value(), Value::Null, Value::Null],
        IdempotencyOutcome::Answered(StoredResponse { status, body }) => values!["answered", status, body],
        IdempotencyOutcome::Withheld => vec!["withheld".to_value(), Value::Null, Value::Null],
    }
}

fn read(mut cells: Cells) -> Result<IdempotencyEntry, StoreError> {
    let (key, request, created) = (cells.take("id_hash")?, cells.take("request")?, cells.take("created")?);
    let word: String = cells.take("outcome")?;
    let outcome = match (word.as_str(), cells.take("status")?, cells.take("body")?) {
        ("running", None, None) => IdempotencyOutcome::Running,
        ("withheld", None, None) => IdempotencyOutcome::Withheld,
        ("answered", Some(status), Some(body)) => IdempotencyOutcome::Answered(StoredResponse { status, body }),
        (_, _, _) => return Err(cells.wrong("its outcome does not fit what is kept beside it")),
    };
    Ok(IdempotencyEntry { key, request, created, outcome })
}
