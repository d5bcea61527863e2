//! Where a person is signed in, and the browsers that hold a key of theirs. What ends is named and its name typed.

use control_plane_domain::device::Device;
use control_plane_operations::SessionRow;
use crypto::Digest;
use http::StatusCode;
use ids::SessionId;

use super::browser;
use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::kit;
use crate::console::pages::sure::Sure;
use crate::console::path;
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;

fn frame(visit: &Visit, title: &'static str) -> Frame {
    visit.frame(Section::Account, title).crumb("Account", path::account())
}

/// The session that the path names, if it is one of the person's own.
async fn session(visit: &Visit) -> Result<SessionRow, Trouble> {
    let wanted: SessionId = visit.path("session", "session")?;
    let sessions = visit.operations().list_sessions(visit.caller()).await?;
    sessions.into_iter().find(|session| session.id == wanted).ok_or_else(|| Trouble::not_found("session"))
}

fn sure_of_one(frame: &Frame, session: &SessionRow) -> Sure {
    let own = if session.this { " It is the one in which you look at this." } else { "" };
    let program = browser(session);
    // A browser that nobody knows may call itself anything at any length.
    let is_short = program.chars().count() <= 40;
    let (what, name) =
        if is_short { ("browser's name", program.clone()) } else { ("network address", session.address.clone()) };
    Sure {
        heading: format!("End the session in {program}"),
        says: vec![format!("That browser has to sign in again with both factors.{own}")],
        facts: vec![
            ("Network address", kit::id(&session.address)),
            ("Since", frame.time(session.begun)),
            ("Last seen", frame.time(session.seen)),
            ("The browser calls itself", kit::id(&session.agent)),
        ],
        what,
        name,
        wants_reason: false,
        hidden: &[],
        action: path::account_session_end(session.id),
        button: "End the session",
        is_danger: true,
        back: path::account().at("sessions"),
        back_says: "Leave it",
    }
}

pub(super) async fn ending(visit: &Visit) -> Result<Answer, Trouble> {
    let session = session(visit).await?;
    let frame = frame(visit, "End a session");
    sure_of_one(&frame, &session).ask(frame)
}

pub(super) async fn end(visit: &Visit) -> Result<Answer, Trouble> {
    let session = session(visit).await?;
    let frame = frame(visit, "End a session");
    let sure = sure_of_one(&frame, &session);
    let draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(frame, StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    visit.operations().end_session(visit.caller(), session.id).await?;
    if session.this {
        return Ok(Answer::go(path::sign_in()).signed_out().saying("You are signed out."));
    }
    Ok(Answer::go(path::account().at("sessions")).saying("That session has ended."))
}

async fn sure_of_others(visit: &Visit) -> Result<Sure, Trouble> {
    let sessions = visit.operations().list_sessions(visit.caller()).await?;
    let others = sessions.iter().filter(|session| !session.this).count();
    let many = if others == 1 { "1 other session".to_owned() } else { format!("{others} other sessions") };
    Ok(Sure {
        heading: "End all other sessions".to_owned(),
        says: vec![format!(
            "{many} of yours will have to sign in again with both factors. What they have under way ends with them; this \
             one goes on."
        )],
        facts: Vec::new(),
        what: "e-mail address",
        name: visit.who().email.clone(),
        wants_reason: false,
        hidden: &[],
        action: path::account_sessions(),
        button: "End them",
        is_danger: true,
        back: path::account().at("sessions"),
        back_says: "Leave them",
    })
}

pub(super) async fn ending_others(visit: &Visit) -> Result<Answer, Trouble> {
    sure_of_others(visit).await?.ask(frame(visit, "End all other sessions"))
}

pub(super) async fn end_others(visit: &Visit) -> Result<Answer, Trouble> {
    let sure = sure_of_others(visit).await?;
    let draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(frame(visit, "End all other sessions"), StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    let ended = visit.operations().end_other_sessions(visit.caller()).await?;
    let text = if ended == 1 {
        "1 other session has ended.".to_owned()
    } else {
        format!("{ended} other sessions have ended.")
    };
    Ok(Answer::go(path::account().at("sessions")).saying(text))
}

/// The device key that the path names, if it is one of the person's own.
async fn device(visit: &Visit) -> Result<Device, Trouble> {
    let wanted: Digest = visit.path("fingerprint", "device")?;
    let devices = visit.operations().list_devices(visit.caller()).await?;
    devices.into_iter().find(|device| device.fingerprint == wanted).ok_or_else(|| Trouble::not_found("device"))
}

fn sure_of_device(frame: &Frame, device: &Device) -> Sure {
    Sure {
        heading: format!("Remove the device key “{}”", device.label),
        says: vec![
            "The browser or program that holds it requests no evidence and sends no secret any more. The same key cannot \
             come back: that browser makes another one, and the operator of each Runner approves its fingerprint anew."
                .to_owned(),
            "Have it taken off the Runners' lists too: proctor-runner readers revoke FINGERPRINT.".to_owned(),
        ],
        facts: vec![
            ("Fingerprint", frame.digest(device.fingerprint)),
            ("Since", frame.time(device.created)),
            ("Last used", frame.time_or(device.last_used, "never")),
        ],
        what: "label",
        name: device.label.to_string(),
        wants_reason: false,
        hidden: &[],
        action: path::account_device_remove(device.fingerprint),
        button: "Remove the device key",
        is_danger: true,
        back: path::account().at("devices"),
        back_says: "Keep it",
    }
}

pub(super) async fn removing_device(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let device = device(visit).await?;
    let frame = frame(visit, "Remove a device key");
    sure_of_device(&frame, &device).ask(frame)
}

pub(super) async fn remove_device(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let device = device(visit).await?;
    let frame = frame(visit, "Remove a device key");
    let sure = sure_of_device(&frame, &device);
    let draft = sure.read(visit.form());
    if draft.has_faults() {
        return sure.again(frame, StatusCode::UNPROCESSABLE_ENTITY, draft);
    }
    visit.operations().remove_device(visit.caller(), device.fingerprint).await?;
    Ok(Answer::go(path::account().at("devices")).saying("That device key is no longer accepted."))
}
