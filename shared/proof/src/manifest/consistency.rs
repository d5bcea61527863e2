//! Whether the lines of a manifest agree with each other: everything that can be told without the procedure.

use std::collections::{HashMap, HashSet};

use ids::ItemId;
use verdict::{CheckTally, Counts, Status, StepStatus, score, score_with_exceptions};

use super::{CheckLine, MAX_METRICS, Manifest};
use crate::text::Name;

/// What contradicts what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistency {
    /// A step, check or metric stands there twice.
    #[error("{0} stands there twice")]
    Twice(Name),
    /// An evidence item stands there twice.
    #[error("item {0} stands there twice")]
    ItemTwice(ItemId),
    /// An error without a code, or a code without an error.
    #[error("step {0} must have a code if it is an error, and only then")]
    StepCode(Name),
    /// Something was left out of a run that is not partial.
    #[error("{0} is skipped, but the run is not partial")]
    Skipped(Name),
    /// An item of no step.
    #[error("item {0} is of a step that is not listed")]
    ItemStep(ItemId),
    /// Items that are not in the order of their steps.
    #[error("item {0} is not in the order of the steps")]
    ItemOrder(ItemId),
    /// A check whose status does not follow from its counts.
    #[error("check {check} is {stated}, but its counts say {implied}")]
    CheckStatus {
        /// The check.
        check: Name,
        /// What the line says.
        stated: Status,
        /// What its counts say.
        implied: Status,
    },
    /// More excepted items than failing ones, no exception that excepts them, or one twice.
    #[error("check {0} does not name the exceptions that its counts need, or names one twice")]
    Exceptions(Name),
    /// Counts too large to be added up.
    #[error("the counts of check {0} are absurd")]
    Counts(Name),
    /// The run's counts are not the sum over the checks.
    #[error("the counts of the run are not the sum over its checks")]
    Sum,
    /// The run's verdict does not follow from the checks.
    #[error("the verdict is {stated}, but the checks say {implied}")]
    Verdict {
        /// What the run's line says.
        stated: Status,
        /// What the checks say.
        implied: Status,
    },
    /// A score does not follow from the checks.
    #[error("the scores are not those that the checks give")]
    Score,
    /// Too many metrics.
    #[error("more than {MAX_METRICS} metrics")]
    Metrics,
}

/// No run has so many items; above, sums could overflow.
const MAX_COUNT: u64 = 1 << 48;

pub(super) fn check(manifest: &Manifest) -> Result<(), Inconsistency> {
    check_steps(manifest)?;
    check_items(manifest)?;
    no_name_twice(manifest.checks.iter().map(|line| &line.check))?;
    manifest.checks.iter().try_for_each(|line| check_check(line, manifest.run.partial))?;
    check_run(manifest)?;
    no_name_twice(manifest.metrics.iter().map(|line| &line.metric))?;
    if manifest.metrics.len() > MAX_METRICS { Err(Inconsistency::Metrics) } else { Ok(()) }
}

fn check_steps(manifest: &Manifest) -> Result<(), Inconsistency> {
    no_name_twice(manifest.steps.iter().map(|line| &line.step))?;
    for line in &manifest.steps {
        if (line.status == StepStatus::Error) != line.code.is_some() {
            return Err(Inconsistency::StepCode(line.step.clone()));
        }
        if line.status == StepStatus::Skipped && !manifest.run.partial {
            return Err(Inconsistency::Skipped(line.step.clone()));
        }
    }
    Ok(())
}

fn check_items(manifest: &Manifest) -> Result<(), Inconsistency> {
    let steps: HashMap<&Name, usize> = manifest.steps.iter().map(|line| &line.step).zip(0..).collect();
    let mut seen = HashSet::with_capacity(manifest.items.len());
    let mut reached = 0;
    for line in &manifest.items {
        let step = *steps.get(&line.step).ok_or(Inconsistency::ItemStep(line.item))?;
        if step < reached {
            return Err(Inconsistency::ItemOrder(line.item));
        }
        reached = step;
        if !seen.insert(line.item) {
            return Err(Inconsistency::ItemTwice(line.item));
        }
    }
    Ok(())
}

fn check_check(line: &CheckLine, partial: bool) -> Result<(), Inconsistency> {
    let CheckLine { check, status, counts, exceptions, .. } = line;
    let Counts { pass, fail, error, pending, not_applicable, excepted } = *counts;
    if [pass, fail, error, pending, not_applicable].iter().any(|count| *count > MAX_COUNT) {
        return Err(Inconsistency::Counts(check.clone()));
    }
    let distinct: HashSet<_> = exceptions.iter().collect();
    if excepted > fail || (excepted > 0 && exceptions.is_empty()) || distinct.len() != exceptions.len() {
        return Err(Inconsistency::Exceptions(check.clone()));
    }
    if *status == Status::Skipped && !partial {
        return Err(Inconsistency::Skipped(check.clone()));
    }
    let implied = counts.status();
    // A check that came to no items at all says by its status alone why: nothing to check, left out, or still waiting.
    let without_items = *counts == Counts::default()
        && matches!(status, Status::Error | Status::NotApplicable | Status::Pending | Status::Skipped);
    if *status == implied || without_items {
        Ok(())
    } else {
        Err(Inconsistency::CheckStatus { check: check.clone(), stated: *status, implied })
    }
}

fn check_run(manifest: &Manifest) -> Result<(), Inconsistency> {
    let run = &manifest.run;
    let mut sum = Counts::default();
    manifest.checks.iter().for_each(|line| sum.add(&line.counts));
    if sum != run.counts {
        return Err(Inconsistency::Sum);
    }
    let implied = manifest.checks.iter().map(|line| line.status).min();
    match implied {
        Some(implied) if implied != run.verdict => {
            return Err(Inconsistency::Verdict { stated: run.verdict, implied });
        }
        // Without any check nothing was shown, and no verdict may sound as if.
        None if !matches!(run.verdict, Status::Error | Status::NotApplicable | Status::Skipped) => {
            return Err(Inconsistency::Verdict { stated: run.verdict, implied: Status::Error });
        }
        _ => {}
    }
    let tallies: Vec<CheckTally> =
        manifest.checks.iter().map(|line| CheckTally { severity: line.severity, counts: line.counts }).collect();
    let unscored = run.partial || manifest.checks.iter().any(|line| line.status == Status::Pending);
    let scores = if unscored { (None, None) } else { (score(&tallies), score_with_exceptions(&tallies)) };
    if scores == (run.score, run.score_with_exceptions) { Ok(()) } else { Err(Inconsistency::Score) }
}

fn no_name_twice<'a>(names: impl Iterator<Item = &'a Name>) -> Result<(), Inconsistency> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Inconsistency::Twice(name.clone()));
        }
    }
    Ok(())
}
