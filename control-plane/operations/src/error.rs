//! Why an operation was not done, in words for the person who asked.
//!
//! What is said outside never holds the insides: faults of ours are one sentence and a code, and their cause goes to the
//! log.

use control_plane_authn::password::Weak;
use control_plane_authn::throttle::Throttled;
use control_plane_authority::{IssueError, OpenError, UnsealError};
use control_plane_domain::policy::Denied;
use control_plane_store::StoreError;

/// What kind of refusal it is; the API has a status for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No key, or none that holds.
    Unauthenticated,
    /// The person or the key may not.
    Forbidden,
    /// There is no such thing in this tenant.
    NotFound,
    /// It does not go together with how things stand.
    Conflict,
    /// The request says something that cannot be.
    Invalid,
    /// Too often.
    Throttled {
        /// When to come back.
        retry_after_seconds: u32,
    },
    /// The database does not answer now.
    Unavailable,
    /// Our fault.
    Fault,
}

/// Why an operation was not done. Its text is for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No key, or none that holds. One sentence for all reasons, so that nobody learns which keys exist.
    #[error("the API key is not valid")]
    Unauthenticated,
    /// Too many wrong attempts.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The role or the key does not allow it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such thing in this tenant.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A value that cannot be.
    #[error("`{field}`: {why}")]
    Invalid {
        /// Where it stands in the request.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// It is there already.
    #[error("there is a {0} like this already")]
    Exists(&'static str),
    /// Only an owner makes, changes or removes an owner.
    #[error("only an owner can make, change or remove an owner")]
    OwnersOnly,
    /// Nobody changes their own standing.
    #[error("nobody can change their own role, remove themselves, or make a link for themselves")]
    OwnStanding,
    /// The tenant would be without an owner.
    #[error("a tenant keeps at least one owner")]
    LastOwner,
    /// A key cannot be given more than its owner and its maker have.
    #[error("the key would carry `{0}`, which its owner or the key that makes it does not have")]
    ScopeBeyond(control_plane_domain::policy::Permission),
    /// The fingerprint is not that of the Runner.
    #[error("this is not the fingerprint of the Runner that is waiting: do not approve it before you know why")]
    OtherFingerprint,
    /// The Runner is not in a state in which this can be done.
    #[error("the Runner is {0}")]
    RunnerIs(control_plane_domain::runner::Standing),
    /// The token was used, revoked, or has expired.
    #[error("the token cannot be taken back: it was used or revoked before")]
    TokenIsSpent,
    /// The key was revoked before.
    #[error("the key was revoked before")]
    KeyIsRevoked,
    /// The procedure is not installed at the Runner.
    #[error("no procedure with this digest is installed at the Runner")]
    NotInstalled,
    /// Drill-downs are switched off in this tenant.
    #[error("drill-downs are switched off in this tenant")]
    DrillDownsOff,
    /// The drill-down is in another state.
    #[error("the drill-down is {0}")]
    DrillDownIs(control_plane_domain::drilldown::DrillDownWord),
    /// Somebody else's drill-down.
    #[error("only the person who asked can sign, read or cancel a drill-down")]
    NotTheAsker,
    /// The signature is not one of the device over what is to be signed.
    #[error("the signature is not one of the named device over the request as it stands now")]
    WrongSignature,
    /// Organisation, address or password. One sentence for all of them, so that nobody learns who exists.
    #[error("organisation, e-mail address or password is wrong")]
    SignInRefused,
    /// A code, or what was to be shown again.
    #[error("that is not right, or the code was used before")]
    WrongCode,
    /// A link that is unknown, used, replaced or past its time.
    #[error("the link cannot be used: it was used before, there is a newer one, or its time is over")]
    LinkRefused,
    /// A password that may not be one.
    #[error(transparent)]
    PasswordRefused(#[from] Weak),
    /// The session that was to take a step is over.
    #[error("the session is over")]
    SessionOver,
    /// Both factors are to be shown again first.
    #[error("this asks for your password and a code once more")]
    ConfirmFirst,
    /// The second factor of the session was a recovery code.
    #[error("you showed a recovery code in the place of your app: this asks for a code of the app itself")]
    AppCodeFirst,
    /// An invitation for somebody who is in already.
    #[error("this person has a second factor: an invitation is for their first time")]
    IsEnrolled,
    /// More people sign in than can be looked at.
    #[error("too many people are signing in at this moment")]
    SignInBusy,
    /// There is a second factor already.
    #[error("there is a second factor already")]
    FactorIsSet,
    /// A session asks with a device that its person did not register.
    #[error("this device is not registered")]
    UnknownDevice,
    /// As many devices as a person may have.
    #[error("there are as many devices as a person may have")]
    TooManyDevices,
    /// The answer is being read, or was.
    #[error("the answer is being read already, or has been: it is relayed once and kept nowhere")]
    AnswerIsTaken,
    /// The secret is in another state.
    #[error("the secret is {0}, or the time to seal it is over")]
    SecretIs(control_plane_domain::secret::SecretWord),
    /// Enough secrets wait for this Runner.
    #[error("as many secrets wait for this Runner as may")]
    TooManySecrets,
    /// What was sealed and signed is not what was to be.
    #[error("the sealed secret is not in order: {0}")]
    SecretDiffers(String),
    /// The Runner has no session here in which it takes secrets.
    #[error("the Runner is not connected here, or its program is too old to take secrets that name its session")]
    RunnerAway,
    /// The Runner began another session after the terms were made.
    #[error("the Runner began another session since the terms were made, and takes no secret of an earlier one")]
    OtherSession,
    /// Somebody begins to send one secret after the other and seals none.
    #[error("as many secrets of yours wait to be sealed as may")]
    TooManyUnsealed,
    /// Somebody else's secret.
    #[error("only the person who sends a secret can seal it or take it back")]
    NotTheSender,
    /// The alarm was acknowledged before.
    #[error("the alarm was acknowledged before")]
    AlarmIsAcknowledged,
    /// The audit log in the database is not what was signed.
    #[error("the audit log does not verify: {0}")]
    AuditBroken(String),
    /// No bundle can be made of what the control plane has.
    #[error(transparent)]
    NoBundle(#[from] NoBundle),
    /// The database does not answer now.
    #[error("the control plane cannot reach its database now")]
    Unavailable(#[source] StoreError),
    /// What is stored contradicts itself, or a statement failed.
    #[error("the control plane failed to do this; its log says why")]
    Store(#[source] StoreError),
    /// A tenant's key cannot be used.
    #[error("the control plane failed to do this; its log says why")]
    Key(#[source] KeyFault),
}

/// Why no proof bundle can be made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoBundle {
    /// No signed checkpoint of the journal is over the run's record.
    #[error("no signed checkpoint of the Runner's journal covers this run yet")]
    NotCovered,
    /// The file of the procedure is not here.
    #[error("the file of the procedure that ran is not known here: the Runner's operator withholds it")]
    Withheld,
}

/// Why a tenant's key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// There is none.
    #[error("E-OPS-090: the tenant has no {0} key in the database")]
    Missing(control_plane_domain::tenant::TenantKeyKind),
    /// It does not open.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// It opens, and is not a key.
    #[error("E-OPS-091: the {0} key in the database is damaged")]
    Damaged(control_plane_domain::tenant::TenantKeyKind),
    /// A person's second factor does not open.
    #[error(
        "E-OPS-092: a second factor in the database does not open: it was changed, moved, or sealed under another root key"
    )]
    Seed,
    /// The issuing authority cannot be used.
    #[error(transparent)]
    Authority(#[from] OpenError),
    /// A certificate cannot be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// Its certificate is not trusted.
    #[error(transparent)]
    Untrusted(#[from] control_plane_authority::Why),
    /// A checkpoint cannot be signed.
    #[error(transparent)]
    Note(#[from] proof::note::NoteError),
}

impl Error {
    /// What kind of refusal it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unauthenticated | Self::SignInRefused | Self::SessionOver => Kind::Unauthenticated,
            Self::Throttled(Throttled { retry_after_seconds }) => {
                Kind::Throttled { retry_after_seconds: *retry_after_seconds }
            }
            Self::Denied(_)
            | Self::OwnersOnly
            | Self::OwnStanding
            | Self::NotTheAsker
            | Self::ConfirmFirst
            | Self::AppCodeFirst
            | Self::NotTheSender
            | Self::DrillDownsOff => Kind::Forbidden,
            Self::NotFound(_) | Self::LinkRefused => Kind::NotFound,
            Self::Invalid { .. }
            | Self::ScopeBeyond(_)
            | Self::NotInstalled
            | Self::WrongSignature
            | Self::WrongCode
            | Self::PasswordRefused(_)
            | Self::UnknownDevice
            | Self::SecretDiffers(_) => Kind::Invalid,
            Self::Exists(_)
            | Self::LastOwner
            | Self::OtherFingerprint
            | Self::RunnerIs(_)
            | Self::TokenIsSpent
            | Self::KeyIsRevoked
            | Self::DrillDownIs(_)
            | Self::AnswerIsTaken
            | Self::FactorIsSet
            | Self::TooManyDevices
            | Self::SecretIs(_)
            | Self::TooManySecrets
            | Self::TooManyUnsealed
            | Self::IsEnrolled
            | Self::RunnerAway
            | Self::OtherSession
            | Self::AlarmIsAcknowledged
            | Self::NoBundle(_) => Kind::Conflict,
            Self::Unavailable(_) | Self::SignInBusy => Kind::Unavailable,
            Self::AuditBroken(_) | Self::Store(_) | Self::Key(_) => Kind::Fault,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "E-OPS-001",
            Self::Throttled(_) => "E-OPS-002",
            Self::Denied(_) => "E-OPS-003",
            Self::NotFound(_) => "E-OPS-004",
            Self::Invalid { .. } => "E-OPS-005",
            Self::Exists(_) => "E-OPS-006",
            Self::OwnersOnly => "E-OPS-010",
            Self::OwnStanding => "E-OPS-011",
            Self::LastOwner => "E-OPS-012",
            Self::ScopeBeyond(_) => "E-OPS-013",
            Self::KeyIsRevoked => "E-OPS-014",
            Self::OtherFingerprint => "E-OPS-020",
            Self::RunnerIs(_) => "E-OPS-021",
            Self::TokenIsSpent => "E-OPS-022",
            Self::NotInstalled => "E-OPS-030",
            Self::DrillDownsOff => "E-OPS-040",
            Self::DrillDownIs(_) => "E-OPS-041",
            Self::NotTheAsker => "E-OPS-042",
            Self::WrongSignature => "E-OPS-043",
            Self::AnswerIsTaken => "E-OPS-044",
            Self::AlarmIsAcknowledged => "E-OPS-050",
            Self::AuditBroken(_) => "E-OPS-051",
            Self::NoBundle(NoBundle::NotCovered) => "E-OPS-070",
            Self::NoBundle(NoBundle::Withheld) => "E-OPS-071",
            Self::SecretIs(_) => "E-OPS-110",
            Self::TooManySecrets => "E-OPS-111",
            Self::SecretDiffers(_) => "E-OPS-112",
            Self::NotTheSender => "E-OPS-113",
            Self::TooManyUnsealed => "E-OPS-116",
            Self::RunnerAway => "E-OPS-114",
            Self::OtherSession => "E-OPS-115",
            Self::SignInRefused => "E-AUTH-001",
            Self::WrongCode => "E-AUTH-002",
            Self::LinkRefused => "E-AUTH-003",
            Self::PasswordRefused(_) => "E-AUTH-004",
            Self::SessionOver => "E-AUTH-005",
            Self::ConfirmFirst => "E-AUTH-006",
            Self::SignInBusy => "E-AUTH-007",
            Self::FactorIsSet => "E-AUTH-008",
            Self::UnknownDevice => "E-AUTH-009",
            Self::TooManyDevices => "E-AUTH-010",
            Self::AppCodeFirst => "E-AUTH-011",
            Self::IsEnrolled => "E-AUTH-012",
            Self::Unavailable(_) => "E-OPS-098",
            Self::Store(_) | Self::Key(_) => "E-OPS-099",
        }
    }

    /// What to do about it.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "present a key that has not expired and was not revoked",
            Self::Throttled(_) => "wait as long as it says, then try again with the right key",
            Self::Denied(_) => "ask an administrator for a role or a key that carries this permission",
            Self::NotFound(_) => "check the id; a list shows what there is",
            Self::Invalid { .. } => "correct the field and send it again",
            Self::Exists(_) => "use the one that is there, or choose another name",
            Self::OwnersOnly => "ask an owner of the tenant",
            Self::OwnStanding => "ask another administrator or owner",
            Self::LastOwner => "make somebody else an owner first",
            Self::ScopeBeyond(_) => "leave the scope out, or have somebody make the key who has it",
            Self::KeyIsRevoked => "nothing is left to do",
            Self::OtherFingerprint => "compare with what the Runner's operator sees on their screen",
            Self::RunnerIs(_) => "look at the Runner's record to see what can be done with it",
            Self::TokenIsSpent => "revoke the Runner that came with it, if it should not be there",
            Self::NotInstalled => "have the Runner's operator install it, or pick a digest from its list",
            Self::DrillDownsOff => "ask an administrator of the tenant to switch them on",
            Self::DrillDownIs(_) => "look at the drill-down; if it is over, ask anew",
            Self::NotTheAsker => "ask for the evidence yourself",
            Self::WrongSignature => "fetch the request again, check it, and sign exactly its bytes",
            Self::AnswerIsTaken => "ask anew",
            Self::AlarmIsAcknowledged => "nothing is left to do",
            Self::AuditBroken(_) => "keep the database as it is; compare the Runners' countersigned checkpoints",
            Self::SecretIs(_) => "look at the secret; if it is over, send it anew",
            Self::TooManySecrets => "wait until the Runner has taken some, or take some back",
            Self::SecretDiffers(_) => "send it anew, with a program of the same version",
            Self::NotTheSender => "send the secret yourself",
            Self::TooManyUnsealed => "seal one of them, take one back, or wait ten minutes",
            Self::RunnerAway => "see that it is connected and up to date, then send the secret",
            Self::OtherSession => "send the secret anew",
            Self::SignInRefused => "check what you typed; an administrator can send you a link to set a new password",
            Self::WrongCode => "wait for the next code of your app, or take a recovery code",
            Self::LinkRefused => "ask an administrator for a new link",
            Self::PasswordRefused(_) => "choose another one",
            Self::SessionOver => "sign in again",
            Self::ConfirmFirst => "show both, and go on from there",
            Self::SignInBusy => "try again in a few seconds",
            Self::FactorIsSet => "sign in with it; whoever lost theirs asks an administrator for a link",
            Self::UnknownDevice => "register this browser's key in your account first",
            Self::TooManyDevices => "remove one that you do not use any more",
            Self::AppCodeFirst => {
                "confirm with a code of your app; if it is lost, set up another one under Account, Second factor"
            }
            Self::IsEnrolled => "make a link for a new password, or for everything",
            Self::NoBundle(NoBundle::NotCovered) => {
                "the Runner signs one every few seconds while it is connected: try again then, or make the bundle at the \
                 Runner with `proctor-runner bundle`"
            }
            Self::NoBundle(NoBundle::Withheld) => "have the bundle made at the Runner, with `proctor-runner bundle`",
            Self::Unavailable(_) => "try again in a few seconds",
            Self::Store(_) | Self::Key(_) => "tell the operator of the control plane the code and the time",
        }
    }

    pub(crate) fn invalid(field: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Invalid { field, why: why.to_string() }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor => return Self::invalid("after", "pass `next` of the page before, unchanged"),
            StoreError::AuditBroken { seq, why } => return Self::AuditBroken(format!("record {seq}: {why}")),
            StoreError::UnknownTenant => return Self::NotFound("tenant"),
            StoreError::ActorGone => return Self::Unauthenticated,
            _ => {}
        }
        if error.is_transient() {
            tracing::warn!(code = error.code(), %error, "the database does not answer");
            Self::Unavailable(error)
        } else {
            tracing::error!(code = error.code(), %error, "the database refused");
            Self::Store(error)
        }
    }
}

impl From<KeyFault> for Error {
    fn from(fault: KeyFault) -> Self {
        tracing::error!(%fault, "a key of a tenant cannot be used");
        Self::Key(fault)
    }
}
