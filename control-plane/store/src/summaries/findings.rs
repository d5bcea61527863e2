//! What fails, by weight or by age, in pages: every combination of filters enters an index of open findings alone.

use clock::Timestamp;
use control_plane_domain::check_state::CheckState;
use control_plane_domain::list::{Cursor, Listed, Page};
use control_plane_domain::standing::{FindingFilter, FindingOrder};
use proof::text::Name;
use verdict::Severity;

use crate::StoreError;
use crate::checks::read_state;
use crate::sql::sql;
use crate::tx::{After, Reads};
use crate::value::{Value, values};

/// Where the lists begin: after the row with this severity and these values.
struct Begin {
    severity: Option<usize>,
    since: i64,
    rest: [String; 3],
}

/// One severity's list: the row after which it begins.
struct List {
    severity: Severity,
    since: i64,
    rest: [String; 3],
}

impl Reads {
    /// A page of open findings. With `among`, those of these procedures alone, or of one check of them.
    pub async fn findings_by(
        &self,
        filter: &FindingFilter,
        among: Option<&[(Name, Option<Name>)]>,
        page: &Page,
    ) -> Result<Listed<CheckState>, StoreError> {
        let begin = begin(filter.order, page)?;
        // The lists of weightier findings than the one at which the page before ended are over.
        let lists = wanted(filter, &begin).map(|(rank, severity)| {
            let from = begin.severity.is_none_or(|at| at == rank).then_some(&begin);
            let (since, rest) = lower(filter, from);
            List { severity, since, rest }
        });
        let lists: Vec<List> = lists.collect();
        let of_one = [(filter.procedure.clone(), None)];
        let places: Vec<(Option<Name>, Option<Name>)> = match among {
            None => of_one.to_vec(),
            Some(among) => {
                let fits = |id: &Name| filter.procedure.as_ref().is_none_or(|only| only == id);
                let fitting = among.iter().filter(|(id, _)| fits(id)).cloned();
                fitting.map(|(id, check)| (Some(id), check)).collect()
            }
        };
        let mut found = self.of_places(filter, &lists, &places, page).await?;
        let key = |state: &CheckState| {
            let rank = if filter.order == FindingOrder::Severity { rank(state.severity) } else { 0 };
            let since = state.failing_since.map_or(0, Timestamp::as_millis);
            (rank, since, state.runner, state.procedure.clone(), state.check.clone())
        };
        found.sort_by_cached_key(key);
        let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        let place = |state: &CheckState| {
            let (rank, since, runner, procedure, check) = key(state);
            let rank = (filter.order == FindingOrder::Severity).then(|| rank.to_string());
            let rest = [since.to_string(), runner.to_string(), procedure.to_string(), check.to_string()];
            Cursor::at(rank.into_iter().chain(rest))
        };
        let next = found.last().filter(|_| more).map(place);
        Ok(Listed { items: found, next })
    }

