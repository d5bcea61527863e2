//! Which controls are shown to be in place, by which checks, and where the gaps are.

mod framework;
mod scopes;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::{
    ControlCoverage, Coverage, CoverageCheck, CoverageCounts, CoverageState, CoverageSummary, FrameworkCoverage,
};
use verdict::Status;

use super::shown::words;
use super::whole;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::given::Given;
use crate::console::kit::Tone;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const SUMMARY: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/coverage",
    name: "coverage",
    access: Access::Permitted(&[Permission::ChecksList], |visit| Box::pin(show(visit))),
    query: &[Field::one("format")],
    takes: Takes::Nothing,
}];

pub(crate) fn routes() -> impl Iterator<Item = &'static PageRoute> {
    [SUMMARY, framework::ROUTES, scopes::ROUTES].into_iter().flatten()
}

#[derive(Template)]
#[template(path = "page/coverage.html")]
struct CoveragePage {
    frame: Frame,
    is: CoverageSummary,
}

impl CoveragePage {
    /// The worst stands first, as on the pages of the frameworks.
    fn new(frame: Frame, mut is: CoverageSummary) -> Self {
        for framework in &mut is.frameworks {
            framework.controls.sort_by_key(|(_, state)| *state);
        }
        Self { frame, is }
    }
}

/// How many controls stand how, in a sentence.
fn summary(counts: &CoverageCounts) -> String {
    let all = CoverageState::ALL.iter().map(|state| counts.of(*state)).sum();
    let said: Vec<String> = CoverageState::ALL
        .iter()
        .map(|state| (counts.of(*state), words::coverage(*state).0))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    format!("{}: {}.", words::count(all, "control", "controls"), words::listed(&said))
}

/// A state in a word, and how it looks.
fn said(state: impl Given<CoverageState>) -> (&'static str, Tone) {
    words::coverage(state.given())
}

/// The ground of a control's cell; its word and shape stand in it.
fn ground(state: impl Given<CoverageState>) -> &'static str {
    match said(state).1 {
        Tone::Quiet => "quiet",
        tone => tone.class(),
    }
}

/// Where a control stands on its framework's page. What cannot be part of an id is written by its number.
fn slug(control: &str) -> String {
    let mut slug = String::from("control-");
    for character in control.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => slug.push(character),
            other => slug.push_str(&format!("_{:x}_", u32::from(other))),
        }
    }
    slug
}

/// A control on the page of its framework.
fn place(framework: &str, control: &str, at: impl Given<usize>) -> Href {
    let at = at.given();
    let page = path::coverage_of(framework);
    let page =
        if at < framework::ROWS { page } else { page.with("controls", at / framework::ROWS * framework::ROWS + 1) };
    page.at(&slug(control))
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    if visit.query().text("format").is_some() {
        let is = visit.operations().coverage(visit.caller()).await?;
        return whole::table(visit, "coverage", COLUMNS, lines(is), cells).await;
    }
    let is = visit.operations().coverage_summary(visit.caller()).await?;
    Answer::page(&CoveragePage::new(visit.frame(Section::Coverage, "Coverage"), is))
}

/// A line of the file: a control, and one of its checks if it has any.
#[derive(Clone)]
struct Line {
    framework: String,
    control: String,
    title: Option<String>,
    in_scope: Option<bool>,
    state: CoverageState,
    check: Option<CoverageCheck>,
}

fn lines(is: Coverage) -> Vec<Line> {
    is.frameworks.into_iter().flat_map(lines_of).collect()
}

fn lines_of(is: FrameworkCoverage) -> Vec<Line> {
    let mut lines = Vec::new();
    let FrameworkCoverage { framework, controls, .. } = is;
    for ControlCoverage { control, title, in_scope, state, checks, .. } in controls {
        let title = title.map(|title| title.to_string());
        let line = |check| Line {
            framework: framework.clone(),
            control: control.clone(),
            title: title.clone(),
            in_scope,
            state,
            check,
        };
        if checks.is_empty() {
            lines.push(line(None));
        }
        lines.extend(checks.into_iter().map(|check| line(Some(check))));
    }
    lines
}

