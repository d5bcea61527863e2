//! One framework: each control with its checks and the last proof.

use std::str::FromStr;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::{ControlCoverage, CoverageCheck, CoverageState, FrameworkCoverage};
use verdict::Status;

use super::{COLUMNS, cells, lines_of};
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::pages::shown::window::{self, Window};
use crate::console::pages::shown::words;
use crate::console::pages::whole;
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(super) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/coverage/frameworks/{framework}",
    name: "coverage.framework",
    access: Access::Permitted(&[Permission::ChecksList], |visit| Box::pin(show(visit))),
    query: &[Field::one("state"), Field::one("controls"), Field::one("format")],
    takes: Takes::Nothing,
}];

/// Controls of a page.
pub(super) const ROWS: usize = window::ROWS;

#[derive(Template)]
#[template(path = "page/coverage_framework.html")]
struct FrameworkPage {
    frame: Frame,
    title: String,
    is: FrameworkCoverage,
    controls: Vec<ControlCoverage>,
    window: Window,
    filter: Draft,
}

impl FrameworkPage {
    fn new(frame: Frame, mut is: FrameworkCoverage, state: Option<State>, from: Option<usize>, filter: Draft) -> Self {
        let mut controls = std::mem::take(&mut is.controls);
        controls.retain(|control| state.as_ref().is_none_or(|state| control.state == state.0));
        let page = path::coverage_of(&is.framework);
        let page = state.map_or_else(|| page.clone(), |state| page.clone().with("state", state.0.as_str()));
        let (controls, window) = Window::of("controls", controls, from, |row| page.clone().with("controls", row));
        Self { frame, title: words::framework(&is.framework).to_owned(), is, controls, window, filter }
    }
}

/// A state as the filter names it.
struct State(CoverageState);

#[derive(Debug, thiserror::Error)]
#[error("not a state of a control")]
struct NoState;

impl FromStr for State {
    type Err = NoState;

    fn from_str(text: &str) -> Result<Self, NoState> {
        CoverageState::ALL.iter().find(|state| state.as_str() == text).copied().map(Self).ok_or(NoState)
    }
}

/// Whether somebody has to look at a control: its checks are shown without being asked for.
fn needs_somebody(control: &ControlCoverage) -> bool {
    match control.state {
        CoverageState::Failing | CoverageState::Unproven | CoverageState::Stale => true,
        CoverageState::Uncovered | CoverageState::Gap | CoverageState::Excepted | CoverageState::Proven => false,
    }
}

fn checks(control: &ControlCoverage) -> String {
    words::count(u64::try_from(control.checks.len()).unwrap_or(u64::MAX), "check", "checks")
}

/// Runners by the check's present status there.
fn runners(check: &CoverageCheck) -> Vec<(Status, u64)> {
    let all = Status::ALL.iter().map(|status| (*status, check.runners.of(*status)));
    all.filter(|(_, number)| *number > 0).collect()
}

/// Whether the check held before, and does not now.
fn passed_earlier(check: &CoverageCheck) -> bool {
    let last = check.last.as_ref().map(|proof| proof.run);
    check.last_pass.as_ref().is_some_and(|pass| Some(pass.run) != last)
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    let framework = visit.path::<String>("framework", "framework")?;
    let is = visit.operations().framework_coverage(visit.caller(), &framework).await?;
    if visit.query().text("format").is_some() {
        return whole::table(visit, "coverage-of-framework", COLUMNS, lines_of(is), cells).await;
    }
    let state = visit.query().parsed::<State>("state")?;
    let frame =
        visit.frame(Section::Coverage, words::framework(&is.framework).to_owned()).crumb("Coverage", path::coverage());
    let from = visit.query().parsed("controls")?;
    Answer::page(&FrameworkPage::new(frame, is, state, from, visit.query().draft()))
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::pages::shown::sample;
    use crate::console::sample::Sample;
    let page = |is, state: Option<&str>| {
        let state = state.map(|state| state.parse().unwrap());
        FrameworkPage::new(Frame::sample(Section::Coverage, "Framework"), is, state, None, Draft::default())
    };
    let first = || sample::coverage().frameworks.into_iter().next().unwrap();
    let scoped = FrameworkCoverage { scope: Some(sample::scope().of), ..first() };
    let hostile = sample::hostile_coverage().frameworks.into_iter().next().unwrap();
    vec![
        Sample::page("coverage of a framework, ordinary", &page(scoped, None)),
        Sample::page("coverage of a framework, without a scope", &page(first(), Some("failing"))),
        Sample::page(
            "coverage of a framework, none that fits",
            &page(FrameworkCoverage { controls: vec![], ..first() }, None),
        ),
        Sample::page("coverage of a framework, hostile", &page(hostile, None)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::shown::sample;

    #[test]
    fn only_what_needs_somebody_is_open() {
        let is = sample::coverage().frameworks.into_iter().next().unwrap();
        let needing = is.controls.iter().filter(|control| needs_somebody(control)).count();
        assert!((1..is.controls.len()).contains(&needing));
        let frame = Frame::sample(Section::Coverage, "x");
        let text = FrameworkPage::new(frame, is, None, None, Draft::default()).render().unwrap();
        assert_eq!(text.matches("<details open>").count(), needing, "{text}");
    }
}
