//! What Runners say is installed, when it is due, and when it was not run.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::procedure::{InstalledProcedure, MissedDue, ReportedProcedure, ScheduleDue};
use crypto::Digest;
use ids::RunnerId;
use proof::text::Name;

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{After, Reads, Writes};
use crate::value::{Cells, Value, values};

impl Reads {
    /// What is installed, at one Runner or at all, by procedure.
    pub async fn installed_procedures(
        &self,
        runner: Option<RunnerId>,
        page: &Page,
    ) -> Result<Listed<InstalledProcedure>, StoreError> {
        self.installed_by(runner, None, page).await
    }

    /// What is installed: at one Runner or at all, of one procedure or of all; by procedure.
    pub async fn installed_by(
        &self,
        runner: Option<RunnerId>,
        procedure: Option<&Name>,
        page: &Page,
    ) -> Result<Listed<InstalledProcedure>, StoreError> {
        let after = After::of(page, 4)?;
        let (id, at, digest, notation) = (after.text(0), after.text(1), after.digest(2)?, after.text(3));
        let place = |installed: &InstalledProcedure| {
            let InstalledProcedure { id, runner, digest, notation, .. } = installed;
            vec![id.to_string(), runner.to_string(), digest.to_string(), notation.to_string()]
        };
        let (sql, values) = match (runner, procedure) {
            (None, None) => (
                sql!(
                    "SELECT runner, procedure_id, version, digest, title, notation, approved, schedule, time_zone, \
                     has_source, reported FROM procedure_installed \
                     WHERE tenant = $1 AND (procedure_id, runner, digest, notation) > ($2, $3, $4, $5) \
                     ORDER BY procedure_id, runner, digest, notation LIMIT $6"
                ),
                values![id, at, digest, notation],
            ),
            (Some(runner), None) => (
                sql!(
                    "SELECT runner, procedure_id, version, digest, title, notation, approved, schedule, time_zone, \
                     has_source, reported FROM procedure_installed \
                     WHERE tenant = $1 AND runner = $2 AND (procedure_id, digest, notation) > ($3, $4, $5) \
                     ORDER BY procedure_id, digest, notation LIMIT $6"
                ),
                values![runner, id, digest, notation],
            ),
            (None, Some(procedure)) => (
                sql!(
                    "SELECT runner, procedure_id, version, digest, title, notation, approved, schedule, time_zone, \
                     has_source, reported FROM procedure_installed \
                     WHERE tenant = $1 AND procedure_id = $2 AND (runner, digest, notation) > ($3, $4, $5) \
                     ORDER BY runner, digest, notation LIMIT $6"
                ),
                values![procedure, at, digest, notation],
            ),
            (Some(runner), Some(procedure)) => (
                sql!(
                    "SELECT runner, procedure_id, version, digest, title, notation, approved, schedule, time_zone, \
                     has_source, reported FROM procedure_installed \
                     WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 AND (digest, notation) > ($4, $5) \
                     ORDER BY digest, notation LIMIT $6"
                ),
                values![runner, procedure, digest, notation],
            ),
        };
        self.list("procedure_installed", sql, values, page, read_installed, place).await
    }

    /// A procedure at a Runner, by digest; of several notations the first.
    pub async fn installed_procedure(
        &self,
        runner: RunnerId,
        digest: &Digest,
    ) -> Result<Option<InstalledProcedure>, StoreError> {
        let sql = sql!(
            "SELECT runner, procedure_id, version, digest, title, notation, approved, schedule, time_zone, has_source, \
             reported FROM procedure_installed WHERE tenant = $1 AND runner = $2 AND digest = $3 \
             ORDER BY notation LIMIT 1"
        );
        self.one("procedure_installed", sql, values![runner, digest], read_installed).await
    }

    /// The file of a procedure at a Runner, if the Runner's operator does not withhold it.
    pub async fn procedure_source(&self, runner: RunnerId, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = sql!(
            "SELECT source FROM procedure_source WHERE tenant = $1 AND runner = $2 AND digest = $3 \
             ORDER BY notation LIMIT 1"
        );
        self.one("procedure_source", sql, values![runner, digest], |mut cells| cells.take("source")).await
    }

