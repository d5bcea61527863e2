//! Who follows what happens: how many pages at a time, and the stream that tells them that something changed. What
//! changed is never in it; a page asks for itself again, as the person it belongs to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use control_plane_domain::policy::Caller;
use control_plane_operations::{Operations, Seen};
use crypto::Secret;
use futures_util::{Stream, stream};
use ids::SessionId;
use tokio_util::sync::CancellationToken;

use crate::http::stream::Cut;

/// Pages that one session follows at a time.
const PER_SESSION: usize = 6;

/// Pages that all of them follow at a time.
const ALTOGETHER: usize = 1_024;

/// How often it is looked whether something changed.
const LOOK: Duration = Duration::from_secs(2);

/// Looks without a change after which something is said all the same, so that a broken connection is noticed.
const QUIET_LOOKS: u32 = 7;

/// How many pages are followed by whom.
#[derive(Default)]
pub(crate) struct Followers {
    by_session: Arc<Mutex<HashMap<SessionId, usize>>>,
    ending: CancellationToken,
}

/// One page that is followed; dropping it lets another one in.
pub(crate) struct Follower {
    session: SessionId,
    followers: Arc<Mutex<HashMap<SessionId, usize>>>,
    ending: CancellationToken,
}

impl Followers {
    /// Ends what is followed, so that the service can end.
    pub(crate) fn end(&self) {
        self.ending.cancel();
    }

    /// Lets a page of this session follow, if there is room.
    pub(crate) fn enter(&self, session: SessionId) -> Option<Follower> {
        let mut followers = self.by_session.lock().unwrap_or_else(PoisonError::into_inner);
        if followers.values().sum::<usize>() >= ALTOGETHER {
            return None;
        }
        let count = followers.entry(session).or_default();
        if *count >= PER_SESSION {
            return None;
        }
        *count += 1;
        Some(Follower { session, followers: Arc::clone(&self.by_session), ending: self.ending.clone() })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = followers.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                followers.remove(&self.session);
            }
        }
    }
}

struct Following {
    operations: Operations,
    cookie: Secret<String>,
    caller: Caller,
    last: u64,
    begun: bool,
    follower: Follower,
}

/// What happens, until the session ends. Looking is no use of the session: it goes idle all the same.
pub(crate) fn events(
    operations: Operations,
    cookie: Secret<String>,
    caller: Caller,
    pulse: u64,
    follower: Follower,
) -> impl Stream<Item = Result<Bytes, Cut>> + Send + 'static {
    let following = Following { operations, cookie, caller, last: pulse, begun: false, follower };
    stream::unfold(Some(following), |following| async move {
        let mut following = following?;
        if !following.begun {
            following.begun = true;
            // How long a browser waits before it comes back.
            return Some((Ok(Bytes::from_static(b"retry: 5000\n: following\n\n")), Some(following)));
        }
        for _ in 0..QUIET_LOOKS {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = following.follower.ending.cancelled() => return None,
            }
            let seen = following.operations.look_at_session(following.cookie.expose()).await;
            match seen {
                Ok(Seen::Full(caller)) => following.caller = caller,
                // The page is told, so that it can say so; then the stream ends.
                Ok(Seen::Nobody | Seen::Half(_)) => {
                    return Some((Ok(Bytes::from_static(b"event: over\ndata: -\n\n")), None));
                }
                Err(error) => return Some((Err(Cut(error.to_string())), None)),
            }
            match following.operations.pulse(&following.caller).await {
                Ok(pulse) if pulse == following.last => {}
                Ok(pulse) => {
                    following.last = pulse;
                    return Some((Ok(Bytes::from_static(b"event: changed\ndata: -\n\n")), Some(following)));
                }
                Err(error) => return Some((Err(Cut(error.to_string())), None)),
            }
        }
        Some((Ok(Bytes::from_static(b": still here\n\n")), Some(following)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_follows_so_many_pages() {
        let followers = Followers::default();
        let session = SessionId::from_parts(1, [1; 10]);
        let mut entered: Vec<_> = (0..PER_SESSION).map(|_| followers.enter(session).unwrap()).collect();
        assert!(followers.enter(session).is_none());
        assert!(followers.enter(SessionId::from_parts(2, [2; 10])).is_some(), "another one has its own");
        entered.pop();
        assert!(followers.enter(session).is_some());
        drop(entered);
        assert!(followers.by_session.lock().unwrap().is_empty());
    }
}
