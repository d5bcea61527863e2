//! One person, and what can be done.

use askama::Template;
use control_plane_domain::person::{Person, PersonState};
use control_plane_domain::policy::{Permission, Role};
use control_plane_operations::PersonRow;

use super::role;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::kit::Tone;
use crate::console::path::{self, Href};
use crate::console::route::{Access, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/people/{person}",
    name: "person",
    access: Access::Permitted(&[Permission::PeopleList], |visit| Box::pin(one(visit))),
    query: &[],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/person.html")]
struct PersonPage {
    frame: Frame,
    person: Person,
    row: PersonRow,
}

/// What can be done to a person by somebody, and why not where it is no question of the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everything that the role allows.
    Whole,
    /// Nobody changes their own standing.
    Myself,
    /// Only an owner touches an owner.
    Owner,
    /// There is nothing left to do.
    Gone,
}

impl Reach {
    pub(super) fn of(frame: &Frame, person: &Person) -> Self {
        let Some(me) = &frame.who else { return Self::Gone };
        if person.state == PersonState::Removed {
            Self::Gone
        } else if me.person == person.id {
            Self::Myself
        } else if person.role == Role::Owner && me.role != Role::Owner {
            Self::Owner
        } else {
            Self::Whole
        }
    }
}

impl PersonPage {
    fn reach(&self) -> Reach {
        Reach::of(&self.frame, &self.person)
    }

    const fn method(&self) -> &'static str {
        super::list::method(&self.row)
    }

    /// What they did, in the audit log.
    fn did(&self) -> Href {
        path::audit().with("who", format_args!("person-{}", self.person.id))
    }
}

async fn one(visit: &Visit) -> Result<Answer, Trouble> {
    let row = visit.operations().get_person(visit.caller(), visit.path("person", "person")?).await?;
    let person = row.person.clone();
    let frame = visit.frame(Section::People, person.name.to_string()).crumb("People", path::people());
    Answer::page(&PersonPage { frame, person, row })
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::Sample;
    let page = |row: PersonRow| PersonPage {
        frame: Frame::sample(Section::People, "Somebody"),
        person: row.person.clone(),
        row,
    };
    let people = (1..).zip(super::sample::rows());
    people.map(|(number, row)| Sample::page(format!("person {number}").leak(), &page(row))).collect()
}
