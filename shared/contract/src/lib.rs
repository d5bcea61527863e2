//! The words that may cross the line between a customer's network and the control plane.
//!
//! Each message of `proto` has a type of the same name here whose every field is bounded: an id, a digest, a time, a word
//! of a vocabulary, a text of limited length without control characters, or bytes of a known form. A message that cannot
//! be such a value is refused with the name of the field ([`Refusal`]). There is no type for raw evidence; the one type
//! that carries it, sealed to a person, is [`Sealed`]; in the other direction [`SealedSecret`] carries what only the
//! Runner can open. Beside the messages stand the names in certificates
//! ([`identity`]), the statements that a Runner signs about itself ([`enrolment`]), join tokens ([`token`]) and the
//! versions of the protocol ([`version`]).
//!
//! Pure: no sockets, files or clocks. It must never know stores, sessions or how evidence looks. The link and the exit
//! gate of the Runner and every room of the control plane may depend on it.
#![deny(missing_docs)]

pub mod enrolment;
pub mod fields;
pub mod identity;
pub mod limits;
mod message;
mod refusal;
pub mod token;
pub mod version;
mod wire;
mod word;

pub use message::*;
pub use refusal::{Fault, Refusal};
pub use word::*;

pub use clock::Timestamp;
pub use crypto::Digest;
pub use procedure::Notation;
pub use proof::drilldown::Epoch;
pub use proof::note::VerifierKey;
pub use proof::text::{Name, Software};
