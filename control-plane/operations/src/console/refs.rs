//! Runners and people by the names that people know, and what a filter can choose from.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_domain::runner::RunnerLine;
use control_plane_store::Reads;
use crypto::Digest;
use ids::{PersonId, RunnerId};
use proof::text::{FreeText, Name};

use crate::Error;

/// How many a form offers to choose from.
const CHOICES: u32 = 200;

/// A Runner, and what people call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtRunner {
    /// Which.
    pub id: RunnerId,
    /// Its label.
    pub label: FreeText,
}

/// A person, and what people call them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRef {
    /// Who.
    pub id: PersonId,
    /// Their name; `None` when there is no record of them.
    pub name: Option<FreeText>,
}

/// A procedure to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureChoice {
    /// Its id.
    pub id: Name,
    /// Its title, as one of the Runners that have it says.
    pub title: FreeText,
}

/// What the filters of a list can choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// Runners, by label.
    pub runners: Vec<AtRunner>,
    /// Whether there are more.
    pub more_runners: bool,
    /// Procedures, by id.
    pub procedures: Vec<ProcedureChoice>,
    /// Whether there are more.
    pub more_procedures: bool,
}

impl Choices {
    pub(super) async fn read(reads: &Reads) -> Result<Self, Error> {
        let (mut runners, more_runners) = short(reads.runner_labels_first(CHOICES + 1).await?);
        runners.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
        let (procedures, more_procedures) = short(reads.procedure_titles(CHOICES + 1).await?);
        Ok(Self {
            runners: runners.into_iter().map(|(id, label)| AtRunner { id, label }).collect(),
            more_runners,
            procedures: procedures.into_iter().map(|(id, title)| ProcedureChoice { id, title }).collect(),
            more_procedures,
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

/// The labels of some Runners.
#[derive(Debug, Default)]
pub(super) struct Labels(BTreeMap<RunnerId, FreeText>);

impl Labels {
    pub(super) async fn read(reads: &Reads, runners: impl IntoIterator<Item = RunnerId>) -> Result<Self, Error> {
        let runners: BTreeSet<RunnerId> = runners.into_iter().collect();
        Ok(Self(reads.runner_labels(&runners).await?))
    }

    /// The same, where the lines of the first Runners are at hand: only those beyond them are read.
    pub(super) async fn beside(
        reads: &Reads,
        lines: &[RunnerLine],
        runners: impl IntoIterator<Item = RunnerId>,
    ) -> Result<Self, Error> {
        let mut labels: BTreeMap<_, _> = lines.iter().map(|line| (line.id, line.label.clone())).collect();
        let others: BTreeSet<RunnerId> = runners.into_iter().filter(|runner| !labels.contains_key(runner)).collect();
        if !others.is_empty() {
            labels.extend(reads.runner_labels(&others).await?);
        }
        Ok(Self(labels))
    }

    /// Every row that names a Runner refers to one that is there.
    pub(super) fn at(&self, id: RunnerId) -> Result<AtRunner, Error> {
        let label = self.0.get(&id).ok_or(Error::NotFound("Runner"))?;
        Ok(AtRunner { id, label: label.clone() })
    }
}

/// What is installed of some procedures at some Runners, for rows that name a procedure by its id.
#[derive(Debug, Default)]
pub(super) struct Here(BTreeMap<(RunnerId, Name), (Digest, FreeText)>);

impl Here {
    pub(super) async fn read<'a>(
        reads: &Reads,
        places: impl IntoIterator<Item = (RunnerId, &'a Name)>,
    ) -> Result<Self, Error> {
        let places: BTreeSet<_> = places.into_iter().map(|(runner, procedure)| (runner, procedure.clone())).collect();
        if places.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self(reads.installed_here(&places).await?))
    }

    /// Title and digest, where it is installed still.
    pub(super) fn at(&self, runner: RunnerId, procedure: &Name) -> (Option<FreeText>, Option<Digest>) {
        let found = self.0.get(&(runner, procedure.clone()));
        found.map(|(digest, title)| (title.clone(), *digest)).unzip()
    }
}

/// The names of some people.
#[derive(Debug, Default)]
pub(super) struct People(BTreeMap<PersonId, FreeText>);

impl People {
    pub(super) async fn read(reads: &Reads, people: impl IntoIterator<Item = PersonId>) -> Result<Self, Error> {
        let people: BTreeSet<PersonId> = people.into_iter().collect();
        Ok(Self(reads.person_names(&people).await?))
    }

    pub(super) fn of(&self, id: PersonId) -> PersonRef {
        PersonRef { id, name: self.0.get(&id).cloned() }
    }
}
