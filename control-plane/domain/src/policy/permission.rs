//! The verbs.

use std::fmt;
use std::str::FromStr;

/// A word that names no permission that a key can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission `{0}`")]
pub struct UnknownPermission(pub String);

macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $grantable:literal;)*) => {
        /// One verb. Its word is also the scope that an API key names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $($(#[$doc])* $variant),* }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word that stands in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// Whether a person's API key can carry it. The others are for Runners, the operator and the control plane
            /// itself.
            pub const fn is_scope(self) -> bool {
                match self { $(Self::$variant => $grantable),* }
            }
        }
    };
}

permissions! {
    /// See who is in the tenant.
    PeopleList = "people.list", true;
    /// Let a person in.
    PeopleAdd = "people.add", true;
    /// Give a person another role.
    PeopleSetRole = "people.set_role", true;
    /// Take a person out; their keys end with them.
    PeopleRemove = "people.remove", true;
    /// Hand out a link with which a person sets password or second factor. At the console only: a key that made links could
    /// make itself a person who may do more than it.
    PeopleLink = "people.link", false;
    /// End the sessions of somebody else.
    PeopleEndSessions = "people.end_sessions", true;
    /// Look after one's own sign-in: password, second factor, sessions, devices. At the console only.
    AccountManage = "account.manage", false;
    /// See keys: one's own, or everybody's with `api_keys.manage`.
    ApiKeysList = "api_keys.list", true;
    /// Make a key for oneself.
    ApiKeysCreate = "api_keys.create", true;
    /// End a key of one's own.
    ApiKeysRevoke = "api_keys.revoke", true;
    /// Make, see and end the keys of others.
    ApiKeysManage = "api_keys.manage", true;
    /// Make a token that lets one Runner in.
    TokensCreate = "tokens.create", true;
    /// End a token.
    TokensRevoke = "tokens.revoke", true;
    /// See tokens.
    TokensList = "tokens.list", true;
    /// See Runners.
    RunnersList = "runners.list", true;
    /// Let a Runner in whose fingerprint was compared.
    RunnersApprove = "runners.approve", true;
    /// Shut a Runner out for good.
    RunnersRevoke = "runners.revoke", true;
    /// Open a Runner that was locked.
    RunnersUnlock = "runners.unlock", true;
    /// See what is installed where.
    ProceduresList = "procedures.list", true;
    /// See runs and their manifests.
    RunsList = "runs.list", true;
    /// Ask a Runner to run what its operator installed.
    RunsRequest = "runs.request", true;
    /// See the state of checks.
    ChecksList = "checks.list", true;
    /// Say which controls of a framework the tenant answers for.
    CoverageScope = "coverage.scope", true;
    /// See what fails, and since when.
    FindingsList = "findings.list", true;
    /// See which evidence there is.
    ItemsList = "items.list", true;
    /// Ask for evidence, sign for it, read the answer.
    DrillDownsRequest = "drilldowns.request", true;
    /// See who asked for which evidence, and what became of it.
    DrillDownsList = "drilldowns.list", true;
    /// Switch drill-downs of the whole tenant off or on.
    DrillDownsSwitch = "drilldowns.switch", true;
    /// Send a connector's secret, sealed to a Runner.
    SecretsSend = "secrets.send", true;
    /// See which secrets were sent where, and what became of them.
    SecretsList = "secrets.list", true;
    /// Take back a secret that somebody else sends.
    SecretsManage = "secrets.manage", true;
    /// Read the audit log and its checkpoints.
    AuditList = "audit.list", true;
    /// Take the audit log away.
    AuditExport = "audit.export", true;
    /// Check the audit log in the database.
    AuditVerify = "audit.verify", false;
    /// See alarms.
    AlarmsList = "alarms.list", true;
    /// Say that an alarm was looked at.
    AlarmsAcknowledge = "alarms.acknowledge", true;
    /// Make a tenant.
    TenantsCreate = "tenants.create", false;
    /// Find the key that somebody presents.
    Authenticate = "authenticate", false;
    /// Redeem a token, recover a certificate.
    Enrol = "enrol", false;
    /// Everything that a Runner says and is told in its session.
    Line = "line", false;
    /// What happens because time passes.
    Upkeep = "upkeep", false;
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let known = Self::ALL.iter().copied().find(|permission| permission.as_str() == text);
        known.ok_or_else(|| UnknownPermission(proof::text::printable(text)))
    }
}

impl serde::Serialize for Permission {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Permission {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
