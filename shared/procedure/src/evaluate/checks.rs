//! The statuses of items and checks, in the exact order of the language.

use std::collections::{BTreeSet, HashSet};

use cel::common::types::{CelList, CelMap, CelMapKey, CelString};
use cel::common::value::Val;
use ids::ExceptionId;
use verdict::{CheckTally, Code, Counts, Status, score, score_with_exceptions};

use super::exceptions::check_digest;
use super::store::{Block, Given, Store};
use super::{
    Assessment, CheckResult, Collected, Exception, Failure, ItemResult, MetricResult, MetricValue, Outcome,
    PopulationResult, PopulationState, World,
};
use crate::expression::{Allowance, Bound, Expression, Machine, Name, text_of, whole};
use crate::model::{Check, Metric, Procedure};

pub(super) fn assess(
    machine: &Machine,
    procedure: &Procedure,
    world: &World,
    exceptions: &[Exception],
    only: Option<&BTreeSet<String>>,
) -> Assessment {
    let given = Given::of(machine, procedure, world, procedure.assessed_expressions());
    let mut store = Store::new(machine, procedure, world, &given);
    let mut lapsed = Vec::new();
    let checks: Vec<_> = procedure
        .checks
        .iter()
        .map(|check| {
            if only.is_some_and(|only| !only.contains(&check.id)) {
                return skipped(check);
            }
            let digest = check_digest(check);
            let mut standing = Vec::new();
            for exception in exceptions.iter().filter(|exception| exception.check == check.id) {
                match exception.standing(digest, world.run.at) {
                    Ok(()) => standing.push(exception),
                    Err(lapse) => lapsed.push((exception.id, lapse)),
                }
            }
            let items = judged(&mut store, check);
            store.forget_lists();
            overlaid(check, items, &standing)
        })
        .collect();
    let metrics = procedure.metrics.iter().map(|metric| measured(&mut store, metric)).collect();
    let populations = procedure
        .populations
        .iter()
        .map(|population| {
            let name = population.name.clone();
            store.provide_population(&name);
            let unknown = || PopulationState::Failed(Failure::internal("the population was not evaluated"));
            PopulationResult { state: store.populations.get(&name).cloned().unwrap_or_else(unknown), name }
        })
        .collect();
    let partial = checks.iter().any(|check| check.status == Status::Skipped);
    let tallies: Vec<_> = checks
        .iter()
        .filter(|check| check.status != Status::Skipped)
        .map(|check| CheckTally { severity: check.severity, counts: check.counts })
        .collect();
    let mut counts = Counts::default();
    tallies.iter().for_each(|tally| counts.add(&tally.counts));
    Assessment {
        verdict: checks.iter().map(|check| check.status).min().unwrap_or(Status::Skipped),
        score: if partial { None } else { score(&tallies) },
        score_with_exceptions: if partial { None } else { score_with_exceptions(&tallies) },
        checks,
        counts,
        metrics,
        populations,
        partial,
        lapsed,
    }
}

fn skipped(check: &Check) -> CheckResult {
    CheckResult {
        id: check.id.clone(),
        severity: check.severity,
        status: Status::Skipped,
        counts: Counts::default(),
        items: Vec::new(),
        exceptions: Vec::new(),
    }
}

/// Counts the items, with the exceptions laid over those that fail.
fn overlaid(check: &Check, mut items: Vec<ItemResult>, exceptions: &[&Exception]) -> CheckResult {
    let mut counts = Counts::default();
    let mut used: BTreeSet<ExceptionId> = BTreeSet::new();
    for item in &mut items {
        match item.status {
            Status::Pass => counts.pass += 1,
            Status::Fail => {
                counts.fail += 1;
                if let Some(exception) = exceptions.iter().find(|exception| exception.covers(item.key.as_deref())) {
                    counts.excepted += 1;
                    item.excepted = Some(exception.id);
                    used.insert(exception.id);
                }
            }
            Status::Pending => counts.pending += 1,
            Status::NotApplicable => counts.not_applicable += 1,
            Status::Error | Status::Excepted | Status::Skipped => counts.error += 1,
        }
    }
    CheckResult {
        id: check.id.clone(),
        severity: check.severity,
        status: counts.status(),
        counts,
        items,
        exceptions: used.into_iter().collect(),
    }
}

fn judged(store: &mut Store<'_>, check: &Check) -> Vec<ItemResult> {
    let blocks = Blocks { when: store.provide(&check.when), assert: store.provide([&check.assert]) };
    let mut allowance = store.machine.begin();
    let Some(source) = &check.for_each else {
        let judge = Judge { store, check, blocks: &blocks };
        return vec![judge.item(store.bound(), None, &mut allowance)];
    };
    if let Some(block) = store.provide_list(source, check.key.as_ref()) {
        // The list is not there, so the check is one item; `when` can still say that it does not apply.
        let judge = Judge { store, check, blocks: &blocks };
        return vec![judge.item(store.bound(), Some(&block), &mut allowance)];
    }
    let rows = match rows(store, source, check.key.as_ref()) {
        Ok(rows) => rows,
        Err(failure) => return vec![error(failure)],
    };
    if rows.is_empty() {
        return vec![empty(store, source)];
    }
    let judge = Judge { store, check, blocks: &blocks };
    let results = rows.into_iter().map(|row| {
        let name = CelString::from(row.key.as_str());
        let bound = Bound { item: Some(row.item), key: Some(&name), out: row.out, ..store.bound() };
        let result = judge.item(bound, row.block.as_ref(), &mut allowance);
        drop(name);
        ItemResult { key: Some(row.key), ..result }
    });
    results.collect()
}

