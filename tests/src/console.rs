//! The console with people in it: a control plane, an enrolled Runner, and an owner who is signed in.

use crate::browser::{Browser, Look};
use crate::line::Line;
use crate::person::Person;
use crate::visitor::SESSION;

/// Both ends of the line, and the tenant's owner at the console.
pub struct Console {
    /// Control plane, Runner and what lies between them.
    pub line: Line,
    /// The owner.
    pub owner: Person,
}

impl Console {
    /// Started, with an owner who came by the link of the tenant's first day.
    pub fn start() -> Self {
        let line = Line::start();
        let owner = Person::join(&line.control_plane, &line.tenant.link, "owner@one.example");
        Self { line, owner }
    }

    /// Somebody with a role, who came by a link.
    pub fn person(&self, name: &str, role: &str) -> Person {
        let email = format!("{name}@one.example");
        let line = ["person", "add", &email, name, "--role", role];
        let _ = self.line.admin(&line).with_code(0);
        let link = self.line.control_plane.link(&self.line.tenant, &email, "invitation");
        Person::join(&self.line.control_plane, &link, &email)
    }

    /// A browser that somebody is signed in with.
    pub fn browser(&self, person: &Person) -> Browser {
        self.browser_with(person, Look::default())
    }

    /// The same, looking otherwise.
    pub fn browser_with(&self, person: &Person, look: Look) -> Browser {
        let browser = Browser::start_with(&self.line.control_plane, look);
        browser.set_cookie(SESSION, &person.visitor.session());
        browser
    }
}
