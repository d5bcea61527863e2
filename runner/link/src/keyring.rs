//! The identity in use. Every change is kept by the vault before it takes effect here.

use std::sync::{Mutex, PoisonError};

use clock::Timestamp;
use contract::{DerCertificate, DerRequest, Renew};
use crypto::{Digest, Entropy, SystemEntropy};

use crate::backoff::jitter;
use crate::duties::Duties;
use crate::error::LinkError;
use crate::identity::Identity;

/// How long a renewal is left alone after its certificate was refused.
const AFTER_REFUSAL_MS: i64 = 10 * 60_000;
/// However this host's clock stands, certificates are not renewed one after the other.
const AFTER_RENEWAL_MS: i64 = 3_600_000;
/// Renewals are spread over this part of a certificate's life behind its middle.
const SPREAD: i64 = 20;

/// The identity in use.
#[derive(Debug)]
pub struct Keyring {
    state: Mutex<State>,
    entropy: SystemEntropy,
}

#[derive(Debug)]
struct State {
    identity: Identity,
    renew_not_before: Option<Timestamp>,
    /// The request of a recovery under way, and of which key it is: the same one is sent until it is answered.
    recovery: Option<(Digest, DerRequest)>,
}

impl Keyring {
    pub fn new(identity: Identity, entropy: SystemEntropy) -> Self {
        Self { state: Mutex::new(State { identity, renew_not_before: None, recovery: None }), entropy }
    }

    /// The identity as it is now.
    pub fn identity(&self) -> Identity {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).identity.clone()
    }

    /// When the next session should ask for a renewal: at once if one was asked for and the answer was lost, else soon after
    /// half of the certificate's life.
    pub fn renew_at(&self, entropy: &dyn Entropy) -> Timestamp {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let held = state.identity.presented().holding;
        let life = held.not_after().since_ms(held.half_life()) * 2;
        let spread = u64::try_from(life / SPREAD).unwrap_or(0);
        let spread = i64::try_from(jitter(entropy, spread)).unwrap_or(0);
        let lost = state.identity.pending.is_some() && state.identity.next.is_none();
        let due = if lost { Timestamp::EPOCH } else { held.half_life().plus_ms(spread) };
        state.renew_not_before.map_or(due, |not_before| due.max(not_before))
    }

    /// A session is about to be opened. Returns the identity to open it with, and whether its certificate is shown for the
    /// first time.
    pub fn opening(&self, duties: &dyn Duties) -> Result<(Identity, bool), LinkError> {
        let identity = self.identity();
        if !identity.presented().first_use {
            return Ok((identity, false));
        }
        Ok((self.keep(duties, identity.opening())?, true))
    }

    /// The control plane welcomed the certificate of this generation.
    pub fn welcomed(&self, duties: &dyn Duties, generation: u64) -> Result<(), LinkError> {
        let identity = self.identity();
        if identity.next.is_none() {
            return Ok(());
        }
        self.keep(duties, identity.welcomed(generation)).map(drop)
    }

    /// The TLS layer of the control plane refused, with this alert, the certificate that was shown, in a session that was
    /// not welcomed. A renewed one gives way to the one before it, if no session can have been opened with it.
    pub fn refused(&self, duties: &dyn Duties, first_use: bool, alert: &str, now: Timestamp) -> Result<(), LinkError> {
        let identity = self.identity();
        if identity.gives_way(first_use, alert) { self.give_way(duties, &identity, now) } else { Ok(()) }
    }

    /// The control plane knows nothing of the certificate that a recovery showed. Says whether another one is shown now.
    pub fn unknown_in_recovery(&self, duties: &dyn Duties, now: Timestamp) -> Result<bool, LinkError> {
        let identity = self.identity();
        if !identity.is_of_another_authority() {
            return Ok(false);
        }
        self.give_way(duties, &identity, now).map(|()| true)
    }

    /// A request for a renewal, kept before it is returned.
    pub fn prepare_renewal(&self, duties: &dyn Duties) -> Result<Renew, LinkError> {
        let before = self.identity();
        let prepared = before.prepared(&self.entropy);
        let prepared = if before.pending.is_some() { prepared } else { self.keep(duties, prepared)? };
        let pending = prepared.pending.ok_or(LinkError::Identity { why: "a renewal was not prepared" })?;
        Ok(Renew { certificate_request: pending.request, generation: prepared.current.generation() })
    }

    /// Keeps a renewed certificate, to be used from the next session on.
    pub fn adopt_renewal(
        &self,
        duties: &dyn Duties,
        chain: Vec<DerCertificate>,
        generation: u64,
        now: Timestamp,
    ) -> Result<(), LinkError> {
        self.keep(duties, self.identity().adopted(chain, generation, now)?)?;
        self.leave_alone_until(now.plus_ms(AFTER_RENEWAL_MS));
        Ok(())
    }

    /// A request for a certificate of the key that was presented last.
    pub fn recovery_request(&self) -> DerRequest {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = state.identity.presented().holding.key();
        let under_way = state.recovery.as_ref().filter(|(of, _)| *of == key.digest());
        let (of, request) = under_way.cloned().unwrap_or_else(|| (key.digest(), key.request()));
        state.recovery = Some((of, request.clone()));
        request
    }

    /// Keeps a certificate that recovery gave.
    pub fn recovered(
        &self,
        duties: &dyn Duties,
        chain: Vec<DerCertificate>,
        generation: u64,
        now: Timestamp,
    ) -> Result<(), LinkError> {
        self.keep(duties, self.identity().recovered(chain, generation, now)?)?;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).recovery = None;
        Ok(())
    }

    fn give_way(&self, duties: &dyn Duties, identity: &Identity, now: Timestamp) -> Result<(), LinkError> {
        let kept = self.keep(duties, identity.refused())?;
        self.leave_alone_until(now.plus_ms(AFTER_REFUSAL_MS));
        tracing::warn!(
            refused = identity.generation(),
            generation = kept.generation(),
            "a renewed certificate that was refused gives way to the one before it"
        );
        Ok(())
    }

    fn leave_alone_until(&self, time: Timestamp) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).renew_not_before = Some(time);
    }

    fn keep(&self, duties: &dyn Duties, identity: Identity) -> Result<Identity, LinkError> {
        duties.store_identity(&identity.to_bytes())?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.identity = identity.clone();
        Ok(identity)
    }
}
