//! Which steps expressions refer to, also through what they name.

use std::collections::BTreeSet;

use crate::expression::{Expression, Name};
use crate::model::{Check, Population, Procedure};

impl Check {
    /// Every expression in it.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        [&self.assert].into_iter().chain(&self.for_each).chain(&self.key).chain(&self.when)
    }
}

impl Procedure {
    /// The steps whose results a check looks at: those that it refers to directly or through facts, populations and samples.
    pub fn steps_of_check(&self, check: &Check) -> BTreeSet<String> {
        self.steps_referred(check.expressions())
    }

    /// The steps that these expressions refer to, directly or through facts, populations and samples.
    pub fn steps_referred<'p>(&'p self, expressions: impl IntoIterator<Item = &'p Expression>) -> BTreeSet<String> {
        let mut expressions: Vec<&Expression> = expressions.into_iter().collect();
        let mut steps = BTreeSet::new();
        let mut seen = BTreeSet::new();
        while let Some(expression) = expressions.pop() {
            for name in expression.names().iter().filter(|name| seen.insert((*name).clone())) {
                match name {
                    Name::Step(step) => {
                        steps.insert(step.clone());
                    }
                    Name::Fact(fact) => {
                        let facts = self.facts.iter().filter(|known| known.name == *fact);
                        expressions.extend(facts.map(|fact| &fact.value));
                    }
                    Name::Population(population) | Name::Sample(population) => {
                        expressions.extend(self.population(population).into_iter().flat_map(Population::expressions));
                    }
                    Name::Input(_) | Name::Run(_) | Name::Item | Name::Key | Name::Out => {}
                }
            }
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use crate::source::Notation;

    const REVIEW: &[u8] = include_bytes!("../../../tests/fixtures/examples/d-access-review.yaml");

    #[test]
    fn a_check_looks_at_steps_also_through_facts_populations_and_samples() {
        let procedure = crate::read(REVIEW, Notation::Yaml).unwrap();
        let steps = |check: &str| {
            let steps = procedure.steps_of_check(procedure.check(check).unwrap());
            steps.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(steps("hr_export_fresh"), "hr");
        assert_eq!(steps("no_leavers"), "hr total users");
        assert_eq!(steps("reviewed"), "review");
        assert_eq!(steps("removed"), "recheck review");
    }
}
