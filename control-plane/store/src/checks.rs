//! The state of checks, and what fails since when.

use control_plane_domain::check_state::CheckState;
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::run::CheckFilter;
use control_plane_domain::standing::{FindingFilter, FindingOrder};
use ids::RunnerId;
use proof::text::Name;

use crate::StoreError;
use crate::sql::{Sql, sql};
use crate::tx::{After, Reads};
use crate::value::{Cells, ToValue, Value, values};

impl Reads {
    /// Every check with its state, by procedure and check.
    pub async fn check_states(&self, filter: &CheckFilter, page: &Page) -> Result<Listed<CheckState>, StoreError> {
        let after = After::of(page, 3)?;
        let [_, only_procedure, only_status] = wanted(filter);
        // Of one Runner, or of one procedure, the list is a piece of its own index.
        let (sql, values) = match (filter.runner, &filter.procedure) {
            (Some(runner), _) => (
                sql!(
                    "SELECT runner, procedure_id, check_id, status, severity, since, failing_since, run, run_ended \
                     FROM check_state WHERE tenant = $1 AND runner = $2 AND (procedure_id, check_id) > ($3, $4) \
                     AND ($5 = '' OR procedure_id = $5) AND ($6 = '' OR status = $6) \
                     ORDER BY procedure_id, check_id LIMIT $7"
                ),
                values![runner, after.text(0), after.text(1), only_procedure, only_status],
            ),
            (None, Some(procedure)) => (
                sql!(
                    "SELECT runner, procedure_id, check_id, status, severity, since, failing_since, run, run_ended \
                     FROM check_state WHERE tenant = $1 AND procedure_id = $2 AND (check_id, runner) > ($3, $4) \
                     AND ($5 = '' OR status = $5) ORDER BY check_id, runner LIMIT $6"
                ),
                values![procedure, after.text(1), after.text(2), only_status],
            ),
            (None, None) => (
                sql!(
                    "SELECT runner, procedure_id, check_id, status, severity, since, failing_since, run, run_ended \
                     FROM check_state WHERE tenant = $1 AND (procedure_id, check_id, runner) > ($2, $3, $4) \
                     AND ($5 = '' OR status = $5) ORDER BY procedure_id, check_id, runner LIMIT $6"
                ),
                values![after.text(0), after.text(1), after.text(2), only_status],
            ),
        };
        let place =
            |state: &CheckState| vec![state.procedure.to_string(), state.check.to_string(), state.runner.to_string()];
        self.list("check_state", sql, values, page, read, place).await
    }

    /// Checks that fail, those that have failed longest first.
    pub async fn findings(&self, filter: &CheckFilter, page: &Page) -> Result<Listed<CheckState>, StoreError> {
        if filter.status.is_none() {
            let CheckFilter { runner, procedure, status: _ } = filter.clone();
            let by_age = FindingFilter { runner, procedure, order: FindingOrder::Age, ..FindingFilter::default() };
            return self.findings_by(&by_age, None, page).await;
        }
        let after = After::of(page, 4)?;
        let begin = [after.number(0, i64::MIN)?, after.text(1), after.text(2), after.text(3)];
        let values = begin.into_iter().chain(wanted(filter)).collect();
        let sql = sql!(
            "SELECT runner, procedure_id, check_id, status, severity, since, failing_since, run, run_ended \
             FROM check_state WHERE tenant = $1 AND failing_since IS NOT NULL AND retired = 0 \
             AND (failing_since, runner, procedure_id, check_id) > ($2, $3, $4, $5) \
             AND ($6 = '' OR runner = $6) AND ($7 = '' OR procedure_id = $7) AND ($8 = '' OR status = $8) \
             ORDER BY failing_since, runner, procedure_id, check_id LIMIT $9"
        );
        let place = |state: &CheckState| {
            let since = state.failing_since.map_or(0, clock::Timestamp::as_millis);
            vec![since.to_string(), state.runner.to_string(), state.procedure.to_string(), state.check.to_string()]
        };
        self.list("check_state", sql, values, page, read, place).await
    }

    /// The checks of one procedure at one Runner.
    pub async fn check_states_of(&self, runner: RunnerId, procedure: &Name) -> Result<Vec<CheckState>, StoreError> {
        let states = self.all("check_state", STATES_OF, values![runner, procedure], read_with_retired).await?;
        Ok(states.into_iter().map(|(state, _)| state).collect())
    }
}

/// The checks of one procedure at one Runner, with whether they are retired.
pub(crate) const STATES_OF: Sql = sql!(
    "SELECT runner, procedure_id, check_id, status, severity, since, failing_since, run, run_ended, retired \
     FROM check_state WHERE tenant = $1 AND runner = $2 AND procedure_id = $3"
);

/// The filter's values; an empty text stands for all.
fn wanted(filter: &CheckFilter) -> [Value; 3] {
    let runner = filter.runner.map(|runner| runner.to_string()).unwrap_or_default();
    let procedure = filter.procedure.as_ref().map_or("", |procedure| procedure.as_str());
    let status = filter.status.map_or("", |status| status.as_str());
    [runner, procedure.to_owned(), status.to_owned()].map(|text| text.to_value())
}

/// The state, and whether it is retired.
pub(crate) fn read_with_retired(mut cells: Cells) -> Result<(CheckState, bool), StoreError> {
    Ok((read_state(&mut cells)?, cells.take("retired")?))
}

fn read(mut cells: Cells) -> Result<CheckState, StoreError> {
    read_state(&mut cells)
}

pub(crate) fn read_state(cells: &mut Cells) -> Result<CheckState, StoreError> {
    Ok(CheckState {
        runner: cells.take("runner")?,
        procedure: cells.take("procedure_id")?,
        check: cells.take("check_id")?,
        status: cells.take("status")?,
        severity: cells.take("severity")?,
        since: cells.take("since")?,
        failing_since: cells.take("failing_since")?,
        run: cells.take("run")?,
        run_ended: cells.take("run_ended")?,
    })
}
