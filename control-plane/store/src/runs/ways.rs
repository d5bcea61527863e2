//! The statements by which runs are searched: a way into each index, and every other condition beside it.

use ids::{PersonId, RunnerId};
use proof::text::Name;

use crate::sql::{Sql, sql};
use crate::value::{Value, values};

/// The index that a search walks, with what it is entered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// Every run.
    All,
    /// Of a Runner.
    Runner(RunnerId),
    /// Of a procedure.
    Procedure(Name),
    /// Of a procedure at a Runner.
    Place(RunnerId, Name),
    /// That somebody asked for.
    Asked(PersonId),
    /// Of exactly this procedure.
    Digest(crypto::Digest),
    /// With checks left out on request.
    Partial,
    /// The gravest check that failed weighs so much.
    Weight(u64),
    /// A check of a procedure failed.
    Check(Name, Name),
}

impl Way {
    /// What it is entered by, as values.
    pub(super) fn values(&self) -> Vec<Value> {
        match self {
            Self::All | Self::Partial => Vec::new(),
            Self::Runner(runner) => values![runner],
            Self::Procedure(procedure) => values![procedure],
            Self::Place(runner, procedure) => values![runner, procedure],
            Self::Asked(person) => values![person],
            Self::Digest(digest) => values![digest],
            Self::Weight(weight) => values![weight],
            Self::Check(procedure, check) => values![procedure, check],
        }
    }
}

/// The runs on the way that fit: after the values of the way come the end of the list, its begin, every other condition and
/// the limit. A condition whose column stands before its value, or inside of a function, enters no index of its own: the
/// order of the list would be lost.
pub(super) const fn fitting(way: &Way) -> Sql {
    match way {
        Way::All => FITTING_ALL,
        Way::Runner(..) => FITTING_RUNNER,
        Way::Procedure(..) => FITTING_PROCEDURE,
        Way::Place(..) => FITTING_PLACE,
        Way::Asked(..) => FITTING_ASKED,
        Way::Digest(..) => FITTING_DIGEST,
        Way::Partial => FITTING_PARTIAL,
        Way::Weight(..) => FITTING_WEIGHT,
        Way::Check(..) => FITTING_CHECK,
    }
}

/// When the runs on the way began, whether they fit or not: after the values of the way come the end of the list, its begin
/// and the limit.
pub(super) const fn begun(way: &Way) -> Sql {
    match way {
        Way::All => BEGUN_ALL,
        Way::Runner(..) => BEGUN_RUNNER,
        Way::Procedure(..) => BEGUN_PROCEDURE,
        Way::Place(..) => BEGUN_PLACE,
        Way::Asked(..) => BEGUN_ASKED,
        Way::Digest(..) => BEGUN_DIGEST,
        Way::Partial => BEGUN_PARTIAL,
        Way::Weight(..) => BEGUN_WEIGHT,
        Way::Check(..) => BEGUN_CHECK,
    }
}

