//! The log is verified in front of somebody: step after step, each said as it is known, and none of it taken on trust from
//! the step before.

use std::fmt;

use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::tenant::TenantKeyKind;
use control_plane_store::{AuditWalk, ReadTx, StoreError};
use proof::checkpoint::Checkpoint;
use proof::note::SignedNote;

use crate::{Error, Operations};

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditStepId {
    /// Every record names the hash of the one before, and is listed as what it says.
    Records,
    /// The stored tree is that of the records.
    Tree,
    /// The end of the log is where it is kept to be.
    Head,
    /// Every signed checkpoint has the root that the records have.
    Checkpoints,
    /// Every cosignature of a Runner is over such a root.
    Cosignatures,
    /// The newest checkpoint is signed by the log's key.
    Signature,
    /// The newest checkpoint that Runners cosigned carries their signatures.
    Witnesses,
}

impl AuditStepId {
    /// Every step, in order.
    pub const ALL: [Self; 7] = [
        Self::Records,
        Self::Tree,
        Self::Head,
        Self::Checkpoints,
        Self::Cosignatures,
        Self::Signature,
        Self::Witnesses,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Tree => "tree",
            Self::Head => "head",
            Self::Checkpoints => "checkpoints",
            Self::Cosignatures => "cosignatures",
            Self::Signature => "signature",
            Self::Witnesses => "witnesses",
        }
    }
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// It is as it should be.
    Holds,
    /// It is not.
    Broken,
    /// There is nothing to judge, or what it rests on is broken.
    NotJudged,
}

impl AuditOutcome {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::NotJudged => "not judged",
        }
    }
}

/// A step, and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditStep {
    /// Which.
    pub id: AuditStepId,
    /// What it came to.
    pub outcome: AuditOutcome,
    /// In words.
    pub detail: String,
}

/// What is heard of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditCheck {
    /// How far it is.
    Progress {
        /// Records that were found right.
        checked: u64,
        /// Of so many.
        of: u64,
    },
    /// A step is done.
    Step(AuditStep),
}

/// A verification under way. It sees the log as it was when it began, and holds a connection of the database until it ends
/// or is dropped: nobody slow should be waited for between its steps.
pub struct AuditVerification {
    operations: Operations,
    reads: ReadTx,
    walk: AuditWalk,
    left: std::vec::IntoIter<AuditStepId>,
    /// Whether the records were found whole: everything else rests on them.
    is_whole: bool,
}

impl Operations {
    /// Verifies the tenant's audit log in the database, step by step. What is broken is said by a step, and is no error.
    pub async fn verify_audit_log(&self, caller: &Caller) -> Result<AuditVerification, Error> {
        let permit = caller.permit(Permission::AuditList)?;
        let reads = self.store().read(&permit).await?;
        let walk = AuditWalk::begin(&reads).await?;
        let left = AuditStepId::ALL.to_vec().into_iter();
        Ok(AuditVerification { operations: self.clone(), reads, walk, left, is_whole: true })
    }
}

impl AuditVerification {
    /// The next news of it; `None` after the last step.
    pub async fn next(&mut self) -> Result<Option<AuditCheck>, Error> {
        let Some(id) = self.left.as_slice().first().copied() else { return Ok(None) };
        if id == AuditStepId::Records {
            match self.walk.step(&self.reads).await {
                Ok(true) => {
                    let (checked, of) = (self.walk.checked(), self.walk.size());
                    return Ok(Some(AuditCheck::Progress { checked, of: of.max(checked) }));
                }
                Ok(false) => {}
                Err(fault) => {
                    self.is_whole = false;
                    self.left.next();
                    return said(id, Err(fault)).map(Some);
                }
            }
        }
        self.left.next();
        if !self.is_whole {
            let detail = "not judged: the records are not whole".to_owned();
            return Ok(Some(AuditCheck::Step(AuditStep { id, outcome: AuditOutcome::NotJudged, detail })));
        }
        let walk = &self.walk;
        let came = match id {
            AuditStepId::Records => Ok(format!("{} records, each names the one before", walk.checked())),
            AuditStepId::Tree => {
                walk.tree(&self.reads).await.map(|()| format!("the root over the records is {}", walk.root()))
            }
            AuditStepId::Head => walk.head().map(|()| match walk.checked().checked_sub(1) {
                Some(last) => format!("the last record is number {last}; they are counted from 0"),
                None => "there is no record yet".to_owned(),
            }),
            AuditStepId::Checkpoints => walk.checkpoints().map(|count| format!("{count} checkpoints fit the records")),
            AuditStepId::Cosignatures => {
                walk.cosignatures().map(|count| format!("{count} countersignatures of Runners fit the records"))
            }
            AuditStepId::Signature => return self.signature().await.map(Some),
            AuditStepId::Witnesses => return self.witnesses().await.map(Some),
        };
        said(id, came).map(Some)
    }

