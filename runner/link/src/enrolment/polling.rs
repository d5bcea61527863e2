//! When to ask again: the part of an enrolment that decides.

use contract::{EnrolResponse, Enrolled};
use crypto::Entropy;

use super::{PASSING_FAILED, PASSING_THROTTLED, VERSION};
use crate::backoff::{Backoff, jitter};
use crate::error::{Fault, LinkError};

/// Failures before the first answer after which the address is taken to be wrong.
const UNHEARD: u32 = 10;
/// Bounds of the pause that the control plane may ask for.
const PAUSE_S: std::ops::RangeInclusive<u32> = 1..=60;

/// Whether to wait for an administrator's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    AskOnce,
    /// Gives up an address where nobody ever answered.
    UntilApproved,
    /// For as long as it takes, also until somebody answers at all.
    Unlimited,
}

#[derive(Debug)]
pub(super) struct Polling {
    patience: Patience,
    backoff: Backoff,
    heard: bool,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Step {
    Enrolled(Box<Enrolled>),
    AwaitingApproval,
    AskAgain { milliseconds: u64, trouble: Option<LinkError> },
    End(LinkError),
}

impl Polling {
    pub(super) fn new(patience: Patience) -> Self {
        Self { patience, backoff: Backoff::new(), heard: false }
    }

    pub(super) fn answered(&mut self, answer: Result<EnrolResponse, LinkError>, entropy: &dyn Entropy) -> Step {
        match answer {
            Ok(EnrolResponse::Enrolled(enrolled)) => Step::Enrolled(Box::new(enrolled)),
            Ok(EnrolResponse::Refused(refused)) => match refused.code.as_str() {
                PASSING_THROTTLED | PASSING_FAILED => self.failed(LinkError::Busy, entropy),
                VERSION => Step::End(LinkError::Version { why: "the control plane says so".to_owned() }),
                code => Step::End(LinkError::EnrolmentRefused { code: code.to_owned() }),
            },
            Ok(EnrolResponse::AwaitingApproval(awaiting)) => {
                self.heard = true;
                self.backoff = Backoff::new();
                match self.patience {
                    Patience::AskOnce => Step::AwaitingApproval,
                    Patience::UntilApproved | Patience::Unlimited => {
                        let seconds = awaiting.retry_after_seconds.clamp(*PAUSE_S.start(), *PAUSE_S.end());
                        let pause = u64::from(seconds) * 1000;
                        Step::AskAgain { milliseconds: pause + jitter(entropy, pause / 4), trouble: None }
                    }
                }
            }
            Err(error) => self.failed(error, entropy),
        }
    }

    /// What the operator must correct ends the command at once; what may pass by itself is tried again.
    fn failed(&mut self, error: LinkError, entropy: &dyn Entropy) -> Step {
        let passes = matches!(error.fault(), Fault::Network | Fault::Peer)
            && !matches!(error, LinkError::CertificateAnswer { .. } | LinkError::Protocol { .. });
        let unheard = !self.heard && self.backoff.failures() + 1 >= UNHEARD;
        let goes_on = match self.patience {
            Patience::AskOnce => false,
            Patience::UntilApproved => passes && !unheard,
            Patience::Unlimited => passes,
        };
        if !goes_on {
            return Step::End(error);
        }
        let milliseconds = self.backoff.after_failure(entropy);
        Step::AskAgain { milliseconds, trouble: Some(error) }
    }
}

#[cfg(test)]
mod tests {
    use contract::{AwaitingApproval, Refused};

    use super::*;
    use crate::backoff::tests::Seeded;

    fn cut() -> LinkError {
        LinkError::Cut { target: "cp:1".into(), why: "reset".into() }
    }

    fn awaiting(seconds: u32) -> Result<EnrolResponse, LinkError> {
        Ok(EnrolResponse::AwaitingApproval(AwaitingApproval { retry_after_seconds: seconds }))
    }

    #[test]
    fn patience_waits_for_approval_at_the_pace_it_is_told() {
        let entropy = Seeded::new(5);
        let mut polling = Polling::new(Patience::UntilApproved);
        for (seconds, bounds) in [(5, 5_000..=6_250), (0, 1_000..=1_250), (86_400, 60_000..=75_000)] {
            match polling.answered(awaiting(seconds), &entropy) {
                Step::AskAgain { milliseconds, trouble: None } => assert!(bounds.contains(&milliseconds)),
                other => panic!("{other:?}"),
            }
        }
        // Once it was heard, an outage of any length is waited out.
        for _ in 0..100 {
            assert!(matches!(polling.answered(Err(cut()), &entropy), Step::AskAgain { trouble: Some(_), .. }));
        }
        let refused = |code: &str| Ok(EnrolResponse::Refused(Refused { code: code.parse().unwrap() }));
        let throttled = polling.answered(refused("E-ENROL-011"), &entropy);
        assert!(matches!(throttled, Step::AskAgain { trouble: Some(LinkError::Busy), .. }), "nothing was decided");
        let end = polling.answered(refused("E-ENROL-001"), &entropy);
        assert!(matches!(end, Step::End(LinkError::EnrolmentRefused { .. })));
    }

    #[test]
    fn what_the_operator_must_correct_ends_at_once() {
        let entropy = Seeded::new(5);
        for error in [
            LinkError::Pin { target: "cp:1".into(), shown: "none".into() },
            LinkError::ProxyAuthentication { proxy: "p:1".into() },
            LinkError::Version { why: "far apart".into() },
            LinkError::Protocol { what: "nonsense".into() },
        ] {
            for patience in [Patience::UntilApproved, Patience::Unlimited] {
                let step = Polling::new(patience).answered(Err(error.clone()), &entropy);
                assert!(matches!(step, Step::End(_)), "{step:?}");
            }
        }
    }

    #[test]
    fn an_address_where_nobody_ever_answered_is_given_up() {
        let entropy = Seeded::new(5);
        let mut polling = Polling::new(Patience::UntilApproved);
        let steps: Vec<_> = (0..UNHEARD).map(|_| polling.answered(Err(cut()), &entropy)).collect();
        assert!(matches!(steps.last(), Some(Step::End(_))));
        assert!(steps[..9].iter().all(|step| matches!(step, Step::AskAgain { .. })));
        let mut service = Polling::new(Patience::Unlimited);
        let asks_on = (0..100).all(|_| matches!(service.answered(Err(cut()), &entropy), Step::AskAgain { .. }));
        assert!(asks_on, "a service outlasts an outage that was there before it");
        assert!(matches!(Polling::new(Patience::AskOnce).answered(Err(cut()), &entropy), Step::End(_)));
        let once = Polling::new(Patience::AskOnce).answered(awaiting(5), &entropy);
        assert!(matches!(once, Step::AwaitingApproval));
    }
}
