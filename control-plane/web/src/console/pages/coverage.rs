//! Which controls are shown to be in place, by which checks, and where the gaps are.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::{ControlCoverage, Coverage, CoverageCheck, CoverageState, FrameworkCoverage};
use verdict::Status;

use super::shown::words;
use super::whole;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Tone;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/coverage",
    name: "coverage",
    access: Access::Permitted(&[Permission::ChecksList], |visit| Box::pin(show(visit))),
    query: &[Field::one("format")],
    takes: Takes::Nothing,
}];

/// In the order in which the legend explains them.
const STATES: &[CoverageState] = &[
    CoverageState::Proven,
    CoverageState::Excepted,
    CoverageState::Failing,
    CoverageState::Unproven,
    CoverageState::Gap,
];

#[derive(Template)]
#[template(path = "page/coverage.html")]
struct CoveragePage {
    frame: Frame,
    is: Coverage,
}

impl CoveragePage {
    fn summary(&self, framework: &FrameworkCoverage) -> String {
        let counts = &framework.counts;
        let all = counts.proven + counts.excepted + counts.failing + counts.unproven + counts.gap;
        let said = [
            (counts.proven, "proven"),
            (counts.excepted, "excepted"),
            (counts.failing, "failing"),
            (counts.unproven, "unproven"),
            (counts.gap, "a gap"),
        ];
        let said: Vec<String> =
            said.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
        format!("{}: {}.", words::count(all, "control", "controls"), words::listed(&said))
    }

    /// The ground of a control's cell; its word and shape stand in it.
    fn ground(&self, control: &ControlCoverage) -> &'static str {
        match words::coverage(control.state).1 {
            Tone::Quiet => "quiet",
            tone => tone.class(),
        }
    }

    fn checks(&self, control: &ControlCoverage) -> String {
        words::count(u64::try_from(control.checks.len()).unwrap_or(u64::MAX), "check", "checks")
    }

    /// Runners by the check's present status there.
    fn runners(&self, check: &CoverageCheck) -> Vec<(Status, u64)> {
        let all = Status::ALL.iter().map(|status| (*status, check.runners.of(*status)));
        all.filter(|(_, number)| *number > 0).collect()
    }

    /// Whether the check held before, and does not now.
    fn passed_earlier(&self, check: &CoverageCheck) -> bool {
        let last = check.last.as_ref().map(|proof| proof.run);
        check.last_pass.as_ref().is_some_and(|pass| Some(pass.run) != last)
    }
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    let is = visit.operations().coverage(visit.caller()).await?;
    if visit.query().text("format").is_some() {
        return whole::table(visit, "coverage", COLUMNS, lines(is), cells).await;
    }
    Answer::page(&CoveragePage { frame: visit.frame(Section::Coverage, "Coverage"), is })
}

/// A line of the file: a control, and one of its checks if it has any.
#[derive(Clone)]
struct Line {
    framework: String,
    control: String,
    state: CoverageState,
    check: Option<CoverageCheck>,
}

fn lines(is: Coverage) -> Vec<Line> {
    let mut lines = Vec::new();
    for FrameworkCoverage { framework, controls, .. } in is.frameworks {
        for ControlCoverage { control, state, checks, .. } in controls {
            let line = |check| Line { framework: framework.clone(), control: control.clone(), state, check };
            if checks.is_empty() {
                lines.push(line(None));
            }
            lines.extend(checks.into_iter().map(|check| line(Some(check))));
        }
    }
    lines
}

const COLUMNS: &[&str] = &[
    "Framework",
    "Control",
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
    let page = |is| CoveragePage { frame: Frame::sample(Section::Coverage, "Coverage"), is };
    vec![
        Sample::page("coverage, ordinary", &page(sample::coverage())),
        Sample::page("coverage, none", &page(sample::no_coverage())),
        Sample::page("coverage, hostile", &page(sample::hostile_coverage())),
    ]
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
}
