//! How one field is read from and written to the wire. Every length is checked before anything is parsed.

use std::str::FromStr;

use clock::Timestamp;
use crypto::{Digest, ed25519, p256};
use ids::{RequestId, RunId};
use procedure::Notation;
use proof::note::VerifierKey;
use proof::text::{Name, Software};

use crate::limits::MAX_COUNT;
use crate::refusal::{Fault, Refusal};
use crate::token::{JoinToken, TOKEN_BYTES};

/// A type that stands in a field of a message.
pub(crate) trait Wire: Sized {
    /// What the generated message holds in its place.
    type Proto;

    /// Bytes of a text or byte string, at most; `None` for everything else. In a list, of each entry.
    const MAX_BYTES: Option<usize> = None;

    /// Entries of a list, at most.
    const MAX_COUNT: Option<usize> = None;

    fn read(wire: Self::Proto) -> Result<Self, Refusal>;

    fn write(self) -> Self::Proto;
}

/// A type that stands in a list.
pub(crate) trait Element: Sized {
    type Proto;

    const MAX_BYTES: Option<usize> = None;

    const MAX_COUNT: usize;

    fn read_one(wire: Self::Proto) -> Result<Self, Refusal>;

    fn write_one(self) -> Self::Proto;
}

impl<T: Element> Wire for Vec<T> {
    type Proto = Vec<T::Proto>;
    const MAX_BYTES: Option<usize> = T::MAX_BYTES;
    const MAX_COUNT: Option<usize> = Some(T::MAX_COUNT);

    fn read(wire: Self::Proto) -> Result<Self, Refusal> {
        if wire.len() > T::MAX_COUNT {
            return Err(Fault::TooMany { max: T::MAX_COUNT }.into());
        }
        let entries = wire.into_iter().enumerate();
        entries.map(|(index, entry)| T::read_one(entry).map_err(|refusal| refusal.at(index))).collect()
    }

    fn write(self) -> Self::Proto {
        self.into_iter().map(T::write_one).collect()
    }
}

/// Hashes of a consistency proof: one a level of the tree on either side.
impl Element for Digest {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = <Self as Wire>::MAX_BYTES;
    const MAX_COUNT: usize = 128;

    fn read_one(wire: Vec<u8>) -> Result<Self, Refusal> {
        Self::read(wire)
    }

    fn write_one(self) -> Vec<u8> {
        self.write()
    }
}

/// What stands for "nothing" in a field without presence.
pub(crate) trait Absent: Default {
    fn is_absent(&self) -> bool;
}

impl Absent for String {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for Vec<u8> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Wire> Wire for Option<T>
where
    T::Proto: Absent,
{
    type Proto = T::Proto;
    const MAX_BYTES: Option<usize> = T::MAX_BYTES;

    fn read(wire: T::Proto) -> Result<Self, Refusal> {
        if wire.is_absent() { Ok(None) } else { T::read(wire).map(Some) }
    }

    fn write(self) -> T::Proto {
        self.map(T::write).unwrap_or_default()
    }
}

/// A text that parses as `T`, of at most `max` bytes.
fn parsed<T: FromStr>(wire: &str, max: usize, expected: &'static str) -> Result<T, Refusal> {
    if wire.is_empty() {
        return Err(Fault::Missing.into());
    }
    if wire.len() > max {
        return Err(Fault::TooLong { max }.into());
    }
    wire.parse().map_err(|_| Fault::Wrong(expected).into())
}

/// Exactly `N` bytes.
pub(crate) fn exactly<const N: usize>(wire: &[u8], expected: &'static str) -> Result<[u8; N], Refusal> {
    if wire.is_empty() {
        return Err(Fault::Missing.into());
    }
    if wire.len() > N {
        return Err(Fault::TooLong { max: N }.into());
    }
    wire.try_into().map_err(|_| Fault::Wrong(expected).into())
}

macro_rules! texts {
    ($($name:ty, $max:literal, $expected:literal;)*) => {$(
        impl Wire for $name {
            type Proto = String;
            const MAX_BYTES: Option<usize> = Some($max);

            fn read(wire: String) -> Result<Self, Refusal> {
                parsed(&wire, $max, $expected)
            }

            fn write(self) -> String {
                self.to_string()
            }
        }
    )*};
}

texts! {
    RequestId, 36, "an id in canonical lower case";
    RunId, 36, "an id in canonical lower case";
    Name, 64, "a name of 1 to 64 characters of A-Z a-z 0-9 _ . -";
    Software, 64, "a program's name and version";
    VerifierKey, 512, "a verifier key NAME+HEX+BASE64";
}

impl Wire for Notation {
    type Proto = String;
    const MAX_BYTES: Option<usize> = Some(8);

