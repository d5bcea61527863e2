//! One request for evidence: who asked for what and why, and how it stands.

use std::collections::BTreeSet;

use askama::Template;
use contract::enrolment::Fingerprint;
use control_plane_domain::drilldown::{AskedItem, DrillDown, DrillDownState, DrillDownWord, Signed};
use control_plane_domain::policy::Permission;
use control_plane_operations::console::{AskedEvidence, EvidenceAsked};
use crypto::digest::sha256;
use ids::{PersonId, RequestId};

use super::command::{self, Why};
use super::{NOT_APPROVED, SECOND_PERSON, WANTS_SECOND};
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Html, Tone};
use crate::console::pages::shown::book::{self, Entry};
use crate::console::pages::shown::words;
use crate::console::path::{self, Href};
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(super) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/drilldowns/{drilldown}",
    name: "drilldown",
    access: Access::Permitted(&[Permission::DrillDownsList, Permission::DrillDownsRequest], |visit| {
        Box::pin(one(visit))
    }),
    query: &[],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/drilldown.html")]
struct DrillDownPage {
    frame: Frame,
    drilldown: DrillDown,
    asker: String,
    runner_label: String,
    device: Fingerprint,
    /// What was run, and when it began.
    run: String,
    started: Option<clock::Timestamp>,
    items: Vec<Item>,
    stands: Stands,
    /// What opens the same without a page.
    command: String,
}

/// An item that was asked for.
struct Item {
    asked: AskedItem,
    /// Which rows, as a person writes them.
    rows: String,
    /// What it is called; `None` where the run's manifest has no such item.
    step: Option<String>,
    /// What it holds, and when it was collected.
    holds: Option<(String, clock::Timestamp)>,
    /// Which checks look at it.
    why: Option<String>,
}

/// How a request stands, in words.
struct Stands {
    tone: Tone,
    word: &'static str,
    says: &'static str,
    is_over: bool,
    /// Whether the one who looks is the one who asked, and may ask.
    is_mine: bool,
    code: Option<String>,
    meaning: Option<&'static Entry>,
    /// What somebody at the Runner has to run.
    at_the_runner: Option<(&'static str, String)>,
    again: Option<Href>,
}

async fn one(visit: &Visit) -> Result<Answer, Trouble> {
    let drilldown = visit.operations().get_drilldown(visit.caller(), id(visit)?).await?;
    let (people, runners) = (BTreeSet::from([drilldown.person]), BTreeSet::from([drilldown.runner]));
    let names = visit.operations().names(visit.caller(), &people, &runners).await?;
    let asker =
        names.people.get(&drilldown.person).map_or_else(|| "somebody who was removed".to_owned(), ToString::to_string);
    let label = names.runners.get(&drilldown.runner).map_or_else(|| drilldown.runner.to_string(), ToString::to_string);
    let reader = visit.may(Permission::DrillDownsRequest).then(|| visit.caller().person());
    let frame =
        visit.frame(Section::DrillDowns, "Evidence request").crumb("Evidence requests", path::drilldowns()).live();
    let named = visit.operations().evidence_asked(visit.caller(), &drilldown).await?;
    let address = command::address(visit.settings());
    Answer::page(&DrillDownPage::new(frame, drilldown, named, (asker, label), reader, &address))
}

pub(super) fn id(visit: &Visit) -> Result<RequestId, Trouble> {
    visit.path("drilldown", "drill-down")
}

impl DrillDownPage {
    fn new(
        frame: Frame,
        drilldown: DrillDown,
        named: EvidenceAsked,
        (asker, runner_label): (String, String),
        reader: Option<PersonId>,
        address: &str,
    ) -> Self {
        let device = sha256(&drilldown.device_key);
        let stands = Stands::of(&drilldown, &Fingerprint::new(device), reader == Some(drilldown.person), &asker);
        let asked = drilldown.items.iter().map(|asked| (asked.item, asked.rows.as_deref()));
        let why = Why { purpose: drilldown.purpose, reason: drilldown.reason.as_str() };
        let command = command::open(drilldown.run, asked, address, &why);
        let EvidenceAsked { procedure, started, items: mut known } = named;
        let items = drilldown.items.iter().map(|asked| Item::new(asked.clone(), known.remove(&asked.item))).collect();
        let run = procedure.unwrap_or_else(|| format!("run {}", drilldown.run));
        let device = Fingerprint::new(device);
        Self { frame, asker, runner_label, device, run, started, items, stands, command, drilldown }
    }

    fn badge(&self) -> Html {
        self.frame.badge(self.stands.tone, self.stands.word)
    }

    fn run_href(&self) -> Href {
        path::run(self.drilldown.run)
    }