    /// When the Runner's procedures are due next.
    pub async fn schedule(&self, runner: RunnerId) -> Result<Vec<ScheduleDue>, StoreError> {
        let sql = sql!(
            "SELECT runner, procedure_id, next_due, reported, overdue_since FROM schedule_due \
             WHERE tenant = $1 AND runner = $2 ORDER BY procedure_id"
        );
        self.all("schedule_due", sql, values![runner], read_due).await
    }

    /// What was due before this time and is not marked overdue; the earliest first.
    pub async fn due_before(&self, time: Timestamp, limit: u32) -> Result<Vec<ScheduleDue>, StoreError> {
        let sql = sql!(
            "SELECT runner, procedure_id, next_due, reported, overdue_since FROM schedule_due \
             WHERE tenant = $1 AND next_due < $2 AND overdue_since IS NULL ORDER BY next_due, runner, procedure_id \
             LIMIT $3"
        );
        self.all("schedule_due", sql, values![time, limit], read_due).await
    }

    /// Due times that were accounted for instead of run, at one Runner or at all; newest first.
    pub async fn missed_dues(&self, runner: Option<RunnerId>, page: &Page) -> Result<Listed<MissedDue>, StoreError> {
        let after = After::of(page, 3)?;
        let (due, seq) = (after.number(0, i64::MAX)?, after.number(2, i64::MAX)?);
        let (sql, values) = match runner {
            Some(runner) => (
                sql!(
                    "SELECT runner, procedure_id, due, reason, seq FROM missed_due \
                     WHERE tenant = $1 AND runner = $2 AND (due, seq) < ($3, $4) ORDER BY due DESC, seq DESC LIMIT $5"
                ),
                values![runner, due, seq],
            ),
            None => (
                sql!(
                    "SELECT runner, procedure_id, due, reason, seq FROM missed_due \
                     WHERE tenant = $1 AND (due, runner, seq) < ($2, $3, $4) \
                     ORDER BY due DESC, runner DESC, seq DESC LIMIT $5"
                ),
                values![due, after.text_down(1), seq],
            ),
        };
        let read = |mut cells: Cells| {
            Ok(MissedDue {
                runner: cells.take("runner")?,
                procedure: cells.take("procedure_id")?,
                due: cells.take("due")?,
                reason: cells.take("reason")?,
                seq: cells.take("seq")?,
            })
        };
        let place = |missed: &MissedDue| {
            vec![missed.due.as_millis().to_string(), missed.runner.to_string(), missed.seq.to_string()]
        };
        self.list("missed_due", sql, values, page, read, place).await
    }
}

impl Writes {
    /// What is installed at a Runner, in place of what it said before.
    pub async fn replace_catalogue(
        &self,
        runner: RunnerId,
        procedures: &[ReportedProcedure],
    ) -> Result<(), StoreError> {
        let before = self.installed_digests(runner).await?;
        let stays = |digest: &Digest| procedures.iter().any(|reported| reported.installed.digest == *digest);
        let gone: Vec<Digest> = before.iter().map(|(digest, _)| *digest).filter(|digest| !stays(digest)).collect();
        self.keep_texts(runner, &gone).await?;
        let installed: BTreeSet<&Name> = procedures.iter().map(|reported| &reported.installed.id).collect();
        let known: BTreeSet<Name> = before.into_iter().map(|(_, procedure)| procedure).collect();
        self.retire(runner, true, |procedure| known.contains(procedure) && !installed.contains(procedure)).await?;
        self.retire(runner, false, |procedure| installed.contains(procedure)).await?;
        let sql = sql!("DELETE FROM procedure_source WHERE tenant = $1 AND runner = $2");
        self.count("procedure_source", runner, sql, values![runner]).await?;
        let sql = sql!("DELETE FROM procedure_installed WHERE tenant = $1 AND runner = $2");
        self.count("procedure_installed", runner, sql, values![runner]).await?;
        let installed = procedures.iter().map(|ReportedProcedure { installed, source }| {
            let InstalledProcedure { id, version, digest, title, notation, approved, .. } = installed;
            let InstalledProcedure { schedule, time_zone, reported, .. } = installed;
            let has_source = source.is_some();
            values![runner, digest, notation, id, version, title, approved, schedule, time_zone, has_source, reported,]
        });
        let sources = procedures.iter().filter_map(|ReportedProcedure { installed, source }| {
            let source = source.as_ref()?;
            Some(values![runner, installed.digest, installed.notation, source])
        });
        let steps = vec![
            (
                sql!(
                    "INSERT INTO procedure_installed (tenant, runner, digest, notation, procedure_id, version, title, \
                     approved, schedule, time_zone, has_source, reported) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
                ),
                installed.collect(),
            ),
            (
                sql!(
                    "INSERT INTO procedure_source (tenant, runner, digest, notation, source) \
                     VALUES ($1, $2, $3, $4, $5)"
                ),
                sources.collect(),
            ),
        ];
        self.steps("procedure_installed", runner, steps).await
    }

