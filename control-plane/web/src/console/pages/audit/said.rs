//! Sentences about the audit log as a page shows them, with everything that they name linked.

use std::collections::BTreeSet;

use askama::Template;
use clock::Timestamp;
use control_plane_domain::audit::AuditRecord;
use control_plane_domain::audit_log::AuditLine;
use control_plane_domain::policy::Permission;
use crypto::Digest;
use ids::{PersonId, RunnerId};
use proof::log::Line;

use super::sentence::{self, Part};
use crate::console::given::Given;
use crate::console::kit::{self, Html};
use crate::console::pages::who::{Who, begin, short};
use crate::console::path::{self, Href};
use crate::console::zone::Zone;

/// A line of the log, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) line: AuditLine,
    pub(crate) actor: Vec<Part>,
    pub(crate) what: Vec<Part>,
}

impl Told {
    /// What a line says. One that this version cannot read is shown as it stands, and says so.
    pub(crate) fn of(line: AuditLine) -> Self {
        let record = Line::parse(&line.line).ok().and_then(|line| AuditRecord::read(&line).ok());
        let (actor, what) = match record {
            Some(AuditRecord { actor, action }) => (sentence::actor(&actor), sentence::sentence(action)),
            None => {
                let words = "This version cannot read the record; its exact line is below.".to_owned();
                (vec![Part::Words("unknown".to_owned())], vec![Part::Words(words)])
            }
        };
        Self { line, actor, what }
    }

    /// Whoever the line names.
    pub(crate) fn names(&self) -> (BTreeSet<PersonId>, BTreeSet<RunnerId>) {
        let parts = || self.actor.iter().chain(&self.what);
        let people = parts().filter_map(|part| if let Part::Person(person) = part { Some(*person) } else { None });
        let runners = parts().filter_map(|part| if let Part::Runner(runner) = part { Some(*runner) } else { None });
        (people.collect(), runners.collect())
    }

    /// The procedures that it names, where they are.
    pub(crate) fn procedures(&self) -> impl Iterator<Item = (RunnerId, Digest)> {
        let named =
            |part: &Part| if let Part::Procedure(runner, digest) = part { Some((*runner, *digest)) } else { None };
        self.what.iter().filter_map(named)
    }
}

/// How a piece of a sentence is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Quoted,
    Code,
    Time(Timestamp),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    look: Look,
    text: String,
    href: Option<Href>,
}

#[derive(Template)]
#[template(path = "part/sentence.html")]
struct Sentence {
    pieces: Vec<Piece>,
    now: Timestamp,
    zone: Zone,
}

impl Sentence {
    fn time(&self, time: impl Given<Timestamp>) -> Html {
        kit::time(time.given(), self.now, self.zone)
    }
}

/// The sentence as markup, its times in this zone and with how long ago they were.
pub(crate) fn html(parts: &[Part], who: &Who, now: Timestamp, zone: Zone) -> Html {
    kit::html(&Sentence { pieces: parts.iter().map(|part| piece(part, who)).collect(), now, zone })
}

/// The sentence as text, ids in full.
pub(crate) fn text(parts: &[Part], who: &Who) -> String {
    parts.iter().map(|part| plain(part, who)).collect()
}

fn piece(part: &Part, who: &Who) -> Piece {
    let of = |look, text: String, href| Piece { look, text, href };
    match part {
        Part::Words(words) => of(Look::Plain, words.clone(), None),
        Part::Quote(text) => of(Look::Quoted, text.to_string(), None),
        Part::Word(word) => of(Look::Code, word.clone(), None),
        Part::Code(code) => of(Look::Code, code.to_string(), Some(path::code(code.as_str()))),
        Part::Time(time) => of(Look::Time(*time), String::new(), None),
        Part::Person(person) => {
            let linked = who.person(*person);
            of(Look::Plain, linked.text, linked.href)
        }
        Part::Runner(runner) => {
            let linked = who.runner(*runner);
            of(Look::Plain, linked.text, linked.href)
        }
        Part::Procedure(runner, digest) => {
            let linked = who.procedure(*runner, *digest);
            of(Look::Plain, linked.text, linked.href)
        }
        Part::Run(run) => of(Look::Code, short(run), Some(path::run(*run))),
        Part::RunRequest(request) => of(Look::Code, short(request), Some(path::request(*request))),
        Part::DrillDown(request) => {
            of(Look::Code, short(request), who.link(Permission::DrillDownsList, path::drilldown(*request)))
        }
        Part::Secret(secret) => {
            let place = path::secrets().at(&format!("secret-{secret}"));
            of(Look::Code, short(secret), who.link(Permission::SecretsList, place))
        }
        Part::Alarm(alarm) => {
            let href = who.link(Permission::AlarmsList, path::alarm(*alarm));
            of(Look::Plain, format!("alarm {}", short(alarm)), href)
        }
        Part::Token(token) => {
            let place = path::add_runner().at(&format!("token-{token}"));
            of(Look::Code, short(token), who.link(Permission::TokensCreate, place))
        }
        Part::Key(key) => of(Look::Code, short(key), Some(path::api_keys().at(&format!("key-{key}")))),
        Part::Session(session) => of(Look::Code, short(session), None),
        Part::Digest(digest) => of(Look::Code, begin(digest), None),
    }
}

fn plain(part: &Part, who: &Who) -> String {
    match part {
        Part::Words(words) => words.clone(),
        Part::Quote(text) => format!("“{text}”"),
        Part::Word(word) => word.clone(),
        Part::Code(code) => code.to_string(),
        Part::Time(time) => time.to_string(),
        Part::Person(person) => format!("{} ({person})", who.person_name(*person)),
        Part::Runner(runner) => format!("{} ({runner})", who.runner_name(*runner)),
        Part::Procedure(runner, digest) => format!("{} ({digest})", who.procedure(*runner, *digest).text),
        Part::Run(run) => run.to_string(),
        Part::RunRequest(request) | Part::DrillDown(request) | Part::Secret(request) => request.to_string(),
        Part::Alarm(alarm) => format!("alarm {alarm}"),
        Part::Token(token) => token.to_string(),
        Part::Key(key) => key.to_string(),
        Part::Session(session) => session.to_string(),
        Part::Digest(digest) => digest.to_string(),
    }
}
