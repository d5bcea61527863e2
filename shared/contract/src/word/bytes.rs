//! Bytes of a known form and a bounded length.

use std::fmt;

use proof::drilldown::Epoch;

use crate::limits::{FRAME, MAX_MANIFEST, MAX_MARKS, MAX_PROCEDURE, SEAL_TAG};
use crate::refusal::{Fault, Refusal};
use crate::wire::{Element, Wire};

macro_rules! bytes {
    ($($(#[$doc:meta])* $name:ident, $max:expr, $expected:literal, $allowed:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Bytes, at most.
            pub const MAX_BYTES: usize = $max;

            /// Takes bytes in, if they are allowed here.
            ///
            /// # Errors
            ///
            /// What the bytes should have been.
            pub fn new(bytes: Vec<u8>) -> Result<Self, Fault> {
                let allowed: fn(&[u8]) -> bool = $allowed;
                if bytes.is_empty() {
                    return Err(Fault::Missing);
                }
                if bytes.len() > Self::MAX_BYTES {
                    return Err(Fault::TooLong { max: Self::MAX_BYTES });
                }
                if allowed(&bytes) { Ok(Self(bytes)) } else { Err(Fault::Wrong($expected)) }
            }

            /// The bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The bytes, without a copy.
            pub fn into_bytes(self) -> Vec<u8> {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} bytes)", stringify!($name), self.0.len())
            }
        }

        impl Wire for $name {
            type Proto = Vec<u8>;
            const MAX_BYTES: Option<usize> = Some($max);

            fn read(wire: Vec<u8>) -> Result<Self, Refusal> {
                Ok(Self::new(wire)?)
            }

            fn write(self) -> Vec<u8> {
                self.0
            }
        }
    )*};
}

bytes! {
    /// An X.509 certificate. Only its outer frame is checked here; who reads it verifies it.
    DerCertificate, 4_096, "one DER-encoded certificate", is_one_sequence;

    /// A PKCS #10 certificate request. Only its outer frame is checked here; who reads it verifies it.
    DerRequest, 2_048, "one DER-encoded certificate request", is_one_sequence;

    /// The exact bytes of a manifest: lines of JSON.
    ManifestBytes, MAX_MANIFEST, "lines of JSON", |bytes| {
        bytes.starts_with(b"{") && bytes.ends_with(b"}\n") && std::str::from_utf8(bytes).is_ok()
    };

    /// A procedure's file as its operator approved it.
    ProcedureSource, MAX_PROCEDURE, "a text in UTF-8", |bytes| std::str::from_utf8(bytes).is_ok();

    /// One frame of an answer, sealed to the person who asked: the only type that may carry evidence, and nobody on the
    /// way can open it.
    Sealed, FRAME + SEAL_TAG, "a sealed frame of at least 16 bytes", |bytes| bytes.len() >= SEAL_TAG;

    /// A drill-down request on its way to the Runner, not read yet. It may be larger than a request is allowed to be, so
    /// that the Runner's gate refuses that under its own code, journals it and sends a receipt.
    DrillDownBytes, 65_536, "a drill-down request", |_| true;

    /// A request to keep a connector's secret on its way to the Runner, not read yet; larger than allowed for the same
    /// reason.
    SecretBytes, 65_536, "a request to keep a secret", |_| true;

    /// A connector's secret, sealed to a Runner: nobody on the way can open it. It may be longer than a sealed secret is
    /// allowed to be, for the same reason.
    SealedSecret, 65_536, "a sealed secret", |_| true;
}

impl Wire for Epoch {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = Some(16);

    fn read(wire: Vec<u8>) -> Result<Self, Refusal> {
        crate::wire::exactly(&wire, "an epoch of 16 bytes").map(Self::from_bytes)
    }

    fn write(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

/// A random mark of a session, known to the process that made it and to the control plane: what a session's successor
/// names to show that it is of the same process. It is never stored, and never shown to a person.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark([u8; 16]);

impl Mark {
    /// The mark with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Whether two marks are the same, in a time that does not depend on where they differ.
    pub fn is(&self, other: &Self) -> bool {
        crypto::equal_constant_time(&self.0, &other.0)
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark(…)")
    }
}

impl Wire for Mark {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = Some(16);

    fn read(wire: Vec<u8>) -> Result<Self, Refusal> {
        crate::wire::exactly(&wire, "a mark of 16 bytes").map(Self)
    }

    fn write(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// Marks of sessions before this one.
impl Element for Mark {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = <Self as Wire>::MAX_BYTES;
    const MAX_COUNT: usize = MAX_MARKS;

    fn read_one(wire: Vec<u8>) -> Result<Self, Refusal> {
        Self::read(wire)
    }

    fn write_one(self) -> Vec<u8> {
        self.write()
    }
}

/// Whether the bytes are one DER SEQUENCE in its shortest form (X.690 §8.1.3, §10.1) and nothing after it.
fn is_one_sequence(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, short @ 0..=0x7f, content @ ..] => content.len() == usize::from(*short),
        [0x30, 0x81, long @ 0x80..=0xff, content @ ..] => content.len() == usize::from(*long),
        [0x30, 0x82, high @ 1..=0xff, low, content @ ..] => {
            content.len() == usize::from(u16::from_be_bytes([*high, *low]))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_frame_of_der_is_checked() {
        let sequence = |length: &[u8], content: usize| [&[0x30], length, vec![5; content].as_slice()].concat();
        assert!(is_one_sequence(&sequence(&[3], 3)));
        assert!(is_one_sequence(&sequence(&[0x81, 200], 200)));
        assert!(is_one_sequence(&sequence(&[0x82, 1, 44], 300)));
        for bytes in [
            vec![],
            vec![0x30],
            sequence(&[3], 2),
            sequence(&[3], 4),
            sequence(&[0x81, 3], 3),
            sequence(&[0x82, 0, 200], 200),
            sequence(&[0x80], 3),
            sequence(&[0x84, 0, 0, 1, 44], 300),
            vec![0x31, 0],
        ] {
            assert!(!is_one_sequence(&bytes), "{bytes:x?}");
        }
    }

    #[test]
    fn bytes_are_not_printed() {
        let sealed = Sealed::new(b"canary-canary-canary".to_vec()).unwrap();
        assert_eq!(format!("{sealed:?}"), "Sealed(20 bytes)");
        assert_eq!(Sealed::new(vec![0; FRAME + SEAL_TAG + 1]), Err(Fault::TooLong { max: FRAME + SEAL_TAG }));
        assert!(Sealed::new(vec![0; 15]).is_err() && Sealed::new(vec![0; FRAME + SEAL_TAG]).is_ok());
    }
}
