//! The score: integers only, so that everybody who has the counts computes the same number.

use crate::{Counts, Severity};

/// What the score needs to know of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckTally {
    /// Its weight.
    pub severity: Severity,
    /// Its items.
    pub counts: Counts,
}

/// The score in basis points, 0 to 10,000, as measured: `floor(Σ w·c / Σ w)` with `c = floor(10000·pass / n)` and
/// `n = pass + fail + error + pending` of each check that has any. `None` while anything is pending, or when nothing
/// that weighs was measured.
pub fn score(checks: &[CheckTally]) -> Option<u64> {
    weighted(checks, |counts| counts.applicable())
}

/// The same with the excepted items taken out of each `n`; a check of which nothing remains drops out.
pub fn score_with_exceptions(checks: &[CheckTally]) -> Option<u64> {
    weighted(checks, |counts| counts.applicable().saturating_sub(counts.excepted))
}

fn weighted(checks: &[CheckTally], considered: impl Fn(&Counts) -> u64) -> Option<u64> {
    if checks.iter().any(|check| check.counts.pending > 0) {
        return None;
    }
    let (mut sum, mut weights) = (0_u128, 0_u128);
    for check in checks {
        let n = u128::from(considered(&check.counts));
        let weight = u128::from(check.severity.weight());
        // Pass counts come from untrusted manifests too: a pass above n must not push the score over 10,000.
        let pass = u128::from(check.counts.pass).min(n);
        if let Some(share) = (10_000 * pass).checked_div(n) {
            sum += weight * share;
            weights += weight;
        }
    }
    sum.checked_div(weights).and_then(|score| u64::try_from(score).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Severity::{Critical, High, Info, Low};

    fn tally(severity: Severity, [pass, fail, error, excepted]: [u64; 4]) -> CheckTally {
        CheckTally { severity, counts: Counts { pass, fail, error, excepted, ..Counts::default() } }
    }

    #[test]
    fn the_published_vectors() {
        type Row = (&'static [(Severity, [u64; 4])], Option<u64>, Option<u64>);
        let rows: &[Row] = &[
            (&[(High, [3, 0, 0, 0])], Some(10_000), Some(10_000)),
            (&[(High, [2, 1, 0, 0])], Some(6_666), Some(6_666)),
            (&[(Critical, [0, 1, 0, 0]), (Low, [1, 0, 0, 0])], Some(909), Some(909)),
            (&[(High, [1, 0, 1, 0]), (Low, [1, 0, 0, 0])], Some(5_833), Some(5_833)),
            (&[(High, [0, 0, 0, 0])], None, None),
            (&[(High, [1, 1, 0, 1]), (Low, [0, 1, 0, 1])], Some(4_166), Some(10_000)),
            (&[(High, [199, 1, 0, 0])], Some(9_950), Some(9_950)),
            (&[(Info, [0, 5, 0, 0]), (Low, [1, 0, 0, 0])], Some(10_000), Some(10_000)),
        ];
        for (checks, measured, overlaid) in rows {
            let tallies: Vec<_> = checks.iter().map(|(severity, counts)| tally(*severity, *counts)).collect();
            assert_eq!(score(&tallies), *measured, "{checks:?}");
            assert_eq!(score_with_exceptions(&tallies), *overlaid, "{checks:?}");
        }
    }

    #[test]
    fn nothing_is_scored_while_somebody_is_awaited() {
        let waiting = CheckTally { severity: High, counts: Counts { pass: 9, pending: 1, ..Counts::default() } };
        assert_eq!(score(&[waiting]), None);
        assert_eq!(score_with_exceptions(&[waiting]), None);
    }

    proptest::proptest! {
        #[test]
        fn a_score_is_never_out_of_range(pass: u64, fail: u64, error: u64, excepted: u64) {
            let tallies = [tally(High, [pass, fail, error, excepted])];
            for value in [score(&tallies), score_with_exceptions(&tallies)].into_iter().flatten() {
                proptest::prop_assert!(value <= 10_000);
            }
        }
    }
}
