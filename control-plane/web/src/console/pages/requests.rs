//! Requests to run a procedure: who asked which Runner for what, and what became of it.

use std::collections::BTreeSet;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::run_request::{RunRequest, RunRequestState};
use control_plane_operations::console::ProcedureTitles;
use ids::{RunId, RunnerId};

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Pager, Tone};
use crate::console::pages::shown::words;
use crate::console::pages::who::{Linked, Who};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/requests",
    name: "requests",
    access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(list(visit))),
    query: &[Field::one("runner"), Field::one("cursor"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/requests.html")]
struct RequestsPage {
    frame: Frame,
    rows: Vec<Row>,
    /// The Runner whose requests alone are shown.
    only: Option<Linked>,
    pager: Pager,
}

struct Row {
    request: RunRequest,
    by: Linked,
    runner: Linked,
    title: String,
    tone: Tone,
    word: &'static str,
    run: Option<Linked>,
    code: Option<Linked>,
    href: Href,
}

impl Row {
    fn new(request: RunRequest, who: &Who, titles: &ProcedureTitles, asking: &BTreeSet<RunId>) -> Self {
        let (run, code) = became(&request.state);
        let (word, tone) = words::request(&request.state, run.is_some_and(|run| asking.contains(&run)));
        Self {
            by: who.person(request.person),
            runner: who.runner(request.runner),
            title: title(&request, titles),
            tone,
            word,
            run: run.map(|run| Linked { text: "the run".to_owned(), href: Some(path::run(run)) }),
            code: code.map(|code| Linked { text: code.to_owned(), href: Some(path::code(code)) }),
            href: path::request(request.id),
            request,
        }
    }
}

impl Row {
    /// Whether its Runner may still take it.
    fn waits(&self) -> bool {
        matches!(self.request.state, RunRequestState::Waiting)
    }
}

/// The procedure by its title, where it is installed still.
fn title(request: &RunRequest, titles: &ProcedureTitles) -> String {
    let known = titles.get(&(request.runner, request.procedure));
    known.map_or_else(|| "A procedure that is no longer installed".to_owned(), |known| known.title.to_string())
}

/// The run that came of it, and the code that says why not.
fn became(state: &RunRequestState) -> (Option<RunId>, Option<&str>) {
    match state {
        RunRequestState::Waiting | RunRequestState::Expired { .. } => (None, None),
        RunRequestState::Begun { run, .. } => (Some(*run), None),
        RunRequestState::Ended { run, code, .. } => (Some(*run), code.as_ref().map(|code| code.as_str())),
        RunRequestState::Refused { code, .. } => (None, Some(code.as_str())),
    }
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    let only = visit.query().parsed::<RunnerId>("runner")?;
    if visit.query().text("format") == Some("csv") {
        return table(visit, only).await;
    }
    let listed = visit.operations().list_run_requests(visit.caller(), only, &visit.query().page()?).await?;
    let pager = visit.pager(&listed);
    let people = listed.items.iter().map(|request| request.person);
    let who = Who::read(visit, people, listed.items.iter().map(|request| request.runner).chain(only)).await?;
    let places = listed.items.iter().map(|request| (request.runner, request.procedure)).collect();
    let titles = visit.operations().procedure_titles(visit.caller(), &places).await?;
    let begun = listed.items.iter().filter(|request| matches!(request.state, RunRequestState::Begun { .. }));
    let begun = begun.filter_map(|request| became(&request.state).0).collect();
    let asking = visit.operations().runs_asking(visit.caller(), &begun).await?;
    let rows = listed.items.into_iter().map(|request| Row::new(request, &who, &titles, &asking)).collect();
    let frame = visit.frame(Section::Requests, "Run requests").live();
    Answer::page(&RequestsPage { frame, rows, only: only.map(|runner| who.runner(runner)), pager })
}

async fn table(visit: &Visit, only: Option<RunnerId>) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    csv::answer(
        visit,
        "run-requests",
        &["Request", "Runner", "Procedure", "Requested by", "Requested", "Expires", "State", "Run", "Code"],
        move |page| {
            let (operations, caller) = (operations.clone(), caller.clone());
            async move { operations.list_run_requests(&caller, only, &page).await }
        },
        |request: &RunRequest| {
            let (run, code) = became(&request.state);
            csv::Row::new()
                .text(request.id)
                .text(request.runner)
                .text(request.procedure)
                .text(request.person)
                .time(request.requested)
                .time(request.expires)
                .text(request.state.word())
                .maybe(run)
                .maybe(code)
        },
    )
    .await
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use clock::Timestamp;
    use control_plane_domain::audit_log::AuditRef;
    use control_plane_operations::console::ProcedureChoice;
    use crypto::Digest;
    use ids::{PersonId, RequestId};

    use crate::console::sample::{Sample, hostile_text};

    let now = Timestamp::from_millis(1_795_000_000_000);
    let (ada, runner) = (PersonId::from_parts(1, [1; 10]), RunnerId::from_parts(1, [2; 10]));
    let run = RunId::from_parts(1, [3; 10]);
    let code = || "E-RUN-041".parse().unwrap();
    let states = [
        RunRequestState::Waiting,
        RunRequestState::Begun { run, at: now },
        RunRequestState::Ended { run, at: now, code: None },
        RunRequestState::Ended { run, at: now, code: Some(code()) },
        RunRequestState::Refused { code: code(), at: now },
        RunRequestState::Expired { at: now },
    ];
    let request = |state| RunRequest {
        id: RequestId::from_parts(1, [4; 10]),
        runner,
        procedure: Digest::from_bytes([5; 32]),
        person: ada,
        requested: now.plus_ms(-5_000),
        expires: now.plus_ms(60_000),
        audit: AuditRef { seq: 0, hash: Digest::ZERO },
        state,
    };
    let hostile = hostile_text().to_string();
    let who = Who::sample(&[(ada, &hostile)], &[(runner, &hostile)]);
    let mut titles = ProcedureTitles::new();
    let known = ProcedureChoice { id: "review".parse().unwrap(), title: hostile_text() };
    titles.insert((runner, Digest::from_bytes([5; 32])), known);
    let page = |states: Vec<RunRequestState>, only: Option<RunnerId>| RequestsPage {
        frame: Frame::sample(Section::Requests, "Run requests"),
        rows: states.into_iter().map(|state| Row::new(request(state), &who, &titles, &BTreeSet::new())).collect(),
        only: only.map(|runner| who.runner(runner)),
        pager: Pager::default(),
    };
    vec![
        Sample::page("run requests, of every state", &page(states.to_vec(), Some(runner))),
        Sample::page("run requests, none", &page(vec![], None)),
    ]
}
