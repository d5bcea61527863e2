//! What stands around every page: who is signed in where, the navigation that their role sees, the token for forms, and
//! the words and shapes that templates write with.

use std::fmt::Display;

use clock::Timestamp;
use control_plane_domain::policy::{Permission, Role};
use crypto::Digest;
use http::StatusCode;
use ids::{PersonId, TenantId};
use verdict::{Counts, Severity, Status, StepStatus};

use super::asset;
use super::given::Given;
use super::kit::{self, Html, Tone};
use super::path::{self, Href};
use super::zone::{self, Zone};

/// A page's place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Findings,
    Runs,
    Requests,
    Procedures,
    Coverage,
    DrillDowns,
    Runners,
    Secrets,
    Alarms,
    People,
    Audit,
    Settings,
    Account,
    Activity,
    Keys,
    /// Nowhere in it.
    None,
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) person: PersonId,
    pub(crate) tenant: TenantId,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) organisation: String,
    pub(crate) role: Role,
}

/// What stands around a page.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) who: Option<Who>,
    pub(crate) crumbs: Vec<(String, Href)>,
    pub(crate) saying: Option<String>,
    pub(crate) scripts: Vec<&'static str>,
    pub(crate) is_live: bool,
    section: Section,
    token: String,
    now: Timestamp,
    zone: Zone,
}

/// A group of the navigation.
pub(crate) struct Group {
    pub(crate) label: &'static str,
    pub(crate) places: Vec<Place>,
}

/// A place of the navigation.
pub(crate) struct Place {
    pub(crate) label: &'static str,
    pub(crate) href: Href,
    pub(crate) is_here: bool,
}

type Entry = (Section, &'static str, fn() -> Href, &'static [Permission]);

/// The navigation; a place is seen by whoever has one of its permissions.
const PLACES: &[(&str, &[Entry])] = &[
    (
        "Results",
        &[
            (Section::Overview, "Overview", path::overview, &[Permission::RunsList]),
            (Section::Findings, "Findings", path::findings, &[Permission::FindingsList]),
            (Section::Runs, "Runs", path::runs, &[Permission::RunsList]),
            (Section::Procedures, "Procedures", path::procedures, &[Permission::ProceduresList]),
            (Section::Coverage, "Coverage", path::coverage, &[Permission::ChecksList]),
            (Section::DrillDowns, "Evidence requests", path::drilldowns, &[Permission::DrillDownsList]),
        ],
    ),
    (
        "Operation",
        &[
            (Section::Runners, "Runners", path::runners, &[Permission::RunnersList]),
            (Section::Requests, "Run requests", path::requests, &[Permission::RunsRequest]),
            (Section::Alarms, "Alarms", path::alarms, &[Permission::AlarmsList]),
            (Section::Secrets, "Secrets", path::secrets, &[Permission::SecretsList]),
        ],
    ),
    (
        "Organisation",
        &[
            (Section::People, "People", path::people, &[Permission::PeopleList]),
            (Section::Audit, "Audit log", path::audit, &[Permission::AuditList]),
            (Section::Settings, "Settings", path::settings, &[Permission::DrillDownsSwitch]),
        ],
    ),
    (
        "You",
        &[
            (Section::Account, "Account", path::account, &[Permission::AccountManage]),
            (Section::Activity, "My activity", path::account_activity, &[Permission::AccountManage]),
            (Section::Keys, "API keys", path::api_keys, &[Permission::ApiKeysList]),
        ],
    ),
];

impl Frame {
    pub(super) fn new(
        section: Section,
        title: String,
        who: Option<Who>,
        token: String,
        now: Timestamp,
        zone: Zone,
        saying: Option<String>,
    ) -> Self {
        let (crumbs, scripts) = (Vec::new(), Vec::new());
        Self { title, who, crumbs, saying, scripts, is_live: false, section, token, now, zone }
    }

    /// What stands around a page that is shown before anybody looked at who asks.
    pub(super) fn plain(title: &str) -> Self {
        Self::new(Section::None, title.to_owned(), None, String::new(), Timestamp::from_millis(0), Zone::UTC, None)
    }

    /// The page is reached through this one.
    #[must_use]
    pub(crate) fn crumb(mut self, label: impl Into<String>, href: Href) -> Self {
        self.crumbs.push((label.into(), href));
        self
    }

    /// The page answers a form: its title says when that was not done (WCAG 2.2, 3.3.1 and 2.4.2).
    #[must_use]
    pub(crate) fn answering(mut self, status: StatusCode) -> Self {
        if status.is_client_error() {
            self.title = format!("Not done: {}", self.title);
        }
        self
    }

    /// The page's own place at the end of its trail.
    pub(crate) fn here(&self) -> &str {
        self.title.strip_prefix("Not done: ").unwrap_or(&self.title)
    }

    /// Whether what the page shows comes from Runners.
    pub(crate) fn tells_results(&self) -> bool {
        matches!(
            self.section,
            Section::Overview
                | Section::Findings
                | Section::Runs
                | Section::Procedures
                | Section::Coverage
                | Section::DrillDowns
        )
    }

    /// The page follows what happens.
    #[must_use]
    pub(crate) fn live(mut self) -> Self {
        self.is_live = true;
        self
    }

