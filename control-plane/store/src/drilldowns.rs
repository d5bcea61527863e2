//! Drill-downs and their receipts. No evidence passes through here.

use clock::Timestamp;
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::drilldown::{
    AskedWith, DrillDown, DrillDownReceipt, DrillDownState, DrillDownWord, Signed, ToSign,
};
use control_plane_domain::list::{Listed, Page};
use crypto::Digest;
use ids::{ApiKeyId, PersonId, RequestId, RunnerId};
use proof::text::Name;

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{After, Reads, Writes};
use crate::value::{Cells, Value, values};

impl Reads {
    /// A drill-down.
    pub async fn drilldown(&self, id: RequestId) -> Result<Option<DrillDown>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
             expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
             changed, session FROM drilldown WHERE tenant = $1 AND request = $2"
        );
        self.one("drilldown", sql, values![id], read).await
    }

    /// Drill-downs at one Runner or at all, newest first.
    pub async fn drilldowns(&self, runner: Option<RunnerId>, page: &Page) -> Result<Listed<DrillDown>, StoreError> {
        let before = After::of(page, 1)?.text_down(0);
        let place = |drilldown: &DrillDown| vec![drilldown.id.to_string()];
        let Some(runner) = runner else {
            let sql = sql!(
                "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
                 expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
                 changed, session FROM drilldown WHERE tenant = $1 AND request < $2 ORDER BY request DESC LIMIT $3"
            );
            return self.list("drilldown", sql, values![before], page, read, place).await;
        };
        let sql = sql!(
            "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
             expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
             changed, session FROM drilldown WHERE tenant = $1 AND runner = $2 AND request < $3 ORDER BY request DESC LIMIT $4"
        );
        self.list("drilldown", sql, values![runner, before], page, read, place).await
    }

    /// Drill-downs at this Runner that are not over, oldest first.
    pub async fn open_drilldowns(&self, runner: RunnerId) -> Result<Vec<DrillDown>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
             expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
             changed, session FROM drilldown WHERE tenant = $1 AND runner = $2 AND is_over = 0 ORDER BY request"
        );
        self.all("drilldown", sql, values![runner], read).await
    }

    /// Drill-downs of the tenant that are not over, oldest first.
    pub async fn all_open_drilldowns(&self) -> Result<Vec<DrillDown>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
             expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
             changed, session FROM drilldown WHERE tenant = $1 AND is_over = 0 ORDER BY request"
        );
        self.all("drilldown", sql, values![], read).await
    }

    /// Drill-downs of this person that are not over: which they are, at which Runner, with what they were asked for, and
    /// where they stand.
    pub async fn open_drilldowns_of(
        &self,
        person: PersonId,
    ) -> Result<Vec<(RequestId, RunnerId, AskedWith, DrillDownWord)>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, api_key, session, state FROM drilldown \
             WHERE tenant = $1 AND person = $2 AND is_over = 0 ORDER BY request"
        );
        let read = |mut cells: Cells| {
            let (request, runner, key) = (cells.take("request")?, cells.take("runner")?, cells.take("api_key")?);
            let with = asked_with(&mut cells, key)?;
            Ok((request, runner, with, cells.take("state")?))
        };
        self.all("drilldown", sql, values![person], read).await
    }

    /// Drill-downs that are not over and should be by this time.
    pub async fn drilldowns_expired_by(&self, time: Timestamp, limit: u32) -> Result<Vec<DrillDown>, StoreError> {
        let sql = sql!(
            "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
             expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
             changed, session FROM drilldown WHERE tenant = $1 AND expires <= $2 AND is_over = 0 ORDER BY expires, request \
             LIMIT $3"
        );
        self.all("drilldown", sql, values![time, limit], read).await
    }

    /// The receipts of a drill-down; the one that came first decides.
    pub async fn drilldown_receipts(&self, id: RequestId) -> Result<Vec<DrillDownReceipt>, StoreError> {
        let sql = sql!(
            "SELECT request, sha256, envelope, at FROM drilldown_receipt WHERE tenant = $1 AND request = $2 \
             ORDER BY number"
        );
        let read = |mut cells: Cells| {
            Ok(DrillDownReceipt {
                drilldown: cells.take("request")?,
                sha256: cells.take("sha256")?,
                envelope: cells.take("envelope")?,
                at: cells.take("at")?,
            })
        };
        self.all("drilldown_receipt", sql, values![id], read).await
    }
}

