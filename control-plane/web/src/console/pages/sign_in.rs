//! The way in: e-mail address and password, and the organisation where there are several.

use askama::Template;
use control_plane_operations::{Error, Kind, SignIn};
use http::StatusCode;

use crate::console::answer::Answer;
use crate::console::dispatch::next_step;
use crate::console::frame::Frame;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::{Guest, Standing};
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/sign-in",
        name: "sign-in",
        access: Access::Open(|guest| Box::pin(show(guest))),
        query: &[Field::one("next")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/sign-in",
        name: "sign-in.send",
        access: Access::Open(|guest| Box::pin(sign_in(guest))),
        query: &[],
        takes: Takes::Form(&[
            Field::one("organisation"),
            Field::one("email"),
            Field::secret("password"),
            Field::one("next"),
        ]),
    },
];

#[derive(Template)]
#[template(path = "page/sign_in.html")]
struct SignInPage {
    frame: Frame,
    draft: Draft,
    /// Whether there are several organisations here.
    asks_organisation: bool,
    next: Option<Href>,
    refused: Option<String>,
}

async fn show(guest: &Guest) -> Result<Answer, Trouble> {
    match guest.standing() {
        Standing::SignedIn => {
            return Err(Trouble::Elsewhere(next_of(guest.query().text("next")).unwrap_or_else(path::overview)));
        }
        Standing::Stranger | Standing::Half(_) => {}
    }
    let next = next_of(guest.query().text("next"));
    page(guest, StatusCode::OK, Draft::default(), next, None).await
}

fn next_of(text: Option<&str>) -> Option<Href> {
    text.and_then(Href::returning)
}

async fn page(
    guest: &Guest,
    status: StatusCode,
    draft: Draft,
    next: Option<Href>,
    refused: Option<String>,
) -> Result<Answer, Trouble> {
    let asks_organisation = guest.operations().sign_in_needs_organisation().await?;
    let frame = guest.frame("Sign in").answering(status);
    Answer::page_with(status, &SignInPage { frame, draft, asks_organisation, next, refused })
}

async fn sign_in(guest: &Guest) -> Result<Answer, Trouble> {
    let form = guest.form();
    let next = next_of(form.text("next"));
    let input = SignIn {
        organisation: form.text("organisation").map(str::to_owned),
        email: form.text("email").unwrap_or_default().to_owned(),
        password: form.secret("password"),
    };
    // What is missing is refused as what is wrong: nothing here tells which it was.
    match guest.operations().sign_in(input, guest.client()).await {
        Ok(begun) => {
            // A browser has one session; the one it had is over.
            if !guest.session().is_empty() {
                guest.operations().sign_out(guest.session()).await?;
            }
            let step = next_step(begun.need);
            let step = if let Some(next) = next.filter(|next| *next != path::overview()) {
                step.with("next", next)
            } else {
                step
            };
            Ok(Answer::go(step).signed_in(&begun.cookie))
        }
        Err(error) => {
            let status = match error.kind() {
                Kind::Unauthenticated | Kind::Invalid => StatusCode::UNAUTHORIZED,
                Kind::Throttled { .. }
                | Kind::Forbidden
                | Kind::NotFound
                | Kind::Conflict
                | Kind::Unavailable
                | Kind::Fault => return Err(error.into()),
            };
            let draft = Draft::of([
                ("organisation", form.text("organisation").unwrap_or_default().to_owned()),
                ("email", form.text("email").unwrap_or_default().to_owned()),
            ]);
            page(guest, status, draft, next, Some(says(&error))).await
        }
    }
}

/// A refusal with its next step and code, as forms say it.
pub(super) fn says(error: &Error) -> String {
    format!("{error}: {} ({})", error.next_step(), error.code())
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let page = |typed: &str, refused: Option<&str>, asks_organisation| SignInPage {
        frame: Frame::sample_guest("Sign in"),
        draft: Draft::of([("organisation", typed.to_owned()), ("email", typed.to_owned())]),
        asks_organisation,
        next: Some(path::runs().with("verdict", "fail")),
        refused: refused.map(str::to_owned),
    };
    vec![
        Sample::page("sign-in, empty", &page("", None, false)),
        Sample::page("sign-in, refused", &page("ada@example.org", Some("not accepted"), true)),
        Sample::page("sign-in, hostile", &page(HOSTILE, Some(HOSTILE), true)),
    ]
}
