//! What is said before a Runner has a certificate, or when the one it has is expired.

use crypto::p256;
use proof::note::VerifierKey;

use super::declare::messages;
use crate::limits::{MAX_RETRY_AFTER_SECONDS, MAX_STATEMENT};
use crate::refusal::{Fault, Refusal};
use crate::token::JoinToken;
use crate::version::Version;
use crate::wire::{Element, Wire};
use crate::word::{Address, Code, DerCertificate, DerRequest, Envelope};

/// The envelope of a statement that a Runner signed about itself.
pub type StatementEnvelope = Envelope<MAX_STATEMENT>;

messages! {
    /// A new Runner asks to be let in. The same request gets the same answer.
    EnrolRequest {
        /// The version that the Runner speaks.
        version: Version,
        /// The one-time token that its operator was given.
        token: JoinToken,
        /// The request for a certificate over its TLS key.
        certificate_request: DerRequest,
        /// Its keys and name, signed by its attestation key: a [`KeyStatement`](crate::enrolment::KeyStatement).
        statement: StatementEnvelope,
    }

    /// A Runner whose certificate expired while it was away asks for a new one, with the key it had.
    RecoverRequest {
        /// The version that the Runner speaks.
        version: Version,
        /// The request for a certificate, over the TLS key of the expired one.
        certificate_request: DerRequest,
        /// The certificate that the Runner had.
        certificate: DerCertificate,
        /// This request, signed by the attestation key: a [`RecoveryStatement`](crate::enrolment::RecoveryStatement).
        statement: StatementEnvelope,
    }

    /// An administrator has to approve the Runner first.
    AwaitingApproval {
        /// When to ask again.
        retry_after_seconds: u32,
    } => seconds;

    /// The Runner is let in.
    Enrolled {
        /// The Runner's certificate first, its issuer's after it.
        chain: Vec<DerCertificate>,
        /// Counts the certificates of this Runner.
        generation: u64,
        /// Where the line is dialled.
        line_address: Address,
        /// The key of the control plane that signs drill-down requests, to be pinned.
        drilldown_key: p256::VerifyingKey,
        /// The key of the tenant's audit log, to be pinned.
        audit_key: VerifierKey,
        /// The key with which the control plane countersigns the journal, to be pinned.
        witness_key: VerifierKey,
    } => has_a_chain;

    /// It is refused.
    Refused {
        /// Why, as a stable code.
        code: Code,
    }
}

/// Certificates of a chain.
impl Element for DerCertificate {
    type Proto = Vec<u8>;
    const MAX_BYTES: Option<usize> = <Self as Wire>::MAX_BYTES;
    const MAX_COUNT: usize = 4;

    fn read_one(wire: Vec<u8>) -> Result<Self, Refusal> {
        Self::read(wire)
    }

    fn write_one(self) -> Vec<u8> {
        self.write()
    }
}

fn seconds(message: &AwaitingApproval) -> Result<(), Refusal> {
    check_seconds(message.retry_after_seconds)
}

fn has_a_chain(message: &Enrolled) -> Result<(), Refusal> {
    check_chain(&message.chain)
}

pub(super) fn check_seconds(retry_after_seconds: u32) -> Result<(), Refusal> {
    if retry_after_seconds > MAX_RETRY_AFTER_SECONDS {
        return Err(Refusal::of("retry_after_seconds", Fault::Wrong("a time of at most a day")));
    }
    Ok(())
}

pub(super) fn check_chain(chain: &[DerCertificate]) -> Result<(), Refusal> {
    if chain.is_empty() { Err(Refusal::of("chain", Fault::Missing)) } else { Ok(()) }
}
