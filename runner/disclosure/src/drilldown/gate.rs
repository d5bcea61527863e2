//! The gate: decides, makes the decision durable, and only then opens anything.

use std::sync::Arc;

use clock::Clock;
use contract::DrillDown;
use crypto::Entropy;
use proof::drilldown::{self, Epoch};
use runner_vault::{Condition, Vault, VaultError};

use super::answer::cut_off;
use super::{Allowed, Answer, Circumstances, Decision, DrillDownCode, Refused, decide};
use crate::line;
use crate::minute::{Minute, Share};
use crate::policy::Policy;

/// What a request came to.
#[derive(Debug)]
pub enum Begun {
    /// It is answered.
    Answering(Box<Answer>),
    /// It is refused.
    Refused(Refusal),
}

/// A refused request. To the other side every one of them looks the same: a receipt, or nothing where no request could be
/// told.
#[derive(Debug)]
pub struct Refusal {
    /// For the Runner's own log.
    pub code: DrillDownCode,
    /// What goes out.
    pub receipt: Option<contract::Receipt>,
}

/// The one place where evidence leaves the Runner.
pub struct Gate {
    policy: Policy,
    clock: Arc<dyn Clock>,
    refused: Minute,
}

impl Gate {
    /// A gate with the operator's policy.
    pub fn new(policy: Policy, clock: Arc<dyn Clock>) -> Self {
        let refused = Minute::starting(clock.now());
        Self { policy, clock, refused }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Puts another policy in the place of this one.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Takes a request in. `epoch` is the nonce of the stream that it came over. When this returns, what was decided is
    /// durable; nothing was decrypted before.
    ///
    /// # Errors
    ///
    /// A store in which the decision cannot be written down: then nothing is opened and nothing goes out.
    pub fn receive(
        &mut self,
        vault: &mut Vault,
        drill_down: &DrillDown,
        epoch: &Epoch,
        entropy: &dyn Entropy,
    ) -> Result<Begun, VaultError> {
        let bytes = drill_down.envelope.as_bytes();
        let circumstances = Circumstances { vault, policy: &self.policy, epoch, now: self.clock.now() };
        let decision = match decide(bytes, drill_down.device_key.as_ref(), circumstances) {
            Ok(decision) => decision,
            Err(error) => {
                tracing::error!(%error, code = error.code(), "a drill-down request cannot be judged");
                Decision::Refused(Box::new(unreadable(bytes)))
            }
        };
        let Allowed { pending, confirmation } = match decision {
            Decision::Allowed(allowed) => *allowed,
            Decision::Refused(refused) => return self.refuse(vault, &refused).map(Begun::Refused),
        };
        let admitted = vault.admit(&pending, confirmation)?;
        match Answer::begin(vault, admitted, &pending, entropy) {
            Ok(answer) => Ok(Begun::Answering(Box::new(answer))),
            Err(failed) => {
                let (admitted, fault) = *failed;
                tracing::error!(%fault, request = %admitted.request(), "evidence that was let out cannot be read");
                let code = DrillDownCode::Unreadable;
                let receipt = Some(line::receipt(&cut_off(vault, admitted, code)?)?);
                Ok(Begun::Refused(Refusal { code, receipt }))
            }
        }
    }

    /// Refuses a request without looking at it, because enough answers are under way; journalled.
    ///
    /// # Errors
    ///
    /// A store in which that cannot be written down.
    pub fn refuse_busy(&mut self, vault: &mut Vault, drill_down: &DrillDown) -> Result<Refusal, VaultError> {
        let refused = Refused { code: DrillDownCode::Busy, ..unreadable(drill_down.envelope.as_bytes()) };
        self.refuse(vault, &refused)
    }

    fn refuse(&mut self, vault: &mut Vault, refused: &Refused) -> Result<Refusal, VaultError> {
        let Refused { code, claimed, asked, fate, owner, item, stranger } = refused;
        let code = *code;
        let share = self.refused.count(self.clock.now(), *owner);
        // A store that was put back is not written to: its checkpoint is the proof.
        if *vault.condition() != Condition::Ready || share == Share::Spent {
            tracing::warn!(%code, "a drill-down request is refused and not journalled");
            return Ok(Refusal { code, receipt: None });
        }
        let code = if share == Share::Last { DrillDownCode::Busy } else { code };
        let receipt = vault.refuse_drilldown(&runner_vault::Refusal {
            code: code.name(),
            claimed: *claimed,
            asked: asked.as_ref(),
            fate: *fate,
            item: *item,
            stranger: *stranger,
            confirmable: code == DrillDownCode::SecondPerson,
        })?;
        let receipt = receipt.as_ref().map(line::receipt).transpose()?;
        Ok(Refusal { code, receipt })
    }
}

/// A request that is refused before it is judged.
fn unreadable(bytes: &[u8]) -> Refused {
    let claimed = drilldown::envelope(bytes).ok().as_ref().and_then(drilldown::claimed);
    Refused { claimed, ..Refused::unread(DrillDownCode::Unreadable) }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gate({} rules)", self.policy.rules.len())
    }
}