    /// One list for each severity at each of these places, each at most a page long. All places name a procedure, or none
    /// does.
    async fn of_places(
        &self,
        filter: &FindingFilter,
        lists: &[List],
        places: &[(Option<Name>, Option<Name>)],
        page: &Page,
    ) -> Result<Vec<CheckState>, StoreError> {
        let until = filter.failing_before.map_or(i64::MAX, Timestamp::as_millis);
        let limit = u64::from(page.limit()).saturating_add(1);
        let row = |List { severity, since, rest: [runner, of, at] }: &List, (procedure, check): &(_, Option<Name>)| {
            // An empty text stands for every procedure, and for every check.
            let only_check = check.as_ref().map_or("", Name::as_str);
            let procedure: Option<&Name> = Option::as_ref(procedure);
            match (filter.runner, procedure) {
                (Some(this), _) => {
                    let only = procedure.map_or("", Name::as_str);
                    values![severity, this, since, of, at, until, only, only_check, limit]
                }
                (None, Some(procedure)) => values![severity, procedure, since, runner, at, until, only_check, limit],
                (None, None) => values![severity, since, runner, of, at, until, limit],
            }
        };
        let each: Vec<Vec<Value>> =
            places.iter().flat_map(|place| lists.iter().map(move |list| row(list, place))).collect();
        let procedure = places.first().and_then(|(procedure, _)| procedure.as_ref());
        let sql = match (filter.runner, procedure) {
            (Some(_), _) => sql!(
                "SELECT runner, procedure_id, check_id, status, severity, since, failing_since, run, run_ended \
                 FROM check_state WHERE tenant = $1 AND severity = $2 AND runner = $3 AND failing_since IS NOT NULL \
                 AND retired = 0 AND (failing_since, procedure_id, check_id) > ($4, $5, $6) AND failing_since < $7 \
                 AND ($8 = '' OR procedure_id = $8) AND ($9 = '' OR check_id = $9) \
                 ORDER BY failing_since, procedure_id, check_id LIMIT $10"
            ),
            (None, Some(_)) => sql!(
                "SELECT runner, procedure_id, check_id, status, severity, since, failing_since, run, run_ended \
                 FROM check_state WHERE tenant = $1 AND severity = $2 AND procedure_id = $3 \
                 AND failing_since IS NOT NULL AND retired = 0 AND (failing_since, runner, check_id) > ($4, $5, $6) \
                 AND failing_since < $7 AND ($8 = '' OR check_id = $8) \
                 ORDER BY failing_since, runner, check_id LIMIT $9"
            ),
            (None, None) => sql!(
                "SELECT runner, procedure_id, check_id, status, severity, since, failing_since, run, run_ended \
                 FROM check_state WHERE tenant = $1 AND severity = $2 AND failing_since IS NOT NULL AND retired = 0 \
                 AND (failing_since, runner, procedure_id, check_id) > ($3, $4, $5, $6) AND failing_since < $7 \
                 ORDER BY failing_since, runner, procedure_id, check_id LIMIT $8"
            ),
        };
        self.all_of_each("check_state", sql, each, |mut cells| read_state(&mut cells)).await
    }
}

fn rank(severity: Severity) -> usize {
    Severity::ALL.iter().position(|known| *known == severity).unwrap_or_default()
}

fn begin(order: FindingOrder, page: &Page) -> Result<Begin, StoreError> {
    let columns = match order {
        FindingOrder::Severity => 5,
        FindingOrder::Age => 4,
    };
    After::of(page, columns)?;
    let Some(parts) = page.after().map(Cursor::parts) else {
        return Ok(Begin { severity: None, since: i64::MIN, rest: Default::default() });
    };
    let (severity, rest) = match (order, parts.split_first()) {
        (FindingOrder::Severity, Some((rank, rest))) => (Some(rank.parse().map_err(|_| StoreError::Cursor)?), rest),
        (FindingOrder::Severity, None) | (FindingOrder::Age, _) => (None, parts),
    };
    let [since, runner, procedure, check] = rest else { return Err(StoreError::Cursor) };
    let since = since.parse().map_err(|_| StoreError::Cursor)?;
    Ok(Begin { severity, since, rest: [runner.clone(), procedure.clone(), check.clone()] })
}

/// The severities whose lists are to be read.
fn wanted(filter: &FindingFilter, begin: &Begin) -> impl Iterator<Item = (usize, Severity)> {
    let from = begin.severity.unwrap_or_default();
    let only = filter.severity;
    let all = Severity::ALL.iter().copied().enumerate();
    all.filter(move |(rank, severity)| *rank >= from && only.is_none_or(|only| only == *severity))
}

/// The row after which a list begins: the one at which the page before ended, or the filter's begin if that is later.
fn lower(filter: &FindingFilter, begin: Option<&Begin>) -> (i64, [String; 3]) {
    let from = filter.failing_from.map_or(i64::MIN, Timestamp::as_millis);
    match begin {
        Some(begin) if begin.since >= from => (begin.since, begin.rest.clone()),
        _ => (from, Default::default()),
    }
}
