//! Points in time and spans, from PostgreSQL's numbers to text.

use clock::Timestamp;

const EPOCH_MICROS: i64 = 946_684_800_000_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// A timestamp, microseconds since 2000, in RFC 3339; six digits of a second only where three would lose something.
pub(super) fn timestamp(micros: i64) -> Result<String, String> {
    match micros {
        i64::MAX => return Ok("infinity".to_owned()),
        i64::MIN => return Ok("-infinity".to_owned()),
        _ => {}
    }
    let unix = micros.checked_add(EPOCH_MICROS).ok_or("a time out of range")?;
    let time = Timestamp::from_millis(unix.div_euclid(1_000));
    if time.as_millis() != unix.div_euclid(1_000) {
        return Err("a time outside of the years 0 to 9999".to_owned());
    }
    let text = time.to_string();
    let rest = unix.rem_euclid(1_000);
    Ok(if rest == 0 { text } else { format!("{}{rest:03}Z", text.trim_end_matches('Z')) })
}

/// A date, days since 2000.
pub(super) fn date(days: i32) -> Result<String, String> {
    match days {
        i32::MAX => return Ok("infinity".to_owned()),
        i32::MIN => return Ok("-infinity".to_owned()),
        _ => {}
    }
    let micros = i64::from(days).checked_mul(DAY_MICROS).ok_or("a date out of range")?;
    let text = timestamp(micros)?;
    Ok(text.split('T').next().unwrap_or_default().to_owned())
}

/// A time of day, microseconds since midnight.
pub(super) fn time_of_day(micros: i64) -> String {
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let text = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if rest == 0 { text } else { format!("{text}.{rest:06}") }
}

/// An offset from UTC, in seconds to the west.
pub(super) fn offset(west: i32) -> String {
    let sign = if west > 0 { '-' } else { '+' };
    let minutes = west.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A span of time in ISO 8601.
pub(super) fn interval(micros: i64, days: i32, months: i32) -> String {
    let mut text = "P".to_owned();
    for (count, unit) in [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')] {
        if count != 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    let (seconds, rest) = (micros / 1_000_000, (micros % 1_000_000).unsigned_abs());
    if micros != 0 {
        text.push('T');
        let sign = if micros < 0 { "-" } else { "" };
        let seconds = seconds.unsigned_abs();
        for (count, unit) in [(seconds / 3_600, 'H'), (seconds / 60 % 60, 'M')] {
            if count != 0 {
                text.push_str(&format!("{sign}{count}{unit}"));
            }
        }
        match (seconds % 60, rest) {
            (0, 0) => {}
            (seconds, 0) => text.push_str(&format!("{sign}{seconds}S")),
            (seconds, rest) => {
                let fraction = format!("{rest:06}");
                text.push_str(&format!("{sign}{seconds}.{}S", fraction.trim_end_matches('0')));
            }
        }
    }
    if text == "P" { "PT0S".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_rfc_3339() {
        assert_eq!(timestamp(0).unwrap(), "2000-01-01T00:00:00.000Z");
        assert_eq!(timestamp(-1).unwrap(), "1999-12-31T23:59:59.999999Z");
        assert_eq!(timestamp(1_500).unwrap(), "2000-01-01T00:00:00.001500Z");
        assert_eq!(timestamp(i64::MAX).unwrap(), "infinity");
        assert!(timestamp(i64::MAX - 1).is_err() && timestamp(i64::MIN + 1).is_err());
        assert_eq!((date(59).unwrap(), date(-1).unwrap()), ("2000-02-29".to_owned(), "1999-12-31".to_owned()));
        assert!(date(i32::MAX - 1).is_err());
        assert_eq!(time_of_day(86_399_000_001), "23:59:59.000001");
        assert_eq!(
            (offset(-7_200), offset(12_600), offset(0)),
            ("+02:00".to_owned(), "-03:30".to_owned(), "+00:00".to_owned())
        );
    }

    #[test]
    fn spans_are_written_in_iso_8601() {
        assert_eq!(interval(0, 0, 0), "PT0S");
        assert_eq!(interval(3_723_500_000, 3, 14), "P1Y2M3DT1H2M3.5S");
        assert_eq!(interval(-1_500_000, -1, 0), "P-1DT-1.5S");
        assert_eq!(interval(60_000_000, 0, 0), "PT1M");
    }
}
