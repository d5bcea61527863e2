//! What the link asks of the rest of the Runner. The link knows neither vault nor evidence; whoever implements this does.
//!
//! All methods are synchronous and are called from one thread, one at a time, in order. They may block on the store, but
//! never on a run or on a person.

use clock::Timestamp;
use contract::{
    AuditCheckpoint, AuditForkSeen, Catalogue, Code, Condition, ConnectorSecret, Digest, DrillDown, Epoch, Name,
    NoteText, Receipt, ReceiptAccepted, Report, RunProgress, RunRequest, Schedule, SealedFrame, SealedStart, Software,
    StatementEnvelope, UnderWay,
};
use crypto::Secret;
use ids::RequestId;

pub use crate::error::DutyError;

type Result<T> = std::result::Result<T, DutyError>;

/// Answers to drill-downs at the same time; each holds a frame and a chunk. What else is asked for waits for its turn.
pub const MOST_ANSWERS: usize = 4;

/// What the link asks of the rest of the Runner.
pub trait Duties: Send + Sync + 'static {
    /// How this Runner is now. Asked once for each session.
    fn standing(&self) -> Result<Standing>;

    /// Journal records `from`, `from + 1`, … without a gap, until one of the limits is reached; at least one, if there is
    /// one. Manifest and attestation stand beside a `run.attested` line.
    fn reports(&self, from: u64, limit: ReportLimit) -> Result<Vec<Report>>;

    /// Every record before `accepted` is durable at the control plane and may be released.
    fn accepted(&self, accepted: u64) -> Result<()>;

    /// The control plane has `accepted` records, not more than the journal has, the last with the hash `head`. If that is
    /// so here too, they are released as by [`accepted`](Self::accepted); if not, the Runner goes to condition ROLLBACK,
    /// durably.
    fn reconcile(&self, accepted: u64, head: Digest) -> Result<Continuation>;

    /// The control plane has more records than this journal: an older copy of the store was put back. The Runner goes to
    /// condition ROLLBACK, durably.
    fn rolled_back(&self, accepted: u64, head: Digest) -> Result<()>;

    /// The record `seq` will never be accepted, and nothing after it.
    fn report_refused(&self, seq: u64, code: &Code) -> Result<()>;

    /// What is installed.
    fn catalogue(&self) -> Result<Catalogue>;

    /// What is due next.
    fn schedule(&self) -> Result<Schedule>;

    /// The runs that are worked at now.
    fn under_way(&self) -> Result<UnderWay>;

    /// What to say again, in each new session, about runs that were requested: what was said before may have been lost.
    fn progress(&self) -> Result<Vec<RunProgress>>;

    /// Takes in a request for a run; epoch and expiry are checked. What becomes of it is told through
    /// [`Handle::progress`](crate::Handle::progress).
    fn start_run(&self, request: &RunRequest) -> Result<RunAnswer>;

    /// A request for a run was refused by the session itself; whoever asked hears of it.
    fn run_refused(&self, request: RequestId, code: &Code) -> Result<()>;

    /// The newest checkpoint of the journal, signed.
    fn journal_checkpoint(&self) -> Result<Option<SizedNote>>;

    /// The control plane's cosignature of a checkpoint. One that does not verify is not kept and alarmed here; it is no
    /// error of this method.
    fn keep_journal_cosignature(&self, note: &NoteText) -> Result<()>;

    /// Verifies a checkpoint of the audit log and keeps it, or the fork that it proves, durably.
    fn audit_checkpoint(&self, shown: &AuditCheckpoint) -> Result<AuditAnswer>;

    /// Decides on a drill-down request. When this returns, the decision is journalled, and the request id is spent.
    fn begin_drill_down(&self, request: &DrillDown, epoch: &Epoch) -> Result<DrillDownBegun>;

    /// Seals one more frame; the person has granted it. The receipt is kept before it is returned with the last one.
    fn next_frame(&self, request: RequestId) -> Result<Piece>;

    /// Nobody waits for this answer any more. An unknown id is fine.
    fn cancel_drill_down(&self, request: RequestId) -> Result<Option<Receipt>>;

    /// Decides on a connector's secret. When this returns, the decision is journalled, and a value that is kept can be used.
    /// There is no receipt for what nobody vouches for.
    fn keep_secret(&self, secret: &ConnectorSecret, epoch: &Epoch) -> Result<Option<Receipt>>;

    /// Receipts that were not acknowledged yet, oldest first, some dozens at most. Asked again when these are.
    fn receipts(&self) -> Result<Vec<Receipt>>;

    /// The control plane keeps this receipt.
    fn receipt_accepted(&self, accepted: &ReceiptAccepted) -> Result<()>;

    /// Keeps these bytes sealed and durable, in the place of what was kept before, and only then returns.
    fn store_identity(&self, identity: &Secret<Vec<u8>>) -> Result<()>;

    /// A [`RecoveryStatement`](contract::enrolment::RecoveryStatement) with these values, signed by the attestation key.
    fn recovery_statement(&self, request_sha256: Digest, generation: u64, at: Timestamp) -> Result<StatementEnvelope>;
}

/// How a Runner is, as its Hello says.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub software: Software,
    pub journal_size: u64,
    pub journal_head: Digest,
    pub audit_size: u64,
    pub audit_root: Digest,
    pub condition: Condition,
    pub seal_level: Name,
}

/// How much to read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportLimit {
    pub records: usize,
    pub bytes: usize,
}

/// Whether the journal goes on from where the control plane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuation {
    Follows,
    Differs,
}

/// What becomes of a request for a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunAnswer {
    /// It will be run.
    Queued,
    /// It was requested before, also if that was before a restart.
    Repeated,
    Refused(Code),
}

/// A checkpoint of the journal and how many records it covers.
#[derive(Debug, Clone, PartialEq)]
pub struct SizedNote {
    pub size: u64,
    pub note: NoteText,
}

/// What came of a checkpoint of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub enum AuditAnswer {
    /// It continues the kept one, and is kept now.
    Cosigned(NoteText),
    /// It contradicts the kept one; both are kept, and drill-downs are refused from now on.
    Fork(AuditForkSeen),
    /// The proof begins elsewhere than at the kept one.
    AskAgain,
    /// It is not signed by the pinned key, or of another log.
    Refused,
}

/// What came of a drill-down request.
#[derive(Debug, Clone, PartialEq)]
pub enum DrillDownBegun {
    Answering(SealedStart),
    /// There is no receipt for what could not be read at all.
    Refused {
        receipt: Option<Receipt>,
    },
}

/// The next piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Frame(SealedFrame),
    Last(SealedFrame, Receipt),
    /// It cannot be gone on with.
    Failed {
        receipt: Option<Receipt>,
    },
}
