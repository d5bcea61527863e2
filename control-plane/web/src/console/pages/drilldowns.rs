//! Who asked for which evidence, why, and what became of it. The page of one, and asking, are in `evidence`.

use std::collections::BTreeMap;

use askama::Template;
use clock::Timestamp;
use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::{DrillDown, DrillDownEnd, DrillDownFilter, DrillDownState};
use control_plane_domain::list::Listed;
use control_plane_domain::policy::Permission;
use http::StatusCode;
use ids::{RequestId, RunId};

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Pager, Tone};
use crate::console::pages::evidence::{SECOND_PERSON, WANTS_SECOND};
use crate::console::pages::narrow::{self, Choice};
use crate::console::pages::who::{Linked, Who, short};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::console::zone::Zone;
use crate::http::verb::Verb;

/// Who reads everybody's drill-downs reads the receipts, and who asked reads their own.
const EITHER: &[Permission] = &[Permission::DrillDownsList, Permission::DrillDownsRequest];

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/drilldowns",
        name: "drilldowns",
        access: Access::Permitted(&[Permission::DrillDownsList], |visit| Box::pin(list(visit))),
        query: &[
            Field::one("runner"),
            Field::one("person"),
            Field::one("purpose"),
            Field::one("result"),
            Field::one("from"),
            Field::one("to"),
            Field::one("cursor"),
            Field::one("format"),
        ],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/drilldowns/{drilldown}/receipt",
        name: "drilldown.receipt",
        access: Access::Permitted(EITHER, |visit| Box::pin(receipt(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
];

#[derive(Template)]
#[template(path = "page/drilldowns.html")]
struct DrillDownsPage {
    frame: Frame,
    rows: Vec<Row>,
    is_narrowed: bool,
    /// What the form holds, with what is wrong in it.
    draft: Draft,
    people: Vec<Choice>,
    runners: Vec<Choice>,
    /// Whether there are more of either than are offered.
    more: bool,
    pager: Pager,
}

/// What became of a request, as the form and the list say it.
const fn end_word(end: DrillDownEnd) -> &'static str {
    match end {
        DrillDownEnd::Open => "not over yet",
        DrillDownEnd::Answered => "answered",
        DrillDownEnd::Refused => "refused",
        DrillDownEnd::Expired => "expired",
        DrillDownEnd::Cancelled => "withdrawn",
    }
}

struct Row {
    drilldown: DrillDown,
    by: Linked,
    runner: Linked,
    run: Href,
    /// What was run.
    title: String,
    items: String,
    became: Became,
    code: Option<Linked>,
    receipt: Option<Href>,
    href: Href,
}

/// What became of a drill-down.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Became {
    tone: Tone,
    word: &'static str,
    code: Option<String>,
    at: Option<Timestamp>,
    has_receipt: bool,
}

impl Became {
    fn of(state: &DrillDownState) -> Self {
        let (tone, word) = match state {
            DrillDownState::WaitingForRunner => (Tone::Wait, "waits for the Runner"),
            DrillDownState::ToSign(_) => (Tone::Wait, "waits for the device's signature"),
            DrillDownState::Signed(_) => (Tone::Info, "signed"),
            DrillDownState::Delivered(_) => (Tone::Info, "at the Runner"),
            DrillDownState::Answering(_) => (Tone::Info, "being answered"),
            DrillDownState::Answered { .. } => (Tone::Good, "answered"),
            DrillDownState::Refused { .. } => (Tone::Bad, "refused"),
            DrillDownState::Expired { .. } => (Tone::Warn, "expired"),
            DrillDownState::Cancelled { .. } => (Tone::Quiet, "withdrawn"),
        };
        let (code, at, has_receipt) = match state {
            DrillDownState::WaitingForRunner
            | DrillDownState::ToSign(_)
            | DrillDownState::Signed(_)
            | DrillDownState::Delivered(_)
            | DrillDownState::Answering(_) => (None, None, false),
            DrillDownState::Answered { at, .. } => (None, Some(*at), true),
            DrillDownState::Refused { code, receipt, at, .. } => (Some(code), Some(*at), receipt.is_some()),
            DrillDownState::Expired { code, at, .. } => (Some(code), Some(*at), false),
            DrillDownState::Cancelled { at, .. } => (None, Some(*at), false),
        };
        let (tone, word) = match code.map(proof::text::Name::as_str) {
            Some(SECOND_PERSON) => (Tone::Wait, WANTS_SECOND),
            Some(_) | None => (tone, word),
        };
        Self { tone, word, code: code.map(ToString::to_string), at, has_receipt }
    }
}

