//! How results are put into words and pictures, for the pages that show them.
//!
//! Knows statuses, scores, times and what procedures say of themselves. It must never know requests or operations: what
//! is shown is given.

pub(crate) mod book;
pub(crate) mod control_sets;
pub(crate) mod due;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod sample_overview;
#[cfg(test)]
mod sample_run;
pub(crate) mod sparkline;
pub(crate) mod trend;
pub(crate) mod window;
pub(crate) mod words;

use clock::Timestamp;

/// A day in UTC, such as `2026-11-22`.
pub(crate) fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// How long something took, in milliseconds; a clock that was set back in between took no time.
pub(crate) fn took(started: &Timestamp, ended: &Timestamp) -> u64 {
    u64::try_from(ended.since_ms(*started)).unwrap_or(0)
}

/// Tenths as a decimal number: what stands in a picture.
fn decimal(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Basis points as people read them: `98.50`.
pub(crate) fn score(basis_points: u64) -> String {
    format!("{}.{:02}", basis_points / 100, basis_points % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_readable() {
        assert_eq!((score(9_850), score(10_000), score(5)), ("98.50".into(), "100.00".into(), "0.05".into()));
        assert_eq!((decimal(125), decimal(0), decimal(10)), ("12.5".into(), "0.0".into(), "1.0".into()));
        assert_eq!(day("2026-11-22T09:14:00.000Z".parse().unwrap()), "2026-11-22");
    }
}
