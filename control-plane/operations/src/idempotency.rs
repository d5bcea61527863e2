//! A request that is sent twice is done once. The caller sends a key with it; the answer is kept beside the key and given
//! again. Answers that hold a secret are not kept: the second one is told so.

use clock::Timestamp;
use control_plane_domain::idempotency::{IdempotencyEntry, IdempotencyOutcome, StoredResponse};
use control_plane_domain::policy::{self, Caller, Permission};
use control_plane_store::Unlogged;
use crypto::Digest;
use crypto::digest::sha256_parts;
use ids::TenantId;

use crate::{Error, Operations};

/// How long answers are kept.
pub(crate) const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// No request is worked on for longer than this.
const LONGEST_MS: i64 = 5 * 60 * 1000;

/// Characters of a key.
const MAX_KEY: usize = 64;

/// What a key that was sent with a request comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotent {
    /// The request is new: do it, then finish or abandon it.
    New,
    /// It was answered with this.
    Replay(StoredResponse),
    /// It was answered with a secret, which was shown once.
    Withheld,
    /// It is being worked on.
    Running,
    /// It was being worked on when the process ended: whether it was done is not known.
    CutOff,
    /// The key was sent with another request.
    Mismatch,
}

impl Operations {
    /// Begins a request that carries a key. `request` is a digest over everything that makes it the same request.
    pub async fn begin_idempotent(&self, caller: &Caller, key: &str, request: Digest) -> Result<Idempotent, Error> {
        let printable = key.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
        if key.is_empty() || key.len() > MAX_KEY || !printable {
            return Err(Error::invalid("Idempotency-Key", "1 to 64 printable ASCII characters without spaces"));
        }
        let permit = policy::system(caller.tenant(), Permission::Authenticate)?;
        let key = name(caller, key);
        let entry = IdempotencyEntry { key, request, created: self.now(), outcome: IdempotencyOutcome::Running };
        let tx = self.store().write(&permit).await?;
        if tx.begin_idempotency(&entry).await? {
            tx.commit_unlogged(Unlogged::Idempotency).await?;
            return Ok(Idempotent::New);
        }
        let known = tx.idempotency(&key).await?.ok_or(Error::NotFound("idempotency key"))?;
        if known.request != request {
            return Ok(Idempotent::Mismatch);
        }
        Ok(match known.outcome {
            IdempotencyOutcome::Running if self.now() > known.created.plus_ms(LONGEST_MS) => Idempotent::CutOff,
            IdempotencyOutcome::Running => Idempotent::Running,
            IdempotencyOutcome::Answered(response) => Idempotent::Replay(response),
            IdempotencyOutcome::Withheld => Idempotent::Withheld,
        })
    }

    /// Keeps the answer of a request that was done; `None` for one that holds a secret.
    pub async fn finish_idempotent(
        &self,
        caller: &Caller,
        key: &str,
        response: Option<StoredResponse>,
    ) -> Result<(), Error> {
        let permit = policy::system(caller.tenant(), Permission::Authenticate)?;
        let outcome = response.map_or(IdempotencyOutcome::Withheld, IdempotencyOutcome::Answered);
        let tx = self.store().write(&permit).await?;
        tx.finish_idempotency(&name(caller, key), &outcome).await?;
        Ok(tx.commit_unlogged(Unlogged::Idempotency).await?)
    }

    /// Forgets a request that was refused: sent again, it is tried again.
    pub async fn abandon_idempotent(&self, caller: &Caller, key: &str) -> Result<(), Error> {
        let permit = policy::system(caller.tenant(), Permission::Authenticate)?;
        let tx = self.store().write(&permit).await?;
        tx.abandon_idempotency(&name(caller, key)).await?;
        Ok(tx.commit_unlogged(Unlogged::Idempotency).await?)
    }

    /// Forgets answers that are older than a day; how many.
    pub(crate) async fn sweep_idempotency(&self, tenant: TenantId, now: Timestamp) -> Result<u64, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        let swept = tx.sweep_idempotency(now.plus_ms(-KEPT_MS)).await?;
        if swept > 0 {
            tx.commit_unlogged(Unlogged::Idempotency).await?;
        }
        Ok(swept)
    }
}

/// Keys are a caller's own: two people who choose the same one do not meet.
fn name(caller: &Caller, key: &str) -> Digest {
    sha256_parts(&[b"proctor/v1/idempotency\0", caller.means_id(), key.as_bytes()])
}