    fn read(wire: String) -> Result<Self, Refusal> {
        match wire.as_str() {
            "" => Err(Fault::Missing.into()),
            "yaml" => Ok(Self::Yaml),
            "markdown" => Ok(Self::Markdown),
            longer if longer.len() > 8 => Err(Fault::TooLong { max: 8 }.into()),
            _ => Err(Fault::Wrong("yaml or markdown").into()),
        }
    }

    fn write(self) -> String {
        match self {
            Self::Yaml => "yaml".to_owned(),
            Self::Markdown => "markdown".to_owned(),
        }
    }
}

impl Wire for JoinToken {
    type Proto = String;
    const MAX_BYTES: Option<usize> = Some(TOKEN_BYTES);

    fn read(wire: String) -> Result<Self, Refusal> {
        let text = crypto::Secret::new(wire);
        parsed(text.expose(), TOKEN_BYTES, "a join token")
    }

    fn write(self) -> String {
        self.to_text().expose().clone()
    }
}

impl Wire for Digest {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = Some(32);

    fn read(wire: Vec<u8>) -> Result<Self, Refusal> {
        exactly(&wire, "a digest of 32 bytes").map(Self::from_bytes)
    }

    fn write(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Wire for [u8; 32] {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = Some(32);

    fn read(wire: Vec<u8>) -> Result<Self, Refusal> {
        exactly(&wire, "32 bytes")
    }

    fn write(self) -> Vec<u8> {
        self.to_vec()
    }
}

/// SubjectPublicKeyInfo of a P-256 key has one length.
const P256_SPKI: usize = 91;

impl Wire for p256::VerifyingKey {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = Some(P256_SPKI);

    fn read(wire: Vec<u8>) -> Result<Self, Refusal> {
        let bytes: [u8; P256_SPKI] = exactly(&wire, "a P-256 public key")?;
        Self::from_spki(&bytes).map_err(|_| Fault::Wrong("a P-256 public key").into())
    }

    fn write(self) -> Vec<u8> {
        self.to_spki()
    }
}

/// SubjectPublicKeyInfo of an Ed25519 key has one length.
const ED25519_SPKI: usize = 44;

impl Wire for ed25519::VerifyingKey {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = Some(ED25519_SPKI);

    fn read(wire: Vec<u8>) -> Result<Self, Refusal> {
        let bytes: [u8; ED25519_SPKI] = exactly(&wire, "an Ed25519 public key")?;
        Self::from_spki(&bytes).map_err(|_| Fault::Wrong("an Ed25519 public key").into())
    }

    fn write(self) -> Vec<u8> {
        self.to_spki()
    }
}

/// A count, sequence number or generation.
impl Wire for u64 {
    type Proto = Self;

    fn read(wire: Self) -> Result<Self, Refusal> {
        if wire > MAX_COUNT { Err(Fault::Wrong("a number of at most 2^53 - 1").into()) } else { Ok(wire) }
    }

    fn write(self) -> Self {
        self
    }
}

impl Wire for u32 {
    type Proto = Self;

    fn read(wire: Self) -> Result<Self, Refusal> {
        Ok(wire)
    }

    fn write(self) -> Self {
        self
    }
}

impl Wire for bool {
    type Proto = Self;

    fn read(wire: Self) -> Result<Self, Refusal> {
        Ok(wire)
    }

    fn write(self) -> Self {
        self
    }
}

/// Milliseconds since the Unix epoch. Zero is what a field that was left out reads as, and is nobody's time.
impl Wire for Timestamp {
    type Proto = i64;

    fn read(wire: i64) -> Result<Self, Refusal> {
        if wire == 0 {
            return Err(Fault::Missing.into());
        }
        let time = Self::from_millis(wire);
        if time.as_millis() == wire { Ok(time) } else { Err(Fault::Wrong("a time of the years 0000 to 9999").into()) }
    }

    fn write(self) -> i64 {
        self.as_millis()
    }
}
