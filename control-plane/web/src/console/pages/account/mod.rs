//! A person's own sign-in: who they are here, their password, second factor, recovery codes, sessions, device keys and
//! time zone.

mod agent;
mod factor;
mod password;
mod sessions;
mod zone;

use askama::Template;
use control_plane_domain::device::Device;
use control_plane_operations::{Account, SessionRow};

use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
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
        query: &[],
        takes: Takes::Nothing,
    },
    page("/account/password", "account.password", |visit| Box::pin(password::show(visit))),
    form(
        "/account/password",
        "account.password.set",
        &[Field::one("username"), Field::one("old"), Field::one("new"), Field::one("repeat")],
        |visit| Box::pin(password::change(visit)),
    ),
    page("/account/second-factor", "account.factor", |visit| Box::pin(factor::show(visit))),
    form("/account/second-factor", "account.factor.set", &[Field::one("code")], |visit| {
        Box::pin(factor::replace(visit))
    }),
    page("/account/recovery-codes", "account.codes", |visit| Box::pin(factor::ask_codes(visit))),
    form("/account/recovery-codes", "account.codes.make", &[], |visit| Box::pin(factor::make_codes(visit))),
    form("/account/recovery-codes/file", "account.codes.file", &[Field::many("code")], |visit| {
        Box::pin(factor::codes_file(visit))
    }),
    form("/account/sessions", "account.sessions.end", &[], |visit| Box::pin(sessions::end_others(visit))),
    form("/account/sessions/{session}/end", "account.session.end", &[], |visit| Box::pin(sessions::end(visit))),
    form("/account/devices/{fingerprint}/remove", "account.device.remove", &[], |visit| {
        Box::pin(sessions::remove_device(visit))
    }),
    page("/account/zone", "account.zone", |visit| Box::pin(zone::show(visit))),
    form("/account/zone", "account.zone.set", &[Field::one("zone")], |visit| Box::pin(zone::set(visit))),
];

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

/// What a session's browser is, for a person to recognise.
fn browser(session: &SessionRow) -> String {
    agent::name(session.agent.as_str())
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
    let operations = visit.operations();
    let account = operations.account(visit.caller()).await?;
    let sessions = operations.list_sessions(visit.caller()).await?;
    let devices = operations.list_devices(visit.caller()).await?;
    let row = |device: Device| DeviceRow { remove: path::account_device_remove(device.fingerprint), device };
    let devices = devices.into_iter().map(row).collect();
    Answer::page(&AccountPage { frame: visit.frame(Section::Account, "Account"), account, sessions, devices })
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
    samples
}
