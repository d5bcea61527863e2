//! The records of a Runner's journal. People stand in them by id; the only free texts are `purpose` and
//! `justification`, typed by a person.

use clock::Timestamp;
use crypto::Digest;
use ids::{ExceptionId, ItemId, PersonId, RequestId, RunId, RunnerId, StoreId, TenantId};
use serde::{Deserialize, Serialize};
use verdict::Code;

use super::Line;
use crate::manifest::ProcedureVersion;
use crate::text::{FreeText, Name};

/// A line of the journal that this version cannot read as one of its records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// An unknown kind, a field too many or too few, or a value that its type does not allow.
    #[error("record {seq} is none that this version knows: {why}")]
    Unknown {
        /// The record.
        seq: u64,
        /// What does not fit.
        why: String,
    },
    /// It says the right thing in another spelling.
    #[error("record {seq} has other bytes than the journal would have written for it")]
    Spelling {
        /// The record.
        seq: u64,
    },
}

/// What the journal records, besides position, previous hash and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields)]
pub enum JournalRecord {
    /// The journal begins.
    #[serde(rename = "journal.started")]
    Started {
        /// The store that holds it.
        store: StoreId,
        /// The tenant; nil before enrolment.
        tenant: TenantId,
        /// The Runner.
        runner: RunnerId,
        /// SHA-256 of the attestation key's SubjectPublicKeyInfo.
        runner_key: Digest,
    },
    /// A run began. From here on it is attested or ended in this journal, or it is missing and everybody can see it: nobody
    /// can throw a run away because of its sample or its result.
    #[serde(rename = "run.begun")]
    RunBegun {
        /// The run.
        run: RunId,
        /// The digest of the procedure's model.
        procedure_sha256: Digest,
    },
    /// A run was attested.
    #[serde(rename = "run.attested")]
    RunAttested {
        /// The run.
        run: RunId,
        /// SHA-256 of the envelope's bytes.
        attestation_sha256: Digest,
    },
    /// A run ended and there is nothing to attest.
    #[serde(rename = "run.ended")]
    RunEnded {
        /// The run.
        run: RunId,
        /// Why.
        code: Code,
    },
    /// A procedure was due and was not run.
    #[serde(rename = "due.missed")]
    DueMissed {
        /// The procedure's id.
        procedure: Name,
        /// When it was due.
        due: Timestamp,
        /// Why it was not run.
        reason: MissReason,
    },
    /// A time in which less was recorded than should have been.
    #[serde(rename = "gap")]
    Gap {
        /// When it began, if that is known.
        from: Option<Timestamp>,
        /// When it ended.
        until: Timestamp,
        /// Why.
        reason: GapReason,
        /// Who acknowledged it; `null` for the operator at the Runner's own console.
        by: Option<PersonId>,
        /// Typed by that person.
        justification: Option<FreeText>,
    },
    /// A version of a procedure may be run from here on.
    #[serde(rename = "procedure.approved")]
    ProcedureApproved {
        /// The version.
        procedure: ProcedureVersion,
        /// Who approved it; `null` for the operator who installed its file.
        by: Option<PersonId>,
    },
    /// A version of a procedure may no longer be run.
    #[serde(rename = "procedure.withdrawn")]
    ProcedureWithdrawn {
        /// The version.
        procedure: ProcedureVersion,
        /// Who withdrew it; `null` for the operator at the Runner's own console.
        by: Option<PersonId>,
    },
    /// Evidence was opened.
    #[serde(rename = "evidence.opened")]
    EvidenceOpened {
        /// The item.
        item: ItemId,
        /// How many of its rows.
        rows: u64,
        /// By whom; `null` for the operator at the Runner's own console.
        by: Option<PersonId>,
        /// The drill-down request, if there was one.
        request: Option<RequestId>,
        /// What for, typed by that person.
        purpose: Option<FreeText>,
    },
    /// Evidence was asked for and not opened.
    #[serde(rename = "evidence.refused")]
    EvidenceRefused {
        /// The item, if the request got so far.
        item: Option<ItemId>,
        /// Who asked, if that is known.
        by: Option<PersonId>,
        /// The drill-down request, if it could be read.
        request: Option<RequestId>,
        /// The stable code of the check that refused.
        code: Name,
    },
    /// Evidence that a second person has to agree to may be opened once, if it is asked for again as it was.
    #[serde(rename = "evidence.confirmed")]
    EvidenceConfirmed {
        /// The request that was refused for want of a second person.
        request: RequestId,
        /// SHA-256 over what it asked for, as the Runner compares requests.
        asked_sha256: Digest,
        /// Who agreed; `null` for the operator at the Runner's own console.
        by: Option<PersonId>,
        /// Typed by that person.
        justification: FreeText,
    },
    /// A drill-down request was answered or refused for good, and a receipt says so.
    #[serde(rename = "evidence.receipted")]
    EvidenceReceipted {
        /// The drill-down request.
        request: RequestId,
        /// SHA-256 of the receipt's envelope.
        receipt_sha256: Digest,
    },
    /// A connector's secret came over the line and is kept; the value stands nowhere.
    #[serde(rename = "secret.received")]
    SecretReceived {
        /// Under which name.
        name: Name,
        /// Who sent it.
        by: PersonId,
        /// SHA-256 of the SubjectPublicKeyInfo of the key of that person's device.
        device: Digest,
        /// The request.
        request: RequestId,
        /// SHA-256 of the request's pre-authentication encoding.
        request_sha256: Digest,
        /// Whether there was a secret of this name.
        replaced: bool,
        /// From when the request holds. Nothing of this name that was issued then or earlier is taken in afterwards.
        /// Absent in records of earlier programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issued: Option<Timestamp>,
        /// The position in the audit log that the request names. Nothing of this name with this position or an earlier
        /// one is taken in afterwards. Absent in records of earlier programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audit: Option<u64>,
    },
    /// A connector's secret was set at the Runner, or came along from an earlier store; the value stands nowhere.
    #[serde(rename = "secret.set")]
    SecretSet {
        /// Under which name.
        name: Name,
        /// Whether there was a secret of this name.
        replaced: bool,
        /// Records of the audit log that the Runner had witnessed: what names an earlier one is older.
        audit: u64,
    },
    /// A connector's secret was removed at the Runner.
    #[serde(rename = "secret.removed")]
    SecretRemoved {
        /// Under which name.
        name: Name,
        /// Records of the audit log that the Runner had witnessed: what names an earlier one is older.
        audit: u64,
    },
    /// A connector's secret came over the line and was refused.
    #[serde(rename = "secret.refused")]
    SecretRefused {
        /// Under which name, if both signatures held.
        name: Option<Name>,
        /// Who sent it, if both signatures held.
        by: Option<PersonId>,
        /// That person's device, if both signatures held.
        device: Option<Digest>,
        /// The request, if it could be read.
        request: Option<RequestId>,
        /// The stable code of the check that refused.
        code: Name,
    },
    /// A connector's secret was taken in or refused, and a receipt says so.
    #[serde(rename = "secret.receipted")]
    SecretReceipted {
        /// The request.
        request: RequestId,
        /// SHA-256 of the receipt's envelope.
        receipt_sha256: Digest,
    },
    /// A run was asked for over the line and did not begin.
    #[serde(rename = "run.refused")]
    RunRefused {
        /// The request.
        request: RequestId,
        /// The stable code of why.
        code: Name,
    },
    /// A device may ask for evidence from here on.
    #[serde(rename = "reader.approved")]
    ReaderApproved {
        /// SHA-256 of the device key's SubjectPublicKeyInfo.
        device: Digest,
        /// Whose device it is.
        person: PersonId,
        /// When the approval ends.
        expires: Timestamp,
        /// Who approved it; `null` for the operator at the Runner's own console.
        by: Option<PersonId>,
    },
    /// A device may no longer ask for evidence.
    #[serde(rename = "reader.revoked")]
    ReaderRevoked {
        /// SHA-256 of the device key's SubjectPublicKeyInfo.
        device: Digest,
        /// Who revoked it; `null` for the operator at the Runner's own console.
        by: Option<PersonId>,
    },
    /// Evidence was destroyed for good.
    #[serde(rename = "item.destroyed")]
    ItemDestroyed {
        /// The item.
        item: ItemId,
        /// By whom; `null` for the operator at the Runner's own console, or for the retention rules.
        by: Option<PersonId>,
        /// What made it go.
        cause: DestroyCause,
        /// Typed by that person.
        justification: Option<FreeText>,
    },
    /// A key was replaced.
    #[serde(rename = "key.rotated")]
    KeyRotated {
        /// Which key.
        key: RotatedKey,
        /// Its new generation.
        generation: u64,
        /// SHA-256 of the new public key's SubjectPublicKeyInfo, if it has one.
        public: Option<Digest>,
    },
    /// An exception was approved; who asked, who approved and what it covers stays in the store.
    #[serde(rename = "exception.recorded")]
    ExceptionRecorded {
        /// The exception.
        exception: ExceptionId,
        /// The procedure's id.
        procedure: Name,
        /// The check's id.
        check: Name,
        /// The digest of the check that it is bound to.
        check_sha256: Digest,
        /// When it ends.
        expires: Timestamp,
        /// Typed by the person who approved it.
        justification: FreeText,
    },
    /// An exception was taken back before it ended.
    #[serde(rename = "exception.removed")]
    ExceptionRemoved {
        /// The exception.
        exception: ExceptionId,
        /// Typed by the person who took it back.
        justification: FreeText,
    },
    /// A legal hold was laid on a run: its evidence stays, whatever its retention says.
    #[serde(rename = "run.held")]
    RunHeld {
        /// The run.
        run: RunId,
        /// Typed by the person who ordered it.
        justification: FreeText,
    },
    /// The legal hold on a run was lifted.
    #[serde(rename = "run.released")]
    RunReleased {
        /// The run.
        run: RunId,
        /// Typed by the person who ordered it.
        justification: FreeText,
    },
    /// The control plane showed an audit log that did not grow from the one it showed before.
    #[serde(rename = "audit.fork_seen")]
    AuditForkSeen {
        /// The tree that was seen first.
        kept: TreeHead,
        /// The tree that does not follow from it.
        shown: TreeHead,
    },
    /// A fork of the audit log was looked into; from here on the log is followed from the tree that was shown.
    #[serde(rename = "audit.fork_acknowledged")]
    AuditForkAcknowledged {
        /// The tree that was seen first.
        kept: TreeHead,
        /// The tree that is kept from here on.
        adopted: TreeHead,
        /// Who acknowledged it; `null` for the operator at the Runner's own console.
        by: Option<PersonId>,
        /// Typed by that person.
        justification: FreeText,
    },
    /// Procedures and secrets were taken over from the store that this Runner had before.
    #[serde(rename = "store.imported")]
    StoreImported {
        /// The earlier store.
        from: StoreId,
        /// Its journal, as it was then.
        journal: TreeHead,
        /// How many procedures were taken over.
        procedures: u64,
        /// How many secrets were taken over.
        secrets: u64,
    },
    /// Earlier records were exported and deleted.
    #[serde(rename = "journal.purged")]
    Purged {
        /// The first record that is still there.
        before: u64,
        /// SHA-256 of the record in front of it.
        last: Digest,
        /// The tree's right-most frontier over the deleted records, largest subtree first.
        frontier: Vec<Digest>,
        /// SHA-256 of the export.
        export_sha256: Digest,
        /// By whom; `null` for the operator at the Runner's own console, or for the retention rules.
        by: Option<PersonId>,
    },
}

