//! The values that expressions see. What was given to the run is made first and borrows from the evidence; what is
//! derived is made when it is first needed, and then shared by all expressions.

use std::collections::{BTreeSet, HashMap};

use cel::common::types::CelString;
use cel::common::value::{CowVal, Val};
use serde_json::Value;
use verdict::Code;

use super::populations::Listed;
use super::{Collected, Failure, Outcome, Piece, PopulationState, World};
use crate::expression::{Bound, Derived, Expression, Machine, NOTHING, Name, Native, Run, from_duration, from_json};
use crate::expression::{list, record};
use crate::model::{InputShape, Procedure};

/// Why a name has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Failed(Failure),
    Pending,
    Overdue,
}

/// What was given to the run: its circumstances, inputs, and what the steps collected.
pub(super) struct Given<'w> {
    run: Run<'w>,
    blocks: HashMap<Name, Block>,
}

impl<'w> Given<'w> {
    /// Everything that these expressions need, directly or through facts and populations.
    pub(super) fn of<'e>(
        machine: &Machine,
        procedure: &'w Procedure,
        world: &'w World,
        expressions: impl IntoIterator<Item = &'e Expression>,
    ) -> Self {
        let mut given = Self { run: Run::new(machine, world.run.at), blocks: HashMap::new() };
        given.circumstances(world);
        for name in reachable(procedure, expressions) {
            let value = match &name {
                Name::Input(input) => input_value(procedure, world, input),
                Name::Step(id) => step_value(world, id),
                _ => continue,
            };
            match (value, &name) {
                (Ok(value), Name::Input(input)) => given.run.set(format!("inputs.{input}"), value),
                (Ok(value), Name::Step(id)) => given.run.set(format!("steps.{id}"), value),
                (Ok(_), _) => {}
                (Err(block), _) => {
                    given.blocks.insert(name, block);
                }
            }
        }
        given
    }

    fn circumstances(&mut self, world: &'w World) {
        let run = &world.run;
        self.run.set_time("run.at", run.at);
        self.run.set("run.id".to_owned(), Box::new(CelString::from(run.id.as_str())));
        let scratch: Native<'w> = match &run.scratch {
            Some(path) => Box::new(CelString::from(path.as_str())),
            None => from_json(&NOTHING),
        };
        self.run.set("run.scratch".to_owned(), scratch);
        for (name, time) in [("run.period_start", run.period_start), ("run.period_end", run.period_end)] {
            match time {
                Some(time) => self.run.set_time(name, time),
                None => self.run.set(name.to_owned(), from_json(&NOTHING)),
            }
        }
    }
}

/// Every name that the expressions refer to, and those behind facts and populations.
fn reachable<'e>(procedure: &Procedure, expressions: impl IntoIterator<Item = &'e Expression>) -> BTreeSet<Name> {
    let mut open: Vec<Name> = expressions.into_iter().flat_map(Expression::names).cloned().collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        match &name {
            Name::Fact(fact) => {
                let fact = procedure.facts.iter().find(|candidate| candidate.name == *fact);
                open.extend(fact.into_iter().flat_map(|fact| fact.value.names()).cloned());
            }
            Name::Population(population) | Name::Sample(population) => {
                let population = procedure.population(population);
                open.extend(
                    population.into_iter().flat_map(|one| one.expressions()).flat_map(Expression::names).cloned(),
                );
            }
            _ => {}
        }
    }
    seen
}

fn input_value<'w>(procedure: &'w Procedure, world: &'w World, name: &str) -> Result<Native<'w>, Block> {
    let declared = procedure.inputs.iter().find(|input| input.name == name);
    let Some((value, declared)) = world.inputs.get(name).zip(declared) else {
        return Err(Block::Failed(Failure::internal(format!("the input `{name}` has no value"))));
    };
    let duration = match (&declared.shape, value) {
        (InputShape::Duration, Value::String(text)) => crate::reader::parse_duration(text),
        _ => None,
    };
    Ok(duration.and_then(from_duration).unwrap_or_else(|| from_json(value)))
}

