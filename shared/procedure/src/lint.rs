//! What is allowed and yet likely not meant. Few rules, each of which an author should follow or know why not.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, operators};
use verdict::Severity;

use crate::expression::{Expression, Name, walk};
use crate::fault::did_you_mean;
use crate::model::{Check, Each, InputShape, Procedure};
use crate::source;

/// Something that is likely not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The stable code, such as `W-PROC-001`.
    pub code: &'static str,
    /// What is odd here, in one line.
    pub message: String,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}: {}", self.line, self.column, self.code, self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

/// `all()` over a list that may be empty, outside `for_each`.
const UNGUARDED_ALL: &str = "W-PROC-001";
/// A list is gone through for every item of another list.
const NESTED_LISTS: &str = "W-PROC-002";
/// Declared and never used.
const UNUSED: &str = "W-PROC-003";
/// An expression that refers to nothing.
const CONSTANT: &str = "W-PROC-004";
/// A critical check that does not say what to do.
const NO_FIX: &str = "W-PROC-005";
/// A framework that is nearly one of the known ones.
const FRAMEWORK: &str = "W-PROC-006";

/// `for_each` without `key` over items that may not be names.
const NO_KEY: &str = "W-PROC-007";

/// Frameworks that the documentation names.
const FRAMEWORKS: [&str; 7] =
    ["nist-800-53-r5", "nist-csf-2.0", "iso-27001-2022", "soc2-tsc", "cis-v8", "pci-dss-v4.0", "dora"];

/// The warnings for a procedure, ordered by place.
pub fn lint(procedure: &Procedure) -> Vec<Warning> {
    let text = source::decode(procedure.source()).unwrap_or_default();
    let mut lint = Lint { procedure, text, warnings: Vec::new() };
    lint.lists();
    lint.keys();
    lint.unused();
    lint.constants();
    lint.declared();
    lint.warnings.sort_by_key(|warning| (warning.line, warning.column));
    lint.warnings
}

struct Lint<'p> {
    procedure: &'p Procedure,
    text: &'p str,
    warnings: Vec<Warning>,
}

impl<'p> Lint<'p> {
    fn warn(&mut self, at: usize, code: &'static str, message: String, suggestion: Option<String>) {
        let (line, column) = source::position(self.text, at);
        self.warnings.push(Warning { line, column, code, message, suggestion });
    }

    fn lists(&mut self) {
        for check in &self.procedure.checks {
            if check.for_each.is_none() {
                self.unguarded(check, &check.assert);
            }
            let is_repeated = check.for_each.as_ref().is_some_and(|source| is_collected(source.tree()));
            for expression in [&check.assert].into_iter().chain(&check.when) {
                self.nested(expression, is_repeated);
            }
        }
        for population in &self.procedure.populations {
            let plain = [&population.from].into_iter().chain(&population.complete);
            plain.for_each(|expression| self.nested(expression, false));
            let always = population.sample.as_ref().and_then(|sample| sample.always.as_ref());
            [&population.key].into_iter().chain(always).for_each(|expression| self.nested(expression, true));
        }
        let facts = self.procedure.facts.iter().map(|fact| &fact.value);
        let metrics = self.procedure.metrics.iter().map(|metric| &metric.value);
        facts.chain(metrics).for_each(|expression| self.nested(expression, false));
    }

    /// `[].all(…)` is true, so a list that was never collected would pass.
    fn unguarded(&mut self, check: &Check, expression: &'p Expression) {
        let mut ranges = Vec::new();
        walk(expression.tree(), &mut |node, _, nested| {
            if let Expr::Comprehension(comprehension) = &node.expr
                && nested == 1
                && is_step(&comprehension.loop_step, operators::LOGICAL_AND)
            {
                ranges.push(&comprehension.iter_range);
            }
        });
        let guarded = |range: &IdedExpr| {
            let sized = [expression].into_iter().chain(&check.when).any(|expression| sizes(expression.tree(), range));
            // A check that goes through the same list is in error if it is empty.
            let sources = self.procedure.checks.iter().filter_map(|check| check.for_each.as_ref());
            sized || sources.into_iter().any(|source| same(source.tree(), range))
        };
        if ranges.iter().any(|range| !guarded(range)) {
            let message = format!("all() in the check `{}` is true for an empty list", check.id);
            let suggestion = "use for_each, where an empty list is an error, or add size(list) > 0";
            self.warn(expression.place.0, UNGUARDED_ALL, message, Some(suggestion.to_owned()));
        }
    }

