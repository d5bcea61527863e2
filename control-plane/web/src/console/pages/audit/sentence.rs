//! What each record of the audit log says, as people read it: who it was, and what was done.
//!
//! The match over the actions has no catch-all, so that nobody adds an action without saying what people read of it.

use clock::Timestamp;
use control_plane_domain::account::Factor;
use control_plane_domain::alarm::AlarmKind;
use control_plane_domain::audit::{Action, AskedFor, RequestEnd};
use control_plane_domain::link::LinkKind;
use control_plane_domain::policy::Actor;
use control_plane_domain::runner::LockReason;
use control_plane_domain::session::SessionEnd;
use crypto::Digest;
use ids::{AlarmId, ApiKeyId, PersonId, RequestId, RunId, RunnerId, SessionId, TokenId};
use proof::text::{FreeText, Name};

use crate::console::pages::alarms::meaning;
use crate::console::pages::shown::book;

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Words of ours.
    Words(String),
    /// What a person typed.
    Quote(FreeText),
    /// A word of a fixed vocabulary, or of a procedure.
    Word(String),
    /// A stable code.
    Code(Name),
    Time(Timestamp),
    Person(PersonId),
    Runner(RunnerId),
    /// A procedure as a Runner has it.
    Procedure(RunnerId, Digest),
    Run(RunId),
    RunRequest(RequestId),
    DrillDown(RequestId),
    Secret(RequestId),
    Alarm(AlarmId),
    Token(TokenId),
    Key(ApiKeyId),
    Session(SessionId),
    Digest(Digest),
}

/// The words for it.
type Said = Vec<Part>;

macro_rules! parts {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Part {
            fn from(value: $from) -> Self {
                Self::$variant(value)
            }
        }
    )*};
}

parts! {
    String => Words,
    FreeText => Quote,
    Timestamp => Time,
    PersonId => Person,
    RunnerId => Runner,
    RunId => Run,
    AlarmId => Alarm,
    TokenId => Token,
    ApiKeyId => Key,
    SessionId => Session,
    Digest => Digest,
}

impl From<&'static str> for Part {
    fn from(words: &'static str) -> Self {
        Self::Words(words.to_owned())
    }
}

impl From<u64> for Part {
    fn from(number: u64) -> Self {
        Self::Words(number.to_string())
    }
}

macro_rules! say {
    ($($part:expr),* $(,)?) => { vec![$(Part::from($part)),*] };
}

/// Who did it.
pub(crate) fn actor(actor: &Actor) -> Said {
    match *actor {
        Actor::Person { person, key } => say![person, " with API key ", key],
        Actor::Console { person, .. } => say![person],
        Actor::Runner { runner } => say!["Runner ", runner],
        Actor::Operator {} => say!["The operator of this control plane"],
        Actor::System {} => say!["The control plane"],
    }
}