fn step_value<'w>(world: &'w World, id: &str) -> Result<Native<'w>, Block> {
    let failed = |text: String| Err(Block::Failed(Failure::new(Code::Dependency, text)));
    match world.steps.get(id) {
        Some(Collected::One(Outcome::Value(value))) => Ok(from_json(value)),
        Some(Collected::Each(pieces)) => Ok(list(pieces.iter().map(piece_value))),
        Some(Collected::One(Outcome::Pending) | Collected::Pending) => Err(Block::Pending),
        Some(Collected::One(Outcome::Overdue)) => Err(Block::Overdue),
        Some(Collected::One(Outcome::Failed(code)) | Collected::Failed(code)) => {
            failed(format!("the step `{id}` failed: {code}"))
        }
        Some(Collected::One(Outcome::Skipped)) => failed(format!("the step `{id}` was left out")),
        Some(Collected::NotReached) | None => failed(format!("the step `{id}` was not reached")),
    }
}

/// `{key, item, out}`, or `error` or `pending` in the place of `out`.
fn piece_value(piece: &Piece) -> Native<'_> {
    let code = |code: Code| ("error", Box::new(CelString::from(code.as_str())) as Native<'_>);
    let outcome = match &piece.outcome {
        Outcome::Value(value) => ("out", from_json(value)),
        Outcome::Failed(failed) => code(*failed),
        Outcome::Overdue => code(Code::Overdue),
        Outcome::Skipped => code(Code::Cancelled),
        Outcome::Pending => ("pending", from_json(&Value::Bool(true))),
    };
    let key: Native<'_> = Box::new(CelString::from(piece.key.as_str()));
    record([("key", key), ("item", from_json(&piece.item)), outcome])
}

pub(super) struct Store<'g> {
    pub(super) machine: &'g Machine,
    pub(super) procedure: &'g Procedure,
    pub(super) world: &'g World,
    given: &'g Given<'g>,
    derived: Derived<'g>,
    /// Names that were looked at, and what stands in the way of those without a value.
    known: HashMap<Name, Option<Block>>,
    /// Lists that are repeated over and are not the value of a name, by the expression that gives them.
    lists: Derived<'g>,
    pub(super) listed: HashMap<String, Listed>,
    pub(super) populations: HashMap<String, PopulationState>,
}

impl<'g> Store<'g> {
    pub(super) fn new(machine: &'g Machine, procedure: &'g Procedure, world: &'g World, given: &'g Given<'g>) -> Self {
        let (known, listed, populations) = (HashMap::new(), HashMap::new(), HashMap::new());
        let (derived, lists) = (Derived::new(), Derived::new());
        Self { machine, procedure, world, given, derived, known, lists, listed, populations }
    }

