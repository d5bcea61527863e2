//! A point in time, as all of Proctor's formats write it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};

/// UTC time to the millisecond. Its text is RFC 3339 with exactly three digits of a second and `Z`, such as
/// `2026-11-21T20:11:36.097Z`; no other spelling is read, because the text stands in signed bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    millis: i64,
}

/// A text that is not a time in the one accepted form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time: expected RFC 3339 UTC with milliseconds, such as 2026-11-21T20:11:36.097Z")]
pub struct TimestampError;

/// 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what four digits of a year can say.
const FIRST_MS: i64 = -62_167_219_200_000;
const LAST_MS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// 1970-01-01T00:00:00.000Z.
    pub const EPOCH: Self = Self { millis: 0 };

    /// Milliseconds since the Unix epoch; clamped to the years 0000 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self { millis: millis.clamp(FIRST_MS, LAST_MS) }
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> i64 {
        self.millis
    }

    /// The time this many milliseconds later (earlier, if negative); clamped to the years 0000 to 9999.
    #[must_use]
    pub fn plus_ms(self, milliseconds: i64) -> Self {
        Self::from_millis(self.millis.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this time; negative if `earlier` is later.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.millis - earlier.millis
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = DateTime::<Utc>::from_timestamp_millis(self.millis).unwrap_or_default();
        f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| TimestampError)?;
        let timestamp = Self { millis: time.timestamp_millis() };
        // One spelling per time: offsets, lower case, other precisions and leap seconds are refused here.
        if timestamp.to_string() == text { Ok(timestamp) } else { Err(TimestampError) }
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_spelling_is_read() {
        assert_eq!("2026-11-21T20:11:36.097Z".parse::<Timestamp>().unwrap().as_millis(), 1_795_291_896_097);
        for text in [
            "2026-11-21T20:11:36Z",
            "2026-11-21T20:11:36.0970Z",
            "2026-11-21T20:11:36.097+00:00",
            "2026-11-21t20:11:36.097z",
            "2026-11-21 20:11:36.097Z",
            "2026-02-30T20:11:36.097Z",
            "2026-12-31T23:59:60.000Z",
            "",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_round_trips(millis in FIRST_MS..=LAST_MS) {
            let time = Timestamp::from_millis(millis);
            proptest::prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }

        #[test]
        fn text_sorts_like_time(a in FIRST_MS..=LAST_MS, b in FIRST_MS..=LAST_MS) {
            let (a, b) = (Timestamp::from_millis(a), Timestamp::from_millis(b));
            proptest::prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