    fn nested(&mut self, expression: &Expression, is_repeated: bool) {
        let mut found = false;
        let mut outer = 0;
        walk(expression.tree(), &mut |node, _, nested| {
            if let Expr::Comprehension(comprehension) = &node.expr
                && is_collected(&comprehension.iter_range)
            {
                found |= is_repeated || (nested > 1 && outer > 0);
                outer += 1;
            }
        });
        if found {
            let message = "a collected list is gone through for every item of another one".to_owned();
            let suggestion = "make a map once in facts, by(list, \"key\"), and look items up in it";
            self.warn(expression.place.0, NESTED_LISTS, message, Some(suggestion.to_owned()));
        }
    }

    fn unused(&mut self) {
        let used = self.used();
        let vias: BTreeSet<_> = self.procedure.all_steps().filter_map(|step| step.via.as_deref()).collect();
        let document = &self.procedure.document;
        for (field, what) in
            [("inputs", "input"), ("connections", "connection"), ("facts", "fact"), ("populations", "population")]
        {
            for entry in document.entry(field).map(|entry| entry.value.entries()).unwrap_or_default() {
                let name = entry.key.clone();
                let is_used = match field {
                    "inputs" => used.contains(&Name::Input(name)),
                    "connections" => vias.contains(entry.key.as_str()),
                    "facts" => used.contains(&Name::Fact(name)),
                    _ => used.contains(&Name::Population(name.clone())) || used.contains(&Name::Sample(name)),
                };
                if !is_used {
                    self.warn(entry.at, UNUSED, format!("the {what} `{}` is never used", entry.key), None);
                } else if let Some(sample) = entry.value.entry("sample").filter(|_| field == "populations")
                    && !used.contains(&Name::Sample(entry.key.clone()))
                {
                    let message = format!("nothing goes through `sample.{}`", entry.key);
                    self.warn(sample.at, UNUSED, message, None);
                }
            }
        }
    }

    /// Every name that some expression of the procedure refers to.
    fn used(&self) -> BTreeSet<Name> {
        let procedure = self.procedure;
        let mut expressions = Vec::new();
        for step in procedure.all_steps() {
            step.with.expressions(&mut expressions);
            expressions.extend(step.for_each.iter().chain(&step.key));
        }
        expressions.extend(procedure.facts.iter().map(|fact| &fact.value));
        for population in &procedure.populations {
            expressions.extend([&population.from, &population.key].into_iter().chain(&population.complete));
            expressions.extend(population.sample.as_ref().and_then(|sample| sample.always.as_ref()));
        }
        for check in &procedure.checks {
            expressions.extend([&check.assert].into_iter().chain(&check.for_each).chain(&check.key).chain(&check.when));
        }
        expressions.extend(procedure.metrics.iter().map(|metric| &metric.value));
        expressions.into_iter().flat_map(Expression::names).cloned().collect()
    }

    fn constants(&mut self) {
        for metric in self.procedure.metrics.iter().filter(|metric| metric.value.names().is_empty()) {
            let message = format!("the metric `{}` is the same in every run", metric.name);
            self.warn(metric.value.place.0, CONSTANT, message, None);
        }
        for check in self.procedure.checks.iter().filter(|check| check.assert.names().is_empty()) {
            let message = format!("the check `{}` looks at nothing", check.id);
            self.warn(check.assert.place.0, CONSTANT, message, None);
        }
    }

    /// Items that are texts or numbers name themselves; records need `key`, and nothing here says which they are.
    fn keys(&mut self) {
        let steps = self.procedure.all_steps().map(|step| (&step.for_each, &step.key));
        let checks = self.procedure.checks.iter().map(|check| (&check.for_each, &check.key));
        for (source, key) in steps.chain(checks) {
            if let (Some(source), None) = (source, key)
                && !self.names_its_items(source)
            {
                let message = "for_each without key: items that are records end as an error".to_owned();
                self.warn(source.place.0, NO_KEY, message, Some("name each item: key: item.id".to_owned()));
            }
        }
    }

