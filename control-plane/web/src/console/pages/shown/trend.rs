//! The trend of scores and runs, day by day, as a picture that needs no script, and as the same numbers in a table.

use askama::Template;
use control_plane_domain::standing::DayTally;

use super::words::count;
use super::{day, decimal, score};
use crate::console::csv;
use crate::console::kit::{self, Html};
use crate::console::path::Href;

/// The picture's units: everything is drawn in these and scaled by the page.
const LEFT: u64 = 460;
const RIGHT: u64 = 6_340;
const TOP: u64 = 120;
const BOTTOM: u64 = 1_320;
const BARS_TOP: u64 = 1_480;
const BARS_BOTTOM: u64 = 1_840;
const FULL_SCORE: u64 = 10_000;

/// The trend, ready to be shown.
#[derive(Template)]
#[template(path = "part/trend.html")]
pub(crate) struct Trend {
    /// Names the parts of the picture on the page.
    id: &'static str,
    title: String,
    description: String,
    rules: Vec<Rule>,
    lines: Vec<String>,
    dots: Vec<Dot>,
    bars: Vec<Bar>,
    ticks: Vec<Tick>,
    /// The most runs of one day: what the bars are measured by.
    most: u64,
    rows: Vec<DayTally>,
    /// The same numbers as a file.
    csv: Href,
}

/// Columns of that file.
pub(crate) const COLUMNS: &[&str] =
    &["Day (UTC)", "Runs", "Pass", "Fail", "Error", "Pending", "Excepted", "Not applicable", "Mean score"];

/// A line of it.
pub(crate) fn cells(row: &DayTally) -> csv::Row {
    let verdicts = &row.verdicts;
    csv::Row::new()
        .text(day(row.day))
        .number(row.runs)
        .number(verdicts.pass)
        .number(verdicts.fail)
        .number(verdicts.error)
        .number(verdicts.pending)
        .number(verdicts.excepted)
        .number(verdicts.not_applicable)
        .score(row.mean_score())
}

/// A horizontal line at a score.
struct Rule {
    y: String,
    label: &'static str,
}

/// The mean score of a day.
struct Dot {
    x: String,
    y: String,
    label: String,
}

/// The runs of a day, drawn from the bottom up.
struct Bar {
    x: String,
    width: String,
    passed: Piece,
    rest: Piece,
    label: String,
}

struct Piece {
    y: String,
    height: String,
}

/// A date below the picture.
struct Tick {
    x: String,
    label: String,
    anchor: &'static str,
}

impl Trend {
    /// The trend of these days, oldest first.
    pub(crate) fn of(id: &'static str, what: &str, days: &[DayTally], csv: Href) -> Self {
        let most = days.iter().map(|day| day.runs).max().unwrap_or(0);
        let slot = (RIGHT - LEFT) / u64::try_from(days.len()).unwrap_or(u64::MAX).max(1);
        let middle = |place: usize| LEFT + slot * u64::try_from(place).unwrap_or(0) + slot / 2;
        let (lines, dots) = scores(days, middle);
        Self {
            id,
            title: format!("Score and runs of {what}, day by day"),
            description: description(days),
            rules: [(0, "0"), (2_500, "25"), (5_000, "50"), (7_500, "75"), (FULL_SCORE, "100")]
                .map(|(at, label)| Rule { y: decimal(height(at)), label })
                .into(),
            lines,
            dots,
            bars: bars(days, most, slot, middle),
            ticks: ticks(days, middle),
            most,
            rows: days.iter().rev().filter(|day| day.runs > 0).copied().collect(),
            csv,
        }
    }

    /// Whether there is anything to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The picture with its table.
    pub(crate) fn html(&self) -> Html {
        kit::html(self)
    }

    fn day(&self, row: &DayTally) -> String {
        day(row.day)
    }

    fn mean(&self, row: &DayTally) -> String {
        row.mean_score().map_or_else(|| "no score".to_owned(), score)
    }
}

/// Where a score stands in the picture.
fn height(basis_points: u64) -> u64 {
    BOTTOM - (BOTTOM - TOP) * basis_points.min(FULL_SCORE) / FULL_SCORE
}

/// The line through the mean scores, broken where a day has none, and a dot for each.
fn scores(days: &[DayTally], middle: impl Fn(usize) -> u64) -> (Vec<String>, Vec<Dot>) {
    let (mut lines, mut dots) = (Vec::new(), Vec::new());
    let mut line = String::new();
    for (place, tally) in days.iter().enumerate() {
        let Some(mean) = tally.mean_score() else {
            // A day without runs says nothing: the line goes on over it. A day with runs and no score interrupts it.
            if tally.runs > 0 {
                lines.push(std::mem::take(&mut line));
            }
            continue;
        };
        let (x, y) = (decimal(middle(place)), decimal(height(mean)));
        line.push_str(&format!("{x},{y} "));
        let label = format!("{}: mean score {} of {}", day(tally.day), score(mean), count(tally.runs, "run", "runs"));
        dots.push(Dot { x, y, label });
    }
    lines.push(line);
    lines.retain(|line| line.contains(' ') && line.trim().contains(' '));
    (lines.iter().map(|line| line.trim().to_owned()).collect(), dots)
}

