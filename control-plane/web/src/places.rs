//! How much there is room for: requests, connections, streams, octets. So much altogether, and of it so much for one
//! address, one session or one tenant, so that nobody takes what belongs to the others. Nobody queues: whoever comes when
//! there is no room is told so.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use control_plane_domain::policy::Caller;
use ids::{PersonId, TenantId};

use crate::http::address::network_of;
use crate::problem::Problem;

/// Somebody who has a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    /// An IPv4 address, or the network of an IPv6 address.
    Network(IpAddr),
    /// A key or a session.
    Means(TenantId, [u8; 16]),
    Person(TenantId, PersonId),
    Tenant(TenantId),
}

impl Whose {
    pub(crate) fn network(address: IpAddr) -> Self {
        Self::Network(network_of(address))
    }

    pub(crate) fn means(caller: &Caller) -> Self {
        Self::Means(caller.tenant(), *caller.means_id())
    }

    pub(crate) fn person(caller: &Caller) -> Self {
        Self::Person(caller.tenant(), caller.person())
    }

    pub(crate) fn tenant(caller: &Caller) -> Self {
        Self::Tenant(caller.tenant())
    }
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// For anybody.
    All,
    /// For whoever asked: their share is taken.
    Share,
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        match full {
            Full::All => Self::busy().after(2),
            Full::Share => Self::too_many_at_once().after(2),
        }
    }
}

/// The room that there is for one kind of thing.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Room>);

#[derive(Debug)]
struct Room {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<Whose, usize>,
}

/// A place that is taken; dropping it lets somebody else in.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    many: usize,
    shares: Vec<Whose>,
}

impl Places {
    /// Room for so many.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Room { most, taken: Mutex::default() }))
    }

    /// Takes one place, of each of these shares of so many.
    pub(crate) fn enter(&self, shares: &[(Whose, usize)]) -> Result<Place, Full> {
        self.enter_with(1, shares)
    }

    /// Takes so many places at once.
    pub(crate) fn enter_with(&self, many: usize, shares: &[(Whose, usize)]) -> Result<Place, Full> {
        let mut taken = self.0.lock();
        if taken.all.saturating_add(many) > self.0.most {
            return Err(Full::All);
        }
        let has_room = |(whose, most): &(Whose, usize)| {
            taken.by.get(whose).copied().unwrap_or_default().saturating_add(many) <= *most
        };
        if !shares.iter().all(has_room) {
            return Err(Full::Share);
        }
        Ok(self.entered(&mut taken, many, shares))
    }

    /// The same whether there is room or not, for what is there in any case: it is counted, and keeps others out.
    pub(crate) fn enter_anyway(&self, many: usize, shares: &[(Whose, usize)]) -> Place {
        self.entered(&mut self.0.lock(), many, shares)
    }

    fn entered(&self, taken: &mut Taken, many: usize, shares: &[(Whose, usize)]) -> Place {
        taken.all = taken.all.saturating_add(many);
        for (whose, _) in shares {
            let count = taken.by.entry(*whose).or_default();
            *count = count.saturating_add(many);
        }
        let shares = shares.iter().map(|(whose, _)| *whose).collect();
        Place { room: Arc::clone(&self.0), many, shares }
    }

    /// How many are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.0.lock().all
    }
}

impl Room {
    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        taken.all = taken.all.saturating_sub(self.many);
        for whose in &self.shares {
            if let Some(count) = taken.by.get_mut(whose) {
                *count = count.saturating_sub(self.many);
                if *count == 0 {
                    taken.by.remove(whose);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_ends_before_the_room_does() {
        let places = Places::new(3);
        let network = |last| Whose::network(IpAddr::from([192, 0, 2, last]));
        let one = [(network(1), 2)];
        let first = places.enter(&one).unwrap();
        let _second = places.enter(&one).unwrap();
        assert_eq!(places.enter(&one).unwrap_err(), Full::Share);
        let _other = places.enter(&[(network(2), 2)]).unwrap();
        assert_eq!(places.enter(&[(network(3), 2)]).unwrap_err(), Full::All);
        drop(first);
        assert!(places.enter(&one).is_ok(), "a place was let go");
        assert_eq!(places.taken(), 2);
    }

    #[test]
    fn a_refusal_takes_nothing_and_nothing_is_remembered() {
        let places = Places::new(100);
        let (network, tenant) = (Whose::network(IpAddr::from([192, 0, 2, 1])), Whose::Tenant(TenantId::NIL));
        let held = places.enter_with(60, &[(network, 64), (tenant, 1_000)]).unwrap();
        assert_eq!(places.enter_with(5, &[(tenant, 1_000), (network, 64)]).unwrap_err(), Full::Share);
        assert_eq!(places.enter_with(41, &[]).unwrap_err(), Full::All);
        assert_eq!(places.taken(), 60);
        drop(held);
        assert_eq!(places.taken(), 0);
        assert!(places.0.lock().by.is_empty());
    }

    #[test]
    fn what_is_there_in_any_case_is_counted() {
        let places = Places::new(10);
        let share = [(Whose::network(IpAddr::from([192, 0, 2, 1])), 5)];
        let held = places.enter_anyway(20, &share);
        assert_eq!(places.taken(), 20);
        assert_eq!(places.enter(&[]).unwrap_err(), Full::All);
        drop(held);
        assert_eq!(places.taken(), 0);
        assert!(places.enter_with(5, &share).is_ok());
    }
}
