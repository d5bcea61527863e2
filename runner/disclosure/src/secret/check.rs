//! Every check of a secret, in their order.

use clock::Timestamp;
use contract::ConnectorSecret;
use crypto::{Secret, ed25519};
use ids::{PersonId, RequestId};
use proof::drilldown::Epoch;
use proof::secret::{self, MAX_SEALED, OpenError, PendingSecret, RequestError, Terms};
use runner_vault::{Condition, Fate, Reader, SecretOrigin, Vault, VaultError};

use super::SecretCode as Code;
use crate::device::{Unfit, candidates, owner, standing};
use crate::policy::{Policy, SecretReason};
use crate::receipted::fate;

/// The longest time that a request holds: to seal a value and to carry it to a Runner that is connected.
const LIFE_MS: i64 = 15 * 60_000;
/// How far the clocks may differ.
const SKEW_MS: i64 = 60_000;

const HOUR_MS: i64 = 3_600_000;

/// What a secret is judged by besides itself.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The store; it is read and not changed.
    pub vault: &'a Vault,
    /// The Runner's policy.
    pub policy: &'a Policy,
    /// The nonce of the present stream. It is in no file, so whoever puts back an older store brings back no request that
    /// this one would take.
    pub epoch: &'a Epoch,
    /// The Runner's time.
    pub now: Timestamp,
}

/// What is decided.
#[derive(Debug)]
pub enum Decision {
    /// It may be kept.
    Allowed(Box<Allowed>),
    /// It may not.
    Refused(Box<Refused>),
}

/// A secret that may be kept.
#[derive(Debug)]
pub struct Allowed {
    /// The request.
    pub pending: PendingSecret,
    /// The value.
    pub value: Secret<Vec<u8>>,
}

/// A secret that may not be kept.
#[derive(Debug)]
pub struct Refused {
    /// Which check refused.
    pub code: Code,
    /// The id that it claims for itself, as far as it could be read.
    pub claimed: Option<RequestId>,
    /// What was asked, if both signatures held.
    pub asked: Option<PendingSecret>,
    /// What becomes of its id.
    pub fate: Fate,
    /// For whom the device was approved that signed.
    pub owner: Option<PersonId>,
    /// The device that is not approved.
    pub stranger: Option<ed25519::VerifyingKey>,
}

impl Refused {
    pub(super) fn unread(code: Code) -> Self {
        Self { code, claimed: None, asked: None, fate: Fate::Nothing, owner: None, stranger: None }
    }
}

/// Decides a secret. The device's key beside it is a claim that counts only if its fingerprint is approved.
///
/// # Errors
///
/// A store that cannot be read, or that contradicts itself.
pub fn decide(sent: &ConnectorSecret, circumstances: Circumstances<'_>) -> Result<Decision, VaultError> {
    let Circumstances { vault, .. } = circumstances;
    let mut refused = Refused::unread(Code::Size);
    let refuse = |refused: Refused, code: Code| Ok(Decision::Refused(Box::new(Refused { code, ..refused })));
    if *vault.condition() != Condition::Ready {
        return refuse(refused, Code::Rollback);
    }
    let Some(pins) = vault.control_plane_pins()? else { return refuse(refused, Code::NotEnrolled) };
    if sent.sealed.as_bytes().len() > MAX_SEALED {
        return refuse(refused, Code::Size);
    }
    let envelope = match secret::envelope(sent.envelope.as_bytes()) {
        Ok(envelope) => envelope,
        Err(error) => return refuse(refused, code_of(&error)),
    };
    refused.claimed = secret::claimed(&envelope);
    let readers = vault.readers()?;
    let candidates = candidates(&readers, sent.device_key.as_ref());
    let signed_by = match secret::roles(&envelope, &candidates, &[pins.drilldown]) {
        Ok(signed_by) => signed_by,
        Err(error) => return refuse(refused, code_of(&error)),
    };
    let pending = match secret::parse(&envelope, &signed_by) {
        Ok(pending) => pending,
        Err(error) => return refuse(refused, code_of(&error)),
    };
    let terms = &pending.request().terms;
    refused.owner = owner(&readers, &terms.person.device);
    if let Err((code, fate)) = is_for_us(terms, circumstances) {
        return refuse(Refused { asked: Some(pending), fate, ..refused }, code);
    }
    refused.fate = Fate::Taken;
    if vault.secret_request_seen(terms.request)? {
        return refuse(Refused { asked: Some(pending), ..refused }, Code::Seen);
    }
    let allowed = match is_allowed(terms, &readers, circumstances)? {
        Ok(()) => vault.open_sent_secret(pending.request(), sent.sealed.as_bytes()).map_err(code_of_value),
        Err(code) => Err(code),
    };
    match allowed {
        Ok(value) => Ok(Decision::Allowed(Box::new(Allowed { pending, value }))),
        Err(code) => {
            refused.stranger = Some(signed_by.device).filter(|_| code == Code::NotApproved);
            refuse(Refused { asked: Some(pending), ..refused }, code)
        }
    }
}

