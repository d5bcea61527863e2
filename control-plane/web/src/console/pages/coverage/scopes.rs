//! The controls that the organisation has to show: its own list of a framework, against which coverage is measured.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_domain::scope::ScopedControl;
use control_plane_operations::Error;
use control_plane_operations::console::{Scope, ScopeOf};
use http::StatusCode;

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::pages::shown::window::Window;
use crate::console::pages::shown::words::{self, count};
use crate::console::pages::sure::Sure;
use crate::console::pages::whole;
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::{CONFIRM, Draft};
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(super) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/coverage/scopes",
        name: "coverage.scopes",
        access: Access::Permitted(&[Permission::ChecksList], |visit| Box::pin(list(visit))),
        query: &[Field::one("format")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/coverage/scopes",
        name: "coverage.scopes.set",
        access: Access::Permitted(&[Permission::CoverageScope], |visit| Box::pin(set(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("framework"), Field::one("scope")]),
    },
    PageRoute {
        verb: Verb::Get,
        path: "/coverage/scopes/{framework}",
        name: "coverage.scope",
        access: Access::Permitted(&[Permission::ChecksList], |visit| Box::pin(one(visit))),
        query: &[Field::one("controls"), Field::one("format")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Get,
        path: "/coverage/scopes/{framework}/remove",
        name: "coverage.scope.removing",
        access: Access::Permitted(&[Permission::CoverageScope], |visit| Box::pin(removing(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/coverage/scopes/{framework}/remove",
        name: "coverage.scope.remove",
        access: Access::Permitted(&[Permission::CoverageScope], |visit| Box::pin(remove(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one(CONFIRM)]),
    },
];

#[derive(Template)]
#[template(path = "page/coverage_scopes.html")]
struct ScopesPage {
    frame: Frame,
    scopes: Vec<ScopeOf>,
    draft: Draft,
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    if visit.query().text("format").is_some() {
        let scopes = visit.operations().scopes(visit.caller()).await?;
        let head = &["Framework", "Controls", "Set by", "Set", "SHA-256"];
        return whole::table(visit, "controls-in-scope", head, scopes, |scope: &ScopeOf| {
            csv::Row::new()
                .text(&scope.framework)
                .number(scope.controls)
                .maybe(scope.by.name.as_ref())
                .time(scope.set)
                .text(scope.sha256)
        })
        .await;
    }
    show(visit, StatusCode::OK, Draft::default()).await
}

async fn show(visit: &Visit, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
    let scopes = visit.operations().scopes(visit.caller()).await?;
    let frame =
        visit.frame(Section::Coverage, "Controls in scope").crumb("Coverage", path::coverage()).answering(status);
    Answer::page_with(status, &ScopesPage { frame, scopes, draft })
}

async fn set(visit: &Visit) -> Result<Answer, Trouble> {
    let mut draft = visit.form().draft();
    let (framework, text) = (draft.read::<String>("framework"), draft.read::<String>("scope"));
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let (Some(framework), Some(text)) = (framework, text) else { return show(visit, refused, draft).await };
    match visit.operations().set_scope(visit.caller(), &framework, &text).await {
        Ok(Scope { of, .. }) => {
            let said = count(of.controls, "control is", "controls are");
            let said = format!("{said} in scope of {}.", words::framework(of.framework.as_str()));
            Ok(Answer::go(path::coverage_of(of.framework.as_str())).saying(said))
        }
        Err(error) => {
            draft.refuse(error)?;
            show(visit, refused, draft).await
        }
    }
}

#[derive(Template)]
#[template(path = "page/coverage_scope.html")]
struct ScopePage {
    frame: Frame,
    framework: String,
    title: String,
    line: Option<ScopeOf>,
    controls: Vec<ScopedControl>,
    window: Window,
    draft: Draft,
}

impl ScopePage {
    fn new(frame: Frame, framework: String, scope: Option<Scope>, from: Option<usize>) -> Self {
        let text = scope.as_ref().map(Scope::to_text).unwrap_or_default();
        let (line, controls) = scope.map_or_else(Default::default, |scope| (Some(scope.of), scope.controls));
        let page = path::coverage_scope(&framework);
        let (controls, window) = Window::of("controls", controls, from, |row| page.clone().with("controls", row));
        let title = words::framework(&framework).to_owned();
        Self { frame, framework, title, line, controls, window, draft: Draft::of([("scope", text)]) }
    }
}

async fn one(visit: &Visit) -> Result<Answer, Trouble> {
    let framework = visit.path::<String>("framework", "framework")?;
    let scope = match visit.operations().scope(visit.caller(), &framework).await {
        Ok(scope) => Some(scope),
        // Whoever may set the list comes here to set the first one of a framework that there is.
        Err(Error::NotFound(_)) if visit.may(Permission::CoverageScope) => {
            visit.operations().framework_coverage(visit.caller(), &framework).await?;
            None
        }
        Err(error) => return Err(error.into()),
    };
    if visit.query().text("format").is_some() {
        let controls = scope.map(|scope| scope.controls).unwrap_or_default();
        return whole::table(visit, "scope", &["id", "title"], controls, |control: &ScopedControl| {
            csv::Row::new().text(&control.control).maybe(control.title.as_ref())
        })
        .await;
    }
    let frame = visit
        .frame(Section::Coverage, format!("{} in scope", words::framework(&framework)))
        .crumb("Coverage", path::coverage())
        .crumb("Controls in scope", path::coverage_scopes());
    Answer::page(&ScopePage::new(frame, framework, scope, visit.query().parsed("controls")?))
}

async fn sure(visit: &Visit) -> Result<Sure, Trouble> {
    let framework = visit.path::<String>("framework", "framework")?;
    let of = visit.operations().scope(visit.caller(), &framework).await?.of;
    Ok(Sure {
        heading: format!("Remove the list of {}", words::framework(&framework)),
        says: vec![format!(
            "{} leave the scope: a control of it that no procedure serves is no longer shown as missing. The audit log \
             keeps that the list was there, and by whom it was removed.",
            count(of.controls, "control", "controls")
        )],
        facts: Vec::new(),
        what: "framework",
        name: framework.clone(),
        wants_reason: false,
        hidden: &[],
        action: path::coverage_scope_remove(&framework),
        button: "Remove the list",
        is_danger: true,
        back: path::coverage_scope(&framework),
        back_says: "Keep it",
    })
}

fn removing_frame(visit: &Visit) -> Frame {
    visit
        .frame(Section::Coverage, "Remove a list of controls")
        .crumb("Coverage", path::coverage())
        .crumb("Controls in scope", path::coverage_scopes())
}

async fn removing(visit: &Visit) -> Result<Answer, Trouble> {
    sure(visit).await?.ask(removing_frame(visit))
}

async fn remove(visit: &Visit) -> Result<Answer, Trouble> {
    let sure = sure(visit).await?;
    let draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(removing_frame(visit), StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    visit.operations().remove_scope(visit.caller(), &sure.name).await?;
    Ok(Answer::go(path::coverage_scopes()).saying("The list was removed."))
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::pages::shown::sample;
    use crate::console::sample::{HOSTILE, Sample};
    let frame = || Frame::sample(Section::Coverage, "Controls in scope");
    let list = |scopes| ScopesPage { frame: frame(), scopes, draft: Draft::default() };
    let mut wrong = Draft::of([("framework", HOSTILE.to_owned()), ("scope", HOSTILE.to_owned())]);
    wrong.fault_at("scope", HOSTILE);
    let one = |framework: &str, scope| ScopePage::new(frame(), framework.to_owned(), scope, None);
    vec![
        Sample::page("scopes, ordinary", &list(vec![sample::scope().of])),
        Sample::page("scopes, none", &list(Vec::new())),
        Sample::page("scopes, refused", &ScopesPage { frame: frame(), scopes: Vec::new(), draft: wrong }),
        Sample::page("scope, ordinary", &one("iso-27001-2022", Some(sample::scope()))),
        Sample::page("scope, none", &one(HOSTILE, None)),
    ]
}
