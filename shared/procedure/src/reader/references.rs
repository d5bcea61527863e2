//! What expressions refer to: does it exist, is it there in time, does its value have that member.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::{Reader, steps};
use crate::connector::{Field, Shape};
use crate::expression::{Expression, Name, Scope, analyse};
use crate::fault::FaultCode;
use crate::model::{Each, InputShape, Procedure, Step};
use crate::tree::Node;

pub(super) fn check(reader: &mut Reader<'_>, procedure: &Procedure) {
    let shapes = Shapes::of(procedure);
    let mut pass = Pass { reader, procedure, order: Order::of(procedure), scope: shapes.scope() };
    pass.cycles();
    for (index, step) in procedure.all_steps().enumerate() {
        pass.step(index, step);
    }
    for fact in &procedure.facts {
        pass.expression(&fact.value, &pass.scope.clone());
    }
    for population in &procedure.populations {
        let plain = pass.scope.clone();
        let inside = Scope { item: Some(analyse_quietly(&population.from, &plain).item()), ..plain.clone() };
        pass.expression(&population.from, &plain);
        pass.expression(&population.key, &inside);
        population.complete.iter().for_each(|expression| pass.expression(expression, &plain));
        if let Some(always) = population.sample.as_ref().and_then(|sample| sample.always.as_ref()) {
            pass.expression(always, &inside);
        }
    }
    for check in &procedure.checks {
        let inside = pass.repeated(check.for_each.as_ref(), check.key.as_ref());
        if let Some(when) = &check.when {
            pass.expression(when, &inside);
        }
        pass.expression(&check.assert, &inside);
    }
    for metric in &procedure.metrics {
        pass.expression(&metric.value, &pass.scope.clone());
    }
}

struct Pass<'r, 't, 'p> {
    reader: &'r mut Reader<'t>,
    procedure: &'p Procedure,
    order: Order<'p>,
    scope: Scope<'p>,
}

impl<'p> Pass<'_, '_, 'p> {
    fn expression(&mut self, expression: &Expression, scope: &Scope<'_>) {
        let mut concerns = Vec::new();
        analyse(expression.tree(), scope, &mut concerns);
        for concern in concerns {
            self.reader.concern(expression.source(), expression.place, concern);
        }
    }

    fn step(&mut self, index: usize, step: &'p Step) {
        let inside = self.repeated(step.for_each.as_ref(), step.key.as_ref());
        let mut expressions = Vec::new();
        step.with.expressions(&mut expressions);
        for expression in &expressions {
            self.expression(expression, &inside);
        }
        expressions.extend(&step.for_each);
        expressions.extend(&step.key);
        for expression in expressions {
            let late = expression.names().iter().find_map(|name| {
                let late = self.order.needed(name).into_iter().find(|needed| *needed >= index)?;
                Some((name, self.order.steps.get(late).copied().unwrap_or_default()))
            });
            if let Some((name, late)) = late {
                let how = if *name == Name::Step(late.to_owned()) {
                    String::new()
                } else {
                    format!(" (through `{}`)", words(name))
                };
                let message = if late == step.id {
                    format!("the step `{late}` cannot use its own result{how}")
                } else {
                    format!("`{late}` is collected later than the step `{}`{how}", step.id)
                };
                self.reader.fault(expression.place.0, FaultCode::TooEarly, message);
            }
        }
    }

    /// The scope inside `for_each`, after checking `for_each` and `key` themselves.
    fn repeated(&mut self, for_each: Option<&Expression>, key: Option<&Expression>) -> Scope<'p> {
        let plain = self.scope.clone();
        let Some(source) = for_each else {
            if let Some(key) = key {
                self.reader.fault(key.place.0, FaultCode::BadKey, "`key` without `for_each`");
            }
            return plain;
        };
        self.expression(source, &plain);
        let list = analyse_quietly(source, &plain);
        if matches!(list, Shape::Bool | Shape::Int(..) | Shape::Text | Shape::Record(_)) {
            self.reader.fault(source.place.0, FaultCode::WrongType, "`for_each` needs a list");
        }
        let mut inside = Scope { item: Some(list.item()), key: true, ..plain };
        let pieces = source.direct().and_then(|name| match name {
            Name::Step(id) => self.procedure.step(&id).filter(|step| step.for_each.is_some()),
            _ => None,
        });
        let brings_key = matches!(source.direct(), Some(Name::Population(_) | Name::Sample(_)));
        if pieces.is_some() {
            inside.item = Some(list.item().member("item").unwrap_or(Shape::Any));
            inside.out = Some(list.item().member("out").unwrap_or(Shape::Any));
            if let Some(key) = key {
                let message = "`key` is given by the step that for_each goes through";
                self.reader.fault(key.place.0, FaultCode::BadKey, message);
            }
        } else if let Some(key) = key {
            self.expression(key, &Scope { key: false, ..inside.clone() });
        } else if !brings_key && matches!(list.item(), Shape::Record(_) | Shape::Map(_)) {
            let message = "the items of this list are records: `key` must name each by a text";
            self.reader.fault(source.place.0, FaultCode::BadKey, message);
        }
        inside
    }

    fn cycles(&mut self) {
        let mut reported = BTreeSet::new();
        for name in self.order.derived.keys() {
            let Some(path) = self.order.cycle(name) else { continue };
            // Each cycle is reported once, from whichever of its members comes first.
            let members: BTreeSet<_> = path.iter().cloned().collect();
            if !reported.insert(members) {
                continue;
            }
            let chain: Vec<_> = path.iter().chain(path.first()).map(words).collect();
            let place = self.order.place(name);
            let message = format!("`{}` depends on itself: {}", words(name), chain.join(" → "));
            self.reader.fault(place, FaultCode::Cycle, message);
        }
    }
}

