//! Two runs of a procedure side by side.

use std::collections::BTreeMap;

use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::run::{RunDetail, RunSummary};
use ids::RunId;
use proof::manifest::{CheckLine, MetricLine};
use proof::text::Name;
use verdict::Status;

use super::AtRunner;
use super::refs::Labels;
use crate::{Error, Operations};

/// Two runs of a procedure; `before` is the one that began first.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The earlier one.
    pub before: RunSummary,
    /// The later one.
    pub after: RunSummary,
    /// Where the earlier one ran.
    pub before_runner: AtRunner,
    /// Where the later one ran.
    pub after_runner: AtRunner,
    /// The procedure's title, out of the file of the later run, else of the earlier.
    pub title: Option<String>,
    /// Whether another text of the procedure ran.
    pub digest_changed: bool,
    /// Every check of either, the worst news first, then in the order of the later run.
    pub checks: Vec<CheckDifference>,
    /// Every metric of either.
    pub metrics: Vec<MetricDifference>,
    /// How many checks came to what.
    pub counts: DifferenceCounts,
}

/// A check of two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckDifference {
    /// The check.
    pub check: Name,
    /// What holds if it passes.
    pub title: Option<String>,
    /// What to do if it fails.
    pub fix: Option<String>,
    /// What became of it.
    pub kind: Difference,
    /// What the earlier run says.
    pub before: Option<CheckLine>,
    /// What the later one says.
    pub after: Option<CheckLine>,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Its status is worse.
    Worse,
    /// The earlier run does not have it.
    Appeared,
    /// Its status is another one, neither better nor worse.
    Changed,
    /// Its status is better.
    Better,
    /// The later run does not have it.
    Gone,
    /// Its status is the same.
    Same,
}

impl Difference {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Appeared => "appeared",
            Self::Changed => "changed",
            Self::Better => "better",
            Self::Gone => "gone",
            Self::Same => "same",
        }
    }

    fn of(before: Option<Status>, after: Option<Status>) -> Self {
        match (before, after) {
            (None, _) => Self::Appeared,
            (_, None) => Self::Gone,
            (Some(before), Some(after)) if before == after => Self::Same,
            (Some(before), Some(after)) => match (rank(before), rank(after)) {
                (Some(before), Some(after)) if after < before => Self::Worse,
                (Some(before), Some(after)) if after > before => Self::Better,
                (Some(_), Some(_)) | (None, _) | (_, None) => Self::Changed,
            },
        }
    }
}

/// How good news a status is; nothing is said by a check that was left out.
fn rank(status: Status) -> Option<u8> {
    match status {
        Status::Fail => Some(0),
        Status::Error => Some(1),
        Status::Pending => Some(2),
        Status::Excepted => Some(3),
        Status::Pass | Status::NotApplicable => Some(4),
        Status::Skipped => None,
    }
}

/// A metric of two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricDifference {
    /// The metric.
    pub metric: Name,
    /// Its value in the earlier run.
    pub before: Option<i64>,
    /// Its value in the later one.
    pub after: Option<i64>,
}

/// How many checks came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DifferenceCounts {
    /// Only the later run has them.
    pub appeared: u64,
    /// Only the earlier one has them.
    pub gone: u64,
    /// Better.
    pub better: u64,
    /// Worse.
    pub worse: u64,
    /// Other, neither better nor worse.
    pub changed: u64,
    /// The same.
    pub same: u64,
}

impl DifferenceCounts {
    fn count(&mut self, kind: Difference) {
        *match kind {
            Difference::Worse => &mut self.worse,
            Difference::Appeared => &mut self.appeared,
            Difference::Changed => &mut self.changed,
            Difference::Better => &mut self.better,
            Difference::Gone => &mut self.gone,
            Difference::Same => &mut self.same,
        } += 1;
    }
}

