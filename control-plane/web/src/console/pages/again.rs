//! Both factors again in the middle of a change: whoever took longer over a form than the factors count is asked for
//! them on a page that keeps what they typed, and sends both at once.
//!
//! What was typed goes back to the browser that sent it and is kept nowhere here. A form in which a secret is typed is
//! never kept so.

use askama::Template;
use control_plane_domain::policy::Caller;
use control_plane_operations::{Client, Error, Kind};
use crypto::Secret;
use http::StatusCode;

use super::second_factor::digits;
use super::sign_in::says;
use crate::Web;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::path::Href;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Values;
use crate::console::visit::Visit;

const PASSWORD: &str = "again-password";
const CODE: &str = "again-code";

/// What a form may bring besides its own fields.
pub(in crate::console) const FIELDS: &[Field] = &[Field::secret(PASSWORD), Field::secret(CODE)];

/// Both factors, as they came with a form.
pub(in crate::console) struct Again {
    password: Secret<String>,
    code: Secret<String>,
}

impl Again {
    /// Takes them out of a form.
    pub(in crate::console) fn take(form: &mut Values) -> Option<Self> {
        let (password, code) = (form.take(PASSWORD), form.take(CODE));
        Some(Self { password: password?, code: code? })
    }
}

/// What showing them came to.
pub(in crate::console) enum Shown {
    /// They hold; the session's cookie is this one from now on.
    Renewed(Secret<String>),
    /// They can be typed again; why.
    Refused(String),
}

/// Whether the form of a page is kept while its person shows both factors.
pub(in crate::console) fn keeps(route: &PageRoute) -> bool {
    let is_signed_in = matches!(route.access, Access::Full(_) | Access::Permitted(..));
    matches!(route.takes, Takes::Form(fields) if is_signed_in && !fields.iter().any(|field| field.is_secret))
}

/// Shows both factors.
pub(in crate::console) async fn shown(
    web: &Web,
    caller: &Caller,
    again: Again,
    client: &Client,
) -> Result<Shown, Trouble> {
    // Six digits may be typed with blanks; a recovery code has a form of its own.
    let plain = digits(Some(again.code.expose()));
    let code = if plain.len() == 6 { plain } else { again.code.expose().trim().to_owned() };
    match web.operations().confirm(caller, again.password, &code, client).await {
        Ok(finished) => Ok(Shown::Renewed(finished.cookie)),
        Err(error) => mendable(&error).then(|| Shown::Refused(says(&error))).ok_or_else(|| error.into()),
    }
}

/// Whether the page is worth showing again, with all that was typed.
fn mendable(error: &Error) -> bool {
    match error.kind() {
        Kind::Invalid | Kind::Throttled { .. } | Kind::Unavailable => true,
        Kind::Unauthenticated | Kind::Forbidden | Kind::NotFound | Kind::Conflict | Kind::Fault => false,
    }
}

#[derive(Template)]
#[template(path = "page/confirm_again.html")]
struct AgainPage {
    frame: Frame,
    email: String,
    action: Href,
    typed: Vec<Typed>,
    refused: Option<String>,
}

struct Typed {
    name: &'static str,
    label: String,
    value: String,
}

/// The page that asks for both factors and keeps the form.
pub(in crate::console) fn page(visit: &Visit, refused: Option<String>) -> Result<Answer, Trouble> {
    let typed: Vec<Typed> = visit.form().pairs().map(|(name, value)| typed(name, value)).collect();
    if typed.is_empty() {
        return Err(Trouble::ConfirmFirst);
    }
    let status = StatusCode::FORBIDDEN;
    let frame = visit.frame(Section::None, "Confirm that it is you").answering(status);
    let (email, action) = (visit.who().email.clone(), visit.here().clone());
    Answer::page_with(status, &AgainPage { frame, email, action, typed, refused })
}

fn typed(name: &'static str, value: &str) -> Typed {
    Typed { name, label: name.replace(['_', '-'], " "), value: value.to_owned() }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::path;
    use crate::console::sample::{HOSTILE, Sample};
    let page = |text: &str, refused: Option<&str>| AgainPage {
        frame: Frame::sample(Section::None, "Confirm that it is you"),
        email: text.to_owned(),
        action: path::invite(),
        typed: vec![typed("email", text), typed("role", "viewer")],
        refused: refused.map(str::to_owned),
    };
    vec![
        Sample::page("confirm again, ordinary", &page("ada@example.org", None)),
        Sample::page("confirm again, hostile", &page(HOSTILE, Some(HOSTILE))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::pages::routes;

    /// What is a secret wherever it is typed.
    const SECRETS: &[&str] = &["password", "old", "new", "repeat", "code", "recovery", PASSWORD, CODE];

    #[test]
    fn no_form_with_a_secret_is_kept() {
        let (mut secret, mut kept) = (Vec::new(), Vec::new());
        for route in routes() {
            let Takes::Form(fields) = route.takes else { continue };
            for field in fields {
                assert_eq!(field.is_secret, SECRETS.contains(&field.name), "{}: {}", route.name, field.name);
            }
            if fields.iter().any(|field| field.is_secret) {
                assert!(!keeps(route), "{} would be kept", route.name);
                secret.push(route.name);
            } else if keeps(route) {
                kept.push(route.name);
            }
        }
        for name in ["account.password.set", "account.factor.set", "account.codes.file", "confirm.send"] {
            assert!(secret.contains(&name), "{name} is not among {secret:?}");
        }
        assert!(kept.contains(&"account.zone.set") && FIELDS.iter().all(|field| field.is_secret), "{kept:?}");
    }
}
