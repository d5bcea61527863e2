//! What both services share.

use std::sync::Arc;

use clock::Clock;
use control_plane_authority::TrustedAuthorities;
use control_plane_operations::Operations;
use crypto::Entropy;

use crate::counters::Counters;
use crate::limits::Limits;
use crate::session::Session;

/// The gateway: one for both listeners of a process.
pub struct Gateway {
    operations: Operations,
    trusted: Arc<TrustedAuthorities>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    counters: Arc<Counters>,
}

impl Gateway {
    /// A gateway without connections.
    pub fn new(
        operations: Operations,
        trusted: Arc<TrustedAuthorities>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        limits: Limits,
    ) -> Arc<Self> {
        let counters = Arc::new(Counters::default());
        Arc::new(Self { operations, trusted, clock, entropy, limits, counters })
    }

    /// What happened here, for the server to show.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// A session with a peer that presented this chain, its own certificate first, DER. The chain is verified when the
    /// session opens, whether or not a handshake verified it before.
    pub fn session(self: &Arc<Self>, chain: Vec<Vec<u8>>) -> Session {
        Session::new(Arc::clone(self), chain)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn operations(&self) -> &Operations {
        &self.operations
    }

    pub(crate) fn trusted(&self) -> &TrustedAuthorities {
        &self.trusted
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("limits", &self.limits).finish_non_exhaustive()
    }
}