fn bars(days: &[DayTally], most: u64, slot: u64, middle: impl Fn(usize) -> u64) -> Vec<Bar> {
    let tall = |runs: u64| (BARS_BOTTOM - BARS_TOP).saturating_mul(runs).checked_div(most).unwrap_or(0);
    let width = (slot * 7 / 10).max(10);
    let drawn = days.iter().enumerate().filter(|(_, tally)| tally.runs > 0);
    let bar = |(place, tally): (usize, &DayTally)| {
        let (passed, whole) = (tall(tally.verdicts.pass.min(tally.runs)), tall(tally.runs));
        Bar {
            x: decimal(middle(place) - width / 2),
            width: decimal(width),
            passed: Piece { y: decimal(BARS_BOTTOM - passed), height: decimal(passed) },
            rest: Piece { y: decimal(BARS_BOTTOM - whole), height: decimal(whole - passed) },
            label: format!("{}: {}, {} passed", day(tally.day), count(tally.runs, "run", "runs"), tally.verdicts.pass),
        }
    };
    drawn.map(bar).collect()
}

/// The first, the middle and the last day.
fn ticks(days: &[DayTally], middle: impl Fn(usize) -> u64) -> Vec<Tick> {
    let last = days.len().saturating_sub(1);
    let mut places = vec![(0, "start"), (last / 2, "middle"), (last, "end")];
    places.dedup_by_key(|(place, _)| *place);
    let tick = |(place, anchor): (usize, &'static str)| {
        let label = day(days.get(place)?.day);
        Some(Tick { x: decimal(middle(place)), label, anchor })
    };
    places.into_iter().filter_map(tick).collect()
}

fn description(days: &[DayTally]) -> String {
    let runs: u64 = days.iter().map(|day| day.runs).sum();
    let passed: u64 = days.iter().map(|day| day.verdicts.pass).sum();
    let means: Vec<u64> = days.iter().filter_map(DayTally::mean_score).collect();
    let said = format!(
        "{} in {}, {passed} of them passed.",
        count(runs, "run", "runs"),
        count(u64::try_from(days.len()).unwrap_or(u64::MAX), "day", "days")
    );
    match (means.first(), means.last(), means.iter().min(), means.iter().max()) {
        (Some(first), Some(last), Some(least), Some(most)) => format!(
            "{said} The mean score of a day was first {}, last {}, at least {} and at most {} of 100.",
            score(*first),
            score(*last),
            score(*least),
            score(*most)
        ),
        _ => format!("{said} None of them has a score."),
    }
}

#[cfg(test)]
mod tests {
    use clock::Timestamp;
    use control_plane_domain::standing::VerdictCounts;

    use super::*;
    use crate::console::path;

    fn days(of: &[(u64, u64, Option<u64>)]) -> Vec<DayTally> {
        let start: Timestamp = "2026-10-24T00:00:00.000Z".parse().unwrap();
        let tally = |(place, (runs, pass, mean)): (usize, &(u64, u64, Option<u64>))| DayTally {
            day: start.plus_ms(i64::try_from(place).unwrap() * 86_400_000),
            runs: *runs,
            verdicts: VerdictCounts { pass: *pass, fail: runs - pass, ..VerdictCounts::default() },
            scored: mean.map_or(0, |_| *runs),
            score_sum: mean.map_or(0, |mean| mean * runs),
        };
        of.iter().enumerate().map(tally).collect()
    }

    #[test]
    fn the_picture_says_what_the_numbers_say() {
        let days = days(&[(2, 2, Some(10_000)), (0, 0, None), (4, 1, Some(2_500)), (1, 0, None), (1, 1, Some(10_000))]);
        let trend = Trend::of("t", "all procedures", &days, path::overview());
        assert_eq!(trend.lines.len(), 1, "the day without a score interrupts the line, and one dot is no line");
        assert_eq!(trend.dots.len(), 3);
        assert_eq!((trend.dots[0].y.as_str(), trend.dots[1].y.as_str()), ("12.0", "102.0"));
        assert_eq!(trend.most, 4);
        assert_eq!(trend.bars.len(), 4);
        assert_eq!((trend.bars[1].passed.height.as_str(), trend.bars[1].rest.height.as_str()), ("9.0", "27.0"));
        assert!(
            trend
                .description
                .starts_with("8 runs in 5 days, 4 of them passed. The mean score of a day was first 100.00")
        );
        let html = trend.html().0;
        assert!(html.contains("<title id=\"t-title\">") && html.contains("<desc id=\"t-desc\">"), "{html}");
        // The tallest bar's number stands at its top, and zero at its foot.
        assert!(html.contains("y=\"148\"") && html.contains(">4</text>"), "{html}");
        assert!(html.contains("class=\"key\"") && html.contains("Mean score"), "{html}");
        assert!(html.contains("2026-10-26") && html.contains("25.00"), "the same numbers stand in the table: {html}");
    }

    #[test]
    fn strange_numbers_draw_something() {
        for of in [&[][..], &[(0, 0, None)], &[(1, 1, Some(10_000))], &[(u64::MAX / 20_000, 0, Some(1))]] {
            let trend = Trend::of("t", "x", &days(of), path::overview());
            assert!(!trend.html().0.contains("NaN"));
            assert_eq!(trend.is_empty(), of.iter().all(|(runs, ..)| *runs == 0));
        }
        let year = days(&[(3, 1, Some(5_000)); 366]);
        assert_eq!(Trend::of("t", "x", &year, path::overview()).dots.len(), 366);
    }
}
