//! The only crate that names a cryptographic library.
//!
//! Digests, keyed hashes, authenticated encryption that always takes a context, sealing to a public key, key
//! derivation, passwords, one-time codes, signatures and the source of randomness. It knows bytes and keys; it must never know evidence, procedures or the shape of a document.
//! Every other crate may depend on it.
#![deny(missing_docs)]

pub mod aead;
pub mod digest;
pub mod ed25519;
pub mod entropy;
pub mod hpke;
pub mod kdf;
pub mod otp;
pub mod p256;
pub mod password;
pub mod pem;
mod secret;

pub use digest::Digest;
pub use entropy::{Entropy, SystemEntropy};
pub use secret::Secret;

use subtle::ConstantTimeEq;

/// Whether two byte strings are equal, in time that depends on their lengths alone.
pub fn equal_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