const FITTING_ALL: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
     score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
     reports, accepted FROM run WHERE tenant = $1 AND (started, run) < ($2, $3) AND started >= $4 AND (runner = $5 \
     OR $5 = '') AND (procedure_id = $6 OR $6 = '') AND (verdict = $7 OR $7 = '') AND (cause = $8 OR $8 = '') AND \
     (asked_by = $9 OR $9 = '') AND (procedure_digest = $10 OR length($10) = 0) AND (procedure_version = $11 OR $11 \
     = -1) AND (partial = $12 OR $12 = -1) AND coalesce(failing_weight, 0) >= $13 AND coalesce(score, -1) >= $14 AND \
     coalesce(score, -1) <= $15 ORDER BY started DESC, run DESC LIMIT $16"
);
const FITTING_RUNNER: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
     score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
     reports, accepted FROM run WHERE tenant = $1 AND runner = $2 AND (started, run) < ($3, $4) AND started >= $5 \
     AND (runner = $6 OR $6 = '') AND (procedure_id = $7 OR $7 = '') AND (verdict = $8 OR $8 = '') AND (cause = $9 \
     OR $9 = '') AND (asked_by = $10 OR $10 = '') AND (procedure_digest = $11 OR length($11) = 0) AND \
     (procedure_version = $12 OR $12 = -1) AND (partial = $13 OR $13 = -1) AND coalesce(failing_weight, 0) >= $14 \
     AND coalesce(score, -1) >= $15 AND coalesce(score, -1) <= $16 ORDER BY started DESC, run DESC LIMIT $17"
);
const FITTING_PROCEDURE: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
     score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
     reports, accepted FROM run WHERE tenant = $1 AND procedure_id = $2 AND (started, run) < ($3, $4) AND started >= \
     $5 AND (runner = $6 OR $6 = '') AND (procedure_id = $7 OR $7 = '') AND (verdict = $8 OR $8 = '') AND (cause = \
     $9 OR $9 = '') AND (asked_by = $10 OR $10 = '') AND (procedure_digest = $11 OR length($11) = 0) AND \
     (procedure_version = $12 OR $12 = -1) AND (partial = $13 OR $13 = -1) AND coalesce(failing_weight, 0) >= $14 \
     AND coalesce(score, -1) >= $15 AND coalesce(score, -1) <= $16 ORDER BY started DESC, run DESC LIMIT $17"
);
const FITTING_PLACE: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
     score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
     reports, accepted FROM run WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 AND (started, run) < ($4, \
     $5) AND started >= $6 AND (runner = $7 OR $7 = '') AND (procedure_id = $8 OR $8 = '') AND (verdict = $9 OR $9 = \
     '') AND (cause = $10 OR $10 = '') AND (asked_by = $11 OR $11 = '') AND (procedure_digest = $12 OR length($12) = \
     0) AND (procedure_version = $13 OR $13 = -1) AND (partial = $14 OR $14 = -1) AND coalesce(failing_weight, 0) >= \
     $15 AND coalesce(score, -1) >= $16 AND coalesce(score, -1) <= $17 ORDER BY started DESC, run DESC LIMIT $18"
);
const FITTING_ASKED: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
     score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
     reports, accepted FROM run WHERE tenant = $1 AND asked_by = $2 AND (started, run) < ($3, $4) AND started >= $5 \
     AND (runner = $6 OR $6 = '') AND (procedure_id = $7 OR $7 = '') AND (verdict = $8 OR $8 = '') AND (cause = $9 \
     OR $9 = '') AND (asked_by = $10 OR $10 = '') AND (procedure_digest = $11 OR length($11) = 0) AND \
     (procedure_version = $12 OR $12 = -1) AND (partial = $13 OR $13 = -1) AND coalesce(failing_weight, 0) >= $14 \
     AND coalesce(score, -1) >= $15 AND coalesce(score, -1) <= $16 ORDER BY started DESC, run DESC LIMIT $17"
);
const FITTING_DIGEST: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
     score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
     reports, accepted FROM run WHERE tenant = $1 AND procedure_digest = $2 AND (started, run) < ($3, $4) AND \
     started >= $5 AND (runner = $6 OR $6 = '') AND (procedure_id = $7 OR $7 = '') AND (verdict = $8 OR $8 = '') AND \
     (cause = $9 OR $9 = '') AND (asked_by = $10 OR $10 = '') AND (procedure_digest = $11 OR length($11) = 0) AND \
     (procedure_version = $12 OR $12 = -1) AND (partial = $13 OR $13 = -1) AND coalesce(failing_weight, 0) >= $14 \
     AND coalesce(score, -1) >= $15 AND coalesce(score, -1) <= $16 ORDER BY started DESC, run DESC LIMIT $17"
);
const FITTING_PARTIAL: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
     score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
     reports, accepted FROM run WHERE tenant = $1 AND partial = 1 AND (started, run) < ($2, $3) AND started >= $4 \
     AND (runner = $5 OR $5 = '') AND (procedure_id = $6 OR $6 = '') AND (verdict = $7 OR $7 = '') AND (cause = $8 \
     OR $8 = '') AND (asked_by = $9 OR $9 = '') AND (procedure_digest = $10 OR length($10) = 0) AND \
     (procedure_version = $11 OR $11 = -1) AND (partial = $12 OR $12 = -1) AND coalesce(failing_weight, 0) >= $13 \
     AND coalesce(score, -1) >= $14 AND coalesce(score, -1) <= $15 ORDER BY started DESC, run DESC LIMIT $16"
);
const FITTING_WEIGHT: Sql = sql!(
    "SELECT run, runner, procedure_id, procedure_version, procedure_digest, cause, due, started, ended, verdict, \
     score, score_with_exceptions, pass, fail, error, pending, not_applicable, excepted, partial, software, seq, \
     reports, accepted FROM run WHERE tenant = $1 AND failing_weight = $2 AND failing_weight > 0 AND (started, run) \
     < ($3, $4) AND started >= $5 AND (runner = $6 OR $6 = '') AND (procedure_id = $7 OR $7 = '') AND (verdict = $8 \
     OR $8 = '') AND (cause = $9 OR $9 = '') AND (asked_by = $10 OR $10 = '') AND (procedure_digest = $11 OR \
     length($11) = 0) AND (procedure_version = $12 OR $12 = -1) AND (partial = $13 OR $13 = -1) AND \
     coalesce(failing_weight, 0) >= $14 AND coalesce(score, -1) >= $15 AND coalesce(score, -1) <= $16 ORDER BY \
     started DESC, run DESC LIMIT $17"
);
const FITTING_CHECK: Sql = sql!(
    "SELECT run.run, run.runner, run.procedure_id, run.procedure_version, run.procedure_digest, run.cause, run.due, \
     run.started, run.ended, run.verdict, run.score, run.score_with_exceptions, run.pass, run.fail, run.error, \
     run.pending, run.not_applicable, run.excepted, run.partial, run.software, run.seq, run.reports, run.accepted \
     FROM run_failing JOIN run ON run.tenant = $1 AND run.run = run_failing.run AND run.started = \
     run_failing.started JOIN run_check ON run_check.tenant = $1 AND run_check.run = run_failing.run AND \
     run_check.check_id = run_failing.check_id AND run_check.status = 'fail' WHERE run_failing.tenant = $1 AND \
     run_failing.procedure_id = $2 AND run_failing.check_id = $3 AND (run_failing.started, run_failing.run) < ($4, \
     $5) AND run_failing.started >= $6 AND (run.runner = $7 OR $7 = '') AND (run.procedure_id = $8 OR $8 = '') AND \
     (run.verdict = $9 OR $9 = '') AND (run.cause = $10 OR $10 = '') AND (run.asked_by = $11 OR $11 = '') AND \
     (run.procedure_digest = $12 OR length($12) = 0) AND (run.procedure_version = $13 OR $13 = -1) AND (run.partial \
     = $14 OR $14 = -1) AND coalesce(run.failing_weight, 0) >= $15 AND coalesce(run.score, -1) >= $16 AND \
     coalesce(run.score, -1) <= $17 ORDER BY run_failing.started DESC, run_failing.run DESC LIMIT $18"
);

