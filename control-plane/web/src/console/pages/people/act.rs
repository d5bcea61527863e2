//! What is done to a person: another role, a link to sign in again, removal. Each has a page of its own, so that both
//! factors are asked for before anything is typed.

use askama::Template;
use control_plane_domain::link::LinkKind;
use control_plane_domain::person::Person;
use control_plane_domain::policy::{Permission, Role};
use control_plane_operations::Error;
use http::StatusCode;
use ids::PersonId;

use super::invite::{LinkPage, address, given_by};
use super::one::Reach;
use super::role;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::path;
use crate::console::route::{Access, Field, Handle, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const fn route(
    verb: Verb,
    path: &'static str,
    name: &'static str,
    permissions: &'static [Permission],
    takes: Takes,
    handle: Handle,
) -> PageRoute {
    PageRoute { verb, path, name, access: Access::Permitted(permissions, handle), query: &[], takes }
}

const ROLE: (&str, &[Permission]) = ("/people/{person}/role", &[Permission::PeopleSetRole]);
const LINK: (&str, &[Permission]) = ("/people/{person}/link", &[Permission::PeopleLink]);
const REMOVE: (&str, &[Permission]) = ("/people/{person}/remove", &[Permission::PeopleRemove]);

const NOTHING: Takes = Takes::Nothing;
const TAKES_ROLE: Takes = Takes::Form(&[Field::one("role")]);
const TAKES_KIND: Takes = Takes::Form(&[Field::one("kind")]);
const TAKES_NAME: Takes = Takes::Form(&[Field::one("confirm")]);

pub(crate) const ROUTES: &[PageRoute] = &[
    route(Verb::Get, ROLE.0, "person.role", ROLE.1, NOTHING, |visit| Box::pin(asking(visit, Act::Role))),
    route(Verb::Post, ROLE.0, "person.set_role", ROLE.1, TAKES_ROLE, |visit| Box::pin(set_role(visit))),
    route(Verb::Get, LINK.0, "person.link", LINK.1, NOTHING, |visit| Box::pin(asking(visit, Act::Link))),
    route(Verb::Post, LINK.0, "person.make_link", LINK.1, TAKES_KIND, |visit| Box::pin(make_link(visit))),
    route(Verb::Get, REMOVE.0, "person.removing", REMOVE.1, NOTHING, |visit| Box::pin(asking(visit, Act::Remove))),
    route(Verb::Post, REMOVE.0, "person.remove", REMOVE.1, TAKES_NAME, |visit| Box::pin(remove(visit))),
];

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Role,
    Link,
    Remove,
}

#[derive(Template)]
#[template(path = "page/person_act.html")]
struct ActPage {
    frame: Frame,
    person: Person,
    act: Act,
    roles: Vec<Role>,
    draft: Draft,
}

async fn asking(visit: &Visit, act: Act) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let person = found(visit).await?;
    // Said before anything is typed; operations say it again.
    match Reach::of(&visit.frame(Section::People, ""), &person) {
        Reach::Whole => {}
        Reach::Myself => return Err(Error::OwnStanding.into()),
        Reach::Owner => return Err(Error::OwnersOnly.into()),
        Reach::Gone => return Err(Trouble::not_found("person")),
    }
    let draft = match act {
        Act::Role => Draft::of([("role", person.role.to_string())]),
        Act::Link => Draft::of([("kind", LinkKind::Password.to_string())]),
        Act::Remove => Draft::default(),
    };
    show(visit, StatusCode::OK, person, act, draft)
}

async fn found(visit: &Visit) -> Result<Person, Trouble> {
    let person: PersonId = visit.path("person", "person")?;
    Ok(visit.operations().get_person(visit.caller(), person).await?.person)
}

fn show(visit: &Visit, status: StatusCode, person: Person, act: Act, draft: Draft) -> Result<Answer, Trouble> {
    let title = match act {
        Act::Role => "Change a role",
        Act::Link => "Make a link",
        Act::Remove => "Remove somebody",
    };
    let frame = visit
        .frame(Section::People, title)
        .crumb("People", path::people())
        .crumb(person.name.to_string(), path::person(person.id));
    let roles = given_by(visit.caller().role());
    Answer::page_with(status, &ActPage { frame, person, act, roles, draft })
}

async fn set_role(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let person = found(visit).await?;
    let mut draft = visit.form().draft();
    let Some(role) = draft.read::<Role>("role") else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, person, Act::Role, draft);
    };
    match visit.operations().set_role(visit.caller(), person.id, role).await {
        Ok(now) => Ok(Answer::go(path::person(now.id)).saying(format!("{} is {} now.", now.name, article(now.role)))),
        Err(error) => {
            draft.refuse(error)?;
            show(visit, StatusCode::CONFLICT, person, Act::Role, draft)
        }
    }
}

const fn article(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Administrator => "an administrator",
        Role::Engineer => "an engineer",
        Role::Approver => "an approver",
        Role::Auditor => "an auditor",
        Role::Viewer => "a viewer",
    }
}

async fn make_link(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let person = found(visit).await?;
    let mut draft = visit.form().draft();
    let Some(kind) = draft.read::<LinkKind>("kind") else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, person, Act::Link, draft);
    };
    visit.once()?;
    match visit.operations().link_for(visit.caller(), person.id, kind).await {
        Ok(link) => {
            let frame = visit
                .frame(Section::People, "A link was made")
                .crumb("People", path::people())
                .crumb(person.name.to_string(), path::person(person.id));
            let url = address(visit.settings(), &link.text);
            let (name, person) = (person.name, person.id);
            Answer::page(&LinkPage { frame, name, person, kind, url, expires: link.expires })
        }
        Err(error) => {
            draft.refuse(error)?;
            show(visit, StatusCode::CONFLICT, person, Act::Link, draft)
        }
    }
}

async fn remove(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let person = found(visit).await?;
    let mut draft = visit.form().draft();
    if !visit.form().confirms(person.name.as_str()) {
        draft.fault_at("confirm", "this is not the person's name: type it exactly as it is shown");
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, person, Act::Remove, draft);
    }
    match visit.operations().remove_person(visit.caller(), person.id).await {
        Ok(()) => {
            let said = format!("{} was removed. Their keys and sessions ended with that.", person.name);
            Ok(Answer::go(path::people()).saying(said))
        }
        Err(error) => {
            draft.refuse(error)?;
            show(visit, StatusCode::CONFLICT, person, Act::Remove, draft)
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let mut all = Vec::new();
    for act in [Act::Role, Act::Link, Act::Remove] {
        for (number, person) in (1..).zip(super::sample::people()) {
            let frame = Frame::sample(Section::People, "Somebody");
            let fields = ["role", "kind", "confirm"];
            let draft = Draft::of(fields.map(|field| (field, HOSTILE.to_owned())));
            let page = ActPage { frame, person, act, roles: Role::ALL.to_vec(), draft };
            all.push(Sample::page(format!("{act:?} of person {number}").leak(), &page));
        }
    }
    all
}
