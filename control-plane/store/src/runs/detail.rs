//! A run with everything that its newest report says, and its evidence items.

use control_plane_domain::list::{Listed, Page};
use control_plane_domain::run::{RunDetail, RunItem, RunReport};
use crypto::Digest;
use crypto::digest::sha256;
use ids::{ItemId, RunId};
use proof::manifest::{CheckLine, ItemLine, MetricLine, StepLine};

use super::read_counts;
use crate::StoreError;
use crate::sql::{Sql, sql};
use crate::tx::{After, Reads};
use crate::value::{Cells, values};

/// An evidence item, by its id.
pub(super) const ONE_ITEM: Sql = sql!(
    "SELECT run_item.item, run_item.step, run_item.form, run_item.class, run_item.collected, \
             run_item.row_count, run_item.root, run_item.run, run.runner \
             FROM run_item JOIN run ON run.tenant = $1 AND run.run = run_item.run \
             WHERE run_item.tenant = $1 AND run_item.item = $2"
);

impl Reads {
    /// A run with its steps, items, checks, metrics and reports.
    pub async fn run_detail(&self, id: RunId) -> Result<Option<RunDetail>, StoreError> {
        let Some(detail) = self.run_without_items(id).await? else { return Ok(None) };
        let sql = sql!(
            "SELECT item, step, form, class, collected, row_count, root FROM run_item WHERE tenant = $1 AND run = $2 \
             ORDER BY place, item"
        );
        let items = self.all("run_item", sql, values![id], |mut cells| read_item(&mut cells)).await?;
        Ok(Some(RunDetail { items, ..detail }))
    }

    /// The same with only so many of its items, those after the first `skipped`, and with how many there are. A run has as
    /// many items as a report can name: they are counted, and skipped, in an index.
    pub async fn run_detail_part(
        &self,
        id: RunId,
        skipped: u64,
        most: u32,
    ) -> Result<Option<(RunDetail, u64)>, StoreError> {
        let Some(detail) = self.run_without_items(id).await? else { return Ok(None) };
        let part = self.counted_items(id, skipped, most).await?;
        let all = match part.first() {
            Some((_, all)) => *all,
            None if skipped == 0 && most > 0 => 0,
            // Behind the last one there is none that says how many there are.
            None => self.counted_items(id, 0, 1).await?.first().map_or(0, |(_, all)| *all),
        };
        let items = part.into_iter().map(|(item, _)| item).collect();
        Ok(Some((RunDetail { items, ..detail }, all)))
    }

    /// Items of a run, each with how many there are.
    async fn counted_items(&self, id: RunId, skipped: u64, most: u32) -> Result<Vec<(ItemLine, u64)>, StoreError> {
        let sql = sql!(
            "SELECT item, step, form, class, collected, row_count, root, \
             (SELECT count(*) FROM run_item WHERE tenant = $1 AND run = $2) FROM run_item \
             WHERE tenant = $1 AND run = $2 ORDER BY place, item LIMIT $3 OFFSET $4"
        );
        let read = |mut cells: Cells| Ok((read_item(&mut cells)?, cells.take("count")?));
        self.all("run_item", sql, values![id, most, skipped], read).await
    }

    /// A run with everything but its items, of which there can be many.
    pub async fn run_without_items(&self, id: RunId) -> Result<Option<RunDetail>, StoreError> {
        let Some(summary) = self.run(id).await? else { return Ok(None) };
        let sql = sql!(
            "SELECT step, status, code, attempts, started, ended FROM run_step WHERE tenant = $1 AND run = $2 \
             ORDER BY place"
        );
        let steps = self.all("run_step", sql, values![id], read_step).await?;
        let sql = sql!(
            "SELECT check_id, status, severity, pass, fail, error, pending, not_applicable, excepted, exceptions \
             FROM run_check WHERE tenant = $1 AND run = $2 ORDER BY place"
        );
        let checks = self.all("run_check", sql, values![id], read_check).await?;
        let sql = sql!("SELECT metric, value FROM run_metric WHERE tenant = $1 AND run = $2 ORDER BY place");
        let read = |mut cells: Cells| Ok(MetricLine { metric: cells.take("metric")?, value: cells.take("value")? });
        let metrics = self.all("run_metric", sql, values![id], read).await?;
        let sql = sql!("SELECT seq, at FROM run_report WHERE tenant = $1 AND run = $2 ORDER BY seq");
        let read = |mut cells: Cells| Ok((cells.take("seq")?, cells.take("at")?));
        let reports = self.all("run_report", sql, values![id], read).await?;
        Ok(Some(RunDetail { summary, steps, items: Vec::new(), checks, metrics, reports }))
    }

