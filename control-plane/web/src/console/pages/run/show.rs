//! The page of a run.

use std::collections::BTreeMap;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_operations::Error;
use control_plane_operations::console::{ControlRef, ItemsPart, RunCheck, RunEvidence, RunPage as Run};
use crypto::Digest;
use ids::{ItemId, RunId};
use verdict::{Code, Status};

use super::proof::{self, Fact};
use super::table::{self, Table};
use super::under_way;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Html;
use crate::console::pages::shown::book;
use crate::console::pages::shown::control_sets;
use crate::console::pages::shown::window::{self, Window};
use crate::console::pages::shown::words::{self, count};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/runs/{run}",
    name: "run",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(show(visit))),
    query: &[Field::one("checks"), Field::one("items"), Field::one("table"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/run.html")]
struct RunPage {
    frame: Frame,
    is: Run,
    title: String,
    checks: Vec<RunCheck>,
    checks_window: Window,
    controls: Vec<ControlRow>,
    /// How many checks the run has.
    all_checks: usize,
    excepted: Vec<RunCheck>,
    /// The evidence, where this person may see which there is.
    items: Option<Vec<RunEvidence>>,
    items_window: Window,
    facts: Vec<Fact>,
    /// The controls of the procedure as a whole, told once.
    common: Vec<ControlRef>,
}

/// A control, and the worst that its checks came to.
#[derive(Clone)]
pub(super) struct ControlRow {
    pub(super) control: ControlRef,
    pub(super) worst: Status,
    pub(super) checks: Vec<String>,
}

/// Which part of the long lists is shown.
#[derive(Default)]
struct From {
    checks: Option<usize>,
    items: Option<usize>,
}

impl From {
    /// The items that are read: those of the window alone.
    fn part(&self) -> ItemsPart {
        // No run has so many that this would not be behind the last one.
        let skipped = u32::try_from(window::skipped(self.items)).unwrap_or(u32::MAX);
        ItemsPart { skipped: u64::from(skipped), most: u32::try_from(window::ROWS).unwrap_or(u32::MAX) }
    }
}

impl RunPage {
    fn new(frame: Frame, mut is: Run, from: &From) -> Self {
        let run = is.run.id;
        let mut checks = std::mem::take(&mut is.checks);
        // What needs somebody first; the procedure's order among equals.
        checks.sort_by_key(|check| (check.line.status, check.line.severity));
        let (controls, common, all_checks) = (controls(&checks), common(&checks), checks.len());
        let excepted = checks.iter().filter(|check| !check.line.exceptions.is_empty()).cloned().collect();
        let link = |part: &'static str| move |row: usize| path::run(run).with(part, row).at(part);
        let (checks, checks_window) = Window::of("checks", checks, from.checks, link("checks"));
        let items = is.items.take();
        let items_window = items.as_ref().map_or_else(Window::default, |items| {
            let of = usize::try_from(is.all_items).unwrap_or(usize::MAX);
            Window::over("items", (window::skipped(from.items), items.len(), of), link("items"))
        });
        let facts = proof::facts(&is.proof);
        let title = title(&is);
        Self {
            frame,
            is,
            title,
            checks,
            checks_window,
            controls,
            excepted,
            items,
            items_window,
            facts,
            common,
            all_checks,
        }
    }

    /// The checks that serve a control.
    fn checks_of(&self, row: &ControlRow) -> String {
        match row.checks.len() {
            all if all > 1 && all == self.all_checks => format!("all {all} checks"),
            _ => words::listed(&row.checks),
        }
    }

    /// The controls that this check serves besides those of the procedure.
    fn own(&self, check: &RunCheck) -> Option<Html> {
        (!check.own.is_empty()).then(|| control_sets::html(&check.own, format!("controls-{}", check.line.check)))
    }

    /// What to do next.
    fn next_step(&self) -> String {
        let counts = &self.is.run.counts;
        match self.is.run.verdict {
            Status::Fail => format!(
                "{} of {} do not hold. Below stands what to do about each check; request another run afterwards.",
                counts.fail.saturating_sub(counts.excepted),
                count(counts.applicable(), "item", "items")
            ),
            Status::Error => {
                "Something could not be measured, so this is no pass, and no fail either. Look at the steps with \
                              a code: it says what to do."
                    .to_owned()
            }
            Status::Pending => {
                "It waits for a person. The Runner's operator sees who is asked with `proctor-runner pending`; \
                                this page follows when they have answered."
                    .to_owned()
            }
            Status::Excepted => "What fails is covered by approved exceptions. They end; see below.".to_owned(),
            Status::Pass => "Everything that applies was measured and holds. Nothing is to be done.".to_owned(),
            Status::NotApplicable | Status::Skipped => "Nothing of it applies here; the procedure says why.".to_owned(),
        }
    }

    fn status_meaning(&self) -> &'static str {
        words::status(self.is.run.verdict)
    }

    fn procedure(&self) -> Href {
        path::procedure(self.is.run.runner, self.is.run.procedure.sha256)
    }

    fn again(&self) -> Href {
        path::ask_for_run(self.is.run.runner, self.is.run.procedure.sha256)
    }

    fn csv(&self, table: &str) -> Href {
        path::run(self.is.run.id).with("format", "csv").with("table", table)
    }

    fn open(&self, item: &ItemId) -> Href {
        path::open_evidence(self.is.run.id).with("item", item)
    }

    /// The beginning of a commitment, as much as is compared by eye.
    fn begin(&self, root: &Digest) -> String {
        root.to_string().chars().take(16).collect()
    }

    fn explain(&self, code: &Code) -> Option<&'static book::Entry> {
        book::explain(code.as_str())
    }

    fn code(&self, code: &Code) -> Href {
        path::code(code.as_str())
    }

    /// Whether the newest word on a check is another than this run's.
    fn has_moved_on(&self, check: &RunCheck) -> bool {
        check.now.as_ref().is_some_and(|now| now.run != self.is.run.id && now.status != check.line.status)
    }
}

