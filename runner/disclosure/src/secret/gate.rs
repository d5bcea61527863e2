//! The gate: decides, and has the vault keep the value together with the record that says so.

use std::sync::Arc;

use clock::Clock;
use contract::ConnectorSecret;
use ids::PersonId;
use proof::drilldown::Epoch;
use proof::secret;
use proof::text::Name;
use runner_vault::{Condition, SecretRefusal, Vault, VaultError};

use super::{Allowed, Circumstances, Decision, Refused, SecretCode, decide};
use crate::line;
use crate::minute::{Minute, Share};
use crate::policy::Policy;

/// What a secret came to. To the other side everything but an acceptance looks the same: a receipt, or nothing where no
/// request could be told.
#[derive(Debug)]
pub enum Taken {
    /// The value is kept and journalled.
    Kept {
        /// Under which name.
        name: Name,
        /// Who sent it.
        person: PersonId,
        /// What goes out.
        receipt: contract::Receipt,
    },
    /// It is refused.
    Refused {
        /// For the Runner's own log.
        code: SecretCode,
        /// What goes out.
        receipt: Option<contract::Receipt>,
    },
}

/// The one place where a secret comes in over the line.
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

    /// Takes a secret in. `epoch` is the nonce of the stream that it came over. When this returns, what was decided is durable; a value that is kept can be used.
    ///
    /// # Errors
    ///
    /// A store in which the decision cannot be written down: then nothing is kept and nothing goes out.
    pub fn receive(&mut self, vault: &mut Vault, sent: &ConnectorSecret, epoch: &Epoch) -> Result<Taken, VaultError> {
        let circumstances = Circumstances { vault, policy: &self.policy, epoch, now: self.clock.now() };
        let decision = match decide(sent, circumstances) {
            Ok(decision) => decision,
            Err(error) => {
                tracing::error!(%error, code = error.code(), "a secret that was sent cannot be judged");
                Decision::Refused(Box::new(unreadable(sent)))
            }
        };
        match decision {
            Decision::Allowed(allowed) => {
                let Allowed { pending, value } = *allowed;
                let receipt = line::receipt(&vault.keep_sent_secret(&pending, &value)?)?;
                let terms = &pending.request().terms;
                Ok(Taken::Kept { name: terms.name.clone(), person: terms.person.id, receipt })
            }
            Decision::Refused(refused) => self.refuse(vault, &refused),
        }
    }

    fn refuse(&mut self, vault: &mut Vault, refused: &Refused) -> Result<Taken, VaultError> {
        let Refused { code, claimed, asked, fate, owner, stranger } = refused;
        let code = *code;
        let share = self.refused.count(self.clock.now(), *owner);
        // A store that was put back is not written to: its checkpoint is the proof.
        if *vault.condition() != Condition::Ready || share == Share::Spent {
            tracing::warn!(%code, "a secret that was sent is refused, and that is not journalled");
            return Ok(Taken::Refused { code, receipt: None });
        }
        let code = if share == Share::Last { SecretCode::Busy } else { code };
        let receipt = vault.refuse_sent_secret(&SecretRefusal {
            code: code.name(),
            claimed: *claimed,
            asked: asked.as_ref(),
            fate: *fate,
            stranger: *stranger,
        })?;
        let receipt = receipt.as_ref().map(line::receipt).transpose()?;
        Ok(Taken::Refused { code, receipt })
    }
}

/// A secret that is refused before it is judged.
fn unreadable(sent: &ConnectorSecret) -> Refused {
    let claimed = secret::envelope(sent.envelope.as_bytes()).ok().as_ref().and_then(secret::claimed);
    Refused { claimed, ..Refused::unread(SecretCode::Unreadable) }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("secret::Gate(…)")
    }
}
