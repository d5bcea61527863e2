//! The runs that a Runner works at now. A later word replaces this one, so it waits in memory with the signs of life and
//! goes to the database with them.

use contract::{FromControlPlane, UnderWay};
use control_plane_domain::run::RunUnderWay;

use super::{LineError, Session};
use crate::Operations;

impl Operations {
    pub(super) fn under_way(&self, session: &Session, message: UnderWay) -> Result<Vec<FromControlPlane>, LineError> {
        let (runner, heard) = (session.name.runner, self.now());
        let mut runs: Vec<RunUnderWay> = message
            .runs
            .into_iter()
            .map(|said| RunUnderWay {
                run: said.run,
                runner,
                procedure: said.procedure,
                digest: said.digest,
                // No run began after its Runner spoke of it; a clock that is ahead puts it before no other.
                began: said.began.min(heard),
                step: said.step,
                done: said.done,
                steps: said.steps,
                heard,
            })
            .collect();
        runs.sort_by_key(|under_way| under_way.run);
        if !runs.is_sorted_by(|a, b| a.run < b.run) {
            return Err(LineError::protocol("E-LINE-023"));
        }
        let tenant = session.name.tenant;
        if self.0.sessions.is_live(tenant, runner, session.id) {
            self.0.presences.put_runs(tenant, runner, runs);
        }
        Ok(Vec::new())
    }
}
