//! What a step depends on, read off its expressions.

use std::collections::BTreeSet;

use procedure::{Check, Expression, Procedure, Step, Template};

/// The steps that this one refers to, directly or through facts, populations and samples.
pub fn steps_needed(procedure: &Procedure, step: &Step) -> BTreeSet<String> {
    let mut expressions: Vec<&Expression> = step.for_each.iter().chain(&step.key).collect();
    in_template(&step.with, &mut expressions);
    procedure.steps_referred(expressions)
}

/// The steps that nothing in these checks refers to; those of `finally` run all the same.
pub fn steps_not_needed(procedure: &Procedure, checks: &BTreeSet<String>) -> BTreeSet<String> {
    let selected = procedure.checks.iter().filter(|check| checks.contains(&check.id));
    let mut wanted = procedure.steps_referred(selected.flat_map(Check::expressions));
    loop {
        let more: BTreeSet<String> = procedure
            .steps
            .iter()
            .filter(|step| wanted.contains(&step.id))
            .flat_map(|step| steps_needed(procedure, step))
            .filter(|step| !wanted.contains(step))
            .collect();
        if more.is_empty() {
            break;
        }
        wanted.extend(more);
    }
    procedure.steps.iter().map(|step| step.id.clone()).filter(|step| !wanted.contains(step)).collect()
}

fn in_template<'a>(template: &'a Template, expressions: &mut Vec<&'a Expression>) {
    match template {
        Template::Literal(_) => {}
        Template::Expression(expression) => expressions.push(expression),
        Template::List(list) => list.iter().for_each(|part| in_template(part, expressions)),
        Template::Map(map) => map.iter().for_each(|(_, part)| in_template(part, expressions)),
    }
}