    /// What expressions outside of `for_each` see.
    pub(super) fn bound(&self) -> Bound<'_> {
        Bound { derived: Some(&self.derived), ..Bound::to(&self.given.run) }
    }

    /// Makes the values of everything that these expressions refer to; the block is the one that decides if several
    /// stand in the way: a failure before a wait before a missed deadline.
    pub(super) fn provide<'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expression>) -> Option<Block> {
        let mut worst = None;
        for name in expressions.into_iter().flat_map(Expression::names) {
            worst = worse(worst, self.provide_name(name));
        }
        worst
    }

    fn provide_name(&mut self, name: &Name) -> Option<Block> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        // Procedures have no cycles; should one slip through, it ends here and not on the stack.
        let again = Failure::internal("depends on itself");
        self.known.insert(name.clone(), Some(Block::Failed(again)));
        let block = match name {
            Name::Input(_) | Name::Step(_) => self.given.blocks.get(name).cloned(),
            Name::Fact(fact) => self.fact(fact),
            Name::Population(population) | Name::Sample(population) => {
                let block = self.population(population);
                self.known.insert(Name::Population(population.clone()), block.clone());
                self.known.insert(Name::Sample(population.clone()), block.clone());
                block
            }
            Name::Run(_) | Name::Item | Name::Key | Name::Out => None,
        };
        self.known.insert(name.clone(), block.clone());
        block
    }

    /// A fact is an expression with a name: where it fails, it fails as if it were written out in its place.
    fn fact(&mut self, name: &str) -> Option<Block> {
        let fact = self.procedure.facts.iter().find(|fact| fact.name == name)?;
        if let Some(block) = self.provide([&fact.value]) {
            return Some(block);
        }
        match self.evaluate(&fact.value) {
            Ok(value) => {
                self.set(format!("facts.{name}"), value);
                None
            }
            Err(failure) => {
                let text = format!("the fact `{name}`: {}", failure.text);
                Some(Block::Failed(Failure { text, ..failure }))
            }
        }
    }

    /// The value of an expression outside of `for_each`, without a copy where it only points into the evidence.
    pub(super) fn evaluate(&self, expression: &Expression) -> Result<CowVal<'g, 'g>, Failure> {
        if let Some(value) = self.pointed_at(expression) {
            return Ok(CowVal::Borrowed(value));
        }
        if expression.is_given() {
            return self.machine.given_value(expression, &self.given.run).map(CowVal::Owned);
        }
        self.machine.value(expression, self.bound()).map(|value| CowVal::Owned(value as Native<'g>))
    }

    fn pointed_at(&self, expression: &Expression) -> Option<&'g (dyn Val + 'g)> {
        let (name, members) = expression.path()?;
        let mut value: &'g (dyn Val + 'g) = match name {
            Name::Input(name) => self.given.run.get(&format!("inputs.{name}"))?,
            Name::Step(name) => self.given.run.get(&format!("steps.{name}"))?,
            _ => return None,
        };
        for member in members {
            value = match value.as_indexer()?.get(&CelString::from(member)).ok()? {
                CowVal::Borrowed(value) => value,
                CowVal::Owned(_) => return None,
            };
        }
        Some(value)
    }

    pub(super) fn set(&mut self, name: String, value: CowVal<'g, 'g>) {
        self.derived.insert(name, value);
    }

    pub(super) fn provide_population(&mut self, name: &str) {
        self.provide_name(&Name::Population(name.to_owned()));
    }

    /// Makes the list that something is repeated over, and whatever the names of its items need.
    pub(super) fn provide_list(&mut self, source: &Expression, key: Option<&Expression>) -> Option<Block> {
        let block = self.provide([source].into_iter().chain(key));
        let is_derived = matches!(source.direct(), Some(Name::Fact(_) | Name::Population(_) | Name::Sample(_)));
        if block.is_some() || is_derived || self.lists.contains_key(source.source()) {
            return block;
        }
        match self.evaluate(source) {
            Ok(list) => {
                self.lists.insert(source.source().to_owned(), list);
                None
            }
            Err(failure) => Some(Block::Failed(failure)),
        }
    }

    /// Lists belong to one check; those of all together would not fit into memory.
    pub(super) fn forget_lists(&mut self) {
        self.lists.clear();
    }

    /// A list that was provided.
    pub(super) fn list(&self, source: &Expression) -> Option<&(dyn Val + 'g)> {
        if let Some(list) = self.lists.get(source.source()) {
            return Some(list.as_ref());
        }
        match source.direct()? {
            Name::Fact(name) => self.derived(&format!("facts.{name}")),
            Name::Population(name) => self.derived(&format!("population.{name}")),
            Name::Sample(name) => self.derived(&format!("sample.{name}")),
            _ => None,
        }
    }

    pub(super) fn derived(&self, name: &str) -> Option<&(dyn Val + 'g)> {
        self.derived.get(name).map(|value| value.as_ref())
    }

    /// What a step collected.
    pub(super) fn step(&self, id: &str) -> Option<&'g (dyn Val + 'g)> {
        self.given.run.get(&format!("steps.{id}"))
    }
}

pub(super) fn worse(one: Option<Block>, other: Option<Block>) -> Option<Block> {
    let rank = |block: &Option<Block>| match block {
        Some(Block::Failed(_)) => 3,
        Some(Block::Pending) => 2,
        Some(Block::Overdue) => 1,
        None => 0,
    };
    if rank(&other) > rank(&one) { other } else { one }
}
