//! Runs by everything that tells them apart.
//!
//! What a search names beside Runner, procedure, verdict, cause and time has no index together with all of those. So it
//! walks the index that promises most, looks at every other condition on the way, and stops after a bounded number of runs:
//! a page costs the same whatever is asked and however many runs there are.

use clock::Timestamp;
use control_plane_domain::list::{Cursor, Listed, Page};
use control_plane_domain::run::{RunFilter, RunSummary};
use ids::PersonId;
use proof::text::{FreeText, Name};
use verdict::Severity;

use super::list::end;
use super::read_run;
use super::ways::{Way, begun, fitting};
use crate::StoreError;
use crate::sql::sql;
use crate::tx::Reads;
use crate::value::{Cells, ToValue, Value, values};

/// Runs that one page looks at on its way, together.
const LOOKED_AT: u64 = 2_000;

/// The least that is looked at of each of several lists.
const LEAST: u64 = 25;

/// A page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRuns {
    /// Runs that fit, those that began last first; `next` goes on where the search stopped.
    pub rows: Listed<RunSummary>,
    /// How many runs were looked through, if the page ended because they were enough and not because it is full.
    pub looked_through: Option<u64>,
}

/// How much a failed check weighs; the gravest of a run stands in it.
pub(super) const fn weight(severity: Severity) -> u64 {
    match severity {
        Severity::Critical => 5,
        Severity::High => 4,
        Severity::Medium => 3,
        Severity::Low => 2,
        Severity::Info => 1,
    }
}

/// Where the walk through one list has to stop.
struct Walk {
    from: i64,
    /// The list goes on behind it.
    is_cut: bool,
}

impl Reads {
    /// Runs by everything that tells them apart; with `among`, those of these procedures alone.
    pub async fn search_runs(
        &self,
        filter: &RunFilter,
        among: Option<&[Name]>,
        page: &Page,
    ) -> Result<FoundRuns, StoreError> {
        if filter.is_plain() && among.is_none() {
            return Ok(FoundRuns { rows: self.runs(filter, page).await?, looked_through: None });
        }
        let ways = ways(filter, among);
        let Some(first) = ways.first() else {
            return Ok(FoundRuns { rows: Listed { items: Vec::new(), next: None }, looked_through: None });
        };
        let before = end(filter, page)?;
        let begin = filter.from.map_or(i64::MIN, Timestamp::as_millis);
        let lists = u64::try_from(ways.len()).unwrap_or(u64::MAX);
        let most = (LOOKED_AT / lists).max(LEAST);
        let walks = self.walks(&ways, &before, begin, most).await?;
        let one_more = u64::from(page.limit()).saturating_add(1);
        let rest = conditions(filter);
        let each = ways.iter().zip(&walks).map(|(way, walk)| {
            let mut values = way.values();
            values.extend(before.clone());
            values.push(walk.from.to_value());
            values.extend(rest.clone());
            values.push(one_more.to_value());
            values
        });
        // Every way of one search is of one kind, so they have one statement.
        let mut items = self.all_of_each("run", fitting(first), each.collect(), read_run).await?;
        items.sort_by_key(|run| std::cmp::Reverse((run.started, run.id)));
        // Of a list that was cut nothing is known before its end, so the page ends there for all of them.
        let cut = walks.iter().filter(|walk| walk.is_cut).map(|walk| walk.from).max();
        if let Some(cut) = cut {
            items.retain(|run| run.started.as_millis() >= cut);
        }
        let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let is_full = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| is_full);
        let next = match (last, cut) {
            (Some(run), _) => Some(Cursor::at([run.started.as_millis().to_string(), run.id.to_string()])),
            // Before every run of that moment, all of which were looked at.
            (None, Some(cut)) => Some(Cursor::at([cut.to_string(), String::new()])),
            (None, None) => None,
        };
        let looked_through = (!is_full && cut.is_some()).then_some(most.saturating_mul(lists));
        Ok(FoundRuns { rows: Listed { items, next }, looked_through })
    }

    /// How far each way can be walked.
    async fn walks(&self, ways: &[Way], before: &[Value], begin: i64, most: u64) -> Result<Vec<Walk>, StoreError> {
        let Some(first) = ways.first() else { return Ok(Vec::new()) };
        let each = ways.iter().map(|way| {
            let mut values = way.values();
            values.extend(before.to_vec());
            values.extend(values![begin, most.saturating_add(1)]);
            values
        });
        let read = |mut cells: Cells| cells.take::<i64>("started");
        let lists = self.each_of("run", begun(first), each.collect(), read).await?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let walk = |times: Vec<i64>| match times.get(most.saturating_sub(1)) {
            Some(last) if times.len() > most => Walk { from: *last, is_cut: true },
            Some(_) | None => Walk { from: begin, is_cut: false },
        };
        Ok(lists.into_iter().map(walk).collect())
    }

    /// People who asked for runs that there are, each once; at most `limit`.
    pub async fn run_askers(&self, limit: u32) -> Result<Vec<(PersonId, Option<FreeText>)>, StoreError> {
        let sql = sql!(
            "WITH RECURSIVE known (id) AS (SELECT min(asked_by) FROM run WHERE tenant = $1 AND asked_by IS NOT NULL \
             UNION ALL SELECT (SELECT min(asked_by) FROM run WHERE tenant = $1 AND asked_by > known.id) FROM known \
             WHERE known.id IS NOT NULL) \
             SELECT known.id, (SELECT name FROM person WHERE tenant = $1 AND person = known.id) FROM known \
             WHERE known.id IS NOT NULL LIMIT $2"
        );
        self.all("run", sql, values![limit], |mut cells| Ok((cells.take("asked_by")?, cells.take("name")?))).await
    }
}

