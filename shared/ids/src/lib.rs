//! Typed identifiers of everything Proctor names, in one registry.
//!
//! Every id is a UUIDv7 (RFC 9562 §5.7) in canonical lower-case text. A `RunId` cannot be passed where a
//! `RunnerId` is meant. This crate knows nothing of what the ids identify; everybody may depend on it.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Why a text is not an id: `kind` names the id that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: expected a UUID in lower-case canonical form, such as 019aa7f0-0000-7000-8000-000000000003")]
pub struct IdError {
    kind: &'static str,
}

/// Only the canonical form is accepted: 36 characters, lower case, with hyphens. Ids are compared as text in signed
/// documents, so a second spelling of the same id would be a second id.
fn parse_canonical(text: &str, kind: &'static str) -> Result<Uuid, IdError> {
    let uuid = Uuid::try_parse(text).map_err(|_| IdError { kind })?;
    let mut buffer = Uuid::encode_buffer();
    if uuid.hyphenated().encode_lower(&mut buffer) == text { Ok(uuid) } else { Err(IdError { kind }) }
}

/// UUIDv7 from its two ingredients: milliseconds since the Unix epoch and 10 random bytes.
fn uuid_v7(unix_ms: u64, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid()
}

macro_rules! registry {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id whose 128 bits are all zero; it names nothing that was ever created.
            pub const NIL: Self = Self(Uuid::nil());

            /// A UUIDv7 from milliseconds since the Unix epoch and 10 random bytes.
            pub fn from_parts(unix_ms: u64, random: [u8; 10]) -> Self {
                Self(uuid_v7(unix_ms, random))
            }

            /// The 16 bytes, big-endian as in RFC 9562 §4.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id with these 16 bytes, as [`as_bytes`](Self::as_bytes) gave them.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_canonical(text, stringify!($name)).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

registry! {
    /// An organisation; the unit of isolation. [`TenantId::NIL`] before a Runner is enrolled.
    TenantId,
    /// The daemon at the customer. Its identity is its key; this names the record of it.
    RunnerId,
    /// One execution of a procedure, fixed before anything is collected.
    RunId,
    /// An evidence item: an ordered list of rows that one step collected.
    ItemId,
    /// A Runner's store; part of what every sealed value is bound to.
    StoreId,
    /// An approved, expiring overlay on a failing check.
    ExceptionId,
    /// A person, in logs and requests.
    PersonId,
    /// A drill-down request, or a request to run a procedure.
    RequestId,
    /// A person's API key; the name of the key, never the key.
    ApiKeyId,
    /// A one-time token that lets a Runner in.
    TokenId,
    /// Something that an administrator has to look at.
    AlarmId,
    /// A person's time at the console, from sign-in to sign-out.
    SessionId,
    /// A link that lets one person in, once.
    LinkId,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "019aa7f0-0000-7000-8000-000000000003";

    #[test]
    fn text_round_trips() {
        let id: RunId = TEXT.parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(RunId::from_bytes(*id.as_bytes()), id);
        assert_eq!(serde_json::from_str::<RunId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "019AA7F0-0000-7000-8000-000000000003",
            "019aa7f0000070008000000000000003",
            "{019aa7f0-0000-7000-8000-000000000003}",
            "urn:uuid:019aa7f0-0000-7000-8000-000000000003",
            "019aa7f0-0000-7000-8000-00000000000g",
        ] {
            let error = text.parse::<RunId>().unwrap_err();
            assert!(error.to_string().contains("RunId"), "{text}: {error}");
        }
    }

    #[test]
    fn made_ids_carry_version_7_and_sort_by_time() {
        let early = RunId::from_parts(1_763_755_896_097, [0xff; 10]);
        let late = RunId::from_parts(1_763_755_896_098, [0x00; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.as_bytes()[6] >> 4, 7);
        assert_eq!(early.as_bytes()[8] >> 6, 0b10);
    }
}