    async fn signature(&self) -> Result<AuditCheck, Error> {
        let id = AuditStepId::Signature;
        let Some(newest) = self.reads.audit_checkpoint().await? else {
            return Ok(step(id, AuditOutcome::NotJudged, "no checkpoint was signed yet"));
        };
        let key = self.operations.verifier_key(&self.reads, TenantKeyKind::Audit).await?;
        let opened = SignedNote::parse(&newest.note)
            .map_err(|why| why.to_string())
            .and_then(|note| Checkpoint::open(&note, &key).map_err(|why| why.to_string()));
        Ok(match opened {
            Ok(opened) if (opened.size, opened.root) == (newest.size, newest.root) => {
                step(id, AuditOutcome::Holds, format!("the checkpoint of {} records is signed by {key}", newest.size))
            }
            Ok(_) => step(id, AuditOutcome::Broken, "the newest checkpoint is kept under another size or root"),
            Err(why) => step(id, AuditOutcome::Broken, format!("the newest checkpoint: {why}")),
        })
    }

    async fn witnesses(&self) -> Result<AuditCheck, Error> {
        let id = AuditStepId::Witnesses;
        let Some(kept) = self.reads.audit_checkpoint_kept().await? else {
            return Ok(step(id, AuditOutcome::NotJudged, "no Runner has countersigned a checkpoint yet"));
        };
        match self.operations.with_cosignatures(&self.reads, &kept).await {
            Ok(note) => {
                let (count, size) = (note.signatures().len().saturating_sub(1), kept.size);
                let after = self.walk.checked().saturating_sub(size);
                let runners = if count == 1 { "1 Runner".to_owned() } else { format!("{count} Runners") };
                let rest = match after {
                    0 => "no record came after it".to_owned(),
                    1 => "1 record came after it, which no Runner has countersigned yet".to_owned(),
                    _ => format!("{after} records came after it, which no Runner has countersigned yet"),
                };
                let detail = format!("{runners} countersigned the checkpoint of {size} records; {rest}");
                Ok(step(id, AuditOutcome::Holds, detail))
            }
            Err(Error::AuditBroken(why)) => Ok(step(id, AuditOutcome::Broken, why)),
            Err(other) => Err(other),
        }
    }
}

fn step(id: AuditStepId, outcome: AuditOutcome, detail: impl Into<String>) -> AuditCheck {
    AuditCheck::Step(AuditStep { id, outcome, detail: detail.into() })
}

/// What a step of the store came to; that the database does not answer is an error still.
fn said(id: AuditStepId, came: Result<String, StoreError>) -> Result<AuditCheck, Error> {
    match came {
        Ok(detail) => Ok(step(id, AuditOutcome::Holds, detail)),
        Err(StoreError::AuditBroken { seq, why }) => Ok(step(id, AuditOutcome::Broken, format!("record {seq}: {why}"))),
        Err(other) => Err(other.into()),
    }
}

impl fmt::Debug for AuditVerification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditVerification").field("walk", &self.walk.checked()).finish_non_exhaustive()
    }
}
