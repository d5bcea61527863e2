//! Words of the vocabulary, each with a shape and a colour: no status is told by its colour alone (WCAG 2.2, 1.4.1).

use std::fmt::Display;

use askama::Template;
use verdict::{Counts, Severity, Status, StepStatus};

use super::{Html, html};

/// How a word looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A full circle.
    Good,
    /// A cross.
    Bad,
    /// A triangle.
    Warn,
    /// A ring.
    Wait,
    /// A dash.
    Quiet,
    /// A diamond.
    Info,
}

impl Tone {
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Wait => "wait",
            Self::Quiet => "none",
            Self::Info => "info",
        }
    }
}

#[derive(Template)]
#[template(ext = "html", source = r#"<span class="badge is-{{ class }}">{{ word }}</span>"#)]
struct Badge {
    class: &'static str,
    word: String,
}

/// A word with a shape.
pub(crate) fn badge(tone: Tone, word: impl Display) -> Html {
    html(&Badge { class: tone.class(), word: word.to_string() })
}

/// The tone of a status.
pub(crate) const fn tone_of(status: Status) -> Tone {
    match status {
        Status::Pass => Tone::Good,
        Status::Fail => Tone::Bad,
        Status::Error => Tone::Warn,
        Status::Pending => Tone::Wait,
        Status::Excepted => Tone::Info,
        Status::NotApplicable | Status::Skipped => Tone::Quiet,
    }
}

/// A status.
pub(crate) fn status(status: Status) -> Html {
    badge(tone_of(status), status.as_str().replace('_', " "))
}

/// What became of a step.
pub(crate) fn step(status: StepStatus) -> Html {
    let tone = match status {
        StepStatus::Ok => Tone::Good,
        StepStatus::Error => Tone::Warn,
        StepStatus::Pending => Tone::Wait,
        StepStatus::Skipped => Tone::Quiet,
    };
    badge(tone, status)
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<span class="severity is-{{ word }}"><span class="bars" aria-hidden="true"></span>{{ word }}</span>"#
)]
struct SeverityPart {
    word: &'static str,
}

/// A severity: the more bars, the more it weighs.
pub(crate) fn severity(severity: Severity) -> Html {
    html(&SeverityPart { word: severity.as_str() })
}

#[derive(Template)]
#[template(ext = "html", source = r#"<span class="score">{{ whole }}<small>.{{ rest }}</small></span>"#)]
struct Score {
    whole: u64,
    rest: String,
}

/// A score out of basis points; none is said, since none is not zero.
pub(crate) fn score(points: Option<u64>) -> Html {
    points.map_or_else(
        || super::quiet("no score"),
        |points| html(&Score { whole: points / 100, rest: format!("{:02}", points % 100) }),
    )
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<span class="counts">{% for (tone, word, count) in rows %}<span class="badge is-{{ tone.class() }}{% if *count == 0 %} is-zero{% endif %}">{{ count }} {{ word }}</span> {% endfor %}</span>"#
)]
struct CountsPart {
    rows: Vec<(Tone, &'static str, u64)>,
}

/// How many items ended how: errors and not-applicable ones stand there also when there are none.
pub(crate) fn counts(counts: &Counts) -> Html {
    html(&CountsPart { rows: rows_of(counts) })
}

fn rows_of(counts: &Counts) -> Vec<(Tone, &'static str, u64)> {
    let Counts { pass, fail, error, pending, not_applicable, excepted } = *counts;
    let mut rows = vec![(Tone::Good, "pass", pass), (Tone::Bad, "fail", fail)];
    if excepted > 0 {
        rows.push((Tone::Info, "of them excepted", excepted));
    }
    rows.push((Tone::Warn, "error", error));
    if pending > 0 {
        rows.push((Tone::Wait, "pending", pending));
    }
    rows.push((Tone::Quiet, "not applicable", not_applicable));
    rows
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<span class="tally-line">{% for (tone, word, count) in rows %}<span class="is-{{ tone.class() }}{% if *count == 0 %} is-zero{% endif %}">{{ count }} {% if *tone == Tone::Quiet %}<abbr title="{{ word }}">n/a</abbr>{% else %}{{ word }}{% endif %}</span> {% endfor %}</span>"#
)]
struct TallyPart {
    rows: Vec<(Tone, &'static str, u64)>,
}

/// The same in one line: `420 pass · 18 fail · 0 error · 0 n/a`.
pub(crate) fn tally(counts: &Counts) -> Html {
    html(&TallyPart { rows: rows_of(counts) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_word_and_no_two_that_matter_one_shape() {
        for word in Status::ALL {
            assert!(status(*word).0.contains(&word.as_str().replace('_', " ")));
        }
        let mut tones: Vec<_> = [Status::Pass, Status::Fail, Status::Error, Status::Pending, Status::Excepted]
            .map(|status| tone_of(status).class())
            .to_vec();
        tones.sort_unstable();
        tones.dedup();
        assert_eq!(tones.len(), 5);
    }

    #[test]
    fn errors_and_not_applicable_are_never_hidden() {
        let text = counts(&Counts { pass: 3, ..Counts::default() }).0;
        assert!(text.contains("0 error") && text.contains("0 not applicable") && text.contains("0 fail"), "{text}");
        let line = tally(&Counts { pass: 3, fail: 2, excepted: 1, ..Counts::default() }).0;
        let said = ["3 pass<", "2 fail<", "1 of them excepted<", "0 error<", "0 <abbr title=\"not applicable\">n/a<"];
        assert!(said.iter().all(|part| line.contains(part)) && !line.contains("badge"), "{line}");
        assert_eq!(score(None).0, "<span class=\"quiet\">no score</span>");
        assert_eq!(score(Some(9_805)).0, "<span class=\"score\">98<small>.05</small></span>");
    }
}
