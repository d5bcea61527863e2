//! Connector secrets: how a person sends a value to one Runner, so that whoever carries it can neither read it nor make
//! one up, and what the Runner signs about having taken it in or refused it.
//!
//! Knows documents, signatures and how a value is sealed; must never know policies, stores, streams or who may send what.
//! The control plane writes down the terms and relays what it cannot read, the person's device seals and signs, and the
//! Runner opens.

mod document;
mod receipt;
mod request;
mod sealing;
mod signing;

#[cfg(test)]
mod tests;

pub use receipt::{Decision, RECEIPT_TYPE, Receipt};
pub use request::{Class, MAX_PAYLOAD, MAX_VALUE, Request, SECRET_TYPE, SealedRef, Terms};
pub use sealing::{MAX_SEALED, OpenError, SealError, info, open_value, seal};
pub use signing::{PendingSecret, open, parse, roles};

pub use crate::countersigned::{MAX_REQUEST, RequestError, claimed, envelope};
pub use crate::receipt::{MAX_RECEIPT, ReceiptError};
