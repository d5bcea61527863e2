//! The values that expressions see, made when they are first needed and then shared by all of them.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use verdict::Code;

use super::populations::Listed;
use super::{Collected, Failure, Outcome, PopulationState, World};
use crate::expression::{Bound, Expression, Machine, NOTHING, Name, Native, Run, from_duration, from_json};
use crate::model::{InputShape, Procedure};

/// Why a name has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Failed(Failure),
    Pending,
    Overdue,
}

pub(super) struct Store<'w> {
    pub(super) machine: &'w Machine,
    pub(super) procedure: &'w Procedure,
    pub(super) world: &'w World,
    pub(super) run: Run,
    /// Names that were looked at, and what stands in the way of those without a value.
    known: HashMap<Name, Option<Block>>,
    /// Lists that are not the value of a name, by the expression that gives them.
    lists: HashMap<String, Native>,
    pub(super) listed: HashMap<String, Listed>,
    pub(super) populations: HashMap<String, PopulationState>,
}

impl<'w> Store<'w> {
    pub(super) fn new(machine: &'w Machine, procedure: &'w Procedure, world: &'w World) -> Self {
        let mut run = Run::new(world.run.at);
        run.set_time("run.at", world.run.at);
        run.set("run.id".to_owned(), from_json(&json!(world.run.id)));
        run.set(
            "run.scratch".to_owned(),
            world.run.scratch.as_ref().map_or(from_json(&NOTHING), |path| from_json(&json!(path))),
        );
        for (name, time) in [("run.period_start", world.run.period_start), ("run.period_end", world.run.period_end)] {
            match time {
                Some(time) => run.set_time(name, time),
                None => run.set(name.to_owned(), from_json(&NOTHING)),
            }
        }
        let (known, lists) = (HashMap::new(), HashMap::new());
        Self { machine, procedure, world, run, known, lists, listed: HashMap::new(), populations: HashMap::new() }
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
            Name::Input(input) => self.input(input),
            Name::Step(id) => self.step(id),
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

    fn input(&mut self, name: &str) -> Option<Block> {
        let declared = self.procedure.inputs.iter().find(|input| input.name == name);
        let Some((value, declared)) = self.world.inputs.get(name).zip(declared) else {
            return Some(Block::Failed(Failure::internal(format!("the input `{name}` has no value"))));
        };
        let duration = match (&declared.shape, value) {
            (InputShape::Duration, Value::String(text)) => crate::reader::parse_duration(text),
            _ => None,
        };
        let value = duration.and_then(from_duration).unwrap_or_else(|| from_json(value));
        self.run.set(format!("inputs.{name}"), value);
        None
    }

    fn step(&mut self, id: &str) -> Option<Block> {
        let failed = |text: String| Some(Block::Failed(Failure::new(Code::Dependency, text)));
        let value = match self.world.steps.get(id) {
            Some(Collected::One(Outcome::Value(value))) => from_json(value),
            Some(Collected::Each(pieces)) => from_json(&Value::Array(
                pieces
                    .iter()
                    .map(|piece| {
                        let mut record = Map::new();
                        record.insert("key".to_owned(), json!(piece.key));
                        record.insert("item".to_owned(), piece.item.clone());
                        match &piece.outcome {
                            Outcome::Value(value) => record.insert("out".to_owned(), value.clone()),
                            Outcome::Failed(code) => record.insert("error".to_owned(), json!(code)),
                            Outcome::Overdue => record.insert("error".to_owned(), json!(Code::Overdue)),
                            Outcome::Skipped => record.insert("error".to_owned(), json!(Code::Cancelled)),
                            Outcome::Pending => record.insert("pending".to_owned(), json!(true)),
                        };
                        Value::Object(record)
                    })
                    .collect(),
            )),
            Some(Collected::One(Outcome::Pending) | Collected::Pending) => return Some(Block::Pending),
            Some(Collected::One(Outcome::Overdue)) => return Some(Block::Overdue),
            Some(Collected::One(Outcome::Failed(code)) | Collected::Failed(code)) => {
                return failed(format!("the step `{id}` failed: {code}"));
            }
            Some(Collected::One(Outcome::Skipped)) => return failed(format!("the step `{id}` was left out")),
            Some(Collected::NotReached) | None => return failed(format!("the step `{id}` was not reached")),
        };
        self.run.set(format!("steps.{id}"), value);
        None
    }

    /// A fact is an expression with a name: where it fails, it fails as if it were written out in its place.
    fn fact(&mut self, name: &str) -> Option<Block> {
        let fact = self.procedure.facts.iter().find(|fact| fact.name == name)?;
        if let Some(block) = self.provide([&fact.value]) {
            return Some(block);
        }
        match self.machine.value(&fact.value, Bound::to(&self.run)) {
            Ok(value) => {
                self.run.set(format!("facts.{name}"), value);
                None
            }
            Err(failure) => {
                let text = format!("the fact `{name}`: {}", failure.text);
                Some(Block::Failed(Failure { text, ..failure }))
            }
        }
    }

    pub(super) fn provide_population(&mut self, name: &str) {
        self.provide_name(&Name::Population(name.to_owned()));
    }

    /// Makes the list that something is repeated over, and whatever the names of its items need.
    pub(super) fn provide_list(&mut self, source: &Expression, key: Option<&Expression>) -> Option<Block> {
        let block = self.provide([source].into_iter().chain(key));
        if block.is_some() || source.direct().is_some() || self.lists.contains_key(source.source()) {
            return block;
        }
        match self.machine.value(source, Bound::to(&self.run)) {
            Ok(list) => {
                self.lists.insert(source.source().to_owned(), list);
                None
            }
            Err(failure) => Some(Block::Failed(failure)),
        }
    }

    /// A list that was provided.
    pub(super) fn list(&self, source: &Expression) -> Option<&Native> {
        if let Some(list) = self.lists.get(source.source()) {
            return Some(list);
        }
        match source.direct()? {
            Name::Input(name) => self.value(&format!("inputs.{name}")),
            Name::Step(name) => self.value(&format!("steps.{name}")),
            Name::Fact(name) => self.value(&format!("facts.{name}")),
            Name::Population(name) => self.value(&format!("population.{name}")),
            Name::Sample(name) => self.value(&format!("sample.{name}")),
            Name::Run(name) => self.value(&format!("run.{name}")),
            Name::Item | Name::Key | Name::Out => None,
        }
    }

    /// The value behind a full name such as `steps.users`.
    pub(super) fn value(&self, name: &str) -> Option<&Native> {
        self.run.get(name)
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
