//! How a time is written for a person: in their zone, with how long ago it was.

use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use clock::Timestamp;

/// A time zone by its name in the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zone(Tz);

impl Zone {
    pub(crate) const UTC: Self = Self(Tz::UTC);

    /// Every zone that can be chosen.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
    }

    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }

    fn at(self, time: Timestamp) -> DateTime<Tz> {
        DateTime::<Utc>::from_timestamp_millis(time.as_millis()).unwrap_or_default().with_timezone(&self.0)
    }

    /// `2026-11-22 09:14 UTC`.
    pub(crate) fn minute(self, time: Timestamp) -> String {
        self.at(time).format("%Y-%m-%d %H:%M %Z").to_string()
    }

    /// `2026-11-22 09:14:05 UTC`.
    pub(crate) fn second(self, time: Timestamp) -> String {
        self.at(time).format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// `2026-11-22 09:14:05.250 UTC`.
    pub(crate) fn exact(self, time: Timestamp) -> String {
        self.at(time).format("%Y-%m-%d %H:%M:%S%.3f %Z").to_string()
    }

    /// `2026-11-22`.
    pub(crate) fn day(self, time: Timestamp) -> String {
        self.at(time).format("%Y-%m-%d").to_string()
    }

    /// The beginning of a day that is written `2026-11-22`, or of the one so many days later. Where the clocks skip
    /// midnight the day begins an hour later, where they repeat it, at the first of the two.
    pub(crate) fn day_begins(self, day: &str, later: u64) -> Option<Timestamp> {
        let is_plain = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok().filter(|_| is_plain)?;
        self.begins(day.checked_add_days(Days::new(later))?.and_time(NaiveTime::MIN))
    }

    /// The first millisecond of a day (`2026-11-22`) or a minute (`2026-11-22T09:14`), as browsers send them, and the
    /// first one after it. A minute that the clocks skip is the one an hour later.
    pub(crate) fn span(self, text: &str) -> Option<(Timestamp, Timestamp)> {
        let Some((day, minute)) = text.split_once('T') else {
            return Some((self.day_begins(text, 0)?, self.day_begins(text, 1)?));
        };
        self.day_begins(day, 0)?;
        let is_plain = minute.len() == 5 && minute.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
        let minute = NaiveTime::parse_from_str(minute, "%H:%M").ok().filter(|_| is_plain)?;
        let from = self.begins(NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?.and_time(minute))?;
        Some((from, from.plus_ms(60_000)))
    }

    fn begins(self, local: NaiveDateTime) -> Option<Timestamp> {
        let begins = [0, 1]
            .into_iter()
            .find_map(|hours| self.0.from_local_datetime(&(local + TimeDelta::hours(hours))).earliest())?;
        Some(Timestamp::from_millis(begins.timestamp_millis()))
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        text.parse().map(Self).map_err(|_| UnknownZone)
    }
}

/// A text that names no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time zone, such as Europe/Berlin")]
pub(crate) struct UnknownZone;

/// `3 min ago`, `in 2 h`.
pub(crate) fn relative(time: Timestamp, now: Timestamp) -> String {
    let ms = now.since_ms(time);
    let length = length(ms.unsigned_abs());
    match ms {
        -999..=999 => "now".to_owned(),
        1_000.. => format!("{length} ago"),
        _ => format!("in {length}"),
    }
}

/// `3 min`, `2 h 5 min`, `12 days`.
pub(crate) fn length(ms: u64) -> String {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let two = |large: u64, unit: &str, small: u64, part: &str| {
        if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {part}") }
    };
    match ms {
        ..SECOND => format!("{ms} ms"),
        SECOND..MINUTE => format!("{} s", ms / SECOND),
        MINUTE..HOUR => format!("{} min", ms / MINUTE),
        HOUR..DAY => two(ms / HOUR, "h", ms % HOUR / MINUTE, "min"),
        _ => {
            let days = ms / DAY;
            let hours = if days < 3 { ms % DAY / HOUR } else { 0 };
            two(days, if days == 1 { "day" } else { "days" }, hours, "h")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_shows_its_zone_and_how_long_ago() {
        let time: Timestamp = "2026-07-01T22:14:05.250Z".parse().unwrap();
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(Zone::UTC.minute(time), "2026-07-01 22:14 UTC");
        assert_eq!(berlin.minute(time), "2026-07-02 00:14 CEST");
        assert_eq!(berlin.exact(time), "2026-07-02 00:14:05.250 CEST");
        for (ms, text) in [
            (0, "now"),
            (3_000, "3 s ago"),
            (185_000, "3 min ago"),
            (-7_200_000, "in 2 h"),
            (7_500_000, "2 h 5 min ago"),
            (86_400_000, "1 day ago"),
            (90_000_000, "1 day 1 h ago"),
            (1_036_800_000, "12 days ago"),
        ] {
            assert_eq!(relative(time, time.plus_ms(ms)), text);
        }
        assert_eq!(berlin.day_begins("2026-07-02", 0), Some("2026-07-01T22:00:00.000Z".parse().unwrap()));
        assert_eq!(Zone::UTC.day_begins("2026-12-31", 1), Some("2027-01-01T00:00:00.000Z".parse().unwrap()));
        // The clocks went from 00:00 to 01:00.
        let cairo: Zone = "Africa/Cairo".parse().unwrap();
        assert_eq!(cairo.day_begins("2024-04-26", 0), Some("2024-04-25T22:00:00.000Z".parse().unwrap()));
        // A minute, and a day, each with what comes after it.
        let span = |zone: Zone, text| zone.span(text).map(|(from, until)| (from.to_string(), until.to_string()));
        let of = |from: &str, until: &str| Some((from.to_owned(), until.to_owned()));
        assert_eq!(span(berlin, "2026-07-02T00:14"), of("2026-07-01T22:14:00.000Z", "2026-07-01T22:15:00.000Z"));
        assert_eq!(span(berlin, "2026-07-02"), of("2026-07-01T22:00:00.000Z", "2026-07-02T22:00:00.000Z"));
        assert_eq!(span(berlin, "2026-03-29T02:30"), of("2026-03-29T01:30:00.000Z", "2026-03-29T01:31:00.000Z"));
        for no_time in
            ["2026-07-02T", "2026-07-02T24:00", "2026-07-02T1:00", "2026-07-02 00:14", "2026-07-02T00:14Z", "T00:14"]
        {
            assert_eq!(Zone::UTC.span(no_time), None, "{no_time}");
        }
        for no_day in ["", "2026-02-30", "26-01-01", "+2026-01-1", "2026-1-1", "9999-99-99"] {
            assert_eq!(Zone::UTC.day_begins(no_day, 0), None, "{no_day}");
        }
        assert!("Europe/Nowhere".parse::<Zone>().is_err());
        assert!(Zone::names().any(|name| name == "Asia/Tokyo"));
    }
}
