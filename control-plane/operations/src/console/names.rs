//! What people call people and Runners. Whoever sees an id somewhere sees the name as well: a viewer may read who asked
//! for a run without being shown the list of people.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_domain::policy::{Caller, Permission};
use ids::{PersonId, RunnerId};
use proof::text::FreeText;

use crate::{Error, Operations};

/// The names of some people and Runners. Who has no record is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// People, those who were removed too.
    pub people: BTreeMap<PersonId, FreeText>,
    /// Labels of Runners.
    pub runners: BTreeMap<RunnerId, FreeText>,
}

impl Operations {
    /// The names of these people and Runners, as far as they are of this tenant.
    pub async fn names(
        &self,
        caller: &Caller,
        people: &BTreeSet<PersonId>,
        runners: &BTreeSet<RunnerId>,
    ) -> Result<Names, Error> {
        let permit = caller.permit(Permission::RunnersList)?;
        if people.is_empty() && runners.is_empty() {
            return Ok(Names::default());
        }
        let reads = self.store().read(&permit).await?;
        Ok(Names { people: reads.person_names(people).await?, runners: reads.runner_labels(runners).await? })
    }
}
