//! What the control plane says in a session.

use clock::Timestamp;
use crypto::{Digest, ed25519};
use ids::RequestId;
use proof::drilldown::Epoch;

use super::declare::messages;
use super::enrolment::{check_chain, check_seconds};
use crate::limits::{MAX_ALIVE_SECONDS, MAX_CREDIT, MAX_WINDOW};
use crate::refusal::{Fault, Refusal};
use crate::version::Version;
use crate::word::{Code, DerCertificate, DrillDownBytes, NoteText, SealedSecret, SecretBytes, StopReason};

messages! {
    /// The answer to Hello.
    Welcome {
        /// The version that both sides speak from here on.
        version: Version,
        /// How many records of the journal the control plane has.
        accepted: u64,
        /// Hash of the last record that the control plane has; zeros when it has none.
        accepted_head: Digest,
        /// Reports that may be under way without having been accepted: the pace of the drain.
        window: u32,
        /// Seconds between two signs of life.
        alive_seconds: u32,
        /// The control plane's time of day.
        now = now_ms: Timestamp,
    } => welcome;

    /// Every record before this one is durable at the control plane.
    Accepted {
        /// How many records of the journal the control plane has.
        accepted: u64,
    }

    /// A record that can never be accepted. Later ones are not accepted either.
    ReportRefused {
        /// The record.
        seq: u64,
        /// Why, as a stable code.
        code: Code,
    }

    /// Somebody wants a procedure to be run now.
    RunRequest {
        /// The request.
        request: RequestId,
        /// The digest of the procedure's model; run only if it is installed.
        procedure: Digest,
        /// The session's nonce.
        epoch: Epoch,
        /// When the request is void.
        expires = expires_ms: Timestamp,
        /// The audit record that logged this request.
        audit_seq: u64,
        /// The hash of that record.
        audit_hash: Digest,
    }

    /// Somebody wants to see evidence.
    DrillDown {
        /// The request of formats §5 with its two signatures.
        envelope: DrillDownBytes,
        /// The key of the person's device, as that person gave it: a claim that the Runner's own approval must confirm.
        device_key: Option<ed25519::VerifyingKey>,
    }

    /// The person can take this many more frames.
    DrillDownCredit {
        /// The drill-down request.
        request: RequestId,
        /// How many.
        frames: u32,
    } => credit;

    /// Nobody reads the answer any more.
    DrillDownCancel {
        /// The drill-down request.
        request: RequestId,
    }

    /// Somebody sends a connector's secret.
    ConnectorSecret {
        /// The request with its two signatures, as `proof::secret` defines it.
        envelope: SecretBytes,
        /// The key of the person's device, as that person gave it: a claim that the Runner's own approval must confirm.
        device_key: Option<ed25519::VerifyingKey>,
        /// The value, sealed to this Runner.
        sealed: SealedSecret,
    }

    /// The receipt is durable at the control plane.
    ReceiptAccepted {
        /// The request that it is about.
        request: RequestId,
        /// SHA-256 of the receipt's envelope: one request may have several.
        receipt_sha256: Digest,
    }

    /// The journal checkpoint that was shown, with the control plane's cosignature.
    JournalCosignature {
        /// The checkpoint with the signatures under it.
        note: NoteText,
    }

    /// A newer audit checkpoint.
    AuditCheckpoint {
        /// The signed checkpoint.
        note: NoteText,
        /// The size that the Runner keeps, from which the proof begins.
        from_size: u64,
        /// That the log grew from that size.
        proof: Vec<Digest>,
    }

    /// The next certificate.
    Renewed {
        /// The Runner's certificate first, its issuer's after it.
        chain: Vec<DerCertificate>,
        /// Its generation.
        generation: u64,
    } => has_a_chain;

    /// The control plane ends the session.
    Stop {
        /// Why.
        reason: StopReason,
        /// When to come back, at the earliest.
        retry_after_seconds: u32,
    } => seconds;
}

fn welcome(message: &Welcome) -> Result<(), Refusal> {
    if !(1..=MAX_WINDOW).contains(&message.window) {
        return Err(Refusal::of("window", Fault::Wrong("a number of reports from 1 to 4096")));
    }
    if !(1..=MAX_ALIVE_SECONDS).contains(&message.alive_seconds) {
        return Err(Refusal::of("alive_seconds", Fault::Wrong("a time of 1 to 3600 seconds")));
    }
    Ok(())
}

fn credit(message: &DrillDownCredit) -> Result<(), Refusal> {
    if (1..=MAX_CREDIT).contains(&message.frames) {
        return Ok(());
    }
    Err(Refusal::of("frames", Fault::Wrong("a number of frames from 1 to 1024")))
}

fn has_a_chain(message: &Renewed) -> Result<(), Refusal> {
    check_chain(&message.chain)
}

fn seconds(message: &Stop) -> Result<(), Refusal> {
    check_seconds(message.retry_after_seconds)
}
