//! What an administrator has to look at: each alarm with what it means, what to do, and who looked at it.

pub(crate) mod meaning;

use std::str::FromStr;

use askama::Template;
use control_plane_domain::alarm::{Alarm, AlarmFilter, AlarmKind};
use control_plane_domain::list::Listed;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::AlarmRow;
use http::StatusCode;
use ids::AlarmId;
use proof::text::{FreeText, Name};

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Pager, Tone};
use crate::console::pages::narrow::{self, Choice};
use crate::console::pages::shown::book;
use crate::console::pages::who::{Linked, Who};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::console::zone::Zone;
use crate::http::verb::Verb;

const LIST: &[Permission] = &[Permission::AlarmsList];

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/alarms",
        name: "alarms",
        access: Access::Permitted(LIST, |visit| Box::pin(list(visit))),
        query: &[
            Field::one("state"),
            Field::one("kind"),
            Field::one("runner"),
            Field::one("from"),
            Field::one("to"),
            Field::one("cursor"),
            Field::one("format"),
        ],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/alarms/{alarm}",
        name: "alarm",
        access: Access::Permitted(LIST, |visit| Box::pin(one(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/alarms/{alarm}/evidence",
        name: "alarm.evidence",
        access: Access::Permitted(LIST, |visit| Box::pin(evidence(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/alarms/{alarm}/acknowledge",
        name: "alarm.acknowledge",
        access: Access::Permitted(&[Permission::AlarmsAcknowledge], |visit| Box::pin(acknowledge(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("justification")]),
    },
];

/// Which alarms a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Open,
    All,
}

impl FromStr for Shown {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self::Open),
            "all" => Ok(Self::All),
            _ => Err("choose open or all"),
        }
    }
}

#[derive(Template)]
#[template(path = "page/alarms.html")]
struct AlarmsPage {
    frame: Frame,
    rows: Vec<Row>,
    shown: Shown,
    /// Whether the list shows less than all that are open, or all there are.
    is_narrowed: bool,
    /// What the form holds, with what is wrong in it.
    draft: Draft,
    runners: Vec<Choice>,
    more_runners: bool,
    pager: Pager,
}

#[derive(Template)]
#[template(path = "page/alarm.html")]
struct AlarmPage {
    frame: Frame,
    row: Row,
    draft: Draft,
}

/// An alarm in words.
struct Row {
    alarm: Alarm,
    /// What it is about: a procedure by its title, anything else by its word.
    about: Option<Linked>,
    /// The procedure's id, where that is not what it goes by.
    id: Option<Name>,
    title: &'static str,
    tone: Tone,
    meaning: &'static str,
    next_step: &'static str,
    command: Option<&'static str>,
    runner: Option<Linked>,
    by: Option<Linked>,
    href: Href,
}

impl Row {
    fn new(row: AlarmRow, who: &Who) -> Self {
        let about = about(&row);
        let id = row.title.and(row.alarm.subject.clone());
        let alarm = row.alarm;
        let kind = alarm.kind;
        Self {
            about,
            id,
            title: meaning::title(kind),
            tone: if alarm.acknowledged.is_some() { Tone::Quiet } else { meaning::tone(kind) },
            meaning: meaning::meaning(kind),
            next_step: meaning::next_step(kind),
            command: meaning::command(kind),
            runner: alarm.runner.map(|runner| who.runner(runner)),
            by: alarm.acknowledged.map(|acknowledged| who.person(acknowledged.by)),
            href: path::alarm(alarm.id),
            alarm,
        }
    }
}

/// What an alarm is about: a procedure by its title, with a link to it where it is installed; a code, with one to what it
/// means.
pub(crate) fn about(row: &AlarmRow) -> Option<Linked> {
    let subject = row.alarm.subject.as_ref()?;
    let text = row.title.as_ref().map_or_else(|| subject.to_string(), ToString::to_string);
    let place = row.alarm.runner.zip(row.digest).map(|(runner, digest)| path::procedure(runner, digest));
    let code = || book::explain(subject.as_str()).map(|_| path::code(subject.as_str()));
    Some(Linked { text, href: place.or_else(code) })
}

/// Reads the form; what is wrong stands in the draft.
fn filter(draft: &mut Draft, zone: Zone) -> (Shown, AlarmFilter) {
    let shown = draft.read_optional("state").unwrap_or(Shown::Open);
    let (from, until) = narrow::days(draft, zone);
    let (kind, runner) = (draft.read_optional("kind"), draft.read_optional("runner"));
    (shown, AlarmFilter { open_only: shown == Shown::Open, kind, runner, from, until })
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let mut draft = visit.query().draft();
    let (shown, filter) = filter(&mut draft, visit.zone());
    let is_wrong = draft.has_faults();
    if !is_wrong && visit.query().text("format") == Some("csv") {
        return table(visit, filter).await;
    }
    let is_narrowed = filter != AlarmFilter { open_only: filter.open_only, ..AlarmFilter::default() };
    let found = visit.operations().alarms_page(visit.caller(), &filter, &visit.query().page()?).await?;
    // A form that was not understood found nothing.
    let listed = if is_wrong { Listed { items: Vec::new(), next: None } } else { found.rows };
    let pager = visit.pager(&listed);
    let who = names(visit, &listed.items).await?;
    let rows = listed.items.into_iter().map(|row| Row::new(row, &who)).collect();
    let runners = narrow::runners(found.whom.runners, "", draft.value("runner"));
    let more_runners = found.whom.more_runners;
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = visit.frame(Section::Alarms, "Alarms").live().answering(status);
    let is_narrowed = is_narrowed || is_wrong;
    Answer::page_with(status, &AlarmsPage { frame, rows, shown, is_narrowed, draft, runners, more_runners, pager })
}

async fn one(visit: &Visit) -> Result<Answer, Trouble> {
    show(visit, StatusCode::OK, Draft::default()).await
}

async fn show(visit: &Visit, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
    let row = visit.operations().alarm_page(visit.caller(), visit.path("alarm", "alarm")?).await?;
    let who = names(visit, std::slice::from_ref(&row)).await?;
    let row = Row::new(row, &who);
    let frame = visit.frame(Section::Alarms, row.title).crumb("Alarms", path::alarms()).answering(status);
    Answer::page_with(status, &AlarmPage { frame, row, draft })
}

async fn names(visit: &Visit, rows: &[AlarmRow]) -> Result<Who, Trouble> {
    let people = rows.iter().filter_map(|row| row.alarm.acknowledged.map(|acknowledged| acknowledged.by));
    Who::read(visit, people, rows.iter().filter_map(|row| row.alarm.runner)).await
}

/// What proves the alarm, exact bytes. Some of it was written by a Runner: it is a file to be saved, never shown.
async fn evidence(visit: &Visit) -> Result<Answer, Trouble> {
    let alarm = visit.operations().get_alarm(visit.caller(), visit.path("alarm", "alarm")?).await?;
    let Some(bytes) = alarm.evidence else { return Err(Trouble::not_found("evidence of this alarm")) };
    Ok(Answer::file("application/octet-stream", &format!("alarm-{}.bin", alarm.id), bytes))
}

async fn acknowledge(visit: &Visit) -> Result<Answer, Trouble> {
    let alarm: AlarmId = visit.path("alarm", "alarm")?;
    let mut draft = visit.form().draft();
    let Some(justification) = draft.read::<FreeText>("justification") else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, draft).await;
    };
    match visit.operations().acknowledge_alarm(visit.caller(), alarm, justification).await {
        Ok(_) => {
            Ok(Answer::go(path::alarms())
                .saying("The alarm is acknowledged. That it was looked at is in the audit log."))
        }
        Err(error) => {
            draft.refuse(error)?;
            show(visit, StatusCode::CONFLICT, draft).await
        }
    }
}

