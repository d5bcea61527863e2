//! Which Runners there are, and how they are.

use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::runner::{Runner, Standing};
use ids::RunnerId;

use crate::{Error, Operations};

impl Operations {
    /// The tenant's Runners, with what they said last.
    pub async fn list_runners(
        &self,
        caller: &Caller,
        standing: Option<Standing>,
        page: &Page,
    ) -> Result<Listed<Runner>, Error> {
        let permit = caller.permit(Permission::RunnersList)?;
        let tx = self.store().read(&permit).await?;
        let runners = tx.runners(standing, page).await?;
        Ok(runners.map(|runner| self.0.presences.refresh(permit.tenant(), runner)))
    }

    /// One Runner.
    pub async fn get_runner(&self, caller: &Caller, runner: RunnerId) -> Result<Runner, Error> {
        let permit = caller.permit(Permission::RunnersList)?;
        let tx = self.store().read(&permit).await?;
        let found = tx.runner(runner).await?.ok_or(Error::NotFound("Runner"))?;
        Ok(self.0.presences.refresh(permit.tenant(), found))
    }
}
