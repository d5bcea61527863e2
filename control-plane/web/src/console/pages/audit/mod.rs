//! The audit log for people: who did what and when, in sentences, with the exact line below each; the search over it.

mod action;
pub(super) mod said;
pub(super) mod sentence;
pub(super) mod take;
pub(super) mod verify;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::str::FromStr;

use askama::Template;
use clock::Timestamp;
use control_plane_domain::audit_log::{AuditActor, AuditFilter, AuditLine};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_operations::{Error, Operations};

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Html, Pager};
use crate::console::pages::narrow::{self, Choice};
use crate::console::pages::who::Who;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::console::zone::Zone;
use crate::http::verb::Verb;
use said::Told;
use take::Newest;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/audit",
    name: "audit",
    access: Access::Permitted(&[Permission::AuditList], |visit| Box::pin(list(visit))),
    query: &[
        Field::one("who"),
        Field::one("action"),
        Field::one("about"),
        Field::one("from"),
        Field::one("to"),
        Field::one("cursor"),
        Field::one("format"),
    ],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/audit.html")]
struct AuditPage {
    frame: Frame,
    rows: Vec<Row>,
    pager: Pager,
    newest: Option<Newest>,
    search: Search,
    /// What the search form holds, with what is wrong in it.
    draft: Draft,
    people: Vec<Choice>,
    runners: Vec<Choice>,
    /// Whether there are more of either than are offered.
    more: bool,
    /// How many lines a search for a text read, when there are more.
    read: Option<u64>,
}

impl AuditPage {
    /// Runners that countersigned and are not named.
    fn others(&self, newest: &Newest) -> u64 {
        newest.cosigned.saturating_sub(u64::try_from(newest.cosigned_by.len()).unwrap_or(u64::MAX))
    }
}

/// A record as it is shown.
pub(in crate::console::pages) struct Row {
    pub(super) line: AuditLine,
    pub(super) actor: Html,
    pub(super) what: Html,
}

/// What is searched for.
#[derive(Debug, Clone, Default)]
struct Search {
    filter: AuditFilter,
    about: Option<String>,
    is_narrowed: bool,
}

/// Whose records: as it stands in the address of the page.
struct Whose(AuditActor);

impl FromStr for Whose {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let none = "choose somebody out of the list";
        let actor = match (text, text.split_once('-')) {
            ("operator", _) => AuditActor::Operator,
            ("system", _) => AuditActor::System,
            (_, Some(("person", id))) => AuditActor::Person(id.parse().map_err(|_| none)?),
            (_, Some(("runner", id))) => AuditActor::Runner(id.parse().map_err(|_| none)?),
            _ => return Err(none),
        };
        Ok(Self(actor))
    }
}

/// The name of an action.
struct Known(&'static str);

impl FromStr for Known {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = action::ACTIONS.iter().find(|(name, _)| *name == text);
        known.map(|(name, _)| Self(name)).ok_or("choose an action out of the list")
    }
}

/// A text out of a line.
struct About(String);

impl FromStr for About {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (4..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err("give an id, or 4 to 64 characters out of a record") }
    }
}

impl Search {
    /// Reads the form; what is wrong stands in the draft.
    fn read(draft: &mut Draft, zone: Zone) -> Self {
        let (from, until) = narrow::days(draft, zone);
        let actor = draft.read_optional::<Whose>("who").map(|whose| whose.0);
        let action = draft.read_optional::<Known>("action").map(|known| known.0.to_owned());
        let about = draft.read_optional::<About>("about").map(|about| about.0);
        let is_narrowed = from.is_some() || until.is_some() || actor.is_some() || action.is_some() || about.is_some();
        Self { filter: AuditFilter { from, until, action, actor }, about, is_narrowed }
    }

    async fn page(&self, operations: &Operations, caller: &Caller, page: &Page) -> Result<Listed<AuditLine>, Error> {
        match &self.about {
            Some(about) => Ok(operations.search_audit(caller, &self.filter, about, page).await?.lines),
            None => operations.list_audit(caller, &self.filter, page).await,
        }
    }
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let mut draft = visit.query().draft();
    let search = Search::read(&mut draft, visit.zone());
    if draft.has_faults() {
        return show(visit, http::StatusCode::UNPROCESSABLE_ENTITY, Search::default(), draft).await;
    }
    if visit.query().text("format") == Some("csv") {
        return table(visit, search).await;
    }
    show(visit, http::StatusCode::OK, search, draft).await
}

async fn show(visit: &Visit, status: http::StatusCode, search: Search, draft: Draft) -> Result<Answer, Trouble> {
    let (filter, about) = (&search.filter, search.about.as_deref());
    let found = visit.operations().audit_page(visit.caller(), filter, about, &visit.query().page()?).await?;
    // A search that was not understood found nothing.
    let lines = if draft.has_faults() { Listed { items: Vec::new(), next: None } } else { found.lines };
    let pager = visit.pager(&lines);
    let read = (search.about.is_some() && lines.next.is_some()).then_some(found.read);
    let rows = rows(visit, lines.items).await?;
    let newest = found.newest.map(Newest::from);
    let people = narrow::people(found.people, "person-", draft.value("who"));
    let runners = narrow::runners(found.runners, "runner-", draft.value("who"));
    let more = found.more_people || found.more_runners;
    let frame = visit.frame(Section::Audit, "Audit log").answering(status);
    Answer::page_with(status, &AuditPage { frame, rows, pager, newest, search, draft, people, runners, more, read })
}

