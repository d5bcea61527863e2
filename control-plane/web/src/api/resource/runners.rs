//! Runners: let in, looked at, shut out.

use clock::Timestamp;
use contract::enrolment::Fingerprint;
use control_plane_domain::policy::Permission;
use control_plane_domain::runner::{Condition, LockReason, Runner, RunnerState, Standing};
use http::StatusCode;
use ids::{RunnerId, TokenId};
use proof::text::{FreeText, Name, Software};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shape;
use crate::api::route::{Access, Answering, Call, Form, Parameter, Reply, Route, Shape, Verb, schema_of};

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/runners",
        id: "listRunners",
        summary: "Runners, and how they are",
        access: Access::Permitted(&[Permission::RunnersList], list),
        query: &[Parameter {
            name: "standing",
            description: "Only Runners of this standing.",
            form: Form::Words(&["pending", "active", "locked", "revoked"]),
        }],
        body: None,
        shape: Shape::Page(schema_of::<RunnerDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/runners/{runner}",
        id: "getRunner",
        summary: "One Runner",
        access: Access::Permitted(&[Permission::RunnersList], get),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<RunnerDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/runners/{runner}/approve",
        id: "approveRunner",
        summary: "Let a Runner in whose fingerprint you compared with what its operator sees",
        access: Access::Permitted(&[Permission::RunnersApprove], approve),
        query: &[],
        body: Some(schema_of::<Approve>()),
        shape: Shape::Json(StatusCode::OK, schema_of::<RunnerDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/runners/{runner}/revoke",
        id: "revokeRunner",
        summary: "Shut a Runner out for good; its live stream is cut within seconds",
        access: Access::Permitted(&[Permission::RunnersRevoke], revoke),
        query: &[],
        body: Some(schema_of::<Justified>()),
        shape: Shape::Json(StatusCode::OK, schema_of::<RunnerDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/runners/{runner}/unlock",
        id: "unlockRunner",
        summary: "Let a locked Runner in again, knowing why it was locked",
        access: Access::Permitted(&[Permission::RunnersUnlock], unlock),
        query: &[],
        body: Some(schema_of::<Justified>()),
        shape: Shape::Json(StatusCode::OK, schema_of::<RunnerDocument>()),
    },
];

/// A Runner.
#[derive(Serialize, ToSchema)]
#[schema(as = Runner)]
struct RunnerDocument {
    /// The id that it made for itself.
    #[schema(value_type = shape::Id)]
    id: RunnerId,
    /// What its operator calls it; a label, never an identity.
    #[schema(value_type = shape::Typed)]
    label: FreeText,
    /// Whether it is let in.
    #[schema(value_type = shape::StandingWord)]
    standing: Standing,
    /// Since when; nothing while it waits to be approved.
    #[schema(value_type = Option<shape::Time>)]
    standing_since: Option<Timestamp>,
    /// Why it was locked.
    #[schema(value_type = Option<shape::LockWord>)]
    lock_reason: Option<LockReason>,
    /// Of its keys; compare it with what the Runner's operator sees before you approve.
    #[schema(value_type = shape::Groups)]
    fingerprint: Fingerprint,
    /// When it asked to be let in.
    #[schema(value_type = shape::Time)]
    enrolled: Timestamp,
    /// The token that it came with.
    #[schema(value_type = shape::Id)]
    token: TokenId,
    /// How many certificates it has had.
    generation: u64,
    /// Whether it has a session now.
    connected: bool,
    /// When it was last heard of.
    #[schema(value_type = Option<shape::Time>)]
    last_seen: Option<Timestamp>,
    /// How it is, as it says.
    #[schema(value_type = Option<shape::ConditionWord>)]
    condition: Option<Condition>,
    /// Its program and version.
    #[schema(value_type = shape::ShortText)]
    software: Software,
    /// What guards its store's root key.
    #[schema(value_type = Option<shape::Word>)]
    seal_level: Option<Name>,
    /// Records of its journal that have not come here, as it says.
    waiting: u64,
    /// Since when something that was due has neither run nor been accounted for.
    #[schema(value_type = Option<shape::Time>)]
    overdue_since: Option<Timestamp>,
}

impl From<Runner> for RunnerDocument {
    fn from(runner: Runner) -> Self {
        let Runner { id, label, token, enrolled, state, keys, generation, presence, overdue_since } = runner;
        let (standing_since, lock_reason) = match state {
            RunnerState::Pending => (None, None),
            RunnerState::Active { since } | RunnerState::Revoked { since } => (Some(since), None),
            RunnerState::Locked { since, reason } => (Some(since), Some(reason)),
        };
        Self {
            id,
            label,
            standing: state.standing(),
            standing_since,
            lock_reason,
            fingerprint: Fingerprint::new(keys.fingerprint),
            enrolled,
            token,
            generation,
            connected: presence.connected,
            last_seen: presence.last_seen,
            condition: presence.condition,
            software: presence.software,
            seal_level: presence.seal_level,
            waiting: presence.waiting,
            overdue_since,
        }
    }
}

/// What was compared.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approve {
    /// The fingerprint that the Runner's operator sees, with or without separators.
    #[schema(value_type = shape::Groups)]
    fingerprint: Fingerprint,
}

/// Why it is done; stands in the audit log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Justified {
    /// Why, on one line.
    #[schema(value_type = shape::Typed)]
    pub(super) justification: FreeText,
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let (standing, page) = (call.query.parsed("standing")?, call.query.page()?);
        let runners = call.operations().list_runners(&call.caller, standing, &page).await?;
        Reply::page::<_, RunnerDocument>(runners)
    })
}

fn get(call: Call) -> Answering {
    Box::pin(async move {
        let runner = call.operations().get_runner(&call.caller, call.path("runner", "Runner")?).await?;
        Reply::ok(&RunnerDocument::from(runner))
    })
}

fn approve(call: Call) -> Answering {
    Box::pin(async move {
        let Approve { fingerprint } = call.json()?;
        let runner = call.path("runner", "Runner")?;
        let approved = call.operations().approve_runner(&call.caller, runner, &fingerprint).await?;
        Reply::ok(&RunnerDocument::from(approved))
    })
}

fn revoke(call: Call) -> Answering {
    Box::pin(async move {
        let Justified { justification } = call.json()?;
        let runner = call.path("runner", "Runner")?;
        let revoked = call.operations().revoke_runner(&call.caller, runner, justification).await?;
        Reply::ok(&RunnerDocument::from(revoked))
    })
}

fn unlock(call: Call) -> Answering {
    Box::pin(async move {
        let Justified { justification } = call.json()?;
        let runner = call.path("runner", "Runner")?;
        let unlocked = call.operations().unlock_runner(&call.caller, runner, justification).await?;
        Reply::ok(&RunnerDocument::from(unlocked))
    })
}