const COLUMNS: &[&str] = &[
    "Framework",
    "Control",
    "Title of the control",
    "In scope",
    "State of the control",
    "Procedure",
    "Procedure title",
    "Check",
    "Title",
    "Severity",
    "Runners: pass",
    "Runners: fail",
    "Runners: error",
    "Runners: pending",
    "Runners: excepted",
    "Runners: not applicable",
    "Last status",
    "Last status at",
    "Last run",
    "Last pass at",
    "Last run that passed",
];

fn cells(line: &Line) -> csv::Row {
    let check = line.check.as_ref();
    let runners = |status| check.map(|check| check.runners.of(status));
    let (last, pass) = (check.and_then(|check| check.last.as_ref()), check.and_then(|check| check.last_pass.as_ref()));
    csv::Row::new()
        .text(&line.framework)
        .text(&line.control)
        .maybe(line.title.as_ref())
        .maybe(line.in_scope.map(|is| if is { "yes" } else { "no" }))
        .text(words::coverage(line.state).0)
        .maybe(check.map(|check| &check.procedure))
        .maybe(check.map(|check| &check.procedure_title))
        .maybe(check.map(|check| &check.check))
        .maybe(check.map(|check| &check.title))
        .maybe(check.map(|check| check.severity))
        .maybe(runners(Status::Pass))
        .maybe(runners(Status::Fail))
        .maybe(runners(Status::Error))
        .maybe(runners(Status::Pending))
        .maybe(runners(Status::Excepted))
        .maybe(runners(Status::NotApplicable))
        .maybe(last.map(|proof| proof.status))
        .maybe_time(last.map(|proof| proof.at))
        .maybe(last.map(|proof| proof.run))
        .maybe_time(pass.map(|proof| proof.at))
        .maybe(pass.map(|proof| proof.run))
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::shown::sample;
    use crate::console::sample::Sample;
    let page = |is| CoveragePage::new(Frame::sample(Section::Coverage, "Coverage"), is);
    let own = vec![
        Sample::page("coverage, ordinary", &page(sample::coverage_summary(sample::coverage()))),
        Sample::page("coverage, none", &page(sample::coverage_summary(sample::no_coverage()))),
        Sample::page("coverage, hostile", &page(sample::coverage_summary(sample::hostile_coverage()))),
    ];
    [own, framework::samples(), scopes::samples()].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::shown::sample;

    #[test]
    fn every_control_has_a_line_also_without_a_check() {
        let is = sample::coverage();
        let controls: usize = is.frameworks.iter().map(|framework| framework.controls.len()).sum();
        let named: std::collections::BTreeSet<_> =
            lines(is).into_iter().map(|line| (line.framework, line.control)).collect();
        assert_eq!(named.len(), controls);
    }

    #[test]
    fn the_worst_stands_first_and_those_that_stand_alike_by_name() {
        let is = sample::coverage_summary(sample::coverage());
        let page = CoveragePage::new(Frame::sample(Section::Coverage, "Coverage"), is);
        let shown: Vec<_> = page.is.frameworks[0].controls.iter().map(|(control, _)| control.as_str()).collect();
        assert_eq!(shown, ["A.5.18", "A.8.16", "A.8.15", "A.8.17", "A.8.13", "A.8.2", "A.5.15"]);
        let text = page.render().unwrap();
        assert!(text.find("A.5.18") < text.find("A.5.15"), "{text}");
    }

    #[test]
    fn every_cell_of_the_heat_map_leads_to_a_row() {
        assert_eq!((slug("AC-2(3)"), slug("A.5.15")), ("control-AC-2_28_3_29_".into(), "control-A.5.15".into()));
        assert_ne!(slug("a_b"), slug("a b"));
        assert_eq!(place("cis-v8", "5.1", 0).as_str(), "/coverage/frameworks/cis-v8#control-5.1");
        assert_eq!(place("cis-v8", "5.1", 450).as_str(), "/coverage/frameworks/cis-v8?controls=401#control-5.1");
    }
}
