//! What an expression refers to and what it certainly gets wrong, without evaluating it.

use std::collections::BTreeMap;
use std::rc::Rc;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};

use super::{Name, functions};
use crate::connector::Shape;
use crate::fault::{FaultCode, did_you_mean};

/// Something wrong with an expression.
#[derive(Debug)]
pub(crate) struct Concern {
    pub(crate) code: FaultCode,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
    /// The part of the expression that it is about, as it is likely to stand there.
    pub(crate) needle: Option<String>,
    /// Or the byte of the expression.
    pub(crate) offset: Option<usize>,
}

impl Concern {
    pub(crate) fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), suggestion: None, needle: None, offset: None }
    }

    fn at(self, needle: impl Into<String>) -> Self {
        Self { needle: Some(needle.into()), ..self }
    }

    fn suggest(self, suggestion: Option<String>) -> Self {
        Self { suggestion, ..self }
    }
}

/// What stands behind the variables at the place of an expression. Every expression gets one of its own, so what is the
/// same in all of them is shared.
#[derive(Debug, Default, Clone)]
pub(crate) struct Scope<'s> {
    pub(crate) inputs: Rc<BTreeMap<&'s str, Shape>>,
    pub(crate) steps: Rc<BTreeMap<&'s str, Shape>>,
    pub(crate) facts: Rc<BTreeMap<&'s str, Shape>>,
    /// The lists of the populations.
    pub(crate) populations: Rc<BTreeMap<&'s str, Shape>>,
    /// The lists of the populations that have a sample.
    pub(crate) samples: Rc<BTreeMap<&'s str, Shape>>,
    pub(crate) item: Option<Shape>,
    pub(crate) key: bool,
    pub(crate) out: Option<Shape>,
}

/// The roots under which everything that is declared has its name.
const ROOTS: [&str; 6] = ["inputs", "steps", "facts", "population", "sample", "run"];
const RUN: [&str; 5] = ["at", "id", "period_start", "period_end", "scratch"];
/// Names of types, which are values too.
const TYPES: [&str; 10] = ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"];

/// Everything that the expression refers to, each once, in order.
pub(crate) fn names(tree: &IdedExpr) -> Vec<Name> {
    let mut found = Vec::new();
    super::walk(tree, &mut |node, _, _| {
        let name = match &node.expr {
            Expr::Ident(name) => match name.as_str() {
                "item" => Some(Name::Item),
                "key" => Some(Name::Key),
                "out" => Some(Name::Out),
                _ => None,
            },
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(root) => declared(root, &select.field),
                _ => None,
            },
            _ => None,
        };
        found.extend(name);
    });
    found.sort();
    found.dedup();
    found
}

pub(super) fn declared(root: &str, field: &str) -> Option<Name> {
    let field = field.to_owned();
    Some(match root {
        "inputs" => Name::Input(field),
        "steps" => Name::Step(field),
        "facts" => Name::Fact(field),
        "population" => Name::Population(field),
        "sample" => Name::Sample(field),
        "run" => Name::Run(field),
        _ => return None,
    })
}

/// The shape of the expression's value, as far as it is certain; what is certainly wrong is added to `concerns`.
pub(crate) fn analyse(tree: &IdedExpr, scope: &Scope<'_>, concerns: &mut Vec<Concern>) -> Shape {
    Analysis { scope, concerns, locals: Vec::new() }.shape(tree)
}

struct Analysis<'a, 's> {
    scope: &'a Scope<'s>,
    concerns: &'a mut Vec<Concern>,
    locals: Vec<(String, Shape)>,
}

