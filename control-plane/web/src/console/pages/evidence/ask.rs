//! The page on which evidence is asked for and opened. What is typed into it goes nowhere by itself: a script of ours asks
//! with it, and everything that comes back is verified there.

use askama::Template;
use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::DrillDown;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::{EvidenceItem, EvidencePage, RunEvidence};
use ids::{ItemId, RequestId, RunId};

use super::command::{self, Why};
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::pages::shown::words;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

/// Characters of a reason.
const MAX_REASON: usize = 200;

pub(super) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/runs/{run}/open",
    name: "evidence.ask",
    access: Access::Permitted(&[Permission::DrillDownsRequest], |visit| Box::pin(ask(visit))),
    query: &[Field::many("item"), Field::one("again")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/evidence_ask.html")]
struct AskPage {
    frame: Frame,
    run: RunId,
    /// When the run began.
    started: clock::Timestamp,
    runner: ids::RunnerId,
    runner_label: String,
    procedure: String,
    items: Vec<Item>,
    purposes: Vec<(Purpose, bool)>,
    reason: String,
    max_reason: usize,
    /// Whose browser it is, for the label of its key.
    whose: String,
    /// Where the console is reached, for the commands that open evidence without a page.
    address: String,
    /// What opens the first item without a page.
    command: String,
    steps: [(&'static str, &'static str); 8],
    /// Refusals that the script explains further.
    not_approved: String,
    second_person: &'static str,
}

/// An item that can be asked for.
struct Item {
    id: ItemId,
    step: String,
    /// Which of the items of its step it is, where there are several.
    ordinal: Option<String>,
    /// Which checks look at it.
    why: Option<String>,
    class: String,
    /// How much there is of it.
    holds: String,
    rows: u64,
    collected: clock::Timestamp,
    is_destroyed: bool,
    is_chosen: bool,
    /// Which rows, as a person types them.
    listed: String,
}

async fn ask(visit: &Visit) -> Result<Answer, Trouble> {
    // Before anything is typed, so that nothing of it is lost on the way.
    visit.confirmed_by_app()?;
    let run: RunId = visit.path("run", "run")?;
    let read = visit.operations().evidence_page(visit.caller(), run).await?;
    let chosen: Vec<ItemId> = visit.query().all("item").filter_map(|item| item.parse().ok()).collect();
    let before = match visit.query().parsed::<RequestId>("again")? {
        Some(again) => Some(visit.operations().get_drilldown(visit.caller(), again).await?),
        None => None,
    };
    // Words that somebody else typed are theirs.
    let before = before.filter(|before| before.run == run && before.person == visit.caller().person());
    let title = "Request evidence";
    let frame = visit
        .frame(Section::Runs, title)
        .crumb("Runs", path::runs())
        .crumb(read.procedure.clone(), path::run(run))
        .script("open.js");
    let address = command::address(visit.settings());
    Answer::page(&AskPage::new(frame, read, &chosen, before.as_ref(), &address, visit.who().name.clone()))
}

impl AskPage {
    fn run_href(&self) -> Href {
        path::run(self.run)
    }

    /// This page, with nothing chosen.
    fn here(&self) -> Href {
        path::open_evidence(self.run)
    }

    /// Whether there is an item of which some rows can be asked for.
    fn has_rows(&self) -> bool {
        self.items.iter().any(|item| item.rows > 1)
    }

    fn new(
        frame: Frame,
        read: EvidencePage,
        chosen: &[ItemId],
        before: Option<&DrillDown>,
        address: &str,
        whose: String,
    ) -> Self {
        let EvidencePage { run, runner, procedure, items } = read;
        let items: Vec<Item> = items.into_iter().map(|item| Item::new(item, chosen, before)).collect();
        let purposes = Purpose::ALL.iter().map(|word| (*word, before.is_some_and(|before| before.purpose == *word)));
        let command = command::open(run.id, items.first().map(|item| (item.id, None)), address, &Why::OPEN);
        Self {
            frame,
            run: run.id,
            started: run.started,
            runner: run.runner,
            runner_label: runner.label.to_string(),
            procedure,
            items,
            purposes: purposes.collect(),
            reason: before.map(|before| before.reason.to_string()).unwrap_or_default(),
            max_reason: MAX_REASON,
            whose,
            address: address.to_owned(),
            command,
            steps: super::STEPS,
            not_approved: super::NOT_APPROVED.join(" "),
            second_person: super::SECOND_PERSON,
        }
    }
}

impl Item {
    fn new(item: EvidenceItem, chosen: &[ItemId], before: Option<&DrillDown>) -> Self {
        let EvidenceItem { evidence: RunEvidence { line, step_title, destroyed }, place: (nth, of), looked_at_by } =
            item;
        let again = before.and_then(|before| before.items.iter().find(|asked| asked.item == line.item));
        let is_destroyed = destroyed.is_some();
        Self {
            id: line.item,
            step: step_title.unwrap_or_else(|| line.step.to_string()),
            ordinal: (of > 1).then(|| format!("item {nth} of {of}")),
            // What is said of a step is said once.
            why: if nth == 1 { super::why(&looked_at_by) } else { None },
            class: line.class.to_string(),
            holds: words::rows(line.form, line.rows),
            rows: line.rows,
            collected: line.collected,
            is_destroyed,
            is_chosen: !is_destroyed && (chosen.contains(&line.item) || again.is_some()),
            listed: again.and_then(|again| again.rows.as_deref()).map(command::ranges).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let item = |number: u8, is_destroyed, text: &str| Item {
        id: ItemId::from_parts(1_795_000_000_000, [number; 10]),
        step: text.to_owned(),
        ordinal: Some(format!("item {number} of 2")),
        why: super::why(&[text.to_owned(), text.to_owned()]),
        class: "personal".to_owned(),
        holds: "3 rows".to_owned(),
        rows: 3,
        collected: clock::Timestamp::from_millis(1_795_000_000_000),
        is_destroyed,
        is_chosen: !is_destroyed,
        listed: "0-1".to_owned(),
    };
    let page = |items: Vec<Item>, text: &str| AskPage {
        frame: Frame::sample(Section::Runs, "Request evidence").script("open.js"),
        run: RunId::NIL,
        started: clock::Timestamp::from_millis(1_795_000_000_000),
        runner: ids::RunnerId::NIL,
        runner_label: text.to_owned(),
        procedure: text.to_owned(),
        address: "https://h".to_owned(),
        command: command::open(RunId::NIL, items.first().map(|item| (item.id, None)), "https://h", &Why::OPEN),
        items,
        purposes: Purpose::ALL.iter().map(|word| (*word, false)).collect(),
        reason: text.to_owned(),
        max_reason: MAX_REASON,
        whose: text.to_owned(),
        steps: super::STEPS,
        not_approved: super::NOT_APPROVED.join(" "),
        second_person: super::SECOND_PERSON,
    };
    vec![
        Sample::page(
            "open evidence, ordinary",
            &page(vec![item(1, false, "List accounts"), item(2, true, "Old")], "Ann"),
        ),
        Sample::page("open evidence, without items", &page(Vec::new(), "Ann")),
        Sample::page("open evidence, hostile", &page(vec![item(1, false, HOSTILE)], HOSTILE)),
    ]
}
