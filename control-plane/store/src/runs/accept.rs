//! Keeping reports that were found right: the run as it is now said to be, and everything derived from it, at once.

use std::collections::{BTreeMap, BTreeSet};

use control_plane_domain::run::{AcceptedReport, RunSummary};
use crypto::digest::sha256;
use ids::{ItemId, PersonId, RunId, RunnerId};
use proof::manifest::{ItemLine, Manifest};
use verdict::{Status, Trigger};

use super::detail::{ONE_ITEM, read_run_item};
use super::list::ONE_RUN;
use super::read_run;
use super::search::weight;
use super::tally::Tallies;
use crate::StoreError;
use crate::sql::{Sql, sql};
use crate::sqlite::Step;
use crate::summaries::Standing;
use crate::tx::Writes;
use crate::value::{Cells, Value, values};

/// What a batch of reports writes, each table's rows together.
#[derive(Default)]
struct Batch<'a> {
    /// As they are kept, until a report of this batch speaks of them.
    known: BTreeMap<RunId, RunSummary>,
    runs: BTreeMap<RunId, RunSummary>,
    /// Who asked for which of them.
    asked: BTreeMap<RunId, PersonId>,
    /// The newest report of each run.
    newest: BTreeMap<RunId, &'a AcceptedReport<'a>>,
    reports: Vec<Vec<Value>>,
    items: BTreeMap<ItemId, (RunId, usize, &'a ItemLine)>,
    tallies: Tallies,
    standing: Standing,
}

impl<'a> Batch<'a> {
    fn take_in(&mut self, report: &'a AcceptedReport<'a>) -> Result<(), StoreError> {
        let line = &report.manifest.run;
        let before = self.runs.remove(&line.run).or_else(|| self.known.remove(&line.run));
        if before.as_ref().is_some_and(|before| before.runner != line.runner) {
            return Err(StoreError::Conflict { table: "run", key: line.run.to_string() });
        }
        let count = before.as_ref().map_or(1, |before| before.reports.saturating_add(1));
        let run = RunSummary::new(line, report.seq, count, report.at);
        if let Some(before) = &before {
            self.tallies.take_back(before);
        }
        self.tallies.add(&run);
        self.standing.take_in(report, &run);
        self.runs.insert(line.run, run);
        self.newest.insert(line.run, report);
        self.reports.push(values![
            line.runner,
            report.seq,
            line.run,
            report.at,
            report.manifest_bytes,
            report.attestation,
            sha256(report.manifest_bytes),
            sha256(report.attestation),
        ]);
        for (place, item) in report.manifest.items.iter().enumerate() {
            self.items.insert(item.item, (line.run, place, item));
        }
        Ok(())
    }
}

