//! How a control stands, from what its checks said last.

use verdict::Status;

use super::CoverageCheck;

/// How a control stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CoverageState {
    /// A check fails somewhere.
    Failing,
    /// The tenant answers for it, and no installed procedure serves it.
    Uncovered,
    /// None of its checks has run.
    Gap,
    /// Every check held or did not apply when it was looked at last; since then a due time passed without a run, or, where
    /// nothing is scheduled, a year.
    Stale,
    /// Not every check could be measured everywhere, or has run, or applies anywhere.
    Unproven,
    /// Every check holds or does not apply, or fails under an approved exception.
    Excepted,
    /// Every check holds or does not apply, and at least one holds.
    Proven,
}

impl CoverageState {
    /// Every state, the worst news first.
    pub const ALL: [Self; 7] =
        [Self::Failing, Self::Uncovered, Self::Gap, Self::Stale, Self::Unproven, Self::Excepted, Self::Proven];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Uncovered => "uncovered",
            Self::Gap => "gap",
            Self::Stale => "stale",
            Self::Unproven => "unproven",
            Self::Excepted => "excepted",
            Self::Proven => "proven",
        }
    }

    pub(super) fn of<'a>(checks: impl Iterator<Item = &'a CoverageCheck> + Clone) -> Self {
        let any = |status| checks.clone().any(|check| check.runners.of(status) > 0);
        let (all, said) = (checks.clone().count(), checks.clone().filter(|check| check.runners.total() > 0).count());
        if all == 0 {
            return Self::Uncovered;
        }
        if any(Status::Fail) {
            return Self::Failing;
        }
        if said == 0 {
            return Self::Gap;
        }
        if said < all || any(Status::Error) || any(Status::Pending) || !(any(Status::Pass) || any(Status::Excepted)) {
            return Self::Unproven;
        }
        match checks.clone().any(|check| check.is_stale) {
            true => Self::Stale,
            false if any(Status::Excepted) => Self::Excepted,
            false => Self::Proven,
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
    /// Proven once, too long ago.
    pub stale: u64,
    /// Never run.
    pub gap: u64,
    /// In scope, and served by nothing.
    pub uncovered: u64,
}

impl CoverageCounts {
    pub(super) fn count(&mut self, state: CoverageState) {
        *match state {
            CoverageState::Proven => &mut self.proven,
            CoverageState::Excepted => &mut self.excepted,
            CoverageState::Failing => &mut self.failing,
            CoverageState::Unproven => &mut self.unproven,
            CoverageState::Stale => &mut self.stale,
            CoverageState::Gap => &mut self.gap,
            CoverageState::Uncovered => &mut self.uncovered,
        } += 1;
    }

    /// How many controls stand so.
    pub fn of(&self, state: CoverageState) -> u64 {
        match state {
            CoverageState::Proven => self.proven,
            CoverageState::Excepted => self.excepted,
            CoverageState::Failing => self.failing,
            CoverageState::Unproven => self.unproven,
            CoverageState::Stale => self.stale,
            CoverageState::Gap => self.gap,
            CoverageState::Uncovered => self.uncovered,
        }
    }
}

#[cfg(test)]
mod tests {
    use control_plane_domain::standing::VerdictCounts;
    use crypto::Digest;
    use ids::RunnerId;
    use verdict::Severity;

    use super::*;
    use crate::console::AtRunner;

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
            is_stale: false,
        };
        let of = |checks: &[CoverageCheck]| CoverageState::of(checks.iter());
        let (pass, none) = (check(&[(Status::Pass, 2)]), check(&[]));
        let with = |other: &[(Status, u64)]| of(&[pass.clone(), check(other)]);
        assert_eq!(of(std::slice::from_ref(&pass)), CoverageState::Proven);
        assert_eq!(of(std::slice::from_ref(&none)), CoverageState::Gap);
        assert_eq!(of(&[pass.clone(), none]), CoverageState::Unproven);
        assert_eq!(with(&[(Status::Pass, 9), (Status::Fail, 1)]), CoverageState::Failing);
        assert_eq!(with(&[(Status::Error, 1)]), CoverageState::Unproven);
        assert_eq!(with(&[(Status::Pending, 1)]), CoverageState::Unproven);
        assert_eq!(with(&[(Status::Excepted, 1)]), CoverageState::Excepted);
        assert_eq!(with(&[(Status::NotApplicable, 1)]), CoverageState::Proven);
        assert_eq!(of(&[check(&[(Status::NotApplicable, 1)])]), CoverageState::Unproven);
        assert_eq!(of(&[]), CoverageState::Uncovered);
        let stale = |counts: &[(Status, u64)]| CoverageCheck { is_stale: true, ..check(counts) };
        assert_eq!(of(&[pass.clone(), stale(&[(Status::Pass, 1)])]), CoverageState::Stale);
        assert_eq!(of(&[pass, stale(&[(Status::Excepted, 1)])]), CoverageState::Stale);
        assert_eq!(of(&[stale(&[(Status::Fail, 1)])]), CoverageState::Failing, "old bad news is bad news");
        assert_eq!(of(&[stale(&[(Status::Error, 1)])]), CoverageState::Unproven);
    }
}
