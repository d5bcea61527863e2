//! A procedure for reading: what it shows, what it asks of people, what it checks, and how it went.

use std::str::FromStr;
use std::time::Duration;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::{ControlRef, ProcedurePage as Procedure, Sop, SopCheck, SopText};
use crypto::Digest;
use ids::RunnerId;

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{self, Html};
use crate::console::pages::shown::control_sets;
use crate::console::pages::shown::due;
use crate::console::pages::shown::sparkline::{Spark, Sparkline};
use crate::console::pages::shown::trend::{self, Trend};
use crate::console::pages::shown::words;
use crate::console::pages::whole;
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::console::zone;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/procedures/{runner}/{digest}",
        name: "procedure",
        access: Access::Permitted(&[Permission::ProceduresList], |visit| Box::pin(show(visit))),
        query: &[Field::one("table"), Field::one("format")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/procedures/{runner}/{digest}/source",
        name: "procedure.source",
        access: Access::Permitted(&[Permission::ProceduresList], |visit| Box::pin(source(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
];

/// Bytes of a file that are shown in the page; the whole is one click away.
const SHOWN: usize = 256 * 1024;

#[derive(Template)]
#[template(path = "page/procedure.html")]
struct ProcedurePage {
    frame: Frame,
    is: Procedure,
    title: String,
    schedule: String,
    trend: Trend,
    last_runs: Sparkline,
}

impl ProcedurePage {
    fn new(frame: Frame, is: Procedure) -> Self {
        let recent = is.recent.iter().rev();
        let last_runs =
            Sparkline::of(recent.map(|run| Spark { verdict: run.verdict, score: run.score, ended: run.ended }));
        let installed = is.installed.as_ref();
        let pattern = installed.and_then(|installed| installed.schedule.as_ref()).map(|pattern| pattern.as_str());
        let zone = installed.and_then(|installed| installed.time_zone.as_ref()).map(|zone| zone.as_str());
        Self {
            title: title(&is),
            schedule: due::schedule(pattern, zone),
            trend: Trend::of("trend", "this procedure at all Runners", &is.trend, csv_of(&is, "trend")),
            last_runs,
            frame,
            is,
        }
    }

    fn sop(&self) -> Option<&Sop> {
        match &self.is.text {
            SopText::Readable(sop) => Some(sop),
            SopText::Withheld | SopText::Unreadable { .. } => None,
        }
    }

    /// The file as text, as far as a page can carry it, and whether that is all.
    fn source(&self) -> (String, bool) {
        let Some(sop) = self.sop() else { return (String::new(), true) };
        let shown = sop.source.get(..SHOWN).unwrap_or(&sop.source);
        (String::from_utf8_lossy(shown).into_owned(), shown.len() == sop.source.len())
    }

    fn csv(&self, table: &str) -> path::Href {
        csv_of(&self.is, table)
    }

    /// The controls that this check serves besides those of the procedure, which stand above.
    fn controls(&self, check: &SopCheck) -> Html {
        let of_all = self.sop().map(|sop| sop.controls.as_slice()).unwrap_or_default();
        let is_of_all = |control: &ControlRef| {
            let mut sets = of_all.iter().filter(|of| of.framework == control.framework);
            sets.any(|of| of.controls.contains(&control.control))
        };
        let own: Vec<ControlRef> = check.controls.iter().filter(|control| !is_of_all(control)).cloned().collect();
        if own.is_empty() {
            kit::quiet("those of the procedure")
        } else {
            control_sets::html(&own, format!("controls-{}", check.id))
        }
    }

    /// The one request to run that this page makes.
    fn ask(&self) -> path::Href {
        path::ask_for_run(self.is.runner.id, self.is.digest)
    }

    fn file(&self) -> path::Href {
        path::procedure_source(self.is.runner.id, self.is.digest)
    }

    fn runs(&self) -> path::Href {
        let runs = path::runs().with("runner", self.is.runner.id);
        match &self.is.id {
            Some(id) => runs.with("procedure", id),
            None => runs,
        }
    }
}

/// A length of time as people say it.
fn length(duration: &Duration) -> String {
    zone::length(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// The title: as installed, as its text says it, or none.
fn title(is: &Procedure) -> String {
    match (&is.installed, &is.text) {
        (Some(installed), _) => installed.title.to_string(),
        (None, SopText::Readable(sop)) => sop.title.clone(),
        (None, SopText::Withheld | SopText::Unreadable { .. }) => "A procedure that is no longer installed".to_owned(),
    }
}

/// The tables of the page that are nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Checks,
    Trend,
}

/// A text that names no table.
#[derive(Debug, thiserror::Error)]
#[error("a procedure has the tables checks and trend")]
struct NoTable;

impl FromStr for Table {
    type Err = NoTable;

    fn from_str(text: &str) -> Result<Self, NoTable> {
        match text {
            "checks" => Ok(Self::Checks),
            "trend" => Ok(Self::Trend),
            _ => Err(NoTable),
        }
    }
}

fn csv_of(is: &Procedure, table: &str) -> path::Href {
    path::procedure(is.runner.id, is.digest).with("format", "csv").with("table", table)
}

async fn table(visit: &Visit, is: Procedure) -> Result<Answer, Trouble> {
    let name = |table: &str| format!("procedure-{}-{table}", is.digest);
    match visit.query().parsed::<Table>("table")?.unwrap_or(Table::Checks) {
        Table::Trend => whole::table(visit, &name("trend"), trend::COLUMNS, is.trend, trend::cells).await,
        Table::Checks => match is.text {
            SopText::Readable(sop) => whole::table(visit, &name("checks"), CHECKS, sop.checks, check).await,
            SopText::Withheld | SopText::Unreadable { .. } => Err(Trouble::not_found("text of this procedure")),
        },
    }
}

const CHECKS: &[&str] = &[
    "Check",
    "Title",
    "Severity",
    "Status now",
    "Failing since",
    "What to do",
    "Controls",
    "Assertion",
    "For each of",
    "Only where",
    "Otherwise",
];

fn check(row: &SopCheck) -> csv::Row {
    let now = row.now.as_ref();
    csv::Row::new()
        .text(&row.id)
        .text(&row.title)
        .text(row.severity)
        .maybe(now.map(|now| now.status))
        .maybe_time(now.and_then(|now| now.failing_since))
        .maybe(row.fix.as_ref())
        .text(words::listed(&row.controls))
        .text(&row.assertion)
        .maybe(row.repeats_over.as_ref())
        .maybe(row.when.as_ref())
        .maybe(row.not_applicable.as_ref())
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    let (runner, digest) = asked(visit)?;
    let is = visit.operations().procedure_page(visit.caller(), runner, &digest).await?;
    if visit.query().text("format").is_some() {
        return table(visit, is).await;
    }
    let frame = visit.frame(Section::Procedures, title(&is)).crumb("Procedures", path::procedures()).live();
    Answer::page(&ProcedurePage::new(frame, is))
}

/// The file, exact bytes, as text: nothing in it is markup to a browser that is told so.
async fn source(visit: &Visit) -> Result<Answer, Trouble> {
    let (runner, digest) = asked(visit)?;
    let source = visit.operations().procedure_source(visit.caller(), runner, &digest).await?;
    Ok(Answer::file("text/plain; charset=utf-8", &format!("procedure-{digest}.txt"), source))
}

pub(super) fn asked(visit: &Visit) -> Result<(RunnerId, Digest), Trouble> {
    Ok((visit.path("runner", "Runner")?, visit.path("digest", "procedure")?))
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::pages::shown::sample;
    use crate::console::sample::Sample;
    let page = |is| ProcedurePage::new(Frame::sample(Section::Procedures, "Procedure"), is);
    let ordinary = sample::procedure_page();
    let withheld = Procedure { text: SopText::Withheld, ..sample::procedure_page() };
    let unreadable = Procedure {
        text: SopText::Unreadable { why: crate::console::sample::HOSTILE.to_owned() },
        installed: None,
        recent: Vec::new(),
        last: None,
        can_request: false,
        ..sample::procedure_page()
    };
    vec![
        Sample::page("procedure, ordinary", &page(ordinary)),
        Sample::page("procedure, withheld", &page(withheld)),
        Sample::page("procedure, unreadable and no longer installed", &page(unreadable)),
        Sample::page("procedure, hostile", &page(sample::hostile_procedure_page())),
    ]
}
