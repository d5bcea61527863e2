//! What the link asks of the Runner, answered from a real store and a real gate, in the way of the Runner's service.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use clock::{Clock, Timestamp};
use contract::enrolment::{RECOVERY_TYPE, RecoveryStatement};
use contract::identity::RunnerName;
use contract::{
    AuditCheckpoint, AuditForkSeen, Catalogue, Code, Condition, ConnectorSecret, Digest, DrillDown, Due, Epoch,
    NoteText, Receipt, ReceiptAccepted, Report, RunProgress, RunRequest, RunStage, Schedule, StatementEnvelope,
    UnderWay,
};
use crypto::{Secret, SystemEntropy};
use ids::RequestId;
use runner_disclosure::drilldown::{Answer, Begun, Gate};
use runner_disclosure::line::ProcedureTexts;
use runner_disclosure::secret::{self, Taken};
use runner_link::duties::{
    AuditAnswer, Continuation, DrillDownBegun, Duties, DutyError, Piece, ReportLimit, RunAnswer, SizedNote, Standing,
};
use runner_vault::{Acceptance, AuditSeen, Cosigned, RequestOutcome, RunState, Vault, VaultError};

use crate::template::{SOFTWARE, procedure_digest};

const MOST_ANSWERS: usize = 4;
const NOT_INSTALLED: &str = "E-RUN-040";

/// The Runner as the line sees it.
pub(crate) struct SimDuties {
    vault: Mutex<Vault>,
    gate: Mutex<Gate>,
    secrets: Mutex<secret::Gate>,
    answers: Mutex<BTreeMap<RequestId, Box<Answer>>>,
    /// Runs that were asked for and have not begun.
    pub(crate) queued: Mutex<VecDeque<RunRequest>>,
    known: Mutex<BTreeSet<RequestId>>,
    next_due: Mutex<Option<Timestamp>>,
    name: RunnerName,
    entropy: SystemEntropy,
}

type Result<T> = std::result::Result<T, DutyError>;

impl SimDuties {
    pub(crate) fn new(vault: Vault, gate: Gate, clock: Arc<dyn Clock>, name: RunnerName) -> Self {
        let secrets = Mutex::new(secret::Gate::new(gate.policy().clone(), clock));
        Self {
            secrets,
            vault: Mutex::new(vault),
            gate: Mutex::new(gate),
            answers: Mutex::default(),
            queued: Mutex::default(),
            known: Mutex::default(),
            next_due: Mutex::default(),
            name,
            entropy: SystemEntropy::new(),
        }
    }

    pub(crate) fn vault(&self) -> MutexGuard<'_, Vault> {
        self.vault.lock().unwrap()
    }

    pub(crate) fn set_due(&self, due: Timestamp) {
        *self.next_due.lock().unwrap() = Some(due);
    }

    /// In the line's word.
    pub(crate) fn condition(&self) -> Condition {
        let vault = self.vault();
        let full = vault.waiting().unwrap().records >= vault.options().outbox_limit;
        if *vault.condition() != runner_vault::Condition::Ready {
            Condition::Rollback
        } else if vault.audit_fork().unwrap().is_some() {
            Condition::ForkSeen
        } else if full {
            Condition::Full
        } else {
            Condition::Ready
        }
    }
}

fn duty(error: VaultError) -> DutyError {
    DutyError::new("E-SERVICE-020", error.to_string())
}

fn unfit(error: impl std::fmt::Display) -> DutyError {
    DutyError::new("E-SERVICE-021", error.to_string())
}

impl Duties for SimDuties {
    fn standing(&self) -> Result<Standing> {
        let condition = self.condition();
        let vault = self.vault();
        let (journal_size, journal_head) = vault.journal_head().map_err(duty)?;
        let audit = vault.audit_head().map_err(duty)?;
        let (audit_size, audit_root) = audit.map_or((0, proof::merkle::empty_root()), |head| (head.size, head.root));
        let seal_level = vault.seal_level().name().parse().map_err(unfit)?;
        let software = SOFTWARE.parse().map_err(unfit)?;
        Ok(Standing { software, journal_size, journal_head, audit_size, audit_root, condition, seal_level })
    }

