//! What Runners reported, as lists: procedures, checks, findings, evidence items, due times without a run.

use clock::Timestamp;
use control_plane_domain::check_state::CheckState;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::procedure::{InstalledProcedure, MissedDue, ScheduleDue};
use control_plane_domain::run::{CheckFilter, RunItem, RunTally};
use crypto::Digest;
use ids::{ItemId, RunId, RunnerId};
use proof::text::Name;

use crate::{Error, Operations};

impl Operations {
    /// What is installed, at one Runner or at all of them.
    pub async fn list_procedures(
        &self,
        caller: &Caller,
        runner: Option<RunnerId>,
        page: &Page,
    ) -> Result<Listed<InstalledProcedure>, Error> {
        let permit = caller.permit(Permission::ProceduresList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.installed_procedures(runner, page).await?)
    }

    /// A procedure's file, as approved; absent when the Runner's operator withholds it.
    pub async fn procedure_source(
        &self,
        caller: &Caller,
        runner: RunnerId,
        procedure: &Digest,
    ) -> Result<Vec<u8>, Error> {
        let permit = caller.permit(Permission::ProceduresList)?;
        let tx = self.store().read(&permit).await?;
        tx.procedure_source(runner, procedure).await?.ok_or(Error::NotFound("procedure, or its file is withheld"))
    }

    /// The present state of every check.
    pub async fn list_checks(
        &self,
        caller: &Caller,
        filter: &CheckFilter,
        page: &Page,
    ) -> Result<Listed<CheckState>, Error> {
        let permit = caller.permit(Permission::ChecksList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.check_states(filter, page).await?)
    }

    /// What fails, the longest first.
    pub async fn list_findings(
        &self,
        caller: &Caller,
        filter: &CheckFilter,
        page: &Page,
    ) -> Result<Listed<CheckState>, Error> {
        let permit = caller.permit(Permission::FindingsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.findings(filter, page).await?)
    }

    /// The evidence items of a run.
    pub async fn list_items(&self, caller: &Caller, run: RunId, page: &Page) -> Result<Listed<RunItem>, Error> {
        let permit = caller.permit(Permission::ItemsList)?;
        let tx = self.store().read(&permit).await?;
        tx.run(run).await?.ok_or(Error::NotFound("run"))?;
        Ok(tx.run_items(run, page).await?)
    }

    /// One evidence item.
    pub async fn get_item(&self, caller: &Caller, item: ItemId) -> Result<RunItem, Error> {
        let permit = caller.permit(Permission::ItemsList)?;
        let tx = self.store().read(&permit).await?;
        tx.item(item).await?.ok_or(Error::NotFound("evidence item"))
    }

    /// Due times without a run, each with the reason that the Runner recorded.
    pub async fn list_missed(
        &self,
        caller: &Caller,
        runner: Option<RunnerId>,
        page: &Page,
    ) -> Result<Listed<MissedDue>, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.missed_dues(runner, page).await?)
    }

    /// When a Runner's procedures are due next, and since when some of them are overdue.
    pub async fn runner_schedule(&self, caller: &Caller, runner: RunnerId) -> Result<Vec<ScheduleDue>, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        tx.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        Ok(tx.schedule(runner).await?)
    }

    /// How the runs of each day ended.
    pub async fn run_tallies(
        &self,
        caller: &Caller,
        procedure: Option<&Name>,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<RunTally>, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.run_tallies(procedure, from, until).await?)
    }
}
