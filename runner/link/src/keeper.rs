//! What to do after a session or an attempt to open one: connect again, wait, recover the certificate, or stop.

use crypto::Entropy;

use crate::backoff::{Backoff, jitter};
use crate::error::LinkError;
use crate::session::Ending;

/// Another session of this Runner took over. Two holders of one identity are to meet, so that the control plane sees them
/// take turns and locks both: whoever waited for longer would let a copy go unseen until the next renewal.
const AFTER_REPLACED_MS: u64 = 5_000;
const AFTER_REPLACED_JITTER_MS: u64 = 2_000;
/// What an upgrade or a correction must solve is tried rarely.
const AFTER_MISFIT_MS: u64 = 300_000;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Connect at once.
    Connect,
    Wait {
        milliseconds: u64,
        why: LinkError,
    },
    /// The operator has to act first.
    Stop(LinkError),
    ShutDown,
}

/// Remembers the failures in a row.
#[derive(Debug, Clone, Default)]
pub struct Keeper {
    backoff: Backoff,
}

impl Keeper {
    pub fn new() -> Self {
        Self::default()
    }

    /// Counted from 1, in a row without a stable session.
    pub fn attempt(&self) -> u32 {
        self.backoff.failures().saturating_add(1)
    }

    /// What to do after this end of an attempt, whose session lasted this long since its Welcome.
    pub fn after(&mut self, ending: &Ending, lasted_ms: u64, entropy: &dyn Entropy) -> Next {
        self.backoff.session_lasted(lasted_ms);
        let (error, wish) = match ending {
            Ending::ShutDown => return Next::ShutDown,
            Ending::NewCertificate => return Next::Connect,
            Ending::Failed(error) => (error, 0),
            Ending::Stopped { error, retry_after_seconds } => (error, *retry_after_seconds),
        };
        if error.stops_for_good() {
            return Next::Stop(error.clone());
        }
        let milliseconds = match error {
            LinkError::ShuttingDown | LinkError::Busy if wish > 0 => self.backoff.as_wished(wish, entropy),
            LinkError::Replaced => AFTER_REPLACED_MS + jitter(entropy, AFTER_REPLACED_JITTER_MS),
            LinkError::Version { .. } | LinkError::Accused | LinkError::RecoveryRefused { .. } => {
                self.backoff.at_least(AFTER_MISFIT_MS, entropy)
            }
            _ => self.backoff.after_failure(entropy),
        };
        Next::Wait { milliseconds: milliseconds.max(u64::from(wish.min(3_600)) * 1000), why: error.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::tests::Seeded;

    fn stopped(error: LinkError, retry_after_seconds: u32) -> Ending {
        Ending::Stopped { error, retry_after_seconds }
    }

    fn wait(keeper: &mut Keeper, ending: &Ending) -> u64 {
        match keeper.after(ending, 0, &Seeded::new(3)) {
            Next::Wait { milliseconds, .. } => milliseconds,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn revoked_and_locked_stop_until_the_operator_acts() {
        let mut keeper = Keeper::new();
        for error in [LinkError::Revoked, LinkError::Locked] {
            let next = keeper.after(&stopped(error.clone(), 5), 0, &Seeded::new(1));
            assert_eq!(next, Next::Stop(error));
        }
    }

    #[test]
    fn each_reason_has_its_own_pace() {
        let mut keeper = Keeper::new();
        assert_eq!(keeper.after(&Ending::ShutDown, 0, &Seeded::new(1)), Next::ShutDown);
        assert_eq!(keeper.after(&Ending::NewCertificate, 0, &Seeded::new(1)), Next::Connect);
        assert!((20_000..=40_000).contains(&wait(&mut keeper, &stopped(LinkError::Busy, 20))));
        assert_eq!(keeper.attempt(), 1, "a wish that was kept is no failure");
        for _ in 0..20 {
            // Two that take turns at this pace are more than three takeovers in a minute.
            assert!((5_000..=7_000).contains(&wait(&mut keeper, &stopped(LinkError::Replaced, 0))));
        }
        assert!(wait(&mut keeper, &stopped(LinkError::Version { why: "old".into() }, 0)) >= 300_000);
        assert!(
            wait(&mut keeper, &Ending::Failed(LinkError::RecoveryRefused { code: "E-ENROL-022".into() })) >= 300_000
        );
        assert_eq!(keeper.attempt(), 3);
    }

    #[test]
    fn failures_slow_down_and_a_stable_session_forgets_them() {
        let mut keeper = Keeper::new();
        let cut = Ending::Failed(LinkError::Silent { awaited: "Welcome", seconds: 30 });
        (0..20).for_each(|_| assert!(wait(&mut keeper, &cut) <= 60_000));
        assert_eq!(keeper.attempt(), 21);
        let next = keeper.after(&cut, 60_000, &Seeded::new(1));
        assert!(matches!(next, Next::Wait { milliseconds: 0..=500, .. }));
    }
}
