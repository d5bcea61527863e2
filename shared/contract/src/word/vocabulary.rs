//! Words of which there is a fixed number.

use std::fmt;
use std::str::FromStr;

use crate::refusal::{Fault, Refusal};
use crate::wire::Wire;

macro_rules! vocabulary {
    ($($(#[$doc:meta])* $name:ident, $expected:literal { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            /// Every word, in the order of its number on the wire.
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Fault;

            fn from_str(text: &str) -> Result<Self, Fault> {
                match text { $($text => Ok(Self::$word),)* _ => Err(Fault::Wrong($expected)) }
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

        impl From<$name> for proto::$name {
            fn from(word: $name) -> Self {
                match word { $($name::$word => Self::$word,)* }
            }
        }

        impl Wire for $name {
            type Proto = i32;

            fn read(wire: i32) -> Result<Self, Refusal> {
                match proto::$name::try_from(wire) {
                    Ok(proto::$name::Unspecified) => Err(Fault::Missing.into()),
                    $(Ok(proto::$name::$word) => Ok(Self::$word),)*
                    Err(_) => Err(Fault::Wrong($expected).into()),
                }
            }

            fn write(self) -> i32 {
                proto::$name::from(self).into()
            }
        }
    )*};
}

vocabulary! {
    /// How a Runner is.
    Condition, "a condition that this version knows" {
        /// It runs and reports.
        Ready = "ready",
        /// Disk or queue is full: no new runs.
        Full = "full",
        /// An older copy of the store was put back: no runs, no drill-downs.
        Rollback = "rollback",
        /// The audit log was seen to fork: reports go on, drill-downs are refused.
        ForkSeen = "fork_seen",
    }

    /// How far a run is.
    RunStage, "a stage that this version knows" {
        /// The Runner will not run it.
        Refused = "refused",
        /// It goes on.
        Begun = "begun",
        /// It is over; its result is or will be reported.
        Ended = "ended",
    }

    /// Why the control plane ends a session.
    StopReason, "a reason that this version knows" {
        /// It is going down; others may be up.
        ShuttingDown = "shutting_down",
        /// The same Runner opened a newer session.
        Replaced = "replaced",
        /// The Runner was revoked.
        Revoked = "revoked",
        /// A second holder of the identity, or a second history, was seen.
        Locked = "locked",
        /// The versions have nothing in common.
        Version = "version",
        /// The Runner broke the protocol.
        Protocol = "protocol",
        /// It has more to do than it can.
        Busy = "busy",
        /// The certificate of the session has expired, or a newer one has been used since.
        Expired = "expired",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for reason in StopReason::ALL {
            assert_eq!(StopReason::read(reason.write()).unwrap(), *reason);
            assert_eq!(reason.as_str().parse::<StopReason>().unwrap(), *reason);
        }
        assert_eq!(Condition::read(0), Err(Fault::Missing.into()));
        assert!(Condition::read(99).is_err() && "READY".parse::<Condition>().is_err());
    }
}