fn analyse_quietly(expression: &Expression, scope: &Scope<'_>) -> Shape {
    analyse(expression.tree(), scope, &mut Vec::new())
}

fn words(name: &Name) -> String {
    match name {
        Name::Input(name) => format!("inputs.{name}"),
        Name::Step(name) => format!("steps.{name}"),
        Name::Fact(name) => format!("facts.{name}"),
        Name::Population(name) => format!("population.{name}"),
        Name::Sample(name) => format!("sample.{name}"),
        Name::Run(name) => format!("run.{name}"),
        Name::Item => "item".to_owned(),
        Name::Key => "key".to_owned(),
        Name::Out => "out".to_owned(),
    }
}

/// What is derived from what, down to the steps in their order.
struct Order<'p> {
    steps: Vec<&'p str>,
    derived: BTreeMap<Name, (usize, Vec<&'p Name>)>,
}

impl<'p> Order<'p> {
    fn of(procedure: &'p Procedure) -> Self {
        // From the document, so that a step with faults still has its place.
        let ids = ["steps", "finally"].into_iter().filter_map(|list| procedure.document.entry(list));
        let ids = ids
            .flat_map(|entry| entry.value.items())
            .map(|item| item.entry("id").and_then(|entry| entry.value.text()).unwrap_or_default());
        let mut derived = BTreeMap::new();
        for fact in &procedure.facts {
            let names = fact.value.names().iter().collect();
            derived.insert(Name::Fact(fact.name.clone()), (fact.value.place.0, names));
        }
        for population in &procedure.populations {
            let always = population.sample.as_ref().and_then(|sample| sample.always.as_ref());
            let parts = [&population.from, &population.key].into_iter().chain(&population.complete).chain(always);
            let names: Vec<&Name> = parts.flat_map(Expression::names).collect();
            derived.insert(Name::Population(population.name.clone()), (population.from.place.0, names));
        }
        Self { steps: ids.collect(), derived }
    }

    /// The numbers of the steps that a name needs, directly or through facts and populations.
    fn needed(&self, name: &Name) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![population_of(name)];
        while let Some(name) = open.pop() {
            if let Name::Step(id) = &name {
                needed.extend(self.steps.iter().position(|step| step == id));
            }
            if let Some((_, names)) = self.derived.get(&name)
                && seen.insert(name)
            {
                open.extend(names.iter().map(|name| population_of(name)));
            }
        }
        needed
    }

    /// A way from a fact or population back to itself.
    fn cycle(&self, start: &Name) -> Option<Vec<Name>> {
        let mut from: HashMap<Name, Name> = HashMap::new();
        let mut open = vec![start.clone()];
        while let Some(name) = open.pop() {
            let Some((_, names)) = self.derived.get(&name) else { continue };
            for next in names.iter().map(|next| population_of(next)) {
                if next == *start {
                    let mut path = vec![name.clone()];
                    let mut at = &name;
                    while let Some(before) = from.get(at).filter(|_| at != start) {
                        path.push(before.clone());
                        at = before;
                    }
                    path.reverse();
                    return Some(path);
                }
                if self.derived.contains_key(&next) && !from.contains_key(&next) {
                    from.insert(next.clone(), name.clone());
                    open.push(next);
                }
            }
        }
        None
    }

    fn place(&self, name: &Name) -> usize {
        self.derived.get(name).map_or(0, |(place, _)| *place)
    }
}

/// A sample needs what its population needs.
fn population_of(name: &Name) -> Name {
    match name {
        Name::Sample(name) => Name::Population(name.clone()),
        other => other.clone(),
    }
}

/// The shapes of everything that is declared, also of what has faults.
struct Shapes<'p> {
    inputs: Rc<BTreeMap<&'p str, Shape>>,
    steps: Rc<BTreeMap<&'p str, Shape>>,
    facts: Rc<BTreeMap<&'p str, Shape>>,
    populations: Rc<BTreeMap<&'p str, Shape>>,
    sampled: BTreeSet<&'p str>,
}

