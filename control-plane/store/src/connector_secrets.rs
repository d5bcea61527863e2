//! Connector secrets on their way to a Runner, and their receipts. What is here of a value nobody but the Runner can open,
//! and it goes when the secret is over.

use clock::Timestamp;
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::drilldown::AskedWith;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::secret::{ConnectorSecret, SecretFilter, SecretReceipt, SecretState, SecretWord, Sent};
use crypto::Digest;
use ids::{PersonId, RequestId, RunnerId};
use proof::text::Name;

use crate::StoreError;
use crate::filters::between;
use crate::sql::sql;
use crate::tx::{After, Reads, Writes};
use crate::value::{Cells, Value, values};

impl Reads {
    /// A secret.
    pub async fn connector_secret(&self, id: RequestId) -> Result<Option<ConnectorSecret>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, name, person, role, api_key, session, device_key, requested, seal_by, expires, audit_seq, \
             audit_hash, state, envelope, sealed, request_sha256, code, receipt, changed FROM connector_secret \
             WHERE tenant = $1 AND request = $2"
        );
        self.one("connector_secret", sql, values![id], read).await
    }

    /// Secrets that fit, newest first.
    pub async fn connector_secrets(
        &self,
        filter: &SecretFilter,
        page: &Page,
    ) -> Result<Listed<ConnectorSecret>, StoreError> {
        let SecretFilter { runner, name } = filter;
        let before = After::of(page, 1)?.text_down(0);
        let place = |secret: &ConnectorSecret| vec![secret.id.to_string()];
        let [name_from, name_to] = between(name.as_ref().map(ToString::to_string));
        let Some(runner) = runner else {
            let sql = sql!(
                "SELECT request, runner, name, person, role, api_key, session, device_key, requested, seal_by, expires, audit_seq, \
                 audit_hash, state, envelope, sealed, request_sha256, code, receipt, changed FROM connector_secret \
                 WHERE tenant = $1 AND name >= $2 AND name <= $3 AND request < $4 ORDER BY request DESC LIMIT $5"
            );
            let values = vec![name_from, name_to, before];
            return self.list("connector_secret", sql, values, page, read, place).await;
        };
        let sql = sql!(
            "SELECT request, runner, name, person, role, api_key, session, device_key, requested, seal_by, expires, audit_seq, \
             audit_hash, state, envelope, sealed, request_sha256, code, receipt, changed FROM connector_secret \
             WHERE tenant = $1 AND runner = $2 AND name >= $3 AND name <= $4 AND request < $5 \
             ORDER BY request DESC LIMIT $6"
        );
        let values = values![runner].into_iter().chain([name_from, name_to, before]).collect();
        self.list("connector_secret", sql, values, page, read, place).await
    }

    /// Secrets for this Runner that are not over, oldest first.
    pub async fn open_connector_secrets(&self, runner: RunnerId) -> Result<Vec<ConnectorSecret>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, name, person, role, api_key, session, device_key, requested, seal_by, expires, audit_seq, \
             audit_hash, state, envelope, sealed, request_sha256, code, receipt, changed FROM connector_secret \
             WHERE tenant = $1 AND runner = $2 AND is_over = 0 ORDER BY request"
        );
        self.all("connector_secret", sql, values![runner], read).await
    }

    /// Secrets that this person asked to send and has not sealed, on any Runner; at most `limit`.
    pub async fn unsealed_connector_secrets_of(
        &self,
        person: PersonId,
        limit: u32,
    ) -> Result<Vec<RequestId>, StoreError> {
        let sql = sql!(
            "SELECT request FROM connector_secret WHERE tenant = $1 AND person = $2 AND state = 'to_seal' \
             ORDER BY request LIMIT $3"
        );
        self.all("connector_secret", sql, values![person, limit], |mut cells| cells.take("request")).await
    }

    /// Secrets that are not over and should be by this time.
    pub async fn connector_secrets_expired_by(
        &self,
        time: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectorSecret>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, name, person, role, api_key, session, device_key, requested, seal_by, expires, audit_seq, \
             audit_hash, state, envelope, sealed, request_sha256, code, receipt, changed FROM connector_secret \
             WHERE tenant = $1 AND is_over = 0 AND (expires <= $2 OR (seal_by <= $2 AND state = 'to_seal')) \
             ORDER BY expires, request LIMIT $3"
        );
        self.all("connector_secret", sql, values![time, limit], read).await
    }

    /// The receipts of a secret, in the order in which they came.
    pub async fn connector_secret_receipts(&self, id: RequestId) -> Result<Vec<SecretReceipt>, StoreError> {
        let sql = sql!(
            "SELECT request, sha256, envelope, at FROM connector_secret_receipt WHERE tenant = $1 AND request = $2 \
             ORDER BY number"
        );
        let read = |mut cells: Cells| {
            Ok(SecretReceipt {
                request: cells.take("request")?,
                sha256: cells.take("sha256")?,
                envelope: cells.take("envelope")?,
                at: cells.take("at")?,
            })
        };
        self.all("connector_secret_receipt", sql, values![id], read).await
    }
}

