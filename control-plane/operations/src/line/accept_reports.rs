//! Records of a Runner's journal are taken in, in order, exactly once.
//!
//! Exactly once needs no memory of messages: the log itself says which record comes next, and by which hash. A record
//! that is there already is compared and acknowledged again; another one in its place is a second history.

use contract::{Accepted, FromControlPlane, Report, ReportRefused, StopReason};
use control_plane_domain::alarm::{Alarm, AlarmKind};
use control_plane_domain::audit::Action;
use control_plane_domain::runner::{LockReason, Standing};
use ids::{AlarmId, RunnerId};
use proof::text::Name;

use super::check_report::{Unacceptable, check};
use super::take_in::{Batch, Verdict};
use super::{LineError, Session};
use crate::runners::stable;
use crate::{Error, Operations};

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
        let batch = Batch { runner: name.runner, checked, refused };
        let (accepted, refused) = match self.take_in(name.tenant, batch).await? {
            Verdict::Accepted { accepted, refused } => (accepted, refused),
            Verdict::Standing(Standing::Locked) => return Err(LineError::stop(StopReason::Locked, "E-LINE-004")),
            Verdict::Standing(_) => return Err(LineError::stop(StopReason::Revoked, "E-LINE-003")),
            Verdict::Gap => return Err(LineError::protocol("E-LINE-013")),
            Verdict::Forked { evidence } => {
                self.lock_runner(name.tenant, name.runner, LockReason::JournalForked, Some(evidence)).await?;
                return Err(LineError::stop(StopReason::Locked, "E-LINE-014"));
            }
        };
        let mut answer = vec![FromControlPlane::Accepted(Accepted { accepted })];
        if let Some(refused) = refused {
            answer.push(self.refuse_report(session, refused).await?);
        }
        if session.checkpoint_ahead.is_some() {
            answer.extend(self.cosign_when_accepted(session, accepted).await?);
        }
        Ok(answer)
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

    /// A fresh alarm about a Runner.
    pub(super) fn alarm(&self, kind: AlarmKind, runner: RunnerId) -> Alarm {
        let (ms, random) = self.fresh();
        let id = AlarmId::from_parts(ms, random);
        let runner = Some(runner);
        Alarm { id, kind, runner, subject: None, opened: self.now(), evidence: None, acknowledged: None }
    }
}
