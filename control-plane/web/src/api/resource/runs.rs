//! What was run, and what came of it.

use clock::Timestamp;
use control_plane_domain::policy::Permission;
use control_plane_domain::run::{RunDetail, RunFilter, RunSummary};
use crypto::Digest;
use http::StatusCode;
use ids::{ExceptionId, RunId, RunnerId};
use proof::manifest::{CheckLine, MetricLine, StepLine};
use proof::text::{Name, Software};
use serde::Serialize;
use utoipa::ToSchema;
use verdict::{Code, Counts, Severity, Status, StepStatus, Trigger};

use super::items::ItemDocument;
use super::procedures::RUNNER;
use super::shape;
use crate::api::route::{Access, Answering, Call, Form, Parameter, Reply, Route, Shape, Verb, schema_of};

/// Statuses as a query writes them.
pub(super) const STATUSES: Form = Form::Words(&["pass", "fail", "error", "pending", "not_applicable", "excepted"]);

pub(super) const PROCEDURE: Parameter =
    Parameter { name: "procedure", description: "Only what is of the procedure with this id.", form: Form::Text };

const TRIGGERS: Form = Form::Words(&["schedule", "request", "local"]);
const SEVERITIES: Form = Form::Words(&["critical", "high", "medium", "low", "info"]);

const ATTESTATION: &str = "application/vnd.dsse.envelope.v1+json";
const MANIFEST: &str = "application/jsonl";

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/runs",
        id: "listRuns",
        summary: "Runs, newest first; a page may be short, or empty, and have a next one: a search looks through a bounded part",
        access: Access::Permitted(&[Permission::RunsList], list),
        query: &[
            RUNNER,
            PROCEDURE,
            Parameter { name: "verdict", description: "Only runs with this verdict.", form: STATUSES },
            Parameter { name: "trigger", description: "Only runs that this set off.", form: TRIGGERS },
            Parameter { name: "from", description: "Only runs that began then or later.", form: Form::Time },
            Parameter { name: "until", description: "Only runs that began before then.", form: Form::Time },
            Parameter { name: "asked_by", description: "Only runs that this person asked for.", form: Form::Id },
            Parameter {
                name: "digest",
                description: "Only runs of the procedure with this digest.",
                form: Form::Digest,
            },
            Parameter { name: "version", description: "Only runs of this version of a procedure.", form: Form::Text },
            Parameter { name: "partial", description: "Only runs with checks left out, or without.", form: Form::Flag },
            Parameter {
                name: "check",
                description: "Only runs in which this check of the procedure failed; name the procedure too.",
                form: Form::Text,
            },
            Parameter {
                name: "failing",
                description: "Only runs in which a check at least so severe failed.",
                form: SEVERITIES,
            },
            Parameter {
                name: "score_from",
                description: "Only scores of at least so many basis points.",
                form: Form::Text,
            },
            Parameter {
                name: "score_to",
                description: "Only scores of at most so many basis points.",
                form: Form::Text,
            },
        ],
        body: None,
        shape: Shape::Page(schema_of::<RunDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/runs/{run}",
        id: "getRun",
        summary: "One run with its steps, checks and metrics",
        access: Access::Permitted(&[Permission::RunsList], get),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<WholeRun>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/runs/{run}/items",
        id: "listRunItems",
        summary: "Which evidence a run collected: commitments, never content",
        access: Access::Permitted(&[Permission::ItemsList], list_items),
        query: &[],
        body: None,
        shape: Shape::Page(schema_of::<ItemDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/runs/{run}/manifest",
        id: "getRunManifest",
        summary: "The exact bytes of the manifest of a run's newest report",
        access: Access::Permitted(&[Permission::RunsList], manifest),
        query: &[],
        body: None,
        shape: Shape::Bytes(MANIFEST),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/runs/{run}/attestation",
        id: "getRunAttestation",
        summary: "The exact bytes of the Runner's signature over that manifest",
        access: Access::Permitted(&[Permission::RunsList], attestation),
        query: &[],
        body: None,
        shape: Shape::Bytes(ATTESTATION),
    },
];

