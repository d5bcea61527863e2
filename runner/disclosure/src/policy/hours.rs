//! Hours of days in a zone.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Timelike, Weekday};
use chrono_tz::Tz;
use clock::Timestamp;

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A minute of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(u32);

/// From one minute of each of these days to before another one; past midnight if that is the earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// The days on which it begins.
    pub days: BTreeSet<Day>,
    /// When it begins.
    pub from: Minute,
    /// When it is over.
    pub to: Minute,
}

impl Hours {
    /// Whether the time lies within.
    pub fn contain(&self, at: Timestamp, zone: Tz) -> bool {
        let Some(utc) = DateTime::from_timestamp_millis(at.as_millis()) else { return false };
        let local = utc.with_timezone(&zone);
        let (today, minute) = (local.weekday(), Minute(local.hour() * 60 + local.minute()));
        let on = |day: Weekday| self.days.contains(&Day::of(day));
        if self.from < self.to {
            on(today) && self.from <= minute && minute < self.to
        } else {
            (on(today) && self.from <= minute) || (on(today.pred()) && minute < self.to)
        }
    }
}

impl Day {
    fn of(day: Weekday) -> Self {
        match day {
            Weekday::Mon => Self::Mon,
            Weekday::Tue => Self::Tue,
            Weekday::Wed => Self::Wed,
            Weekday::Thu => Self::Thu,
            Weekday::Fri => Self::Fri,
            Weekday::Sat => Self::Sat,
            Weekday::Sun => Self::Sun,
        }
    }
}

impl FromStr for Minute {
    type Err = &'static str;

    /// `HH:MM`, from `00:00` to `23:59`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "a time of day is written `HH:MM`, from 00:00 to 23:59";
        let (hour, minute) = text.split_once(':').ok_or(expected)?;
        let number = |part: &str, below: u32| {
            let two_digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u32>().ok().filter(|number| two_digits && *number < below).ok_or(expected)
        };
        Ok(Self(number(hour, 24)? * 60 + number(minute, 60)?))
    }
}
