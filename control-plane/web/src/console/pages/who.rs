//! People and Runners as pages name them: by name where one is known, by the end of the id otherwise, with a link where
//! the reader may follow it.

use askama::Template;
use control_plane_domain::policy::Permission;
use control_plane_operations::console::{Names, ProcedureTitles};
use crypto::Digest;
use ids::{PersonId, RunnerId};
use proof::text::{FreeText, Name};

use crate::console::kit::{self, Html};
use crate::console::path::{self, Href};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;

/// Something that has a page of its own.
#[derive(Debug, Clone, Template)]
#[template(path = "part/linked.html")]
pub(crate) struct Linked {
    pub(crate) text: String,
    pub(crate) href: Option<Href>,
}

impl Linked {
    pub(crate) fn html(&self) -> Html {
        kit::html(self)
    }
}

/// A procedure at a Runner: by its title where one is known, with a link where it is installed.
pub(crate) fn named(id: &Name, title: Option<&FreeText>, runner: RunnerId, digest: Option<Digest>) -> Html {
    let text = title.map_or_else(|| id.to_string(), ToString::to_string);
    Linked { text, href: digest.map(|digest| path::procedure(runner, digest)) }.html()
}

/// Who is who, for one page.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    names: Names,
    titles: ProcedureTitles,
    /// What the reader may see of what is linked.
    links: Vec<Permission>,
}

/// Every permission that a link of these pages leads to and that some role lacks.
const LINKED: [Permission; 5] = [
    Permission::PeopleList,
    Permission::AlarmsList,
    Permission::DrillDownsList,
    Permission::SecretsList,
    Permission::TokensCreate,
];

impl Who {
    /// The names of these.
    pub(crate) async fn read(
        visit: &Visit,
        people: impl IntoIterator<Item = PersonId>,
        runners: impl IntoIterator<Item = RunnerId>,
    ) -> Result<Self, Trouble> {
        let (people, runners) = (people.into_iter().collect(), runners.into_iter().collect());
        let names = visit.operations().names(visit.caller(), &people, &runners).await?;
        let links = LINKED.into_iter().filter(|permission| visit.may(*permission)).collect();
        Ok(Self { names, titles: ProcedureTitles::new(), links })
    }

    /// For a file, in which nothing is linked.
    pub(crate) fn of(names: Names) -> Self {
        Self { names, titles: ProcedureTitles::new(), links: Vec::new() }
    }

    /// The same, and what these procedures are called.
    pub(crate) fn with_titles(self, titles: ProcedureTitles) -> Self {
        Self { titles, ..self }
    }

    /// A procedure as a Runner has it: by its title where it is installed still, which is where the link leads.
    pub(crate) fn procedure(&self, runner: RunnerId, digest: Digest) -> Linked {
        match self.titles.get(&(runner, digest)) {
            Some(known) => {
                Linked { text: format!("“{}”", known.title), href: Some(path::procedure(runner, digest)) }
            }
            None => Linked { text: format!("procedure {}", begin(&digest)), href: None },
        }
    }

    pub(crate) fn person(&self, person: PersonId) -> Linked {
        let text = self.person_name(person);
        Linked { text, href: self.link(Permission::PeopleList, path::person(person)) }
    }

    /// Where somebody is led who may see what is there.
    pub(crate) fn link(&self, needed: Permission, href: Href) -> Option<Href> {
        self.links.contains(&needed).then_some(href)
    }

    pub(crate) fn person_name(&self, person: PersonId) -> String {
        self.names.people.get(&person).map_or_else(|| short(&person), ToString::to_string)
    }

    pub(crate) fn runner(&self, runner: RunnerId) -> Linked {
        Linked { text: self.runner_name(runner), href: Some(path::runner(runner)) }
    }

    pub(crate) fn runner_name(&self, runner: RunnerId) -> String {
        self.names.runners.get(&runner).map_or_else(|| short(&runner), ToString::to_string)
    }
}

/// The beginning of a digest.
pub(crate) fn begin(digest: &Digest) -> String {
    digest.to_string().chars().take(16).chain(['…']).collect()
}

/// The end of an id: its beginning is the time, which many share.
pub(crate) fn short(id: &impl std::fmt::Display) -> String {
    let id = id.to_string();
    match id.rsplit_once('-') {
        Some((_, end)) => format!("…{end}"),
        None => id,
    }
}

#[cfg(test)]
impl Who {
    /// Whoever is named in the samples of pages.
    pub(crate) fn sample(names: &[(PersonId, &str)], runners: &[(RunnerId, &str)]) -> Self {
        let names = Names {
            people: names.iter().map(|(id, name)| (*id, name.parse().unwrap())).collect(),
            runners: runners.iter().map(|(id, label)| (*id, label.parse().unwrap())).collect(),
        };
        Self { names, titles: ProcedureTitles::new(), links: LINKED.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_known_is_named_by_the_end_of_the_id() {
        let (ada, other) = (PersonId::from_parts(1, [1; 10]), PersonId::from_parts(1, [2; 10]));
        let who = Who::sample(&[(ada, "Ada <b>")], &[]);
        assert_eq!(who.person_name(ada), "Ada <b>");
        assert_eq!(who.person_name(other), "…020202020202");
        assert!(!who.person(ada).html().to_string().contains("<b>"));
    }
}
