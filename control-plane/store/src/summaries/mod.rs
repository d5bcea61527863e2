//! How things stand, kept up in the transaction that changes it, so that no page has to count: the newest verdict of each
//! procedure at each Runner, what each check says at how many Runners, how many findings are open, and what changed.
//!
//! A state whose procedure is not installed at its Runner any more, or whose Runner was revoked, is retired: it is kept,
//! and counted nowhere.

mod batch;
mod change;
mod findings;
mod fleet;
mod of_run;
mod read;
mod retire;
mod texts;

use std::collections::BTreeMap;

use control_plane_domain::check_state::CheckState;
use control_plane_domain::standing::{ProcedureState, Word};
use proof::text::Name;
use verdict::{Severity, Status};

use crate::sql::sql;
use crate::sqlite::Step;
use crate::value::{Value, values};

pub(crate) use batch::Standing;
pub use of_run::Opened;

/// What a transaction adds to the counts and takes from them.
#[derive(Default)]
pub(crate) struct Counts {
    verdicts: BTreeMap<Status, i64>,
    findings: BTreeMap<Severity, i64>,
    checks: BTreeMap<(Name, Name), CheckDelta>,
}

/// What is known of a check anew.
#[derive(Default)]
struct CheckDelta {
    runners: BTreeMap<Status, i64>,
    last: Option<Word>,
    last_pass: Option<Word>,
}

impl CheckDelta {
    fn of(&self, status: Status) -> i64 {
        self.runners.get(&status).copied().unwrap_or_default()
    }
}

impl Counts {
    fn procedure(&mut self, state: &ProcedureState, by: i64) {
        *self.verdicts.entry(state.verdict).or_default() += by;
    }

    fn check(&mut self, state: &CheckState, by: i64) {
        if state.failing_since.is_some() {
            *self.findings.entry(state.severity).or_default() += by;
        }
        *self.delta(state).runners.entry(state.status).or_default() += by;
    }

    /// What a run says of a check; of several the newest counts.
    fn said(&mut self, state: &CheckState) {
        let word = Word { run: state.run, runner: state.runner, status: state.status, at: state.run_ended };
        let delta = self.delta(state);
        let newer = |known: &Option<Word>| known.is_none_or(|known| known.at <= word.at);
        if newer(&delta.last) {
            delta.last = Some(word);
        }
        if word.status == Status::Pass && newer(&delta.last_pass) {
            delta.last_pass = Some(word);
        }
    }

    fn delta(&mut self, state: &CheckState) -> &mut CheckDelta {
        self.checks.entry((state.procedure.clone(), state.check.clone())).or_default()
    }

    /// The statements that write it.
    fn steps(self) -> Vec<Step> {
        let verdicts = self.verdicts.iter().map(|(word, by)| ("verdict", word.as_str(), *by));
        let findings = self.findings.iter().map(|(word, by)| ("finding", word.as_str(), *by));
        let counts = verdicts.chain(findings).filter(|(_, _, by)| *by != 0);
        let counts = counts.map(|(what, word, by)| values![what, word, by]).collect();
        let checks = self.checks.iter().map(|((procedure, check), delta)| summary_row(procedure, check, delta));
        vec![(COUNT, counts), (SUMMARY, checks.collect())]
    }
}

const COUNT: crate::sql::Sql = sql!(
    "INSERT INTO standing_count (tenant, what, word, number) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (tenant, what, word) DO UPDATE SET number = standing_count.number + excluded.number"
);
const SUMMARY: crate::sql::Sql = sql!(
    "INSERT INTO check_summary (tenant, procedure_id, check_id, pass, fail, error, pending, not_applicable, excepted, \
     last_run, last_runner, last_status, last_at, pass_run, pass_runner, pass_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
     ON CONFLICT (tenant, procedure_id, check_id) DO UPDATE SET pass = check_summary.pass + excluded.pass, \
     fail = check_summary.fail + excluded.fail, error = check_summary.error + excluded.error, \
     pending = check_summary.pending + excluded.pending, \
     not_applicable = check_summary.not_applicable + excluded.not_applicable, \
     excepted = check_summary.excepted + excluded.excepted, \
     last_run = CASE WHEN coalesce(excluded.last_at >= coalesce(check_summary.last_at, excluded.last_at), false) \
     THEN excluded.last_run ELSE check_summary.last_run END, \
     last_runner = CASE WHEN coalesce(excluded.last_at >= coalesce(check_summary.last_at, excluded.last_at), false) \
     THEN excluded.last_runner ELSE check_summary.last_runner END, \
     last_status = CASE WHEN coalesce(excluded.last_at >= coalesce(check_summary.last_at, excluded.last_at), false) \
     THEN excluded.last_status ELSE check_summary.last_status END, \
     last_at = CASE WHEN coalesce(excluded.last_at >= coalesce(check_summary.last_at, excluded.last_at), false) \
     THEN excluded.last_at ELSE check_summary.last_at END, \
     pass_run = CASE WHEN coalesce(excluded.pass_at >= coalesce(check_summary.pass_at, excluded.pass_at), false) \
     THEN excluded.pass_run ELSE check_summary.pass_run END, \
     pass_runner = CASE WHEN coalesce(excluded.pass_at >= coalesce(check_summary.pass_at, excluded.pass_at), false) \
     THEN excluded.pass_runner ELSE check_summary.pass_runner END, \
     pass_at = CASE WHEN coalesce(excluded.pass_at >= coalesce(check_summary.pass_at, excluded.pass_at), false) \
     THEN excluded.pass_at ELSE check_summary.pass_at END"
);

fn summary_row(procedure: &Name, check: &Name, delta: &CheckDelta) -> Vec<Value> {
    let (last, pass) = (delta.last, delta.last_pass);
    values![
        procedure,
        check,
        delta.of(Status::Pass),
        delta.of(Status::Fail),
        delta.of(Status::Error),
        delta.of(Status::Pending),
        delta.of(Status::NotApplicable),
        delta.of(Status::Excepted),
        last.map(|word| word.run),
        last.map(|word| word.runner),
        last.map(|word| word.status),
        last.map(|word| word.at),
        pass.map(|word| word.run),
        pass.map(|word| word.runner),
        pass.map(|word| word.at),
    ]
}