/// What was done.
#[expect(clippy::too_many_lines, reason = "one arm an action: a function for some of them would need a catch-all")]
pub(crate) fn sentence(action: Action) -> Said {
    use Action as A;
    match action {
        A::TenantCreated { owner, key, .. } => {
            say!["began the organisation, with ", owner, " as its first owner and API key ", key]
        }
        A::DrillDownsSwitched { enabled } => switched(enabled),

        A::PersonAdded { person, role } => say!["let ", person, " in as ", word(role)],
        A::PersonRemoved { person } => say!["removed ", person, "; their keys and sessions ended with that"],
        A::PersonRoleChanged { person, from, to } => {
            say!["changed the role of ", person, " from ", word(from), " to ", word(to)]
        }
        A::ApiKeyCreated { key, person, scopes, expires } => {
            let scopes = counted(scopes.iter().count(), "scope");
            say!["made API key ", key, " for ", person, " with ", scopes, ", until ", expires]
        }
        A::ApiKeyRevoked { key, person } => say!["ended API key ", key, " of ", person],

        A::PersonLinkCreated { person, kind, expires, .. } => {
            say!["made ", link_kind(kind), " for ", person, ", good once until ", expires]
        }
        A::PersonLinkUsed { person, .. } => say!["used the link that was made for ", person],
        A::AccountPasswordSet { person } => say!["set the password of ", person],
        A::AccountTotpSet { person } => say!["set the second factor of ", person],
        A::AccountRecoveryCodesMade { codes, person } => {
            say!["made ", counted(codes, "recovery code"), " for ", person, "; older ones are void"]
        }
        A::AccountRecoveryCodeUsed { person, left } => {
            say!["used a recovery code of ", person, "; ", counted(left, "code"), " left"]
        }
        A::SessionBegun { session, factors, .. } => say!["signed in with ", shown(&factors), ", session ", session],
        A::SessionConfirmed { session, factors } => {
            say!["confirmed who they are with ", shown(&factors), " in session ", session]
        }
        A::SessionEnded { session, person, cause } => {
            say!["ended session ", session, " of ", person, ", because ", session_end(cause)]
        }
        A::SignInRefused { person, factor, attempts } => {
            let wrong = counted(attempts, "wrong attempt");
            say!["refused ", wrong, " to sign in as ", person, " with ", factor_words(factor)]
        }
        A::DeviceRegistered { person, device } => say!["registered device key ", device, " of ", person],
        A::DeviceRemoved { person, device } => say!["removed device key ", device, " of ", person],

        A::TokenCreated { token, expires } => say!["made join token ", token, ", good until ", expires],
        A::TokenRevoked { token } => say!["withdrew join token ", token, " before it was used"],
        A::TokenRedeemed { token, runner, .. } => {
            say!["took join token ", token, " from Runner ", runner, ", which now waits to be approved"]
        }
        A::RunnerApproved { runner, statement_sha256 } => {
            say!["approved Runner ", runner, " by its fingerprint ", statement_sha256]
        }
        A::RunnerEnrolled { runner, generation, .. } => say!["gave Runner ", runner, " certificate ", generation],
        A::RunnerCertificateRenewed { runner, generation, .. } => {
            say!["renewed the certificate of Runner ", runner, ": number ", generation, " is issued and not used yet"]
        }
        A::RunnerCertificateActivated { runner, generation, .. } => {
            say!["began to use certificate ", generation, " of Runner ", runner, "; those before it are void"]
        }
        A::RunnerRecovered { runner, generation, .. } => {
            say!["gave Runner ", runner, ", whose certificate had expired, certificate ", generation]
        }
        A::RunnerRevoked { runner, justification } => say!["revoked Runner ", runner, ": ", justification],
        A::RunnerLocked { runner, cause, alarm } => locked(runner, cause, alarm),
        A::RunnerUnlocked { runner, justification } => say!["unlocked Runner ", runner, ": ", justification],
        A::RunnerReported { from, to, .. } => reported(from, to),
        A::RunnerReportRefused { runner, record, code, alarm } => {
            let said = say!["refused record ", record, " of the journal of Runner ", runner, " for good"];
            raising(with_code(said, code), alarm)
        }
        A::RunnerScheduled { due, .. } => say!["said when it will run ", counted(due, "procedure")],
        A::ProcedureCatalogued { procedures, .. } => {
            say!["said that its operator has ", counted(procedures, "procedure"), " installed"]
        }

        A::RunRequested { request, runner, procedure_sha256, .. } => {
            let procedure = Part::Procedure(runner, procedure_sha256);
            let request = Part::RunRequest(request);
            say!["requested a run of ", procedure, " at Runner ", runner, " (request ", request, ")"]
        }
        A::RunRequestAnswered { request, end, run, code } => run_request_answered(request, end, run, code),

        A::CoverageScopeSet { framework, controls, .. } => {
            say!["put ", counted(controls, "control"), " of ", word(framework), " in scope of the coverage"]
        }
        A::CoverageScopeRemoved { framework } => {
            say!["removed the list of controls in scope of ", word(framework), " from the coverage"]
        }

        A::EvidenceRequested { request, runner, run, items, purpose, justification, .. } => {
            let mut said = say!["requested ", asked_for(&items), " of run ", run, " from Runner ", runner, " for "];
            said.extend(say![word(purpose), " (", Part::DrillDown(request), "): ", justification]);
            said
        }
        A::EvidencePrepared { request, .. } => drilldown("put together what is to be signed for ", request, None),
        A::EvidenceSigned { request, .. } => drilldown("signed ", request, None),
        A::EvidenceAnswered { request, .. } => {
            drilldown("answered ", request, Some("; the answer is sealed to whoever asked"))
        }
        A::EvidenceRefused { request, code, .. } => with_code(drilldown("refused ", request, None), code),
        A::EvidenceCutOff { request, code, .. } => {
            with_code(drilldown("opened the evidence of ", request, Some(" and could not deliver all of it")), code)
        }
        A::EvidenceExpired { request, code } => {
            with_code(drilldown("ended ", request, Some(", of which nothing came in time")), code)
        }
        A::EvidenceCancelled { request } => drilldown("withdrew ", request, None),

        A::SecretRequested { request, runner, secret, .. } => {
            let (secret, request) = (word(secret), Part::Secret(request));
            say!["began to send secret ", secret, " to Runner ", runner, " (request ", request, ")"]
        }
        A::SecretSigned { request, .. } => sent("sealed and signed ", request, None),
        A::SecretAccepted { request, .. } => sent("keeps ", request, None),
        A::SecretRefused { request, code, .. } => with_code(sent("refused ", request, None), code),
        A::SecretExpired { request, code } => {
            with_code(sent("ended ", request, Some(", of which nothing came in time")), code)
        }
        A::SecretCancelled { request } => sent("withdrew ", request, None),

        A::AuditForkReported { kept, alarm, .. } => raising(
            say![
                "reports that this audit log does not grow from the ",
                kept.size,
                " records that it keeps a checkpoint of"
            ],
            alarm,
        ),
        A::AuditExported { records, .. } => say!["took a copy of the audit log away, ", counted(records, "record")],
        A::AlarmRaised { alarm, kind, runner, subject } => raised(alarm, kind, runner, subject),
        A::AlarmAcknowledged { alarm, justification } => say!["acknowledged ", alarm, ": ", justification],
    }
}

