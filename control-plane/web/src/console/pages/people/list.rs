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
use crate::console::pages::whole;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/people",
    name: "people",
    access: Access::Permitted(&[Permission::PeopleList], |visit| Box::pin(list(visit))),
    query: &[Field::one("table"), Field::one("cursor"), Field::one("format")],
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

    fn roles_csv(&self) -> Href {
        path::people().with("format", "csv").with("table", "roles")
    }

    /// How somebody gets in.
    const fn method(&self, row: &PersonRow) -> &'static str {
        method(row)
    }

    fn is_me(&self, person: &Person) -> bool {
        self.frame.who.as_ref().is_some_and(|who| who.person == person.id)
    }
}

/// How somebody gets in.
pub(super) const fn method(row: &PersonRow) -> &'static str {
    match (row.second_factor, row.has_key) {
        (true, true) => "password and second factor; API key",
        (true, false) => "password and second factor",
        (false, true) => "API key only",
        (false, false) => "none yet",
    }
}

async fn list(visit: &Visit) -> Result<Answer, Trouble> {
    if visit.query().text("format") == Some("csv") {
        return match visit.query().text("table") {
            None | Some("people") => table(visit).await,
            Some("roles") => roles(visit).await,
            Some(_) => Err(Trouble::invalid("the page has the tables people and roles")),
        };
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
        &[
            "Person",
            "Name",
            "E-mail",
            "Role",
            "State",
            "Since",
            "Second factor",
            "API key",
            "Signed in",
            "Open link until",
        ],
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
                .text(if row.has_key { "yes" } else { "no" })
                .maybe_time(row.signed_in)
                .maybe_time(row.open_link)
        },
    )
    .await
}

/// A role a row, with what it is for and what it may do.
async fn roles(visit: &Visit) -> Result<Answer, Trouble> {
    let abilities = role::abilities();
    let says = abilities.iter().map(|ability| ability.says);
    let head: Vec<&str> = ["Role", "What it is for"].into_iter().chain(says).collect();
    let row = |(at, role): (usize, &Role)| {
        let allowed = abilities.iter().map(|ability| ability.allowed.get(at).copied().unwrap_or_default()).collect();
        (*role, allowed)
    };
    let rows: Vec<(Role, Vec<bool>)> = Role::ALL.iter().enumerate().map(row).collect();
    whole::table(visit, "roles", &head, rows, |(role, allowed): &(Role, Vec<bool>)| {
        let row = csv::Row::new().text(role).text(role::purpose(*role));
        allowed.iter().fold(row, |row, allowed| row.text(if *allowed { "yes" } else { "no" }))
    })
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