impl Writes {
    /// Keeps a secret that somebody is about to seal. The record that logged it must be in the audit log.
    pub async fn add_connector_secret(&self, secret: &ConnectorSecret) -> Result<(), StoreError> {
        let ConnectorSecret { id, runner, name, person, role, with, device_key, .. } = secret;
        let ConnectorSecret { requested, seal_by, expires, audit, state, .. } = secret;
        let (key, session) = match with {
            AskedWith::Key(key) => (Some(key), None),
            AskedWith::Session(session) => (None, Some(session)),
        };
        let asked = values![
            id, runner, name, person, role, key, session, device_key, requested, seal_by, expires, audit.seq,
            audit.hash,
        ];
        let row = asked.into_iter().chain(StateCells::of(state).values()).collect();
        let sql = sql!(
            "INSERT INTO connector_secret (tenant, request, runner, name, person, role, api_key, session, device_key, \
             requested, seal_by, expires, audit_seq, audit_hash, state, is_over, envelope, sealed, request_sha256, code, \
             receipt, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
             $19, $20, $21, $22)"
        );
        self.change("connector_secret", id, sql, row).await
    }

    /// A secret is in its next state; a conflict when it is no longer in `from`. Once it is over, the sealed value is gone.
    pub async fn set_connector_secret_state(
        &self,
        secret: &ConnectorSecret,
        from: SecretWord,
    ) -> Result<(), StoreError> {
        let id = secret.id;
        let sql = sql!(
            "UPDATE connector_secret SET state = $3, is_over = $4, envelope = $5, sealed = $6, request_sha256 = $7, \
             code = $8, receipt = $9, changed = $10 WHERE tenant = $1 AND request = $2 AND state = $11"
        );
        let state = StateCells::of(&secret.state).values();
        let row = values![id].into_iter().chain(state).chain(values![from]).collect();
        match self.count("connector_secret", id, sql, row).await? {
            0 => Err(StoreError::Conflict { table: "connector_secret", key: id.to_string() }),
            _ => Ok(()),
        }
    }

    /// Keeps a receipt; `false` when it is kept already.
    pub async fn add_connector_secret_receipt(&self, receipt: &SecretReceipt) -> Result<bool, StoreError> {
        let SecretReceipt { request, sha256, envelope, at } = receipt;
        let kept = self.connector_secret_receipts(*request).await?;
        if kept.iter().any(|kept| kept.sha256 == *sha256) {
            return Ok(false);
        }
        let number = kept.len() as u64;
        let sql = sql!(
            "INSERT INTO connector_secret_receipt (tenant, request, sha256, number, envelope, at) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        );
        self.change("connector_secret_receipt", request, sql, values![request, sha256, number, envelope, at]).await?;
        Ok(true)
    }
}

/// A state's data, column by column.
#[derive(Clone, PartialEq, Eq)]
struct StateCells {
    word: SecretWord,
    sent: Option<(Vec<u8>, Vec<u8>)>,
    request_sha256: Option<Digest>,
    code: Option<Name>,
    receipt: Option<Digest>,
    changed: Option<Timestamp>,
}

