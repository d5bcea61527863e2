//! A session after its Welcome.

use contract::version::{UNDER_WAY, Version};
use contract::{
    Alive, AuditCosignature, Code, Condition, Digest, Epoch, FromControlPlane, FromRunner, RunProgress, RunRequest,
    RunStage, Welcome,
};
use ids::RequestId;

use super::drilldowns::DrillDowns;
use super::event::{Command, Ending, Event, Nudge, Opening};
use super::renewal::Renewal;
use super::reports::{ANSWER_MS, Reports};
use super::witness::Witness;
use super::{Status, stopped};
use crate::duties::{AuditAnswer, Continuation, DrillDownBegun, Piece, RunAnswer};
use crate::error::LinkError;
use crate::moment::Moment;
use crate::work::{Done, Work};

/// Run requests of this session that are remembered.
const REMEMBERED: usize = 256;

#[derive(Debug)]
pub(super) struct Live {
    spoken: Version,
    epoch: Epoch,
    condition: Condition,
    clock_ahead_ms: i64,
    alive_ms: u64,
    next_alive_ms: u64,
    writable: bool,
    reports: Reports,
    witness: Witness,
    drilldowns: DrillDowns,
    renewal: Renewal,
    /// Requests for runs that came in this session.
    requested: std::collections::VecDeque<RequestId>,
    /// Ends of runs, each with the size that the journal had then.
    endings: std::collections::VecDeque<(u64, RunProgress)>,
    /// Hashes of receipts that were sent again and are not acknowledged.
    receipts: Vec<Digest>,
}

type Out<'a> = &'a mut Vec<Command>;
/// The session goes on, or why it ends.
type Step = Result<(), Ending>;

