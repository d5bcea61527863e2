//! A request's place among those that are worked at.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::places::{Full, Place, Places, Whose};

/// The place of one request. It is given up while the request waits for its body: whoever sends one slowly, or never,
/// keeps nobody else from being answered.
#[derive(Debug, Clone)]
pub(crate) struct Turn(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    places: Places,
    share: (Whose, usize),
    place: Mutex<Option<Place>>,
}

impl Turn {
    /// Takes a place for a request of this address, which may have so many.
    pub(crate) fn take(places: &Places, client: IpAddr, most: usize) -> Result<Self, Full> {
        let share = (Whose::network(client), most);
        let place = Mutex::new(Some(places.enter(&[share])?));
        Ok(Self(Arc::new(Taken { places: places.clone(), share, place })))
    }

    /// Gives the place up.
    pub(crate) fn rest(&self) {
        self.put(None);
    }

    /// Takes a place again.
    pub(crate) fn resume(&self) -> Result<(), Full> {
        let place = self.0.places.enter(&[self.0.share])?;
        self.put(Some(place));
        Ok(())
    }

    fn put(&self, place: Option<Place>) {
        *self.0.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_rests_leaves_the_place_to_others() {
        let (places, client) = (Places::new(1), IpAddr::from([192, 0, 2, 1]));
        let first = Turn::take(&places, client, 1).unwrap();
        assert_eq!(Turn::take(&places, client, 1).unwrap_err(), Full::All);
        first.rest();
        let second = Turn::take(&places, client, 1).unwrap();
        assert_eq!(first.resume(), Err(Full::All));
        drop(second);
        assert_eq!((first.resume(), places.taken()), (Ok(()), 1));
        drop(first.clone());
        assert_eq!(places.taken(), 1, "it is one place, whoever knows of it");
        drop(first);
        assert_eq!(places.taken(), 0);
    }
}