impl Analysis<'_, '_> {
    fn shape(&mut self, node: &IdedExpr) -> Shape {
        match &node.expr {
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => {
                if let Expr::Ident(root) = &select.operand.expr
                    && ROOTS.contains(&root.as_str())
                    && self.local(root).is_none()
                {
                    if select.test {
                        let message = format!("has() is for members; `{root}.{}` is always there", select.field);
                        self.concerns.push(Concern::new(FaultCode::UnknownVariable, message).at(root.clone()));
                        return Shape::Bool;
                    }
                    return self.declared(root, &select.field);
                }
                if let Expr::Ident(name) = &select.operand.expr
                    && TYPES.contains(&name.as_str())
                    && self.local(name).is_none()
                {
                    let message = format!("`{name}` is a type and has no members");
                    self.concerns.push(Concern::new(FaultCode::UnknownMember, message).at(format!("{name}.")));
                    return Shape::Any;
                }
                let of = self.shape(&select.operand);
                let member = self.member(&of, &select.field);
                if select.test { Shape::Bool } else { member }
            }
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                let mut shapes: Vec<_> = list.elements.iter().map(|element| self.shape(element)).collect();
                let first = shapes.pop().unwrap_or(Shape::Any);
                Shape::list(if shapes.iter().all(|shape| *shape == first) { first } else { Shape::Any })
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.shape(&entry.key);
                        self.shape(&entry.value);
                    }
                }
                Shape::Map(Box::new(Shape::Any))
            }
            Expr::Literal(LiteralValue::Boolean(_)) => Shape::Bool,
            Expr::Literal(LiteralValue::String(_)) => Shape::Text,
            Expr::Literal(LiteralValue::Int(_)) => Shape::INT,
            Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Shape::Any,
        }
    }

    fn local(&self, name: &str) -> Option<Shape> {
        self.locals.iter().rev().find(|(local, _)| local == name).map(|(_, shape)| shape.clone())
    }

    fn variable(&mut self, name: &str) -> Shape {
        if let Some(shape) = self.local(name) {
            return shape;
        }
        let unavailable = match name {
            "item" | "out" => {
                let shape = if name == "item" { &self.scope.item } else { &self.scope.out };
                match shape {
                    Some(shape) => return shape.clone(),
                    None if name == "item" => "`item` exists only inside for_each",
                    None => "`out` exists only in checks whose for_each is a step that has for_each itself",
                }
            }
            "key" if self.scope.key => return Shape::Text,
            "key" => "`key` exists only inside for_each, and not in `key` itself",
            _ if TYPES.contains(&name) => return Shape::Any,
            _ => "",
        };
        let concern = if !unavailable.is_empty() {
            Concern::new(FaultCode::UnknownVariable, unavailable)
        } else if ROOTS.contains(&name) {
            let message = format!("`{name}` is not a value of its own: write `{name}.` and a name");
            Concern::new(FaultCode::UnknownVariable, message)
        } else {
            let known: Vec<&str> = ROOTS.into_iter().chain(["item", "key", "out"]).collect();
            let suggestion = did_you_mean(name, known).or_else(|| self.where_declared(name));
            Concern::new(FaultCode::UnknownVariable, format!("there is no variable `{name}`")).suggest(suggestion)
        };
        self.concerns.push(concern.at(name));
        Shape::Any
    }

    /// `staff` alone, where `facts.staff` is declared.
    fn where_declared(&self, name: &str) -> Option<String> {
        let scope = self.scope;
        let sets = [
            ("inputs", &scope.inputs),
            ("steps", &scope.steps),
            ("facts", &scope.facts),
            ("population", &scope.populations),
        ];
        let root = sets.into_iter().find(|(_, names)| names.contains_key(name)).map(|(root, _)| root)?;
        Some(format!("did you mean `{root}.{name}`?"))
    }

    fn declared(&mut self, root: &str, name: &str) -> Shape {
        let names = match root {
            "inputs" => &self.scope.inputs,
            "steps" => &self.scope.steps,
            "facts" => &self.scope.facts,
            "population" => &self.scope.populations,
            "sample" => &self.scope.samples,
            _ if RUN.contains(&name) => return Shape::Any,
            _ => {
                let concern = Concern::new(FaultCode::Dangling, format!("`run` has no `{name}`"));
                self.concerns.push(concern.at(format!("run.{name}")).suggest(did_you_mean(name, RUN)));
                return Shape::Any;
            }
        };
        if let Some(shape) = names.get(name) {
            return shape.clone();
        }
        let what = match root {
            "inputs" => "input",
            "steps" => "step",
            "facts" => "fact",
            "sample" if self.scope.populations.contains_key(name) => {
                let concern = Concern::new(FaultCode::Dangling, format!("the population `{name}` has no sample"));
                self.concerns.push(concern.at(format!("sample.{name}")));
                return Shape::Any;
            }
            _ => "population",
        };
        let concern = Concern::new(FaultCode::Dangling, format!("there is no {what} `{name}`"));
        let suggestion = did_you_mean(name, names.keys().copied());
        self.concerns.push(concern.at(format!("{root}.{name}")).suggest(suggestion));
        Shape::Any
    }

    fn member(&mut self, of: &Shape, name: &str) -> Shape {
        if let Some(shape) = of.member(name) {
            return shape;
        }
        let known = of.members();
        let concern = if known.is_empty() {
            let kind = match of {
                Shape::List(..) => "a list: use an index or for_each",
                Shape::Bool => "true or false",
                Shape::Int(..) => "a number",
                _ => "a text",
            };
            Concern::new(FaultCode::UnknownMember, format!("`.{name}` does not exist here: the value is {kind}"))
        } else {
            let message = format!("there is no member `{name}`; there are: {}", known.join(", "));
            Concern::new(FaultCode::UnknownMember, message)
        };
        let suggestion = did_you_mean(name, known);
        self.concerns.push(concern.at(format!(".{name}")).suggest(suggestion));
        Shape::Any
    }

    fn call(&mut self, call: &CallExpr) -> Shape {
        let target = call.target.as_deref().map(|target| self.shape(target));
        let arguments: Vec<_> = call.args.iter().map(|argument| self.shape(argument)).collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            (operators::INDEX, [of, _]) => match of {
                Shape::List(item, ..) => return (**item).clone(),
                Shape::Map(value) => return (**value).clone(),
                Shape::Record(_) => {
                    if let Some(Expr::Literal(LiteralValue::String(name))) = call.args.get(1).map(|arg| &arg.expr) {
                        return self.member(of, name.inner());
                    }
                    return Shape::Any;
                }
                _ => return Shape::Any,
            },
            (operators::CONDITIONAL, [_, yes, no]) if yes == no => return yes.clone(),
            (
                operators::EQUALS
                | operators::NOT_EQUALS
                | operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS
                | operators::IN
                | operators::LOGICAL_AND
                | operators::LOGICAL_OR
                | operators::LOGICAL_NOT,
                _,
            ) => return Shape::Bool,
            (name, _) if name.starts_with('_') || name == operators::NEGATE => return Shape::Any,
            _ => {}
        }
        let is_member = target.is_some();
        if let Some((message, suggestion)) = functions::refusal(&call.func_name, is_member, call.args.len()) {
            let concern = Concern::new(FaultCode::UnknownFunction, message).at(format!("{}(", call.func_name));
            self.concerns.push(concern.suggest(suggestion));
            return Shape::Any;
        }
        match call.func_name.as_str() {
            "split" => Shape::list(Shape::Text),
            "lower" | "string" => Shape::Text,
            "size" | "int" | "days_until" | "days_since" | "hours_since" | "hours_between" => Shape::INT,
            "contains" | "startsWith" | "endsWith" | "matches" | "bool" => Shape::Bool,
            "by" => Shape::Map(Box::new(arguments.first().map_or(Shape::Any, Shape::item))),
            _ => Shape::Any,
        }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Shape {
        let range = self.shape(&comprehension.iter_range);
        let variable = comprehension.iter_var.as_str();
        if ROOTS.contains(&variable) || TYPES.contains(&variable) {
            let message = format!("`{variable}` cannot be the name of a variable in a comprehension");
            self.concerns.push(Concern::new(FaultCode::UnknownVariable, message).at(format!("{variable},")));
        }
        self.locals.push((variable.to_owned(), range.item()));
        self.locals.push((comprehension.accu_var.clone(), Shape::Any));
        let mut element = None;
        if let Expr::Call(step) = &comprehension.loop_step.expr {
            for part in &step.args {
                element = appended(part).or(element);
                self.shape(part);
            }
            element = appended(&comprehension.loop_step).or(element);
        }
        // The parts were looked at already; this is only about the shape of the result.
        let shape = match element {
            Some(Expr::Ident(name)) if name == variable => Shape::list(range.item()),
            Some(expr) => {
                let before = self.concerns.len();
                let shape = self.shape(&IdedExpr { id: 0, expr: expr.clone() });
                self.concerns.truncate(before);
                Shape::list(shape)
            }
            None => Shape::Bool,
        };
        self.locals.truncate(self.locals.len().saturating_sub(2));
        shape
    }
}

/// The element in `accumulator + [element]`.
fn appended(node: &IdedExpr) -> Option<&Expr> {
    let Expr::Call(call) = &node.expr else { return None };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::ADD, [IdedExpr { expr: Expr::Ident(name), .. }, IdedExpr { expr: Expr::List(list), .. }])
            if name.starts_with('@') =>
        {
            list.elements.first().map(|element| &element.expr)
        }
        _ => None,
    }
}
