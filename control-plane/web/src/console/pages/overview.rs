//! How things stand: what fails, what is late, how the Runners are, and what changed since yesterday.

use std::str::FromStr;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::runner::Condition;
use control_plane_operations::console::{
    AlarmRow, ChangeRow, MissedRow, OverdueRow, Overview, RunningRow, Started, Trouble as RunnerTrouble,
};
use verdict::{Severity, Status};

use super::shown::trend::{self, Trend};
use super::shown::words::{self, count};
use super::who::named;
use super::whole;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{self, Html, Tone};
use crate::console::pages::alarms::{self, meaning};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/",
    name: "overview",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(show(visit))),
    query: &[Field::one("table"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/overview.html")]
struct OverviewPage {
    frame: Frame,
    started: FirstSteps,
    now: Overview,
    trend: Trend,
}

/// How far a new organisation is.
struct FirstSteps {
    has_runner: bool,
    has_procedure: bool,
    has_run: bool,
}

impl FirstSteps {
    fn new(started: &Started) -> Self {
        let Started { has_runner, has_procedure, has_run } = *started;
        Self { has_runner, has_procedure, has_run }
    }

    fn is_done(&self) -> bool {
        self.has_runner && self.has_procedure && self.has_run
    }
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    let now = visit.operations().overview(visit.caller()).await?;
    if visit.query().text("format").is_some() {
        return table(visit, now).await;
    }
    let frame = visit.frame(Section::Overview, "Overview").live();
    Answer::page(&OverviewPage::new(frame, now))
}

fn csv_of(table: &str) -> Href {
    path::overview().with("format", "csv").with("table", table)
}

/// The tables that are nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Overdue,
    Trend,
    Running,
}

/// A text that names no table.
#[derive(Debug, thiserror::Error)]
#[error("the overview has the tables overdue, trend and running")]
struct NoTable;

impl FromStr for Table {
    type Err = NoTable;

    fn from_str(text: &str) -> Result<Self, NoTable> {
        match text {
            "overdue" => Ok(Self::Overdue),
            "trend" => Ok(Self::Trend),
            "running" => Ok(Self::Running),
            _ => Err(NoTable),
        }
    }
}

async fn table(visit: &Visit, now: Overview) -> Result<Answer, Trouble> {
    match visit.query().parsed::<Table>("table")?.unwrap_or(Table::Trend) {
        Table::Overdue => whole::table(visit, "overdue", OVERDUE, now.overdue, overdue).await,
        Table::Running => whole::table(visit, "no-result-yet", RUNNING, now.running, running).await,
        Table::Trend => whole::table(visit, "trend", trend::COLUMNS, now.trend, trend::cells).await,
    }
}

const RUNNING: &[&str] = &[
    "State",
    "Procedure",
    "Title",
    "Digest",
    "Runner",
    "Runner label",
    "Run",
    "Step",
    "Steps over",
    "Steps",
    "Began",
    "Requested",
    "Requested by",
];

fn running(row: &RunningRow) -> csv::Row {
    let (step, request) = (words::step_now(row), row.request.as_ref());
    csv::Row::new()
        .text(words::running(&row.stage).0)
        .maybe(row.procedure.as_ref().map(|known| &known.id))
        .maybe(row.procedure.as_ref().map(|known| &known.title))
        .text(row.digest)
        .text(row.runner.id)
        .text(&row.runner.label)
        .maybe(row.run())
        .maybe(step.and_then(|now| now.step.as_ref()))
        .maybe(step.map(|now| now.done))
        .maybe(step.map(|now| now.steps))
        .maybe_time(step.map(|now| now.began))
        .maybe_time(request.map(|(request, _)| request.requested))
        .maybe(request.and_then(|(_, by)| by.name.as_ref()))
}

const OVERDUE: &[&str] = &["Procedure", "Runner", "Runner label", "Overdue since", "Next due"];

fn overdue(row: &OverdueRow) -> csv::Row {
    csv::Row::new()
        .text(&row.due.procedure)
        .text(row.runner.id)
        .text(&row.runner.label)
        .maybe_time(row.due.overdue_since)
        .time(row.due.next_due)
}

impl OverviewPage {
    fn new(frame: Frame, now: Overview) -> Self {
        let trend = Trend::of("trend", "all procedures", &now.trend, csv_of("trend"));
        Self { frame, started: FirstSteps::new(&now.started), now, trend }
    }

    fn csv(&self, table: &str) -> Href {
        csv_of(table)
    }

    /// The procedure that is due, with a link to its page where it is installed.
    fn due(&self, row: &OverdueRow) -> Html {
        named(&row.due.procedure, row.title.as_ref(), row.runner.id, row.digest)
    }

    /// What an alarm is about: a procedure by its title, anything else by its word.
    fn about(&self, row: &AlarmRow) -> Option<Html> {
        alarms::about(row).map(|about| about.html())
    }

    fn alarm_tone(&self, row: &AlarmRow) -> Tone {
        meaning::tone(row.alarm.kind)
    }

    fn missed(&self, row: &MissedRow) -> Html {
        named(&row.missed.procedure, row.title.as_ref(), row.runner.id, row.digest)
    }

    /// What to look at first.
    fn next_step(&self) -> Html {
        let alarms = self.now.alarms.as_ref().map_or(0, Vec::len);
        let (text, link) = if alarms > 0 {
            ("Begin with the open alarms: somebody has to decide.".to_owned(), Some(("To the alarms", path::alarms())))
        } else if self.now.findings.total() > 0 {
            let fail = count(self.now.findings.total(), "check fails", "checks fail");
            (format!("{fail}. Begin with the most severe."), Some(("What to do about them", path::findings())))
        } else if self.now.verdicts.error > 0 {
            let text = "Nothing fails, and some runs could not be measured in full: that is no pass.".to_owned();
            (text, Some(("To these runs", path::runs().with("verdict", Status::Error))))
        } else if !self.now.overdue.is_empty() {
            let text = "Nothing fails, and something is overdue: see whether its Runner runs.".to_owned();
            (text, Some(("To the Runners", path::runners())))
        } else {
            ("Nothing needs you now.".to_owned(), None)
        };
        kit::html(&NextStep { text, link })
    }

    /// The verdicts that there are; passes always, so that nothing at all is said aloud.
    fn verdicts(&self) -> Vec<(Status, u64)> {
        let all = Status::ALL.iter().map(|status| (*status, self.now.verdicts.of(*status)));
        all.filter(|(status, number)| *number > 0 || *status == Status::Pass).collect()
    }

    fn findings(&self) -> Vec<(Severity, u64)> {
        let all = Severity::ALL.iter().map(|severity| (*severity, self.now.findings.of(*severity)));
        all.filter(|(_, number)| *number > 0).collect()
    }

    fn runners(&self) -> Vec<(u64, &'static str, Tone)> {
        let health = &self.now.runners;
        let others = [
            (health.away, "away", Tone::Bad),
            (health.locked, "locked", Tone::Bad),
            (health.restored, "restored from a copy", Tone::Bad),
            (health.fork_seen, "saw a fork", Tone::Bad),
            (health.full, "full", Tone::Warn),
            (health.overdue, "overdue", Tone::Warn),
            (health.pending, "waits for approval", Tone::Wait),
        ];
        let connected = [(health.connected, "connected", Tone::Good)];
        connected.into_iter().chain(others.into_iter().filter(|(number, ..)| *number > 0)).collect()
    }

    /// What is the matter with a Runner, and what to do.
    fn trouble(&self, trouble: &RunnerTrouble) -> Html {
        let (tone, word, text, at) = match trouble {
            RunnerTrouble::Pending => {
                (Tone::Wait, "waits for approval", "compare its fingerprint and approve it", None)
            }
            RunnerTrouble::Locked(reason) => (Tone::Bad, "locked", meaning::lock_reason(*reason), None),
            RunnerTrouble::Away { last_seen } => {
                (Tone::Bad, "away", "see that its service runs; last heard of", Some(last_seen.as_ref().copied()))
            }
            RunnerTrouble::Condition(Condition::Full) => (Tone::Warn, "full", "make room at its host", None),
            RunnerTrouble::Condition(Condition::Rollback) => {
                (Tone::Bad, "restored from a copy", "its store was restored from an older copy", None)
            }
            RunnerTrouble::Condition(Condition::ForkSeen) => {
                (Tone::Bad, "saw a fork", "it was shown another audit log than before", None)
            }
            RunnerTrouble::Condition(Condition::Ready) => (Tone::Good, "connected", "nothing is the matter", None),
            RunnerTrouble::Overdue { since } => (
                Tone::Warn,
                "overdue",
                "something was due and neither ran nor was explained, since",
                Some(Some(*since)),
            ),
        };
        let at = at.map(|at| self.frame.time_or(at, "never"));
        kit::html(&TroubleLine { badge: self.frame.badge(tone, word), text, at })
    }

    /// All changes in one list, newest first.
    fn changes(&self) -> Vec<&ChangeRow> {
        let changes = &self.now.changes;
        let mut all: Vec<_> = changes.verdicts.iter().chain(&changes.opened).chain(&changes.closed).collect();
        all.sort_by_key(|row| std::cmp::Reverse(row.change.run_ended));
        all.truncate(MOST_CHANGES);
        all
    }
}

/// Changes that the overview shows; all of them have a page.
const MOST_CHANGES: usize = 5;

#[derive(Template)]
#[template(
    source = "{{ text }}{% if let Some((words, href)) = link %} <a href=\"{{ href }}\">{{ words }}</a>{% endif %}",
    ext = "html"
)]
struct NextStep {
    text: String,
    link: Option<(&'static str, Href)>,
}

#[derive(Template)]
#[template(source = "{{ badge }} {{ text }}{% if let Some(at) = at %} {{ at }}{% endif %}", ext = "html")]
struct TroubleLine {
    badge: Html,
    text: &'static str,
    at: Option<Html>,
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::pages::shown::sample;
    use crate::console::sample::Sample;
    let page = |now| OverviewPage::new(Frame::sample(Section::Overview, "Overview"), now);
    vec![
        Sample::page("overview, ordinary", &page(sample::overview())),
        Sample::page("overview, empty", &page(sample::empty_overview())),
        Sample::page("overview, hostile", &page(sample::hostile_overview())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::shown::sample;

    #[test]
    fn the_first_thing_to_look_at_is_named() {
        let said = |now: Overview| OverviewPage::new(Frame::sample(Section::Overview, "Overview"), now).next_step().0;
        let full = sample::overview();
        assert!(said(full.clone()).contains("open alarms"));
        let calm = Overview { alarms: Some(Vec::new()), ..full };
        assert!(said(calm.clone()).contains("href=\"/findings\""));
        let mut calm = Overview { findings: Default::default(), ..calm };
        calm.verdicts.error = 1;
        assert!(said(calm.clone()).contains("verdict=error"));
        calm.verdicts.error = 0;
        assert!(said(calm.clone()).contains("overdue"));
        calm.overdue.clear();
        assert_eq!(said(calm), "Nothing needs you now.");
    }
}
