//! A day in UTC as a filter takes it: `2026-11-22`, what a browser's date field sends.

use std::str::FromStr;

use clock::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(Timestamp);

/// A text that is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day such as 2026-11-22")]
pub(crate) struct NoDay;

impl Day {
    /// Its first millisecond.
    pub(crate) fn start(self) -> Timestamp {
        self.0
    }

    /// The first millisecond of the day after.
    pub(crate) fn end(self) -> Timestamp {
        self.0.plus_ms(DAY_MS)
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        // The time's own parser knows the calendar.
        if text.len() != 10 {
            return Err(NoDay);
        }
        format!("{text}T00:00:00.000Z").parse().map(Self).map_err(|_| NoDay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let day: Day = "2026-02-28".parse().unwrap();
        assert_eq!(day.start().to_string(), "2026-02-28T00:00:00.000Z");
        assert_eq!(day.end().to_string(), "2026-03-01T00:00:00.000Z");
        for text in ["2026-02-29", "2026-2-28", "", "today", "2026-11-22T", "٢٠٢٦-١١-٢٢"] {
            assert_eq!(text.parse::<Day>(), Err(NoDay), "{text}");
        }
    }
}
