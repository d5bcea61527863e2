//! What the lists of alarms and of drill-downs are narrowed by: each page begins where the one before ended, in the index of
//! the narrowest thing that was named.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::alarm::{Alarm, AlarmFilter, AlarmKind};
use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::{DrillDown, DrillDownEnd, DrillDownFilter, DrillDownWord};
use control_plane_domain::list::{Listed, Page};
use ids::{AlarmId, PersonId, RequestId, RunId, RunnerId};
use proof::text::Name;

use crate::StoreError;
use crate::alarms::read as read_alarm;
use crate::drilldowns::read as read_drilldown;
use crate::sql::{Sql, sql};
use crate::tx::{After, Reads};
use crate::value::{Cells, ToValue, Value, values};

/// After every text that is kept.
const LAST: &str = "\u{10ffff}";

/// How far the time in an id may be from the one in its row.
const SLACK_MS: i64 = 3_600_000;

impl Reads {
    /// Alarms that fit, newest first.
    pub async fn alarms_by(&self, filter: &AlarmFilter, page: &Page) -> Result<Listed<Alarm>, StoreError> {
        let AlarmFilter { open_only, kind, runner, from, until } = filter;
        let id = |ms, random| AlarmId::from_parts(ms, random).to_string();
        let (after, before) = bounds(*from, *until, page, id)?;
        let place = |alarm: &Alarm| vec![alarm.id.to_string()];
        let times = [after, before, lower(*from), upper(*until)];
        let runner_bounds = between(runner.map(|runner| runner.to_string()));
        let kind_bounds = between(kind.map(|kind: AlarmKind| kind.to_string()));
        let (sql, values) = match (*open_only, kind, runner) {
            // Of these there are never many: one of a kind, Runner and subject.
            (true, _, _) => (
                sql!(
                    "SELECT alarm, kind, runner, subject, opened, evidence, acknowledged_by, acknowledged_at FROM alarm \
                     WHERE tenant = $1 AND acknowledged_at IS NULL AND COALESCE(runner, '') >= $2 \
                     AND COALESCE(runner, '') <= $3 AND kind >= $4 AND kind <= $5 AND alarm > $6 AND alarm < $7 \
                     AND opened >= $8 AND opened < $9 ORDER BY alarm DESC LIMIT $10"
                ),
                runner_bounds.into_iter().chain(kind_bounds).chain(times).collect(),
            ),
            (false, Some(kind), Some(runner)) => (
                sql!(
                    "SELECT alarm, kind, runner, subject, opened, evidence, acknowledged_by, acknowledged_at FROM alarm \
                     WHERE tenant = $1 AND kind = $2 AND runner = $3 AND alarm > $4 AND alarm < $5 AND opened >= $6 \
                     AND opened < $7 ORDER BY alarm DESC LIMIT $8"
                ),
                values![kind, runner].into_iter().chain(times).collect(),
            ),
            (false, Some(kind), None) => (
                sql!(
                    "SELECT alarm, kind, runner, subject, opened, evidence, acknowledged_by, acknowledged_at FROM alarm \
                     WHERE tenant = $1 AND kind = $2 AND alarm > $3 AND alarm < $4 AND opened >= $5 AND opened < $6 \
                     ORDER BY alarm DESC LIMIT $7"
                ),
                values![kind].into_iter().chain(times).collect(),
            ),
            (false, None, Some(runner)) => (
                sql!(
                    "SELECT alarm, kind, runner, subject, opened, evidence, acknowledged_by, acknowledged_at FROM alarm \
                     WHERE tenant = $1 AND runner = $2 AND alarm > $3 AND alarm < $4 AND opened >= $5 AND opened < $6 \
                     ORDER BY alarm DESC LIMIT $7"
                ),
                values![runner].into_iter().chain(times).collect(),
            ),
            (false, None, None) => (
                sql!(
                    "SELECT alarm, kind, runner, subject, opened, evidence, acknowledged_by, acknowledged_at FROM alarm \
                     WHERE tenant = $1 AND alarm > $2 AND alarm < $3 AND opened >= $4 AND opened < $5 \
                     ORDER BY alarm DESC LIMIT $6"
                ),
                times.into_iter().collect(),
            ),
        };
        self.list("alarm", sql, values, page, read_alarm, place).await
    }

