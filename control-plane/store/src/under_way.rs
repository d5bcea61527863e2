//! The runs that Runners work at now.

use control_plane_domain::run::RunUnderWay;
use ids::{RunId, RunnerId};

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};

impl Reads {
    /// Runs that are worked at by Runners that were not shut out, those that began last first.
    pub async fn runs_under_way(&self, limit: u32) -> Result<Vec<RunUnderWay>, StoreError> {
        let sql = sql!(
            "SELECT run, runner, procedure_id, procedure_digest, began, step, done, steps, heard FROM run_under_way \
             WHERE tenant = $1 AND EXISTS (SELECT 1 FROM runner WHERE runner.tenant = $1 \
             AND runner.runner = run_under_way.runner AND runner.state <> 'revoked') \
             ORDER BY began DESC, run DESC LIMIT $2"
        );
        self.all("run_under_way", sql, values![limit], read_under_way).await
    }

    /// One run that is worked at; where two Runners name it, as the one says that was heard last.
    pub async fn run_under_way(&self, run: RunId) -> Result<Option<RunUnderWay>, StoreError> {
        let sql = sql!(
            "SELECT run, runner, procedure_id, procedure_digest, began, step, done, steps, heard FROM run_under_way \
             WHERE tenant = $1 AND run = $2 ORDER BY heard DESC, runner DESC LIMIT 1"
        );
        self.one("run_under_way", sql, values![run], read_under_way).await
    }
}

impl Writes {
    /// The runs that these Runners work at, in place of what each said before.
    pub async fn replace_under_way(&self, said: &[(RunnerId, Vec<RunUnderWay>)]) -> Result<(), StoreError> {
        for (runner, _) in said {
            let sql = sql!("DELETE FROM run_under_way WHERE tenant = $1 AND runner = $2");
            self.count("run_under_way", runner, sql, values![runner]).await?;
        }
        let sql = sql!(
            "INSERT INTO run_under_way (tenant, runner, run, procedure_id, procedure_digest, began, step, done, steps, \
             heard) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        );
        let rows = said.iter().flat_map(|(_, runs)| runs).map(|under_way| {
            let RunUnderWay { run, runner, procedure, digest, began, step, done, steps, heard } = under_way;
            values![runner, run, procedure, digest, began, step, done, steps, heard]
        });
        self.each("run_under_way", "several", sql, rows.collect()).await
    }
}

fn read_under_way(mut cells: Cells) -> Result<RunUnderWay, StoreError> {
    Ok(RunUnderWay {
        run: cells.take("run")?,
        runner: cells.take("runner")?,
        procedure: cells.take("procedure_id")?,
        digest: cells.take("procedure_digest")?,
        began: cells.take("began")?,
        step: cells.take("step")?,
        done: cells.take("done")?,
        steps: cells.take("steps")?,
        heard: cells.take("heard")?,
    })
}
