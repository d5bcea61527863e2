//! What fails, since when, and what to do about it.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_domain::check_state::CheckState;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::standing::{FindingFilter, SeverityCounts};
use control_plane_store::Reads;
use crypto::Digest;
use ids::RunnerId;
use proof::text::Name;

use super::controls::{Served, of_alone, of_check};
use super::refs::Labels;
use super::texts::Text;
use super::{AtRunner, Choices, ControlRef};
use crate::{Error, Operations};

/// Files that are looked through for controls; as many as are kept in memory.
pub(super) const FILES: u32 = 512;

/// A page of findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingsPage {
    /// Findings, in the filter's order.
    pub rows: Listed<FindingRow>,
    /// All open ones, whatever the filter.
    pub counts: SeverityCounts,
    /// What the filters can choose from.
    pub choices: Choices,
    /// Controls to choose from, sorted.
    pub controls: Vec<ControlRef>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// The check, since when it fails, and the run that says so.
    pub state: CheckState,
    /// Where.
    pub runner: AtRunner,
    /// The digest of the procedure's newest complete run there: the page of the procedure.
    pub digest: Option<Digest>,
    /// The procedure's title.
    pub procedure_title: Option<String>,
    /// What holds if the check passes.
    pub title: Option<String>,
    /// What to do.
    pub fix: Option<String>,
    /// What the check serves, its procedure's controls among it.
    pub controls: Vec<ControlRef>,
    /// What the check serves by itself.
    pub own: Vec<ControlRef>,
}

impl Operations {
    /// Open findings; with `control`, those of the checks that serve it.
    pub async fn findings_page(
        &self,
        caller: &Caller,
        filter: &FindingFilter,
        control: Option<&ControlRef>,
        page: &Page,
    ) -> Result<FindingsPage, Error> {
        let permit = caller.permit(Permission::FindingsList)?;
        let tx = self.store().read(&permit).await?;
        let served = self.served(&tx).await?;
        let among: Option<Vec<(Name, Option<Name>)>> = control.map(|control| served.among(control));
        let Listed { items, next } = tx.findings_by(filter, among.as_deref(), page).await?;
        let labels = Labels::read(&tx, items.iter().map(|state| state.runner)).await?;
        let newest = Newest::read(&tx, &items).await?;
        let texts = self.texts_of(&tx, newest.files()).await?;
        Ok(FindingsPage {
            rows: Listed { items: finding_rows(&labels, &newest, &texts, items)?, next },
            counts: tx.standing_counts().await?.findings,
            choices: Choices::read(&tx).await?,
            controls: served.controls().cloned().collect(),
        })
    }

    /// Which checks of what is installed serve which control.
    pub(super) async fn served(&self, reads: &Reads) -> Result<Served, Error> {
        let files = reads.installed_texts(FILES).await?;
        let mut served = Served::default();
        for text in self.texts_installed(reads, &files).await?.values() {
            if let Some(procedure) = text.procedure() {
                served.take(procedure);
            }
        }
        Ok(served)
    }
}

/// The newest complete runs of the procedures of findings: in their files stands what a check is about.
#[derive(Debug, Default)]
pub(super) struct Newest(BTreeMap<(RunnerId, Name), Digest>);

impl Newest {
    pub(super) async fn read(reads: &Reads, states: &[CheckState]) -> Result<Self, Error> {
        let places: BTreeSet<(RunnerId, Name)> =
            states.iter().map(|state| (state.runner, state.procedure.clone())).collect();
        if places.is_empty() {
            return Ok(Self::default());
        }
        let places: Vec<_> = places.into_iter().collect();
        let newest = reads.procedure_states(&places).await?.into_iter();
        Ok(Self(newest.map(|state| ((state.runner, state.procedure), state.digest)).collect()))
    }

    pub(super) fn files(&self) -> BTreeSet<Digest> {
        self.0.values().copied().collect()
    }
}

/// Findings, with what is written in the files of their procedures.
pub(super) fn finding_rows(
    labels: &Labels,
    newest: &Newest,
    texts: &BTreeMap<Digest, Text>,
    states: Vec<CheckState>,
) -> Result<Vec<FindingRow>, Error> {
    let row = |state: CheckState| {
        let digest = newest.0.get(&(state.runner, state.procedure.clone())).copied();
        let procedure = digest.and_then(|digest| texts.get(&digest)).and_then(Text::procedure);
        let check = procedure.and_then(|procedure| Some((procedure, procedure.check(state.check.as_str())?)));
        Ok(FindingRow {
            runner: labels.at(state.runner)?,
            digest,
            procedure_title: procedure.map(|procedure| procedure.title.clone()),
            title: check.map(|(_, check)| check.title.clone()),
            fix: check.and_then(|(_, check)| check.fix.clone()),
            controls: check.map(|(procedure, check)| of_check(procedure, check)).unwrap_or_default(),
            own: check.map(|(_, check)| of_alone(check)).unwrap_or_default(),
            state,
        })
    };
    states.into_iter().map(row).collect()
}
