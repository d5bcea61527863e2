//! A session ends, whatever way.

use super::Session;
use crate::Operations;

impl Operations {
    /// Says that a session ended. A newer session of the same Runner is not touched.
    pub async fn ended(&self, mut session: Session) {
        let (tenant, runner) = (session.name.tenant, session.name.runner);
        self.relay().session_ended(session.origin());
        if self.0.sessions.close(tenant, runner, session.id, self.clock().monotonic_ms()) {
            session.presence.connected = false;
            self.0.presences.put(tenant, runner, session.presence);
        }
    }
}
