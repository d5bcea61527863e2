//! The person's device has sealed the value and signed; the control plane adds its own signature, and both wait for the
//! Runner.

use control_plane_domain::audit::Action;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::runner::{Runner, Standing};
use control_plane_domain::secret::{ConnectorSecret, SecretState, Sent};
use crypto::digest::sha256;
use crypto::hpke::{ENC, TAG};
use ids::RequestId;
use proof::dsse::EnvelopeSignature;
use proof::secret::{PendingSecret, RequestError, Terms};

use super::{check_sender, device, terms};
use crate::{Error, Operations};

/// What the person's device made.
#[derive(Clone)]
pub struct SealedSecret {
    /// The encapsulated key, and the ciphertext after it.
    pub sealed: Vec<u8>,
    /// The request's payload, exact bytes.
    pub payload: Vec<u8>,
    /// The device's signature over its pre-authentication encoding, 64 bytes.
    pub signature: Vec<u8>,
}

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedSecret(…)")
    }
}

impl Operations {
    /// Takes the sealed value in.
    pub async fn seal_secret(
        &self,
        caller: &Caller,
        request: RequestId,
        input: SealedSecret,
    ) -> Result<ConnectorSecret, Error> {
        let permit = caller.permit(Permission::SecretsSend)?;
        let tx = self.store().write(&permit).await?;
        let secret = tx.connector_secret(request).await?.ok_or(Error::NotFound("secret"))?;
        check_sender(caller, &secret)?;
        let from = secret.state.word();
        if !matches!(secret.state, SecretState::ToSeal) || self.now() >= secret.seal_by {
            return Err(Error::SecretIs(from));
        }
        let runner = tx.runner(secret.runner).await?.ok_or(Error::NotFound("Runner"))?;
        match runner.state.standing() {
            Standing::Active => {}
            other @ (Standing::Pending | Standing::Locked | Standing::Revoked) => return Err(Error::RunnerIs(other)),
        }
        let SealedSecret { sealed, payload, signature } = input;
        let pending = PendingSecret::read(payload).map_err(|why| Error::SecretDiffers(why.to_string()))?;
        let epoch = self.0.sessions.epoch_for_secrets(permit.tenant(), secret.runner).ok_or(Error::RunnerAway)?;
        if pending.request().terms.epoch != epoch {
            return Err(Error::OtherSession);
        }
        check(&pending, &terms(permit.tenant(), &secret, &runner, epoch)?, &runner, &sealed)?;
        let device = device(&secret)?;
        let signature = EnvelopeSignature { keyid: device.key_id().to_string(), sig: signature };
        let ours = self.drilldown_key(&tx, permit.tenant()).await?;
        let envelope = pending.complete(&signature, &device, &ours).map_err(|why| match why {
            RequestError::TooLong { .. } => Error::SecretDiffers(why.to_string()),
            _ => Error::WrongSignature,
        })?;
        let (request_sha256, sealed_sha256) = (pending.sha256(), sha256(&sealed));
        let sent = Sent { envelope: envelope.bytes().to_vec(), sealed, request_sha256 };
        let becoming = secret.becoming(SecretState::Waiting(sent));
        let secret = becoming.map_err(|illegal| Error::SecretIs(illegal.from))?;
        tx.set_connector_secret_state(&secret, from).await?;
        let action = Action::SecretSigned { request, request_sha256, sealed_sha256 };
        let committed = tx.commit(&permit.record(action)).await?;
        self.wake(permit.tenant(), secret.runner, &committed);
        Ok(secret)
    }
}

/// What the Runner would refuse is refused here, where the person still has the value. The Runner checks it all again.
fn check(pending: &PendingSecret, terms: &Terms, runner: &Runner, sealed: &[u8]) -> Result<(), Error> {
    let differs = |why: &str| Err(Error::SecretDiffers(why.to_owned()));
    let said = pending.request();
    if said.terms != *terms {
        return differs("the payload is not the draft with `sealed` filled in");
    }
    if sealed.len() != ENC + said.sealed.class.bytes() + TAG {
        return differs("`sealed` is not as long as its class");
    }
    if sha256(sealed) != said.sealed.sha256 {
        return differs("`sealed` is not what the payload names by its hash");
    }
    if sha256(&runner.keys.sealing_key) != said.sealed.key {
        return differs("it is sealed to another key than the one in the Runner's statement");
    }
    Ok(())
}