    fn runner_href(&self) -> Href {
        path::runner(self.drilldown.runner)
    }

    fn cancel_href(&self) -> Href {
        path::drilldown_cancel(self.drilldown.id)
    }

    fn receipt_href(&self) -> Href {
        path::drilldown_receipt(self.drilldown.id)
    }

    fn signed(&self) -> Option<&Signed> {
        self.drilldown.state.signed()
    }

    /// The receipt's digest, and when it came.
    fn receipt(&self) -> Option<crypto::Digest> {
        match &self.drilldown.state {
            DrillDownState::Answered { receipt, .. } => Some(*receipt),
            DrillDownState::Refused { receipt, .. } => *receipt,
            DrillDownState::WaitingForRunner
            | DrillDownState::ToSign(_)
            | DrillDownState::Signed(_)
            | DrillDownState::Delivered(_)
            | DrillDownState::Answering(_)
            | DrillDownState::Expired { .. }
            | DrillDownState::Cancelled { .. } => None,
        }
    }

    fn ended(&self) -> Option<clock::Timestamp> {
        match &self.drilldown.state {
            DrillDownState::Answered { at, .. }
            | DrillDownState::Refused { at, .. }
            | DrillDownState::Expired { at, .. }
            | DrillDownState::Cancelled { at, .. } => Some(*at),
            DrillDownState::WaitingForRunner
            | DrillDownState::ToSign(_)
            | DrillDownState::Signed(_)
            | DrillDownState::Delivered(_)
            | DrillDownState::Answering(_) => None,
        }
    }
}

impl Item {
    fn new(asked: AskedItem, known: Option<AskedEvidence>) -> Self {
        let rows = asked.rows.as_deref().map_or_else(|| "all".to_owned(), command::ranges);
        let holds = known.as_ref().map(|known| (words::rows(known.line.form, known.line.rows), known.line.collected));
        let step = known.as_ref().map(|known| known.step_title.clone().unwrap_or_else(|| known.line.step.to_string()));
        Self { asked, rows, step, holds, why: known.and_then(|known| super::why(&known.looked_at_by)) }
    }
}

impl Stands {
    fn of(drilldown: &DrillDown, device: &Fingerprint, is_mine: bool, asker: &str) -> Self {
        let word = drilldown.state.word();
        let code = match &drilldown.state {
            DrillDownState::Refused { code, .. } | DrillDownState::Expired { code, .. } => Some(code.to_string()),
            DrillDownState::WaitingForRunner
            | DrillDownState::ToSign(_)
            | DrillDownState::Signed(_)
            | DrillDownState::Delivered(_)
            | DrillDownState::Answering(_)
            | DrillDownState::Answered { .. }
            | DrillDownState::Cancelled { .. } => None,
        };
        let (tone, shown, says) = match code.as_deref() {
            Some(SECOND_PERSON) => {
                (Tone::Wait, WANTS_SECOND, "Nothing was opened. The Runner's policy wants two people for it.")
            }
            Some(_) | None => in_words(word),
        };
        let at_the_runner = match code.as_deref() {
            Some(code) if NOT_APPROVED.contains(&code) => Some((
                "The operator of the Runner compares the fingerprint with the person and approves it:",
                format!("proctor-runner readers approve {device} --label '{}'", plain(asker)),
            )),
            Some(SECOND_PERSON) => Some((
                "Somebody else than the one who asked has to agree: whoever the Runner's operator names for it looks at the \
                 request, at the Runner. Then the same may be asked again within a day. They run:",
                format!("proctor-runner drilldowns confirm {} --reason 'why'", drilldown.id),
            )),
            Some(_) | None => None,
        };
        Self {
            tone,
            word: shown,
            says,
            is_over: matches!(
                word,
                DrillDownWord::Answered | DrillDownWord::Refused | DrillDownWord::Expired | DrillDownWord::Cancelled
            ),
            is_mine,
            meaning: code.as_deref().and_then(book::explain),
            code,
            at_the_runner,
            again: is_mine.then(|| path::open_evidence(drilldown.run).with("again", drilldown.id)),
        }
    }
}

fn in_words(word: DrillDownWord) -> (Tone, &'static str, &'static str) {
    match word {
        DrillDownWord::WaitingForRunner => {
            (Tone::Wait, "waits for the Runner", "The Runner has no line to the control plane at the moment.")
        }
        DrillDownWord::ToSign => {
            (Tone::Wait, "to be signed", "The Runner is there. The device of whoever asked has to sign the request.")
        }
        DrillDownWord::Signed => (Tone::Wait, "signed", "Both signatures are there; it is on its way to the Runner."),
        DrillDownWord::Delivered => {
            (Tone::Wait, "at the Runner", "The Runner has the request and decides by its own policy.")
        }
        DrillDownWord::Answering => (Tone::Wait, "being answered", "The Runner answers, sealed to whoever asked."),
        DrillDownWord::Answered => (
            Tone::Good,
            "answered",
            "The Runner answered, and its receipt says what it sealed. The answer was not kept here.",
        ),
        DrillDownWord::Refused => (Tone::Bad, "refused", "Nothing was answered to the end."),
        DrillDownWord::Expired => (Tone::Quiet, "given up", "Nothing came in time."),
        DrillDownWord::Cancelled => (Tone::Quiet, "withdrawn", "Whoever asked withdrew it."),
    }
}

/// A name as it can stand in quotes in a command.
fn plain(name: &str) -> String {
    let harmless = |c: char| if c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '-') { c } else { '-' };
    name.chars().map(harmless).collect()
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample, hostile_text};
    use control_plane_domain::audit::Purpose;
    use control_plane_domain::audit_log::AuditRef;
    use control_plane_domain::drilldown::{AskedWith, ToSign};
    use crypto::Digest;
    use proof::manifest::ItemLine;
    use verdict::{EvidenceClass, EvidenceForm};
    let at = clock::Timestamp::from_millis(1_795_000_000_000);
    let signed = || Signed { envelope: Vec::new(), request_sha256: Digest::ZERO, epoch: [0; 16], until: at };
    let item = |rows| AskedItem { item: ids::ItemId::NIL, root: Digest::ZERO, rows };
    let drilldown = |state| DrillDown {
        id: RequestId::NIL,
        runner: ids::RunnerId::NIL,
        run: ids::RunId::NIL,
        items: vec![item(None), item(Some(vec![0, 1, 5]))],
        person: PersonId::NIL,
        with: AskedWith::Session(ids::SessionId::NIL),
        purpose: Purpose::Audit,
        reason: hostile_text(),
        recipient: [7; 32],
        device_key: vec![1; 44],
        requested: at,
        expires: at.plus_ms(600_000),
        audit: AuditRef { seq: 7, hash: Digest::ZERO },
        state,
    };
    let code = |code: &str| code.parse().expect("a code is a name");
    let refused =
        |text| DrillDownState::Refused { signed: Some(signed()), code: code(text), receipt: Some(Digest::ZERO), at };
    let states = vec![
        ("drill-down, waiting", DrillDownState::WaitingForRunner),
        ("drill-down, to sign", DrillDownState::ToSign(ToSign { payload: Vec::new(), epoch: [0; 16], until: at })),
        ("drill-down, signed", DrillDownState::Signed(signed())),
        ("drill-down, delivered", DrillDownState::Delivered(signed())),
        ("drill-down, answering", DrillDownState::Answering(signed())),
        ("drill-down, answered", DrillDownState::Answered { signed: signed(), receipt: Digest::ZERO, at }),
        ("drill-down, device not approved", refused("E-DRILL-012")),
        ("drill-down, second person", refused("E-DRILL-023")),
        ("drill-down, unknown code", refused("E-NEW-none")),
        ("drill-down, expired", DrillDownState::Expired { signed: None, code: code("E-OPS-065"), at }),
        ("drill-down, cancelled", DrillDownState::Cancelled { signed: None, at }),
    ];
    let page = |state, reader| {
        let frame = Frame::sample(Section::DrillDowns, "Evidence request").live();
        let line = ItemLine {
            item: ids::ItemId::NIL,
            step: "list".parse().unwrap(),
            form: EvidenceForm::Rows,
            class: EvidenceClass::Personal,
            collected: at,
            rows: 3,
            root: Digest::ZERO,
        };
        let (step_title, looked_at_by) = (Some(HOSTILE.to_owned()), vec![HOSTILE.to_owned(), HOSTILE.to_owned()]);
        let asked = AskedEvidence { line, step_title, looked_at_by };
        let named = EvidenceAsked {
            procedure: Some(HOSTILE.to_owned()),
            started: Some(at),
            items: [(ids::ItemId::NIL, asked)].into(),
        };
        let names = (HOSTILE.to_owned(), HOSTILE.to_owned());
        DrillDownPage::new(frame, drilldown(state), named, names, reader, "https://h:8440")
    };
    let mut samples: Vec<Sample> =
        states.into_iter().map(|(name, state)| Sample::page(name, &page(state, Some(PersonId::NIL)))).collect();
    samples.push(Sample::page("drill-down, of somebody else", &page(DrillDownState::WaitingForRunner, None)));
    samples
}
