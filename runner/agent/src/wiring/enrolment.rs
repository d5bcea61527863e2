//! What the store keeps of an enrolment: the application while it waits, and the identity from then on.

use contract::enrolment::{Fingerprint, KEYS_TYPE, KeyStatement};
use contract::identity::RunnerName;
use contract::token::JoinToken;
use contract::{Label, StatementEnvelope};
use crypto::{Secret, SystemEntropy};
use runner_link::enrolment::Application;
use runner_link::{Address, Identity, LinkError, Trust};
use runner_vault::{ControlPlanePins, Vault};

use crate::fail::Fail;
use crate::wiring::runner::{Runner, SOFTWARE, vault};

/// An application and the token that it was made with: with both, the same request can be made again at any time.
pub(crate) struct Pending {
    /// The application.
    pub(crate) application: Application,
    /// The token.
    pub(crate) token: JoinToken,
}

/// The identity that an administrator approved, if there is one.
pub(crate) fn identity(runner: &Runner) -> Result<Option<Identity>, Fail> {
    identity_of(&*runner.store.lock()?, &runner.entropy)
}

/// The same of a store that was opened to look at.
pub(crate) fn identity_of(store: &Vault, entropy: &SystemEntropy) -> Result<Option<Identity>, Fail> {
    let Some(bytes) = store.link_identity().map_err(vault)? else { return Ok(None) };
    Identity::from_bytes(&bytes, entropy).map(Some).map_err(|error| {
        Fail::fault(
            "E-JOIN-010",
            format_args!("the kept identity does not read: {error}"),
            "enrol again with a new token",
        )
    })
}

/// The application that waits, if there is one.
pub(crate) fn pending(runner: &Runner) -> Result<Option<Pending>, Fail> {
    pending_of(&*runner.store.lock()?, &runner.entropy)
}

/// The same of a store that was opened to look at.
pub(crate) fn pending_of(store: &Vault, entropy: &SystemEntropy) -> Result<Option<Pending>, Fail> {
    let Some(bytes) = store.application().map_err(vault)? else { return Ok(None) };
    let unread = || Fail::fault("E-JOIN-011", "the kept application does not read", "enrol again with a new token");
    let (token, application) = split(bytes.expose()).ok_or_else(unread)?;
    let token = JoinToken::parse(token).map_err(|_| unread())?;
    let application = Application::from_bytes(&Secret::new(application.to_vec()), entropy);
    Ok(Some(Pending { application: application.map_err(|_| unread())?, token }))
}

/// Makes an application with fresh keys and keeps it, so that a repeated attempt is the same request.
pub(crate) fn apply(
    runner: &Runner,
    token: JoinToken,
    address: Address,
    trust: Trust,
    label: Label,
) -> Result<Pending, Fail> {
    let name = RunnerName { tenant: runner.identity.tenant, runner: runner.identity.runner };
    let application = Application::new(name, address, trust, &runner.entropy);
    let payload = statement(runner, &application, label)?.to_bytes();
    let signed = runner.store.with(|store| {
        let signed = store.sign_statement(KEYS_TYPE, &payload)?;
        store.set_key_statement(&signed)?;
        Ok(signed)
    })?;
    let envelope = StatementEnvelope::new(signed.bytes()).map_err(internal)?;
    let application = application.with_statement(envelope);
    let kept = join(token.to_text().expose(), application.to_bytes().expose());
    runner.store.with(|store| store.set_application(&kept))?;
    Ok(Pending { application, token })
}

/// What an administrator compares before approving.
pub(crate) fn fingerprint(pending: &Pending) -> Result<Fingerprint, Fail> {
    let envelope = pending.application.statement().map_err(|error| refused(&error))?;
    KeyStatement::open(envelope.envelope()).map(|(_, fingerprint)| fingerprint).map_err(internal)
}

/// The fingerprint under which an administrator let this Runner in; none if it was let in before that was kept.
pub(crate) fn kept_fingerprint(runner: &Runner) -> Result<Option<Fingerprint>, Fail> {
    let Some(bytes) = runner.store.with(|store| store.key_statement())? else { return Ok(None) };
    let envelope = StatementEnvelope::new(&bytes).map_err(internal)?;
    KeyStatement::open(envelope.envelope()).map(|(_, fingerprint)| Some(fingerprint)).map_err(internal)
}

fn statement(runner: &Runner, application: &Application, label: Label) -> Result<KeyStatement, Fail> {
    let software = SOFTWARE.parse().map_err(internal)?;
    runner.store.with(|store| {
        Ok(KeyStatement {
            tenant: runner.identity.tenant,
            runner: runner.identity.runner,
            label,
            software,
            tls_key: application.tls_key_digest(),
            attestation_key: store.attestation_key(),
            journal_key: store.journal_key().clone(),
            witness_key: store.witness_key().clone(),
            sealing_key: *store.sealing_key().as_bytes(),
        })
    })
}

/// Keeps an identity and the keys of the control plane that came with it.
pub(crate) fn keep(runner: &Runner, identity: &Identity) -> Result<(), Fail> {
    let keys = identity.control_plane();
    let pins = ControlPlanePins { drilldown: keys.drilldown, audit: keys.audit.clone(), witness: keys.witness.clone() };
    let bytes = identity.to_bytes();
    runner.store.with(|store| {
        store.pin_control_plane(&pins)?;
        store.set_link_identity(&bytes)?;
        store.remove_application()
    })
}

/// An error of the link as the error of a command.
pub(crate) fn refused(error: &LinkError) -> Fail {
    use runner_link::Fault;
    let make = match error.fault() {
        Fault::Operator | Fault::Peer => Fail::input,
        Fault::Network | Fault::Us => Fail::fault,
    };
    make(error.code(), &error, &error.next_step())
}

fn internal(error: impl std::fmt::Display) -> Fail {
    Fail::fault("E-JOIN-012", error, "this is a fault of the Runner; please report it")
}

/// One length, the token, the application.
fn join(token: &str, application: &[u8]) -> Secret<Vec<u8>> {
    let length = u16::try_from(token.len()).unwrap_or(u16::MAX).to_be_bytes();
    Secret::new([&length, token.as_bytes(), application].concat())
}

fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (token, application) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((std::str::from_utf8(token).ok()?, application))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_application_reads_back() {
        let kept = join("pjt_x", b"application");
        assert_eq!(split(kept.expose()), Some(("pjt_x", &b"application"[..])));
        assert_eq!(split(&[]), None);
        assert_eq!(split(&[0, 9, b'x']), None);
    }
}