    /// The evidence items of a run, in its order.
    pub async fn run_items(&self, run: RunId, page: &Page) -> Result<Listed<RunItem>, StoreError> {
        let after = After::of(page, 2)?;
        let values = values![run, after.number(0, -1)?, after.text(1)];
        let sql = sql!(
            "SELECT run_item.item, run_item.step, run_item.form, run_item.class, run_item.collected, \
             run_item.row_count, run_item.root, run_item.run, run.runner, run_item.place \
             FROM run_item JOIN run ON run.tenant = $1 AND run.run = run_item.run \
             WHERE run_item.tenant = $1 AND run_item.run = $2 AND (run_item.place, run_item.item) > ($3, $4) \
             ORDER BY run_item.place, run_item.item LIMIT $5"
        );
        let read = |mut cells: Cells| {
            let item = read_run_item(&mut cells)?;
            Ok((item, cells.take::<u64>("place")?))
        };
        let place = |(item, place): &(RunItem, u64)| vec![place.to_string(), item.id().to_string()];
        Ok(self.list("run_item", sql, values, page, read, place).await?.map(|(item, _)| item))
    }

    /// An evidence item.
    pub async fn item(&self, id: ItemId) -> Result<Option<RunItem>, StoreError> {
        self.one("run_item", ONE_ITEM, values![id], |mut cells| read_run_item(&mut cells)).await
    }

    /// The newest report of a run, exact bytes.
    pub async fn newest_report(&self, run: RunId) -> Result<Option<RunReport>, StoreError> {
        let sql = sql!(
            "SELECT run, seq, at, manifest, attestation FROM run_report WHERE tenant = $1 AND run = $2 \
             ORDER BY seq DESC LIMIT 1"
        );
        let read = |mut cells: Cells| {
            Ok(RunReport {
                run: cells.take("run")?,
                seq: cells.take("seq")?,
                at: cells.take("at")?,
                manifest: cells.take("manifest")?,
                attestation: cells.take("attestation")?,
            })
        };
        self.one("run_report", sql, values![run], read).await
    }

    /// SHA-256 of the newest report's manifest and of its attestation.
    pub async fn newest_report_digests(&self, run: RunId) -> Result<Option<(Digest, Digest)>, StoreError> {
        let sql = sql!(
            "SELECT manifest_sha256, attestation_sha256 FROM run_report WHERE tenant = $1 AND run = $2 \
             ORDER BY seq DESC LIMIT 1"
        );
        let read = |mut cells: Cells| Ok((cells.take("manifest_sha256")?, cells.take("attestation_sha256")?));
        let kept: Option<(Option<Digest>, Option<Digest>)> = self.one("run_report", sql, values![run], read).await?;
        match kept {
            Some((Some(manifest), Some(attestation))) => Ok(Some((manifest, attestation))),
            // It was kept before its digests were.
            Some(_) => {
                let report = self.newest_report(run).await?;
                Ok(report.map(|report| (sha256(&report.manifest), sha256(&report.attestation))))
            }
            None => Ok(None),
        }
    }
}

fn read_step(mut cells: Cells) -> Result<StepLine, StoreError> {
    Ok(StepLine {
        step: cells.take("step")?,
        status: cells.take("status")?,
        code: cells.take("code")?,
        attempts: cells.take("attempts")?,
        started: cells.take("started")?,
        ended: cells.take("ended")?,
    })
}

fn read_item(cells: &mut Cells) -> Result<ItemLine, StoreError> {
    Ok(ItemLine {
        item: cells.take("item")?,
        step: cells.take("step")?,
        form: cells.take("form")?,
        class: cells.take("class")?,
        collected: cells.take("collected")?,
        rows: cells.take("row_count")?,
        root: cells.take("root")?,
    })
}

pub(super) fn read_run_item(cells: &mut Cells) -> Result<RunItem, StoreError> {
    let line = read_item(cells)?;
    Ok(RunItem { run: cells.take("run")?, runner: cells.take("runner")?, line })
}

fn read_check(mut cells: Cells) -> Result<CheckLine, StoreError> {
    let (check, status, severity) = (cells.take("check_id")?, cells.take("status")?, cells.take("severity")?);
    let counts = read_counts(&mut cells)?;
    let exceptions: String = cells.take("exceptions")?;
    let exceptions = exceptions.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>();
    let exceptions = exceptions.map_err(|_| cells.wrong("`exceptions` is not a list of ids"))?;
    Ok(CheckLine { check, status, severity, counts, exceptions })
}
