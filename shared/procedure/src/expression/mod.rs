//! Expressions: CEL within limits. Parsing, static analysis and evaluation; knows nothing of procedures beyond the names
//! of the variables that it sees.
//!
//! The `cel` crate parses and evaluates. Around it stand the things that it leaves open: limits on the parsed tree, a
//! list of the functions and variables that exist, a meter against runaway evaluation (see [`meter`]), map keys in a
//! fixed order, and codes for its errors.

mod analysis;
mod functions;
mod limits;
mod machine;
mod meter;
mod rewrite;
mod value;

use std::sync::Arc;

use cel::IdedExpr;
use cel::common::ast::Expr;
use cel::parser::PrattParser;

use crate::fault::FaultCode;

pub(crate) use analysis::{Concern, Scope, analyse, names};
pub(crate) use limits::walk;
pub(crate) use machine::{Allowance, Bound, Derived, Machine, Run, on_large_stack, whole};
pub(crate) use value::{NOTHING, Native, from_duration, from_json, list, record, text_of, to_json};

/// A CEL expression that parsed and keeps the limits of the language.
#[derive(Clone)]
pub struct Expression {
    source: String,
    program: Arc<Program>,
    /// The bytes of the file that it stands on.
    pub(crate) place: (usize, usize),
}

pub(crate) struct Program {
    /// As written.
    pub(crate) tree: IdedExpr,
    /// With the meter built in.
    metered: IdedExpr,
    names: Vec<Name>,
}

/// What an expression refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// `inputs.X`
    Input(String),
    /// `steps.ID`
    Step(String),
    /// `facts.X`
    Fact(String),
    /// `population.X`
    Population(String),
    /// `sample.X`
    Sample(String),
    /// `run.X`
    Run(String),
    /// `item`
    Item,
    /// `key`
    Key,
    /// `out`
    Out,
}

impl Expression {
    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it refers to, each once.
    pub fn names(&self) -> &[Name] {
        &self.program.names
    }

    /// What it is, if it is a declared name and nothing else, such as `population.accounts`.
    pub fn direct(&self) -> Option<Name> {
        self.path().filter(|(_, members)| members.is_empty()).map(|(name, _)| name)
    }

    /// The declared name and the members that follow it, if it is nothing else, such as `steps.users` and `rows`.
    pub(crate) fn path(&self) -> Option<(Name, Vec<&str>)> {
        let mut members = Vec::new();
        let mut node = &self.program.tree.expr;
        loop {
            let Expr::Select(select) = node else { return None };
            if select.test {
                return None;
            }
            if let Expr::Ident(root) = &select.operand.expr {
                members.reverse();
                return Some((analysis::declared(root, &select.field)?, members));
            }
            members.push(select.field.as_str());
            node = &select.operand.expr;
        }
    }

    /// Whether it refers to what was given to a run and to nothing that is derived from it.
    pub(crate) fn is_given(&self) -> bool {
        self.names().iter().all(|name| matches!(name, Name::Input(_) | Name::Step(_) | Name::Run(_)))
    }

    pub(crate) fn tree(&self) -> &IdedExpr {
        &self.program.tree
    }

    /// Parses an expression; the errors are what is wrong with it.
    pub(crate) fn parse(source: &str, place: (usize, usize)) -> Result<Self, Vec<Concern>> {
        if source.trim().is_empty() {
            return Err(vec![Concern::new(FaultCode::ExpressionSyntax, "the expression is empty")]);
        }
        limits::before_parsing(source)?;
        let tree = PrattParser::new().parse(source).map_err(|errors| syntax(source, &errors))?;
        limits::after_parsing(&tree)?;
        let metered = rewrite::metered(&tree).map_err(|concern| vec![concern])?;
        let names = names(&tree);
        Ok(Self { source: source.to_owned(), program: Arc::new(Program { tree, metered, names }), place })
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expression({:?})", self.source)
    }
}

/// What the parser says, with the place in the expression where it stands on more than one line or word.
fn syntax(source: &str, errors: &cel::ParseErrors) -> Vec<Concern> {
    let concerns: Vec<_> = errors
        .errors
        .iter()
        .take(3)
        .map(|error| {
            let message = error.msg.lines().next().unwrap_or_default().trim();
            let offset = byte_offset(source, error.pos);
            Concern { offset, ..Concern::new(FaultCode::ExpressionSyntax, message) }
        })
        .collect();
    if concerns.is_empty() {
        return vec![Concern::new(FaultCode::ExpressionSyntax, "the expression cannot be parsed")];
    }
    concerns
}

/// The byte of a line and column as the parser counts them, both from 1.
fn byte_offset(source: &str, (line, column): (isize, isize)) -> Option<usize> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let before: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    Some((before + column).min(source.len()))
}

/// The expression in a text of `with`, which is one as a whole if it begins with `=`.
pub(crate) fn cell(text: &str) -> Option<&str> {
    text.strip_prefix('=')
}

#[cfg(test)]
mod tests;