impl Operations {
    /// Compares two runs of one procedure, given in whichever order, at one Runner or at two.
    pub async fn compare_runs(&self, caller: &Caller, one: RunId, other: RunId) -> Result<Comparison, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        let one = tx.run_without_items(one).await?.ok_or(Error::NotFound("run"))?;
        let other = tx.run_without_items(other).await?.ok_or(Error::NotFound("run"))?;
        if one.summary.procedure.id != other.summary.procedure.id {
            return Err(Error::invalid("other", "it is a run of another procedure"));
        }
        let place = |run: &RunDetail| (run.summary.started, run.summary.id);
        let (before, after) = if place(&one) <= place(&other) { (one, other) } else { (other, one) };
        let labels = Labels::read(&tx, [before.summary.runner, after.summary.runner]).await?;
        let newer = self.text(&tx, after.summary.runner, &after.summary.procedure.sha256).await?;
        let older = self.text(&tx, before.summary.runner, &before.summary.procedure.sha256).await?;
        let written = |check: &Name| {
            let mut texts = [&newer, &older].into_iter().filter_map(|text| text.procedure());
            texts.find_map(|procedure| procedure.check(check.as_str()))
        };
        let mut checks = differences(&before.checks, &after.checks);
        let mut counts = DifferenceCounts::default();
        for difference in &mut checks {
            counts.count(difference.kind);
            let check = written(&difference.check);
            difference.title = check.map(|check| check.title.clone());
            difference.fix = check.and_then(|check| check.fix.clone());
        }
        let title = [&newer, &older].into_iter().find_map(|text| text.procedure()).map(|known| known.title.clone());
        Ok(Comparison {
            before_runner: labels.at(before.summary.runner)?,
            after_runner: labels.at(after.summary.runner)?,
            title,
            digest_changed: before.summary.procedure.sha256 != after.summary.procedure.sha256,
            checks,
            metrics: metrics(&before.metrics, &after.metrics),
            counts,
            before: before.summary,
            after: after.summary,
        })
    }
}

fn differences(before: &[CheckLine], after: &[CheckLine]) -> Vec<CheckDifference> {
    let known: BTreeMap<&Name, &CheckLine> = before.iter().map(|line| (&line.check, line)).collect();
    let still: BTreeMap<&Name, &CheckLine> = after.iter().map(|line| (&line.check, line)).collect();
    let names = after.iter().map(|line| &line.check);
    let gone = before.iter().map(|line| &line.check).filter(|check| !still.contains_key(check));
    let mut all: Vec<CheckDifference> = names
        .chain(gone)
        .map(|check| {
            let (before, after) = (known.get(check).copied(), still.get(check).copied());
            let kind = Difference::of(before.map(|line| line.status), after.map(|line| line.status));
            let (before, after) = (before.cloned(), after.cloned());
            CheckDifference { check: check.clone(), title: None, fix: None, kind, before, after }
        })
        .collect();
    all.sort_by_key(|difference| difference.kind);
    all
}

fn metrics(before: &[MetricLine], after: &[MetricLine]) -> Vec<MetricDifference> {
    let value = |lines: &[MetricLine], metric: &Name| {
        lines.iter().find(|line| line.metric == *metric).map(|line| i64::from(line.value))
    };
    let gone = before.iter().filter(|line| value(after, &line.metric).is_none());
    let all = after.iter().chain(gone);
    all.map(|line| MetricDifference {
        metric: line.metric.clone(),
        before: value(before, &line.metric),
        after: value(after, &line.metric),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_good_or_bad_or_neither() {
        use Difference::{Appeared, Better, Changed, Gone, Same, Worse};
        use Status::{Error, Excepted, Fail, NotApplicable, Pass, Pending, Skipped};
        for (before, after, expected) in [
            (Some(Pass), Some(Fail), Worse),
            (Some(Pass), Some(Error), Worse),
            (Some(Error), Some(Fail), Worse),
            (Some(Fail), Some(Error), Better),
            (Some(Fail), Some(Excepted), Better),
            (Some(Pending), Some(Pass), Better),
            (Some(Pass), Some(NotApplicable), Changed),
            (Some(Fail), Some(Skipped), Changed),
            (Some(Skipped), Some(Pass), Changed),
            (Some(Fail), Some(Fail), Same),
            (None, Some(Pass), Appeared),
            (Some(Pass), None, Gone),
        ] {
            assert_eq!(Difference::of(before, after), expected, "{before:?} {after:?}");
        }
    }
}
