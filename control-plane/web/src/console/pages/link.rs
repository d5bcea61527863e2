//! The page behind a link that lets a person in: it shows whose it is, and takes a password once.

use askama::Template;
use control_plane_domain::link::LinkKind;
use control_plane_operations::LinkSeen;
use http::StatusCode;

use super::second_factor::mendable;
use crate::console::answer::Answer;
use crate::console::dispatch::next_step;
use crate::console::frame::Frame;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Guest;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/link/{text}",
        name: "link",
        access: Access::Open(|guest| Box::pin(show(guest))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/link/{text}",
        name: "link.use",
        access: Access::Open(|guest| Box::pin(use_link(guest))),
        query: &[],
        takes: Takes::Form(&[Field::one("username"), Field::secret("password"), Field::secret("repeat")]),
    },
];

#[derive(Template)]
#[template(path = "page/link.html")]
struct LinkPage {
    frame: Frame,
    seen: LinkSeen,
    action: Href,
    draft: Draft,
}

impl LinkPage {
    fn is_invitation(&self) -> bool {
        self.seen.kind == LinkKind::Invitation
    }

    fn takes_factor(&self) -> bool {
        self.seen.kind == LinkKind::Everything
    }
}

fn text_of(guest: &Guest) -> Result<String, Trouble> {
    guest.path("text", "link")
}

async fn show(guest: &Guest) -> Result<Answer, Trouble> {
    page(guest, StatusCode::OK, Draft::default()).await
}

async fn page(guest: &Guest, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
    let text = text_of(guest)?;
    let seen = guest.operations().look_at_link(&text, guest.client()).await?;
    let frame = guest.frame("Welcome").answering(status);
    Answer::page_with(status, &LinkPage { frame, seen, action: path::link(&text), draft })
}

async fn use_link(guest: &Guest) -> Result<Answer, Trouble> {
    let (text, form) = (text_of(guest)?, guest.form());
    let password = form.secret("password");
    let mut draft = Draft::default();
    if password.expose() != form.secret("repeat").expose() {
        draft.fault_at("repeat", "this is not the same password");
        return page(guest, StatusCode::UNPROCESSABLE_ENTITY, draft).await;
    }
    match guest.operations().use_link(&text, password, guest.client()).await {
        Ok(begun) => {
            // A browser has one session; whoever was signed in here before is so no more.
            if !guest.session().is_empty() {
                guest.operations().sign_out(guest.session()).await?;
            }
            Ok(Answer::go(next_step(begun.need)).signed_in(&begun.cookie))
        }
        Err(error) => {
            draft.fault_at("password", mendable(error)?);
            page(guest, StatusCode::UNPROCESSABLE_ENTITY, draft).await
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{Sample, hostile_text};
    let page = |kind, faulty: bool| {
        let mut draft = Draft::default();
        if faulty {
            draft.fault_at("password", "too short");
        }
        let seen = LinkSeen {
            kind,
            organisation: hostile_text(),
            name: hostile_text(),
            email: "ada@example.org".parse().expect("a sample is an e-mail address"),
            expires: clock::Timestamp::from_millis(1_795_000_600_000),
        };
        LinkPage { frame: Frame::sample_guest("Welcome"), seen, action: path::link("pln_x"), draft }
    };
    vec![
        Sample::page("link, invitation, hostile", &page(LinkKind::Invitation, false)),
        Sample::page("link, password, faulty", &page(LinkKind::Password, true)),
        Sample::page("link, everything", &page(LinkKind::Everything, false)),
    ]
}
