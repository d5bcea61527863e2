//! The actions, with their fields in the order that is hashed.

use clock::Timestamp;
use crypto::Digest;
use ids::{AlarmId, ApiKeyId, ItemId, LinkId, PersonId, RequestId, RunId, RunnerId, SessionId, TenantId, TokenId};
use proof::log::journal::TreeHead;
use proof::text::{FreeText, Name};
use serde::{Deserialize, Serialize};

use super::{Purpose, RequestEnd};
use crate::account::Factor;
use crate::alarm::AlarmKind;
use crate::link::LinkKind;
use crate::policy::{Role, Scopes};
use crate::runner::LockReason;
use crate::session::SessionEnd;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action")]
pub enum Action {
    /// The tenant began, with its first owner and that person's first key.
    #[serde(rename = "tenant.created")]
    TenantCreated { tenant: TenantId, owner: PersonId, key: ApiKeyId },
    /// Drill-downs of the whole tenant were switched on or off.
    #[serde(rename = "drilldowns.switched")]
    DrillDownsSwitched { enabled: bool },

    /// A person was let in.
    #[serde(rename = "person.added")]
    PersonAdded { person: PersonId, role: Role },
    /// A person was taken out.
    #[serde(rename = "person.removed")]
    PersonRemoved { person: PersonId },
    /// A person has another role.
    #[serde(rename = "person.role_changed")]
    PersonRoleChanged { person: PersonId, from: Role, to: Role },
    /// A key was made.
    #[serde(rename = "api_key.created")]
    ApiKeyCreated { key: ApiKeyId, person: PersonId, scopes: Scopes, expires: Timestamp },
    /// A key was ended.
    #[serde(rename = "api_key.revoked")]
    ApiKeyRevoked { key: ApiKeyId, person: PersonId },

    /// A link was made with which a person sets how they sign in.
    #[serde(rename = "person.link_created")]
    PersonLinkCreated { link: LinkId, person: PersonId, kind: LinkKind, expires: Timestamp },
    /// The link was used.
    #[serde(rename = "person.link_used")]
    PersonLinkUsed { link: LinkId, person: PersonId },
    /// A person has another password.
    #[serde(rename = "account.password_set")]
    AccountPasswordSet { person: PersonId },
    /// A person has another second factor.
    #[serde(rename = "account.totp_set")]
    AccountTotpSet { person: PersonId },
    /// A person has new recovery codes; older ones are dead.
    #[serde(rename = "account.recovery_codes_made")]
    AccountRecoveryCodesMade { person: PersonId, codes: u64 },
    /// A recovery code was used; so many are left.
    #[serde(rename = "account.recovery_code_used")]
    AccountRecoveryCodeUsed { person: PersonId, left: u64 },
    /// A person signed in.
    #[serde(rename = "session.begun")]
    SessionBegun { session: SessionId, factors: Vec<Factor>, person: PersonId },
    /// A person who is signed in showed both factors again.
    #[serde(rename = "session.confirmed")]
    SessionConfirmed { factors: Vec<Factor>, session: SessionId },
    /// A session ended before its time.
    #[serde(rename = "session.ended")]
    SessionEnded { session: SessionId, person: PersonId, cause: SessionEnd },
    /// Somebody tried to be this person and was not; so many times since the record before.
    #[serde(rename = "sign_in.refused")]
    SignInRefused { person: PersonId, factor: Factor, attempts: u64 },
    /// A device was registered that signs for evidence.
    #[serde(rename = "device.registered")]
    DeviceRegistered { person: PersonId, device: Digest },
    /// A device was taken off the list.
    #[serde(rename = "device.removed")]
    DeviceRemoved { person: PersonId, device: Digest },

    /// A token that lets one Runner in was made.
    #[serde(rename = "token.created")]
    TokenCreated { token: TokenId, expires: Timestamp },
    /// A token was ended before it was used.
    #[serde(rename = "token.revoked")]
    TokenRevoked { token: TokenId },
    /// A token was used: a Runner waits to be approved.
    #[serde(rename = "token.redeemed")]
    TokenRedeemed { token: TokenId, runner: RunnerId, statement_sha256: Digest },