    /// Drill-downs that fit, newest first.
    pub async fn drilldowns_by(&self, filter: &DrillDownFilter, page: &Page) -> Result<Listed<DrillDown>, StoreError> {
        let id = |ms, random| RequestId::from_parts(ms, random).to_string();
        let (after, before) = bounds(filter.from, filter.until, page, id)?;
        let place = |drilldown: &DrillDown| vec![drilldown.id.to_string()];
        let times = [after, before, lower(filter.from), upper(filter.until)];
        let (sql, values) = match (filter.person, filter.runner) {
            (Some(person), _) => of_person(person, filter, times),
            (None, Some(runner)) => of_runner(runner, filter, times),
            (None, None) => of_all(filter.end, filter.purpose, times),
        };
        self.list("drilldown", sql, values, page, read_drilldown, place).await
    }
}

impl Reads {
    /// The procedures of these runs.
    pub async fn procedures_of_runs(&self, runs: &BTreeSet<RunId>) -> Result<BTreeMap<RunId, Name>, StoreError> {
        let sql = sql!("SELECT run, procedure_id FROM run WHERE tenant = $1 AND run = $2");
        let each = runs.iter().map(|run| values![run]).collect();
        let read = |mut cells: Cells| Ok((cells.take("run")?, cells.take("procedure_id")?));
        Ok(self.all_of_each("run", sql, each, read).await?.into_iter().collect())
    }
}

/// Everybody's drill-downs: by what became of them before what they were for.
fn of_all(end: Option<DrillDownEnd>, purpose: Option<Purpose>, times: [Value; 4]) -> (Sql, Vec<Value>) {
    let purposes = between(purpose.map(|purpose| purpose.to_string()));
    match (end, end.and_then(word), purpose) {
        // Of these there are never many.
        (Some(_), None, _) => (
            sql!(
                "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
                 expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
                 changed, session FROM drilldown WHERE tenant = $1 AND is_over = 0 AND COALESCE(purpose, '') >= $2 \
                 AND COALESCE(purpose, '') <= $3 AND request > $4 AND request < $5 AND requested >= $6 \
                 AND requested < $7 ORDER BY request DESC LIMIT $8"
            ),
            purposes.into_iter().chain(times).collect(),
        ),
        (_, Some(word), _) => (
            sql!(
                "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
                 expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
                 changed, session FROM drilldown WHERE tenant = $1 AND state = $2 AND COALESCE(purpose, '') >= $3 \
                 AND COALESCE(purpose, '') <= $4 AND request > $5 AND request < $6 AND requested >= $7 \
                 AND requested < $8 ORDER BY request DESC LIMIT $9"
            ),
            values![word].into_iter().chain(purposes).chain(times).collect(),
        ),
        (None, None, Some(purpose)) => (
            sql!(
                "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
                 expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
                 changed, session FROM drilldown WHERE tenant = $1 AND purpose = $2 AND request > $3 AND request < $4 \
                 AND requested >= $5 AND requested < $6 ORDER BY request DESC LIMIT $7"
            ),
            values![purpose].into_iter().chain(times).collect(),
        ),
        (None, None, None) => (
            sql!(
                "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
                 expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
                 changed, session FROM drilldown WHERE tenant = $1 AND request > $2 AND request < $3 \
                 AND requested >= $4 AND requested < $5 ORDER BY request DESC LIMIT $6"
            ),
            times.into_iter().collect(),
        ),
    }
}

/// A person's drill-downs.
fn of_person(person: PersonId, filter: &DrillDownFilter, times: [Value; 4]) -> (Sql, Vec<Value>) {
    let sql = sql!(
        "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
         expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
         changed, session FROM drilldown WHERE tenant = $1 AND person = $2 AND COALESCE(runner, '') >= $3 \
         AND COALESCE(runner, '') <= $4 AND is_over >= $5 AND is_over <= $6 AND COALESCE(state, '') >= $7 \
         AND COALESCE(state, '') <= $8 AND COALESCE(purpose, '') >= $9 AND COALESCE(purpose, '') <= $10 \
         AND request > $11 AND request < $12 AND requested >= $13 AND requested < $14 \
         ORDER BY request DESC LIMIT $15"
    );
    let runners = between(filter.runner.map(|runner| runner.to_string()));
    (sql, values![person].into_iter().chain(runners).chain(rest(filter)).chain(times).collect())
}

