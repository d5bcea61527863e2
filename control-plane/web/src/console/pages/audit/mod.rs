//! The audit log for people: who did what and when, in sentences, with the exact line below each; the search over it.

pub(super) mod said;
pub(super) mod sentence;
pub(super) mod take;
pub(super) mod verify;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::str::FromStr;

use askama::Template;
use control_plane_domain::audit_log::{AuditActor, AuditFilter, AuditLine};
use control_plane_domain::list::{Listed, Page};
use control_plane_domain::policy::{Caller, Permission};
use control_plane_operations::{Error, Operations};

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Html, Pager};
use crate::console::pages::who::{Who, short};
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
    people: Vec<(String, String)>,
    runners: Vec<(String, String)>,
    /// How many lines a search for a text read, when there are more.
    read: Option<u64>,
}

/// A record as it is shown.
struct Row {
    line: AuditLine,
    actor: Html,
    what: Html,
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
        let known = sentence::ACTIONS.iter().find(|known| **known == text);
        known.map(|known| Self(known)).ok_or("choose an action out of the list")
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
        let mut day = |name, days| {
            let text = draft.read_optional::<String>(name)?;
            let found = zone.day_begins(&text, days);
            if found.is_none() {
                draft.fault_at(name, "give a day as YYYY-MM-DD");
            }
            found
        };
        let (from, until) = (day("from", 0), day("to", 1));
        let actor = draft.read_optional::<Whose>("who").map(|whose| whose.0);
        let action = draft.read_optional::<Known>("action").map(|known| known.0.to_owned());
        let about = draft.read_optional::<About>("about").map(|about| about.0);
        let is_narrowed = from.is_some() || until.is_some() || actor.is_some() || action.is_some() || about.is_some();
        Self { filter: AuditFilter { from, until, action, actor }, about, is_narrowed }
    }

    async fn page(
        &self,
        operations: &Operations,
        caller: &Caller,
        page: &Page,
    ) -> Result<(Listed<AuditLine>, u64), Error> {
        match &self.about {
            Some(about) => {
                let found = operations.search_audit(caller, &self.filter, about, page).await?;
                Ok((found.lines, found.read))
            }
            None => Ok((operations.list_audit(caller, &self.filter, page).await?, 0)),
        }
    }
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let mut draft = visit.query().draft();
    let search = Search::read(&mut draft, visit.zone());
    if draft.has_faults() {
        let none = Listed { items: Vec::new(), next: None };
        return show(visit, http::StatusCode::UNPROCESSABLE_ENTITY, search, draft, none, None).await;
    }
    if visit.query().text("format") == Some("csv") {
        return table(visit, search).await;
    }
    let (listed, read) = search.page(visit.operations(), visit.caller(), &visit.query().page()?).await?;
    let read = (search.about.is_some() && listed.next.is_some()).then_some(read);
    show(visit, http::StatusCode::OK, search, draft, listed, read).await
}

async fn show(
    visit: &Visit,
    status: http::StatusCode,
    search: Search,
    draft: Draft,
    listed: Listed<AuditLine>,
    read: Option<u64>,
) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations(), visit.caller());
    let pager = visit.pager(&listed);
    let rows = rows(visit, listed.items).await?;
    let newest = Newest::read(visit).await?;
    let people = operations.list_people(caller, &Page::first()).await?.items;
    let people = people.into_iter().map(|person| (format!("person-{}", person.id), person.name.to_string()));
    let runners = operations.list_runners(caller, None, &Page::first()).await?.items;
    let runners = runners.into_iter().map(|found| (format!("runner-{}", found.id), found.label.to_string()));
    let (mut people, mut runners): (Vec<_>, Vec<_>) = (people.collect(), runners.collect());
    // Somebody who stands beyond what the list offers is searched for all the same, and has to be seen to be.
    let whose = draft.value("who").to_owned();
    for (prefix, offered) in [("person-", &mut people), ("runner-", &mut runners)] {
        if whose.starts_with(prefix) && !offered.iter().any(|(value, _)| *value == whose) {
            offered.push((whose.clone(), short(&whose)));
        }
    }
    let frame = visit.frame(Section::Audit, "Audit log");
    Answer::page_with(status, &AuditPage { frame, rows, pager, newest, search, draft, people, runners, read })
}

async fn rows(visit: &Visit, lines: Vec<AuditLine>) -> Result<Vec<Row>, Trouble> {
    let told: Vec<Told> = lines.into_iter().map(Told::of).collect();
    let who = names(visit, &told).await?;
    Ok(told.into_iter().map(|told| row(told, &who, visit.zone())).collect())
}

fn row(told: Told, who: &Who, zone: Zone) -> Row {
    Row { actor: said::html(&told.actor, who, zone), what: said::html(&told.what, who, zone), line: told.line }
}

async fn names(visit: &Visit, told: &[Told]) -> Result<Who, Trouble> {
    let (mut people, mut runners) = (BTreeSet::new(), BTreeSet::new());
    for (some, others) in told.iter().map(Told::names) {
        people.extend(some);
        runners.extend(others);
    }
    Who::read(visit, people, runners).await
}

async fn table(visit: &Visit, search: Search) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    csv::answer(
        visit,
        "audit-log",
        &["Record", "Time", "Who", "What", "Exact line"],
        move |page| {
            let (operations, caller, search) = (operations.clone(), caller.clone(), search.clone());
            async move {
                let (Listed { items, next }, _) = search.page(&operations, &caller, &page).await?;
                let told: Vec<Told> = items.into_iter().map(Told::of).collect();
                let (mut people, mut runners) = (BTreeSet::new(), BTreeSet::new());
                for (some, others) in told.iter().map(Told::names) {
                    people.extend(some);
                    runners.extend(others);
                }
                let who = Who::of(operations.names(&caller, &people, &runners).await?);
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

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crypto::Digest;

    use crate::console::sample::{HOSTILE, Sample};

    let (who, told) = tests::every_record();
    let rows = |told: &[Told]| told.iter().cloned().map(|told| row(told, &who, Zone::UTC)).collect::<Vec<_>>();
    let unreadable =
        Told::of(AuditLine { seq: 9, at: clock::Timestamp::from_millis(1_795_000_000_000), line: HOSTILE.to_owned() });
    let newest = Newest {
        size: 12,
        root: Digest::from_bytes([9; 32]),
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
