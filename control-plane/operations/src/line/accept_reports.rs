//! Records of a Runner's journal are taken in, in order, exactly once.
//!
//! Exactly once needs no memory of messages: the log itself says which record comes next, and by which hash. A record
//! that is there already is compared and acknowledged again; another one in its place is a second history.

use contract::identity::RunnerName;
use contract::{Accepted, FromControlPlane, Report, ReportRefused, StopReason};
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::procedure::MissedDue;
use control_plane_domain::run::AcceptedReport;
use control_plane_domain::runner::{LockReason, Standing};
use control_plane_store::{JournalTail, WriteTx, Writes};
use ids::{AlarmId, RunnerId};
use proof::log::ChainError;
use proof::log::journal::JournalRecord;
use proof::text::Name;

use super::check_report::{Checked, Unacceptable, check};
use super::{LineError, Session};
use crate::runners::stable;
use crate::{Error, Operations};

/// What a batch comes to, before anything is written.
enum Outcome {
    /// These of the records are new and follow.
    Follows { tail: JournalTail, from: u64, new: Vec<usize>, refused: Option<Unacceptable> },
    /// Another record in the place of one that was accepted, or one that does not name it.
    Forked { evidence: Vec<u8> },
    /// A record that is not the next one, though it says that it is new: the sender lost count.
    Gap,
}

impl Operations {
    pub(super) async fn accept_reports(
        &self,
        session: &mut Session,
        mut reports: Vec<Report>,
    ) -> Result<Vec<FromControlPlane>, LineError> {
        if let Some(refused_from) = session.refused_from {
            reports.retain(|report| report.seq < refused_from);
        }
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let (name, key) = (session.name, session.attestation_key);
        // Signatures take their time; other sessions go on meanwhile.
        let checked = tokio::task::spawn_blocking(move || check(reports, name, &key)).await;
        let (checked, refused) = checked.map_err(|_| LineError::stop(StopReason::Busy, "E-LINE-012"))?;

        let RunnerName { tenant, runner } = name;
        let permit = session.permit();
        let tx = self.store().write(&permit).await?;
        check_standing(&tx, runner).await?;
        let (tail, from, new, refused) = match compare(&tx, runner, &checked, refused).await? {
            Outcome::Follows { tail, from, new, refused } => (tail, from, new, refused),
            Outcome::Gap => return Err(LineError::protocol("E-LINE-013")),
            Outcome::Forked { evidence } => {
                drop(tx);
                self.lock_runner(tenant, runner, LockReason::JournalForked, Some(evidence)).await?;
                return Err(LineError::stop(StopReason::Locked, "E-LINE-014"));
            }
        };
        let (to, head) = (tail.chain().size(), tail.chain().prev());
        if to > from {
            let new: Vec<&Checked> = new.iter().filter_map(|index| checked.get(*index)).collect();
            let alarms = self.keep(&tx, runner, &new).await?;
            tx.append_journal(tail).await?;
            let action = Action::RunnerReported { runner, from, to, head };
            self.commit_with_alarms(tx, &permit, action, alarms).await?;
        } else {
            drop(tx);
        }
        let mut answer = vec![FromControlPlane::Accepted(Accepted { accepted: to })];
        if let Some(refused) = refused {
            answer.push(self.refuse_report(session, refused).await?);
        }
        if session.checkpoint_ahead.is_some() {
            answer.extend(self.cosign_when_accepted(session, to).await?);
        }
        Ok(answer)
    }

    /// Writes what the records say, besides the records themselves; gives the alarms that they call for.
    async fn keep(&self, writes: &Writes, runner: RunnerId, new: &[&Checked]) -> Result<Vec<Alarm>, LineError> {
        let at = self.now();
        let reports: Vec<AcceptedReport<'_>> = new
            .iter()
            .filter_map(|checked| checked.run.as_ref().map(|run| (checked.seq, run)))
            .map(|(seq, run)| AcceptedReport {
                seq,
                manifest: &run.manifest,
                manifest_bytes: &run.manifest_bytes,
                attestation: &run.attestation,
                at,
            })
            .collect();
        if !reports.is_empty() {
            writes.accept_reports(&reports).await?;
        }
        let missed: Vec<MissedDue> = new.iter().filter_map(|checked| missed(runner, checked)).collect();
        if !missed.is_empty() {
            writes.add_missed(&missed).await?;
        }
        let gaps = new.iter().filter(|checked| matches!(checked.record, JournalRecord::Gap { .. }));
        Ok(gaps.map(|gap| self.gap_alarm(runner, gap.line.as_str())).collect())
    }

    async fn commit_with_alarms(
        &self,
        tx: WriteTx,
        permit: &control_plane_domain::policy::Permit,
        action: Action,
        alarms: Vec<Alarm>,
    ) -> Result<(), LineError> {
        if alarms.is_empty() {
            tx.commit(&permit.record(action)).await?;
            return Ok(());
        }
        let (mut logged, _) = tx.log(&permit.record(action)).await?;
        for alarm in alarms {
            if logged.raise_alarm(&alarm).await? {
                let Alarm { id, kind, runner, subject, .. } = alarm;
                logged.log(&permit.record(Action::AlarmRaised { alarm: id, kind, runner, subject })).await?;
            }
        }
        logged.commit().await?;
        Ok(())
    }

