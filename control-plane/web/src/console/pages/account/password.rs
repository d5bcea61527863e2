//! Another password; every other session ends with the old one.

use askama::Template;
use http::StatusCode;

use super::super::second_factor::mendable;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::path;
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;

#[derive(Template)]
#[template(path = "page/account_password.html")]
struct PasswordPage {
    frame: Frame,
    email: String,
    draft: Draft,
}

pub(super) async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    page(visit, StatusCode::OK, Draft::default())
}

fn page(visit: &Visit, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
    let frame = visit.frame(Section::Account, "Change password").crumb("Account", path::account()).answering(status);
    Answer::page_with(status, &PasswordPage { frame, email: visit.who().email.clone(), draft })
}

pub(super) async fn change(visit: &Visit) -> Result<Answer, Trouble> {
    let form = visit.form();
    let new = form.secret("new");
    let mut draft = Draft::default();
    if new.expose() != form.secret("repeat").expose() {
        draft.fault_at("repeat", "this is not the same password");
        return page(visit, StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    match visit.operations().change_password(visit.caller(), form.secret("old"), new, visit.client()).await {
        Ok(finished) => Ok(Answer::go(path::account())
            .signed_in(&finished.cookie)
            .saying("Your password is changed. Your other sessions have ended.")),
        Err(error) => {
            let is_old = matches!(error, control_plane_operations::Error::WrongCode);
            draft.fault_at(if is_old { "old" } else { "new" }, mendable(error)?);
            page(visit, StatusCode::UNPROCESSABLE_ENTITY, draft)
        }
    }
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let page = |draft| PasswordPage {
        frame: Frame::sample(Section::Account, "Change password").crumb("Account", path::account()),
        email: HOSTILE.to_owned(),
        draft,
    };
    let mut faulty = Draft::default();
    faulty.fault_at("new", HOSTILE);
    vec![
        Sample::page("account password, empty", &page(Draft::default())),
        Sample::page("account password, hostile", &page(faulty)),
    ]
}
