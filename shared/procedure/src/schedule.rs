//! When a procedure is due, and which period a run is about.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Timelike, Utc};
use clock::Timestamp;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::model::{CronSchedule, Every, Period, Schedule};

/// The period that a time is in: `[start, end)`. Calendar periods are those of UTC. The periods of a cron pattern lie
/// between two firings: the last one at or before the time, and the next one after it.
///
/// `None` if the pattern never fires around this time, such as one for 30 February.
pub fn period(schedule: &Schedule, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    match &schedule.every {
        Every::Calendar(period) => calendar_period(*period, at),
        Every::Cron(cron) => {
            let (pattern, local) = prepared(cron, at)?;
            let start = pattern.find_previous_occurrence(&local, true).ok()?;
            let end = pattern.find_next_occurrence(&local, false).ok()?;
            Some((timestamp(start.to_utc()), timestamp(end.to_utc())))
        }
    }
}

/// The first due time later than `after`: the begin of the next calendar period, or the next firing.
///
/// `None` if there is none within reach.
pub fn next_due(schedule: &Schedule, after: Timestamp) -> Option<Timestamp> {
    match &schedule.every {
        Every::Calendar(period) => calendar_period(*period, after).map(|(_, end)| end),
        Every::Cron(cron) => {
            let (pattern, local) = prepared(cron, after)?;
            Some(timestamp(pattern.find_next_occurrence(&local, false).ok()?.to_utc()))
        }
    }
}

/// Whether a pattern can be read and ever fires; the error says why not.
pub(crate) fn check_pattern(pattern: &str) -> Result<(), String> {
    /// A leap year begins: every date that exists comes within the eight years that follow.
    const SOME_TIME: &str = "2024-01-01T00:00:00Z";
    let cron = parse(pattern)?;
    let from = SOME_TIME.parse::<DateTime<Utc>>().map_err(|error| error.to_string())?;
    match cron.find_next_occurrence(&from, true) {
        Ok(_) => Ok(()),
        Err(_) => Err("it never fires".to_owned()),
    }
}

fn parse(pattern: &str) -> Result<Cron, String> {
    if pattern.len() > 100 || pattern.split_whitespace().count() != 5 {
        return Err("expected five fields: minute, hour, day of month, month, day of week".to_owned());
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(pattern).map_err(|error| error.to_string())
}

fn prepared(cron: &CronSchedule, at: Timestamp) -> Option<(Cron, DateTime<chrono_tz::Tz>)> {
    let pattern = parse(&cron.pattern).ok()?;
    Some((pattern, moment(at)?.with_timezone(&cron.timezone)))
}

fn calendar_period(period: Period, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let now = moment(at)?;
    if period == Period::Hour {
        let start = now.date_naive().and_hms_opt(now.hour(), 0, 0)?.and_utc();
        return Some((timestamp(start), timestamp(start.checked_add_signed(chrono::TimeDelta::hours(1))?)));
    }
    let today = now.date_naive();
    let first_of = |months: u32| NaiveDate::from_ymd_opt(today.year(), today.month0() / months * months + 1, 1);
    let (start, end) = match period {
        Period::Hour | Period::Day => (today, today.checked_add_days(Days::new(1))?),
        Period::Week => {
            let monday = today.checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_monday())))?;
            (monday, monday.checked_add_days(Days::new(7))?)
        }
        Period::Month => from_first(first_of(1)?, 1)?,
        Period::Quarter => from_first(first_of(3)?, 3)?,
        Period::HalfYear => from_first(first_of(6)?, 6)?,
        Period::Year => from_first(first_of(12)?, 12)?,
    };
    Some((timestamp(start.and_time(NaiveTime::MIN).and_utc()), timestamp(end.and_time(NaiveTime::MIN).and_utc())))
}

fn from_first(first: NaiveDate, months: u32) -> Option<(NaiveDate, NaiveDate)> {
    Some((first, first.checked_add_months(Months::new(months))?))
}

fn moment(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(at.as_millis())
}

fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp::from_millis(time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn calendar(period: Period) -> Schedule {
        Schedule { every: Every::Calendar(period), due: None }
    }

    fn cron(pattern: &str, timezone: chrono_tz::Tz) -> Schedule {
        Schedule { every: Every::Cron(CronSchedule { pattern: pattern.into(), timezone }), due: None }
    }

    #[test]
    fn calendar_periods_hold_their_time() {
        let now = at("2026-11-21T20:11:36.097Z");
        let rows = [
            (Period::Hour, "2026-11-21T20:00:00.000Z", "2026-11-21T21:00:00.000Z"),
            (Period::Day, "2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z"),
            (Period::Week, "2026-11-16T00:00:00.000Z", "2026-11-23T00:00:00.000Z"),
            (Period::Month, "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"),
            (Period::Quarter, "2026-10-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
            (Period::HalfYear, "2026-07-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
            (Period::Year, "2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"),
        ];
        for (every, start, end) in rows {
            assert_eq!(period(&calendar(every), now), Some((at(start), at(end))), "{every:?}");
            assert_eq!(period(&calendar(every), at(start)), Some((at(start), at(end))), "{every:?} begins");
            assert_eq!(next_due(&calendar(every), at(start)), Some(at(end)), "{every:?} is due again");
        }
    }

    #[test]
    fn cron_periods_lie_between_firings_in_their_time_zone() {
        // 02:30 in Zurich is 01:30 UTC in winter.
        let schedule = cron("30 2 * * *", chrono_tz::Europe::Zurich);
        let expected = Some((at("2026-11-21T01:30:00.000Z"), at("2026-11-22T01:30:00.000Z")));
        assert_eq!(period(&schedule, at("2026-11-21T20:11:36.097Z")), expected);
        assert_eq!(period(&schedule, at("2026-11-21T01:30:00.000Z")), expected);
        assert_eq!(next_due(&schedule, at("2026-11-21T01:30:00.000Z")), Some(at("2026-11-22T01:30:00.000Z")));
    }

    #[test]
    fn a_day_without_its_hour_does_not_stop_the_schedule() {
        // On 29 March 2026 clocks in Zurich go from 02:00 to 03:00.
        let schedule = cron("30 2 * * *", chrono_tz::Europe::Zurich);
        let due = next_due(&schedule, at("2026-03-28T12:00:00.000Z")).unwrap();
        assert!(due >= at("2026-03-29T00:00:00.000Z") && due <= at("2026-03-30T00:30:00.000Z"), "{due}");
    }

    #[test]
    fn bad_patterns_say_why() {
        for pattern in ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "nonsense here it is yes", "@daily"] {
            assert!(check_pattern(pattern).is_err(), "{pattern}");
        }
        for pattern in ["0 6 * * MON-FRI", "*/15 * * * *", "0 0 29 2 *", "0 0 L * *"] {
            check_pattern(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        }
    }
}