    /// Nothing is skipped: a record that can never be accepted ends what is accepted of this journal, until an
    /// administrator has looked. The session stays, so that the Runner can be asked about it.
    async fn refuse_report(
        &self,
        session: &mut Session,
        Unacceptable { seq, code }: Unacceptable,
    ) -> Result<FromControlPlane, LineError> {
        session.refused_from = Some(seq);
        let runner = session.name.runner;
        let permit = session.permit();
        let name: Name = code.parse().map_err(|why| Error::invalid("code", why))?;
        let alarm = Alarm { subject: Some(name.clone()), ..self.alarm(AlarmKind::ReportRefused, runner) };
        let tx = self.store().write(&permit).await?;
        if tx.raise_alarm(&alarm).await? {
            let action = Action::RunnerReportRefused { runner, record: seq, code: name, alarm: Some(alarm.id) };
            tx.commit(&permit.record(action)).await?;
        }
        tracing::warn!(tenant = %session.name.tenant, %runner, seq, code, "a report can never be accepted");
        Ok(FromControlPlane::ReportRefused(ReportRefused { seq, code: stable(code) }))
    }

    fn gap_alarm(&self, runner: RunnerId, line: &str) -> Alarm {
        Alarm { evidence: Some(line.as_bytes().to_vec()), ..self.alarm(AlarmKind::Gap, runner) }
    }

    /// A fresh alarm about a Runner.
    pub(super) fn alarm(&self, kind: AlarmKind, runner: RunnerId) -> Alarm {
        let (ms, random) = self.fresh();
        let id = AlarmId::from_parts(ms, random);
        let runner = Some(runner);
        Alarm { id, kind, runner, subject: None, opened: self.now(), evidence: None, acknowledged: None }
    }
}

/// Revoked and locked Runners report nothing more, also when their stream has not noticed yet.
async fn check_standing(tx: &WriteTx, runner: RunnerId) -> Result<(), LineError> {
    match tx.runner(runner).await?.map(|runner| runner.state.standing()) {
        Some(Standing::Active) => Ok(()),
        Some(Standing::Locked) => Err(LineError::stop(StopReason::Locked, "E-LINE-004")),
        Some(Standing::Pending | Standing::Revoked) | None => Err(LineError::stop(StopReason::Revoked, "E-LINE-003")),
    }
}

/// Compares records with the journal that is kept, and takes the new ones in, in memory.
async fn compare(
    tx: &WriteTx,
    runner: RunnerId,
    checked: &[Checked],
    mut refused: Option<Unacceptable>,
) -> Result<Outcome, LineError> {
    let mut tail = tx.journal(runner).await?;
    let from = tail.chain().size();
    let mut new = Vec::with_capacity(checked.len());
    for (index, report) in checked.iter().enumerate() {
        let size = tail.chain().size();
        if report.seq > size {
            return Ok(Outcome::Gap);
        }
        if report.seq < size {
            let kept = if report.seq < from {
                tx.journal_line(runner, report.seq).await?
            } else {
                checked.iter().find(|first| first.seq == report.seq).map(|first| first.line.as_str().to_owned())
            };
            if kept.as_deref() != Some(report.line.as_str()) {
                return Ok(Outcome::Forked { evidence: report.line.as_str().as_bytes().to_vec() });
            }
            continue;
        }
        if let Some(code) = unacceptable_run(tx, runner, report, checked).await? {
            refused = Some(Unacceptable { seq: report.seq, code });
            break;
        }
        match tail.check(report.line.as_str()) {
            Ok(_) => new.push(index),
            Err(ChainError::Previous { .. }) => {
                return Ok(Outcome::Forked { evidence: report.line.as_str().as_bytes().to_vec() });
            }
            Err(ChainError::TimeRunsBack { .. } | ChainError::Malformed { .. } | ChainError::Sequence { .. }) => {
                refused = Some(Unacceptable { seq: report.seq, code: "E-REPORT-009" });
                break;
            }
        }
    }
    // A record that was refused for itself and is not the next one: the sender lost count, or repeats what is not so.
    let size = tail.chain().size();
    if refused.is_some_and(|refused| refused.seq != size) {
        return Ok(Outcome::Gap);
    }
    Ok(Outcome::Follows { tail, from, new, refused })
}

/// A run belongs to one Runner, and its last word is its last word.
async fn unacceptable_run(
    tx: &WriteTx,
    runner: RunnerId,
    report: &Checked,
    batch: &[Checked],
) -> Result<Option<&'static str>, LineError> {
    let Some(run) = &report.run else { return Ok(None) };
    let id = run.manifest.run.run;
    let earlier_here = batch.iter().take_while(|other| other.seq < report.seq).filter_map(|other| other.run.as_ref());
    let final_here = earlier_here
        .filter(|other| other.manifest.run.run == id)
        .any(|other| other.manifest.run.verdict != verdict::Status::Pending);
    if final_here {
        return Ok(Some("E-REPORT-010"));
    }
    Ok(tx.run(id).await?.and_then(|known| {
        if known.runner != runner { Some("E-REPORT-011") } else { known.is_final().then_some("E-REPORT-010") }
    }))
}

fn missed(runner: RunnerId, checked: &Checked) -> Option<MissedDue> {
    let JournalRecord::DueMissed { procedure, due, reason } = &checked.record else { return None };
    // The vocabulary of reasons is the journal's; its word is a name.
    let word = serde_json::to_value(reason).ok()?;
    let reason = word.as_str()?.parse().ok()?;
    Some(MissedDue { runner, procedure: procedure.clone(), due: *due, reason, seq: checked.seq })
}
