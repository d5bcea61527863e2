//! Connector secrets: somebody sends a value to a Runner, sealed on their own device, and the Runner decides. Nobody here
//! can read one, make one up, or give one another name or another Runner.
//!
//! The control plane writes down the terms, relays what it cannot open, and forgets it when the Runner has answered. Every
//! step has its audit record, and the record of the request comes before anything is sealed.

mod cancel;
mod end;
mod list;
mod request;
mod seal;

use control_plane_domain::drilldown::AskedWith;
use control_plane_domain::policy::{Caller, Permission, Permit};
use control_plane_domain::runner::Runner;
use control_plane_domain::secret::ConnectorSecret;
use crypto::{ed25519, p256};
use ids::TenantId;
use proof::drilldown::{Epoch, Factor, Person, RecordRef};
use proof::secret::Terms;
use proof::text::Name;

pub use list::SecretTerms;
use list::see;
pub use request::RequestSecret;
pub use seal::SealedSecret;

use crate::{Error, Operations};

impl Operations {
    /// Whether the caller may take this secret back: the person who sends it, and whoever looks after what others send. The
    /// one rule, for the button and for [`cancel_secret`](Self::cancel_secret).
    pub fn may_cancel_secret(&self, caller: &Caller, secret: &ConnectorSecret) -> bool {
        to_cancel(caller, secret).is_ok()
    }
}

/// The permit to take this secret back.
fn to_cancel(caller: &Caller, secret: &ConnectorSecret) -> Result<Permit, Error> {
    if secret.person != caller.person() && caller.may(Permission::SecretsManage) {
        return Ok(caller.permit(Permission::SecretsManage)?);
    }
    let permit = caller.permit(Permission::SecretsSend)?;
    check_sender(caller, secret)?;
    Ok(permit)
}

/// Only the person who asked goes on with a secret.
fn check_sender(caller: &Caller, secret: &ConnectorSecret) -> Result<(), Error> {
    if secret.person == caller.person() { Ok(()) } else { Err(Error::NotTheSender) }
}

/// What the person's device seals under and signs: worth nothing in another session of the Runner than this one.
fn terms(tenant: TenantId, secret: &ConnectorSecret, runner: &Runner, epoch: Epoch) -> Result<Terms, Error> {
    let runner_key = p256::VerifyingKey::from_spki(&runner.keys.attestation_key);
    let runner_key = runner_key.map_err(|why| Error::invalid("runner", why))?.key_id();
    let factors = match secret.with {
        AskedWith::Key(_) => vec![Factor::ApiKey],
        AskedWith::Session(_) => vec![Factor::Password, Factor::Otp],
    };
    Ok(Terms {
        request: secret.id,
        epoch,
        tenant,
        runner: secret.runner,
        runner_key,
        name: secret.name.clone(),
        person: Person {
            id: secret.person,
            device: device(secret)?.key_id(),
            role: secret.role.as_str().parse().map_err(|why| Error::invalid("role", why))?,
            factors,
        },
        audit: RecordRef { seq: secret.audit.seq, hash: secret.audit.hash },
        issued: secret.requested,
        expires: secret.expires,
    })
}

fn device(secret: &ConnectorSecret) -> Result<ed25519::VerifyingKey, Error> {
    ed25519::VerifyingKey::from_spki(&secret.device_key).map_err(|why| Error::invalid("device_key", why))
}

/// A code of ours as records carry it.
fn code(code: &'static str) -> Name {
    code.parse().expect("codes of the control plane are names")
}
