//! Who is in the tenant, and what the roles are.

use askama::Template;
use control_plane_domain::person::{Person, PersonState};
use control_plane_domain::policy::{Permission, Role};
use control_plane_operations::PersonRow;

use super::role::{self, Ability};
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::kit::{Pager, Tone};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/people",
    name: "people",
    access: Access::Permitted(&[Permission::PeopleList], |visit| Box::pin(list(visit))),
    query: &[Field::one("cursor"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/people.html")]
struct PeoplePage {
    frame: Frame,
    rows: Vec<PersonRow>,
    pager: Pager,
    abilities: Vec<Ability>,
}

impl PeoplePage {
    fn new(frame: Frame, rows: Vec<PersonRow>, pager: Pager) -> Self {
        Self { frame, rows, pager, abilities: role::abilities() }
    }

    fn is_me(&self, person: &Person) -> bool {
        self.frame.who.as_ref().is_some_and(|who| who.person == person.id)
    }
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    if visit.query().text("format") == Some("csv") {
        return table(visit).await;
    }
    let people = visit.operations().list_people_standing(visit.caller(), &visit.query().page()?).await?;
    let pager = visit.pager(&people);
    Answer::page(&PeoplePage::new(visit.frame(Section::People, "People"), people.items, pager))
}

async fn table(visit: &Visit) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations().clone(), visit.caller().clone());
    csv::answer(
        visit,
        "people",
        &["Person", "Name", "E-mail", "Role", "State", "Since", "Second factor", "Signed in", "Open link until"],
        move |page| {
            let (operations, caller) = (operations.clone(), caller.clone());
            async move { operations.list_people_standing(&caller, &page).await }
        },
        |row: &PersonRow| {
            let person = &row.person;
            csv::Row::new()
                .text(person.id)
                .text(&person.name)
                .text(&person.email)
                .text(person.role)
                .text(person.state)
                .time(person.created)
                .text(if row.second_factor { "yes" } else { "no" })
                .maybe_time(row.signed_in)
                .maybe_time(row.open_link)
        },
    )
    .await
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::Sample;
    let frame = || Frame::sample(Section::People, "People");
    vec![
        Sample::page("people", &PeoplePage::new(frame(), super::sample::rows(), Pager::default())),
        Sample::page("people, none", &PeoplePage::new(frame(), Vec::new(), Pager::default())),
    ]
}
