//! Who may connect, before anybody has proved anything: counted altogether and by address, for connections and for the
//! handshakes among them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::ListenerLimits;

/// Counts of one listener.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: usize,
    handshakes: usize,
    by_address: HashMap<IpAddr, Of>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Of {
    connections: usize,
    handshakes: usize,
}

impl Admission {
    /// Counts the connection in, or refuses it.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, limits: &ListenerLimits) -> Option<Handshaking> {
        let address = network_of(address);
        let mut counts = self.lock();
        if counts.connections >= limits.connections || counts.handshakes >= limits.handshakes {
            return None;
        }
        let of = counts.by_address.get(&address).copied().unwrap_or_default();
        if of.connections >= limits.connections_per_address || of.handshakes >= limits.handshakes_per_address {
            return None;
        }
        counts.by_address.insert(address, Of { connections: of.connections + 1, handshakes: of.handshakes + 1 });
        counts.connections += 1;
        counts.handshakes += 1;
        let connection = Connected { admission: Arc::clone(self), address };
        Some(Handshaking { connection: Some(connection) })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Each change leaves the counts whole, so what another thread left behind can be used.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_handshake(&self, address: IpAddr) {
        let mut counts = self.lock();
        counts.handshakes = counts.handshakes.saturating_sub(1);
        if let Some(of) = counts.by_address.get_mut(&address) {
            of.handshakes = of.handshakes.saturating_sub(1);
        }
    }

    fn end_connection(&self, address: IpAddr) {
        let mut counts = self.lock();
        counts.connections = counts.connections.saturating_sub(1);
        if let Some(of) = counts.by_address.get_mut(&address) {
            of.connections = of.connections.saturating_sub(1);
            if of.connections == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

/// A connection that still shakes hands; counted out when dropped.
#[derive(Debug)]
pub(crate) struct Handshaking {
    connection: Option<Connected>,
}

impl Handshaking {
    /// The handshake is over; the connection goes on counting.
    pub(crate) fn done(mut self) -> Option<Connected> {
        let connection = self.connection.take()?;
        connection.admission.end_handshake(connection.address);
        Some(connection)
    }
}

impl Drop for Handshaking {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.admission.end_handshake(connection.address);
        }
    }
}

/// A connection; counted out when dropped.
#[derive(Debug)]
pub(crate) struct Connected {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.admission.end_connection(self.address);
    }
}

/// What counts as one address: a whole `/64` belongs to whoever has one address of it.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> ListenerLimits {
        ListenerLimits {
            connections: 4,
            connections_per_address: 3,
            handshakes: 3,
            handshakes_per_address: 2,
            ..ListenerLimits::line()
        }
    }

    #[test]
    fn counts_by_address_and_altogether_and_forgets_who_leaves() {
        let admission = Arc::new(Admission::default());
        let admit = |address: &str| admission.admit(address.parse().unwrap(), &limits());
        let one = admit("10.0.0.1").unwrap();
        let two = admit("10.0.0.1").unwrap();
        assert!(admit("10.0.0.1").is_none(), "a third handshake of one address");
        let other = admit("10.0.0.2").unwrap();
        assert!(admit("10.0.0.3").is_none(), "a fourth handshake altogether");
        let one = one.done().unwrap();
        let two = two.done().unwrap();
        let three = admit("10.0.0.1").unwrap().done().unwrap();
        assert!(admit("10.0.0.1").is_none(), "a fourth connection of one address");
        assert!(admit("10.0.0.4").is_none(), "a fifth connection altogether");
        drop(other);
        drop(admit("10.0.0.4").unwrap());
        drop((one, two, three));
        let counts = admission.lock();
        assert_eq!((counts.connections, counts.handshakes, counts.by_address.len()), (0, 0, 0));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address_and_a_mapped_one_as_its_ipv4() {
        let of = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::5"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::5"), of("2001:db8:1:3::5"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