    /// When the Runner's procedures are due next, in place of what it said before. A procedure that is still due at the
    /// same time stays overdue.
    pub async fn replace_schedule(&self, runner: RunnerId, dues: &[ScheduleDue]) -> Result<(), StoreError> {
        let before: BTreeMap<(Name, Timestamp), Option<Timestamp>> = self
            .schedule(runner)
            .await?
            .into_iter()
            .map(|due| ((due.procedure, due.next_due), due.overdue_since))
            .collect();
        let sql = sql!("DELETE FROM schedule_due WHERE tenant = $1 AND runner = $2");
        self.count("schedule_due", runner, sql, values![runner]).await?;
        let mut earliest: Option<Timestamp> = None;
        let mut rows: Vec<Vec<Value>> = Vec::with_capacity(dues.len());
        for due in dues {
            let overdue = before.get(&(due.procedure.clone(), due.next_due)).copied().flatten();
            earliest = earliest.into_iter().chain(overdue).min();
            rows.push(values![runner, due.procedure, due.next_due, due.reported, overdue]);
        }
        let sql = sql!(
            "INSERT INTO schedule_due (tenant, runner, procedure_id, next_due, reported, overdue_since) \
             VALUES ($1, $2, $3, $4, $5, $6)"
        );
        self.each("schedule_due", runner, sql, rows).await?;
        self.set_overdue(runner, earliest).await
    }

    /// A procedure is overdue at a Runner, since this time.
    pub async fn mark_overdue(&self, runner: RunnerId, procedure: &Name, since: Timestamp) -> Result<(), StoreError> {
        let sql =
            sql!("UPDATE schedule_due SET overdue_since = $4 WHERE tenant = $1 AND runner = $2 AND procedure_id = $3");
        self.change("schedule_due", procedure, sql, values![runner, procedure, since]).await?;
        let earliest = self.schedule(runner).await?.into_iter().filter_map(|due| due.overdue_since).min();
        self.set_overdue(runner, earliest).await
    }

    async fn set_overdue(&self, runner: RunnerId, since: Option<Timestamp>) -> Result<(), StoreError> {
        let sql = sql!("UPDATE runner_presence SET overdue_since = $3 WHERE tenant = $1 AND runner = $2");
        self.change("runner_presence", runner, sql, values![runner, since]).await
    }

    /// Due times that Runners' journals account for.
    pub async fn add_missed(&self, missed: &[MissedDue]) -> Result<(), StoreError> {
        let rows = missed.iter().map(|missed| {
            let MissedDue { runner, procedure, due, reason, seq } = missed;
            values![runner, seq, procedure, due, reason]
        });
        let sql = sql!(
            "INSERT INTO missed_due (tenant, runner, seq, procedure_id, due, reason) VALUES ($1, $2, $3, $4, $5, $6)"
        );
        let key = missed.first().map(|missed| missed.seq.to_string()).unwrap_or_default();
        self.each("missed_due", key, sql, rows.collect()).await
    }
}

fn read_installed(mut cells: Cells) -> Result<InstalledProcedure, StoreError> {
    Ok(InstalledProcedure {
        runner: cells.take("runner")?,
        id: cells.take("procedure_id")?,
        version: cells.take("version")?,
        digest: cells.take("digest")?,
        title: cells.take("title")?,
        notation: cells.take("notation")?,
        approved: cells.take("approved")?,
        schedule: cells.take("schedule")?,
        time_zone: cells.take("time_zone")?,
        has_source: cells.take("has_source")?,
        reported: cells.take("reported")?,
    })
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