    fn reports(&self, from: u64, limit: ReportLimit) -> Result<Vec<Report>> {
        let records = u32::try_from(limit.records).unwrap_or(u32::MAX);
        let read = self.vault().reports(from, records, limit.bytes as u64).map_err(duty)?;
        read.into_iter().map(|record| runner_disclosure::line::report(record).map_err(duty)).collect()
    }

    fn accepted(&self, accepted: u64) -> Result<()> {
        self.vault().accepted(accepted, None).map(drop).map_err(duty)
    }

    fn reconcile(&self, accepted: u64, head: Digest) -> Result<Continuation> {
        Ok(match self.vault().accepted(accepted, Some(head)).map_err(duty)? {
            Acceptance::Kept => Continuation::Follows,
            Acceptance::RolledBack => Continuation::Differs,
        })
    }

    fn rolled_back(&self, accepted: u64, head: Digest) -> Result<()> {
        self.reconcile(accepted, head).map(drop)
    }

    fn report_refused(&self, _seq: u64, _code: &Code) -> Result<()> {
        Ok(())
    }

    fn catalogue(&self) -> Result<Catalogue> {
        let installed = self.vault().procedures().map_err(duty)?;
        runner_disclosure::line::catalogue(&installed, ProcedureTexts::Share).map_err(duty)
    }

    fn schedule(&self) -> Result<Schedule> {
        let next = *self.next_due.lock().unwrap();
        Ok(Schedule {
            due: next.map(|next_due| Due { procedure: "demo".parse().unwrap(), next_due }).into_iter().collect(),
        })
    }

    fn under_way(&self) -> Result<UnderWay> {
        Ok(UnderWay { runs: Vec::new() })
    }

    fn progress(&self) -> Result<Vec<RunProgress>> {
        let vault = self.vault();
        let requests = vault.run_requests(Timestamp::EPOCH).map_err(duty)?;
        let told = requests.into_iter().map(|requested| match requested.outcome {
            RequestOutcome::Begun(run) => {
                let running = matches!(vault.run(run).map_err(duty)?.state, RunState::Running);
                let stage = if running { RunStage::Begun } else { RunStage::Ended };
                Ok(RunProgress { request: Some(requested.request), run: Some(run), stage, code: None })
            }
            RequestOutcome::Refused(code) => {
                let code = Some(code.as_str().parse().map_err(unfit)?);
                Ok(RunProgress { request: Some(requested.request), run: None, stage: RunStage::Refused, code })
            }
        });
        told.collect()
    }

    fn start_run(&self, request: &RunRequest) -> Result<RunAnswer> {
        let id = request.request;
        if self.vault().run_request(id).map_err(duty)?.is_some() || !self.known.lock().unwrap().insert(id) {
            return Ok(RunAnswer::Repeated);
        }
        if request.procedure != procedure_digest() {
            self.vault().refuse_run_request(id, &NOT_INSTALLED.parse().unwrap(), true).map_err(duty)?;
            return Ok(RunAnswer::Refused(NOT_INSTALLED.parse().unwrap()));
        }
        self.queued.lock().unwrap().push_back(request.clone());
        Ok(RunAnswer::Queued)
    }

    fn journal_checkpoint(&self) -> Result<Option<SizedNote>> {
        let vault = self.vault();
        let (size, note) = (vault.journal_size().map_err(duty)?, vault.checkpoint().map_err(duty)?);
        let note = NoteText::try_from(&note).map_err(unfit)?;
        Ok((size > 0).then_some(SizedNote { size, note }))
    }

    fn keep_journal_cosignature(&self, note: &NoteText) -> Result<()> {
        match self.vault().journal_cosigned(&note.note()) {
            Ok(Cosigned::Kept | Cosigned::RolledBack) | Err(VaultError::Note { .. }) => Ok(()),
            Err(error) => Err(duty(error)),
        }
    }