fn word(word: impl std::fmt::Display) -> Part {
    Part::Word(word.to_string())
}

/// "1 procedure", "3 procedures".
fn counted(number: impl TryInto<u64>, one: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

const fn link_kind(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Invitation => "an invitation",
        LinkKind::Password => "a link for a new password",
        LinkKind::Everything => "a link for a new password and second factor",
    }
}

const fn factor_words(factor: Factor) -> &'static str {
    match factor {
        Factor::Password => "a password",
        Factor::Otp => "a code of the second factor",
        Factor::Recovery => "a recovery code",
    }
}

fn shown(factors: &[Factor]) -> String {
    factors.iter().copied().map(factor_words).collect::<Vec<_>>().join(" and ")
}

const fn session_end(cause: SessionEnd) -> &'static str {
    match cause {
        SessionEnd::SignedOut => "the person signed out",
        SessionEnd::EndedElsewhere => "the person ended it from another session",
        SessionEnd::EndedByOther => "somebody who looks after people ended it",
        SessionEnd::PasswordChanged => "the password was changed",
        SessionEnd::SecondFactorChanged => "the second factor was changed",
        SessionEnd::RoleChanged => "the person has another role",
        SessionEnd::PersonRemoved => "the person was removed",
        SessionEnd::TooMany => "there were too many",
    }
}

fn switched(enabled: bool) -> Said {
    let how = if enabled { "on: what a Runner opens is for its own policy to say" } else { "off for everybody" };
    say!["switched evidence requests ", how]
}

fn raising(mut said: Said, alarm: Option<AlarmId>) -> Said {
    if let Some(alarm) = alarm {
        said.extend(say![", and raised ", alarm]);
    }
    said
}

fn with_code(mut said: Said, code: Name) -> Said {
    said.push(": ".into());
    said.extend(explained(code));
    said
}

/// A code with what it means, where that is known here.
fn explained(code: Name) -> Said {
    let meaning = book::explain(code.as_str()).map(|entry| format!(" ({})", entry.meaning));
    let mut said = vec![Part::Code(code)];
    said.extend(meaning.map(Part::from));
    said
}

fn locked(runner: RunnerId, cause: LockReason, alarm: Option<AlarmId>) -> Said {
    raising(say!["locked Runner ", runner, ", because ", meaning::lock_reason(cause)], alarm)
}

/// The record after the last one stands in `to`.
fn reported(from: u64, to: u64) -> Said {
    match to.saturating_sub(from) {
        0 | 1 => say!["reported record ", from, " of its journal"],
        _ => say!["reported records ", from, " to ", to.saturating_sub(1), " of its journal"],
    }
}

fn run_request_answered(request: RequestId, end: RequestEnd, run: Option<RunId>, code: Option<Name>) -> Said {
    let request = Part::RunRequest(request);
    let which = run.map_or_else(|| say!["the run"], |run| say!["run ", run]);
    let mut said = match end {
        RequestEnd::Refused => say!["refused run request ", request],
        RequestEnd::Begun => [say!["began "], which, say![" for run request ", request]].concat(),
        RequestEnd::Ended => [say!["ended "], which, say![" of run request ", request]].concat(),
        RequestEnd::Expired => say!["ended run request ", request, ", which its Runner did not take in time"],
    };
    if let Some(code) = code {
        said = with_code(said, code);
    }
    said
}

fn asked_for(items: &[AskedFor]) -> String {
    let rows: Option<u64> = items.iter().map(|asked| asked.rows).sum();
    match rows {
        Some(rows) => format!("{} of {}", counted(rows, "row"), counted(items.len(), "evidence item")),
        None => counted(items.len(), "evidence item"),
    }
}

fn drilldown(before: &'static str, request: RequestId, after: Option<&'static str>) -> Said {
    let mut said = say![before, "evidence request ", Part::DrillDown(request)];
    said.extend(after.map(Part::from));
    said
}

fn sent(before: &'static str, request: RequestId, after: Option<&'static str>) -> Said {
    let mut said = say![before, "the secret of request ", Part::Secret(request)];
    said.extend(after.map(Part::from));
    said
}

fn raised(alarm: AlarmId, kind: AlarmKind, runner: Option<RunnerId>, subject: Option<Name>) -> Said {
    let mut said = say!["raised ", alarm, ": ", meaning::title(kind)];
    if let Some(subject) = subject {
        said.extend(say![", ", word(subject)]);
    }
    if let Some(runner) = runner {
        said.extend(say![", at Runner ", runner]);
    }
    said
}
