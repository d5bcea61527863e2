//! What is done to a person: another role, a link to sign in again, the end of their sessions, removal. Each has a page of
//! its own, so that both factors are asked for before anything is typed.

use askama::Template;
use control_plane_domain::link::LinkKind;
use control_plane_domain::person::Person;
use control_plane_domain::policy::{Permission, Role};
use control_plane_operations::{Error, PersonRow};
use http::StatusCode;
use ids::PersonId;

use super::invite::{LinkPage, address, given_by};
use super::one::Reach;
use super::role;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::pages::sure::Sure;
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
const SESSIONS: (&str, &[Permission]) = ("/people/{person}/sessions", &[Permission::PeopleEndSessions]);
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
    route(Verb::Get, SESSIONS.0, "person.sessions", SESSIONS.1, NOTHING, |visit| {
        Box::pin(ending(visit, End::Sessions))
    }),
    route(Verb::Post, SESSIONS.0, "person.end_sessions", SESSIONS.1, TAKES_NAME, |visit| {
        Box::pin(end(visit, End::Sessions))
    }),
    route(Verb::Get, REMOVE.0, "person.removing", REMOVE.1, NOTHING, |visit| Box::pin(ending(visit, End::Person))),
    route(Verb::Post, REMOVE.0, "person.remove", REMOVE.1, TAKES_NAME, |visit| Box::pin(end(visit, End::Person))),
];

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Role,
    Link,
}

/// What ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Sessions,
    Person,
}

#[derive(Template)]
#[template(path = "page/person_act.html")]
struct ActPage {
    frame: Frame,
    person: Person,
    act: Act,
    roles: Vec<Role>,
    /// Whether they have signed in before: an invitation is for those who have not.
    is_enrolled: bool,
    draft: Draft,
}

async fn asking(visit: &Visit, act: Act) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let row = reached(visit).await?;
    let draft = match act {
        Act::Role => Draft::of([("role", row.person.role.to_string())]),
        Act::Link if row.second_factor => Draft::of([("kind", LinkKind::Password.to_string())]),
        Act::Link => Draft::of([("kind", LinkKind::Invitation.to_string())]),
    };
    show(visit, StatusCode::OK, row, act, draft)
}

/// The person that the path names, if this one may do anything to them: said before anything is typed, and operations say
/// it again.
async fn reached(visit: &Visit) -> Result<PersonRow, Trouble> {
    let row = found(visit).await?;
    match Reach::of(&visit.frame(Section::People, ""), &row.person) {
        Reach::Whole => Ok(row),
        Reach::Myself => Err(Error::OwnStanding.into()),
        Reach::Owner => Err(Error::OwnersOnly.into()),
        Reach::Gone => Err(Trouble::not_found("person")),
    }
}

async fn found(visit: &Visit) -> Result<PersonRow, Trouble> {
    let person: PersonId = visit.path("person", "person")?;
    Ok(visit.operations().get_person(visit.caller(), person).await?)
}

fn show(visit: &Visit, status: StatusCode, row: PersonRow, act: Act, draft: Draft) -> Result<Answer, Trouble> {
    let PersonRow { person, second_factor, .. } = row;
    let title = match act {
        Act::Role => "Change a role",
        Act::Link => "Make a link",
    };
    let frame = frame(visit, &person, title).answering(status);
    let roles = given_by(visit.caller().role());
    Answer::page_with(status, &ActPage { frame, person, act, roles, is_enrolled: second_factor, draft })
}

fn frame(visit: &Visit, person: &Person, title: &'static str) -> Frame {
    visit
        .frame(Section::People, title)
        .crumb("People", path::people())
        .crumb(person.name.to_string(), path::person(person.id))
}

