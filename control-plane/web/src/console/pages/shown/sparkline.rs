//! The last runs of a procedure in a picture that fits into a line of a table: one shape a run, as high as its score.

use askama::Template;
use clock::Timestamp;
use verdict::Status;

use super::words::plain;
use super::{decimal, score};
use crate::console::kit::{self, Html};

/// Tenths of a unit between two runs, above and below.
const STEP: u64 = 160;
const TOP: u64 = 60;
const BOTTOM: u64 = 220;
const FULL_SCORE: u64 = 10_000;

/// A run, as far as the picture needs it.
#[derive(Clone, Copy)]
pub(crate) struct Spark {
    pub(crate) verdict: Status,
    pub(crate) score: Option<u64>,
    pub(crate) ended: Timestamp,
}

/// The picture.
#[derive(Template)]
#[template(path = "part/sparkline.html")]
pub(crate) struct Sparkline {
    title: String,
    width: String,
    line: String,
    marks: Vec<Mark>,
}

struct Mark {
    x: String,
    y: String,
    shape: &'static str,
    tone: &'static str,
    is_line: bool,
}

impl Sparkline {
    /// The picture of these runs, oldest first.
    pub(crate) fn of(runs: impl IntoIterator<Item = Spark>) -> Self {
        let runs: Vec<Spark> = runs.into_iter().collect();
        let mut line = String::new();
        let mut marks = Vec::with_capacity(runs.len());
        for (place, run) in (0_u64..).zip(&runs) {
            let x = decimal(STEP / 2 + STEP * place);
            // A run without a score stands at the bottom, and the line passes it by.
            let y = run.score.map_or(BOTTOM, |score| BOTTOM - (BOTTOM - TOP) * score.min(FULL_SCORE) / FULL_SCORE);
            let y = decimal(y);
            if run.score.is_some() {
                line.push_str(&format!("{x},{y} "));
            }
            let (shape, tone, is_line) = shape(run.verdict);
            marks.push(Mark { x, y, shape, tone, is_line });
        }
        let said: Vec<String> = runs
            .iter()
            .map(|run| match run.score {
                Some(points) => format!("{} {}", plain(run.verdict), score(points)),
                None => plain(run.verdict).to_owned(),
            })
            .collect();
        let title = match (runs.first(), runs.last()) {
            (Some(first), Some(last)) => format!(
                "Last runs, oldest first, from {} to {}: {}",
                super::day(first.ended),
                super::day(last.ended),
                said.join(", ")
            ),
            _ => "No runs yet".to_owned(),
        };
        let width = decimal(STEP * u64::try_from(runs.len()).unwrap_or(u64::MAX / STEP).max(1));
        Self { title, width, line: line.trim_end().to_owned(), marks }
    }

    /// The picture, with its words as its title.
    pub(crate) fn html(&self) -> Html {
        kit::html(self)
    }
}

/// What stands for a verdict, as on its badge: an outline around its own middle, its colour, and whether it is drawn as a
/// line.
fn shape(verdict: Status) -> (&'static str, &'static str, bool) {
    match verdict {
        Status::Pass => ("M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "good", false),
        Status::Fail => ("M-4 -4L4 4M4 -4L-4 4", "bad", true),
        Status::Error => ("M0 -5L5 4H-5z", "warn", false),
        Status::Pending => ("M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", "wait", true),
        Status::Excepted => ("M0 -5L5 0L0 5L-5 0z", "info", false),
        Status::NotApplicable | Status::Skipped => ("M-5 -1h10v2h-10z", "quiet", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_a_shape_of_its_own_beside_its_colour() {
        let shown =
            [Status::Pass, Status::Fail, Status::Error, Status::Pending, Status::Excepted, Status::NotApplicable];
        let shapes: std::collections::BTreeSet<_> =
            shown.iter().map(|status| (shape(*status).0, shape(*status).2)).collect();
        assert_eq!(shapes.len(), shown.len());
    }

    #[test]
    fn the_title_says_what_the_picture_shows() {
        let at: Timestamp = "2026-11-22T09:14:00.000Z".parse().unwrap();
        let runs = [
            Spark { verdict: Status::Fail, score: Some(0), ended: at },
            Spark { verdict: Status::Pending, score: None, ended: at },
            Spark { verdict: Status::Pass, score: Some(10_000), ended: at },
        ];
        let picture = Sparkline::of(runs);
        assert_eq!(
            picture.title,
            "Last runs, oldest first, from 2026-11-22 to 2026-11-22: fail 0.00, pending, pass 100.00"
        );
        assert_eq!((picture.line.as_str(), picture.marks.len()), ("8.0,22.0 40.0,6.0", 3));
        assert!(Sparkline::of([]).html().0.contains("No runs yet"));
    }
}