impl Row {
    fn new(drilldown: DrillDown, titles: &BTreeMap<RunId, String>, who: &Who) -> Self {
        let became = Became::of(&drilldown.state);
        Self {
            by: who.person(drilldown.person),
            runner: who.runner(drilldown.runner),
            run: path::run(drilldown.run),
            title: titles.get(&drilldown.run).cloned().unwrap_or_else(|| short(&drilldown.run)),
            items: items(&drilldown),
            code: became.code.as_ref().map(|code| Linked { text: code.clone(), href: Some(path::code(code)) }),
            receipt: became.has_receipt.then(|| path::drilldown_receipt(drilldown.id)),
            href: path::drilldown(drilldown.id),
            became,
            drilldown,
        }
    }
}

/// How much was asked for.
fn items(drilldown: &DrillDown) -> String {
    let counted = |number: usize, one: &str| if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") };
    let rows: Option<usize> = drilldown.items.iter().map(|item| item.rows.as_ref().map(Vec::len)).sum();
    let items = counted(drilldown.items.len(), "item");
    match rows {
        Some(rows) => format!("{} of {items}", counted(rows, "row")),
        None => items,
    }
}

/// Reads the form; what is wrong stands in the draft.
fn filter(draft: &mut Draft, zone: Zone) -> DrillDownFilter {
    let (from, until) = narrow::days(draft, zone);
    DrillDownFilter {
        runner: draft.read_optional("runner"),
        person: draft.read_optional("person"),
        purpose: draft.read_optional("purpose"),
        end: draft.read_optional("result"),
        from,
        until,
    }
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let mut draft = visit.query().draft();
    let filter = filter(&mut draft, visit.zone());
    let is_wrong = draft.has_faults();
    if !is_wrong && visit.query().text("format") == Some("csv") {
        return table(visit, filter).await;
    }
    let is_narrowed = is_wrong || filter != DrillDownFilter::default();
    let found = visit.operations().drilldowns_page(visit.caller(), &filter, &visit.query().page()?).await?;
    // A form that was not understood found nothing.
    let listed = if is_wrong { Listed { items: Vec::new(), next: None } } else { found.rows };
    let pager = visit.pager(&listed);
    let people = listed.items.iter().map(|drilldown| drilldown.person);
    let who = Who::read(visit, people, listed.items.iter().map(|drilldown| drilldown.runner)).await?;
    let rows = listed.items.into_iter().map(|drilldown| Row::new(drilldown, &found.titles, &who)).collect();
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = visit.frame(Section::DrillDowns, "Evidence requests").live().answering(status);
    let more = found.whom.more_people || found.whom.more_runners;
    let people = narrow::people(found.whom.people, "", draft.value("person"));
    let runners = narrow::runners(found.whom.runners, "", draft.value("runner"));
    Answer::page_with(status, &DrillDownsPage { frame, rows, is_narrowed, draft, people, runners, more, pager })
}

/// What the Runner signed about it, exact bytes: verified offline with its attestation key.
async fn receipt(visit: &Visit) -> Result<Answer, Trouble> {
    let request: RequestId = visit.path("drilldown", "drill-down")?;
    let receipt = visit.operations().drilldown_receipt(visit.caller(), request).await?;
    let name = format!("receipt-{request}.json");
    Ok(Answer::file("application/vnd.dsse.envelope.v1+json", &name, receipt.envelope))
}

