//! The second factor: shown, or set up for the first time. A half session reaches nothing else.

use askama::Template;
use control_plane_domain::session::Need;
use control_plane_operations::{Error, Finished, Kind, SecondFactor, TotpOffer};
use crypto::Secret;
use http::StatusCode;

use super::sign_in::says;
use crate::console::answer::Answer;
use crate::console::csrf;
use crate::console::dispatch::next_step;
use crate::console::frame::Frame;
use crate::console::kit::{self, Html};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Guest;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/second-factor",
        name: "second-factor",
        access: Access::Half(|guest| Box::pin(ask(guest))),
        query: &[Field::one("next")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/second-factor",
        name: "second-factor.send",
        access: Access::Half(|guest| Box::pin(show(guest))),
        query: &[],
        takes: Takes::Form(&[Field::secret("code"), Field::secret("recovery"), Field::one("next")]),
    },
    PageRoute {
        verb: Verb::Get,
        path: "/second-factor/new",
        name: "second-factor.new",
        access: Access::Half(|guest| Box::pin(offer(guest))),
        query: &[Field::one("next")],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/second-factor/new",
        name: "second-factor.new.send",
        access: Access::Half(|guest| Box::pin(enrol(guest))),
        query: &[],
        takes: Takes::Form(&[Field::secret("code"), Field::one("next")]),
    },
];

#[derive(Template)]
#[template(path = "page/second_factor.html")]
struct AskPage {
    frame: Frame,
    email: String,
    organisation: String,
    next: Option<Href>,
    refused: Option<String>,
}

#[derive(Template)]
#[template(path = "page/second_factor_new.html")]
struct OfferPage {
    frame: Frame,
    email: String,
    organisation: String,
    offer: Offer,
    next: Option<Href>,
    refused: Option<String>,
}

/// What an authenticator reads: as a picture and as text.
pub(super) struct Offer {
    pub(super) picture: Option<Html>,
    /// In groups of four.
    pub(super) secret: String,
    pub(super) uri: String,
}

/// Recovery codes, which are shown once.
#[derive(Template)]
#[template(path = "page/recovery_codes.html")]
pub(super) struct CodesPage {
    pub(super) frame: Frame,
    pub(super) codes: Vec<String>,
    pub(super) next: Href,
}

impl From<TotpOffer> for Offer {
    fn from(offer: TotpOffer) -> Self {
        let secret: Vec<char> = offer.secret.expose().chars().collect();
        Self {
            picture: kit::qr(&offer.uri, "QR code for your authenticator"),
            secret: secret.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" "),
            uri: offer.uri.expose().clone(),
        }
    }
}

