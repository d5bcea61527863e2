//! Controls of frameworks, as the files of procedures name them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use procedure::{Check, Controls, Procedure};
use proof::text::Name;

/// A control of a framework.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlRef {
    /// Such as `nist-800-53-r5`.
    pub framework: String,
    /// Such as `AC-2(3)`.
    pub control: String,
}

impl fmt::Display for ControlRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.framework, self.control)
    }
}

/// What a check serves: the controls of its procedure, and those of its own; each once, in the order of the file.
pub(super) fn of_check(procedure: &Procedure, check: &Check) -> Vec<ControlRef> {
    let mut seen = BTreeSet::new();
    let all = procedure.controls.iter().chain(&check.controls).flat_map(each);
    all.filter(|control| seen.insert(control.clone())).collect()
}

/// What a check serves by itself.
pub(super) fn of_alone(check: &Check) -> Vec<ControlRef> {
    let mut seen = BTreeSet::new();
    check.controls.iter().flat_map(each).filter(|control| seen.insert(control.clone())).collect()
}

fn each(controls: &Controls) -> impl Iterator<Item = ControlRef> {
    let framework = &controls.framework;
    controls.ids.iter().map(move |id| ControlRef { framework: framework.clone(), control: id.clone() })
}

/// Which checks of which procedures serve which control.
#[derive(Debug, Default)]
pub(super) struct Served {
    by_control: BTreeMap<ControlRef, BTreeMap<String, BTreeSet<String>>>,
    /// All checks of each procedure.
    all: BTreeMap<String, BTreeSet<String>>,
}

impl Served {
    pub(super) fn take(&mut self, procedure: &Procedure) {
        for check in &procedure.checks {
            self.all.entry(procedure.id.clone()).or_default().insert(check.id.clone());
            for control in of_check(procedure, check) {
                let checks = self.by_control.entry(control).or_default().entry(procedure.id.clone()).or_default();
                checks.insert(check.id.clone());
            }
        }
    }

    pub(super) fn controls(&self) -> impl Iterator<Item = &ControlRef> {
        self.by_control.keys()
    }

    /// The procedures that serve a control, as a whole or by some check.
    pub(super) fn procedures(&self, control: &ControlRef) -> Vec<Name> {
        let serving = self.by_control.get(control).into_iter().flat_map(BTreeMap::keys);
        serving.filter_map(|id| id.parse().ok()).collect()
    }

    /// The procedures that serve a control: as a whole, or by single checks.
    pub(super) fn among(&self, control: &ControlRef) -> Vec<(Name, Option<Name>)> {
        let mut among = Vec::new();
        for (id, checks) in self.by_control.get(control).into_iter().flatten() {
            // An id that is no name of the line is none of a procedure that ran.
            let Ok(procedure) = id.parse::<Name>() else { continue };
            if self.all.get(id) == Some(checks) {
                among.push((procedure, None));
                continue;
            }
            let checks = checks.iter().filter_map(|check| check.parse().ok());
            among.extend(checks.map(|check| (procedure.clone(), Some(check))));
        }
        among
    }
}

#[cfg(test)]
mod tests {
    use procedure::Notation;

    use super::*;

    #[test]
    fn a_control_of_the_procedure_is_served_by_all_its_checks() {
        let source = include_bytes!("../../../../tests/fixtures/examples/d-access-review.yaml");
        let procedure = procedure::read(source, Notation::Yaml).unwrap();
        let mut served = Served::default();
        served.take(&procedure);
        let control =
            |framework: &str, control: &str| ControlRef { framework: framework.into(), control: control.into() };
        let whole = control("nist-800-53-r5", "AC-2");
        assert_eq!(served.among(&whole), [("access-review-erp".parse().unwrap(), None)]);
        assert_eq!(served.among(&control("nist-800-53-r5", "AC-99")), []);
        assert!(served.controls().any(|known| *known == whole));
        let twice: BTreeSet<_> = served.controls().collect();
        assert_eq!(twice.len(), served.controls().count());
    }
}