async fn table(visit: &Visit, filter: AlarmFilter) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    csv::answer(
        visit,
        "alarms",
        &["Alarm", "Kind", "What happened", "Runner", "Subject", "Opened", "Acknowledged", "Acknowledged by"],
        move |page| {
            let (operations, caller, filter) = (operations.clone(), caller.clone(), filter.clone());
            async move { operations.alarms_by(&caller, &filter, &page).await }
        },
        |alarm: &Alarm| {
            csv::Row::new()
                .text(alarm.id)
                .text(alarm.kind)
                .text(meaning::title(alarm.kind))
                .maybe(alarm.runner)
                .maybe(alarm.subject.as_ref())
                .time(alarm.opened)
                .maybe_time(alarm.acknowledged.map(|acknowledged| acknowledged.at))
                .maybe(alarm.acknowledged.map(|acknowledged| acknowledged.by))
        },
    )
    .await
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use clock::Timestamp;
    use control_plane_domain::alarm::Acknowledged;
    use ids::{PersonId, RunnerId};

    use crate::console::sample::{HOSTILE, Sample};

    let now = Timestamp::from_millis(1_795_000_000_000);
    let (ada, runner) = (PersonId::from_parts(1, [1; 10]), RunnerId::from_parts(1, [2; 10]));
    let who = |label: &str| Who::sample(&[(ada, "Ada")], &[(runner, label)]);
    let hostile = crate::console::sample::hostile_text().to_string();
    let alarm = |kind, acknowledged| {
        let is_named = kind == AlarmKind::Overdue;
        let alarm = Alarm {
            id: AlarmId::from_parts(1, [3; 10]),
            kind,
            runner: Some(runner),
            subject: Some("access-review".parse().unwrap()),
            opened: now.plus_ms(-60_000),
            evidence: Some(b"x".to_vec()),
            acknowledged,
        };
        let title = is_named.then(crate::console::sample::hostile_text);
        AlarmRow { alarm, title, digest: is_named.then_some(crypto::Digest::ZERO) }
    };
    let frame = || Frame::sample(Section::Alarms, "Alarms");
    let list = |shown, rows| AlarmsPage {
        frame: frame(),
        rows,
        shown,
        is_narrowed: false,
        draft: Draft::default(),
        runners: Vec::new(),
        more_runners: false,
        pager: Pager::default(),
    };
    let mut draft = Draft::of(["kind", "runner", "from", "to", "state"].map(|name| (name, HOSTILE.to_owned())));
    draft.fault_at("kind", HOSTILE);
    let narrowed = AlarmsPage {
        is_narrowed: true,
        draft,
        runners: vec![("x".to_owned(), HOSTILE.to_owned())],
        more_runners: true,
        ..list(Shown::All, vec![])
    };
    let all: Vec<Row> = AlarmKind::ALL.iter().map(|kind| Row::new(alarm(*kind, None), &who("warehouse"))).collect();
    let one = |row, draft| AlarmPage { frame: frame(), row, draft };
    let acknowledged = Some(Acknowledged { by: ada, at: now });
    let mut samples: Vec<Sample> = AlarmKind::ALL
        .iter()
        .map(|kind| {
            let row = Row::new(alarm(*kind, None), &who("warehouse"));
            Sample::page(format!("alarm, {kind}").leak(), &one(row, Draft::default()))
        })
        .collect();
    samples.extend([
        Sample::page("alarms, of every kind", &list(Shown::Open, all)),
        Sample::page("alarms, none", &list(Shown::Open, vec![])),
        Sample::page("alarms, none ever", &list(Shown::All, vec![])),
        Sample::page("alarms, narrowed to none, hostile", &narrowed),
        Sample::page(
            "alarms, hostile",
            &list(Shown::All, vec![Row::new(alarm(AlarmKind::Gap, acknowledged), &who(&hostile))]),
        ),
        Sample::page(
            "alarm, acknowledged",
            &one(Row::new(alarm(AlarmKind::Gap, acknowledged), &who(&hostile)), Draft::default()),
        ),
        Sample::page(
            "alarm, hostile",
            &one(
                Row::new(alarm(AlarmKind::Gap, None), &who(&hostile)),
                Draft::of([("justification", HOSTILE.to_owned())]),
            ),
        ),
    ]);
    samples
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::shown::sample;

    #[test]
    fn an_alarm_about_a_procedure_names_it_and_leads_to_it() {
        let row = sample::alarm();
        let procedure = path::procedure(sample::runner().id, sample::digest());
        let linked = format!("<a href=\"{procedure}\">Quarterly access review</a>");
        assert_eq!(about(&row).unwrap().html().to_string(), linked);
        let (frame, draft) = (Frame::sample(Section::Alarms, "Alarms"), Draft::default());
        let page = AlarmPage { frame, row: Row::new(row.clone(), &Who::sample(&[], &[])), draft };
        let text = page.render().unwrap();
        assert!(text.contains(&linked) && text.contains("<span class=\"under mono\">access-review</span>"), "{text}");
        let gone = AlarmRow { title: None, digest: None, ..row };
        assert_eq!(about(&gone).unwrap().html().to_string(), "access-review", "it is not installed any more");
        let code =
            Alarm { kind: AlarmKind::ReportRefused, subject: Some("E-REPORT-009".parse().unwrap()), ..gone.alarm };
        let about = about(&AlarmRow { alarm: code, ..gone }).unwrap();
        assert_eq!((about.text.as_str(), about.href), ("E-REPORT-009", Some(path::code("E-REPORT-009"))));
    }
}
