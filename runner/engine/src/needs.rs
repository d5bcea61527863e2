//! What a step depends on, read off its expressions.

use std::collections::BTreeSet;

use procedure::{Expression, Name, Procedure, Step, Template};

/// The steps that this one refers to, directly or through facts, populations and samples.
pub fn steps_needed(procedure: &Procedure, step: &Step) -> BTreeSet<String> {
    let mut expressions: Vec<&Expression> = step.for_each.iter().chain(&step.key).collect();
    in_template(&step.with, &mut expressions);
    needed(procedure, expressions)
}

/// The steps that nothing in these checks refers to; those of `finally` run all the same.
pub fn steps_not_needed(procedure: &Procedure, checks: &BTreeSet<String>) -> BTreeSet<String> {
    let selected = procedure.checks.iter().filter(|check| checks.contains(&check.id));
    let expressions = selected
        .flat_map(|check| [Some(&check.assert), check.for_each.as_ref(), check.key.as_ref(), check.when.as_ref()])
        .flatten()
        .collect();
    let mut wanted = needed(procedure, expressions);
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

fn needed<'p>(procedure: &'p Procedure, mut expressions: Vec<&'p Expression>) -> BTreeSet<String> {
    let mut steps = BTreeSet::new();
    let mut seen = BTreeSet::new();
    while let Some(expression) = expressions.pop() {
        for name in expression.names().iter().filter(|name| seen.insert((*name).clone())) {
            match name {
                Name::Step(step) => {
                    steps.insert(step.clone());
                }
                Name::Fact(fact) => {
                    let facts = procedure.facts.iter().filter(|known| known.name == *fact);
                    expressions.extend(facts.map(|fact| &fact.value));
                }
                Name::Population(population) | Name::Sample(population) => {
                    for known in procedure.populations.iter().filter(|known| known.name == *population) {
                        expressions.extend([&known.from, &known.key]);
                        expressions.extend(&known.complete);
                        expressions.extend(known.sample.iter().filter_map(|sample| sample.always.as_ref()));
                    }
                }
                Name::Input(_) | Name::Run(_) | Name::Item | Name::Key | Name::Out => {}
            }
        }
    }
    steps
}

fn in_template<'a>(template: &'a Template, expressions: &mut Vec<&'a Expression>) {
    match template {
        Template::Literal(_) => {}
        Template::Expression(expression) => expressions.push(expression),
        Template::List(list) => list.iter().for_each(|part| in_template(part, expressions)),
        Template::Map(map) => map.iter().for_each(|(_, part)| in_template(part, expressions)),
    }
}
