//! What an administrator has to look at.

use clock::Timestamp;
use control_plane_domain::alarm::{Alarm, AlarmFilter, AlarmKind};
use control_plane_domain::policy::Permission;
use http::StatusCode;
use ids::{AlarmId, PersonId, RunnerId};
use proof::text::Name;
use serde::Serialize;
use utoipa::ToSchema;

use super::procedures::RUNNER;
use super::runners::Justified;
use super::shape;
use crate::api::route::{Access, Answering, Call, Form, Parameter, Reply, Route, Shape, Verb, schema_of};

/// Kinds as a query writes them.
const KINDS: Form = Form::Words(&[
    "journal_forked",
    "journal_rolled_back",
    "checkpoint_differs",
    "generation_reused",
    "renewal_conflict",
    "taken_over",
    "audit_fork_seen",
    "audit_cosignature_differs",
    "report_refused",
    "overdue",
    "gap",
    "runner_full",
    "receipt_differs",
]);

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/alarms",
        id: "listAlarms",
        summary: "Alarms, newest first",
        access: Access::Permitted(&[Permission::AlarmsList], list),
        query: &[
            Parameter { name: "open", description: "Only those that nobody has acknowledged.", form: Form::Flag },
            Parameter { name: "kind", description: "Only alarms of this kind.", form: KINDS },
            RUNNER,
            Parameter { name: "from", description: "Only alarms that were raised then or later.", form: Form::Time },
            Parameter { name: "until", description: "Only alarms that were raised before then.", form: Form::Time },
        ],
        body: None,
        shape: Shape::Page(schema_of::<AlarmDocument>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/alarms/{alarm}/acknowledge",
        id: "acknowledgeAlarm",
        summary: "Say that an alarm was looked at",
        access: Access::Permitted(&[Permission::AlarmsAcknowledge], acknowledge),
        query: &[],
        body: Some(schema_of::<Justified>()),
        shape: Shape::Json(StatusCode::OK, schema_of::<AlarmDocument>()),
    },
];

/// An alarm.
#[derive(Serialize, ToSchema)]
#[schema(as = Alarm)]
struct AlarmDocument {
    #[schema(value_type = shape::Id)]
    id: AlarmId,
    #[schema(value_type = shape::AlarmWord)]
    kind: AlarmKind,
    /// The Runner that it is about.
    #[schema(value_type = Option<shape::Id>)]
    runner: Option<RunnerId>,
    /// What it is about besides, such as a procedure.
    #[schema(value_type = Option<shape::Word>)]
    subject: Option<Name>,
    #[schema(value_type = shape::Time)]
    opened: Timestamp,
    /// Whether something is kept that proves it, such as the checkpoint that contradicts another.
    has_evidence: bool,
    /// Who acknowledged it.
    #[schema(value_type = Option<shape::Id>)]
    acknowledged_by: Option<PersonId>,
    #[schema(value_type = Option<shape::Time>)]
    acknowledged: Option<Timestamp>,
}

impl From<Alarm> for AlarmDocument {
    fn from(Alarm { id, kind, runner, subject, opened, evidence, acknowledged }: Alarm) -> Self {
        Self {
            id,
            kind,
            runner,
            subject,
            opened,
            has_evidence: evidence.is_some(),
            acknowledged_by: acknowledged.map(|acknowledged| acknowledged.by),
            acknowledged: acknowledged.map(|acknowledged| acknowledged.at),
        }
    }
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let filter = AlarmFilter {
            open_only: call.query.parsed("open")?.unwrap_or(false),
            kind: call.query.parsed("kind")?,
            runner: call.query.parsed("runner")?,
            from: call.query.parsed("from")?,
            until: call.query.parsed("until")?,
        };
        let alarms = call.operations().alarms_by(&call.caller, &filter, &call.query.page()?).await?;
        Reply::page::<_, AlarmDocument>(alarms)
    })
}

fn acknowledge(call: Call) -> Answering {
    Box::pin(async move {
        let Justified { justification } = call.json()?;
        let alarm = call.path("alarm", "alarm")?;
        let alarm = call.operations().acknowledge_alarm(&call.caller, alarm, justification).await?;
        Reply::ok(&AlarmDocument::from(alarm))
    })
}