impl JournalRecord {
    /// Reads the record of a line. Only the exact bytes that [`build_line`](super::build_line) gives are accepted.
    pub fn read(line: &Line<'_>) -> Result<Self, RecordError> {
        let seq = line.head().seq;
        let fields = format!("{{{}", line.rest());
        let record: Self = serde_json::from_str(&fields)
            .map_err(|error| RecordError::Unknown { seq, why: crate::text::printable(&error.to_string()) })?;
        match serde_json::to_string(&record) {
            Ok(again) if again == fields => Ok(record),
            _ => Err(RecordError::Spelling { seq }),
        }
    }
}

/// Size and root of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeHead {
    /// Number of records.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
}

/// Why a procedure that was due was not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissReason {
    /// The Runner did not run.
    Stopped,
    /// The store was full or could not be written.
    Storage,
    /// Too many reports waited to be acknowledged.
    QueueFull,
    /// The run before it had not ended.
    StillRunning,
    /// The version was not approved.
    NotApproved,
    /// An input or a connection was not bound.
    NotConfigured,
    /// The store was put back to an earlier state and nobody had acknowledged it.
    Rollback,
    /// The clock was set forward over it.
    ClockMoved,
}

/// Why less was recorded than should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The store was full or could not be written.
    Storage,
    /// Too many reports waited to be acknowledged.
    QueueFull,
    /// The store was put back to an earlier state; the Runner's operator acknowledged it.
    Rollback,
    /// The Runner did not run.
    Stopped,
    /// The clock was moved.
    ClockMoved,
}

/// What made an item go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestroyCause {
    /// A person asked for it.
    Request,
    /// Its retention time ended.
    Retention,
}

/// Which key was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotatedKey {
    /// The root key of the store.
    Root,
    /// The key that wraps the keys of evidence items.
    Wrapping,
    /// The key that signs attestations.
    Attestation,
    /// The key that signs checkpoints of the journal.
    Journal,
}
