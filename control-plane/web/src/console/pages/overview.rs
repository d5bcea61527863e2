//! How things stand: what fails, what is late, how the Runners are, and what changed since yesterday.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::runner::Condition;
use control_plane_operations::console::{ChangeRow, Overview, Started, Trouble as RunnerTrouble};
use verdict::{Severity, Status};

use super::shown::trend::Trend;
use super::shown::words::count;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{self, Html, Tone};
use crate::console::pages::alarms::meaning;
use crate::console::path;
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/",
    name: "overview",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(show(visit))),
    query: &[],
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
    let frame = visit.frame(Section::Overview, "Overview").live();
    Answer::page(&OverviewPage::new(frame, now))
}

impl OverviewPage {
    fn new(frame: Frame, now: Overview) -> Self {
        let trend = Trend::of("trend", "all procedures", &now.trend);
        Self { frame, started: FirstSteps::new(&now.started), now, trend }
    }

    /// What to look at first.
    fn next_step(&self) -> Html {
        let alarms = self.now.alarms.as_ref().map_or(0, Vec::len);
        let (text, link) = if alarms > 0 {
            ("Begin with the open alarms: somebody has to decide.".to_owned(), Some(("To the alarms", path::alarms())))
        } else if self.now.findings.total() > 0 {
            let fail = count(self.now.findings.total(), "check fails", "checks fail");
            (format!("{fail}. Begin with what weighs most."), Some(("What to do about them", path::findings())))
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
            (health.overdue, "overdue", Tone::Warn),
            (health.pending, "to approve", Tone::Wait),
        ];
        let connected = [(health.connected, "connected", Tone::Good)];
        connected.into_iter().chain(others.into_iter().filter(|(number, ..)| *number > 0)).collect()
    }

    /// What is the matter with a Runner, and what to do.
    fn trouble(&self, trouble: &RunnerTrouble) -> Html {
        let (tone, word, text, at) = match trouble {
            RunnerTrouble::Pending => (Tone::Wait, "to approve", "compare its fingerprint and approve it", None),
            RunnerTrouble::Locked(reason) => (Tone::Bad, "locked", meaning::lock_reason(*reason), None),
            RunnerTrouble::Away { last_seen } => {
                (Tone::Bad, "away", "see that its service runs; last heard of", Some(last_seen.as_ref().copied()))
            }
            RunnerTrouble::Condition(Condition::Full) => (Tone::Warn, "full", "make room at its host", None),
            RunnerTrouble::Condition(Condition::Rollback) => {
                (Tone::Bad, "put back", "an older copy of its store was put back", None)
            }
            RunnerTrouble::Condition(Condition::ForkSeen) => {
                (Tone::Bad, "saw a fork", "it was shown another audit log than before", None)
            }
            RunnerTrouble::Condition(Condition::Ready) => (Tone::Good, "ready", "nothing is the matter", None),
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
const MOST_CHANGES: usize = 20;

#[derive(Template)]
#[template(
    source = "{{ text }}{% if let Some((words, href)) = link %} <a href=\"{{ href }}\">{{ words }}</a>{% endif %}",
    ext = "html"
)]
struct NextStep {
    text: String,
    link: Option<(&'static str, path::Href)>,
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