/// How many checks came out how.
#[derive(Serialize, ToSchema)]
#[schema(as = Counts)]
struct CountsDocument {
    pass: u64,
    fail: u64,
    error: u64,
    pending: u64,
    not_applicable: u64,
    excepted: u64,
}

impl From<Counts> for CountsDocument {
    fn from(counts: Counts) -> Self {
        let Counts { pass, fail, error, pending, not_applicable, excepted } = counts;
        Self { pass, fail, error, pending, not_applicable, excepted }
    }
}

/// A version of a procedure.
#[derive(Serialize, ToSchema)]
#[schema(as = ProcedureVersion)]
struct VersionDocument {
    /// The procedure's id.
    #[schema(value_type = shape::Word)]
    id: Name,
    /// The version that its file says.
    version: u64,
    /// The digest of its model.
    #[schema(value_type = shape::Hex)]
    digest: Digest,
}

/// A run.
#[derive(Serialize, ToSchema)]
#[schema(as = Run)]
struct RunDocument {
    /// The run.
    #[schema(value_type = shape::Id)]
    id: RunId,
    /// The Runner that ran it.
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    /// What was run.
    procedure: VersionDocument,
    /// Why it was run.
    #[schema(value_type = shape::TriggerWord)]
    trigger: Trigger,
    /// When it was due, if it was.
    #[schema(value_type = Option<shape::Time>)]
    due: Option<Timestamp>,
    /// When it began.
    #[schema(value_type = shape::Time)]
    started: Timestamp,
    /// When it ended.
    #[schema(value_type = shape::Time)]
    ended: Timestamp,
    /// What came out.
    #[schema(value_type = shape::StatusWord)]
    verdict: Status,
    /// The score in basis points.
    score: Option<u64>,
    /// The score if excepted checks count as passed, in basis points.
    score_with_exceptions: Option<u64>,
    /// How many checks came out how.
    counts: CountsDocument,
    /// Whether parts of it were left out.
    partial: bool,
    /// The Runner's program and version.
    #[schema(value_type = shape::ShortText)]
    software: Software,
    /// The record of the Runner's journal with its newest report.
    seq: u64,
    /// How many reports there were of it; a run that waits for people has several.
    reports: u64,
    /// When the newest report came here.
    #[schema(value_type = shape::Time)]
    accepted: Timestamp,
}

impl From<RunSummary> for RunDocument {
    fn from(run: RunSummary) -> Self {
        let procedure = run.procedure;
        Self {
            id: run.id,
            runner: run.runner,
            procedure: VersionDocument { id: procedure.id, version: procedure.version, digest: procedure.sha256 },
            trigger: run.trigger,
            due: run.due,
            started: run.started,
            ended: run.ended,
            verdict: run.verdict,
            score: run.score,
            score_with_exceptions: run.score_with_exceptions,
            counts: run.counts.into(),
            partial: run.partial,
            software: run.software,
            seq: run.seq,
            reports: run.reports,
            accepted: run.accepted,
        }
    }
}

/// A step of a run.
#[derive(Serialize, ToSchema)]
#[schema(as = Step)]
struct StepDocument {
    #[schema(value_type = shape::Word)]
    step: Name,
    #[schema(value_type = shape::StepWord)]
    status: StepStatus,
    /// Why it failed; the text behind it stays at the Runner.
    #[schema(value_type = Option<shape::Word>)]
    code: Option<Code>,
    attempts: u32,
    #[schema(value_type = shape::Time)]
    started: Timestamp,
    #[schema(value_type = shape::Time)]
    ended: Timestamp,
}

impl From<StepLine> for StepDocument {
    fn from(StepLine { step, status, code, attempts, started, ended }: StepLine) -> Self {
        Self { step, status, code, attempts, started, ended }
    }
}