impl StateCells {
    fn of(state: &SecretState) -> Self {
        let sent = state.sent().map(|sent| (sent.envelope.clone(), sent.sealed.clone()));
        let (code, receipt, changed) = match state {
            SecretState::ToSeal | SecretState::Waiting(_) | SecretState::Delivered(_) => (None, None, None),
            SecretState::Accepted { receipt, at, .. } => (None, Some(*receipt), Some(*at)),
            SecretState::Refused { code, receipt, at, .. } => (Some(code.clone()), *receipt, Some(*at)),
            SecretState::Expired { code, at, .. } => (Some(code.clone()), None, Some(*at)),
            SecretState::Cancelled { at, .. } => (None, None, Some(*at)),
        };
        Self { word: state.word(), sent, request_sha256: state.request_sha256(), code, receipt, changed }
    }

    fn values(self) -> Vec<Value> {
        let (envelope, sealed) = self.sent.unzip();
        let Self { word, request_sha256, code, receipt, changed, .. } = self;
        values![word, word.is_over(), envelope, sealed, request_sha256, code, receipt, changed]
    }

    fn read(cells: &mut Cells) -> Result<SecretState, StoreError> {
        let word = cells.take("state")?;
        let (envelope, sealed): (Option<_>, Option<_>) = (cells.take("envelope")?, cells.take("sealed")?);
        let request_sha256 = cells.take("request_sha256")?;
        let (code, receipt, changed) = (cells.take("code")?, cells.take("receipt")?, cells.take("changed")?);
        let read = Self { word, sent: envelope.zip(sealed), request_sha256, code, receipt, changed };
        // What the state has no place for would be lost in silence: it must give back the very cells.
        match read.clone().state() {
            Some(state) if Self::of(&state) == read => Ok(state),
            Some(_) | None => Err(cells.wrong("its state does not fit what is kept beside it")),
        }
    }

    fn state(self) -> Option<SecretState> {
        let Self { word, sent, request_sha256, code, receipt, changed } = self;
        let sent = || {
            let (envelope, sealed) = sent?;
            Some(Sent { envelope, sealed, request_sha256: request_sha256? })
        };
        Some(match word {
            SecretWord::ToSeal => SecretState::ToSeal,
            SecretWord::Waiting => SecretState::Waiting(sent()?),
            SecretWord::Delivered => SecretState::Delivered(sent()?),
            SecretWord::Accepted => {
                SecretState::Accepted { request_sha256: request_sha256?, receipt: receipt?, at: changed? }
            }
            SecretWord::Refused => {
                SecretState::Refused { request_sha256: request_sha256?, code: code?, receipt, at: changed? }
            }
            SecretWord::Expired => SecretState::Expired { request_sha256, code: code?, at: changed? },
            SecretWord::Cancelled => SecretState::Cancelled { request_sha256, at: changed? },
        })
    }
}

fn read(mut cells: Cells) -> Result<ConnectorSecret, StoreError> {
    let (id, runner, name) = (cells.take("request")?, cells.take("runner")?, cells.take("name")?);
    let (person, role) = (cells.take("person")?, cells.take("role")?);
    let with = match (cells.take("api_key")?, cells.take("session")?) {
        (Some(key), None) => AskedWith::Key(key),
        (None, Some(session)) => AskedWith::Session(session),
        (_, _) => return Err(cells.wrong("it was sent with a key or in a session, and with nothing else")),
    };
    let device_key = cells.take("device_key")?;
    let (requested, seal_by, expires) = (cells.take("requested")?, cells.take("seal_by")?, cells.take("expires")?);
    let audit = AuditRef { seq: cells.take("audit_seq")?, hash: cells.take("audit_hash")? };
    let state = StateCells::read(&mut cells)?;
    Ok(ConnectorSecret { id, runner, name, person, role, with, device_key, requested, seal_by, expires, audit, state })
}
