//! Runners and what they are due for, a line of each.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::procedure::{MissedDue, ScheduleDue};
use control_plane_domain::runner::{Condition, RunnerLine, RunnerState};
use ids::{PersonId, RunnerId};
use proof::text::{FreeText, Name};

use crate::StoreError;
use crate::runners::read_state;
use crate::sql::sql;
use crate::tx::Reads;
use crate::value::{Cells, values};

/// Rows of installed procedures that are read at a time to find their ids.
const STRIDE: u32 = 64;

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

    /// The names of these people, also of those who are gone.
    pub async fn person_names(&self, people: &BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, FreeText>, StoreError> {
        let sql = sql!("SELECT person, name FROM person WHERE tenant = $1 AND person = $2");
        let each = people.iter().map(|person| values![person]).collect();
        let read = |mut cells: Cells| Ok((cells.take("person")?, cells.take("name")?));
        Ok(self.all_of_each("person", sql, each, read).await?.into_iter().collect())
    }

    /// The procedures that are installed anywhere, each once with a title, by id; at most `limit`.
    pub async fn procedure_titles(&self, limit: u32) -> Result<Vec<(Name, FreeText)>, StoreError> {
        let sql = sql!(
            "SELECT procedure_id, title FROM procedure_installed WHERE tenant = $1 AND procedure_id > $2 \
             ORDER BY procedure_id, runner, digest, notation LIMIT $3"
        );
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut titles: BTreeMap<Name, FreeText> = BTreeMap::new();
        let mut after = String::new();
        // A thousand Runners may have the same few: after each stride the rest of a procedure's rows is passed over.
        while titles.len() < limit {
            let read = |mut cells: Cells| Ok((cells.take("procedure_id")?, cells.take("title")?));
            let rows: Vec<(Name, FreeText)> =
                self.all("procedure_installed", sql, values![after, STRIDE], read).await?;
            let Some((last, _)) = rows.last() else { break };
            after = last.to_string();
            for (id, title) in rows {
                titles.entry(id).or_insert(title);
            }
        }
        Ok(titles.into_iter().take(limit).collect())
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
