//! Somebody is about to send a secret.

use std::time::Duration;

use control_plane_domain::audit::Action;
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::drilldown::AskedWith;
use control_plane_domain::policy::{Caller, Means, Permission};
use control_plane_domain::runner::Standing;
use control_plane_domain::secret::{ConnectorSecret, SecretState};
use crypto::ed25519;
use ids::{RequestId, RunnerId};
use proof::text::Name;

use crate::{Error, Operations};

/// How long the person has to seal it.
const SEAL_MS: i64 = 10 * 60 * 1000;

const SHORTEST_WAIT: Duration = Duration::from_secs(60);
/// Runners refuse what would hold for longer; also how long it holds when the person does not say.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Sealed secrets that may wait for one Runner.
const MOST_WAITING: usize = 32;

/// Secrets that one person may have asked to send and not sealed, at any Runner: those take no place of the others.
const MOST_UNSEALED: u32 = 4;

/// Which secret goes where.
#[derive(Debug, Clone)]
pub struct RequestSecret {
    /// The Runner that is to keep it.
    pub runner: RunnerId,
    /// Under which name.
    pub name: Name,
    /// The device that will seal and sign: SubjectPublicKeyInfo of an Ed25519 key.
    pub device_key: Vec<u8>,
    /// How long it holds, from now until the Runner has it.
    pub wait: Option<Duration>,
}

impl Operations {
    /// Logs that somebody sends a secret, and gives it the id under which it is to be sealed.
    pub async fn request_secret(&self, caller: &Caller, input: RequestSecret) -> Result<ConnectorSecret, Error> {
        let permit = caller.permit(Permission::SecretsSend)?;
        self.check_confirmed(caller)?;
        self.check_app_code(caller)?;
        let device = ed25519::VerifyingKey::from_spki(&input.device_key);
        let device = device.map_err(|why| Error::invalid("device_key", why))?.key_id();
        let wait = input.wait.unwrap_or(LONGEST_WAIT);
        if !(SHORTEST_WAIT..=LONGEST_WAIT).contains(&wait) {
            return Err(Error::invalid("wait", "between a minute and 15 minutes"));
        }
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let (ms, random) = self.fresh();
        let (id, now) = (RequestId::from_parts(ms, random), self.now());

        let tx = self.store().write(&permit).await?;
        let runner = tx.runner(input.runner).await?.ok_or(Error::NotFound("Runner"))?;
        match runner.state.standing() {
            Standing::Active => {}
            other @ (Standing::Pending | Standing::Locked | Standing::Revoked) => return Err(Error::RunnerIs(other)),
        }
        // It is sealed for the session that the Runner has now, and worth nothing in another one.
        if self.0.sessions.epoch_for_secrets(permit.tenant(), runner.id).is_none() {
            return Err(Error::RunnerAway);
        }
        let open = tx.open_connector_secrets(runner.id).await?;
        if open.iter().filter(|secret| secret.state != SecretState::ToSeal).count() >= MOST_WAITING {
            return Err(Error::TooManySecrets);
        }
        let unsealed = tx.unsealed_connector_secrets_of(caller.person(), MOST_UNSEALED).await?;
        if unsealed.len() >= MOST_UNSEALED as usize {
            return Err(Error::TooManyUnsealed);
        }
        // As for evidence: at the console a device is registered first, so that its owner sees which there are.
        if caller.session().is_some() {
            tx.device(caller.person(), &device).await?.ok_or(Error::UnknownDevice)?;
            tx.touch_device(caller.person(), &device, now).await?;
        }
        let expires = now.plus_ms(wait_ms);
        let (name, runner) = (input.name, runner.id);
        let record = Action::SecretRequested { request: id, runner, secret: name.clone(), device, expires };
        let (logged, appended) = tx.log(&permit.record(record)).await?;
        let secret = ConnectorSecret {
            id,
            runner,
            name,
            person: caller.person(),
            role: caller.role(),
            with: match caller.means() {
                Means::Key { key, .. } => AskedWith::Key(*key),
                Means::Session { session, .. } => AskedWith::Session(*session),
            },
            device_key: input.device_key,
            requested: now,
            seal_by: now.plus_ms(SEAL_MS).min(expires),
            expires,
            audit: AuditRef::from(&appended),
            state: SecretState::ToSeal,
        };
        logged.add_connector_secret(&secret).await?;
        logged.commit().await?;
        Ok(secret)
    }
}
