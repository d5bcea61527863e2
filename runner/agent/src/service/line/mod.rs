//! What the line asks of this Runner, answered from the store. The link knows no store and the store no link; this is
//! where they meet, and every byte that leaves goes through `disclosure`.

mod drilldowns;
mod out;
mod reports;
mod runs;
mod secrets;
mod witness;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::Timestamp;
use contract::{
    AuditCheckpoint, Catalogue, Code, ConnectorSecret, Digest, DrillDown, Epoch, NoteText, Receipt, ReceiptAccepted,
    Report, RunProgress, RunRequest, Schedule, StatementEnvelope, UnderWay,
};
use crypto::Secret;
use ids::RequestId;
use runner_disclosure::drilldown::{Answer, Gate};
use runner_disclosure::secret;
use runner_link::duties::{
    AuditAnswer, Continuation, DrillDownBegun, Duties, DutyError, Piece, ReportLimit, RunAnswer, SizedNote, Standing,
};

use super::hands::Shared;
use crate::fail::Fail;

pub(crate) use out::Out;
pub(crate) use runs::{Refusals, ended, refuse, tell};

/// The Runner as the line sees it.
pub(crate) struct Line {
    shared: Shared,
    gate: Mutex<Gate>,
    secrets: Mutex<secret::Gate>,
    /// Answers that are under way, pulled frame by frame.
    answers: Mutex<BTreeMap<RequestId, Box<Answer>>>,
}

impl Line {
    /// Of a Runner that lets evidence out by this gate, and secrets in by the same policy.
    pub(crate) fn new(shared: Shared, gate: Gate) -> Self {
        let secrets = secret::Gate::new(gate.policy().clone(), Arc::clone(&shared.runner.clock));
        Self { shared, gate: Mutex::new(gate), secrets: Mutex::new(secrets), answers: Mutex::default() }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn secrets(&self) -> MutexGuard<'_, secret::Gate> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answers(&self) -> MutexGuard<'_, BTreeMap<RequestId, Box<Answer>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Result<T> = std::result::Result<T, DutyError>;

impl Duties for Line {
    fn standing(&self) -> Result<Standing> {
        reports::standing(self)
    }

    fn reports(&self, from: u64, limit: ReportLimit) -> Result<Vec<Report>> {
        reports::next(self, from, limit)
    }

    fn accepted(&self, accepted: u64) -> Result<()> {
        reports::accepted(self, accepted)
    }

    fn reconcile(&self, accepted: u64, head: Digest) -> Result<Continuation> {
        reports::reconcile(self, accepted, head)
    }

    fn rolled_back(&self, accepted: u64, head: Digest) -> Result<()> {
        reports::reconcile(self, accepted, head).map(drop)
    }

    fn report_refused(&self, seq: u64, code: &Code) -> Result<()> {
        reports::refused(self, seq, code);
        Ok(())
    }

    fn catalogue(&self) -> Result<Catalogue> {
        runs::catalogue(self)
    }

    fn schedule(&self) -> Result<Schedule> {
        runs::schedule(self)
    }

    fn under_way(&self) -> Result<UnderWay> {
        Ok(self.shared.under_way.told())
    }

    fn progress(&self) -> Result<Vec<RunProgress>> {
        runs::progress(self)
    }

    fn start_run(&self, request: &RunRequest) -> Result<RunAnswer> {
        runs::start(self, request)
    }

    fn run_refused(&self, request: RequestId, code: &Code) -> Result<()> {
        runs::refused(self, request, code);
        Ok(())
    }

    fn journal_checkpoint(&self) -> Result<Option<SizedNote>> {
        witness::journal_checkpoint(self)
    }

    fn keep_journal_cosignature(&self, note: &NoteText) -> Result<()> {
        witness::keep_cosignature(self, note)
    }

    fn audit_checkpoint(&self, shown: &AuditCheckpoint) -> Result<AuditAnswer> {
        witness::audit_checkpoint(self, shown)
    }

    fn begin_drill_down(&self, request: &DrillDown, epoch: &Epoch) -> Result<DrillDownBegun> {
        drilldowns::begin(self, request, epoch)
    }

    fn next_frame(&self, request: RequestId) -> Result<Piece> {
        drilldowns::next(self, request)
    }

    fn cancel_drill_down(&self, request: RequestId) -> Result<Option<Receipt>> {
        drilldowns::cancel(self, request)
    }

    fn keep_secret(&self, secret: &ConnectorSecret, epoch: &Epoch) -> Result<Option<Receipt>> {
        secrets::keep(self, secret, epoch)
    }

    fn receipts(&self) -> Result<Vec<Receipt>> {
        drilldowns::receipts(self)
    }

    fn receipt_accepted(&self, accepted: &ReceiptAccepted) -> Result<()> {
        drilldowns::receipt_accepted(self, accepted)
    }

    fn store_identity(&self, identity: &Secret<Vec<u8>>) -> Result<()> {
        self.shared.runner.store.with(|store| store.set_link_identity(identity)).map_err(duty)
    }

    fn recovery_statement(&self, request_sha256: Digest, generation: u64, at: Timestamp) -> Result<StatementEnvelope> {
        witness::recovery_statement(self, request_sha256, generation, at)
    }
}

/// An error of this Runner as the link carries it: to the log, never over the line.
#[expect(clippy::needless_pass_by_value, reason = "used as a function to map errors with")]
fn duty(fail: Fail) -> DutyError {
    DutyError::new("E-SERVICE-020", fail.to_string())
}

/// Something of this Runner does not fit what the line carries.
fn unfit(what: &str, error: impl std::fmt::Display) -> DutyError {
    DutyError::new("E-SERVICE-021", format!("{what}: {error}"))
}