/// The drill-downs at a Runner.
fn of_runner(runner: RunnerId, filter: &DrillDownFilter, times: [Value; 4]) -> (Sql, Vec<Value>) {
    let sql = sql!(
        "SELECT request, runner, run, items, person, api_key, purpose, reason, recipient, device_key, requested, \
         expires, audit_seq, audit_hash, state, payload, envelope, request_sha256, epoch, until, code, receipt, \
         changed, session FROM drilldown WHERE tenant = $1 AND runner = $2 AND is_over >= $3 AND is_over <= $4 \
         AND COALESCE(state, '') >= $5 AND COALESCE(state, '') <= $6 AND COALESCE(purpose, '') >= $7 \
         AND COALESCE(purpose, '') <= $8 AND request > $9 AND request < $10 AND requested >= $11 \
         AND requested < $12 ORDER BY request DESC LIMIT $13"
    );
    (sql, values![runner].into_iter().chain(rest(filter)).chain(times).collect())
}

/// What became of them and what they were for, both ends of each. It is hidden from the planner: a person has few
/// drill-downs, in order, and those that fit this would have to be put in order.
fn rest(filter: &DrillDownFilter) -> impl Iterator<Item = Value> + use<> {
    let over = match filter.end {
        None => [0, 1],
        Some(DrillDownEnd::Open) => [0, 0],
        Some(DrillDownEnd::Answered | DrillDownEnd::Refused | DrillDownEnd::Expired | DrillDownEnd::Cancelled) => {
            [1, 1]
        }
    };
    let states = between(filter.end.and_then(word).map(|word| word.to_string()));
    let purposes = between(filter.purpose.map(|purpose| purpose.to_string()));
    over.map(Value::Int).into_iter().chain(states).chain(purposes)
}

/// The word of an end; `None` of what is not over, of which there are several.
const fn word(end: DrillDownEnd) -> Option<DrillDownWord> {
    match end {
        DrillDownEnd::Open => None,
        DrillDownEnd::Answered => Some(DrillDownWord::Answered),
        DrillDownEnd::Refused => Some(DrillDownWord::Refused),
        DrillDownEnd::Expired => Some(DrillDownWord::Expired),
        DrillDownEnd::Cancelled => Some(DrillDownWord::Cancelled),
    }
}

/// Both ends of a text that is named, or of all texts.
pub(crate) fn between(named: Option<String>) -> [Value; 2] {
    named.map_or_else(|| [String::new(), LAST.to_owned()], |text| [text.clone(), text]).map(|text| text.to_value())
}

fn lower(from: Option<Timestamp>) -> Value {
    Value::Int(from.map_or(i64::MIN, Timestamp::as_millis))
}

fn upper(until: Option<Timestamp>) -> Value {
    Value::Int(until.map_or(i64::MAX, Timestamp::as_millis))
}

/// The ids between which a page lies. An id begins with the time at which it was made, which is how a filter for times
/// enters the index; the row's own time decides.
fn bounds(
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    page: &Page,
    id: impl Fn(u64, [u8; 10]) -> String,
) -> Result<(Value, Value), StoreError> {
    let at = |time: Timestamp, slack: i64| u64::try_from(time.as_millis().saturating_add(slack)).unwrap_or(0);
    let after = from.map_or_else(String::new, |from| id(at(from, -SLACK_MS), [0; 10]));
    let cursor = After::of(page, 1)?.text_down(0);
    let last = until.map(|until| id(at(until, SLACK_MS), [0xff; 10]));
    let before = match (cursor, last) {
        (Value::Text(cursor), Some(last)) => Value::Text(cursor.min(last)),
        (cursor, _) => cursor,
    };
    Ok((after.to_value(), before))
}