/// A check of a run.
#[derive(Serialize, ToSchema)]
#[schema(as = RunCheck)]
struct CheckDocument {
    #[schema(value_type = shape::Word)]
    check: Name,
    #[schema(value_type = shape::StatusWord)]
    status: Status,
    #[schema(value_type = shape::SeverityWord)]
    severity: Severity,
    counts: CountsDocument,
    /// The exceptions that apply.
    #[schema(value_type = Vec<shape::Id>)]
    exceptions: Vec<ExceptionId>,
}

impl From<CheckLine> for CheckDocument {
    fn from(CheckLine { check, status, severity, counts, exceptions }: CheckLine) -> Self {
        Self { check, status, severity, counts: counts.into(), exceptions }
    }
}

/// A metric of a run.
#[derive(Serialize, ToSchema)]
#[schema(as = Metric)]
struct MetricDocument {
    #[schema(value_type = shape::Word)]
    metric: Name,
    value: i32,
}

/// A report of a run that was accepted.
#[derive(Serialize, ToSchema)]
#[schema(as = RunReport)]
struct ReportDocument {
    /// The record of the Runner's journal.
    seq: u64,
    #[schema(value_type = shape::Time)]
    accepted: Timestamp,
}

/// A run with its steps, checks and metrics.
#[derive(Serialize, ToSchema)]
struct WholeRun {
    run: RunDocument,
    steps: Vec<StepDocument>,
    checks: Vec<CheckDocument>,
    metrics: Vec<MetricDocument>,
    reports: Vec<ReportDocument>,
}

impl From<RunDetail> for WholeRun {
    fn from(RunDetail { summary, steps, items: _, checks, metrics, reports }: RunDetail) -> Self {
        let metric = |MetricLine { metric, value }: MetricLine| MetricDocument { metric, value };
        Self {
            run: summary.into(),
            steps: steps.into_iter().map(StepDocument::from).collect(),
            checks: checks.into_iter().map(CheckDocument::from).collect(),
            metrics: metrics.into_iter().map(metric).collect(),
            reports: reports.into_iter().map(|(seq, accepted)| ReportDocument { seq, accepted }).collect(),
        }
    }
}

fn list(call: Call) -> Answering {
    Box::pin(async move {
        let filter = RunFilter {
            runner: call.query.parsed("runner")?,
            procedure: call.query.parsed("procedure")?,
            verdict: call.query.parsed("verdict")?,
            from: call.query.parsed("from")?,
            until: call.query.parsed("until")?,
            trigger: call.query.parsed("trigger")?,
            asked_by: call.query.parsed("asked_by")?,
            digest: call.query.parsed("digest")?,
            version: call.query.parsed("version")?,
            partial: call.query.parsed("partial")?,
            failing_check: call.query.parsed("check")?,
            failing: call.query.parsed("failing")?,
            score_from: call.query.parsed("score_from")?,
            score_to: call.query.parsed("score_to")?,
        };
        let runs = call.operations().list_runs(&call.caller, &filter, &call.query.page()?).await?;
        Reply::page::<_, RunDocument>(runs)
    })
}

fn get(call: Call) -> Answering {
    Box::pin(async move {
        let run = call.operations().get_run(&call.caller, call.path("run", "run")?).await?;
        Reply::ok(&WholeRun::from(run))
    })
}

fn list_items(call: Call) -> Answering {
    Box::pin(async move {
        let (run, page) = (call.path("run", "run")?, call.query.page()?);
        let items = call.operations().list_items(&call.caller, run, &page).await?;
        Reply::page::<_, ItemDocument>(items)
    })
}

fn manifest(call: Call) -> Answering {
    Box::pin(async move {
        let place = call.download()?;
        let report = call.operations().run_report(&call.caller, call.path("run", "run")?).await?;
        Ok(Reply::kept(MANIFEST, report.manifest, place))
    })
}

fn attestation(call: Call) -> Answering {
    Box::pin(async move {
        let place = call.download()?;
        let report = call.operations().run_report(&call.caller, call.path("run", "run")?).await?;
        Ok(Reply::kept(ATTESTATION, report.attestation, place))
    })
}
