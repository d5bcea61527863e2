//! What a session wants done outside of it, and how it is done: one piece of work, one call of the duties.

use clock::Timestamp;
use contract::{
    AuditCheckpoint, Catalogue, Code, ConnectorSecret, DerCertificate, Digest, DrillDown, Epoch, NoteText, Receipt,
    ReceiptAccepted, Renew, Report, RunProgress, RunRequest, Schedule, UnderWay,
};
use ids::RequestId;

use crate::duties::{AuditAnswer, Continuation, DrillDownBegun, Duties, Piece, ReportLimit, RunAnswer, SizedNote};
use crate::error::{DutyError, LinkError};
use crate::keyring::Keyring;

/// Something to be done, in the order in which the session asks for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    Reconcile {
        accepted: u64,
        head: Digest,
    },
    RolledBack {
        accepted: u64,
        head: Digest,
    },
    Reports {
        from: u64,
        limit: ReportLimit,
    },
    Accepted {
        accepted: u64,
    },
    ReportRefused {
        seq: u64,
        code: Code,
    },
    Catalogue,
    Schedule,
    UnderWay,
    Progress,
    StartRun(RunRequest),
    /// The session itself refused a request for a run.
    RunRefused {
        request: RequestId,
        code: Code,
    },
    JournalCheckpoint,
    KeepCosignature(NoteText),
    Audit(AuditCheckpoint),
    BeginDrillDown {
        request: DrillDown,
        epoch: Epoch,
    },
    NextFrame(RequestId),
    CancelDrillDown(RequestId),
    KeepSecret {
        secret: ConnectorSecret,
        epoch: Epoch,
    },
    Receipts,
    ReceiptAccepted(ReceiptAccepted),
    /// The certificate of this generation was welcomed.
    Welcomed {
        generation: u64,
    },
    PrepareRenewal,
    AdoptRenewal {
        chain: Vec<DerCertificate>,
        generation: u64,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    Reconciled(Continuation),
    Reports(Vec<Report>),
    Catalogue(Catalogue),
    Schedule(Schedule),
    UnderWay(UnderWay),
    Progress(Vec<RunProgress>),
    Run {
        request: RequestId,
        answer: RunAnswer,
    },
    JournalCheckpoint(Option<SizedNote>),
    Audit(AuditAnswer),
    DrillDownBegun(DrillDownBegun),
    Piece {
        request: RequestId,
        piece: Piece,
    },
    Cancelled {
        receipt: Option<Receipt>,
    },
    Receipts(Vec<Receipt>),
    /// A connector's secret was taken in or refused.
    Secret {
        receipt: Option<Receipt>,
    },
    RenewalPrepared(Renew),
    RenewalAdopted,
    /// The renewal could not be prepared or adopted; the session goes on with the certificate that it has.
    RenewalFailed(LinkError),
    /// Done, and nothing to say about it.
    Nothing,
    /// The Runner's own side failed; the session cannot go on.
    Failed(DutyError),
}

/// Does one piece of work.
pub fn perform(work: Work, duties: &dyn Duties, keyring: &Keyring, now: Timestamp) -> Done {
    let renewal = |result: Result<Done, LinkError>| result.unwrap_or_else(Done::RenewalFailed);
    match work {
        Work::Welcomed { generation } => renewal(keyring.welcomed(duties, generation).map(|()| Done::Nothing)),
        Work::PrepareRenewal => renewal(keyring.prepare_renewal(duties).map(Done::RenewalPrepared)),
        Work::AdoptRenewal { chain, generation } => {
            renewal(keyring.adopt_renewal(duties, chain, generation, now).map(|()| Done::RenewalAdopted))
        }
        other => duty(other, duties).unwrap_or_else(Done::Failed),
    }
}

fn duty(work: Work, duties: &dyn Duties) -> Result<Done, DutyError> {
    let nothing = |()| Done::Nothing;
    match work {
        Work::Reconcile { accepted, head } => duties.reconcile(accepted, head).map(Done::Reconciled),
        Work::RolledBack { accepted, head } => duties.rolled_back(accepted, head).map(nothing),
        Work::Reports { from, limit } => duties.reports(from, limit).map(Done::Reports),
        Work::Accepted { accepted } => duties.accepted(accepted).map(nothing),
        Work::ReportRefused { seq, code } => duties.report_refused(seq, &code).map(nothing),
        Work::Catalogue => duties.catalogue().map(Done::Catalogue),
        Work::Schedule => duties.schedule().map(Done::Schedule),
        Work::UnderWay => duties.under_way().map(Done::UnderWay),
        Work::Progress => duties.progress().map(Done::Progress),
        Work::StartRun(request) => {
            duties.start_run(&request).map(|answer| Done::Run { request: request.request, answer })
        }
        Work::JournalCheckpoint => duties.journal_checkpoint().map(Done::JournalCheckpoint),
        Work::KeepCosignature(note) => duties.keep_journal_cosignature(&note).map(nothing),
        Work::Audit(shown) => duties.audit_checkpoint(&shown).map(Done::Audit),
        Work::BeginDrillDown { request, epoch } => duties.begin_drill_down(&request, &epoch).map(Done::DrillDownBegun),
        Work::NextFrame(request) => duties.next_frame(request).map(|piece| Done::Piece { request, piece }),
        Work::CancelDrillDown(request) => duties.cancel_drill_down(request).map(|receipt| Done::Cancelled { receipt }),
        Work::KeepSecret { secret, epoch } => {
            duties.keep_secret(&secret, &epoch).map(|receipt| Done::Secret { receipt })
        }
        Work::RunRefused { request, code } => duties.run_refused(request, &code).map(nothing),
        Work::Receipts => duties.receipts().map(Done::Receipts),
        Work::ReceiptAccepted(accepted) => duties.receipt_accepted(&accepted).map(nothing),
        // Done by the keyring, in `perform`.
        Work::Welcomed { .. } | Work::PrepareRenewal | Work::AdoptRenewal { .. } => Ok(Done::Nothing),
    }
}