    /// The Runner whose keys these are was approved.
    #[serde(rename = "runner.approved")]
    RunnerApproved { runner: RunnerId, statement_sha256: Digest },
    /// An approved Runner was given its first certificate.
    #[serde(rename = "runner.enrolled")]
    RunnerEnrolled { runner: RunnerId, generation: u64, certificate_sha256: Digest },
    /// A further certificate was issued; the one before is valid until this one is used.
    #[serde(rename = "runner.certificate_renewed")]
    RunnerCertificateRenewed { runner: RunnerId, generation: u64, certificate_sha256: Digest },
    /// A certificate was used for the first time; those before it are dead.
    #[serde(rename = "runner.certificate_activated")]
    RunnerCertificateActivated { runner: RunnerId, generation: u64, certificate_sha256: Digest },
    /// A Runner whose certificate had expired was given a new one for the key it had.
    #[serde(rename = "runner.recovered")]
    RunnerRecovered { runner: RunnerId, generation: u64, certificate_sha256: Digest },
    /// A Runner was shut out for good.
    #[serde(rename = "runner.revoked")]
    RunnerRevoked { runner: RunnerId, justification: FreeText },
    /// A Runner was shut out until somebody has looked at it; `alarm` is `null` where an open one says so already.
    #[serde(rename = "runner.locked")]
    RunnerLocked { runner: RunnerId, cause: LockReason, alarm: Option<AlarmId> },
    /// A locked Runner was let in again.
    #[serde(rename = "runner.unlocked")]
    RunnerUnlocked { runner: RunnerId, justification: FreeText },
    /// Records `from` to `to`, the latter not included, of a Runner's journal were accepted; `head` is the hash of the last.
    #[serde(rename = "runner.reported")]
    RunnerReported { runner: RunnerId, from: u64, to: u64, head: Digest },
    /// A record that can never be accepted.
    #[serde(rename = "runner.report_refused")]
    RunnerReportRefused { runner: RunnerId, record: u64, code: Name, alarm: Option<AlarmId> },
    /// A Runner said when its procedures are due.
    #[serde(rename = "runner.scheduled")]
    RunnerScheduled { runner: RunnerId, due: u64, schedule_sha256: Digest },
    /// A Runner said what its operator installed.
    #[serde(rename = "procedure.catalogued")]
    ProcedureCatalogued { runner: RunnerId, procedures: u64, catalogue_sha256: Digest },

    /// Somebody asked for a run.
    #[serde(rename = "run.requested")]
    RunRequested { request: RequestId, runner: RunnerId, procedure_sha256: Digest, expires: Timestamp },
    /// What became of it.
    #[serde(rename = "run.request_answered")]
    RunRequestAnswered { request: RequestId, end: RequestEnd, run: Option<RunId>, code: Option<Name> },

    /// The controls of a framework that the tenant answers for were listed anew; `sha256` is of the list.
    #[serde(rename = "coverage.scope_set")]
    CoverageScopeSet { framework: Name, controls: u64, sha256: Digest },
    /// The tenant no longer lists controls of a framework.
    #[serde(rename = "coverage.scope_removed")]
    CoverageScopeRemoved { framework: Name },

    /// Somebody asked for evidence. This record comes before anything else happens.
    #[serde(rename = "evidence.requested")]
    EvidenceRequested {
        request: RequestId,
        runner: RunnerId,
        run: RunId,
        items: Vec<AskedFor>,
        device: Digest,
        recipient_sha256: Digest,
        purpose: Purpose,
        justification: FreeText,
    },
    /// The words to be signed were put together for the Runner's present session.
    #[serde(rename = "evidence.prepared")]
    EvidencePrepared { request: RequestId, request_sha256: Digest },
    /// The person's device signed, and so did the control plane.
    #[serde(rename = "evidence.signed")]
    EvidenceSigned { request: RequestId, request_sha256: Digest },
    /// The Runner answered; `sealed_sha256` is of bytes that only the person can open.
    #[serde(rename = "evidence.answered")]
    EvidenceAnswered { request: RequestId, receipt_sha256: Digest, sealed_sha256: Digest },
    /// The Runner refused.
    #[serde(rename = "evidence.refused")]
    EvidenceRefused { request: RequestId, receipt_sha256: Digest, code: Name },
    /// The Runner opened it and could not deliver it to the end.
    #[serde(rename = "evidence.cut_off")]
    EvidenceCutOff { request: RequestId, receipt_sha256: Digest, code: Name },
    /// Nothing came of it in time.
    #[serde(rename = "evidence.expired")]
    EvidenceExpired { request: RequestId, code: Name },
    /// The person took the request back, or stopped reading.
    #[serde(rename = "evidence.cancelled")]
    EvidenceCancelled { request: RequestId },

    /// Somebody sends a connector's secret. This record comes before anything is sealed.
    #[serde(rename = "secret.requested")]
    SecretRequested { request: RequestId, runner: RunnerId, secret: Name, device: Digest, expires: Timestamp },
    /// The person's device sealed and signed it, and the control plane signed; `sealed_sha256` is of bytes that only the
    /// Runner can open.
    #[serde(rename = "secret.signed")]
    SecretSigned { request: RequestId, request_sha256: Digest, sealed_sha256: Digest },
    /// The Runner keeps it.
    #[serde(rename = "secret.accepted")]
    SecretAccepted { request: RequestId, receipt_sha256: Digest },
    /// The Runner does not keep it, or it cannot be sent there, where there is no receipt.
    #[serde(rename = "secret.refused")]
    SecretRefused { request: RequestId, receipt_sha256: Option<Digest>, code: Name },
    /// Nothing came of it in time.
    #[serde(rename = "secret.expired")]
    SecretExpired { request: RequestId, code: Name },
    /// It was taken back.
    #[serde(rename = "secret.cancelled")]
    SecretCancelled { request: RequestId },