/// What stands in the way of a check's expressions, whichever the item.
struct Blocks {
    when: Option<Block>,
    assert: Option<Block>,
}

struct Judge<'s, 'w> {
    store: &'s Store<'w>,
    check: &'s Check,
    blocks: &'s Blocks,
}

impl Judge<'_, '_> {
    /// The five rules, in their order. `collected` is what became of the item's own collection.
    fn item(&self, bound: Bound<'_>, collected: Option<&Block>, allowance: &mut Allowance) -> ItemResult {
        let dependencies = [&self.blocks.when, &self.blocks.assert];
        let is_list = self.check.for_each.is_none() || bound.item.is_none();
        let failed =
            dependencies.into_iter().flatten().chain(collected.filter(|_| is_list)).find_map(|block| match block {
                Block::Failed(failure) => Some(failure),
                Block::Pending | Block::Overdue => None,
            });
        if let Some(failure) = failed {
            return error(failure.clone());
        }
        if let Some(when) = &self.check.when {
            let needs = |name: Name| when.names().contains(&name);
            let unseen = (needs(Name::Out) && bound.out.is_none())
                || ((needs(Name::Item) || needs(Name::Key)) && bound.item.is_none());
            if let Some(block) = self.blocks.when.as_ref().filter(|_| !unseen) {
                return waiting(block);
            }
            if !unseen {
                match self.store.machine.truth(when, bound, allowance) {
                    Ok(true) => {}
                    Ok(false) => return plain(Status::NotApplicable),
                    Err(failure) => return error(failure),
                }
            }
        }
        match collected {
            Some(Block::Failed(failure)) => return error(failure.clone()),
            Some(block) => return waiting(block),
            None => {}
        }
        if let Some(block) = self.blocks.assert.as_ref().or(self.blocks.when.as_ref()) {
            return waiting(block);
        }
        match self.store.machine.truth(&self.check.assert, bound, allowance) {
            Ok(true) => plain(Status::Pass),
            Ok(false) => plain(Status::Fail),
            Err(failure) => error(failure),
        }
    }
}

fn plain(status: Status) -> ItemResult {
    ItemResult { key: None, status, code: None, excepted: None, detail: None }
}

fn error(failure: Failure) -> ItemResult {
    ItemResult {
        key: None,
        status: Status::Error,
        code: Some(failure.code),
        excepted: None,
        detail: Some(failure.text),
    }
}

fn waiting(block: &Block) -> ItemResult {
    match block {
        Block::Pending => plain(Status::Pending),
        Block::Overdue => ItemResult {
            code: Some(Code::Overdue),
            detail: Some("a person did not answer in time".to_owned()),
            ..plain(Status::Fail)
        },
        Block::Failed(failure) => error(failure.clone()),
    }
}

/// An empty list is an error unless the population behind it says otherwise.
fn empty(store: &Store<'_>, source: &Expression) -> ItemResult {
    let population = match source.direct() {
        Some(Name::Population(name) | Name::Sample(name)) => Some(name),
        Some(Name::Step(id)) => {
            let repeated = store.procedure.step(&id).and_then(|step| step.for_each.as_ref());
            match repeated.and_then(Expression::direct) {
                Some(Name::Population(name) | Name::Sample(name)) => Some(name),
                _ => None,
            }
        }
        _ => None,
    };
    let population = population.and_then(|name| store.procedure.population(&name));
    if population.is_some_and(|population| population.if_empty_not_applicable) {
        return plain(Status::NotApplicable);
    }
    error(Failure::new(Code::Empty, "the list is empty"))
}

/// One item of a list.
pub(super) struct Row<'s> {
    pub(super) key: String,
    pub(super) item: &'s (dyn Val + 's),
    pub(super) out: Option<&'s (dyn Val + 's)>,
    /// What became of its collection, if that gave no value.
    pub(super) block: Option<Block>,
}

