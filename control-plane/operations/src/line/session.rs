//! What is known of a live session: a few hundred bytes, all of which can be learnt again from a new Hello.

use std::collections::BTreeSet;

use clock::Timestamp;
use contract::identity::RunnerName;
use contract::version::Version;
use contract::{Epoch, NoteText};
use control_plane_domain::policy::{self, Permit};
use control_plane_domain::runner::Presence;
use crypto::{Digest, p256};
use ids::RequestId;
use proof::note::VerifierKey;

use crate::relay::Origin;

/// A Runner's session. Tenant, Runner and keys are those of its certificate and its enrolment, never of a message.
#[derive(Debug)]
pub struct Session {
    pub(super) id: u64,
    pub(super) name: RunnerName,
    pub(super) certificate: Digest,
    pub(super) certificate_key: Digest,
    pub(super) generation: u64,
    /// What both sides speak.
    pub(super) version: Version,
    pub(super) not_after: Timestamp,
    pub(super) epoch: Epoch,
    pub(super) attestation_key: p256::VerifyingKey,
    pub(super) journal_key: VerifierKey,
    pub(super) witness_key: VerifierKey,
    pub(super) presence: Presence,
    /// The first record that can never be accepted; nothing from there on is looked at.
    pub(super) refused_from: Option<u64>,
    /// A checkpoint of records that are still on their way.
    pub(super) checkpoint_ahead: Option<NoteText>,
    /// Run requests that were sent in this session.
    pub(super) sent_runs: BTreeSet<RequestId>,
    /// Drill-downs that were sent in this session.
    pub(super) sent_drilldowns: BTreeSet<RequestId>,
    /// Connector secrets that were sent in this session.
    pub(super) sent_secrets: BTreeSet<RequestId>,
    /// Connector secrets of which it is not yet written that they were sent.
    pub(super) secrets_to_mark: Vec<RequestId>,
    /// Drill-downs of which it is not yet written that they were sent.
    pub(super) to_mark: Vec<RequestId>,
    pub(super) audit: Shown,
    /// The size of the audit log at the last look.
    pub(super) looked_at: Option<u64>,
    /// When something has to be looked at again although the log did not grow.
    pub(super) look_again: Option<Timestamp>,
}

/// What the Runner keeps of the audit log, and what it was shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// The size that it keeps.
    pub(super) kept: u64,
    /// The size that it was shown last and has not answered.
    pub(super) under_way: Option<u64>,
    /// When it was shown something last, on the monotonic clock.
    pub(super) at_ms: Option<u64>,
    /// It said that it saw a fork: nothing more is shown in this session.
    pub(super) forked: bool,
}

impl Session {
    /// Tenant and Runner.
    pub fn name(&self) -> RunnerName {
        self.name
    }

    /// The nonce that every request of this session names.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// When the certificate ends, and the session with it.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    pub(super) fn look_again_at(&mut self, at: Timestamp) {
        self.look_again = Some(self.look_again.map_or(at, |earlier| earlier.min(at)));
    }

    /// Whose answers it carries.
    pub(super) fn origin(&self) -> Origin {
        Origin { runner: (self.name.tenant, self.name.runner), epoch: self.epoch }
    }

    pub(super) fn permit(&self) -> Permit {
        policy::runner(self.name.tenant, self.name.runner)
    }
}