impl Writes {
    /// Keeps a drill-down. The record that logged it must be in the audit log.
    pub async fn add_drilldown(&self, drilldown: &DrillDown) -> Result<(), StoreError> {
        let DrillDown { id, runner, run, items, person, with, purpose, reason, .. } = drilldown;
        let DrillDown { recipient, device_key, requested, expires, audit, state, .. } = drilldown;
        let items = serde_json::to_string(items).map_err(|error| StoreError::Record(error.to_string()))?;
        let (key, session) = match with {
            AskedWith::Key(key) => (Some(key), None),
            AskedWith::Session(session) => (None, Some(session)),
        };
        let asked = values![
            id, runner, run, items, person, key, purpose, reason, recipient, device_key, requested, expires, audit.seq,
            audit.hash,
        ];
        let row = asked.into_iter().chain(StateCells::of(state).values()).chain(values![session]).collect();
        let sql = sql!(
            "INSERT INTO drilldown (tenant, request, runner, run, items, person, api_key, purpose, reason, recipient, \
             device_key, requested, expires, audit_seq, audit_hash, state, is_over, payload, envelope, request_sha256, \
             epoch, until, code, receipt, changed, session) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
             $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)"
        );
        self.change("drilldown", id, sql, row).await
    }

    /// A drill-down is in its next state; a conflict when it is no longer in `from`.
    pub async fn set_drilldown_state(&self, drilldown: &DrillDown, from: DrillDownWord) -> Result<(), StoreError> {
        let id = drilldown.id;
        let sql = sql!(
            "UPDATE drilldown SET state = $3, is_over = $4, payload = $5, envelope = $6, request_sha256 = $7, \
             epoch = $8, until = $9, code = $10, receipt = $11, changed = $12 \
             WHERE tenant = $1 AND request = $2 AND state = $13"
        );
        let state = StateCells::of(&drilldown.state).values();
        let row = values![id].into_iter().chain(state).chain(values![from]).collect();
        match self.count("drilldown", id, sql, row).await? {
            0 => Err(StoreError::Conflict { table: "drilldown", key: id.to_string() }),
            _ => Ok(()),
        }
    }

    /// Keeps a receipt; `false` when it is kept already.
    pub async fn add_drilldown_receipt(&self, receipt: &DrillDownReceipt) -> Result<bool, StoreError> {
        let DrillDownReceipt { drilldown, sha256, envelope, at } = receipt;
        let kept = self.drilldown_receipts(*drilldown).await?;
        if kept.iter().any(|kept| kept.sha256 == *sha256) {
            return Ok(false);
        }
        let number = kept.len() as u64;
        let sql = sql!(
            "INSERT INTO drilldown_receipt (tenant, request, sha256, number, envelope, at) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        );
        self.change("drilldown_receipt", drilldown, sql, values![drilldown, sha256, number, envelope, at]).await?;
        Ok(true)
    }
}

/// A state's data, column by column.
#[derive(Clone, PartialEq, Eq)]
struct StateCells {
    word: DrillDownWord,
    payload: Option<Vec<u8>>,
    signed: Option<Signed>,
    epoch: Option<[u8; 16]>,
    until: Option<Timestamp>,
    code: Option<Name>,
    receipt: Option<Digest>,
    changed: Option<Timestamp>,
}

impl StateCells {
    fn of(state: &DrillDownState) -> Self {
        let signed = state.signed().cloned();
        let mut cells = Self {
            word: state.word(),
            payload: None,
            epoch: signed.as_ref().map(|signed| signed.epoch),
            until: signed.as_ref().map(|signed| signed.until),
            signed,
            code: None,
            receipt: None,
            changed: None,
        };
        match state {
            DrillDownState::WaitingForRunner
            | DrillDownState::Signed(_)
            | DrillDownState::Delivered(_)
            | DrillDownState::Answering(_) => {}
            DrillDownState::ToSign(ToSign { payload, epoch, until }) => {
                (cells.payload, cells.epoch, cells.until) = (Some(payload.clone()), Some(*epoch), Some(*until));
            }
            DrillDownState::Answered { receipt, at, .. } => {
                (cells.receipt, cells.changed) = (Some(*receipt), Some(*at));
            }
            DrillDownState::Refused { code, receipt, at, .. } => {
                (cells.code, cells.receipt, cells.changed) = (Some(code.clone()), *receipt, Some(*at));
            }
            DrillDownState::Expired { code, at, .. } => {
                (cells.code, cells.changed) = (Some(code.clone()), Some(*at));
            }
            DrillDownState::Cancelled { at, .. } => cells.changed = Some(*at),
        }
        cells
    }

