//! From the controls of frameworks to what proves them, and which of them the tenant answers for.

use clock::Timestamp;
use control_plane_domain::policy::Permission;
use control_plane_domain::standing::Word;
use control_plane_operations::console::{
    ControlCoverage, CoverageCheck, CoverageCounts, CoverageState, FrameworkCoverage, Scope, ScopeOf,
};
use crypto::Digest;
use http::StatusCode;
use ids::{PersonId, RunId, RunnerId};
use proof::text::{FreeText, Name};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use verdict::{Severity, Status};

use super::shape;
use crate::api::route::{Access, Answering, Call, Reply, Route, Shape, Verb, schema_of};

const SEES: &[Permission] = &[Permission::ChecksList];
const SETS: &[Permission] = &[Permission::CoverageScope];

pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/api/v1/coverage",
        id: "getCoverage",
        summary: "How the controls of every framework stand, and what proves them",
        access: Access::Permitted(SEES, coverage),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<WholeCoverage>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/coverage/{framework}",
        id: "getFrameworkCoverage",
        summary: "How the controls of one framework stand, and what proves them",
        access: Access::Permitted(SEES, framework),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<FrameworkDocument>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/coverage-scopes",
        id: "listCoverageScopes",
        summary: "The frameworks whose controls in scope are listed",
        access: Access::Permitted(SEES, scopes),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<Scopes>()),
    },
    Route {
        verb: Verb::Get,
        path: "/api/v1/coverage-scopes/{framework}",
        id: "getCoverageScope",
        summary: "The controls of a framework that the tenant answers for",
        access: Access::Permitted(SEES, scope),
        query: &[],
        body: None,
        shape: Shape::Json(StatusCode::OK, schema_of::<WholeScope>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/coverage-scopes",
        id: "setCoverageScope",
        summary: "List the controls of a framework that the tenant answers for, in place of the list before",
        access: Access::Permitted(SETS, set),
        query: &[],
        body: Some(schema_of::<SetScope>()),
        shape: Shape::Json(StatusCode::OK, schema_of::<WholeScope>()),
    },
    Route {
        verb: Verb::Post,
        path: "/api/v1/coverage-scopes/{framework}/remove",
        id: "removeCoverageScope",
        summary: "Take the list of a framework's controls away",
        access: Access::Permitted(SETS, remove),
        query: &[],
        body: None,
        shape: Shape::Empty,
    },
];

/// How the controls of every framework stand.
#[derive(Serialize, ToSchema)]
#[schema(as = Coverage)]
struct WholeCoverage {
    frameworks: Vec<FrameworkDocument>,
    /// Installed procedures whose files are withheld or cannot be read: their controls are not known here.
    unread: Vec<UnreadDocument>,
    /// Whether there are more procedures than were looked at.
    more: bool,
}

/// An installed procedure whose controls are not known.
#[derive(Serialize, ToSchema)]
#[schema(as = UnreadProcedure)]
struct UnreadDocument {
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    #[schema(value_type = Option<shape::Word>)]
    procedure: Option<Name>,
    #[schema(value_type = shape::Hex)]
    digest: Digest,
}

/// How the controls of a framework stand.
#[derive(Serialize, ToSchema)]
#[schema(as = FrameworkCoverage)]
struct FrameworkDocument {
    framework: String,
    /// The list of its controls that the tenant answers for; `null` when there is none.
    scope: Option<ScopeDocument>,
    counts: CountsDocument,
    controls: Vec<ControlDocument>,
}

/// How many controls stand how.
#[derive(Serialize, ToSchema)]
#[schema(as = CoverageCounts)]
struct CountsDocument {
    proven: u64,
    excepted: u64,
    failing: u64,
    unproven: u64,
    stale: u64,
    gap: u64,
    uncovered: u64,
}

/// How a control stands.
#[derive(Serialize, ToSchema)]
#[schema(as = ControlCoverage)]
struct ControlDocument {
    control: String,
    #[schema(value_type = Option<shape::Typed>)]
    title: Option<FreeText>,
    /// Whether the tenant answers for it; `null` where nobody listed the controls of its framework.
    in_scope: Option<bool>,
    #[schema(value_type = shape::CoverageWord)]
    state: &'static str,
    /// When the newest word on any of its checks came.
    #[schema(value_type = Option<shape::Time>)]
    last: Option<Timestamp>,
    checks: Vec<ServingDocument>,
}

/// A check that serves a control.
#[derive(Serialize, ToSchema)]
#[schema(as = ServingCheck)]
struct ServingDocument {
    #[schema(value_type = shape::Word)]
    procedure: Name,
    #[schema(value_type = shape::Word)]
    check: Name,
    title: String,
    #[schema(value_type = shape::SeverityWord)]
    severity: Severity,
    /// Whether its newest word is too old to show anything.
    stale: bool,
    last: Option<WordDocument>,
    last_pass: Option<WordDocument>,
}

/// What a run said of a check.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckWord)]
struct WordDocument {
    #[schema(value_type = shape::Id)]
    run: RunId,
    #[schema(value_type = shape::Id)]
    runner: RunnerId,
    #[schema(value_type = shape::StatusWord)]
    status: Status,
    #[schema(value_type = shape::Time)]
    at: Timestamp,
}

