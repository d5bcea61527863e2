//! Who follows what happens: how many pages at a time, and the stream that tells them that something changed. What
//! changed is never in it; a page asks for itself again, as the person it belongs to.

use std::time::Duration;

use bytes::Bytes;
use control_plane_domain::policy::Caller;
use control_plane_operations::{Error, Kind, Operations};
use crypto::SystemEntropy;
use crypto::entropy::random_bytes;
use futures_util::{Stream, stream};
use tokio_util::sync::CancellationToken;

use crate::http::stream::Cut;
use crate::places::{Place, Places, Whose};

/// Pages that one session follows at a time.
const PER_SESSION: usize = 6;

/// Pages that one person follows at a time, with all their sessions.
const PER_PERSON: usize = 12;

/// Pages that the people of one tenant follow at a time.
const PER_TENANT: usize = 256;

/// Pages that all of them follow at a time.
const ALTOGETHER: usize = 1_024;

/// How often it is looked whether something changed, at most. Each page looks a little later than this, and no two of them
/// by the same: so they do not all load again in one moment.
const LOOK: Duration = Duration::from_secs(2);
const LATER_MS: u64 = 1_024;

/// Looks after which the session is looked at as well.
const SESSION_LOOKS: u32 = 3;

/// Looks without a change after which something is said all the same, so that a broken connection is noticed.
const QUIET_LOOKS: u32 = 6;

/// How many pages are followed by whom.
pub(crate) struct Followers {
    places: Places,
    ending: CancellationToken,
}

/// One page that is followed; dropping it lets another one in.
pub(crate) struct Follower {
    _place: Place,
    ending: CancellationToken,
}

impl Default for Followers {
    fn default() -> Self {
        Self { places: Places::new(ALTOGETHER), ending: CancellationToken::new() }
    }
}

impl Followers {
    /// Ends what is followed, so that the service can end.
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }

    /// Lets a page follow, if there is room.
    pub(crate) fn enter(&self, caller: &Caller) -> Option<Follower> {
        let shares = [
            (Whose::means(caller), PER_SESSION),
            (Whose::person(caller), PER_PERSON),
            (Whose::tenant(caller), PER_TENANT),
        ];
        let place = self.places.enter(&shares).ok()?;
        Some(Follower { _place: place, ending: self.ending.clone() })
    }
}

struct Following {
    operations: Operations,
    entropy: SystemEntropy,
    caller: Caller,
    last: u64,
    begun: bool,
    looks: u32,
    follower: Follower,
}

/// What happens, until the session ends. Looking is no use of the session: it goes idle all the same.
pub(crate) fn events(
    operations: Operations,
    entropy: SystemEntropy,
    caller: Caller,
    pulse: u64,
    follower: Follower,
) -> impl Stream<Item = Result<Bytes, Cut>> + Send + 'static {
    let following = Following { operations, entropy, caller, last: pulse, begun: false, looks: 0, follower };
    stream::unfold(Some(following), |following| async move {
        let mut following = following?;
        if !following.begun {
            following.begun = true;
            // How long a browser waits before it comes back.
            return Some((Ok(Bytes::from_static(b"retry: 5000\n: following\n\n")), Some(following)));
        }
        for _ in 0..QUIET_LOOKS {
            tokio::select! {
                () = tokio::time::sleep(following.pause()) => {}
                () = following.follower.ending.cancelled() => return None,
            }
            match following.look().await {
                Ok(false) => {}
                Ok(true) => return Some((Ok(Bytes::from_static(b"event: changed\ndata: -\n\n")), Some(following))),
                // The page is told, so that it can say so; then the stream ends.
                Err(error) if error.kind() == Kind::Unauthenticated => {
                    return Some((Ok(Bytes::from_static(b"event: over\ndata: -\n\n")), None));
                }
                Err(error) => return Some((Err(Cut(error.to_string())), None)),
            }
        }
        Some((Ok(Bytes::from_static(b": still here\n\n")), Some(following)))
    })
}

impl Following {
    fn pause(&self) -> Duration {
        let later = u64::from(u16::from_be_bytes(random_bytes(&self.entropy))) % LATER_MS;
        LOOK + Duration::from_millis(later)
    }

    /// Whether something changed. The session is looked at now and then, and always before anything is said.
    async fn look(&mut self) -> Result<bool, Error> {
        let pulse = self.operations.pulse(&self.caller).await?;
        self.looks += 1;
        if pulse == self.last && !self.looks.is_multiple_of(SESSION_LOOKS) {
            return Ok(false);
        }
        self.operations.still_holds(&self.caller).await?;
        Ok(std::mem::replace(&mut self.last, pulse) != pulse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Timestamp;
    use control_plane_domain::policy::{Role, SessionStanding};
    use ids::{PersonId, SessionId, TenantId};

    fn caller(tenant: u64, person: u64, session: u64) -> Caller {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let standing = SessionStanding {
            tenant: TenantId::from_parts(tenant, [1; 10]),
            person: PersonId::from_parts(person, [2; 10]),
            role: Role::Viewer,
            person_active: true,
            session: SessionId::from_parts(session, [3; 10]),
            is_full: true,
            confirmed: now,
            recovered: false,
            expires: now.plus_ms(1_000),
            idle_until: now.plus_ms(1_000),
            ended: false,
        };
        Caller::of_session(standing, now).unwrap()
    }

    #[test]
    fn a_session_a_person_and_a_tenant_follow_so_many_pages() {
        let followers = Followers::default();
        let enter = |tenant, person, session| followers.enter(&caller(tenant, person, session));
        let mut entered: Vec<_> = (0..PER_SESSION).map(|_| enter(1, 1, 1).unwrap()).collect();
        assert!(enter(1, 1, 1).is_none());
        entered.extend((0..PER_SESSION).map(|_| enter(1, 1, 2).unwrap()));
        assert!(enter(1, 1, 3).is_none(), "with another session one person is still one");
        for person in 2.. {
            let Some(follower) = enter(1, person, 10 + person) else { break };
            entered.push(follower);
        }
        assert_eq!(entered.len(), PER_TENANT);
        assert!(enter(2, 1, 1).is_some(), "another tenant has its own");
        drop(entered);
        assert_eq!(followers.places.taken(), 0);
    }
}