    fn names_its_items(&self, source: &Expression) -> bool {
        match source.direct() {
            Some(Name::Population(_) | Name::Sample(_)) => true,
            Some(Name::Step(id)) => self.procedure.step(&id).is_some_and(|step| step.for_each.is_some()),
            Some(Name::Input(name)) => self.procedure.inputs.iter().any(|input| {
                input.name == name
                    && matches!(&input.shape, InputShape::List(Some(each)) if matches!(**each, Each::One(_)))
            }),
            Some(_) => false,
            None => matches!(&source.tree().expr, Expr::Call(call) if call.func_name == "split"),
        }
    }

    fn declared(&mut self) {
        for check in &self.procedure.checks {
            if check.severity == Severity::Critical && check.fix.is_none() {
                let message = format!("the critical check `{}` has no `fix`", check.id);
                self.warn(check.assert.place.0, NO_FIX, message, None);
            }
        }
        let document = &self.procedure.document;
        for entry in document.entry("controls").map(|entry| entry.value.entries()).unwrap_or_default() {
            if !FRAMEWORKS.contains(&entry.key.as_str())
                && let Some(suggestion) = did_you_mean(&entry.key, FRAMEWORKS)
            {
                let message = format!("`{}` is not a framework that is known here", entry.key);
                self.warn(entry.at, FRAMEWORK, message, Some(suggestion));
            }
        }
    }
}

/// Whether a node is a list that was collected: `steps.x…`, `population.x`, `sample.x`, also filtered or mapped.
fn is_collected(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Ident(name) => matches!(name.as_str(), "steps" | "population" | "sample"),
        Expr::Select(select) => is_collected(&select.operand),
        Expr::Comprehension(comprehension) => is_collected(&comprehension.iter_range),
        Expr::Call(call) if call.func_name == operators::INDEX => call.args.first().is_some_and(is_collected),
        _ => false,
    }
}

fn is_step(node: &IdedExpr, operator: &str) -> bool {
    matches!(&node.expr, Expr::Call(call) if call.func_name == operator)
}

/// Whether the size of this very list is asked for.
fn sizes(tree: &IdedExpr, list: &IdedExpr) -> bool {
    let mut found = false;
    walk(tree, &mut |node, _, _| {
        if let Expr::Call(CallExpr { func_name, target, args }) = &node.expr
            && func_name == "size"
        {
            found |= target.as_deref().or(args.first()).is_some_and(|sized| same(sized, list));
        }
    });
    found
}

