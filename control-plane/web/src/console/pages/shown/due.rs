//! When a procedure is due, in words.

/// The schedule of an installed procedure: a calendar word or a cron pattern, as its file says it.
pub(crate) fn schedule(pattern: Option<&str>, zone: Option<&str>) -> String {
    let Some(pattern) = pattern else { return "only when somebody asks".to_owned() };
    let when = calendar(pattern).map(str::to_owned).or_else(|| cron(pattern));
    let when = when.unwrap_or_else(|| format!("by the cron pattern “{pattern}”"));
    match zone {
        Some(zone) => format!("{when} ({zone})"),
        None => when,
    }
}

fn calendar(word: &str) -> Option<&'static str> {
    Some(match word {
        "hour" => "every hour",
        "day" => "every day, from midnight",
        "week" => "every week, from Monday",
        "month" => "every month, from the 1st",
        "quarter" => "every quarter",
        "half-year" => "every half-year",
        "year" => "every year",
        _ => return None,
    })
}

/// The usual patterns; `None` for those that are clearer as they stand.
fn cron(pattern: &str) -> Option<String> {
    let fields: Vec<&str> = pattern.split_ascii_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.try_into().ok()?;
    if month != "*" {
        return None;
    }
    if let ("*", "*", "*") = (hour, day, weekday) {
        return match minute.strip_prefix("*/") {
            Some(step) => Some(format!("every {} minutes", number(step, 1, 59)?)),
            None => Some(format!("every hour at minute {}", number(minute, 0, 59)?)),
        };
    }
    let at = format!("at {:02}:{:02}", number(hour, 0, 23)?, number(minute, 0, 59)?);
    match (day, weekday) {
        ("*", "*") => Some(format!("every day {at}")),
        ("*", "1-5" | "MON-FRI") => Some(format!("Monday to Friday {at}")),
        ("*", weekday) => Some(format!("every {} {at}", weekday_name(weekday)?)),
        (day, "*") => Some(format!("on day {} of every month {at}", number(day, 1, 31)?)),
        _ => None,
    }
}

fn number(text: &str, least: u8, most: u8) -> Option<u8> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

fn weekday_name(weekday: &str) -> Option<&'static str> {
    Some(match weekday.to_ascii_uppercase().as_str() {
        "0" | "7" | "SUN" => "Sunday",
        "1" | "MON" => "Monday",
        "2" | "TUE" => "Tuesday",
        "3" | "WED" => "Wednesday",
        "4" | "THU" => "Thursday",
        "5" | "FRI" => "Friday",
        "6" | "SAT" => "Saturday",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_said_in_words_with_their_zone() {
        let said = |pattern, zone| schedule(Some(pattern), Some(zone));
        assert_eq!(schedule(None, None), "only when somebody asks");
        assert_eq!(said("quarter", "UTC"), "every quarter (UTC)");
        assert_eq!(said("0 6 * * 1", "Europe/Berlin"), "every Monday at 06:00 (Europe/Berlin)");
        assert_eq!(said("30 5 * * *", "UTC"), "every day at 05:30 (UTC)");
        assert_eq!(said("0 7 * * 1-5", "UTC"), "Monday to Friday at 07:00 (UTC)");
        assert_eq!(said("15 2 1 * *", "UTC"), "on day 1 of every month at 02:15 (UTC)");
        assert_eq!(said("*/15 * * * *", "UTC"), "every 15 minutes (UTC)");
        assert_eq!(said("5 * * * *", "UTC"), "every hour at minute 5 (UTC)");
    }

    #[test]
    fn what_has_no_plain_words_is_shown_as_it_stands() {
        for pattern in ["0 6 1 1,7 *", "0 6 1 * 1", "0 25 * * *", "a b c d e", "0 6 * *", "*/0 * * * *", "0 6 * * L"] {
            let said = schedule(Some(pattern), None);
            assert_eq!(said, format!("by the cron pattern “{pattern}”"));
        }
    }
}