/// The items of a list that [`Store::provide_list`] has provided.
pub(super) fn rows<'s>(
    store: &'s Store<'_>,
    source: &Expression,
    key: Option<&Expression>,
) -> Result<Vec<Row<'s>>, Failure> {
    let full = |kind: &str, name: &str| store.derived(&format!("{kind}.{name}"));
    match source.direct() {
        Some(Name::Step(id)) if store.procedure.step(&id).is_some_and(|step| step.for_each.is_some()) => {
            pieces(store, &id)
        }
        Some(Name::Population(name)) if key.is_none() => {
            let keys = store.listed.get(&name).map(|listed| listed.keys.clone()).unwrap_or_default();
            Ok(with_keys(full("population", &name), keys))
        }
        Some(Name::Sample(name)) if key.is_none() => {
            let listed = store.listed.get(&name);
            let indices = listed.and_then(|listed| listed.sampled.as_deref()).unwrap_or_default();
            let keys = indices.iter().filter_map(|index| listed?.keys.get(*index).cloned()).collect();
            Ok(with_keys(full("sample", &name), keys))
        }
        _ => {
            let value = store.list(source).ok_or_else(|| Failure::internal("the list was not provided"))?;
            named(store, value, key)
        }
    }
}

fn with_keys<'s>(list: Option<&'s (dyn Val + 's)>, keys: Vec<String>) -> Vec<Row<'s>> {
    let items = list.and_then(|list| list.downcast_ref::<CelList<'_>>()).map(CelList::inner).unwrap_or_default();
    items.iter().zip(keys).map(|(item, key)| Row { key, item: item.as_ref(), out: None, block: None }).collect()
}

fn pieces<'s>(store: &'s Store<'_>, id: &str) -> Result<Vec<Row<'s>>, Failure> {
    let Some(Collected::Each(pieces)) = store.world.steps.get(id) else {
        return Err(Failure::new(Code::Dependency, format!("the step `{id}` has no list")));
    };
    let records = store.step(id).and_then(|list| list.downcast_ref::<CelList<'_>>());
    let records = records.map(CelList::inner).unwrap_or_default();
    let member = |record: &'s (dyn Val + 's), name: &'static str| -> Option<&'s (dyn Val + 's)> {
        let value = record.downcast_ref::<CelMap<'_>>()?.inner().get(&CelMapKey::from(name))?;
        Some(value.as_ref())
    };
    pieces
        .iter()
        .zip(records)
        .map(|(piece, record)| {
            let item = member(record.as_ref(), "item").ok_or_else(|| Failure::internal("a piece has no item"))?;
            let block = match &piece.outcome {
                Outcome::Value(_) => None,
                Outcome::Pending => Some(Block::Pending),
                Outcome::Overdue => Some(Block::Overdue),
                Outcome::Failed(code) => Some(Block::Failed(Failure::new(*code, "it could not be collected"))),
                Outcome::Skipped => Some(Block::Failed(Failure::new(Code::Cancelled, "it was left out"))),
            };
            Ok(Row { key: piece.key.clone(), item, out: member(record.as_ref(), "out"), block })
        })
        .collect()
}

/// The items of a list with the key of each: what `key` gives, else the item itself if it can be a name.
fn named<'s>(
    store: &'s Store<'_>,
    list: &'s (dyn Val + 's),
    key: Option<&Expression>,
) -> Result<Vec<Row<'s>>, Failure> {
    let Some(list) = list.downcast_ref::<CelList<'_>>() else {
        return Err(Failure::new(Code::WrongType, "`for_each` does not give a list"));
    };
    let mut allowance = store.machine.begin();
    let mut seen = HashSet::with_capacity(list.inner().len());
    let mut rows = Vec::with_capacity(list.inner().len());
    for (index, item) in list.inner().iter().enumerate() {
        let unnamed = |text: &str| Failure::new(Code::WrongType, format!("item {}: {text}", index + 1));
        let name = match key {
            None => text_of(item.as_ref()).ok_or_else(|| unnamed("it has no key"))?,
            Some(key) => {
                let bound = Bound { item: Some(item.as_ref()), ..store.bound() };
                store.machine.text(key, bound, &mut allowance)?
            }
        };
        if !seen.insert(name.clone()) {
            let text = format!("item {}: another item has the same key: {name}", index + 1);
            return Err(Failure::new(Code::Function, text));
        }
        rows.push(Row { key: name, item: item.as_ref(), out: None, block: None });
    }
    Ok(rows)
}

fn measured(store: &mut Store<'_>, metric: &Metric) -> MetricResult {
    let value = match store.provide([&metric.value]) {
        Some(Block::Pending) => MetricValue::Pending,
        Some(Block::Overdue) => MetricValue::Failed(Failure::new(Code::Overdue, "a person did not answer in time")),
        Some(Block::Failed(failure)) => MetricValue::Failed(failure),
        None => match store.machine.value(&metric.value, store.bound()) {
            Ok(value) => number(value.as_ref()),
            Err(failure) => MetricValue::Failed(failure),
        },
    };
    MetricResult { name: metric.name.clone(), value }
}

fn number(value: &dyn Val) -> MetricValue {
    match whole(value) {
        None => MetricValue::Failed(Failure::new(Code::WrongType, "the value is not a number")),
        Some(value) => match i32::try_from(value) {
            Ok(value) => MetricValue::Value(value),
            Err(_) => MetricValue::Failed(Failure::new(Code::TooLarge, "the number needs more than 32 bits")),
        },
    }
}