/// The ways of a search, all of one kind: by what few runs have, before what many have.
fn ways(filter: &RunFilter, among: Option<&[Name]>) -> Vec<Way> {
    let fits = |procedure: &Name| among.is_none_or(|among| among.contains(procedure));
    if let Some(procedure) = &filter.procedure {
        if !fits(procedure) {
            return Vec::new();
        }
        if let Some(check) = &filter.failing_check {
            return vec![Way::Check(procedure.clone(), check.clone())];
        }
    }
    // Several procedures are several lists, so nothing else can be the way.
    if let (Some(among), None) = (among, &filter.procedure) {
        return match filter.runner {
            Some(runner) => among.iter().map(|procedure| Way::Place(runner, procedure.clone())).collect(),
            None => among.iter().map(|procedure| Way::Procedure(procedure.clone())).collect(),
        };
    }
    if let Some(person) = filter.asked_by {
        return vec![Way::Asked(person)];
    }
    if let Some(digest) = filter.digest {
        return vec![Way::Digest(digest)];
    }
    if filter.partial == Some(true) {
        return vec![Way::Partial];
    }
    match (filter.runner, &filter.procedure, filter.failing) {
        (Some(runner), Some(procedure), _) => vec![Way::Place(runner, procedure.clone())],
        (_, _, Some(least)) => {
            let graver = Severity::ALL.iter().map(|severity| weight(*severity));
            graver.filter(|found| *found >= weight(least)).map(Way::Weight).collect()
        }
        (Some(runner), None, None) => vec![Way::Runner(runner)],
        (None, Some(procedure), None) => vec![Way::Procedure(procedure.clone())],
        (None, None, None) => vec![Way::All],
    }
}

/// Every condition but the times; where none is given, a value that every run passes.
fn conditions(filter: &RunFilter) -> Vec<Value> {
    let digest = filter.digest.map_or_else(Vec::new, |digest| digest.as_bytes().to_vec());
    let version = filter.version.map_or(Value::Int(-1), |version| version.to_value());
    let score = |given: Option<u64>, other: i64| given.map_or(Value::Int(other), |score| score.to_value());
    // Who asks up to a score does not mean runs that have none.
    let least = score(filter.score_from, if filter.score_to.is_some() { 0 } else { -1 });
    values![
        filter.runner.map(|runner| runner.to_string()).unwrap_or_default(),
        filter.procedure.as_ref().map_or("", Name::as_str),
        filter.verdict.map_or("", |verdict| verdict.as_str()),
        filter.trigger.map_or("", |trigger| trigger.as_str()),
        filter.asked_by.map(|person| person.to_string()).unwrap_or_default(),
        digest,
        version,
        filter.partial.map_or(-1, i64::from),
        filter.failing.map_or(0, weight),
        least,
        score(filter.score_to, i64::MAX),
    ]
}
