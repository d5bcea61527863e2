//! Which Runners there are, and how they are.

use askama::Template;
use clock::Timestamp;
use contract::enrolment::Fingerprint;
use control_plane_domain::policy::Permission;
use control_plane_domain::runner::{Runner, RunnerState, Standing};
use control_plane_operations::console::RunnerRow;

use super::health::{self, Health};
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Pager;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/runners",
    name: "runners",
    access: Access::Permitted(&[Permission::RunnersList], |visit| Box::pin(list(visit))),
    query: &[Field::one("standing"), Field::one("cursor"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/runners.html")]
struct RunnersPage {
    frame: Frame,
    rows: Vec<Row>,
    standing: Option<Standing>,
    pager: Pager,
}

struct Row {
    runner: Runner,
    health: Health,
    /// What the word for its health leaves open: whether it is connected, and what it says of itself.
    beside: String,
    /// How its store's root key is kept, once it said so.
    seal_level: Option<String>,
    certificate_until: Option<Timestamp>,
    href: Href,
}

impl Row {
    fn new(row: RunnerRow, now: Timestamp) -> Self {
        let RunnerRow { runner, certificate_until } = row;
        let health = Health::of(&runner, certificate_until, now);
        let level = runner.presence.seal_level.as_ref().map(|level| level.as_str());
        Self {
            beside: health.beside(&runner),
            health,
            seal_level: level.map(|level| health::seal_word(Some(level)).to_owned()),
            href: path::runner(runner.id),
            certificate_until,
            runner,
        }
    }
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let standing = visit.query().parsed::<Standing>("standing")?;
    if visit.query().text("format") == Some("csv") {
        return table(visit, standing).await;
    }
    let listed = visit.operations().runner_rows(visit.caller(), standing, &visit.query().page()?).await?;
    let pager = visit.pager(&listed);
    let rows = listed.items.into_iter().map(|row| Row::new(row, visit.now())).collect();
    let frame = visit.frame(Section::Runners, "Runners").live();
    Answer::page(&RunnersPage { frame, rows, standing, pager })
}

async fn table(visit: &Visit, standing: Option<Standing>) -> Result<Answer, Trouble> {
    let (operations, caller, now) = (visit.operations().clone(), visit.caller().clone(), visit.now());
    csv::answer(
        visit,
        "runners",
        &[
            "Runner",
            "Label",
            "Status",
            "Health",
            "Connected",
            "Last seen",
            "Condition",
            "Waiting reports",
            "Software",
            "Seal level",
            "Generation",
            "Certificate until",
            "Overdue since",
            "Fingerprint",
        ],
        move |page| {
            let (operations, caller) = (operations.clone(), caller.clone());
            async move { operations.runner_rows(&caller, standing, &page).await }
        },
        move |row: &RunnerRow| {
            let RunnerRow { runner, certificate_until } = row;
            let (presence, is_pending) = (&runner.presence, matches!(runner.state, RunnerState::Pending));
            csv::Row::new()
                .text(runner.id)
                .text(&runner.label)
                .text(runner.state.standing())
                .text(Health::of(runner, *certificate_until, now).word)
                .text(if presence.connected { "yes" } else { "no" })
                .maybe_time(presence.last_seen)
                .text(health::condition(presence.condition))
                .number(presence.waiting)
                .text(&presence.software)
                .maybe(presence.seal_level.as_ref())
                .number(runner.generation)
                .maybe_time(*certificate_until)
                .maybe_time(runner.overdue_since)
                .maybe((!is_pending).then(|| Fingerprint::new(runner.keys.fingerprint)))
        },
    )
    .await
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::sample;
    use crate::console::sample::Sample;
    let now = Timestamp::from_millis(1_795_000_000_000);
    let page = |runners: Vec<Runner>| RunnersPage {
        frame: Frame::sample(Section::Runners, "Runners"),
        rows: runners
            .into_iter()
            .map(|runner| Row::new(RunnerRow { runner, certificate_until: Some(now.plus_ms(50_000_000)) }, now))
            .collect(),
        standing: None,
        pager: Pager::default(),
    };
    vec![
        Sample::page("runners, of every kind", &page(sample::of_every_kind())),
        Sample::page("runners, none", &page(Vec::new())),
        Sample::page("runners, hostile", &page(vec![sample::hostile()])),
    ]
}
