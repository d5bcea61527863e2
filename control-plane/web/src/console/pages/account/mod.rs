//! A person's own sign-in: who they are here, their password, second factor, recovery codes, sessions, device keys and
//! time zone.

mod activity;
mod agent;
mod factor;
mod password;
mod sessions;
mod zone;

use std::str::FromStr;

use askama::Template;
use control_plane_domain::device::Device;
use control_plane_operations::{Account, AccountPage as Whole, SessionRow};

use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::pages::whole;
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[
    PageRoute {
        verb: Verb::Get,
        path: "/account",
        name: "account",
        access: Access::Full(|visit| Box::pin(show(visit))),
        query: &[Field::one("table"), Field::one("format")],
        takes: Takes::Nothing,
    },
    activity::ROUTE,
    page("/account/password", "account.password", |visit| Box::pin(password::show(visit))),
    form(
        "/account/password",
        "account.password.set",
        &[Field::one("username"), Field::secret("old"), Field::secret("new"), Field::secret("repeat")],
        |visit| Box::pin(password::change(visit)),
    ),
    page("/account/second-factor", "account.factor", |visit| Box::pin(factor::show(visit))),
    form("/account/second-factor", "account.factor.set", &[Field::secret("code")], |visit| {
        Box::pin(factor::replace(visit))
    }),
    page("/account/recovery-codes", "account.codes", |visit| Box::pin(factor::ask_codes(visit))),
    form("/account/recovery-codes", "account.codes.make", NAMED, |visit| Box::pin(factor::make_codes(visit))),
    form("/account/recovery-codes/file", "account.codes.file", &[Field::secrets("code")], |visit| {
        Box::pin(factor::codes_file(visit))
    }),
    page("/account/sessions", "account.sessions.ending", |visit| Box::pin(sessions::ending_others(visit))),
    form("/account/sessions", "account.sessions.end", NAMED, |visit| Box::pin(sessions::end_others(visit))),
    page("/account/sessions/{session}/end", "account.session.ending", |visit| Box::pin(sessions::ending(visit))),
    form("/account/sessions/{session}/end", "account.session.end", NAMED, |visit| Box::pin(sessions::end(visit))),
    page("/account/devices/{fingerprint}/remove", "account.device.removing", |visit| {
        Box::pin(sessions::removing_device(visit))
    }),
    form("/account/devices/{fingerprint}/remove", "account.device.remove", NAMED, |visit| {
        Box::pin(sessions::remove_device(visit))
    }),
    page("/account/zone", "account.zone", |visit| Box::pin(zone::show(visit))),
    form("/account/zone", "account.zone.set", &[Field::one("zone")], |visit| Box::pin(zone::set(visit))),
];

/// What ends is named.
const NAMED: &[Field] = &[Field::one("confirm")];

const fn page(path: &'static str, name: &'static str, handle: crate::console::route::Handle) -> PageRoute {
    PageRoute { verb: Verb::Get, path, name, access: Access::Full(handle), query: &[], takes: Takes::Nothing }
}

const fn form(
    path: &'static str,
    name: &'static str,
    fields: &'static [Field],
    handle: crate::console::route::Handle,
) -> PageRoute {
    PageRoute { verb: Verb::Post, path, name, access: Access::Full(handle), query: &[], takes: Takes::Form(fields) }
}

#[derive(Template)]
#[template(path = "page/account.html")]
struct AccountPage {
    frame: Frame,
    account: Account,
    sessions: Vec<SessionRow>,
    devices: Vec<DeviceRow>,
}

/// Which of the tables of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    Sessions,
    Devices,
}

impl FromStr for Table {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sessions" => Ok(Self::Sessions),
            "devices" => Ok(Self::Devices),
            _ => Err("an account has the tables sessions and devices"),
        }
    }
}

/// What a session's browser is, for a person to recognise.
fn browser(session: &SessionRow) -> String {
    agent::name(session.agent.as_str())
}

/// One of the tables of the page as a file.
fn file_of(table: &str) -> Href {
    path::account().with("format", "csv").with("table", table)
}

struct DeviceRow {
    device: Device,
    remove: Href,
}

impl AccountPage {
    fn has_others(&self) -> bool {
        self.sessions.iter().any(|session| !session.this)
    }
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    if visit.query().text("format") == Some("csv") {
        return table(visit, visit.query().parsed("table")?.unwrap_or(Table::Sessions)).await;
    }
    let Whole { account, sessions, devices } = visit.operations().account_page(visit.caller()).await?;
    let row = |device: Device| DeviceRow { remove: path::account_device_remove(device.fingerprint), device };
    let devices = devices.into_iter().map(row).collect();
    Answer::page(&AccountPage { frame: visit.frame(Section::Account, "Account"), account, sessions, devices })
}

async fn table(visit: &Visit, table: Table) -> Result<Answer, Trouble> {
    let (operations, caller) = (visit.operations(), visit.caller());
    match table {
        Table::Sessions => {
            let head = &["Session", "Browser", "Address", "Since", "Last seen", "Ends at the latest", "This one"];
            let sessions = operations.list_sessions(caller).await?;
            whole::table(visit, "sessions", head, sessions, |session: &SessionRow| {
                csv::Row::new()
                    .text(session.id)
                    .text(&session.agent)
                    .text(&session.address)
                    .time(session.begun)
                    .time(session.seen)
                    .time(session.expires)
                    .text(if session.this { "yes" } else { "no" })
            })
            .await
        }
        Table::Devices => {
            let head = &["Fingerprint", "Label", "Since", "Last used"];
            let devices = operations.list_devices(caller).await?;
            whole::table(visit, "device-keys", head, devices, |device: &Device| {
                csv::Row::new()
                    .text(device.fingerprint)
                    .text(&device.label)
                    .time(device.created)
                    .maybe_time(device.last_used)
            })
            .await
        }
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample, hostile_text};
    use clock::Timestamp;
    use control_plane_domain::person::{Person, PersonState};
    use control_plane_domain::policy::Role;
    use crypto::Digest;
    use ids::{PersonId, SessionId};

    let at = Timestamp::from_millis(1_794_990_000_000);
    let account = || Account {
        person: Person {
            id: PersonId::NIL,
            name: hostile_text(),
            email: "ada@example.org".parse().expect("a sample is an e-mail address"),
            role: Role::Owner,
            state: PersonState::Active,
            created: at,
        },
        organisation: hostile_text(),
        password_set: at,
        totp_since: at,
        recovery_left: 2,
        zone: None,
        session: SessionId::NIL,
        confirmed: at,
        session_expires: at.plus_ms(40_000_000),
        devices: 1,
    };
    let session = |this| SessionRow {
        id: SessionId::NIL,
        this,
        begun: at,
        seen: at,
        expires: at.plus_ms(40_000_000),
        address: HOSTILE.to_owned(),
        agent: hostile_text(),
    };
    let device = Device {
        person: PersonId::NIL,
        fingerprint: Digest::ZERO,
        spki: Vec::new(),
        label: hostile_text(),
        created: at,
        last_used: None,
    };
    let page = |sessions, devices| AccountPage {
        frame: Frame::sample(Section::Account, "Account"),
        account: account(),
        sessions,
        devices,
    };
    let row = DeviceRow { device, remove: path::account_device_remove(Digest::ZERO) };
    let mut samples = vec![
        Sample::page("account, empty", &page(vec![session(true)], vec![])),
        Sample::page("account, hostile", &page(vec![session(true), session(false)], vec![row])),
    ];
    samples.extend(password::samples());
    samples.extend(factor::samples());
    samples.extend(zone::samples());
    samples.extend(activity::samples());
    samples
}
