//! What makes a result provable: commitments to evidence, Merkle logs, signed checkpoints, signatures, the manifest, the
//! attestation, the proof bundle, and the verification of all of them.
//!
//! Pure: bytes in, bytes out. It must never know files, sockets, clocks, stores or how procedures are evaluated. The
//! vault, the exit gate, the control plane and `proctor-verify` depend on it, so that every side computes the same.
#![deny(missing_docs)]

pub mod attestation;
pub mod bundle;
pub mod checkpoint;
pub mod commitment;
pub mod cosignature;
mod countersigned;
pub mod drilldown;
pub mod dsse;
pub mod export;
mod json;
pub mod log;
pub mod manifest;
pub mod merkle;
pub mod note;
mod receipt;
pub mod secret;
pub mod text;
pub mod tlog_proof;
pub mod verification;

#[cfg(test)]
mod vectors;

pub use json::JsonError;
