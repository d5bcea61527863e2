//! States that nothing is to be expected of any more leave the counts; those whose procedure is installed again return.

use ids::RunnerId;
use proof::text::Name;

use super::Counts;
use super::read::read_procedure_state;
use crate::StoreError;
use crate::checks::read_with_retired;
use crate::sql::sql;
use crate::tx::Writes;
use crate::value::values;

impl Writes {
    /// Retires what stands of these procedures at a Runner, or takes it up again.
    pub(crate) async fn retire(
        &self,
        runner: RunnerId,
        retired: bool,
        which: impl Fn(&Name) -> bool,
    ) -> Result<(), StoreError> {
        let mut counts = Counts::default();
        let by = if retired { -1 } else { 1 };
        let sql = sql!(
            "SELECT runner, procedure_id, procedure_version, procedure_digest, run, started, ended, verdict, score, \
             score_with_exceptions, since, changed_from, previous_run, previous_verdict, previous_score, previous_ended, \
             retired FROM procedure_state WHERE tenant = $1 AND runner = $2"
        );
        let mut procedures = Vec::new();
        for (state, is_retired) in self.all("procedure_state", sql, values![runner], read_procedure_state).await? {
            if is_retired != retired && which(&state.procedure) {
                counts.procedure(&state, by);
                procedures.push(values![runner, state.procedure, retired]);
            }
        }
        let sql = sql!(
            "SELECT runner, procedure_id, check_id, status, severity, since, failing_since, run, run_ended, retired \
             FROM check_state WHERE tenant = $1 AND runner = $2"
        );
        let mut checks = Vec::new();
        for (state, is_retired) in self.all("check_state", sql, values![runner], read_with_retired).await? {
            if is_retired != retired && which(&state.procedure) {
                counts.check(&state, by);
                checks.push(values![runner, state.procedure, state.check, retired]);
            }
        }
        if procedures.is_empty() && checks.is_empty() {
            return Ok(());
        }
        let mut steps = vec![
            (
                sql!(
                    "UPDATE procedure_state SET retired = $4 \
                     WHERE tenant = $1 AND runner = $2 AND procedure_id = $3"
                ),
                procedures,
            ),
            (
                sql!(
                    "UPDATE check_state SET retired = $5 \
                     WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 AND check_id = $4"
                ),
                checks,
            ),
        ];
        steps.extend(counts.steps());
        self.steps("check_state", runner, steps).await
    }
}