const BEGUN_ALL: Sql = sql!(
    "SELECT started FROM run WHERE tenant = $1 AND (started, run) < ($2, $3) AND started >= $4 ORDER BY started \
     DESC, run DESC LIMIT $5"
);
const BEGUN_RUNNER: Sql = sql!(
    "SELECT started FROM run WHERE tenant = $1 AND runner = $2 AND (started, run) < ($3, $4) AND started >= $5 ORDER \
     BY started DESC, run DESC LIMIT $6"
);
const BEGUN_PROCEDURE: Sql = sql!(
    "SELECT started FROM run WHERE tenant = $1 AND procedure_id = $2 AND (started, run) < ($3, $4) AND started >= $5 \
     ORDER BY started DESC, run DESC LIMIT $6"
);
const BEGUN_PLACE: Sql = sql!(
    "SELECT started FROM run WHERE tenant = $1 AND runner = $2 AND procedure_id = $3 AND (started, run) < ($4, $5) \
     AND started >= $6 ORDER BY started DESC, run DESC LIMIT $7"
);
const BEGUN_ASKED: Sql = sql!(
    "SELECT started FROM run WHERE tenant = $1 AND asked_by = $2 AND (started, run) < ($3, $4) AND started >= $5 \
     ORDER BY started DESC, run DESC LIMIT $6"
);
const BEGUN_DIGEST: Sql = sql!(
    "SELECT started FROM run WHERE tenant = $1 AND procedure_digest = $2 AND (started, run) < ($3, $4) AND started \
     >= $5 ORDER BY started DESC, run DESC LIMIT $6"
);
const BEGUN_PARTIAL: Sql = sql!(
    "SELECT started FROM run WHERE tenant = $1 AND partial = 1 AND (started, run) < ($2, $3) AND started >= $4 ORDER \
     BY started DESC, run DESC LIMIT $5"
);
const BEGUN_WEIGHT: Sql = sql!(
    "SELECT started FROM run WHERE tenant = $1 AND failing_weight = $2 AND failing_weight > 0 AND (started, run) < \
     ($3, $4) AND started >= $5 ORDER BY started DESC, run DESC LIMIT $6"
);
const BEGUN_CHECK: Sql = sql!(
    "SELECT run_failing.started FROM run_failing WHERE run_failing.tenant = $1 AND run_failing.procedure_id = $2 AND \
     run_failing.check_id = $3 AND (run_failing.started, run_failing.run) < ($4, $5) AND run_failing.started >= $6 \
     ORDER BY run_failing.started DESC, run_failing.run DESC LIMIT $7"
);
