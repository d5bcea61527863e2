//! The shell against a small control plane over real sockets: TLS, proxies, sessions that are cut, renewals that are lost.

mod control_plane;
mod enrolments;
mod handshakes;
mod pki;
mod probes;
mod proxies;
mod relay;
mod renewals;
mod runner;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, ManualClock};
use crypto::SystemEntropy;

use crate::address::Address;
use crate::dial::{Dialer, ProxySettings, Timeouts};
use crate::identity::Identity;
use crate::identity::tests::{identity_from, now};
use crate::trust::Trust;

use control_plane::ControlPlane;
use pki::Tls;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(now()))
}

fn timeouts() -> Timeouts {
    let second = Duration::from_secs(1);
    Timeouts { resolve: second * 5, connect: second * 5, tunnel: second, handshake: second }
}

fn direct() -> Dialer {
    Dialer::new(ProxySettings::Direct, timeouts())
}

fn entropy() -> SystemEntropy {
    SystemEntropy::new()
}

/// An identity that this control plane let in, its certificate valid for 24 hours from `now` on.
fn let_in(control_plane: &ControlPlane, tls: &Tls, address: &Address) -> Identity {
    identity_from(&control_plane.authority, Trust::pinned(tls.ca.pin), address, now(), 24)
}

fn shared(clock: &Arc<ManualClock>) -> Arc<dyn Clock> {
    Arc::clone(clock) as Arc<dyn Clock>
}
