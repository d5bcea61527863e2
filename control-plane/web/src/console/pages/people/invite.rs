//! Somebody is let in: with a link that is shown once, to be handed over by the person who invites.

use askama::Template;
use clock::Timestamp;
use control_plane_domain::link::LinkKind;
use control_plane_domain::person::Email;
use control_plane_domain::policy::{Permission, Role};
use control_plane_operations::AddPerson;
use crypto::Secret;
use http::StatusCode;
use ids::PersonId;
use proof::text::FreeText;

use super::role;
use crate::Settings;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::path;
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/people/invite",
        name: "person.inviting",
        access: Access::Permitted(&[Permission::PeopleAdd], |visit| Box::pin(inviting(visit))),
        query: &[],
        takes: Takes::Nothing,
    },
    PageRoute {
        verb: Verb::Post,
        path: "/people/invite",
        name: "person.invite",
        access: Access::Permitted(&[Permission::PeopleAdd], |visit| Box::pin(invite(visit))),
        query: &[],
        takes: Takes::Form(&[Field::one("email"), Field::one("name"), Field::one("role")]),
    },
];

#[derive(Template)]
#[template(path = "page/person_invite.html")]
struct InvitePage {
    frame: Frame,
    roles: Vec<Role>,
    draft: Draft,
}

impl InvitePage {
    fn new(frame: Frame, mine: Role, draft: Draft) -> Self {
        Self { frame, roles: given_by(mine), draft }
    }
}

/// The roles that somebody of a role can give.
pub(super) fn given_by(mine: Role) -> Vec<Role> {
    Role::ALL.iter().copied().filter(|role| *role != Role::Owner || mine == Role::Owner).collect()
}

/// A link to hand over, shown this once.
#[derive(Template)]
#[template(path = "page/person_link_made.html")]
pub(super) struct LinkPage {
    pub(super) frame: Frame,
    pub(super) name: FreeText,
    pub(super) person: PersonId,
    pub(super) kind: LinkKind,
    pub(super) url: String,
    pub(super) expires: Timestamp,
}

/// The whole address of a link; its path alone where nobody said under which name the console is reached.
pub(super) fn address(settings: &Settings, text: &Secret<String>) -> String {
    let origin = settings.public_url.as_ref().map(|url| url.origin().ascii_serialization());
    format!("{}{}", origin.unwrap_or_default(), path::link(text.expose()))
}

async fn inviting(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    show(visit, StatusCode::OK, Draft::default())
}

fn show(visit: &Visit, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
    let frame = visit.frame(Section::People, "Invite somebody").crumb("People", path::people()).answering(status);
    Answer::page_with(status, &InvitePage::new(frame, visit.caller().role(), draft))
}

async fn invite(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let mut draft = visit.form().draft();
    let (email, name, role) =
        (draft.read::<Email>("email"), draft.read::<FreeText>("name"), draft.read::<Role>("role"));
    let (Some(email), Some(name), Some(role)) = (email, name, role) else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, draft);
    };
    visit.once()?;
    match visit.operations().invite_person(visit.caller(), AddPerson { email, name, role }).await {
        Ok((person, link)) => {
            let frame = visit.frame(Section::People, "Invited").crumb("People", path::people());
            let url = address(visit.settings(), &link.text);
            let (name, person) = (person.name, person.id);
            Answer::page(&LinkPage { frame, name, person, kind: link.kind, url, expires: link.expires })
        }
        Err(error) => {
            draft.refuse(error)?;
            show(visit, StatusCode::UNPROCESSABLE_ENTITY, draft)
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample, hostile_text};
    let frame = || Frame::sample(Section::People, "Invite somebody");
    let hostile =
        Draft::of([("name", HOSTILE.to_owned()), ("email", HOSTILE.to_owned()), ("role", HOSTILE.to_owned())]);
    let made = |kind| LinkPage {
        frame: frame(),
        name: hostile_text(),
        person: PersonId::from_parts(1, [1; 10]),
        kind,
        url: "https://proctor.example.org:8440/link/pln_x".to_owned(),
        expires: Timestamp::from_millis(1_795_000_600_000),
    };
    let mut all = vec![
        Sample::page("invite somebody", &InvitePage::new(frame(), Role::Owner, Draft::default())),
        Sample::page("invite somebody, hostile", &InvitePage::new(frame(), Role::Administrator, hostile)),
    ];
    all.extend(LinkKind::ALL.iter().map(|kind| Sample::page(format!("a link, {kind}").leak(), &made(*kind))));
    all
}
