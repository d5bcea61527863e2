//! Telling systemd how the service is. Where it was not started by systemd nothing is told to anybody.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use sd_notify::NotifyState;

use super::board::{Board, line, word};

/// How often the state is told where no watchdog asks for more.
const EVERY: Duration = Duration::from_secs(10);

/// The service is ready to work.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It ends, and needs some time for that.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Says how it is, and that it is alive as long as the thread that hands out work is. A service that is stuck is not
/// vouched for, and systemd starts it again.
pub(super) async fn keep_telling(board: Arc<Board>, clock: Arc<dyn Clock>) {
    let every = sd_notify::watchdog_enabled().map_or(EVERY, |limit| (limit / 3).min(EVERY));
    loop {
        let facts = board.facts();
        let state = match (&facts.line, &facts.no_line) {
            (Some(state), _) => line(state).0,
            (None, Some(fail)) => format!("none: {}", fail.code),
            (None, None) => "not enrolled".to_owned(),
        };
        let status = format!(
            "{}; {} executing, {} reports waiting; line: {state}",
            word(facts.condition),
            facts.executing,
            facts.waiting
        );
        tell(&[NotifyState::Status(&status)]);
        if board.silent_ms(clock.monotonic_ms()) <= super::STUCK_MS {
            tell(&[NotifyState::Watchdog]);
        }
        tokio::time::sleep(every).await;
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(code = "E-SERVICE-002", %error, "systemd could not be told");
    }
}
