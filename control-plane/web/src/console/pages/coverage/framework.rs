//! One framework: each control with its checks and the last proof.

use std::str::FromStr;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::{ControlCoverage, CoverageCheck, CoverageState, FrameworkCoverage};
use verdict::{Severity, Status};

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
    query: &[Field::one("state"), Field::one("order"), Field::one("controls"), Field::one("format")],
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
    rows: Vec<Row>,
    window: Window,
    filter: Draft,
}

/// A control, with its checks apart by whether somebody has to look at them.
struct Row {
    control: ControlCoverage,
    /// Those that somebody has to look at, the worst first.
    needing: Vec<CoverageCheck>,
    /// The others; shown when they are asked for.
    others: Vec<CoverageCheck>,
}

/// Which controls are shown, and how.
#[derive(Default)]
struct Wanted {
    state: Option<State>,
    order: Order,
    from: Option<usize>,
}

impl FrameworkPage {
    fn new(frame: Frame, mut is: FrameworkCoverage, wanted: Wanted, filter: Draft) -> Self {
        let Wanted { state, order, from } = wanted;
        let mut controls = std::mem::take(&mut is.controls);
        controls.retain(|control| state.as_ref().is_none_or(|state| control.state == state.0));
        let mut page = path::coverage_of(&is.framework);
        if let Some(state) = state {
            page = page.with("state", state.0.as_str());
        }
        match order {
            // They came in the order of their names, which those that stand alike keep.
            Order::Worst => controls.sort_by_key(|control| control.state),
            Order::Name => page = page.with("order", "name"),
        }
        let (controls, window) = Window::of("controls", controls, from, |row| page.clone().with("controls", row));
        let rows = controls.into_iter().map(Row::new).collect();
        Self { frame, title: words::framework(&is.framework).to_owned(), is, rows, window, filter }
    }
}

impl Row {
    fn new(mut control: ControlCoverage) -> Self {
        let mut checks = std::mem::take(&mut control.checks);
        checks.sort_by_key(rank);
        // Where nothing has run the control's own state says so.
        let is_gap = control.state == CoverageState::Gap;
        let (needing, others) = checks.into_iter().partition(|check| !is_gap && rank(check).0 != Standing::Fine);
        Self { control, needing, others }
    }

    /// What the others are, in a line.
    fn others(&self) -> String {
        let number = u64::try_from(self.others.len()).unwrap_or(u64::MAX);
        match (self.control.state, self.needing.is_empty()) {
            (CoverageState::Gap, _) => words::count(number, "check without a run", "checks without a run"),
            (_, true) => words::count(number, "check", "checks"),
            (_, false) => words::count(number, "check that needs nobody", "checks that need nobody"),
        }
    }
}

/// The order of the controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Order {
    #[default]
    Worst,
    Name,
}

#[derive(Debug, thiserror::Error)]
#[error("controls are ordered by `worst` or by `name`")]
struct NoOrder;

impl FromStr for Order {
    type Err = NoOrder;

    fn from_str(text: &str) -> Result<Self, NoOrder> {
        match text {
            "worst" => Ok(Self::Worst),
            "name" => Ok(Self::Name),
            _ => Err(NoOrder),
        }
    }
}

/// How a check stands, over all Runners; the worst news first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Fails,
    Unmeasured,
    NeverRan,
    Stale,
    Waits,
    Fine,
}

fn rank(check: &CoverageCheck) -> (Standing, Severity) {
    let any = |status| check.runners.of(status) > 0;
    let standing = if any(Status::Fail) {
        Standing::Fails
    } else if any(Status::Error) {
        Standing::Unmeasured
    } else if check.runners.total() == 0 {
        Standing::NeverRan
    } else if check.is_stale {
        Standing::Stale
    } else if any(Status::Pending) {
        Standing::Waits
    } else {
        Standing::Fine
    };
    (standing, check.severity)
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

/// Runners by the check's present status there, where there are several.
fn runners(check: &CoverageCheck) -> Vec<(Status, u64)> {
    if check.runners.total() < 2 {
        return Vec::new();
    }
    let all = Status::ALL.iter().map(|status| (*status, check.runners.of(*status)));
    all.filter(|(_, number)| *number > 0).collect()
}

/// Whether it held when it was looked at last, which was too long ago.
fn is_stale(check: &CoverageCheck) -> bool {
    rank(check).0 == Standing::Stale
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
    let order = visit.query().parsed::<Order>("order")?.unwrap_or_default();
    let wanted = Wanted { state, order, from: visit.query().parsed("controls")? };
    Answer::page(&FrameworkPage::new(frame, is, wanted, visit.query().draft()))
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::pages::shown::sample;
    use crate::console::sample::Sample;
    let page = |is, state: Option<&str>| {
        let wanted = Wanted { state: state.map(|state| state.parse().unwrap()), ..Wanted::default() };
        FrameworkPage::new(Frame::sample(Section::Coverage, "Framework"), is, wanted, Draft::default())
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
    use control_plane_domain::standing::VerdictCounts;

    use super::*;
    use crate::console::pages::shown::sample;

    fn page(is: FrameworkCoverage, wanted: Wanted) -> FrameworkPage {
        FrameworkPage::new(Frame::sample(Section::Coverage, "x"), is, wanted, Draft::default())
    }

    fn ids(page: &FrameworkPage) -> Vec<&str> {
        page.rows.iter().map(|row| row.control.control.as_str()).collect()
    }

    #[test]
    fn the_worst_stands_first_unless_names_are_asked_for() {
        let is = sample::coverage().frameworks.into_iter().next().unwrap();
        let by_name: Vec<String> = is.controls.iter().map(|control| control.control.clone()).collect();
        let worst = ["A.5.18", "A.8.16", "A.8.15", "A.8.17", "A.8.13", "A.8.2", "A.5.15"];
        assert_eq!(ids(&page(is.clone(), Wanted::default())), worst);
        let named = Wanted { order: "name".parse().unwrap(), ..Wanted::default() };
        assert_eq!(ids(&page(is, named)), by_name);
        assert!("state".parse::<Order>().is_err());
    }

    #[test]
    fn checks_that_hold_wait_to_be_asked_for_behind_those_that_do_not() {
        let is = sample::coverage().frameworks.into_iter().next().unwrap();
        let fails =
            is.controls.iter().find(|control| control.state == CoverageState::Failing).unwrap().checks[0].clone();
        let with = |pass, fail, title: &str| CoverageCheck {
            runners: VerdictCounts { pass, fail, ..VerdictCounts::default() },
            title: title.to_owned(),
            ..fails.clone()
        };
        let holds = with(4, 0, "this holds");
        let low = CoverageCheck { severity: Severity::Low, ..with(3, 1, "this weighs little") };
        let never = with(0, 0, "this never ran");
        let mut control = is.controls[0].clone();
        control.state = CoverageState::Failing;
        control.checks = vec![holds.clone(), never, low, with(1, 1, "this fails"), holds];
        let only = FrameworkCoverage { controls: vec![control], ..is };
        let text = page(only, Wanted::default()).render().unwrap();
        let places: Vec<_> = ["this fails", "this weighs little", "this never ran", "2 checks that need nobody"]
            .iter()
            .map(|said| text.find(said).unwrap())
            .collect();
        assert!(places.is_sorted() && places.last() < text.find("this holds").as_ref(), "{text}");
        assert_eq!((text.matches("<details>").count(), text.matches("<details open>").count()), (1, 0), "{text}");
    }
}
