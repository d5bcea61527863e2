//! Another authenticator, and other recovery codes.

use askama::Template;
use http::StatusCode;

use super::super::second_factor::{Offer, codes_page, digits, mendable};
use crate::console::answer::Answer;
use crate::console::csrf;
use crate::console::frame::{Frame, Section};
use crate::console::pages::sure::Sure;
use crate::console::path;
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;

#[derive(Template)]
#[template(path = "page/account_factor.html")]
struct FactorPage {
    frame: Frame,
    offer: Offer,
    refused: Option<String>,
}

pub(super) async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    page(visit, StatusCode::OK, None).await
}

async fn page(visit: &Visit, status: StatusCode, refused: Option<String>) -> Result<Answer, Trouble> {
    let offer = visit.operations().offer_new_totp(visit.caller()).await?.into();
    let frame = visit.frame(Section::Account, "Replace second factor").crumb("Account", path::account());
    let frame = frame.answering(status);
    Answer::page_with(status, &FactorPage { frame, offer, refused })
}

pub(super) async fn replace(visit: &Visit) -> Result<Answer, Trouble> {
    let code = digits(visit.form().text("code"));
    match visit.operations().replace_totp(visit.caller(), &code, visit.client()).await {
        Ok(finished) => {
            // The forms of this page belong to the session that begins with it.
            let token = csrf::token(&finished.cookie, &visit.web().entropy);
            let frame = visit.frame(Section::Account, "Your recovery codes").with_token(token);
            let frame = frame.crumb("Account", path::account());
            Ok(codes_page(frame, &finished.recovery_codes, path::account())?.signed_in(&finished.cookie))
        }
        Err(error) => page(visit, StatusCode::UNPROCESSABLE_ENTITY, Some(mendable(error)?)).await,
    }
}

async fn sure_of_codes(visit: &Visit) -> Result<Sure, Trouble> {
    let left = visit.operations().account(visit.caller()).await?.recovery_left;
    Ok(Sure {
        heading: "New recovery codes".to_owned(),
        says: vec![format!("You have {left} left. New ones take their place: none of the old ones works afterwards.")],
        facts: Vec::new(),
        what: "e-mail address",
        name: visit.who().email.clone(),
        wants_reason: false,
        hidden: &[],
        action: path::account_codes(),
        button: "Make new recovery codes",
        is_danger: true,
        back: path::account(),
        back_says: "Keep the old ones",
    })
}

fn codes_frame(visit: &Visit) -> Frame {
    visit.frame(Section::Account, "New recovery codes").crumb("Account", path::account())
}

pub(super) async fn ask_codes(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    sure_of_codes(visit).await?.ask(codes_frame(visit))
}

pub(super) async fn make_codes(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let sure = sure_of_codes(visit).await?;
    let draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(codes_frame(visit), StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    visit.once()?;
    let codes = visit.operations().new_recovery_codes(visit.caller()).await?;
    let frame = visit.frame(Section::Account, "Your recovery codes").crumb("Account", path::account());
    codes_page(frame, &codes, path::account())
}

/// The codes as a file. They come out of the page that shows them: here nobody knows them any more.
pub(super) async fn codes_file(visit: &Visit) -> Result<Answer, Trouble> {
    let mut text =
        String::from("Proctor recovery codes. Each opens your account once, in place of your authenticator.\r\n\r\n");
    for code in visit.form().all("code").take(20) {
        let plain: String = code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
        text.push_str(&plain);
        text.push_str("\r\n");
    }
    Ok(Answer::file("text/plain; charset=utf-8", "proctor-recovery-codes.txt", text))
}

#[cfg(test)]
pub(super) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    use control_plane_operations::TotpOffer;
    use crypto::Secret;

    let page = |refused: Option<&str>| FactorPage {
        frame: Frame::sample(Section::Account, "Replace second factor").crumb("Account", path::account()),
        offer: TotpOffer {
            secret: Secret::new("JBSWY3DPEHPK3PXP".to_owned()),
            uri: Secret::new("otpauth://totp/Proctor:ada?secret=JBSWY3DPEHPK3PXP".to_owned()),
        }
        .into(),
        refused: refused.map(str::to_owned),
    };
    vec![
        Sample::page("account factor, empty", &page(None)),
        Sample::page("account factor, hostile", &page(Some(HOSTILE))),
    ]
}