/// The six digits as a person may type them.
pub(super) fn digits(code: Option<&str>) -> String {
    code.unwrap_or_default().chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

fn next_of(guest: &Guest) -> Option<Href> {
    guest.query().text("next").or_else(|| guest.form().text("next")).and_then(Href::returning)
}

/// Each of the two pages leads to the other if that is the one that is needed.
fn is_needed(guest: &Guest, need: Need) -> Result<(), Trouble> {
    let half = guest.half()?;
    if half.need == need { Ok(()) } else { Err(Trouble::SecondFactor(next_step(half.need))) }
}

async fn ask(guest: &Guest) -> Result<Answer, Trouble> {
    is_needed(guest, Need::Totp)?;
    ask_page(guest, StatusCode::OK, None)
}

fn ask_page(guest: &Guest, status: StatusCode, refused: Option<String>) -> Result<Answer, Trouble> {
    let half = guest.half()?;
    let (email, organisation) = (half.email.to_string(), half.organisation.to_string());
    let frame = guest.frame("Second factor").answering(status);
    Answer::page_with(status, &AskPage { frame, email, organisation, next: next_of(guest), refused })
}

async fn show(guest: &Guest) -> Result<Answer, Trouble> {
    is_needed(guest, Need::Totp)?;
    let (code, recovery) = (digits(guest.form().text("code")), guest.form().text("recovery"));
    let factor = recovery.map_or(SecondFactor::Totp(&code), SecondFactor::Recovery);
    match guest.operations().second_factor(guest.session(), factor, guest.client()).await {
        Ok(finished) => {
            let answer = Answer::go(next_of(guest).unwrap_or_else(path::overview)).signed_in(&finished.cookie);
            Ok(match finished.recovery_left {
                left if recovery.is_some() => answer
                    .saying(format!("That recovery code is used up. {left} are left; make new ones in your account.")),
                _ => answer,
            })
        }
        Err(error) => ask_page(guest, StatusCode::UNPROCESSABLE_ENTITY, Some(mendable(error)?)),
    }
}

/// What the person can mend by typing again; everything else comes back.
pub(super) fn mendable(error: Error) -> Result<String, Trouble> {
    match error.kind() {
        Kind::Invalid => Ok(says(&error)),
        Kind::Unauthenticated
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::Conflict
        | Kind::Throttled { .. }
        | Kind::Unavailable
        | Kind::Fault => Err(error.into()),
    }
}

async fn offer(guest: &Guest) -> Result<Answer, Trouble> {
    is_needed(guest, Need::EnrolTotp)?;
    offer_page(guest, StatusCode::OK, None).await
}

async fn offer_page(guest: &Guest, status: StatusCode, refused: Option<String>) -> Result<Answer, Trouble> {
    let half = guest.half()?;
    let (email, organisation) = (half.email.to_string(), half.organisation.to_string());
    let offer = guest.operations().offer_totp(guest.session()).await?.into();
    let frame = guest.frame("Set up your second factor").answering(status);
    Answer::page_with(status, &OfferPage { frame, email, organisation, offer, next: next_of(guest), refused })
}

async fn enrol(guest: &Guest) -> Result<Answer, Trouble> {
    is_needed(guest, Need::EnrolTotp)?;
    let code = digits(guest.form().text("code"));
    match guest.operations().enrol_totp(guest.session(), &code, guest.client()).await {
        Ok(Finished { cookie, recovery_codes, .. }) => {
            let next = next_of(guest).unwrap_or_else(path::overview);
            // The forms of this page belong to the session that begins with it.
            let frame = guest.frame("Your recovery codes").with_token(csrf::token(&cookie, &guest.web().entropy));
            Ok(codes_page(frame, &recovery_codes, next)?.signed_in(&cookie))
        }
        Err(error) => offer_page(guest, StatusCode::UNPROCESSABLE_ENTITY, Some(mendable(error)?)).await,
    }
}

pub(super) fn codes_page(frame: Frame, codes: &[Secret<String>], next: Href) -> Result<Answer, Trouble> {
    let codes = codes.iter().map(|code| code.expose().clone()).collect();
    Answer::page(&CodesPage { frame, codes, next })
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let ask = |email: &str, refused: Option<&str>| AskPage {
        frame: Frame::sample_guest("Second factor"),
        email: email.to_owned(),
        organisation: email.to_owned(),
        next: Some(path::runs()),
        refused: refused.map(str::to_owned),
    };
    let offer = |email: &str, refused: Option<&str>| OfferPage {
        frame: Frame::sample_guest("Set up your second factor"),
        email: email.to_owned(),
        organisation: email.to_owned(),
        offer: TotpOffer {
            secret: Secret::new("JBSWY3DPEHPK3PXP".to_owned()),
            uri: Secret::new(format!("otpauth://totp/Proctor:{}?secret=JBSWY3DPEHPK3PXP", email.len())),
        }
        .into(),
        next: None,
        refused: refused.map(str::to_owned),
    };
    let codes = CodesPage {
        frame: Frame::sample_guest("Your recovery codes"),
        codes: (0..10).map(|n| format!("abcd-efgh-{n:04}")).collect(),
        next: path::overview(),
    };
    vec![
        Sample::page("second factor, empty", &ask("ada@example.org", None)),
        Sample::page("second factor, hostile", &ask(HOSTILE, Some(HOSTILE))),
        Sample::page("new second factor, empty", &offer("ada@example.org", None)),
        Sample::page("new second factor, hostile", &offer(HOSTILE, Some(HOSTILE))),
        Sample::page("recovery codes", &codes),
    ]
}
