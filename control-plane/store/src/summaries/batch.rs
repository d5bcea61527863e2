//! What a batch of reports changes in how things stand.

use std::collections::BTreeMap;

use control_plane_domain::check_state::CheckState;
use control_plane_domain::run::{AcceptedReport, RunSummary};
use control_plane_domain::standing::{ProcedureState, ResultChange};
use ids::RunnerId;
use proof::text::Name;
use verdict::Status;

use super::Counts;
use super::change::{CHANGE, change_row};
use super::read::{PROCEDURE_STATE, read_procedure_state};
use crate::StoreError;
use crate::checks::{STATES_OF, read_with_retired};
use crate::sql::{Sql, sql};
use crate::sqlite::Step;
use crate::tx::Reads;
use crate::value::{Value, values};

/// A procedure at a Runner.
type Place = (RunnerId, Name);

/// How a procedure stands at a Runner, report after report.
#[derive(Default)]
struct Known {
    is_retired: bool,
    state: Option<ProcedureState>,
    checks: BTreeMap<Name, CheckState>,
    is_new: bool,
    new_checks: BTreeMap<Name, CheckState>,
}

/// What a batch of reports changes.
#[derive(Default)]
pub(crate) struct Standing {
    places: BTreeMap<Place, Known>,
    counts: Counts,
    changes: Vec<ResultChange>,
}

impl Standing {
    /// How the procedures of these reports stand before them.
    pub(crate) async fn before(reads: &Reads, reports: &[AcceptedReport<'_>]) -> Result<Self, StoreError> {
        let mut places: BTreeMap<Place, Known> = BTreeMap::new();
        for report in reports {
            let run = &report.manifest.run;
            places.entry((run.runner, run.procedure.id.clone())).or_default();
        }
        let each = || places.keys().map(|(runner, procedure)| values![runner, procedure]).collect::<Vec<_>>();
        let states = reads.all_of_each("procedure_state", PROCEDURE_STATE, each(), read_procedure_state).await?;
        let checks = reads.all_of_each("check_state", STATES_OF, each(), read_with_retired).await?;
        for (state, is_retired) in states {
            let known = places.entry((state.runner, state.procedure.clone())).or_default();
            known.is_retired |= is_retired;
            known.state = Some(state);
        }
        for (state, is_retired) in checks {
            let known = places.entry((state.runner, state.procedure.clone())).or_default();
            known.is_retired |= is_retired;
            known.checks.insert(state.check.clone(), state);
        }
        Ok(Self { places, counts: Counts::default(), changes: Vec::new() })
    }

    /// Takes a report in; `run` is what it says of its run.
    pub(crate) fn take_in(&mut self, report: &AcceptedReport<'_>, run: &RunSummary) {
        let place = (run.runner, run.procedure.id.clone());
        let known = self.places.entry(place).or_default();
        if let Some(state) = ProcedureState::after(known.state.as_ref(), run) {
            self.changes.extend(ResultChange::of_procedure(known.state.as_ref(), &state, report.at, report.seq));
            if !known.is_retired {
                if let Some(before) = &known.state {
                    self.counts.procedure(before, -1);
                }
                self.counts.procedure(&state, 1);
            }
            known.state = Some(state);
            known.is_new = true;
        }
        for (line, place) in report.manifest.checks.iter().zip(1..) {
            // A partial or pending run says nothing of checks that it did not come to.
            if line.status == Status::Skipped {
                continue;
            }
            let before = known.checks.get(&line.check);
            let said = CheckState {
                runner: run.runner,
                procedure: run.procedure.id.clone(),
                check: line.check.clone(),
                status: line.status,
                severity: line.severity,
                since: run.ended,
                failing_since: None,
                run: run.id,
                run_ended: run.ended,
            };
            let Some(state) = CheckState::after(before, said) else { continue };
            let change = ResultChange::of_check(before, &state, report.at, report.seq);
            self.changes.extend(change.map(|change| ResultChange { place, ..change }));
            if !known.is_retired {
                if let Some(before) = before {
                    self.counts.check(before, -1);
                }
                self.counts.check(&state, 1);
                self.counts.said(&state);
            }
            known.new_checks.insert(line.check.clone(), state.clone());
            known.checks.insert(line.check.clone(), state);
        }
    }

    /// The statements that write it.
    pub(crate) fn steps(self) -> Vec<Step> {
        let (mut procedures, mut checks) = (Vec::new(), Vec::new());
        for known in self.places.into_values() {
            if let Some(state) = known.state.filter(|_| known.is_new) {
                procedures.push(procedure_row(&state, known.is_retired));
            }
            checks.extend(known.new_checks.values().map(|state| check_row(state, known.is_retired)));
        }
        let changes = self.changes.iter().map(change_row).collect();
        let mut steps = vec![(CHECK, checks), (PROCEDURE, procedures), (CHANGE, changes)];
        steps.extend(self.counts.steps());
        steps
    }
}

const CHECK: Sql = sql!(
    "INSERT INTO check_state (tenant, runner, procedure_id, check_id, status, severity, since, failing_since, run, \
     run_ended, retired) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
     ON CONFLICT (tenant, runner, procedure_id, check_id) DO UPDATE SET status = excluded.status, \
     severity = excluded.severity, since = excluded.since, failing_since = excluded.failing_since, run = excluded.run, \
     run_ended = excluded.run_ended"
);
const PROCEDURE: Sql = sql!(
    "INSERT INTO procedure_state (tenant, runner, procedure_id, procedure_version, procedure_digest, run, started, ended, \
     verdict, score, score_with_exceptions, since, changed_from, previous_run, previous_verdict, previous_score, \
     previous_ended, retired) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
     ON CONFLICT (tenant, runner, procedure_id) DO UPDATE SET procedure_version = excluded.procedure_version, \
     procedure_digest = excluded.procedure_digest, run = excluded.run, started = excluded.started, \
     ended = excluded.ended, verdict = excluded.verdict, score = excluded.score, \
     score_with_exceptions = excluded.score_with_exceptions, since = excluded.since, \
     changed_from = excluded.changed_from, previous_run = excluded.previous_run, \
     previous_verdict = excluded.previous_verdict, previous_score = excluded.previous_score, \
     previous_ended = excluded.previous_ended"
);

fn check_row(state: &CheckState, is_retired: bool) -> Vec<Value> {
    let CheckState { runner, procedure, check, status, severity, since, failing_since, run, run_ended } = state;
    values![runner, procedure, check, status, severity, since, failing_since, run, run_ended, is_retired]
}

fn procedure_row(state: &ProcedureState, is_retired: bool) -> Vec<Value> {
    let previous = state.previous;
    values![
        state.runner,
        state.procedure,
        state.version,
        state.digest,
        state.run,
        state.started,
        state.ended,
        state.verdict,
        state.score,
        state.score_with_exceptions,
        state.since,
        state.changed_from,
        previous.map(|run| run.run),
        previous.map(|run| run.verdict),
        previous.and_then(|run| run.score),
        previous.map(|run| run.ended),
        is_retired,
    ]
}
