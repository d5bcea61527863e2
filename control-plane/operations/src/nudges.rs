//! Waking the session of a Runner, so that it looks what is new. A nudge carries nothing: what is to be done stands in
//! the database, and a nudge that is lost costs a second or two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ids::{RunnerId, TenantId};
use tokio::sync::Notify;

type Bells = HashMap<(TenantId, RunnerId), Weak<Notify>>;

/// All sessions of this process that can be woken.
#[derive(Debug, Default)]
pub struct Nudges {
    bells: Mutex<Bells>,
}

/// One session's ear.
#[derive(Debug, Clone)]
pub struct Listener {
    bell: Arc<Notify>,
}

impl Nudges {
    /// The ear of a Runner's session. Several sessions of one Runner share a bell: the one that is left hears it.
    pub fn listen(&self, tenant: TenantId, runner: RunnerId) -> Listener {
        let mut bells = self.lock();
        if let Some(bell) = bells.get(&(tenant, runner)).and_then(Weak::upgrade) {
            return Listener { bell };
        }
        // Bells of sessions that ended are swept when the map would have to grow.
        if bells.len() == bells.capacity() {
            bells.retain(|_, bell| bell.strong_count() > 0);
        }
        let bell = Arc::new(Notify::new());
        bells.insert((tenant, runner), Arc::downgrade(&bell));
        Listener { bell }
    }

    /// Wakes a Runner's session, if this process has one.
    pub fn nudge(&self, tenant: TenantId, runner: RunnerId) {
        let bell = self.lock().get(&(tenant, runner)).and_then(Weak::upgrade);
        if let Some(bell) = bell {
            // `notify_waiters` for a second session that has not ended yet, `notify_one` for a session that is busy now.
            bell.notify_waiters();
            bell.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Bells> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Returns after the next nudge, or at once if there was one since the last call.
    pub async fn nudged(&self) {
        self.bell.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_nudge_is_heard_also_when_nobody_listened_yet() {
        let nudges = Nudges::default();
        let (tenant, runner) = (TenantId::from_bytes([1; 16]), RunnerId::from_bytes([2; 16]));
        nudges.nudge(tenant, runner);
        let listener = nudges.listen(tenant, runner);
        let mut heard = Box::pin(listener.nudged());
        assert!(futures_poll(&mut heard).is_pending(), "nobody nudged since it listens");
        nudges.nudge(tenant, RunnerId::from_bytes([3; 16]));
        nudges.nudge(TenantId::from_bytes([9; 16]), runner);
        assert!(futures_poll(&mut heard).is_pending(), "others were nudged");
        nudges.nudge(tenant, runner);
        heard.await;
        nudges.nudge(tenant, runner);
        nudges.listen(tenant, runner).nudged().await;
    }

    #[test]
    fn bells_of_ended_sessions_go() {
        let nudges = Nudges::default();
        for n in 0..10_000_u64 {
            let runner = RunnerId::from_parts(n, [0; 10]);
            drop(nudges.listen(TenantId::NIL, runner));
        }
        assert!(nudges.lock().len() < 100);
    }

    fn futures_poll<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> std::task::Poll<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        future.as_mut().poll(&mut context)
    }
}
