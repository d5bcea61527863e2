//! Runs, and requests for them.

use clock::Timestamp;
use control_plane_domain::audit::{Action, RequestEnd};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{self, Caller, Permission};
use control_plane_domain::run::{RunDetail, RunFilter, RunReport, RunSummary};
use control_plane_domain::run_request::{RunRequest, RunRequestState};
use ids::{RequestId, RunId, RunnerId, TenantId};

use crate::{Error, Operations};

/// Requests that one sweep looks at.
const BATCH: u32 = 200;

impl Operations {
    /// The tenant's runs, newest first.
    pub async fn list_runs(
        &self,
        caller: &Caller,
        filter: &RunFilter,
        page: &Page,
    ) -> Result<Listed<RunSummary>, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        crate::console::check_runs(filter)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.search_runs(filter, None, page).await?.rows)
    }

    /// A run with everything that its newest report says.
    pub async fn get_run(&self, caller: &Caller, run: RunId) -> Result<RunDetail, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        tx.run_detail(run).await?.ok_or(Error::NotFound("run"))
    }

    /// A run's newest report: manifest and attestation, exact bytes.
    pub async fn run_report(&self, caller: &Caller, run: RunId) -> Result<RunReport, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        tx.newest_report(run).await?.ok_or(Error::NotFound("run"))
    }

    /// One request to run.
    pub async fn get_run_request(&self, caller: &Caller, request: RequestId) -> Result<RunRequest, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        tx.run_request(request).await?.ok_or(Error::NotFound("run request"))
    }

    /// Requests to run, newest first.
    pub async fn list_run_requests(
        &self,
        caller: &Caller,
        runner: Option<RunnerId>,
        page: &Page,
    ) -> Result<Listed<RunRequest>, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        Ok(tx.run_requests(runner, page).await?)
    }

    /// Ends the requests of a tenant that nobody took in time; how many.
    pub(crate) async fn sweep_run_requests(&self, tenant: TenantId, now: Timestamp) -> Result<u64, Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().read(&permit).await?;
        let late = tx.run_requests_expired_by(now, BATCH).await?;
        drop(tx);
        let mut ended = 0;
        for request in late {
            let tx = self.store().write(&permit).await?;
            // Looked at again where nobody else can change it.
            let Some(known) = tx.run_request(request.id).await? else { continue };
            if known.state != RunRequestState::Waiting {
                continue;
            }
            tx.set_run_request_state(request.id, &RunRequestState::Expired { at: now }).await?;
            let end = RequestEnd::Expired;
            let action = Action::RunRequestAnswered { request: request.id, end, run: None, code: None };
            tx.commit(&permit.record(action)).await?;
            ended += 1;
        }
        Ok(ended)
    }
}
