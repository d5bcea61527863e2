//! How a Runner is, in words.

use clock::Timestamp;
use control_plane_domain::runner::{Condition, Presence, Runner, RunnerState};

use crate::console::kit::Tone;
use crate::console::pages::alarms::meaning;

/// A certificate that ends this soon was not renewed when it should have been.
const RENEWAL_IS_LATE_MS: i64 = 6 * 60 * 60 * 1000;

/// How a Runner is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) tone: Tone,
    /// A word or two.
    pub(crate) word: &'static str,
    /// What that means and what to do; empty when there is nothing to say.
    pub(crate) says: String,
}

impl Health {
    fn new(tone: Tone, word: &'static str, says: impl Into<String>) -> Self {
        Self { tone, word, says: says.into() }
    }

    /// What a Runner's standing, presence, certificate and due times come to; the worst is said.
    pub(crate) fn of(runner: &Runner, certificate_until: Option<Timestamp>, now: Timestamp) -> Self {
        match &runner.state {
            RunnerState::Pending => Self::new(
                Tone::Wait,
                "waits for approval",
                "Compare its fingerprint with what its operator sees, then approve it.",
            ),
            RunnerState::Locked { reason, .. } => {
                let why = meaning::lock_reason(*reason);
                Self::new(Tone::Bad, "locked", format!("Kept out because {why}. See its alarms."))
            }
            RunnerState::Revoked { .. } => {
                Self::new(Tone::Quiet, "revoked", "Shut out for good; what it reported stays.")
            }
            RunnerState::Active { .. } => Self::of_active(runner, certificate_until, now),
        }
    }

    /// What its word leaves open: whether the Runner is connected, and what it says of itself.
    pub(crate) fn beside(&self, runner: &Runner) -> String {
        let Presence { connected, condition, .. } = &runner.presence;
        let said = condition.filter(|_| *connected).map(|said| self::condition(Some(said)));
        match (*connected, said) {
            (false, _) => String::new(),
            (true, None) => "connected".to_owned(),
            (true, Some(said)) if self.tone == Tone::Good => said.to_owned(),
            (true, Some(said)) => format!("connected; {said}"),
        }
    }

    fn of_active(runner: &Runner, certificate_until: Option<Timestamp>, now: Timestamp) -> Self {
        let Presence { connected, last_seen, condition, .. } = &runner.presence;
        if !connected {
            return match last_seen {
                None => Self::new(Tone::Wait, "not here yet", "Approved; its service has not connected."),
                Some(_) => Self::new(
                    Tone::Bad,
                    "away",
                    "It has no session. It keeps what it finds and reports when it is back; see that its service runs.",
                ),
            };
        }
        match condition {
            Some(Condition::Rollback) => Self::new(
                Tone::Bad,
                "restored from a copy",
                "Its store was restored from an older copy: it runs nothing and opens no evidence.",
            ),
            Some(Condition::ForkSeen) => Self::new(
                Tone::Bad,
                "saw a fork",
                "It was shown an audit log that does not continue the one it keeps: it opens no evidence.",
            ),
            Some(Condition::Full) => Self::new(Tone::Warn, "full", "Its disk or queue is full: no new run begins."),
            Some(Condition::Ready) | None => Self::of_ready(runner, certificate_until, now),
        }
    }

    fn of_ready(runner: &Runner, certificate_until: Option<Timestamp>, now: Timestamp) -> Self {
        let ends_soon = |until: Timestamp| until.as_millis() - now.as_millis() < RENEWAL_IS_LATE_MS;
        if runner.overdue_since.is_some() {
            Self::new(
                Tone::Warn,
                "overdue",
                "Connected, and something that was due has neither run nor been explained.",
            )
        } else if certificate_until.is_some_and(ends_soon) {
            Self::new(Tone::Warn, "renewal is late", "Connected, and its certificate should have been renewed before.")
        } else {
            Self::new(Tone::Good, "connected", "")
        }
    }
}

/// What the Runner says of itself.
pub(crate) const fn condition(condition: Option<Condition>) -> &'static str {
    match condition {
        None => "not said",
        Some(Condition::Ready) => "ready",
        Some(Condition::Full) => "full: no new runs",
        Some(Condition::Rollback) => "store was restored from a copy",
        Some(Condition::ForkSeen) => "saw the audit log fork",
    }
}

/// How its store's root key is kept, by the Runner's own word for it.
pub(crate) fn seal_level(level: Option<&str>) -> String {
    match level {
        None => "not said".to_owned(),
        Some("key-file") => "key file on another disk".to_owned(),
        Some("key-file-on-store-disk") => "key file beside the store: whoever has the disk has the key".to_owned(),
        Some("passphrase") => "passphrase".to_owned(),
        Some("systemd-credential") => "systemd credential".to_owned(),
        Some(other) => other.to_owned(),
    }
}

/// The same in a word or two.
pub(crate) fn seal_word(level: Option<&str>) -> &str {
    match level {
        None => "not said",
        Some("key-file") => "key file",
        Some("key-file-on-store-disk") => "key on its disk",
        Some("systemd-credential") => "systemd credential",
        Some(other) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_warning_leaves_nobody_in_doubt_about_the_connection() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let said: Vec<_> = sample::of_every_kind()
            .iter()
            .map(|runner| Health::of(runner, Some(now.plus_ms(86_400_000)), now).beside(runner))
            .collect();
        assert_eq!(&said[..5], ["ready", "connected; ready", "connected; full: no new runs", "", ""]);
    }
    use crate::console::pages::runners::sample;
    use control_plane_domain::runner::LockReason;

    #[test]
    fn the_worst_is_said() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let (late, soon) = (Some(now.plus_ms(-1)), Some(now.plus_ms(24 * 3_600_000)));
        let word = |runner: &Runner, until| Health::of(runner, until, now).word;
        let mut runner = sample::runner();
        assert_eq!(word(&runner, soon), "connected");
        assert_eq!(word(&runner, late), "renewal is late");
        runner.overdue_since = Some(now);
        assert_eq!(word(&runner, late), "overdue");
        for (condition, expected) in [
            (Condition::Ready, "overdue"),
            (Condition::Full, "full"),
            (Condition::Rollback, "restored from a copy"),
            (Condition::ForkSeen, "saw a fork"),
        ] {
            runner.presence.condition = Some(condition);
            assert_eq!(word(&runner, soon), expected);
        }
        runner.presence.connected = false;
        assert_eq!(word(&runner, soon), "away");
        runner.presence.last_seen = None;
        assert_eq!(word(&runner, soon), "not here yet");
        for (state, expected) in [
            (RunnerState::Pending, "waits for approval"),
            (RunnerState::Locked { since: now, reason: LockReason::TakenOver }, "locked"),
            (RunnerState::Revoked { since: now }, "revoked"),
        ] {
            runner.state = state;
            assert_eq!(word(&runner, soon), expected);
        }
    }
}
