//! Builds the meter into a parsed expression.
//!
//! The evaluator has no cost limit, cannot be stopped and iterates maps in random order. So every comprehension gets a
//! tick at the head of its body, whatever makes new values is weighed, map keys come in order, and the functions that
//! need the time of the run are given it. None of this changes the value of an expression that keeps the limits.

use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, ListExpr, LiteralValue, MapEntryExpr, MapExpr,
    SelectExpr, operators,
};

use super::analysis::Concern;
use super::functions;
use crate::fault::FaultCode;

/// Variables that only rewritten expressions can name.
pub(super) const TICK: &str = "@tick";
pub(super) const METER: &str = "@meter";
pub(super) const NOW: &str = "@now";
/// Functions that only rewritten expressions can call.
pub(super) const WEIGHED: &str = "@weighed";
pub(super) const ORDERED: &str = "@ordered";
/// `matches`, which the evaluator's library compiles anew for every item.
pub(super) const MATCHES: &str = "@matches";

/// The expression with the meter built in.
pub(super) fn metered(node: &IdedExpr) -> Result<IdedExpr, Concern> {
    let expr = match &node.expr {
        Expr::Ident(_) | Expr::Literal(_) => node.expr.clone(),
        Expr::Select(select) => Expr::Select(SelectExpr {
            operand: Box::new(metered(&select.operand)?),
            field: select.field.clone(),
            test: select.test,
        }),
        Expr::Call(call) => return metered_call(node.id, call),
        Expr::List(list) => {
            let elements = all(&list.elements)?;
            return Ok(weighed(IdedExpr { id: node.id, expr: Expr::List(ListExpr::new(elements)) }));
        }
        Expr::Map(map) => {
            let mut entries = Vec::with_capacity(map.entries.len());
            for entry in &map.entries {
                let EntryExpr::MapEntry(pair) = &entry.expr else { return Err(unsupported()) };
                let pair = MapEntryExpr { key: metered(&pair.key)?, value: metered(&pair.value)?, optional: false };
                entries.push(IdedEntryExpr { id: entry.id, expr: EntryExpr::MapEntry(pair) });
            }
            return Ok(weighed(IdedExpr { id: node.id, expr: Expr::Map(MapExpr { entries }) }));
        }
        Expr::Comprehension(comprehension) => Expr::Comprehension(Box::new(metered_loop(comprehension)?)),
        Expr::Struct(_) | Expr::Unspecified => return Err(unsupported()),
    };
    Ok(IdedExpr { id: node.id, expr })
}

fn metered_call(id: u64, call: &CallExpr) -> Result<IdedExpr, Concern> {
    let mut args = all(&call.args)?;
    let target = call.target.as_deref().map(metered).transpose()?.map(Box::new);
    if functions::needs_time(&call.func_name) {
        args.push(name(NOW));
    }
    let adds = call.func_name == operators::ADD;
    if adds
        && let [_, added] = args.as_mut_slice()
        && !matches!(added.expr, Expr::Literal(_) | Expr::List(_))
    {
        // A list to which a map is added gets its keys.
        *added = self::call(ORDERED, vec![added.clone()]);
    }
    let grows = adds || functions::makes_collections(&call.func_name);
    let func_name = if call.func_name == "matches" { MATCHES.to_owned() } else { call.func_name.clone() };
    let node = IdedExpr { id, expr: Expr::Call(CallExpr { func_name, target, args }) };
    Ok(if grows { weighed(node) } else { node })
}

/// Macros expand into a handful of forms; the body of each is found by its form.
fn metered_loop(comprehension: &ComprehensionExpr) -> Result<ComprehensionExpr, Concern> {
    let accumulator = comprehension.accu_var.as_str();
    let is_accumulator = |node: &IdedExpr| matches!(&node.expr, Expr::Ident(name) if name == accumulator);
    let Expr::Call(step) = &comprehension.loop_step.expr else { return Err(unsupported()) };
    let args = match (step.func_name.as_str(), step.args.as_slice()) {
        // all, exists
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [accumulated, body]) if is_accumulator(accumulated) => {
            vec![accumulated.clone(), ticked(metered(body)?)]
        }
        // filter, map with a filter, exists_one
        (operators::CONDITIONAL, [guard, step, otherwise]) if is_accumulator(otherwise) => {
            vec![ticked(metered(guard)?), appended(step)?, otherwise.clone()]
        }
        // map
        (operators::ADD, [accumulated, _]) if is_accumulator(accumulated) => {
            let appended = appended(&comprehension.loop_step)?;
            let Expr::Call(CallExpr { mut args, .. }) = appended.expr else { return Err(unsupported()) };
            if let Some(IdedExpr { expr: Expr::List(list), .. }) = args.get_mut(1) {
                list.elements = std::mem::take(&mut list.elements).into_iter().map(ticked).collect();
            }
            args
        }
        _ => return Err(unsupported()),
    };
    let step = CallExpr { func_name: step.func_name.clone(), target: None, args };
    Ok(ComprehensionExpr {
        iter_range: call(ORDERED, vec![metered(&comprehension.iter_range)?]),
        loop_step: IdedExpr { id: comprehension.loop_step.id, expr: Expr::Call(step) },
        ..comprehension.clone()
    })
}

/// `accumulator + [element]` with the element weighed; `accumulator + 1` as it is. The outer form stays: the evaluator
/// knows it and appends in place.
fn appended(node: &IdedExpr) -> Result<IdedExpr, Concern> {
    let Expr::Call(addition) = &node.expr else { return Err(unsupported()) };
    let [accumulated, added] = addition.args.as_slice() else { return Err(unsupported()) };
    let added = match &added.expr {
        Expr::List(list) => {
            let elements = all(&list.elements)?.into_iter().map(weighed).collect();
            IdedExpr { id: added.id, expr: Expr::List(ListExpr::new(elements)) }
        }
        _ => added.clone(),
    };
    let addition = CallExpr { args: vec![accumulated.clone(), added], ..addition.clone() };
    Ok(IdedExpr { id: node.id, expr: Expr::Call(addition) })
}

/// `@tick ? node : false`: stops here once the meter is used up, before the body is entered.
fn ticked(node: IdedExpr) -> IdedExpr {
    let never = IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Boolean(false.into())) };
    call(operators::CONDITIONAL, vec![name(TICK), node, never])
}

fn weighed(node: IdedExpr) -> IdedExpr {
    call(WEIGHED, vec![node, name(METER)])
}

fn call(function: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args }) }
}

fn name(name: &str) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Ident(name.to_owned()) }
}

fn all(nodes: &[IdedExpr]) -> Result<Vec<IdedExpr>, Concern> {
    nodes.iter().map(metered).collect()
}

fn unsupported() -> Concern {
    Concern::new(FaultCode::ExpressionSyntax, "messages and optional values are not part of the language")
}