/// Whether two nodes say the same; only for the plain forms in which lists are named.
fn same(one: &IdedExpr, other: &IdedExpr) -> bool {
    match (&one.expr, &other.expr) {
        (Expr::Ident(one), Expr::Ident(other)) => one == other,
        (Expr::Literal(one), Expr::Literal(other)) => one == other,
        (Expr::Select(one), Expr::Select(other)) => {
            one.field == other.field && one.test == other.test && same(&one.operand, &other.operand)
        }
        (Expr::Call(one), Expr::Call(other)) => {
            one.func_name == other.func_name
                && one.args.len() == other.args.len()
                && one.args.iter().zip(&other.args).all(|(one, other)| same(one, other))
                && match (&one.target, &other.target) {
                    (None, None) => true,
                    (Some(one), Some(other)) => same(one, other),
                    _ => false,
                }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Notation, read};

    fn warnings(rest: &str) -> Vec<(usize, &'static str)> {
        let head = "schema: procedure/v1\nid: p\nversion: 1\ntitle: T\npurpose: P\nowner: o\n\
                    connections: { c: { type: sqlite, access: read-only } }\nsteps:\n\
                    - { id: a, title: A, use: sql, via: c, with: { query: x } }\n\
                    - { id: b, title: B, use: sql, via: c, with: { query: x } }\n";
        let procedure =
            read(format!("{head}{rest}").as_bytes(), Notation::Yaml).unwrap_or_else(|faults| panic!("{faults}"));
        lint(&procedure).into_iter().map(|warning| (warning.line, warning.code)).collect()
    }

    fn check(fields: &str) -> String {
        format!("checks:\n- {{ id: c, title: C, severity: high, {fields} }}\n")
    }

    #[test]
    fn all_needs_a_guard() {
        let ungarded = check("assert: 'steps.a.rows.all(r, r.x == 1)'");
        assert_eq!(warnings(&ungarded), [(12, UNGUARDED_ALL)]);
        for guarded in [
            "assert: 'size(steps.a.rows) > 0 && steps.a.rows.all(r, r.x == 1)'",
            "assert: 'steps.a.rows.size() == 2 && steps.a.rows.all(r, r.x == 1)'",
            "assert: 'steps.a.rows.all(r, r.x == 1)', when: steps.a.rows.size() > 0, na: Nothing there",
            "assert: 'item.list.all(r, r.x == 1)', for_each: steps.a.rows, key: item.id",
            "assert: 'steps.a.rows.exists(r, r.x == 1)'",
        ] {
            assert_eq!(warnings(&check(guarded)), [], "{guarded}");
        }
        let elsewhere =
            "- { id: d, title: D, severity: low, for_each: steps.a.rows, key: item.id, assert: item.x == 1 }\n";
        assert_eq!(warnings(&format!("{ungarded}{elsewhere}")), []);
        let sized_another = "assert: 'size(steps.b.rows) > 0 && steps.a.rows.all(r, r.x == 1)'";
        assert_eq!(warnings(&check(sized_another)), [(12, UNGUARDED_ALL)]);
    }

    #[test]
    fn lists_inside_lists_are_seen() {
        for nested in [
            "assert: 'steps.a.rows.exists(r, steps.b.rows.exists(s, s.id == r.id))'",
            "assert: 'steps.b.rows.exists(s, s.id == item.id)', for_each: steps.a.rows, key: item.id",
        ] {
            assert_eq!(warnings(&check(nested)), [(12, NESTED_LISTS)], "{nested}");
        }
        for flat in [
            "assert: 'steps.a.rows.exists(r, r.list.exists(s, s.id == 1))'",
            "assert: 'steps.a.rows.filter(r, r.x == 1).exists(s, s.id == 1)'",
            "assert: 'steps.a.rows.exists(r, r.x == 1) && steps.b.rows.exists(r, r.x == 1)'",
        ] {
            assert_eq!(warnings(&check(flat)), [], "{flat}");
        }
    }

    #[test]
    fn what_is_declared_is_used() {
        let rest = "inputs: { i: { type: int, default: 1 } }\nfacts: { f: size(steps.a.rows) }\n\
                    populations: { p: { title: P, from: steps.a.rows, key: item.id, complete: ['steps.a.count > 0'], sample: { size: 1 } } }\n\
                    metrics: { m: 1 + 1 }\ncontrols: { iso-27001-2023: [A.1] }\n";
        let found = warnings(&format!("{rest}{}", check("assert: steps.a.count > 0")));
        let expected = [(11, UNUSED), (12, UNUSED), (13, UNUSED), (14, CONSTANT), (15, FRAMEWORK)];
        assert_eq!(found, expected);
        let sampled = format!("{rest}{}", check("for_each: population.p, assert: item.x == inputs.i + facts.f"));
        assert_eq!(warnings(&sampled), [(13, UNUSED), (14, CONSTANT), (15, FRAMEWORK)]);
    }

    #[test]
    fn items_that_may_be_records_need_a_key() {
        let over = |source: &str| warnings(&check(&format!("assert: key != '', for_each: {source:?}")));
        assert_eq!(over("dyn(steps.a.rows)"), [(12, NO_KEY)]);
        assert_eq!(over("steps.a.rows.map(r, r.id)"), [(12, NO_KEY)]);
        assert_eq!(over("string(steps.a.count).split(',')"), []);
    }

    #[test]
    fn a_critical_check_says_what_to_do() {
        let rest = "checks:\n- { id: c, title: C, severity: critical, assert: steps.a.count > 0 }\n";
        assert_eq!(warnings(rest), [(12, NO_FIX)]);
    }
}