    fn values(self) -> Vec<Value> {
        let (envelope, sha256) = self.signed.map(|signed| (signed.envelope, signed.request_sha256)).unzip();
        values![
            self.word,
            self.word.is_over(),
            self.payload,
            envelope,
            sha256,
            self.epoch,
            self.until,
            self.code,
            self.receipt,
            self.changed,
        ]
    }

    fn read(cells: &mut Cells) -> Result<DrillDownState, StoreError> {
        let word = cells.take("state")?;
        let payload = cells.take("payload")?;
        let (envelope, sha256) = (cells.take("envelope")?, cells.take("request_sha256")?);
        let (epoch, until) = (cells.take("epoch")?, cells.take("until")?);
        let (code, receipt, changed) = (cells.take("code")?, cells.take("receipt")?, cells.take("changed")?);
        let signed = match (envelope, sha256, epoch, until) {
            (Some(envelope), Some(request_sha256), Some(epoch), Some(until)) => {
                Some(Signed { envelope, request_sha256, epoch, until })
            }
            (_, _, _, _) => None,
        };
        let read = Self { word, payload, signed, epoch, until, code, receipt, changed };
        // What the state has no place for would be lost in silence: it must give back the very cells.
        match read.clone().state() {
            Some(state) if Self::of(&state) == read => Ok(state),
            Some(_) | None => Err(cells.wrong("its state does not fit what is kept beside it")),
        }
    }

    fn state(self) -> Option<DrillDownState> {
        let Self { word, payload, signed, epoch, until, code, receipt, changed } = self;
        Some(match word {
            DrillDownWord::WaitingForRunner => DrillDownState::WaitingForRunner,
            DrillDownWord::ToSign => DrillDownState::ToSign(ToSign { payload: payload?, epoch: epoch?, until: until? }),
            DrillDownWord::Signed => DrillDownState::Signed(signed?),
            DrillDownWord::Delivered => DrillDownState::Delivered(signed?),
            DrillDownWord::Answering => DrillDownState::Answering(signed?),
            DrillDownWord::Answered => DrillDownState::Answered { signed: signed?, receipt: receipt?, at: changed? },
            DrillDownWord::Refused => DrillDownState::Refused { signed, code: code?, receipt, at: changed? },
            DrillDownWord::Expired => DrillDownState::Expired { signed, code: code?, at: changed? },
            DrillDownWord::Cancelled => DrillDownState::Cancelled { signed, at: changed? },
        })
    }
}

fn asked_with(cells: &mut Cells, key: Option<ApiKeyId>) -> Result<AskedWith, StoreError> {
    match (key, cells.take("session")?) {
        (Some(key), None) => Ok(AskedWith::Key(key)),
        (None, Some(session)) => Ok(AskedWith::Session(session)),
        (_, _) => Err(cells.wrong("it was asked for with a key or in a session, and with nothing else")),
    }
}

pub(crate) fn read(mut cells: Cells) -> Result<DrillDown, StoreError> {
    let id = cells.take("request")?;
    let runner = cells.take("runner")?;
    let run = cells.take("run")?;
    let items: String = cells.take("items")?;
    let items = serde_json::from_str(&items).map_err(|_| cells.wrong("`items` is not a list of items"))?;
    let (person, key) = (cells.take("person")?, cells.take("api_key")?);
    let (purpose, reason) = (cells.take("purpose")?, cells.take("reason")?);
    let (recipient, device_key) = (cells.take("recipient")?, cells.take("device_key")?);
    let (requested, expires) = (cells.take("requested")?, cells.take("expires")?);
    let audit = AuditRef { seq: cells.take("audit_seq")?, hash: cells.take("audit_hash")? };
    let state = StateCells::read(&mut cells)?;
    let with = asked_with(&mut cells, key)?;
    Ok(DrillDown {
        id,
        runner,
        run,
        items,
        person,
        with,
        purpose,
        reason,
        recipient,
        device_key,
        requested,
        expires,
        audit,
        state,
    })
}
