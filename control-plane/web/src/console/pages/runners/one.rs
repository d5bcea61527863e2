//! One Runner: who it is, how it is, what it proved, and what is installed there.

use std::collections::BTreeMap;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clock::Timestamp;
use contract::enrolment::Fingerprint;
use control_plane_domain::alarm::Alarm;
use control_plane_domain::policy::Permission;
use control_plane_domain::procedure::{InstalledProcedure, ScheduleDue};
use control_plane_domain::runner::{Runner, RunnerState};
use control_plane_operations::console::RunnerPage as Read;
use crypto::digest::sha256;
use proof::text::{FreeText, Name};

use super::health::{self, Health};
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::pages::alarms::meaning;
use crate::console::pages::shown::{due, words};
use crate::console::pages::who::Linked;
use crate::console::pages::whole;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/runners/{runner}",
    name: "runner",
    access: Access::Permitted(&[Permission::RunnersList], |visit| Box::pin(one(visit))),
    query: &[Field::one("table"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/runner.html")]
struct RunnerPage {
    frame: Frame,
    health: Health,
    facts: Facts,
    read: Read,
}

/// What is worked out from the record.
struct Facts {
    standing_since: Option<Timestamp>,
    /// Not of a Runner that waits: it is read at the Runner's host and typed here, never copied from here.
    fingerprint: Option<String>,
    attestation_key: String,
    attestation_id: crypto::Digest,
    sealing_key: String,
    condition: &'static str,
    seal_level: String,
    /// Whether it is let in, in a word or two, and what follows from that.
    standing: (&'static str, &'static str),
    is_active: bool,
    is_pending: bool,
    is_locked: bool,
    is_revoked: bool,
}

impl Facts {
    fn of(runner: &Runner) -> Self {
        let is_pending = matches!(runner.state, RunnerState::Pending);
        let standing_since = match runner.state {
            RunnerState::Pending => None,
            RunnerState::Active { since } | RunnerState::Locked { since, .. } | RunnerState::Revoked { since } => {
                Some(since)
            }
        };
        Self {
            standing_since,
            fingerprint: (!is_pending).then(|| Fingerprint::new(runner.keys.fingerprint).to_string()),
            attestation_key: STANDARD.encode(&runner.keys.attestation_key),
            attestation_id: sha256(&runner.keys.attestation_key),
            sealing_key: STANDARD.encode(runner.keys.sealing_key),
            condition: health::condition(runner.presence.condition),
            seal_level: health::seal_level(runner.presence.seal_level.as_ref().map(|level| level.as_str())),
            standing: match runner.state {
                RunnerState::Pending => ("waits for approval", "it is told nothing and nothing of it is taken before"),
                RunnerState::Active { .. } => ("let in", ""),
                RunnerState::Locked { .. } => ("locked", "it is kept out until somebody unlocks it"),
                RunnerState::Revoked { .. } => ("revoked", "it is kept out for good"),
            },
            is_active: matches!(runner.state, RunnerState::Active { .. }),
            is_pending,
            is_locked: matches!(runner.state, RunnerState::Locked { .. }),
            is_revoked: matches!(runner.state, RunnerState::Revoked { .. }),
        }
    }
}

impl RunnerPage {
    fn new(frame: Frame, read: Read, now: Timestamp) -> Self {
        let until = read.certificate.as_ref().map(|certificate| certificate.not_after);
        Self { frame, health: Health::of(&read.runner, until, now), facts: Facts::of(&read.runner), read }
    }

    fn schedule(&self, procedure: &InstalledProcedure) -> String {
        let InstalledProcedure { schedule, time_zone, .. } = procedure;
        due::schedule(schedule.as_ref().map(FreeText::as_str), time_zone.as_ref().map(FreeText::as_str))
    }

    /// The procedure that an alarm is about, or the word for what it is about.
    fn about(&self, alarm: &Alarm) -> Option<Linked> {
        let word = || Some(Linked { text: alarm.subject.as_ref()?.to_string(), href: None });
        alarm.procedure().map(|(_, procedure)| self.named(procedure)).or_else(word)
    }

    /// A procedure by its title, if it is one of those that the page shows.
    fn named(&self, id: &Name) -> Linked {
        let known = self.read.procedures.iter().find(|procedure| procedure.id == *id);
        Linked {
            text: known.map_or_else(|| id.to_string(), |procedure| procedure.title.to_string()),
            href: known.map(|procedure| path::procedure(procedure.runner, procedure.digest)),
        }
    }

    fn procedures_csv(&self) -> Href {
        path::procedures().with("runner", self.read.runner.id).with("format", "csv")
    }

    fn due_csv(&self) -> Href {
        path::runner(self.read.runner.id).with("format", "csv").with("table", "due")
    }

    fn missed(&self) -> Href {
        path::missed().with("runner", self.read.runner.id)
    }

    /// What its standing asks of a person who may do it.
    fn act(&self) -> Option<(&'static str, &'static str)> {
        if self.facts.is_pending && self.frame.may("runners.approve") {
            Some(("approve", "Approve"))
        } else if self.facts.is_locked && self.frame.may("runners.unlock") {
            Some(("unlock", "Unlock"))
        } else {
            None
        }
    }

    fn can_revoke(&self) -> bool {
        !self.facts.is_revoked && self.frame.may("runners.revoke")
    }
}

async fn one(visit: &Visit) -> Result<Answer, Trouble> {
    let read = visit.operations().runner_page(visit.caller(), visit.path("runner", "Runner")?).await?;
    if visit.query().text("format") == Some("csv") {
        return match visit.query().text("table") {
            None | Some("due") => table(visit, read).await,
            Some(_) => {
                Err(Trouble::invalid("a Runner has the table due; procedures and missed have pages of their own"))
            }
        };
    }
    let title = read.runner.label.to_string();
    let frame = visit.frame(Section::Runners, title).crumb("Runners", path::runners()).live();
    Answer::page(&RunnerPage::new(frame, read, visit.now()))
}

/// When its procedures are due.
async fn table(visit: &Visit, read: Read) -> Result<Answer, Trouble> {
    let name = format!("runner-{}-due", read.runner.id);
    let titles: BTreeMap<Name, FreeText> =
        read.procedures.into_iter().map(|procedure| (procedure.id, procedure.title)).collect();
    let head = &["Procedure", "Title", "Due next", "Reported", "Overdue since"];
    whole::table(visit, &name, head, read.schedule, move |due: &ScheduleDue| {
        csv::Row::new()
            .text(&due.procedure)
            .maybe(titles.get(&due.procedure))
            .time(due.next_due)
            .time(due.reported)
            .maybe_time(due.overdue_since)
    })
    .await
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::sample;
    use crate::console::sample::Sample;
    let now = Timestamp::from_millis(1_795_000_000_000);
    let page = |read| RunnerPage::new(Frame::sample(Section::Runners, "warehouse"), read, now);
    let mut all: Vec<Sample> = (1..)
        .zip(sample::of_every_kind())
        .map(|(number, runner)| Sample::page(format!("runner, kind {number}").leak(), &page(sample::empty(runner))))
        .collect();
    all.push(Sample::page("runner, with everything", &page(sample::full(sample::runner()))));
    all.push(Sample::page("runner, hostile", &page(sample::full(sample::hostile()))));
    all
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn whether_it_is_connected_and_since_when_is_said_beside_its_standing() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let said = |read| {
            let text = RunnerPage::new(Frame::sample(Section::Runners, "x"), read, now).render().unwrap();
            let facts = text.split("<dt>Connection</dt>").nth(1).unwrap().split("<dt>Condition</dt>").next().unwrap();
            let plain = facts.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
            plain.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
        };
        let here = said(sample::full(sample::runner()));
        assert!(here.starts_with("connected since ") && here.contains("2 h ago"), "{here}");
        assert!(here.contains("last heard of") && here.contains("Standing let in since"), "{here}");
        let elsewhere = said(sample::empty(sample::runner()));
        assert!(elsewhere.starts_with("connected now; last heard of"), "{elsewhere}");
        for (runner, words) in sample::of_every_kind().into_iter().skip(3).zip([
            ["not connected; last heard of", "let in since"],
            ["not before it is approved", "waits for approval"],
            ["kept out; last heard of", "locked since"],
            ["kept out; last heard of", "revoked since"],
        ]) {
            let text = said(sample::empty(runner));
            assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
        }
    }
}
