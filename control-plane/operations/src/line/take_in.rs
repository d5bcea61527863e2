//! A batch of checked records meets the journal that is kept: what follows is written, what differs is told.

use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::{Action, AuditRecord};
use control_plane_domain::policy;
use control_plane_domain::procedure::MissedDue;
use control_plane_domain::run::AcceptedReport;
use control_plane_domain::runner::Standing;
use control_plane_store::{JournalTail, Writes};
use ids::{ItemId, RunnerId, TenantId};
use proof::log::ChainError;
use proof::log::journal::JournalRecord;

use super::check_report::{Checked, Unacceptable};
use crate::{Error, Operations};

/// Records of one Runner, each in order as far as it goes alone.
pub(crate) struct Batch {
    pub(super) runner: RunnerId,
    pub(super) checked: Vec<Checked>,
    pub(super) refused: Option<Unacceptable>,
}

impl Batch {
    /// How many records it has.
    pub(super) fn len(&self) -> usize {
        self.checked.len()
    }
}

/// What a batch came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// So many records are kept now; the next one can never be accepted, if so.
    Accepted { accepted: u64, refused: Option<Unacceptable> },
    /// The Runner is not let in any more.
    Standing(Standing),
    /// Another record in the place of one that was accepted, or one that does not name it.
    Forked { evidence: Vec<u8> },
    /// A record that is not the next one, though it says that it is new: the sender lost count.
    Gap,
}

/// Where the records of a batch belong.
enum Place {
    /// These of them are new and follow.
    Follows { tail: JournalTail, from: u64, new: Vec<usize>, refused: Option<Unacceptable> },
    /// They do not.
    Not(Verdict),
}

impl Operations {
    /// Writes what is new in a batch; gives the audit records that belong to it, none when nothing is new.
    pub(super) async fn take_in_one(
        &self,
        writes: &Writes,
        tenant: TenantId,
        batch: &Batch,
    ) -> Result<(Verdict, Vec<AuditRecord>), Error> {
        let runner = batch.runner;
        // Also when their stream has not noticed yet.
        let standing = writes.runner(runner).await?.map_or(Standing::Revoked, |runner| runner.state.standing());
        if standing != Standing::Active {
            return Ok((Verdict::Standing(standing), Vec::new()));
        }
        let (tail, from, new, refused) = match place(writes, batch).await? {
            Place::Follows { tail, from, new, refused } => (tail, from, new, refused),
            Place::Not(verdict) => return Ok((verdict, Vec::new())),
        };
        let (to, head) = (tail.chain().size(), tail.chain().prev());
        let verdict = Verdict::Accepted { accepted: to, refused };
        if to == from {
            return Ok((verdict, Vec::new()));
        }
        let new: Vec<&Checked> = new.iter().filter_map(|index| batch.checked.get(*index)).collect();
        let alarms = self.keep(writes, runner, &new).await?;
        writes.append_journal(tail).await?;
        let permit = policy::runner(tenant, runner);
        let mut records = vec![permit.record(Action::RunnerReported { runner, from, to, head })];
        for alarm in alarms {
            if writes.raise_alarm(&alarm).await? {
                let Alarm { id, kind, runner, subject, .. } = alarm;
                records.push(permit.record(Action::AlarmRaised { alarm: id, kind, runner, subject }));
            }
        }
        Ok((verdict, records))
    }

    /// Writes what the records say, besides the records themselves; gives the alarms that they call for.
    async fn keep(&self, writes: &Writes, runner: RunnerId, new: &[&Checked]) -> Result<Vec<Alarm>, Error> {
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
        let destroyed: Vec<(ItemId, u64)> = new.iter().filter_map(|checked| destroyed(checked)).collect();
        if !destroyed.is_empty() {
            writes.add_destroyed(runner, &destroyed).await?;
        }
        let gaps = new.iter().filter(|checked| matches!(checked.record, JournalRecord::Gap { .. }));
        Ok(gaps
            .map(|gap| {
                let evidence = Some(gap.line.as_str().as_bytes().to_vec());
                Alarm { evidence, ..self.alarm(AlarmKind::Gap, runner) }
            })
            .collect())
    }
}

/// Compares records with the journal that is kept, and takes the new ones in, in memory.
async fn place(writes: &Writes, batch: &Batch) -> Result<Place, Error> {
    let Batch { runner, checked, refused } = batch;
    let mut refused = *refused;
    let mut tail = writes.journal(*runner).await?;
    let from = tail.chain().size();
    let mut new = Vec::with_capacity(checked.len());
    for (index, report) in checked.iter().enumerate() {
        let size = tail.chain().size();
        let line = report.line.as_str();
        let forked = || Place::Not(Verdict::Forked { evidence: line.as_bytes().to_vec() });
        if report.seq > size {
            return Ok(Place::Not(Verdict::Gap));
        }
        if report.seq < size {
            let kept = if report.seq < from {
                writes.journal_line(*runner, report.seq).await?
            } else {
                checked.iter().find(|first| first.seq == report.seq).map(|first| first.line.as_str().to_owned())
            };
            if kept.as_deref() != Some(line) {
                return Ok(forked());
            }
            continue;
        }
        if let Some(code) = unacceptable_run(writes, *runner, report, checked).await? {
            refused = Some(Unacceptable { seq: report.seq, code });
            break;
        }
        match tail.check(line) {
            Ok(_) => new.push(index),
            Err(ChainError::Previous { .. }) => return Ok(forked()),
            Err(ChainError::TimeRunsBack { .. } | ChainError::Malformed { .. } | ChainError::Sequence { .. }) => {
                refused = Some(Unacceptable { seq: report.seq, code: "E-REPORT-009" });
                break;
            }
        }
    }
    // A record that was refused for itself and is not the next one: the sender lost count, or repeats what is not so.
    let size = tail.chain().size();
    if refused.is_some_and(|refused| refused.seq != size) {
        return Ok(Place::Not(Verdict::Gap));
    }
    Ok(Place::Follows { tail, from, new, refused })
}

/// A run belongs to one Runner, and its last word is its last word.
async fn unacceptable_run(
    writes: &Writes,
    runner: RunnerId,
    report: &Checked,
    batch: &[Checked],
) -> Result<Option<&'static str>, Error> {
    let Some(run) = &report.run else { return Ok(None) };
    let id = run.manifest.run.run;
    let earlier_here = batch.iter().take_while(|other| other.seq < report.seq).filter_map(|other| other.run.as_ref());
    let final_here = earlier_here
        .filter(|other| other.manifest.run.run == id)
        .any(|other| other.manifest.run.verdict != verdict::Status::Pending);
    if final_here {
        return Ok(Some("E-REPORT-010"));
    }
    Ok(writes.run(id).await?.and_then(|known| {
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

fn destroyed(checked: &Checked) -> Option<(ItemId, u64)> {
    let JournalRecord::ItemDestroyed { item, .. } = &checked.record else { return None };
    Some((*item, checked.seq))
}
