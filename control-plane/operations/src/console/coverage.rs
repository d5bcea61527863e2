//! From the controls of frameworks to what proves them: which checks serve a control, and what they said last.
//!
//! A control comes from the files of installed procedures. Where no check has said anything yet there is a gap, and it is
//! shown as one.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::standing::{CheckSummary, VerdictCounts, Word};
use control_plane_store::Reads;
use crypto::Digest;
use ids::RunnerId;
use procedure::Procedure;
use proof::text::Name;
use verdict::{Severity, Status};

use super::controls::of_check;
use super::findings::FILES;
use super::refs::Labels;
use super::texts::Text;
use super::{AtRunner, ControlRef};
use crate::{Error, Operations};

/// Files that could not be read and are named.
const UNREAD: u32 = 50;

/// What of which framework is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Frameworks, by name.
    pub frameworks: Vec<FrameworkCoverage>,
    /// Installed procedures whose controls are not known here.
    pub unread: Vec<UnreadText>,
    /// Whether there are more procedures, or more that cannot be read, than were looked at.
    pub more: bool,
}

/// The controls of a framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkCoverage {
    /// The framework.
    pub framework: String,
    /// Its controls, by name.
    pub controls: Vec<ControlCoverage>,
    /// How many of them stand how.
    pub counts: CoverageCounts,
}

/// A control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlCoverage {
    /// The control.
    pub control: String,
    /// How it stands.
    pub state: CoverageState,
    /// The checks that serve it.
    pub checks: Vec<CoverageCheck>,
    /// When the newest word on any of them came.
    pub last: Option<Timestamp>,
}

/// How a control stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CoverageState {
    /// A check fails somewhere.
    Failing,
    /// None of its checks has run.
    Gap,
    /// Not every check could be measured everywhere, or has run, or applies anywhere.
    Unproven,
    /// Every check holds or does not apply, or fails under an approved exception.
    Excepted,
    /// Every check holds or does not apply, and at least one holds.
    Proven,
}

impl CoverageState {
    /// Every state, the worst news first.
    pub const ALL: [Self; 5] = [Self::Failing, Self::Gap, Self::Unproven, Self::Excepted, Self::Proven];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gap => "gap",
            Self::Unproven => "unproven",
            Self::Excepted => "excepted",
            Self::Proven => "proven",
        }
    }

    fn of(checks: &[CoverageCheck]) -> Self {
        let any = |status| checks.iter().any(|check| check.runners.of(status) > 0);
        let said = checks.iter().filter(|check| check.runners.total() > 0).count();
        if any(Status::Fail) {
            Self::Failing
        } else if said == 0 {
            Self::Gap
        } else if said < checks.len() || any(Status::Error) || any(Status::Pending) {
            Self::Unproven
        } else if any(Status::Excepted) {
            Self::Excepted
        } else if any(Status::Pass) {
            Self::Proven
        } else {
            Self::Unproven
        }
    }
}

/// How many controls stand how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CoverageCounts {
    /// Proven.
    pub proven: u64,
    /// Proven but for exceptions.
    pub excepted: u64,
    /// Failing.
    pub failing: u64,
    /// Not proven.
    pub unproven: u64,
    /// Never run.
    pub gap: u64,
}

impl CoverageCounts {
    fn count(&mut self, state: CoverageState) {
        *match state {
            CoverageState::Proven => &mut self.proven,
            CoverageState::Excepted => &mut self.excepted,
            CoverageState::Failing => &mut self.failing,
            CoverageState::Unproven => &mut self.unproven,
            CoverageState::Gap => &mut self.gap,
        } += 1;
    }
}

/// A check that serves a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageCheck {
    /// The procedure.
    pub procedure: Name,
    /// Its title.
    pub procedure_title: String,
    /// The check.
    pub check: Name,
    /// What holds if it passes.
    pub title: String,
    /// How much it weighs.
    pub severity: Severity,
    /// Runners, by the check's present status there.
    pub runners: VerdictCounts,
    /// The newest word on it.
    pub last: Option<Word>,
    /// The newest word that it holds.
    pub last_pass: Option<Word>,
    /// A Runner that has the procedure.
    pub at: AtRunner,
    /// The procedure's digest there.
    pub digest: Digest,
}

/// A procedure whose controls are not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadText {
    /// Where.
    pub runner: AtRunner,
    /// The procedure; `None` where only its digest is known.
    pub procedure: Option<Name>,
    /// Its digest.
    pub digest: Digest,
    /// Why.
    pub why: Unread,
}

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// The Runner's operator withholds it.
    Withheld,
    /// What came is not what it should be.
    Faulty,
}

/// A procedure that is installed, and where.
struct Installed<'a> {
    procedure: &'a Procedure,
    runner: RunnerId,
}