impl Live {
    /// Takes the Welcome in.
    pub(super) fn begin(
        opening: Opening,
        grown_to: u64,
        (welcome, spoken): (&Welcome, Version),
        now: Moment,
        out: Out<'_>,
    ) -> Self {
        let size = opening.standing.journal_size;
        let alive_ms = u64::from(welcome.alive_seconds) * 1000;
        let (accepted, head) = (welcome.accepted, welcome.accepted_head);
        let random = opening.epoch.as_bytes().iter().fold(0_u64, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
        let mut live = Self {
            spoken,
            epoch: opening.epoch,
            condition: opening.standing.condition,
            clock_ahead_ms: now.wall.since_ms(welcome.now),
            alive_ms,
            next_alive_ms: now.monotonic_ms + alive_ms,
            writable: true,
            reports: Reports::new(size.max(accepted).max(grown_to), accepted, welcome.window, now.monotonic_ms),
            witness: Witness::new(now.monotonic_ms),
            drilldowns: DrillDowns::default(),
            renewal: Renewal::new(opening.renew_at, random),
            requested: std::collections::VecDeque::new(),
            endings: std::collections::VecDeque::new(),
            receipts: Vec::new(),
        };
        // The journal cannot have grown by reports of an older session that Hello did not count: they stood in it before.
        if accepted > size {
            live.condition = Condition::Rollback;
            out.push(Command::Do(Work::RolledBack { accepted, head }));
        } else {
            out.push(Command::Do(Work::Reconcile { accepted, head }));
        }
        let first = [Work::Welcomed { generation: opening.generation }, Work::Catalogue, Work::Schedule];
        out.extend(first.into_iter().chain([Work::Progress, Work::Receipts]).map(Command::Do));
        live.ask_under_way(out);
        live.pump(now, out);
        live
    }

    /// Takes an event in; says so if the session ends with it.
    pub(super) fn handle(&mut self, event: Event, now: Moment, out: Out<'_>) -> Option<Ending> {
        let step = match event {
            Event::Received(message) => self.received(message, now, out),
            Event::Done(done) => self.done(done, now, out),
            Event::Local(nudge) => self.nudged(nudge, now, out),
            Event::Closed(error) => Err(Ending::Failed(error)),
            Event::Tick => Ok(()),
            Event::Writable => {
                self.writable = true;
                Ok(())
            }
        };
        if let Err(ending) = step.and_then(|()| self.overdue(now)) {
            return Some(ending);
        }
        self.pump(now, out);
        let over = self.renewal.go_over(now, self.drilldowns.is_empty());
        over.then_some(Ending::NewCertificate)
    }

    /// Answers that nobody waits for once the session is over.
    pub(super) fn abandon(&mut self) -> Vec<RequestId> {
        self.drilldowns.abandon()
    }

    pub(super) fn status(&self) -> Status {
        let (accepted, waiting) = (self.reports.accepted(), self.reports.waiting());
        Status { accepted, waiting, clock_ahead_ms: self.clock_ahead_ms }
    }

    pub(super) fn wake_at_ms(&self, now: Moment) -> u64 {
        let others = [
            self.reports.answer_due_ms(),
            self.renewal.wake_at_ms(now),
            self.witness.ask_at_ms(self.reports.accepted()).filter(|_| self.in_order()),
        ];
        others.into_iter().flatten().fold(self.next_alive_ms, u64::min)
    }

    fn received(&mut self, message: FromControlPlane, now: Moment, out: Out<'_>) -> Step {
        let ms = now.monotonic_ms;
        match message {
            FromControlPlane::Welcome(_) => return Err(broken("it says Welcome twice")),
            FromControlPlane::Stop(stop) => return Err(stopped(stop)),
            FromControlPlane::Accepted(message) => {
                let accepted = self.reports.acknowledged(message.accepted, ms).map_err(broken)?;
                out.extend(accepted.map(|accepted| Command::Do(Work::Accepted { accepted })));
                self.tell_endings(out);
            }
            FromControlPlane::ReportRefused(refused) => {
                self.reports.refused(refused.seq).map_err(broken)?;
                out.push(Command::Do(Work::ReportRefused { seq: refused.seq, code: refused.code }));
            }
            FromControlPlane::RunRequest(request) => self.run_requested(request, now, out),
            FromControlPlane::DrillDown(request) => {
                if !self.drilldowns.came(request) {
                    return Err(broken("it sends more drill-down requests than can wait"));
                }
            }
            FromControlPlane::ConnectorSecret(secret) => {
                out.push(Command::Do(Work::KeepSecret { secret, epoch: self.epoch }));
            }
            FromControlPlane::DrillDownCredit(credit) => self.drilldowns.granted(credit.request, credit.frames),
            FromControlPlane::DrillDownCancel(cancel) => {
                if self.drilldowns.cancel(cancel.request) {
                    out.push(Command::Do(Work::CancelDrillDown(cancel.request)));
                }
            }
            FromControlPlane::ReceiptAccepted(accepted) => {
                let waited = !self.receipts.is_empty();
                self.receipts.retain(|sha256| *sha256 != accepted.receipt_sha256);
                out.push(Command::Do(Work::ReceiptAccepted(accepted)));
                if waited && self.receipts.is_empty() {
                    out.push(Command::Do(Work::Receipts));
                }
            }
            FromControlPlane::JournalCosignature(message) => out.push(Command::Do(Work::KeepCosignature(message.note))),
            FromControlPlane::AuditCheckpoint(shown) => out.push(Command::Do(Work::Audit(shown))),
            FromControlPlane::Renewed(renewed) => match self.renewal.came() {
                None => return Err(broken("it sends a certificate that was not asked for")),
                Some(false) => {}
                Some(true) => {
                    let (chain, generation) = (renewed.chain, renewed.generation);
                    out.push(Command::Do(Work::AdoptRenewal { chain, generation }));
                }
            },
            FromControlPlane::RenewRefused(refused) => {
                if !self.renewal.refused(now) {
                    return Err(broken("it refuses a renewal that was not asked for"));
                }
                out.push(Command::Note(LinkError::RenewalRefused { code: refused.code.to_string() }));
            }
        }
        Ok(())
    }

    fn done(&mut self, done: Done, now: Moment, out: Out<'_>) -> Step {
        match done {
            Done::Failed(error) => return Err(Ending::Failed(error.into())),
            Done::Nothing => {}
            Done::Reconciled(Continuation::Follows) => self.reports.open(),
            Done::Reconciled(Continuation::Differs) => {
                self.condition = Condition::Rollback;
                self.say_alive(now, out);
            }
            Done::Reports(reports) => {
                let read = self.reports.read(reports, now.monotonic_ms);
                let read = read.map_err(|text| Ending::Failed(LinkError::Duty { code: "E-LINK-091", text }))?;
                self.writable &= read.is_empty();
                out.extend(read.into_iter().map(|report| Command::Send(FromRunner::Report(report))));
            }
            Done::Catalogue(catalogue) => send(out, FromRunner::Catalogue(catalogue)),
            Done::Schedule(schedule) => send(out, FromRunner::Schedule(schedule)),
            Done::UnderWay(under_way) => send(out, FromRunner::UnderWay(under_way)),
            Done::Progress(all) => all.into_iter().for_each(|one| self.progressed(one, out)),
            Done::Run { request, answer: RunAnswer::Refused(code) } => refuse_run(out, request, code),
            Done::Run { answer: RunAnswer::Queued | RunAnswer::Repeated, .. } => {}
            Done::JournalCheckpoint(note) => self.witness.given(note, now.monotonic_ms),
            Done::Audit(AuditAnswer::Cosigned(note)) => {
                send(out, FromRunner::AuditCosignature(AuditCosignature { note }));
            }
            Done::Audit(AuditAnswer::Fork(seen)) => {
                send(out, FromRunner::AuditForkSeen(seen));
                // A rollback is the graver of the two and is what goes on being said.
                if self.condition != Condition::Rollback {
                    self.condition = Condition::ForkSeen;
                }
                self.say_alive(now, out);
            }
            Done::Audit(AuditAnswer::AskAgain) => {}
            Done::Audit(AuditAnswer::Refused) => {
                return Err(broken("it shows an audit checkpoint that its pinned key did not sign"));
            }
            Done::DrillDownBegun(begun) => self.begun(begun, out),
            Done::Piece { request, piece } => self.piece(request, piece, out),
            Done::Secret { receipt } | Done::Cancelled { receipt } => {
                out.extend(receipt.map(|it| Command::Send(FromRunner::Receipt(it))))
            }
            Done::Receipts(receipts) => {
                self.receipts = receipts.iter().map(|receipt| receipt.envelope.envelope().sha256()).collect();
                out.extend(receipts.into_iter().map(|it| Command::Send(FromRunner::Receipt(it))));
            }
            Done::RenewalPrepared(renew) => {
                self.renewal.sent(now);
                send(out, FromRunner::Renew(renew));
            }
            Done::RenewalAdopted => self.renewal.adopted(now),
            Done::RenewalFailed(error) => {
                self.renewal.failed(now);
                out.push(Command::Note(error));
            }
        }
        Ok(())
    }

    fn nudged(&mut self, nudge: Nudge, now: Moment, out: Out<'_>) -> Step {
        match nudge {
            Nudge::ShutDown => return Err(Ending::ShutDown),
            Nudge::JournalGrew(size) => self.reports.grew(size),
            Nudge::CatalogueChanged => out.push(Command::Do(Work::Catalogue)),
            Nudge::ScheduleChanged => out.push(Command::Do(Work::Schedule)),
            Nudge::UnderWayChanged => self.ask_under_way(out),
            Nudge::CheckpointMade => self.witness.made(now.monotonic_ms),
            Nudge::Progress(progress) => self.progressed(progress, out),
            Nudge::ConditionChanged(condition) if condition != self.condition => {
                self.condition = condition;
                self.say_alive(now, out);
            }
            Nudge::ConditionChanged(_) => {}
        }
        Ok(())
    }

    fn ask_under_way(&self, out: Out<'_>) {
        if self.spoken >= UNDER_WAY {
            out.push(Command::Do(Work::UnderWay));
        }
    }

    /// That a run has ended is said once its result is at the control plane: whoever hears it looks for the result next.
    fn progressed(&mut self, progress: RunProgress, out: Out<'_>) {
        if progress.stage == RunStage::Ended && self.reports.waiting() > 0 {
            self.endings.push_back((self.reports.size(), progress));
        } else {
            send(out, FromRunner::RunProgress(progress));
        }
    }

    fn tell_endings(&mut self, out: Out<'_>) {
        while self.endings.front().is_some_and(|(size, _)| *size <= self.reports.accepted()) {
            let told = self.endings.pop_front();
            out.extend(told.map(|(_, progress)| Command::Send(FromRunner::RunProgress(progress))));
        }
    }

    fn run_requested(&mut self, request: RunRequest, now: Moment, out: Out<'_>) {
        if self.requested.contains(&request.request) {
            return;
        }
        self.requested.push_back(request.request);
        if self.requested.len() > REMEMBERED {
            self.requested.pop_front();
        }
        let refused = if request.epoch != self.epoch {
            Some("E-LINK-040")
        } else if request.expires <= now.wall {
            Some("E-LINK-041")
        } else if self.condition == Condition::Rollback {
            Some("E-LINK-042")
        } else {
            None
        };
        match refused {
            None => out.push(Command::Do(Work::StartRun(request))),
            Some(code) => {
                let code = Code::new(code).expect("a code of this room is a code");
                // A store that was put back is not written to: its checkpoint is the proof.
                if self.condition != Condition::Rollback {
                    out.push(Command::Do(Work::RunRefused { request: request.request, code: code.clone() }));
                }
                refuse_run(out, request.request, code);
            }
        }
    }

    fn begun(&mut self, begun: DrillDownBegun, out: Out<'_>) {
        match begun {
            DrillDownBegun::Refused { receipt } => {
                self.drilldowns.refused();
                out.extend(receipt.map(|it| Command::Send(FromRunner::Receipt(it))));
            }
            DrillDownBegun::Answering(start) => {
                let request = start.request;
                if self.drilldowns.began(request) {
                    send(out, FromRunner::SealedStart(start));
                } else {
                    self.drilldowns.ended(request);
                    out.push(Command::Do(Work::CancelDrillDown(request)));
                }
            }
        }
    }

    fn piece(&mut self, request: RequestId, piece: Piece, out: Out<'_>) {
        let wanted = self.drilldowns.pulled(request);
        let receipt = match piece {
            Piece::Frame(frame) if wanted => {
                self.writable = false;
                send(out, FromRunner::SealedFrame(frame));
                return;
            }
            Piece::Frame(_) => return,
            Piece::Last(frame, receipt) => {
                if wanted {
                    self.writable = false;
                    send(out, FromRunner::SealedFrame(frame));
                }
                Some(receipt)
            }
            Piece::Failed { receipt } => receipt,
        };
        self.drilldowns.ended(request);
        out.extend(receipt.map(|it| Command::Send(FromRunner::Receipt(it))));
    }

    /// Whether the journal continues what the control plane has.
    fn in_order(&self) -> bool {
        self.condition != Condition::Rollback
    }

    fn overdue(&self, now: Moment) -> Step {
        match self.reports.answer_due_ms() {
            Some(due) if now.monotonic_ms >= due => {
                let (awaited, seconds) = ("an acknowledgement of reports", ANSWER_MS / 1000);
                Err(Ending::Failed(LinkError::Silent { awaited, seconds }))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Asks for whatever may be asked for now.
    fn pump(&mut self, now: Moment, out: Out<'_>) {
        if now.monotonic_ms >= self.next_alive_ms {
            self.say_alive(now, out);
        }
        if self.in_order() {
            if self.witness.ask(self.reports.accepted(), now.monotonic_ms) {
                out.push(Command::Do(Work::JournalCheckpoint));
            }
            let shown = self.witness.next_shown(self.reports.accepted());
            out.extend(shown.map(|it| Command::Send(FromRunner::JournalCheckpoint(it))));
        }
        if self.renewal.prepare(now) {
            out.push(Command::Do(Work::PrepareRenewal));
        }
        if let Some(request) = self.drilldowns.next_request() {
            out.push(Command::Do(Work::BeginDrillDown { request, epoch: self.epoch }));
        }
        if self.writable {
            if let Some(request) = self.drilldowns.next_pull() {
                out.push(Command::Do(Work::NextFrame(request)));
            }
            if let Some((from, limit)) = self.reports.next_read() {
                out.push(Command::Do(Work::Reports { from, limit }));
            }
        }
    }

    fn say_alive(&mut self, now: Moment, out: Out<'_>) {
        self.next_alive_ms = now.monotonic_ms + self.alive_ms;
        let alive = Alive { at: now.wall, condition: self.condition, waiting: self.reports.waiting() };
        send(out, FromRunner::Alive(alive));
    }
}

fn send(out: Out<'_>, message: FromRunner) {
    out.push(Command::Send(message));
}

fn refuse_run(out: Out<'_>, request: RequestId, code: Code) {
    let progress = RunProgress { request: Some(request), run: None, stage: RunStage::Refused, code: Some(code) };
    send(out, FromRunner::RunProgress(progress));
}

fn broken(what: impl Into<String>) -> Ending {
    Ending::Failed(LinkError::Protocol { what: what.into() })
}