    /// A Runner saw an audit log that did not grow from the one it keeps.
    #[serde(rename = "audit.fork_reported")]
    AuditForkReported { runner: RunnerId, kept: TreeHead, shown_sha256: Digest, alarm: Option<AlarmId> },
    /// The log was taken away.
    #[serde(rename = "audit.exported")]
    AuditExported { records: u64, root: Digest },
    /// Something that an administrator has to look at; `subject` is an id or a word out of a procedure.
    #[serde(rename = "alarm.raised")]
    AlarmRaised { alarm: AlarmId, kind: AlarmKind, runner: Option<RunnerId>, subject: Option<Name> },
    /// Somebody looked at it.
    #[serde(rename = "alarm.acknowledged")]
    AlarmAcknowledged { alarm: AlarmId, justification: FreeText },
}

impl Action {
    /// The word that stands in the record's field `action`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TenantCreated { .. } => "tenant.created",
            Self::DrillDownsSwitched { .. } => "drilldowns.switched",
            Self::PersonAdded { .. } => "person.added",
            Self::PersonRemoved { .. } => "person.removed",
            Self::PersonRoleChanged { .. } => "person.role_changed",
            Self::ApiKeyCreated { .. } => "api_key.created",
            Self::ApiKeyRevoked { .. } => "api_key.revoked",
            Self::PersonLinkCreated { .. } => "person.link_created",
            Self::PersonLinkUsed { .. } => "person.link_used",
            Self::AccountPasswordSet { .. } => "account.password_set",
            Self::AccountTotpSet { .. } => "account.totp_set",
            Self::AccountRecoveryCodesMade { .. } => "account.recovery_codes_made",
            Self::AccountRecoveryCodeUsed { .. } => "account.recovery_code_used",
            Self::SessionBegun { .. } => "session.begun",
            Self::SessionConfirmed { .. } => "session.confirmed",
            Self::SessionEnded { .. } => "session.ended",
            Self::SignInRefused { .. } => "sign_in.refused",
            Self::DeviceRegistered { .. } => "device.registered",
            Self::DeviceRemoved { .. } => "device.removed",
            Self::TokenCreated { .. } => "token.created",
            Self::TokenRevoked { .. } => "token.revoked",
            Self::TokenRedeemed { .. } => "token.redeemed",
            Self::RunnerApproved { .. } => "runner.approved",
            Self::RunnerEnrolled { .. } => "runner.enrolled",
            Self::RunnerCertificateRenewed { .. } => "runner.certificate_renewed",
            Self::RunnerCertificateActivated { .. } => "runner.certificate_activated",
            Self::RunnerRecovered { .. } => "runner.recovered",
            Self::RunnerRevoked { .. } => "runner.revoked",
            Self::RunnerLocked { .. } => "runner.locked",
            Self::RunnerUnlocked { .. } => "runner.unlocked",
            Self::RunnerReported { .. } => "runner.reported",
            Self::RunnerReportRefused { .. } => "runner.report_refused",
            Self::RunnerScheduled { .. } => "runner.scheduled",
            Self::ProcedureCatalogued { .. } => "procedure.catalogued",
            Self::RunRequested { .. } => "run.requested",
            Self::RunRequestAnswered { .. } => "run.request_answered",
            Self::CoverageScopeSet { .. } => "coverage.scope_set",
            Self::CoverageScopeRemoved { .. } => "coverage.scope_removed",
            Self::EvidenceRequested { .. } => "evidence.requested",
            Self::EvidencePrepared { .. } => "evidence.prepared",
            Self::EvidenceSigned { .. } => "evidence.signed",
            Self::EvidenceAnswered { .. } => "evidence.answered",
            Self::EvidenceRefused { .. } => "evidence.refused",
            Self::EvidenceCutOff { .. } => "evidence.cut_off",
            Self::EvidenceExpired { .. } => "evidence.expired",
            Self::EvidenceCancelled { .. } => "evidence.cancelled",
            Self::SecretRequested { .. } => "secret.requested",
            Self::SecretSigned { .. } => "secret.signed",
            Self::SecretAccepted { .. } => "secret.accepted",
            Self::SecretRefused { .. } => "secret.refused",
            Self::SecretExpired { .. } => "secret.expired",
            Self::SecretCancelled { .. } => "secret.cancelled",
            Self::AuditForkReported { .. } => "audit.fork_reported",
            Self::AuditExported { .. } => "audit.exported",
            Self::AlarmRaised { .. } => "alarm.raised",
            Self::AlarmAcknowledged { .. } => "alarm.acknowledged",
        }
    }
}

/// One item of a drill-down: `rows` is how many of its rows were asked for, `null` for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedFor {
    /// The item.
    pub item: ItemId,
    /// How many of its rows.
    pub rows: Option<u64>,
}
