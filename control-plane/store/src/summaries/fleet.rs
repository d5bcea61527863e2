//! Runners and what they are due for, a line of each.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::procedure::{MissedDue, ScheduleDue};
use control_plane_domain::runner::{Condition, RunnerLine, RunnerState};
use crypto::Digest;
use ids::{PersonId, RunnerId};
use proof::text::{FreeText, Name};

use crate::StoreError;
use crate::runners::read_state;
use crate::sql::sql;
use crate::tx::Reads;
use crate::value::{Cells, values};

impl Reads {
    /// The first Runners with what pages say of their health, in the order they came.
    pub async fn runner_lines(&self, limit: u32) -> Result<Vec<RunnerLine>, StoreError> {
        let sql = sql!(
            "SELECT runner.runner, label, state, changed, lock_reason, last_seen, connected, condition, overdue_since \
             FROM runner JOIN runner_presence ON runner_presence.tenant = $1 AND runner_presence.runner = runner.runner \
             WHERE runner.tenant = $1 ORDER BY runner.runner LIMIT $2"
        );
        self.all("runner", sql, values![limit], read_line).await
    }

    /// The labels of the first Runners, in the order they came.
    pub async fn runner_labels_first(&self, limit: u32) -> Result<Vec<(RunnerId, FreeText)>, StoreError> {
        let sql = sql!("SELECT runner, label FROM runner WHERE tenant = $1 ORDER BY runner LIMIT $2");
        self.all("runner", sql, values![limit], read_label).await
    }

    /// The labels of these Runners.
    pub async fn runner_labels(
        &self,
        runners: &BTreeSet<RunnerId>,
    ) -> Result<BTreeMap<RunnerId, FreeText>, StoreError> {
        let sql = sql!("SELECT runner, label FROM runner WHERE tenant = $1 AND runner = $2");
        let each = runners.iter().map(|runner| values![runner]).collect();
        Ok(self.all_of_each("runner", sql, each, read_label).await?.into_iter().collect())
    }

    /// The names of the first people, in the order they came.
    pub async fn person_names_first(&self, limit: u32) -> Result<Vec<(PersonId, FreeText)>, StoreError> {
        let sql = sql!("SELECT person, name FROM person WHERE tenant = $1 ORDER BY person LIMIT $2");
        let read = |mut cells: Cells| Ok((cells.take("person")?, cells.take("name")?));
        self.all("person", sql, values![limit], read).await
    }

