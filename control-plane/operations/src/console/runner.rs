//! Runners as their pages show them: with certificates, logs, procedures and what was missed.

use clock::Timestamp;
use control_plane_domain::alarm::Alarm;
use control_plane_domain::audit_log::AuditCosignature;
use control_plane_domain::journal::JournalCheckpoint;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::procedure::{InstalledProcedure, MissedDue, ScheduleDue};
use control_plane_domain::runner::{CertificateState, Runner, RunnerCertificate, Standing};
use ids::RunnerId;

use crate::{Error, Operations};

/// Missed due times that a Runner's page shows.
const MISSED: u32 = 20;

/// Open alarms that a Runner's page shows.
const ALARMS: u32 = 200;

/// A Runner of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerRow {
    /// The Runner.
    pub runner: Runner,
    /// When the certificate in use ends; `None` before the first was used.
    pub certificate_until: Option<Timestamp>,
}

/// A Runner with what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerPage {
    /// The Runner.
    pub runner: Runner,
    /// Since when it has had a session without a break; `None` where it has none, or has it with another process.
    pub connected_since: Option<Timestamp>,
    /// The certificate in use.
    pub certificate: Option<RunnerCertificate>,
    /// The one that was issued and is not used yet.
    pub next_certificate: Option<RunnerCertificate>,
    /// Records of its journal that were accepted.
    pub journal_size: u64,
    /// The newest checkpoint of them, with both signatures.
    pub journal_checkpoint: Option<JournalCheckpoint>,
    /// The newest checkpoint of the audit log that the Runner said it keeps.
    pub audit_kept: Option<AuditCosignature>,
    /// What its operator installed, up to 200.
    pub procedures: Vec<InstalledProcedure>,
    /// Whether there are more.
    pub more_procedures: bool,
    /// When they are due.
    pub schedule: Vec<ScheduleDue>,
    /// The newest due times without a run.
    pub missed: Vec<MissedDue>,
    /// Alarms about it that nobody acknowledged, newest first; `None` for a person who may not see alarms.
    pub open_alarms: Option<Vec<Alarm>>,
}

impl Operations {
    /// The tenant's Runners, with what they said last and when their certificates end.
    pub async fn runner_rows(
        &self,
        caller: &Caller,
        standing: Option<Standing>,
        page: &Page,
    ) -> Result<Listed<RunnerRow>, Error> {
        let permit = caller.permit(Permission::RunnersList)?;
        let reads = self.store().read(&permit).await?;
        let runners = reads.runners(standing, page).await?;
        let until = reads.certificates_until(runners.items.iter().map(|runner| runner.id)).await?;
        Ok(runners.map(|runner| RunnerRow {
            certificate_until: until.get(&runner.id).copied(),
            runner: self.0.presences.refresh(permit.tenant(), runner),
        }))
    }

    /// One Runner.
    pub async fn runner_page(&self, caller: &Caller, runner: RunnerId) -> Result<RunnerPage, Error> {
        let permit = caller.permit(Permission::RunnersList)?;
        let reads = self.store().read(&permit).await?;
        let found = reads.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        let open_alarms =
            if caller.may(Permission::AlarmsList) { Some(reads.open_alarms_of(runner, ALARMS).await?) } else { None };
        let procedures = reads.installed_procedures(Some(runner), &Page::first()).await?;
        let newest = Page::new(None, MISSED).map_err(|why| Error::invalid("limit", why))?;
        let connected_since = self.0.presences.connected_since(permit.tenant(), runner);
        Ok(RunnerPage {
            connected_since,
            certificate: reads.certificate_in(runner, CertificateState::Current).await?,
            next_certificate: reads.certificate_in(runner, CertificateState::Next).await?,
            journal_size: reads.journal(runner).await?.chain().size(),
            journal_checkpoint: reads.journal_checkpoint(runner).await?,
            audit_kept: reads.audit_kept_by(runner).await?,
            more_procedures: procedures.next.is_some(),
            procedures: procedures.items,
            schedule: reads.schedule(runner).await?,
            missed: reads.missed_dues(Some(runner), &newest).await?.items,
            open_alarms,
            runner: self.0.presences.refresh(permit.tenant(), found),
        })
    }
}
