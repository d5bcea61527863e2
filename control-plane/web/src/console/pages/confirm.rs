//! Both factors again, before something that matters.

use askama::Template;
use http::StatusCode;

use super::second_factor::{digits, mendable};
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/confirm",
        name: "confirm",
        access: Access::Full(|visit| Box::pin(show(visit))),
        query: &[Field::one("next")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/confirm",
        name: "confirm.send",
        access: Access::Full(|visit| Box::pin(confirm(visit))),
        query: &[],
        takes: Takes::Form(&[
            Field::one("username"),
            Field::secret("password"),
            Field::secret("code"),
            Field::one("next"),
        ]),
    },
];

#[derive(Template)]
#[template(path = "page/confirm.html")]
struct ConfirmPage {
    frame: Frame,
    email: String,
    next: Href,
    refused: Option<String>,
    /// The second factor that was shown last was a recovery code.
    is_recovered: bool,
    /// What comes next takes no recovery code.
    is_by_app: bool,
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    page(visit, StatusCode::OK, next_of(visit.query().text("next")), None)
}

fn next_of(text: Option<&str>) -> Href {
    text.and_then(Href::returning).unwrap_or_else(path::overview)
}

fn page(visit: &Visit, status: StatusCode, next: Href, refused: Option<String>) -> Result<Answer, Trouble> {
    let frame = visit.frame(Section::None, "Confirm that it is you").answering(status);
    let (email, is_recovered) = (visit.who().email.clone(), visit.caller().came_by_recovery_code());
    let is_by_app = is_by_app(&next);
    Answer::page_with(status, &ConfirmPage { frame, email, next, refused, is_recovered, is_by_app })
}

/// Whether this is a page that asks for a code of the app: one on which evidence is requested or a secret is sent.
fn is_by_app(next: &Href) -> bool {
    let page = next.as_str().split('?').next().unwrap_or_default();
    page == path::new_secret().as_str() || (page.starts_with("/runs/") && page.ends_with("/open"))
}

async fn confirm(visit: &Visit) -> Result<Answer, Trouble> {
    let form = visit.form();
    let next = next_of(form.text("next"));
    let (password, code) = (form.secret("password"), form.text("code").unwrap_or_default());
    // A recovery code has a form of its own; six digits may be typed with blanks.
    let plain = digits(Some(code));
    let code = if plain.len() == 6 { plain.as_str() } else { code };
    match visit.operations().confirm(visit.caller(), password, code, visit.client()).await {
        Ok(finished) => Ok(Answer::go(next).signed_in(&finished.cookie)),
        Err(error) => page(visit, StatusCode::UNPROCESSABLE_ENTITY, next, Some(mendable(error)?)),
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let page = |email: &str, refused: Option<&str>, next: Href| ConfirmPage {
        frame: Frame::sample(Section::None, "Confirm that it is you"),
        email: email.to_owned(),
        is_by_app: is_by_app(&next),
        next,
        refused: refused.map(str::to_owned),
        is_recovered: refused.is_some(),
    };
    vec![
        Sample::page("confirm, empty", &page("ada@example.org", None, path::runs())),
        Sample::page("confirm, by the app", &page("ada@example.org", None, path::new_secret())),
        Sample::page("confirm, hostile", &page(HOSTILE, Some(HOSTILE), path::runs())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_code_is_not_offered_where_it_does_not_suffice() {
        let by_app = |text: &str| is_by_app(&next_of(Some(text)));
        let run = path::open_evidence(ids::RunId::NIL);
        assert!(by_app(run.as_str()) && by_app(run.with("item", "one").as_str()));
        assert!(by_app("/secrets/new") && by_app("/secrets/new?runner=one"));
        assert!(!by_app("/") && !by_app("/secrets") && !by_app("/runs") && !by_app("/people/invite?next=/secrets/new"));
    }
}
