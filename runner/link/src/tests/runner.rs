//! The rest of a Runner, in memory.

use std::sync::{Arc, Mutex, MutexGuard};

use clock::Timestamp;
use contract::{
    AuditCheckpoint, Catalogue, Code, ConnectorSecret, Digest, DrillDown, Epoch, NoteText, Receipt, ReceiptAccepted,
    Report, RunProgress, RunRequest, Schedule, StatementEnvelope, UnderWay,
};
use crypto::{Secret, SystemEntropy};
use ids::RequestId;

use crate::duties::{
    AuditAnswer, Continuation, DrillDownBegun, Duties, DutyError, Piece, ReportLimit, RunAnswer, SizedNote, Standing,
};
use crate::identity::Identity;
use crate::session::samples::{digest, envelope, frame, receipt, report, standing, start};

#[derive(Default)]
pub(super) struct State {
    pub(super) journal: u64,
    pub(super) accepted: u64,
    pub(super) rolled_back: bool,
    /// Every identity that was kept, in order.
    pub(super) identities: Vec<Vec<u8>>,
    /// Frames of the answer under way that were sealed.
    pub(super) sealed: u64,
    pub(super) frames: u64,
    pub(super) cancelled: Vec<RequestId>,
    pub(super) runs: Vec<RequestId>,
    pub(super) recoveries: Vec<(Digest, u64)>,
    /// The store fails at the next report that is read.
    pub(super) fails: bool,
    pub(super) panics: bool,
}

#[derive(Default)]
pub(super) struct Runner(Mutex<State>);

impl Runner {
    pub(super) fn with(journal: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { journal, ..State::default() })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The identity that was kept last.
    pub(super) fn kept(&self) -> Identity {
        let bytes = self.state().identities.last().expect("an identity was kept").clone();
        Identity::from_bytes(&Secret::new(bytes), &SystemEntropy::new()).unwrap()
    }
}

type Result<T> = std::result::Result<T, DutyError>;

impl Duties for Runner {
    fn standing(&self) -> Result<Standing> {
        Ok(standing(self.state().journal))
    }

    fn reports(&self, from: u64, limit: ReportLimit) -> Result<Vec<Report>> {
        let mut state = self.state();
        if std::mem::take(&mut state.fails) {
            return Err(DutyError::new("E-VAULT-007", "the disk is full"));
        }
        let panics = std::mem::take(&mut state.panics);
        let until = state.journal.min(from + limit.records as u64);
        drop(state);
        assert!(!panics, "a fault in the store");
        Ok((from..until).map(report).collect())
    }

    fn accepted(&self, accepted: u64) -> Result<()> {
        let mut state = self.state();
        assert!(accepted > state.accepted, "released twice");
        state.accepted = accepted;
        Ok(())
    }

    fn reconcile(&self, accepted: u64, head: Digest) -> Result<Continuation> {
        let mut state = self.state();
        assert!(accepted >= state.accepted && accepted <= state.journal);
        state.accepted = accepted;
        Ok(if head == digest(accepted) { Continuation::Follows } else { Continuation::Differs })
    }

    fn rolled_back(&self, _: u64, _: Digest) -> Result<()> {
        self.state().rolled_back = true;
        Ok(())
    }

    fn report_refused(&self, _: u64, _: &Code) -> Result<()> {
        Ok(())
    }

    fn catalogue(&self) -> Result<Catalogue> {
        Ok(Catalogue { procedures: Vec::new() })
    }

    fn schedule(&self) -> Result<Schedule> {
        Ok(Schedule { due: Vec::new() })
    }

    fn under_way(&self) -> Result<UnderWay> {
        Ok(UnderWay { runs: Vec::new() })
    }

    fn progress(&self) -> Result<Vec<RunProgress>> {
        Ok(Vec::new())
    }

    fn start_run(&self, request: &RunRequest) -> Result<RunAnswer> {
        self.state().runs.push(request.request);
        Ok(RunAnswer::Queued)
    }

    fn journal_checkpoint(&self) -> Result<Option<SizedNote>> {
        Ok(None)
    }

    fn keep_journal_cosignature(&self, _: &NoteText) -> Result<()> {
        Ok(())
    }

    fn audit_checkpoint(&self, _: &AuditCheckpoint) -> Result<AuditAnswer> {
        Ok(AuditAnswer::AskAgain)
    }

    fn begin_drill_down(&self, _: &DrillDown, _: &Epoch) -> Result<DrillDownBegun> {
        Ok(DrillDownBegun::Answering(start(1)))
    }

    fn next_frame(&self, _: RequestId) -> Result<Piece> {
        let mut state = self.state();
        let index = state.sealed;
        state.sealed += 1;
        let last = state.sealed == state.frames;
        let frame = frame(1, index, last);
        Ok(if last { Piece::Last(frame, receipt(1)) } else { Piece::Frame(frame) })
    }

    fn cancel_drill_down(&self, request: RequestId) -> Result<Option<Receipt>> {
        self.state().cancelled.push(request);
        Ok(None)
    }

    fn run_refused(&self, _: RequestId, _: &Code) -> Result<()> {
        Ok(())
    }

    fn keep_secret(&self, _: &ConnectorSecret, _: &Epoch) -> Result<Option<Receipt>> {
        Ok(Some(receipt(2)))
    }

    fn receipts(&self) -> Result<Vec<Receipt>> {
        Ok(Vec::new())
    }

    fn receipt_accepted(&self, _: &ReceiptAccepted) -> Result<()> {
        Ok(())
    }

    fn store_identity(&self, identity: &Secret<Vec<u8>>) -> Result<()> {
        self.state().identities.push(identity.expose().clone());
        Ok(())
    }

    fn recovery_statement(&self, request_sha256: Digest, generation: u64, _: Timestamp) -> Result<StatementEnvelope> {
        self.state().recoveries.push((request_sha256, generation));
        Ok(envelope())
    }
}
