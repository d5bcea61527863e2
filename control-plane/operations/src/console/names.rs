//! What people call people and Runners. Whoever sees an id somewhere sees the name as well: a viewer may read who asked
//! for a run without being shown the list of people.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_domain::policy::{Caller, Permission};
use crypto::Digest;
use ids::{PersonId, RunnerId};
use proof::text::FreeText;

use super::ProcedureChoice;
use crate::{Error, Operations};

/// The names of some people and Runners. Who has no record is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// People, those who were removed too.
    pub people: BTreeMap<PersonId, FreeText>,
    /// Labels of Runners.
    pub runners: BTreeMap<RunnerId, FreeText>,
}

/// Procedures at Runners, by what they are called there. What is not installed any more is not there.
pub type ProcedureTitles = BTreeMap<(RunnerId, Digest), ProcedureChoice>;

impl Operations {
    /// What these procedures are called at these Runners, where they are installed still.
    pub async fn procedure_titles(
        &self,
        caller: &Caller,
        places: &BTreeSet<(RunnerId, Digest)>,
    ) -> Result<ProcedureTitles, Error> {
        let permit = caller.permit(Permission::ProceduresList)?;
        if places.is_empty() {
            return Ok(ProcedureTitles::new());
        }
        let reads = self.store().read(&permit).await?;
        let named = reads.installed_names(places).await?.into_iter();
        Ok(named.map(|(place, (id, title))| (place, ProcedureChoice { id, title })).collect())
    }

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