async fn set_role(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let row = found(visit).await?;
    let mut draft = visit.form().draft();
    let Some(role) = draft.read::<Role>("role") else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, row, Act::Role, draft);
    };
    match visit.operations().set_role(visit.caller(), row.person.id, role).await {
        Ok(now) => Ok(Answer::go(path::person(now.id)).saying(format!("{} is {} now.", now.name, article(now.role)))),
        Err(error) => {
            draft.refuse(error)?;
            show(visit, StatusCode::CONFLICT, row, Act::Role, draft)
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
    let row = found(visit).await?;
    let mut draft = visit.form().draft();
    let Some(kind) = draft.read::<LinkKind>("kind") else {
        return show(visit, StatusCode::UNPROCESSABLE_ENTITY, row, Act::Link, draft);
    };
    visit.once()?;
    match visit.operations().link_for(visit.caller(), row.person.id, kind).await {
        Ok(link) => {
            let frame = frame(visit, &row.person, "A link was made");
            let url = address(visit.settings(), &link.text);
            let (name, person) = (row.person.name, row.person.id);
            Answer::page(&LinkPage { frame, name, person, kind, url, expires: link.expires })
        }
        Err(error) => {
            draft.refuse(error)?;
            show(visit, StatusCode::CONFLICT, row, Act::Link, draft)
        }
    }
}

fn sure_of(person: &Person, end: End) -> (&'static str, Sure) {
    let name = &person.name;
    let (title, heading, says, word, button, back_says) = match end {
        End::Sessions => (
            "End somebody's sessions",
            format!("End all sessions of {name}"),
            "For a laptop that was stolen, or a browser that was left open. Each of their browsers has to sign in again \
             with password and second factor, and answers that are on their way there are cut off. Their API keys go on: \
             end those under API keys.",
            "sessions",
            "End the sessions",
            "Leave them",
        ),
        End::Person => (
            "Remove somebody",
            format!("Remove {name}"),
            "Their API keys and sessions end at once, and so do the links and API keys that they made for others. What \
             they did stays in the audit log under their name. They can be invited again later, as somebody new.",
            "remove",
            "Remove for good",
            "Leave them in",
        ),
    };
    let sure = Sure {
        heading,
        says: vec![says.to_owned()],
        facts: Vec::new(),
        what: "person's name",
        name: name.to_string(),
        wants_reason: false,
        hidden: &[],
        action: path::person_act(person.id, word),
        button,
        is_danger: true,
        back: path::person(person.id),
        back_says,
    };
    (title, sure)
}

async fn ending(visit: &Visit, end: End) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let person = reached(visit).await?.person;
    let (title, sure) = sure_of(&person, end);
    sure.ask(frame(visit, &person, title))
}

async fn end(visit: &Visit, end: End) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let person = found(visit).await?.person;
    let (title, sure) = sure_of(&person, end);
    let mut draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(frame(visit, &person, title), StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    let (operations, caller) = (visit.operations(), visit.caller());
    let done = match end {
        End::Sessions => operations.end_sessions_of(caller, person.id).await.map(|ended| {
            let many = if ended == 1 { "1 session".to_owned() } else { format!("{ended} sessions") };
            Answer::go(path::person(person.id)).saying(format!("{many} of {} ended.", person.name))
        }),
        End::Person => operations.remove_person(caller, person.id).await.map(|()| {
            let said = format!("{} was removed. Their keys and sessions ended with that.", person.name);
            Answer::go(path::people()).saying(said)
        }),
    };
    match done {
        Ok(answer) => Ok(answer),
        Err(error) => {
            draft.refuse(error)?;
            sure.again(frame(visit, &person, title), StatusCode::CONFLICT, draft)
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let mut all = Vec::new();
    for act in [Act::Role, Act::Link] {
        for (number, person) in (1_u8..).zip(super::sample::people()) {
            let frame = Frame::sample(Section::People, "Somebody");
            let fields = ["role", "kind"];
            let draft = Draft::of(fields.map(|field| (field, HOSTILE.to_owned())));
            let page = ActPage { frame, person, act, roles: Role::ALL.to_vec(), is_enrolled: number % 2 == 0, draft };
            all.push(Sample::page(format!("{act:?} of person {number}").leak(), &page));
        }
    }
    all
}