impl<'p> Shapes<'p> {
    fn of(procedure: &'p Procedure) -> Self {
        let document = &procedure.document;
        let mut steps = identified(document, "steps");
        steps.extend(identified(document, "finally"));
        let mut shapes = Self {
            inputs: Rc::new(named(document, "inputs")),
            steps: Rc::new(steps),
            facts: Rc::new(named(document, "facts")),
            populations: Rc::new(named(document, "populations")),
            sampled: BTreeSet::new(),
        };
        for (name, node) in document
            .entry("populations")
            .map(|entry| entry.value.entries())
            .unwrap_or_default()
            .iter()
            .map(|entry| (entry.key.as_str(), &entry.value))
        {
            if node.entry("sample").is_some() {
                shapes.sampled.insert(name);
            }
        }
        for input in &procedure.inputs {
            Rc::make_mut(&mut shapes.inputs).insert(&input.name, of_input(&input.shape));
        }
        // Facts, populations and repeated steps build on each other; a few rounds settle what can be settled.
        for _ in 0..3 {
            shapes.round(procedure);
        }
        shapes
    }

    fn round(&mut self, procedure: &'p Procedure) {
        for step in procedure.all_steps() {
            let with = steps::written(
                step_node(&procedure.document, &step.id).and_then(|node| node.entry("with")).map(|entry| &entry.value),
            );
            let value = step.connector.signature().value_shape(&with);
            let shape = match &step.for_each {
                None => value,
                Some(source) => {
                    let item = analyse_quietly(source, &self.scope()).item();
                    Shape::list(Shape::Record(vec![
                        member("key", Shape::Text),
                        member("item", item),
                        member("out", value),
                        member("error", Shape::Text),
                        member("pending", Shape::Bool),
                    ]))
                }
            };
            Rc::make_mut(&mut self.steps).insert(&step.id, shape);
        }
        for fact in &procedure.facts {
            let shape = analyse_quietly(&fact.value, &self.scope());
            Rc::make_mut(&mut self.facts).insert(&fact.name, shape);
        }
        for population in &procedure.populations {
            let shape = Shape::list(analyse_quietly(&population.from, &self.scope()).item());
            Rc::make_mut(&mut self.populations).insert(&population.name, shape);
        }
    }

    fn scope(&self) -> Scope<'p> {
        let samples = self.populations.iter().filter(|(name, _)| self.sampled.contains(*name));
        Scope {
            inputs: Rc::clone(&self.inputs),
            steps: Rc::clone(&self.steps),
            facts: Rc::clone(&self.facts),
            populations: Rc::clone(&self.populations),
            samples: Rc::new(samples.map(|(name, shape)| (*name, shape.clone())).collect()),
            item: None,
            key: false,
            out: None,
        }
    }
}

fn step_node<'p>(document: &'p Node, id: &str) -> Option<&'p Node> {
    let lists = ["steps", "finally"].into_iter().filter_map(|list| document.entry(list));
    lists
        .flat_map(|entry| entry.value.items())
        .find(|item| item.entry("id").and_then(|entry| entry.value.text()) == Some(id))
}

fn named<'p>(document: &'p Node, field: &str) -> BTreeMap<&'p str, Shape> {
    let entries = document.entry(field).map(|entry| entry.value.entries()).unwrap_or_default();
    entries.iter().map(|entry| (entry.key.as_str(), Shape::Any)).collect()
}

fn identified<'p>(document: &'p Node, field: &str) -> BTreeMap<&'p str, Shape> {
    let items = document.entry(field).map(|entry| entry.value.items()).unwrap_or_default();
    items.iter().filter_map(|item| Some((item.entry("id")?.value.text()?, Shape::Any))).collect()
}

fn of_input(shape: &InputShape) -> Shape {
    match shape {
        InputShape::Text | InputShape::Path => Shape::Text,
        InputShape::Int => Shape::INT,
        InputShape::Bool => Shape::Bool,
        InputShape::Date => Shape::Time,
        InputShape::Duration => Shape::Duration,
        InputShape::List(each) => Shape::list(each.as_deref().map_or(Shape::Any, of_each)),
        InputShape::Map(each) => Shape::Map(Box::new(each.as_deref().map_or(Shape::Any, of_each))),
    }
}

fn of_each(each: &Each) -> Shape {
    match each {
        Each::One(shape) => of_input(shape),
        Each::Record(fields) => {
            Shape::Record(fields.iter().map(|(name, shape)| member(name.clone(), of_input(shape))).collect())
        }
    }
}

fn member(name: impl Into<std::borrow::Cow<'static, str>>, shape: Shape) -> Field {
    Field { name: name.into(), shape, required: false, literal: false, meaning: "" }
}