fn title(is: &Run) -> String {
    is.source.as_ref().map_or_else(|| is.run.procedure.id.to_string(), |source| source.title.clone())
}

/// The controls of the procedure as a whole: those that a check serves and does not name itself.
fn common(checks: &[RunCheck]) -> Vec<ControlRef> {
    let of = |check: &RunCheck| check.controls.iter().filter(|it| !check.own.contains(it)).cloned().collect();
    checks.first().map_or_else(Vec::new, of)
}

/// The controls that the run says something of, with the worst of their checks.
pub(super) fn controls(checks: &[RunCheck]) -> Vec<ControlRow> {
    let mut rows: BTreeMap<&ControlRef, (Status, Vec<String>)> = BTreeMap::new();
    for check in checks {
        for control in &check.controls {
            let (worst, names) = rows.entry(control).or_insert((check.line.status, Vec::new()));
            *worst = (*worst).min(check.line.status);
            names.push(check.line.check.to_string());
        }
    }
    let row = |(control, (worst, checks)): (&ControlRef, _)| ControlRow { control: control.clone(), worst, checks };
    rows.into_iter().map(row).collect()
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    let run = visit.path::<RunId>("run", "run")?;
    let table = match visit.query().text("format") {
        Some(_) => Some(visit.query().parsed::<Table>("table")?.unwrap_or(Table::Checks)),
        None => None,
    };
    let from = From { checks: visit.query().parsed("checks")?, items: visit.query().parsed("items")? };
    let part = match table {
        Some(Table::Evidence) => ItemsPart::ALL,
        Some(_) => ItemsPart::NONE,
        None => from.part(),
    };
    let is = match visit.operations().run_page(visit.caller(), run, part).await {
        Err(Error::NotFound(_)) => return under_way::show(visit, run).await,
        found => found?,
    };
    if let Some(table) = table {
        return table::answer(visit, run, is, table).await;
    }
    let frame = visit.frame(Section::Runs, format!("Run of {}", title(&is))).crumb("Runs", path::runs()).live();
    Answer::page(&RunPage::new(frame, is, &from))
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use control_plane_operations::console::WitnessState;

    use crate::console::pages::shown::sample;
    use crate::console::sample::Sample;
    let page = |is: Run, from| RunPage::new(Frame::sample(Section::Runs, "Run"), is, &from);
    let ordinary = sample::run_page(Status::Fail);
    let mut bare = Run {
        source: None,
        items: None,
        drilldowns: None,
        requested: None,
        previous: None,
        next: None,
        ..sample::run_page(Status::Pending)
    };
    bare.proof.witness = WitnessState::NotYet;
    let middle = From { checks: Some(4_001), items: Some(201) };
    vec![
        Sample::page("run, ordinary", &page(ordinary, From::default())),
        Sample::page("run, pending and withheld, for a viewer", &page(bare, From::default())),
        Sample::page("run, excepted", &page(sample::run_page(Status::Excepted), From::default())),
        Sample::page("run, hostile", &page(sample::hostile_run_page(), From::default())),
        Sample::page("run, ten thousand checks", &page(sample::large_run_page(), middle)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::shown::sample;

    #[test]
    fn what_fails_stands_first_and_each_control_has_its_worst() {
        let page = RunPage::new(Frame::sample(Section::Runs, "Run"), sample::run_page(Status::Fail), &From::default());
        let statuses: Vec<_> = page.checks.iter().map(|check| check.line.status).collect();
        assert!(statuses.is_sorted() && statuses.first() == Some(&Status::Fail), "{statuses:?}");
        assert!(page.controls.iter().any(|row| row.worst == Status::Fail));
        assert!(page.controls.iter().any(|row| row.worst == Status::Pass));
        assert!(page.next_step().contains("do not hold"));
    }

    #[test]
    fn controls_of_the_whole_procedure_are_told_once() {
        let mut is = sample::run_page(Status::Fail);
        let control =
            |framework: &str, control: &str| ControlRef { framework: framework.into(), control: control.into() };
        for (place, check) in is.checks.iter_mut().enumerate() {
            check.own = vec![control("cis-v8", &format!("5.{place}"))];
            check.controls = [vec![control("soc2-tsc", "CC6.1")], check.own.clone()].concat();
        }
        let number = is.checks.len();
        assert!(number > 1);
        let page = RunPage::new(Frame::sample(Section::Runs, "Run"), is, &From::default());
        assert_eq!(page.common, [control("soc2-tsc", "CC6.1")]);
        let text = page.render().unwrap();
        // Once above the checks, once in the table of controls.
        assert_eq!(text.matches("SOC 2 TSC").count(), 2, "{text}");
        assert_eq!(text.matches("CIS Controls v8").count(), 2 * number);
    }

    #[test]
    fn ten_thousand_checks_are_shown_part_by_part() {
        let page = RunPage::new(
            Frame::sample(Section::Runs, "Run"),
            sample::large_run_page(),
            &From { checks: Some(9_999), items: None },
        );
        assert_eq!(page.checks.len(), 2);
        let text = page.render().unwrap();
        assert!(text.contains("9999 to 10000 of 10000"));
        assert!(text.contains("items 1 to 200 of 1000"), "{text}");
        assert!(text.len() < 1_000_000, "{} bytes", text.len());
    }
}