/// The frameworks whose controls in scope are listed, by name.
#[derive(Serialize, ToSchema)]
#[schema(as = CoverageScopes)]
struct Scopes {
    items: Vec<ScopeDocument>,
}

/// A list of controls in scope, in one line.
#[derive(Serialize, ToSchema)]
#[schema(as = CoverageScopeLine)]
struct ScopeDocument {
    #[schema(value_type = shape::Word)]
    framework: Name,
    controls: u64,
    /// SHA-256 of the list as `text` writes it; the audit log names it.
    #[schema(value_type = shape::Hex)]
    sha256: Digest,
    #[schema(value_type = shape::Time)]
    set: Timestamp,
    #[schema(value_type = shape::Id)]
    by: PersonId,
}

/// The controls of a framework that the tenant answers for.
#[derive(Serialize, ToSchema)]
#[schema(as = CoverageScope)]
struct WholeScope {
    scope: ScopeDocument,
    /// A control a line: its id and, after a comma, its title.
    text: String,
}

/// The controls of a framework that the tenant answers for.
#[derive(Deserialize, ToSchema)]
#[schema(as = SetCoverageScope)]
#[serde(deny_unknown_fields)]
struct SetScope {
    /// As procedures name it, such as `iso-27001-2022`.
    framework: String,
    /// A control a line: its id and, after a comma, its title; at most 2,000 of them in 128 KiB.
    text: String,
}

impl From<FrameworkCoverage> for FrameworkDocument {
    fn from(coverage: FrameworkCoverage) -> Self {
        let FrameworkCoverage { framework, controls, counts, scope } = coverage;
        let CoverageCounts { proven, excepted, failing, unproven, stale, gap, uncovered } = counts;
        Self {
            framework,
            scope: scope.map(ScopeDocument::from),
            counts: CountsDocument { proven, excepted, failing, unproven, stale, gap, uncovered },
            controls: controls.into_iter().map(ControlDocument::from).collect(),
        }
    }
}

impl From<ControlCoverage> for ControlDocument {
    fn from(coverage: ControlCoverage) -> Self {
        let ControlCoverage { control, title, in_scope, state, checks, last } = coverage;
        let state = CoverageState::as_str(state);
        Self { control, title, in_scope, state, last, checks: checks.into_iter().map(ServingDocument::from).collect() }
    }
}

impl From<CoverageCheck> for ServingDocument {
    fn from(check: CoverageCheck) -> Self {
        let CoverageCheck { procedure, check, title, severity, is_stale, last, last_pass, .. } = check;
        let (last, last_pass) = (last.map(WordDocument::from), last_pass.map(WordDocument::from));
        Self { procedure, check, title, severity, stale: is_stale, last, last_pass }
    }
}

impl From<Word> for WordDocument {
    fn from(Word { run, runner, status, at }: Word) -> Self {
        Self { run, runner, status, at }
    }
}

impl From<ScopeOf> for ScopeDocument {
    fn from(ScopeOf { framework, controls, sha256, set, by }: ScopeOf) -> Self {
        Self { framework, controls, sha256, set, by: by.id }
    }
}

impl From<Scope> for WholeScope {
    fn from(scope: Scope) -> Self {
        Self { text: scope.to_text(), scope: scope.of.into() }
    }
}

fn coverage(call: Call) -> Answering {
    Box::pin(async move {
        let is = call.operations().coverage(&call.caller).await?;
        let unread = is.unread.into_iter();
        Reply::ok(&WholeCoverage {
            frameworks: is.frameworks.into_iter().map(FrameworkDocument::from).collect(),
            unread: unread
                .map(|text| UnreadDocument { runner: text.runner.id, procedure: text.procedure, digest: text.digest })
                .collect(),
            more: is.more,
        })
    })
}

fn framework(call: Call) -> Answering {
    Box::pin(async move {
        let framework: String = call.path("framework", "framework")?;
        let is = call.operations().framework_coverage(&call.caller, &framework).await?;
        Reply::ok(&FrameworkDocument::from(is))
    })
}

fn scopes(call: Call) -> Answering {
    Box::pin(async move {
        let scopes = call.operations().scopes(&call.caller).await?;
        Reply::ok(&Scopes { items: scopes.into_iter().map(ScopeDocument::from).collect() })
    })
}

fn scope(call: Call) -> Answering {
    Box::pin(async move {
        let framework: String = call.path("framework", "framework")?;
        Reply::ok(&WholeScope::from(call.operations().scope(&call.caller, &framework).await?))
    })
}

fn set(call: Call) -> Answering {
    Box::pin(async move {
        let SetScope { framework, text } = call.json()?;
        Reply::ok(&WholeScope::from(call.operations().set_scope(&call.caller, &framework, &text).await?))
    })
}

fn remove(call: Call) -> Answering {
    Box::pin(async move {
        let framework: String = call.path("framework", "framework")?;
        call.operations().remove_scope(&call.caller, &framework).await?;
        Ok(Reply::done())
    })
}
