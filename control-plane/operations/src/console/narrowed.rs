//! Lists that a form narrows, with the people and Runners that it offers to choose from.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_domain::alarm::AlarmFilter;
use control_plane_domain::drilldown::{DrillDown, DrillDownFilter};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::secret::{ConnectorSecret, SecretFilter};
use control_plane_store::Reads;
use ids::RunId;

use super::{AlarmRow, AtRunner, PersonRef};
use crate::{Error, Operations};

/// How many a form offers to choose from.
const CHOICES: u32 = 200;

/// People and Runners to choose from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whom {
    /// People, by name.
    pub people: Vec<PersonRef>,
    /// Whether there are more.
    pub more_people: bool,
    /// Runners, by label.
    pub runners: Vec<AtRunner>,
    /// Whether there are more.
    pub more_runners: bool,
}

/// A page of the list of alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmsPage {
    /// The alarms, newest first.
    pub rows: Listed<AlarmRow>,
    /// Runners to choose from.
    pub whom: Whom,
}

/// A page of the list of drill-downs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillDownsPage {
    /// The drill-downs, newest first.
    pub rows: Listed<DrillDown>,
    /// What was run in the runs that they look into: the procedure's title, its id where it is installed nowhere any more.
    pub titles: BTreeMap<RunId, String>,
    /// People and Runners to choose from.
    pub whom: Whom,
}

/// A page of the list of secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsPage {
    /// The secrets, newest first.
    pub rows: Listed<ConnectorSecret>,
    /// Runners to choose from.
    pub whom: Whom,
}

impl Operations {
    /// Secrets that fit, newest first, with the Runners to choose from.
    pub async fn secrets_page(
        &self,
        caller: &Caller,
        filter: &SecretFilter,
        page: &Page,
    ) -> Result<SecretsPage, Error> {
        let permit = caller.permit(Permission::SecretsList)?;
        let reads = self.store().read(&permit).await?;
        Ok(SecretsPage { rows: reads.connector_secrets(filter, page).await?, whom: Whom::read(&reads, false).await? })
    }

    /// Alarms that fit, newest first, with the Runners to choose from.
    pub async fn alarms_page(&self, caller: &Caller, filter: &AlarmFilter, page: &Page) -> Result<AlarmsPage, Error> {
        let permit = caller.permit(Permission::AlarmsList)?;
        let reads = self.store().read(&permit).await?;
        let Listed { items, next } = reads.alarms_by(filter, page).await?;
        let rows = Listed { items: AlarmRow::read(&reads, items).await?, next };
        Ok(AlarmsPage { rows, whom: Whom::read(&reads, false).await? })
    }

    /// Drill-downs that fit, newest first, with what they look into and whom to choose from.
    pub async fn drilldowns_page(
        &self,
        caller: &Caller,
        filter: &DrillDownFilter,
        page: &Page,
    ) -> Result<DrillDownsPage, Error> {
        let permit = caller.permit(Permission::DrillDownsList)?;
        let reads = self.store().read(&permit).await?;
        let rows = reads.drilldowns_by(filter, page).await?;
        let runs: BTreeSet<RunId> = rows.items.iter().map(|drilldown| drilldown.run).collect();
        let procedures = reads.procedures_of_runs(&runs).await?;
        let titles = reads.titles_of(&procedures.values().cloned().collect()).await?;
        let named = procedures.into_iter().map(|(run, procedure)| {
            let title = titles.get(&procedure).map_or_else(|| procedure.to_string(), ToString::to_string);
            (run, title)
        });
        Ok(DrillDownsPage { titles: named.collect(), whom: Whom::read(&reads, true).await?, rows })
    }
}

impl Whom {
    async fn read(reads: &Reads, with_people: bool) -> Result<Self, Error> {
        let (mut runners, more_runners) = short(reads.runner_labels_first(CHOICES + 1).await?);
        runners.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
        let people = if with_people { reads.person_names_first(CHOICES + 1).await? } else { Vec::new() };
        let (mut people, more_people) = short(people);
        people.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
        Ok(Self {
            people: people.into_iter().map(|(id, name)| PersonRef { id, name: Some(name) }).collect(),
            more_people,
            runners: runners.into_iter().map(|(id, label)| AtRunner { id, label }).collect(),
            more_runners,
        })
    }
}

/// As many as are offered, and whether there are more.
fn short<T>(mut all: Vec<T>) -> (Vec<T>, bool) {
    let limit = usize::try_from(CHOICES).unwrap_or(usize::MAX);
    let more = all.len() > limit;
    all.truncate(limit);
    (all, more)
}
