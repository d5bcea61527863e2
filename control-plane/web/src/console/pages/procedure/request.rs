//! Asks a Runner to run a procedure now, and shows what becomes of it.

use std::time::Duration;

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::run_request::{RunRequest, RunRequestState};
use control_plane_operations::RequestRun;
use control_plane_operations::console::{AtRunner, Awaited, PersonRef};
use ids::RequestId;

use super::show::asked;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::pages::shown::book;
use crate::console::pages::shown::words;
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Post,
        path: "/procedures/{runner}/{digest}/run",
        name: "procedure.run",
        access: Access::Permitted(&[Permission::RunsRequest], |visit| Box::pin(ask(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("wait")]),
    },
    PageRoute {
        verb: Verb::Get,
        path: "/requests/{request}",
        name: "request",
        access: Access::Permitted(&[Permission::RunsList], |visit| Box::pin(show(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
];

/// Seconds that a request may wait for its Runner, as the form offers them.
pub(crate) const WAITS: &[(u64, &str)] = &[(3_600, "one hour"), (86_400, "one day"), (604_800, "one week")];

async fn ask(visit: &Visit) -> Result<Answer, Trouble> {
    // A form that is sent twice by a nervous finger asks for one run.
    visit.once()?;
    let (runner, procedure) = asked(visit)?;
    let wait = visit.form().parsed::<u64>("wait")?;
    if wait.is_some_and(|wait| !WAITS.iter().any(|(offered, _)| *offered == wait)) {
        return Err(Trouble::invalid("the request may wait an hour, a day or a week"));
    }
    let input = RequestRun { runner, procedure, wait: wait.map(Duration::from_secs) };
    let request = visit.operations().request_run(visit.caller(), input).await?;
    Ok(Answer::go(path::request(request.id)).saying("The run was requested."))
}

#[derive(Template)]
#[template(path = "page/request.html")]
struct RequestPage {
    frame: Frame,
    request: RunRequest,
    runner: AtRunner,
    by: PersonRef,
    title: Option<String>,
    /// What its run waits for, and whom.
    awaited: Vec<Awaited>,
}

impl RequestPage {
    /// What the code says that the Runner gave, if there is one.
    fn explained(&self) -> Option<(&str, Option<&'static book::Entry>)> {
        let code = match &self.request.state {
            RunRequestState::Refused { code, .. } | RunRequestState::Ended { code: Some(code), .. } => code.as_str(),
            RunRequestState::Waiting
            | RunRequestState::Begun { .. }
            | RunRequestState::Ended { code: None, .. }
            | RunRequestState::Expired { .. } => return None,
        };
        Some((code, book::explain(code)))
    }

    fn state(&self) -> (&'static str, crate::console::kit::Tone) {
        words::request(&self.request.state, !self.awaited.is_empty())
    }

    fn again(&self) -> path::Href {
        path::procedure(self.request.runner, self.request.procedure)
    }

    fn is_over(&self) -> bool {
        !matches!(self.request.state, RunRequestState::Waiting | RunRequestState::Begun { .. })
    }
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    let id = visit.path::<RequestId>("request", "run request")?;
    let (operations, caller) = (visit.operations(), visit.caller());
    let request = operations.get_run_request(caller, id).await?;
    let names = operations.names(caller, &[request.person].into(), &[request.runner].into()).await?;
    let page = operations.procedure_page(caller, request.runner, &request.procedure).await;
    let title = page.ok().and_then(|page| Some(page.installed?.title.to_string()));
    let awaited = match request.state {
        RunRequestState::Begun { run, .. } => operations.awaited(caller, run).await?,
        RunRequestState::Waiting
        | RunRequestState::Ended { .. }
        | RunRequestState::Refused { .. }
        | RunRequestState::Expired { .. } => Vec::new(),
    };
    let label = names.runners.get(&request.runner).cloned().ok_or_else(|| Trouble::not_found("Runner"))?;
    let frame = visit.frame(Section::Requests, "Run request").crumb("Run requests", path::requests()).live();
    Answer::page(&RequestPage {
        frame,
        runner: AtRunner { id: request.runner, label },
        by: PersonRef { id: request.person, name: names.people.get(&request.person).cloned() },
        title,
        awaited,
        request,
    })
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::pages::shown::sample;
    use crate::console::sample::Sample;
    let page = |state| RequestPage {
        frame: Frame::sample(Section::Requests, "Run request"),
        request: RunRequest { state, ..sample::request() },
        runner: sample::runner(),
        by: sample::person(),
        title: Some(crate::console::sample::HOSTILE.to_owned()),
        awaited: Vec::new(),
    };
    let hostile = || Some(crate::console::sample::HOSTILE.to_owned());
    let asked = |ask, due| Awaited { step: crate::console::sample::HOSTILE.to_owned(), ask, due };
    let (run, at) = (sample::run_id(1), sample::at(-60_000));
    let refused = |code: &str| RunRequestState::Refused { code: code.parse().unwrap(), at };
    vec![
        Sample::page("request, waiting", &page(RunRequestState::Waiting)),
        Sample::page("request, begun", &page(RunRequestState::Begun { run, at })),
        Sample::page(
            "request, waiting for people",
            &RequestPage {
                awaited: vec![asked(hostile(), hostile()), asked(None, None)],
                ..page(RunRequestState::Begun { run, at })
            },
        ),
        Sample::page("request, ended", &page(RunRequestState::Ended { run, at, code: None })),
        Sample::page("request, refused", &page(refused("E-RUN-001"))),
        Sample::page("request, refused by nobody knows what", &page(refused("moon"))),
        Sample::page("request, expired", &page(RunRequestState::Expired { at })),
    ]
}
