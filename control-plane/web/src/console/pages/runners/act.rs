//! What is done to a Runner: approved by its fingerprint, unlocked, revoked. Each has a page of its own, so that both
//! factors are asked for before anything is typed.

use askama::Template;
use contract::enrolment::Fingerprint;
use control_plane_domain::policy::Permission;
use control_plane_domain::runner::{Runner, RunnerState};
use http::StatusCode;
use ids::RunnerId;
use proof::text::FreeText;

use crate::console::answer::Answer;
use crate::console::frame::{Frame, Section};
use crate::console::pages::alarms::meaning;
use crate::console::pages::sure::Sure;
use crate::console::path;
use crate::console::route::{Access, Field, Handle, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::values::Draft;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

const fn page(path: &'static str, name: &'static str, permissions: &'static [Permission], handle: Handle) -> PageRoute {
    let access = Access::Permitted(permissions, handle);
    PageRoute { verb: Verb::Get, path, name, access, query: &[], takes: Takes::Nothing }
}

const fn act(
    path: &'static str,
    name: &'static str,
    permissions: &'static [Permission],
    fields: &'static [Field],
    handle: Handle,
) -> PageRoute {
    let access = Access::Permitted(permissions, handle);
    PageRoute { verb: Verb::Post, path, name, access, query: &[], takes: Takes::Form(fields) }
}

const APPROVE: &[Permission] = &[Permission::RunnersApprove];
const REVOKE: &[Permission] = &[Permission::RunnersRevoke];
const UNLOCK: &[Permission] = &[Permission::RunnersUnlock];

const FINGERPRINT: &[Field] = &[Field::one("fingerprint")];
const JUSTIFIED: &[Field] = &[Field::one("justification"), Field::one("confirm")];

pub(crate) const ROUTES: &[PageRoute] = &[
    page("/runners/{runner}/approve", "runner.approving", APPROVE, |visit| Box::pin(approving(visit))),
    act("/runners/{runner}/approve", "runner.approve", APPROVE, FINGERPRINT, |visit| Box::pin(approve(visit))),
    page("/runners/{runner}/revoke", "runner.revoking", REVOKE, |visit| Box::pin(shutting(visit, Act::Revoke))),
    act("/runners/{runner}/revoke", "runner.revoke", REVOKE, JUSTIFIED, |visit| Box::pin(shut(visit, Act::Revoke))),
    page("/runners/{runner}/unlock", "runner.unlocking", UNLOCK, |visit| Box::pin(shutting(visit, Act::Unlock))),
    act("/runners/{runner}/unlock", "runner.unlock", UNLOCK, JUSTIFIED, |visit| Box::pin(shut(visit, Act::Unlock))),
];

#[derive(Template)]
#[template(path = "page/runner_approve.html")]
struct ApprovePage {
    frame: Frame,
    runner: Runner,
    draft: Draft,
}

async fn approving(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    show_approve(visit, StatusCode::OK, Draft::default()).await
}

async fn show_approve(visit: &Visit, status: StatusCode, draft: Draft) -> Result<Answer, Trouble> {
    let runner = visit.operations().get_runner(visit.caller(), visit.path("runner", "Runner")?).await?;
    let frame = frame(visit, &runner, "Approve a Runner").answering(status);
    Answer::page_with(status, &ApprovePage { frame, runner, draft })
}

async fn approve(visit: &Visit) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let mut draft = visit.form().draft();
    let Some(fingerprint) = draft.read::<Fingerprint>("fingerprint") else {
        return show_approve(visit, StatusCode::UNPROCESSABLE_ENTITY, draft).await;
    };
    let runner: RunnerId = visit.path("runner", "Runner")?;
    match visit.operations().approve_runner(visit.caller(), runner, &fingerprint).await {
        Ok(approved) => {
            let said = format!("{} is approved. It connects by itself within seconds.", approved.label);
            Ok(Answer::go(path::runner(runner)).saying(said))
        }
        Err(error) => {
            draft.refuse(error)?;
            show_approve(visit, StatusCode::CONFLICT, draft).await
        }
    }
}

/// What ends or begins again with a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Revoke,
    Unlock,
}

impl Act {
    /// As it stands in the address.
    const fn word(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::Unlock => "unlock",
        }
    }
}

