//! What a step is repeated for, and the arguments that its connector gets.

use serde_json::{Map, Value};
use verdict::Code;

use super::checks::{Row, rows};
use super::store::{Block, Given, Store};
use super::{Blocked, Failure, Item, World};
use crate::expression::{Bound, Machine, from_json, on_large_stack, to_json};
use crate::model::{Procedure, Step, Template};

/// The items that a step with `for_each` is repeated for, in the order of the list; empty if the list is.
///
/// # Errors
///
/// [`Blocked::Pending`] if the list waits for a person. Otherwise why there is no list: what it depends on failed, its
/// expressions failed, or two items have the same key.
pub fn expand(procedure: &Procedure, step: &Step, world: &World) -> Result<Vec<Item>, Blocked> {
    let Some(source) = &step.for_each else { return Ok(Vec::new()) };
    on_large_stack(|machine| {
        let given = Given::of(machine, procedure, world, [source].into_iter().chain(&step.key));
        let mut store = Store::new(machine, procedure, world, &given);
        unblocked(store.provide_list(source, step.key.as_ref()))?;
        let rows = rows(&store, source, step.key.as_ref())?;
        rows.into_iter().map(item).collect()
    })?
}

fn item(row: Row<'_>) -> Result<Item, Blocked> {
    unblocked(row.block)?;
    let json = |value| to_json(value).ok_or_else(|| Failure::new(Code::WrongType, "an item has no JSON form"));
    Ok(Item { item: json(row.item)?, out: row.out.map(json).transpose()?, key: row.key })
}

/// The arguments of a step with every expression replaced by its value.
///
/// # Errors
///
/// [`Blocked::Pending`] if an expression waits for a person; otherwise which one failed.
pub fn arguments(procedure: &Procedure, step: &Step, item: Option<&Item>, world: &World) -> Result<Value, Blocked> {
    let mut expressions = Vec::new();
    step.with.expressions(&mut expressions);
    if expressions.is_empty() {
        return Ok(plain(&step.with));
    }
    on_large_stack(|machine| {
        let given = Given::of(machine, procedure, world, expressions.iter().copied());
        let mut store = Store::new(machine, procedure, world, &given);
        unblocked(store.provide(expressions))?;
        let value = item.map(|item| from_json(&item.item));
        let out = item.and_then(|item| item.out.as_ref()).map(from_json);
        let key = item.map(|item| cel::common::types::CelString::from(item.key.as_str()));
        let bound = Bound { item: value.as_deref(), key: key.as_ref(), out: out.as_deref(), ..store.bound() };
        resolve(machine, &step.with, bound, "with")
    })?
}

fn resolve(machine: &Machine, template: &Template, bound: Bound<'_>, name: &str) -> Result<Value, Blocked> {
    match template {
        Template::Literal(value) => Ok(value.clone()),
        Template::Expression(expression) => {
            let about = |failure: Failure| Failure { text: format!("`{name}`: {}", failure.text), ..failure };
            let value = machine.value(expression, bound).map_err(about)?;
            let json = to_json(value.as_ref());
            json.ok_or_else(|| about(Failure::new(Code::WrongType, "the value has no JSON form")).into())
        }
        Template::List(items) => items.iter().map(|item| resolve(machine, item, bound, name)).collect(),
        Template::Map(members) => {
            let members =
                members.iter().map(|(name, member)| Ok((name.clone(), resolve(machine, member, bound, name)?)));
            members.collect::<Result<Map<_, _>, Blocked>>().map(Value::Object)
        }
    }
}

/// A template without expressions.
fn plain(template: &Template) -> Value {
    match template {
        Template::Literal(value) => value.clone(),
        Template::Expression(_) => Value::Null,
        Template::List(items) => items.iter().map(plain).collect(),
        Template::Map(members) => {
            Value::Object(members.iter().map(|(name, member)| (name.clone(), plain(member))).collect())
        }
    }
}

fn unblocked(block: Option<Block>) -> Result<(), Blocked> {
    match block {
        None => Ok(()),
        Some(Block::Pending) => Err(Blocked::Pending),
        Some(Block::Overdue) => Err(Failure::new(Code::Dependency, "a person did not answer in time").into()),
        Some(Block::Failed(failure)) => Err(failure.into()),
    }
}
