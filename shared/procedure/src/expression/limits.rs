//! What an expression may be at most, so that neither parsing nor evaluating it can exhaust the stack.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

use super::analysis::Concern;
use crate::fault::FaultCode;

/// The most characters of an expression.
pub(crate) const MAX_CHARACTERS: usize = 2_000;
/// The most nested brackets, and the longest run of unary operators.
const MAX_NESTING: usize = 32;
/// The deepest tree: a chain of 100 operators inside 32 brackets.
const MAX_TREE_DEPTH: usize = 132;
/// The deepest comprehension inside comprehensions.
const MAX_COMPREHENSIONS: usize = 4;

/// Refuses what would make the parser recurse deeply.
pub(super) fn before_parsing(source: &str) -> Result<(), Vec<Concern>> {
    let too_complex = |message: String| Err(vec![Concern::new(FaultCode::ExpressionTooComplex, message)]);
    let characters = source.chars().count();
    if characters > MAX_CHARACTERS {
        return too_complex(format!("the expression has {characters} characters, more than {MAX_CHARACTERS}"));
    }
    let (mut depth, mut deepest, mut unary, mut longest) = (0_usize, 0, 0_usize, 0);
    let mut quote = None;
    let mut escaped = false;
    for character in source.chars() {
        if let Some(open) = quote {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == open => quote = None,
                _ => {}
            }
            continue;
        }
        match character {
            '"' | '\'' => quote = Some(character),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match character {
            '!' | '-' => unary += 1,
            _ if character.is_whitespace() => {}
            _ => unary = 0,
        }
        (deepest, longest) = (deepest.max(depth), longest.max(unary));
    }
    // A quote inside a raw or triple-quoted text can hide brackets from this count; the parser's own limit of 96
    // stands behind it.
    if deepest > MAX_NESTING || longest > MAX_NESTING {
        return too_complex(format!("the expression nests more than {MAX_NESTING} deep"));
    }
    Ok(())
}

/// Refuses trees that are too deep to walk or too costly to evaluate.
pub(super) fn after_parsing(tree: &IdedExpr) -> Result<(), Vec<Concern>> {
    let mut concerns = Vec::new();
    let (mut too_deep, mut too_nested) = (false, false);
    walk(tree, &mut |_, depth, comprehensions| {
        too_deep |= depth > MAX_TREE_DEPTH;
        too_nested |= comprehensions > MAX_COMPREHENSIONS;
    });
    if too_deep {
        let message = "the expression chains or nests too many operators, calls or members";
        concerns.push(Concern::new(FaultCode::ExpressionTooComplex, message));
    }
    if too_nested {
        let message = format!("comprehensions nest more than {MAX_COMPREHENSIONS} deep");
        concerns.push(Concern::new(FaultCode::ExpressionTooComplex, message));
    }
    if concerns.is_empty() { Ok(()) } else { Err(concerns) }
}

/// Visits every node with its depth and the number of comprehensions it stands in; uses no stack of its own.
pub(crate) fn walk<'e>(tree: &'e IdedExpr, visit: &mut dyn FnMut(&'e IdedExpr, usize, usize)) {
    let mut open = vec![(tree, 1, 0)];
    while let Some((node, depth, nested)) = open.pop() {
        let entered = nested + usize::from(matches!(node.expr, Expr::Comprehension(_)));
        visit(node, depth, entered);
        let mut add = |child: &'e IdedExpr, nested| open.push((child, depth + 1, nested));
        match &node.expr {
            Expr::Call(call) => {
                if let Some(target) = &call.target {
                    add(target, nested);
                }
                call.args.iter().for_each(|argument| add(argument, nested));
            }
            Expr::Comprehension(comprehension) => {
                // The range is evaluated once, so what stands there is beside and not inside.
                add(&comprehension.iter_range, nested);
                add(&comprehension.loop_step, entered);
            }
            Expr::List(list) => list.elements.iter().for_each(|element| add(element, nested)),
            Expr::Map(map) => {
                map.entries.iter().for_each(|entry| entry_parts(&entry.expr, &mut |part| add(part, nested)))
            }
            Expr::Struct(record) => {
                record.entries.iter().for_each(|entry| entry_parts(&entry.expr, &mut |part| add(part, nested)));
            }
            Expr::Select(select) => add(&select.operand, nested),
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }
}

fn entry_parts<'e>(entry: &'e EntryExpr, visit: &mut dyn FnMut(&'e IdedExpr)) {
    match entry {
        EntryExpr::MapEntry(entry) => {
            visit(&entry.key);
            visit(&entry.value);
        }
        EntryExpr::StructField(field) => visit(&field.value),
    }
}