/// Says what comes of it, and asks for the label. Where there is nothing left to do it says so, and operations refuse.
fn sure_of(frame: &Frame, runner: &Runner, act: Act) -> Sure {
    let label = &runner.label;
    let says = match (act, &runner.state) {
        (Act::Revoke, RunnerState::Revoked { .. }) => "This Runner is revoked already.".to_owned(),
        (Act::Revoke, RunnerState::Pending | RunnerState::Active { .. } | RunnerState::Locked { .. }) => {
            "It is shut out for good: its session is cut within seconds, and its certificate is worth nothing. What it \
             reported stays and keeps verifying. To let it in again it has to be enrolled anew with a token and approved \
             by its fingerprint."
                .to_owned()
        }
        (Act::Unlock, RunnerState::Locked { reason, .. }) => format!(
            "It is locked because {}. Unlocking believes the certificate that it has. Do that only when you know the \
             cause and it is gone; if its keys may have been copied, revoke it and enrol it again instead.",
            meaning::lock_reason(*reason)
        ),
        (Act::Unlock, RunnerState::Pending | RunnerState::Active { .. } | RunnerState::Revoked { .. }) => {
            "This Runner is not locked.".to_owned()
        }
    };
    let (heading, button) = match act {
        Act::Revoke => (format!("Revoke {label}"), "Revoke for good"),
        Act::Unlock => (format!("Unlock {label}"), "Unlock"),
    };
    Sure {
        heading,
        says: vec![says],
        facts: vec![("Id", frame.id(runner.id)), ("Last seen", frame.time_or(runner.presence.last_seen, "never"))],
        what: "Runner's label",
        name: label.to_string(),
        wants_reason: true,
        hidden: &[],
        action: path::runner_act(runner.id, act.word()),
        button,
        is_danger: act == Act::Revoke,
        back: path::runner(runner.id),
        back_says: "Leave it as it is",
    }
}

/// The Runner that the path names, with what is asked about it.
async fn found(visit: &Visit, act: Act) -> Result<(Runner, Frame, Sure), Trouble> {
    let runner = visit.operations().get_runner(visit.caller(), visit.path("runner", "Runner")?).await?;
    let title = match act {
        Act::Revoke => "Revoke a Runner",
        Act::Unlock => "Unlock a Runner",
    };
    let frame = frame(visit, &runner, title);
    let sure = sure_of(&frame, &runner, act);
    Ok((runner, frame, sure))
}

async fn shutting(visit: &Visit, act: Act) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let (_, frame, sure) = found(visit, act).await?;
    sure.ask(frame)
}

async fn shut(visit: &Visit, act: Act) -> Result<Answer, Trouble> {
    visit.confirmed()?;
    let (found, frame, sure) = found(visit, act).await?;
    let mut draft = sure.read(visit.form());
    let (Some(justification), false) = (draft.read::<FreeText>("justification"), draft.has_faults()) else {
        return sure.again(frame, StatusCode::UNPROCESSABLE_ENTITY, draft);
    };
    let (operations, caller) = (visit.operations(), visit.caller());
    let done = match act {
        Act::Revoke => operations.revoke_runner(caller, found.id, justification).await,
        Act::Unlock => operations.unlock_runner(caller, found.id, justification).await,
    };
    match done {
        Ok(runner) => {
            let what = match act {
                Act::Revoke => "is revoked; its session is cut within seconds.",
                Act::Unlock => "is unlocked; it has to be started again at its host.",
            };
            Ok(Answer::go(path::runner(runner.id)).saying(format!("{} {what}", runner.label)))
        }
        Err(error) => {
            draft.refuse(error)?;
            sure.again(frame, StatusCode::CONFLICT, draft)
        }
    }
}

fn frame(visit: &Visit, runner: &Runner, title: &'static str) -> Frame {
    visit
        .frame(Section::Runners, title)
        .crumb("Runners", path::runners())
        .crumb(runner.label.to_string(), path::runner(runner.id))
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use super::sample;
    use crate::console::sample::{HOSTILE, Sample};
    let frame = || Frame::sample(Section::Runners, "A Runner");
    vec![
        Sample::page(
            "approve a Runner",
            &ApprovePage { frame: frame(), runner: sample::runner(), draft: Draft::default() },
        ),
        Sample::page(
            "approve a Runner, hostile",
            &ApprovePage {
                frame: frame(),
                runner: sample::hostile(),
                draft: Draft::of([("fingerprint", HOSTILE.to_owned())]),
            },
        ),
    ]
}