/// Lines in sentences, with everybody's name.
pub(in crate::console::pages) async fn rows(visit: &Visit, lines: Vec<AuditLine>) -> Result<Vec<Row>, Trouble> {
    let told: Vec<Told> = lines.into_iter().map(Told::of).collect();
    let who = names(visit, &told).await?;
    Ok(told.into_iter().map(|told| row(told, &who, visit.now(), visit.zone())).collect())
}

fn row(told: Told, who: &Who, now: Timestamp, zone: Zone) -> Row {
    let shown = |parts| said::html(parts, who, now, zone);
    Row { actor: shown(&told.actor), what: shown(&told.what), line: told.line }
}

async fn names(visit: &Visit, told: &[Told]) -> Result<Who, Trouble> {
    let (mut people, mut runners) = (BTreeSet::new(), BTreeSet::new());
    for (some, others) in told.iter().map(Told::names) {
        people.extend(some);
        runners.extend(others);
    }
    let places = told.iter().flat_map(Told::procedures).collect();
    let titles = visit.operations().procedure_titles(visit.caller(), &places).await?;
    Ok(Who::read(visit, people, runners).await?.with_titles(titles))
}

async fn table(visit: &Visit, search: Search) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    file(visit, "audit-log", move |page| {
        let (operations, caller, search) = (operations.clone(), caller.clone(), search.clone());
        async move { search.page(&operations, &caller, &page).await }
    })
    .await
}

/// Lines as a file, each with its sentence.
pub(in crate::console::pages) async fn file<F, Fut>(visit: &Visit, name: &str, fetch: F) -> Result<Answer, Trouble>
where
    F: Fn(Page) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Listed<AuditLine>, Error>> + Send,
{
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    csv::answer(
        visit,
        name,
        &["Record", "Time", "Who", "What", "Exact line"],
        move |page| {
            let (operations, caller, lines) = (operations.clone(), caller.clone(), fetch(page));
            async move {
                let Listed { items, next } = lines.await?;
                let told: Vec<Told> = items.into_iter().map(Told::of).collect();
                let (mut people, mut runners) = (BTreeSet::new(), BTreeSet::new());
                for (some, others) in told.iter().map(Told::names) {
                    people.extend(some);
                    runners.extend(others);
                }
                let places = told.iter().flat_map(Told::procedures).collect();
                let titles = operations.procedure_titles(&caller, &places).await?;
                let who = Who::of(operations.names(&caller, &people, &runners).await?).with_titles(titles);
                let items = told
                    .into_iter()
                    .map(|told| (said::text(&told.actor, &who), said::text(&told.what, &who), told.line))
                    .collect();
                Ok(Listed { items, next })
            }
        },
        |(actor, what, line): &(String, String, AuditLine)| {
            csv::Row::new().number(line.seq).time(line.at).text(actor).text(what).text(&line.line)
        },
    )
    .await
}

/// A row of every action, by people and Runners whose names are hostile.
#[cfg(test)]
pub(in crate::console::pages) fn sample_rows() -> Vec<Row> {
    let (who, told) = tests::every_record();
    let now = Timestamp::from_millis(1_795_000_000_000);
    told.into_iter().map(|told| row(told, &who, now, Zone::UTC)).collect()
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crypto::Digest;

    use crate::console::sample::{HOSTILE, Sample};

    let now = Timestamp::from_millis(1_795_000_000_000);
    let (who, told) = tests::every_record();
    let rows = |told: &[Told]| told.iter().cloned().map(|told| row(told, &who, now, Zone::UTC)).collect::<Vec<_>>();
    let unreadable = Told::of(AuditLine { seq: 9, at: now, line: HOSTILE.to_owned() });
    let newest = Newest {
        size: 12,
        root: Digest::from_bytes([9; 32]),
        at: now,
        cosigned: 3,
        cosigned_by: vec![who.runner(ids::RunnerId::from_parts(1, [2; 10]))],
    };
    let page = |rows, newest, draft: Draft, is_narrowed, read| AuditPage {
        frame: Frame::sample(Section::Audit, "Audit log"),
        rows,
        pager: Pager::default(),
        newest,
        search: Search { is_narrowed, ..Search::default() },
        draft,
        people: vec![("person-x".to_owned(), HOSTILE.to_owned())],
        runners: vec![("runner-x".to_owned(), HOSTILE.to_owned())],
        more: is_narrowed,
        read,
    };
    let hostile =
        || Draft::of([("about", HOSTILE.to_owned()), ("from", HOSTILE.to_owned()), ("who", HOSTILE.to_owned())]);
    vec![
        Sample::page(
            "audit log, of every action",
            &page(rows(&told), Some(newest), Draft::default(), false, Some(2_000)),
        ),
        Sample::page("audit log, empty", &page(vec![], None, Draft::default(), false, None)),
        Sample::page("audit log, nothing found", &page(vec![], None, Draft::default(), true, None)),
        Sample::page("audit log, nothing so far", &page(vec![], None, Draft::default(), true, Some(2_000))),
        Sample::page("audit log, hostile", &page(rows(&[unreadable]), None, hostile(), true, None)),
    ]
}