    /// The names of these people, also of those who are gone.
    pub async fn person_names(&self, people: &BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, FreeText>, StoreError> {
        let sql = sql!("SELECT person, name FROM person WHERE tenant = $1 AND person = $2");
        let each = people.iter().map(|person| values![person]).collect();
        let read = |mut cells: Cells| Ok((cells.take("person")?, cells.take("name")?));
        Ok(self.all_of_each("person", sql, each, read).await?.into_iter().collect())
    }

    /// The procedures that are installed anywhere, each once with a title, by id; at most `limit`.
    pub async fn procedure_titles(&self, limit: u32) -> Result<Vec<(Name, FreeText)>, StoreError> {
        // A thousand Runners may have the same few: each id is entered once, whoever has it.
        let sql = sql!(
            "WITH RECURSIVE known (id) AS (SELECT min(procedure_id) FROM procedure_installed WHERE tenant = $1 \
             UNION ALL SELECT (SELECT min(procedure_id) FROM procedure_installed \
             WHERE tenant = $1 AND procedure_id > known.id) FROM known WHERE known.id IS NOT NULL) \
             SELECT known.id, (SELECT title FROM procedure_installed WHERE tenant = $1 AND procedure_id = known.id \
             ORDER BY runner, digest, notation LIMIT 1) FROM known WHERE known.id IS NOT NULL LIMIT $2"
        );
        let read = |mut cells: Cells| Ok((cells.take("procedure_id")?, cells.take("title")?));
        let mut titles: Vec<(Name, FreeText)> = self.all("procedure_installed", sql, values![limit], read).await?;
        titles.sort();
        Ok(titles)
    }

    /// The titles of these procedures, each as one of the Runners says that have it.
    pub async fn titles_of(&self, procedures: &BTreeSet<Name>) -> Result<BTreeMap<Name, FreeText>, StoreError> {
        let sql = sql!(
            "SELECT procedure_id, title FROM procedure_installed WHERE tenant = $1 AND procedure_id = $2 \
             ORDER BY runner, digest, notation LIMIT 1"
        );
        let each = procedures.iter().map(|procedure| values![procedure]).collect();
        let read = |mut cells: Cells| Ok((cells.take("procedure_id")?, cells.take("title")?));
        Ok(self.all_of_each("procedure_installed", sql, each, read).await?.into_iter().collect())
    }

    /// What of these procedures is installed at these Runners: digest and title; of several versions one.
    pub async fn installed_here(
        &self,
        places: &BTreeSet<(RunnerId, Name)>,
    ) -> Result<BTreeMap<(RunnerId, Name), (Digest, FreeText)>, StoreError> {
        let sql = sql!(
            "SELECT runner, procedure_id, digest, title FROM procedure_installed \
             WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 ORDER BY digest, notation LIMIT 1"
        );
        let each = places.iter().map(|(runner, procedure)| values![runner, procedure]).collect();
        let read = |mut cells: Cells| {
            let place = (cells.take("runner")?, cells.take("procedure_id")?);
            Ok((place, (cells.take("digest")?, cells.take("title")?)))
        };
        Ok(self.all_of_each("procedure_installed", sql, each, read).await?.into_iter().collect())
    }

    /// Id and title of each of these procedures, where it is installed at the Runner named with it.
    pub async fn installed_names(
        &self,
        places: &BTreeSet<(RunnerId, Digest)>,
    ) -> Result<BTreeMap<(RunnerId, Digest), (Name, FreeText)>, StoreError> {
        let sql = sql!(
            "SELECT runner, digest, procedure_id, title FROM procedure_installed \
             WHERE tenant = $1 AND runner = $2 AND digest = $3 ORDER BY notation LIMIT 1"
        );
        let each = places.iter().map(|(runner, digest)| values![runner, digest]).collect();
        let read = |mut cells: Cells| {
            let place = (cells.take("runner")?, cells.take("digest")?);
            Ok((place, (cells.take("procedure_id")?, cells.take("title")?)))
        };
        Ok(self.all_of_each("procedure_installed", sql, each, read).await?.into_iter().collect())
    }

    /// The Runners that have a procedure installed, in the order of their ids; at most `limit`.
    pub async fn runners_with(&self, procedure: &Name, limit: u32) -> Result<BTreeSet<RunnerId>, StoreError> {
        let sql = sql!(
            "SELECT runner FROM procedure_installed WHERE tenant = $1 AND procedure_id = $2 \
             ORDER BY runner, digest, notation LIMIT $3"
        );
        let runners = self.all("procedure_installed", sql, values![procedure, limit], |mut cells| cells.take("runner"));
        Ok(runners.await?.into_iter().collect())
    }

    /// Which of these procedures are overdue somewhere.
    pub async fn overdue_among(&self, procedures: &BTreeSet<Name>) -> Result<BTreeSet<Name>, StoreError> {
        let sql = sql!(
            "SELECT procedure_id FROM schedule_due WHERE tenant = $1 AND procedure_id = $2 \
             AND overdue_since IS NOT NULL LIMIT 1"
        );
        let each = procedures.iter().map(|procedure| values![procedure]).collect();
        let found = self.all_of_each("schedule_due", sql, each, |mut cells| cells.take("procedure_id"));
        Ok(found.await?.into_iter().collect())
    }

    /// What is overdue, the longest first.
    pub async fn overdue(&self, limit: u32) -> Result<Vec<ScheduleDue>, StoreError> {
        let sql = sql!(
            "SELECT runner, procedure_id, next_due, reported, overdue_since FROM schedule_due \
             WHERE tenant = $1 AND overdue_since IS NOT NULL ORDER BY overdue_since, runner, procedure_id LIMIT $2"
        );
        self.all("schedule_due", sql, values![limit], read_due).await
    }

    /// What is due next from this time on.
    pub async fn due_from(&self, time: Timestamp, limit: u32) -> Result<Vec<ScheduleDue>, StoreError> {
        let sql = sql!(
            "SELECT runner, procedure_id, next_due, reported, overdue_since FROM schedule_due \
             WHERE tenant = $1 AND next_due >= $2 AND overdue_since IS NULL ORDER BY next_due, runner, procedure_id \
             LIMIT $3"
        );
        self.all("schedule_due", sql, values![time, limit], read_due).await
    }

    /// When these procedures are due next at these Runners, where it is known.
    pub async fn dues_of(&self, places: &[(RunnerId, Name)]) -> Result<Vec<ScheduleDue>, StoreError> {
        let sql = sql!(
            "SELECT runner, procedure_id, next_due, reported, overdue_since FROM schedule_due \
             WHERE tenant = $1 AND runner = $2 AND procedure_id = $3"
        );
        let each = places.iter().map(|(runner, procedure)| values![runner, procedure]).collect();
        self.all_of_each("schedule_due", sql, each, read_due).await
    }

    /// The newest due times of a procedure at a Runner that were accounted for instead of run.
    pub async fn missed_of(
        &self,
        runner: RunnerId,
        procedure: &Name,
        limit: u32,
    ) -> Result<Vec<MissedDue>, StoreError> {
        let sql = sql!(
            "SELECT runner, procedure_id, due, reason, seq FROM missed_due \
             WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 ORDER BY due DESC, seq DESC LIMIT $4"
        );
        let read = |mut cells: Cells| {
            Ok(MissedDue {
                runner: cells.take("runner")?,
                procedure: cells.take("procedure_id")?,
                due: cells.take("due")?,
                reason: cells.take("reason")?,
                seq: cells.take("seq")?,
            })
        };
        self.all("missed_due", sql, values![runner, procedure, limit], read).await
    }
}

fn read_label(mut cells: Cells) -> Result<(RunnerId, FreeText), StoreError> {
    Ok((cells.take("runner")?, cells.take("label")?))
}

fn read_line(mut cells: Cells) -> Result<RunnerLine, StoreError> {
    let (id, label) = (cells.take("runner")?, cells.take("label")?);
    let state: RunnerState = read_state(&mut cells)?;
    let (last_seen, connected) = (cells.take("last_seen")?, cells.take("connected")?);
    let condition: Option<Condition> = cells.take("condition")?;
    Ok(RunnerLine { id, label, state, last_seen, connected, condition, overdue_since: cells.take("overdue_since")? })
}

fn read_due(mut cells: Cells) -> Result<ScheduleDue, StoreError> {
    Ok(ScheduleDue {
        runner: cells.take("runner")?,
        procedure: cells.take("procedure_id")?,
        next_due: cells.take("next_due")?,
        reported: cells.take("reported")?,
        overdue_since: cells.take("overdue_since")?,
    })
}