impl Operations {
    /// What of which framework is proven, by what, and what is not.
    pub async fn coverage(&self, caller: &Caller) -> Result<Coverage, Error> {
        let permit = caller.permit(Permission::ChecksList)?;
        let tx = self.store().read(&permit).await?;
        let mut files = tx.installed_texts(FILES + 1).await?;
        let mut more = files.len() > FILES as usize;
        files.truncate(FILES as usize);
        let texts = self.texts(&tx, &files.iter().map(|(digest, _)| *digest).collect()).await?;
        let withheld = tx.withheld(UNREAD + 1).await?;
        more |= withheld.len() > UNREAD as usize;
        let runners = files.iter().map(|(_, runner)| *runner).chain(withheld.iter().map(|(_, runner, _)| *runner));
        let labels = Labels::read(&tx, runners).await?;
        let mut installed = Vec::new();
        let mut unread = Vec::new();
        for (digest, runner) in files {
            match texts.get(&digest) {
                Some(Text::Read(procedure)) => installed.push(Installed { procedure: procedure.as_ref(), runner }),
                Some(Text::Faulty(_) | Text::Withheld) | None => {
                    let runner = labels.at(runner)?;
                    unread.push(UnreadText { runner, procedure: None, digest, why: Unread::Faulty });
                }
            }
        }
        for (procedure, runner, digest) in withheld.into_iter().take(UNREAD as usize) {
            // Another Runner may show the same file.
            if !texts.get(&digest).is_some_and(|text| matches!(text, Text::Read(_))) {
                let runner = labels.at(runner)?;
                unread.push(UnreadText { runner, procedure: Some(procedure), digest, why: Unread::Withheld });
            }
        }
        let frameworks = frameworks(&tx, &labels, &mut installed).await?;
        Ok(Coverage { frameworks, unread, more })
    }
}

async fn frameworks(
    reads: &Reads,
    labels: &Labels,
    installed: &mut [Installed<'_>],
) -> Result<Vec<FrameworkCoverage>, Error> {
    // Of several versions the words of the newest are shown.
    installed.sort_by_key(|one| std::cmp::Reverse(one.procedure.version));
    let ids: BTreeSet<Name> = installed.iter().filter_map(|one| one.procedure.id.parse().ok()).collect();
    let summaries = reads.check_summaries(&ids).await?.into_iter();
    let summaries: BTreeMap<(Name, Name), CheckSummary> =
        summaries.map(|summary| ((summary.procedure.clone(), summary.check.clone()), summary)).collect();
    let mut controls: BTreeMap<ControlRef, BTreeMap<(Name, Name), CoverageCheck>> = BTreeMap::new();
    for one in installed.iter() {
        let Ok(procedure) = one.procedure.id.parse::<Name>() else { continue };
        for check in &one.procedure.checks {
            let Ok(id) = check.id.parse::<Name>() else { continue };
            let key = (procedure.clone(), id);
            let summary = summaries.get(&key);
            let shown = CoverageCheck {
                procedure: key.0.clone(),
                procedure_title: one.procedure.title.clone(),
                check: key.1.clone(),
                title: check.title.clone(),
                severity: check.severity,
                runners: summary.map(|summary| summary.runners).unwrap_or_default(),
                last: summary.and_then(|summary| summary.last),
                last_pass: summary.and_then(|summary| summary.last_pass),
                at: labels.at(one.runner)?,
                digest: one.procedure.digest(),
            };
            for control in of_check(one.procedure, check) {
                controls.entry(control).or_default().entry(key.clone()).or_insert_with(|| shown.clone());
            }
        }
    }
    let mut frameworks: BTreeMap<String, FrameworkCoverage> = BTreeMap::new();
    for (control, checks) in controls {
        let checks: Vec<CoverageCheck> = checks.into_values().collect();
        let state = CoverageState::of(&checks);
        let last = checks.iter().filter_map(|check| check.last.map(|word| word.at)).max();
        let of = frameworks.entry(control.framework.clone()).or_insert_with(|| FrameworkCoverage {
            framework: control.framework,
            controls: Vec::new(),
            counts: CoverageCounts::default(),
        });
        of.counts.count(state);
        of.controls.push(ControlCoverage { control: control.control, state, checks, last });
    }
    Ok(frameworks.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_is_as_good_as_its_worst_check() {
        let check = |counts: &[(Status, u64)]| CoverageCheck {
            procedure: "x".parse().unwrap(),
            procedure_title: String::new(),
            check: "y".parse().unwrap(),
            title: String::new(),
            severity: Severity::High,
            runners: counts.iter().fold(VerdictCounts::default(), |all, (status, number)| all.with(*status, *number)),
            last: None,
            last_pass: None,
            at: AtRunner { id: RunnerId::NIL, label: "web".parse().unwrap() },
            digest: Digest::ZERO,
        };
        let (pass, none) = (check(&[(Status::Pass, 2)]), check(&[]));
        let with = |other: &[(Status, u64)]| CoverageState::of(&[pass.clone(), check(other)]);
        assert_eq!(CoverageState::of(std::slice::from_ref(&pass)), CoverageState::Proven);
        assert_eq!(CoverageState::of(std::slice::from_ref(&none)), CoverageState::Gap);
        assert_eq!(CoverageState::of(&[pass.clone(), none]), CoverageState::Unproven);
        assert_eq!(with(&[(Status::Pass, 9), (Status::Fail, 1)]), CoverageState::Failing);
        assert_eq!(with(&[(Status::Error, 1)]), CoverageState::Unproven);
        assert_eq!(with(&[(Status::Pending, 1)]), CoverageState::Unproven);
        assert_eq!(with(&[(Status::Excepted, 1)]), CoverageState::Excepted);
        assert_eq!(with(&[(Status::NotApplicable, 1)]), CoverageState::Proven);
        assert_eq!(CoverageState::of(&[check(&[(Status::NotApplicable, 1)])]), CoverageState::Unproven);
    }
}