impl Writes {
    /// Keeps reports, in the order of their journals. What each says was checked before; here every row is written that
    /// lists, findings and trends are read from.
    pub async fn accept_reports(&self, reports: &[AcceptedReport<'_>]) -> Result<(), StoreError> {
        let (known, standing) = (self.known_runs(reports).await?, Standing::before(self, reports).await?);
        let asked = self.askers_of(reports).await?;
        let mut batch = Batch { known, standing, asked, ..Batch::default() };
        for report in reports {
            batch.take_in(report)?;
        }
        self.refuse_changed_items(&mut batch).await?;
        let Batch { runs, asked, newest, reports: report_rows, items, tallies, standing, .. } = batch;
        let gravest = |run: &RunId| newest.get(run).map_or(0, |report| gravest(report.manifest));
        let run = |run: &RunSummary| run_row(run, asked.get(&run.id).copied(), gravest(&run.id));
        let mut steps: Vec<Step> = vec![
            (RUN, runs.values().map(run).collect()),
            (REPORT, report_rows),
            (STEP, newest.values().flat_map(|report| step_rows(report.manifest)).collect()),
            (ITEM, items.values().map(|(run, place, line)| item_row(*run, *place, line)).collect()),
            (CHECK, newest.values().flat_map(|report| check_rows(report.manifest)).collect()),
            (METRIC, newest.values().flat_map(|report| metric_rows(report.manifest)).collect()),
            (FAILING, newest.values().flat_map(|report| failing_rows(report.manifest)).collect()),
        ];
        steps.extend(tallies.steps());
        steps.extend(standing.steps());
        let key = reports.first().map(|report| report.manifest.run.run.to_string()).unwrap_or_default();
        self.steps("run", key, steps).await
    }

    /// The runs of these reports that were reported before.
    async fn known_runs(&self, reports: &[AcceptedReport<'_>]) -> Result<BTreeMap<RunId, RunSummary>, StoreError> {
        let runs: BTreeSet<RunId> = reports.iter().map(|report| report.manifest.run.run).collect();
        let each = runs.iter().map(|run| values![run]).collect();
        let found = self.all_of_each("run", ONE_RUN, each, read_run).await?;
        Ok(found.into_iter().map(|run| (run.id, run)).collect())
    }

    /// Who asked for the runs that somebody asked for, where the Runner has said already which request a run answers.
    async fn askers_of(&self, reports: &[AcceptedReport<'_>]) -> Result<BTreeMap<RunId, PersonId>, StoreError> {
        let lines = reports.iter().map(|report| &report.manifest.run);
        let runs: BTreeMap<RunId, RunnerId> =
            lines.filter(|line| line.trigger == Trigger::Request).map(|line| (line.run, line.runner)).collect();
        let each = runs.iter().map(|(run, runner)| values![run, runner]).collect();
        let sql =
            sql!("SELECT run, person FROM run_request WHERE tenant = $1 AND run = $2 AND runner = $3 ORDER BY request");
        let read = |mut cells: Cells| Ok((cells.take("run")?, cells.take("person")?));
        Ok(self.all_of_each("run_request", sql, each, read).await?.into_iter().collect())
    }

    /// An item that is kept already keeps its run and its commitment; another one under its id is a conflict.
    async fn refuse_changed_items(&self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let again = |run: &RunId| batch.runs.get(run).is_some_and(|run| run.reports > 1);
        let asked = batch.items.iter().filter(|(_, (run, ..))| again(run)).map(|(item, _)| values![item]).collect();
        for kept in self.all_of_each("run_item", ONE_ITEM, asked, |mut cells| read_run_item(&mut cells)).await? {
            let said = batch.items.remove(&kept.id());
            if said.is_none_or(|(run, _, line)| kept.run != run || kept.line != *line) {
                return Err(StoreError::Conflict { table: "run_item", key: kept.id().to_string() });
            }
        }
        Ok(())
    }
}

const RUN: Sql = sql!(
    "INSERT INTO run (tenant, run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, \
     verdict, score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
     reports, accepted, asked_by, failing_weight) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
     $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26) \
     ON CONFLICT (tenant, run) DO UPDATE SET ended = excluded.ended, verdict = excluded.verdict, score = excluded.score, \
     score_with_exceptions = excluded.score_with_exceptions, pass = excluded.pass, fail = excluded.fail, \
     error = excluded.error, pending = excluded.pending, not_applicable = excluded.not_applicable, \
     excepted = excluded.excepted, partial = excluded.partial, software = excluded.software, seq = excluded.seq, \
     reports = excluded.reports, accepted = excluded.accepted, asked_by = coalesce(excluded.asked_by, run.asked_by), \
     failing_weight = excluded.failing_weight"
);
const REPORT: Sql = sql!(
    "INSERT INTO run_report (tenant, runner, seq, run, at, manifest, attestation, manifest_sha256, attestation_sha256) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);
const STEP: Sql = sql!(
    "INSERT INTO run_step (tenant, run, step, place, status, code, attempts, started, ended) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     ON CONFLICT (tenant, run, step) DO UPDATE SET place = excluded.place, status = excluded.status, \
     code = excluded.code, attempts = excluded.attempts, started = excluded.started, ended = excluded.ended"
);
const ITEM: Sql = sql!(
    "INSERT INTO run_item (tenant, item, run, place, step, form, class, collected, row_count, root) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const CHECK: Sql = sql!(
    "INSERT INTO run_check (tenant, run, check_id, place, status, severity, pass, fail, error, pending, not_applicable, \
     excepted, exceptions) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
     ON CONFLICT (tenant, run, check_id) DO UPDATE SET place = excluded.place, status = excluded.status, \
     severity = excluded.severity, pass = excluded.pass, fail = excluded.fail, error = excluded.error, \
     pending = excluded.pending, not_applicable = excluded.not_applicable, excepted = excluded.excepted, \
     exceptions = excluded.exceptions"
);
const METRIC: Sql = sql!(
    "INSERT INTO run_metric (tenant, run, metric, place, value) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (tenant, run, metric) DO UPDATE SET place = excluded.place, value = excluded.value"
);

const FAILING: Sql = sql!(
    "INSERT INTO run_failing (tenant, procedure_id, check_id, started, run) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (tenant, procedure_id, check_id, started, run) DO UPDATE SET started = excluded.started"
);

fn run_row(run: &RunSummary, asked_by: Option<PersonId>, gravest: u64) -> Vec<Value> {
    let (procedure, counts) = (&run.procedure, &run.counts);
    values![
        run.id,
        run.runner,
        procedure.id,
        procedure.version,
        procedure.sha256,
        run.trigger,
        run.due,
        run.started,
        run.ended,
        run.verdict,
        run.score,
        run.score_with_exceptions,
        counts.pass,
        counts.fail,
        counts.error,
        counts.pending,
        counts.not_applicable,
        counts.excepted,
        run.partial,
        run.software,
        run.seq,
        run.reports,
        run.accepted,
        asked_by,
        gravest,
    ]
}

/// The weight of the gravest check that failed.
fn gravest(manifest: &Manifest) -> u64 {
    let failing = manifest.checks.iter().filter(|line| line.status == Status::Fail);
    failing.map(|line| weight(line.severity)).max().unwrap_or(0)
}

fn failing_rows(manifest: &Manifest) -> impl Iterator<Item = Vec<Value>> {
    let run = &manifest.run;
    let failing = manifest.checks.iter().filter(|line| line.status == Status::Fail);
    failing.map(|line| values![run.procedure.id, line.check, run.started, run.run])
}

fn step_rows(manifest: &Manifest) -> impl Iterator<Item = Vec<Value>> {
    manifest.steps.iter().zip(0_u64..).map(|(line, place)| {
        values![manifest.run.run, line.step, place, line.status, line.code, line.attempts, line.started, line.ended,]
    })
}

fn item_row(run: RunId, place: usize, line: &ItemLine) -> Vec<Value> {
    let place = place as u64;
    values![line.item, run, place, line.step, line.form, line.class, line.collected, line.rows, line.root]
}

fn check_rows(manifest: &Manifest) -> impl Iterator<Item = Vec<Value>> {
    manifest.checks.iter().zip(0_u64..).map(|(line, place)| {
        let counts = &line.counts;
        let exceptions: Vec<_> = line.exceptions.iter().map(ToString::to_string).collect();
        values![
            manifest.run.run,
            line.check,
            place,
            line.status,
            line.severity,
            counts.pass,
            counts.fail,
            counts.error,
            counts.pending,
            counts.not_applicable,
            counts.excepted,
            exceptions.join(" "),
        ]
    })
}

fn metric_rows(manifest: &Manifest) -> impl Iterator<Item = Vec<Value>> {
    let lines = manifest.metrics.iter().zip(0_u64..);
    lines.map(|(line, place)| values![manifest.run.run, line.metric, place, line.value])
}