/// Audience, stream and time; with what becomes of its id where one of them is another.
fn is_for_us(terms: &Terms, circumstances: Circumstances<'_>) -> Result<(), (Code, Fate)> {
    let Circumstances { vault, epoch, now, .. } = circumstances;
    let identity = vault.identity();
    let ours = terms.tenant == identity.tenant
        && terms.runner == identity.runner
        && terms.runner_key == vault.attestation_key().key_id();
    if !ours {
        Err((Code::Audience, fate(terms.expires, now, Fate::Receipted)))
    } else if !crypto::equal_constant_time(terms.epoch.as_bytes(), epoch.as_bytes()) {
        Err((Code::Epoch, fate(terms.expires, now, Fate::Receipted)))
    } else if !(1..=LIFE_MS).contains(&terms.expires.since_ms(terms.issued)) {
        Err((Code::Life, fate(terms.expires, now, Fate::Taken)))
    } else if terms.issued > now.plus_ms(SKEW_MS) || terms.expires < now.plus_ms(-SKEW_MS) {
        Err((Code::Time, fate(terms.expires, now, Fate::Taken)))
    } else {
        Ok(())
    }
}

/// Whether this person may set this, now.
fn is_allowed(
    terms: &Terms,
    readers: &[Reader],
    circumstances: Circumstances<'_>,
) -> Result<Result<(), Code>, VaultError> {
    let Circumstances { vault, policy, now, .. } = circumstances;
    if vault.audit_fork()?.is_some() {
        return Ok(Err(Code::ForkSeen));
    }
    if let Err(unfit) = standing(&terms.person, readers, policy, now) {
        return Ok(Err(code_of_device(unfit)));
    }
    let Some(rule) = &policy.secrets else { return Ok(Err(Code::Off)) };
    let others = vault.secrets_received_since(terms.person.id, now.plus_ms(-HOUR_MS))?;
    if let Err(reason) = rule.rule(&terms.person.role, &terms.person.factors, &terms.name, others) {
        return Ok(Err(code_of_policy(reason)));
    }
    if vault.secret_origin(&terms.name)? == Some(SecretOrigin::Here) && !rule.replace_local {
        return Ok(Err(Code::SetHere));
    }
    // The order of values is that of the control plane's clock and of its audit log, whatever clock this Runner has: an
    // earlier one of the same name does not come back, also not when its id was forgotten or this clock was set back. The
    // clock alone is the control plane's word; the log is one that this Runner witnesses.
    let floor = vault.secret_floor(&terms.name)?;
    // What was set or removed here has the time of this Runner's clock, of which the control plane's may be ahead.
    let here = floor.here.map(|here| here.plus_ms(SKEW_MS));
    if floor.issued.max(here).is_some_and(|floor| terms.issued <= floor) || terms.audit.seq < floor.audit {
        return Ok(Err(Code::Older));
    }
    Ok(Ok(()))
}

fn code_of_device(unfit: Unfit) -> Code {
    match unfit {
        Unfit::NotApproved => Code::NotApproved,
        Unfit::Revoked => Code::Revoked,
        Unfit::Expired => Code::Expired,
        Unfit::Person => Code::Person,
    }
}

fn code_of(error: &RequestError) -> Code {
    match error {
        RequestError::TooLong { .. } => Code::Size,
        RequestError::Envelope(_) => Code::Envelope,
        RequestError::Roles(_) => Code::Signatures,
        RequestError::Payload(_) | RequestError::Items(_) => Code::Content,
        RequestError::Device => Code::Device,
    }
}

fn code_of_policy(reason: SecretReason) -> Code {
    match reason {
        SecretReason::Role => Code::Role,
        SecretReason::Factors => Code::Factors,
        SecretReason::Name => Code::Name,
        SecretReason::Rate => Code::Rate,
    }
}

fn code_of_value(error: OpenError) -> Code {
    match error {
        OpenError::Bytes => Code::Bytes,
        OpenError::Key => Code::Key,
        OpenError::Sealed(_) => Code::Sealed,
        OpenError::Value => Code::Value,
    }
}