async fn table(visit: &Visit, filter: DrillDownFilter) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    csv::answer(
        visit,
        "drill-downs",
        &[
            "Drill-down",
            "Requested by",
            "Requested",
            "Runner",
            "Run",
            "Items",
            "Rows",
            "Purpose",
            "Reason",
            "State",
            "Code",
            "Ended",
            "Receipt",
        ],
        move |page| {
            let (operations, caller, filter) = (operations.clone(), caller.clone(), filter.clone());
            async move { operations.drilldowns_by(&caller, &filter, &page).await }
        },
        |drilldown: &DrillDown| {
            let became = Became::of(&drilldown.state);
            let ids: Vec<String> = drilldown.items.iter().map(|item| item.item.to_string()).collect();
            csv::Row::new()
                .text(drilldown.id)
                .text(drilldown.person)
                .time(drilldown.requested)
                .text(drilldown.runner)
                .text(drilldown.run)
                .text(ids.join(" "))
                .text(items(drilldown))
                .text(drilldown.purpose)
                .text(&drilldown.reason)
                .text(drilldown.state.word())
                .maybe(became.code)
                .maybe_time(became.at)
                .text(if became.has_receipt { "yes" } else { "no" })
        },
    )
    .await
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use control_plane_domain::audit_log::AuditRef;
    use control_plane_domain::drilldown::{AskedItem, AskedWith, ToSign};
    use crypto::Digest;
    use ids::{ItemId, PersonId, RunnerId, SessionId};

    use crate::console::sample::{HOSTILE, Sample, hostile_text};

    let now = Timestamp::from_millis(1_795_000_000_000);
    let (ada, runner) = (PersonId::from_parts(1, [1; 10]), RunnerId::from_parts(1, [2; 10]));
    let code = || "E-DRILL-012".parse().unwrap();
    let states = || {
        vec![
            DrillDownState::WaitingForRunner,
            DrillDownState::ToSign(ToSign { payload: vec![], epoch: [0; 16], until: now }),
            DrillDownState::Refused { signed: None, code: code(), receipt: Some(Digest::ZERO), at: now },
            DrillDownState::Expired { signed: None, code: code(), at: now },
            DrillDownState::Cancelled { signed: None, at: now },
        ]
    };
    let drilldown = |state| DrillDown {
        id: RequestId::from_parts(1, [3; 10]),
        runner,
        run: RunId::from_parts(1, [4; 10]),
        items: vec![AskedItem { item: ItemId::from_parts(1, [5; 10]), root: Digest::ZERO, rows: Some(vec![1, 2]) }],
        person: ada,
        with: AskedWith::Session(SessionId::from_parts(1, [6; 10])),
        purpose: Purpose::Audit,
        reason: hostile_text(),
        recipient: [0; 32],
        device_key: vec![],
        requested: now,
        expires: now.plus_ms(60_000),
        audit: AuditRef { seq: 0, hash: Digest::ZERO },
        state,
    };
    let hostile = hostile_text().to_string();
    let who = Who::sample(&[(ada, &hostile)], &[(runner, &hostile)]);
    let titles = BTreeMap::from([(RunId::from_parts(1, [4; 10]), HOSTILE.to_owned())]);
    let page = |states: Vec<DrillDownState>, is_narrowed, draft| DrillDownsPage {
        frame: Frame::sample(Section::DrillDowns, "Evidence requests"),
        rows: states.into_iter().map(|state| Row::new(drilldown(state), &titles, &who)).collect(),
        is_narrowed,
        draft,
        people: vec![("x".to_owned(), HOSTILE.to_owned())],
        runners: vec![("x".to_owned(), HOSTILE.to_owned())],
        more: is_narrowed,
        pager: Pager::default(),
    };
    let fields = ["runner", "person", "purpose", "result", "from", "to"];
    let mut wrong = Draft::of(fields.map(|field| (field, HOSTILE.to_owned())));
    wrong.fault_at("from", HOSTILE);
    vec![
        Sample::page("evidence requests, of every state", &page(states(), false, Draft::default())),
        Sample::page("evidence requests, none", &page(vec![], false, Draft::default())),
        Sample::page("evidence requests, narrowed to none, hostile", &page(vec![], true, wrong)),
    ]
}
