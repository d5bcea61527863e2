//! Versions of the protocol: which of them understand one another.

use std::fmt;

use crate::refusal::{Fault, Refusal};
use crate::wire::Wire;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Another major version is another protocol.
    pub major: u32,
    /// One minor version apart still works: each side then speaks the lower of the two.
    pub minor: u32,
}

/// The version that this code speaks; 1.2 is understood too.
pub const CURRENT: Version = Version { major: 1, minor: 3 };

/// From this version on a Runner says which runs it works at.
pub const UNDER_WAY: Version = Version { major: 1, minor: 3 };

/// From this version on a connector's secret names the session of the Runner for which it was sealed.
pub const SECRETS_OF_SESSION: Version = Version { major: 1, minor: 3 };

/// Two versions that have no version in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this side speaks version {ours} of the line, the other side {theirs}, and they are too far apart")]
pub struct Incompatible {
    /// What this side speaks.
    pub ours: Version,
    /// What the other side speaks.
    pub theirs: Version,
}

/// The version to speak with a peer that says it speaks `peer`.
///
/// # Errors
///
/// Another major version, or minor versions more than one apart.
pub fn negotiate(peer: Version) -> Result<Version, Incompatible> {
    if peer.major == CURRENT.major && peer.minor.abs_diff(CURRENT.minor) <= 1 {
        Ok(peer.min(CURRENT))
    } else {
        Err(Incompatible { ours: CURRENT, theirs: peer })
    }
}

impl Incompatible {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "E-CONTRACT-001"
    }

    /// What to do about it; true on whichever side it is read.
    pub fn next_step(&self) -> &'static str {
        if self.theirs > self.ours {
            "upgrade this side to a version at most one minor version behind the other"
        } else {
            "upgrade the other side to a version at most one minor version behind this one"
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl From<Version> for proto::Version {
    fn from(version: Version) -> Self {
        Self { major: version.major, minor: version.minor }
    }
}

/// A version is accepted only when it can be spoken, so that a message of another protocol is refused for that, not for
/// whatever else about it looks odd.
impl Wire for Version {
    type Proto = Option<proto::Version>;

    fn read(wire: Self::Proto) -> Result<Self, Refusal> {
        let proto::Version { major, minor } = wire.ok_or(Fault::Missing)?;
        let version = Self { major, minor };
        negotiate(version).map_err(Fault::Version)?;
        Ok(version)
    }

    fn write(self) -> Self::Proto {
        Some(self.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_minor_version_apart_works() {
        let v = |major, minor| Version { major, minor };
        assert_eq!(negotiate(v(1, 2)), Ok(v(1, 2)));
        assert_eq!(negotiate(v(1, 3)), Ok(v(1, 3)));
        assert_eq!(negotiate(v(1, 4)), Ok(v(1, 3)));
        for peer in [v(1, 1), v(1, 5), v(2, 2), v(2, 3), v(0, 3), v(u32::MAX, u32::MAX)] {
            assert_eq!(negotiate(peer), Err(Incompatible { ours: CURRENT, theirs: peer }));
        }
        let newer = negotiate(v(1, 5)).unwrap_err();
        assert_eq!(
            newer.to_string(),
            "this side speaks version 1.3 of the line, the other side 1.5, and they are too far apart"
        );
        assert!(newer.next_step().starts_with("upgrade this side"));
        assert!(negotiate(v(0, 9)).unwrap_err().next_step().starts_with("upgrade the other side"));
    }
}