    fn audit_checkpoint(&self, shown: &AuditCheckpoint) -> Result<AuditAnswer> {
        match self.vault().witness_audit(&shown.note.note(), shown.from_size, &shown.proof) {
            Ok(AuditSeen::Cosigned(note)) => NoteText::try_from(&note).map(AuditAnswer::Cosigned).map_err(unfit),
            Ok(AuditSeen::AskAgain { .. }) => Ok(AuditAnswer::AskAgain),
            Ok(AuditSeen::Fork(fork)) => {
                let shown = NoteText::try_from(&fork.shown).map_err(unfit)?;
                let (kept_size, kept_root) = (fork.kept_head.size, fork.kept_head.root);
                Ok(AuditAnswer::Fork(AuditForkSeen { kept_size, kept_root, shown }))
            }
            Err(VaultError::Note { .. }) => Ok(AuditAnswer::Refused),
            Err(error) => Err(duty(error)),
        }
    }

    fn begin_drill_down(&self, asked: &DrillDown, epoch: &Epoch) -> Result<DrillDownBegun> {
        let mut answers = self.answers.lock().unwrap();
        let (mut vault, mut gate) = (self.vault(), self.gate.lock().unwrap());
        let begun = if answers.len() >= MOST_ANSWERS {
            gate.refuse_busy(&mut vault, asked).map(Begun::Refused)
        } else {
            gate.receive(&mut vault, asked, epoch, &self.entropy)
        };
        match begun.map_err(duty)? {
            Begun::Answering(answer) => {
                let start = answer.start();
                answers.insert(answer.request(), answer);
                Ok(DrillDownBegun::Answering(start))
            }
            Begun::Refused(refusal) => Ok(DrillDownBegun::Refused { receipt: refusal.receipt }),
        }
    }

    fn next_frame(&self, request: RequestId) -> Result<Piece> {
        let mut answers = self.answers.lock().unwrap();
        let Some(mut answer) = answers.remove(&request) else { return Ok(Piece::Failed { receipt: None }) };
        let mut vault = self.vault();
        match answer.next(&vault) {
            Ok(frame) if frame.last => Ok(Piece::Last(frame, answer.finish(&mut vault).map_err(duty)?)),
            Ok(frame) => {
                answers.insert(request, answer);
                Ok(Piece::Frame(frame))
            }
            Err(_) => Ok(Piece::Failed { receipt: Some(answer.cancel(&mut vault).map_err(duty)?) }),
        }
    }

    fn cancel_drill_down(&self, request: RequestId) -> Result<Option<Receipt>> {
        let Some(answer) = self.answers.lock().unwrap().remove(&request) else { return Ok(None) };
        answer.cancel(&mut self.vault()).map(Some).map_err(duty)
    }

    fn run_refused(&self, request: RequestId, code: &Code) -> Result<()> {
        self.vault().journal_run_refused(request, &code.as_str().parse().map_err(unfit)?).map_err(duty)
    }

    fn keep_secret(&self, secret: &ConnectorSecret, epoch: &Epoch) -> Result<Option<Receipt>> {
        match self.secrets.lock().unwrap().receive(&mut self.vault(), secret, epoch).map_err(duty)? {
            Taken::Kept { receipt, .. } => Ok(Some(receipt)),
            Taken::Refused { receipt, .. } => Ok(receipt),
        }
    }

    fn receipts(&self) -> Result<Vec<Receipt>> {
        let waiting = self.vault().receipts_waiting(32).map_err(duty)?;
        waiting.iter().map(|stored| runner_disclosure::line::receipt(stored).map_err(duty)).collect()
    }

    fn receipt_accepted(&self, accepted: &ReceiptAccepted) -> Result<()> {
        self.vault().receipt_accepted(accepted.request, Some(&accepted.receipt_sha256)).map_err(duty)
    }

    fn store_identity(&self, identity: &Secret<Vec<u8>>) -> Result<()> {
        self.vault().set_link_identity(identity).map_err(duty)
    }

    fn recovery_statement(&self, request_sha256: Digest, generation: u64, at: Timestamp) -> Result<StatementEnvelope> {
        let RunnerName { tenant, runner } = self.name;
        let statement = RecoveryStatement::new(tenant, runner, request_sha256, generation, at);
        let signed = self.vault().sign_statement(RECOVERY_TYPE, &statement.to_bytes()).map_err(duty)?;
        StatementEnvelope::new(signed.bytes()).map_err(unfit)
    }
}
