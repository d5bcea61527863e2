//! Closed vocabularies. Each word has one spelling, the one that stands in manifests.

use std::fmt;
use std::str::FromStr;

/// A word that is not in the vocabulary named by `what`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}; expected one of: {expected}")]
pub struct UnknownWord {
    what: &'static str,
    expected: &'static str,
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// Every word, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word as formats and files spell it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownWord { what: $what, expected: concat!($($word, " "),*).trim_ascii_end() }),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

vocabulary! {
    /// What is known of an item, a check or a run. Ordered so that the first that applies decides: a check is `Fail` if
    /// any item fails without an exception, else `Error` if any item is in error, and so on; a run likewise over its
    /// checks. Items are never `Excepted`: an exception is an overlay and the measured status stays `Fail`.
    Status, "status" {
        /// Measured, and the assertion does not hold.
        Fail = "fail",
        /// Not measured, or measured in part; never to be read as pass or fail.
        Error = "error",
        /// Waits for a person.
        Pending = "pending",
        /// Every failing item is covered by an approved exception.
        Excepted = "excepted",
        /// Measured, and the assertion holds.
        Pass = "pass",
        /// The check does not apply here, for the reason that the procedure states.
        NotApplicable = "not_applicable",
        /// Left out of a partial run; a run with a skipped check has no score.
        Skipped = "skipped",
    }
}

vocabulary! {
    /// How much a check weighs.
    Severity, "severity" {
        /// Weight 10.
        Critical = "critical",
        /// Weight 5.
        High = "high",
        /// Weight 3.
        Medium = "medium",
        /// Weight 1.
        Low = "low",
        /// Weight 0: shown, never scored.
        Info = "info",
    }
}

impl Severity {
    /// The weight of a check of this severity in the score.
    pub const fn weight(self) -> u64 {
        match self {
            Self::Critical => 10,
            Self::High => 5,
            Self::Medium => 3,
            Self::Low => 1,
            Self::Info => 0,
        }
    }
}

vocabulary! {
    /// What became of a step.
    StepStatus, "step status" {
        /// Collected.
        Ok = "ok",
        /// Not collected; a code says why.
        Error = "error",
        /// Waits for a person or for a time.
        Pending = "pending",
        /// Left out of a partial run.
        Skipped = "skipped",
    }
}

vocabulary! {
    /// Why something could not be measured. The code leaves the Runner; the text behind it never does.
    Code, "code" {
        /// It took longer than allowed.
        Timeout = "timeout",
        /// The target refused the connection.
        Refused = "refused",
        /// The target could not be reached.
        Unreachable = "unreachable",
        /// The TLS handshake failed or the certificate is not trusted.
        Tls = "tls",
        /// The target did not accept the credentials.
        Auth = "auth",
        /// The credentials do not suffice for what was asked.
        PermissionDenied = "permission_denied",
        /// What was asked for does not exist.
        NotFound = "not_found",
        /// The target asked to slow down.
        RateLimited = "rate_limited",
        /// More bytes or rows than the limit; nothing of it is used.
        TooLarge = "too_large",
        /// The answer ended before it was complete.
        Truncated = "truncated",
        /// The output is not in the declared format.
        Parse = "parse",
        /// The target answered with something else than the procedure expects.
        BadOutput = "bad_output",
        /// An expression names a field that the evidence does not have.
        MissingField = "missing_field",
        /// An expression met a value of another type.
        WrongType = "wrong_type",
        /// A function of an expression refused its arguments.
        Function = "function",
        /// An expression took longer than allowed.
        ExpressionLimit = "expression_limit",
        /// A population could not be shown to be complete and free of duplicates.
        PopulationNotProven = "population_not_proven",
        /// There was nothing to check, and the procedure does not say that this is fine.
        Empty = "empty",
        /// Something that this depends on failed.
        Dependency = "dependency",
        /// The Runner's own policy does not allow it.
        PolicyDenied = "policy_denied",
        /// A person did not answer before the deadline.
        Overdue = "overdue",
        /// The run was cancelled.
        Cancelled = "cancelled",
        /// A fault of the Runner.
        Internal = "internal",
    }
}

vocabulary! {
    /// How confidential evidence is, from least to most.
    EvidenceClass, "evidence class" {
        /// May be seen by anyone.
        Public = "public",
        /// For the organisation; the default.
        Internal = "internal",
        /// For those who need it.
        Confidential = "confidential",
        /// Tells of natural persons.
        Personal = "personal",
        /// Gives access to something.
        Secret = "secret",
    }
}

vocabulary! {
    /// The two shapes of an evidence item.
    EvidenceForm, "evidence form" {
        /// Tabular data: one row a record, in RFC 8785 form.
        Rows = "rows",
        /// Anything else: the bytes, cut into rows of 65,536.
        Blob = "blob",
    }
}

vocabulary! {
    /// What set a run off.
    Trigger, "trigger" {
        /// It was due.
        Schedule = "schedule",
        /// The control plane relayed a request.
        Request = "request",
        /// Somebody ran it at the Runner.
        Local = "local",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse::<Code>().unwrap(), *code);
            assert_eq!(serde_json::from_str::<Code>(&format!("\"{code}\"")).unwrap(), *code);
        }
        assert_eq!(Code::ALL.len(), 23);
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_known_ones() {
        let error = "Pass".parse::<Status>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown status; expected one of: fail error pending excepted pass not_applicable skipped"
        );
    }
}