    /// The page needs this script of ours.
    #[must_use]
    pub(crate) fn script(mut self, name: &'static str) -> Self {
        self.scripts.push(name);
        self
    }

    /// The forms of the page belong to another session than the one that asked for it.
    #[must_use]
    pub(super) fn with_token(mut self, token: String) -> Self {
        self.token = token;
        self
    }

    /// The navigation as this person sees it.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let Some(who) = &self.who else { return Vec::new() };
        let group = |(label, entries): &(&'static str, &[Entry])| {
            let seen = entries.iter().filter(|(_, _, _, needed)| needed.iter().any(|p| who.role.allows(*p)));
            let place =
                |(section, label, href, _): &Entry| Place { label, href: href(), is_here: *section == self.section };
            Group { label, places: seen.map(place).collect() }
        };
        PLACES.iter().map(group).filter(|group| !group.places.is_empty()).collect()
    }

    /// Whether this person's role allows it, by the permission's word.
    pub(crate) fn may(&self, word: &str) -> bool {
        let permission = word.parse::<Permission>();
        debug_assert!(permission.is_ok(), "{word} is no permission");
        self.who.as_ref().zip(permission.ok()).is_some_and(|(who, permission)| who.role.allows(permission))
    }

    /// The hidden field that every form needs.
    pub(crate) fn csrf(&self) -> Html {
        kit::hidden(super::csrf::FIELD, &self.token)
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Where a script, a style or a picture of ours is.
    pub(crate) fn asset(&self, name: &str) -> String {
        asset::path_of(name)
    }

    /// `2026-11-22 09:14 UTC · 3 min ago`.
    pub(crate) fn time(&self, time: impl Given<Timestamp>) -> Html {
        kit::time(time.given(), self.now, self.zone)
    }

    pub(crate) fn time_or(&self, time: impl Given<Option<Timestamp>>, otherwise: &str) -> Html {
        time.given().map_or_else(|| kit::quiet(otherwise), |time| self.time(time))
    }

    /// `2026-11-22 09:14:05 UTC · 3 min ago`.
    pub(crate) fn exact(&self, time: impl Given<Timestamp>) -> Html {
        kit::exact(time.given(), self.now, self.zone)
    }

    pub(crate) fn duration(&self, ms: impl Given<u64>) -> String {
        zone::length(ms.given())
    }

    pub(crate) fn status(&self, status: impl Given<Status>) -> Html {
        kit::status(status.given())
    }

    pub(crate) fn step(&self, status: impl Given<StepStatus>) -> Html {
        kit::step(status.given())
    }

    pub(crate) fn severity(&self, severity: impl Given<Severity>) -> Html {
        kit::severity(severity.given())
    }

    pub(crate) fn badge(&self, tone: impl Given<Tone>, word: impl Display) -> Html {
        kit::badge(tone.given(), word)
    }

    pub(crate) fn score(&self, score: impl Given<Option<u64>>) -> Html {
        kit::score(score.given())
    }

    pub(crate) fn counts(&self, counts: &Counts) -> Html {
        kit::counts(counts)
    }

    /// The same in one line, for tables.
    pub(crate) fn tally(&self, counts: &Counts) -> Html {
        kit::tally(counts)
    }

    pub(crate) fn number(&self, number: impl Display) -> String {
        kit::number(number)
    }

    pub(crate) fn digest(&self, digest: impl Given<Digest>) -> Html {
        kit::digest(&digest.given())
    }

    pub(crate) fn digest_short(&self, digest: impl Given<Digest>) -> Html {
        kit::digest_short(&digest.given())
    }

    pub(crate) fn id(&self, id: impl Display) -> Html {
        kit::id(id)
    }

    pub(crate) fn command(&self, text: impl Display) -> Html {
        kit::command(text)
    }

    /// A dash where there is nothing, and for those who hear the page, what there is not.
    pub(crate) fn none(&self, what: &str) -> Html {
        kit::none(what)
    }

    pub(crate) fn empty(&self, title: &str, text: &str) -> Html {
        kit::empty(title, text, None)
    }

    pub(crate) fn empty_with(&self, title: &str, text: &str, link: &str, href: impl Display) -> Html {
        kit::empty(title, text, Some((link, href.to_string())))
    }

    pub(crate) fn notice(&self, tone: impl Given<Tone>, text: impl Display) -> Html {
        kit::notice(tone.given(), text)
    }

    pub(crate) fn zone_name(&self) -> &'static str {
        self.zone.name()
    }
}

#[cfg(test)]
impl Frame {
    /// What stands around a sample: an owner with a hostile name, and a sentence.
    pub(crate) fn sample(section: Section, title: &str) -> Self {
        let who = Who {
            person: PersonId::NIL,
            tenant: TenantId::NIL,
            name: super::sample::HOSTILE.to_owned(),
            email: "ada@example.org".to_owned(),
            organisation: super::sample::HOSTILE.to_owned(),
            role: Role::Owner,
        };
        let now = Timestamp::from_millis(1_795_000_000_000);
        let saying = Some(super::sample::HOSTILE.to_owned());
        Self::new(section, title.to_owned(), Some(who), "token".to_owned(), now, Zone::UTC, saying)
    }

    /// The same for somebody who is not signed in.
    pub(crate) fn sample_guest(title: &str) -> Self {
        Self { who: None, ..Self::sample(Section::None, title) }
    }
}
