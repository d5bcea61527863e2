//! Every check of a request, in the order of formats §5.

use clock::Timestamp;
use crypto::ed25519;
use ids::{ItemId, PersonId, RequestId};
use proof::drilldown::{self, Epoch, PendingRequest, Request, RequestError, RequestedItem};
use runner_vault::{Condition, Fate, Reader, StoredItem, Vault, VaultError};

use super::DrillDownCode as Code;
use crate::device::{Unfit, candidates, owner, standing};
use crate::policy::{Policy, Question, Reason, Ruling, Spending};
use crate::receipted::fate;

/// The longest time that a request holds.
const LIFE_MS: i64 = 120_000;
/// How far the clocks may differ.
const SKEW_MS: i64 = 60_000;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What a request is judged by besides itself.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The store; it is read and not changed.
    pub vault: &'a Vault,
    /// The Runner's policy.
    pub policy: &'a Policy,
    /// The nonce of the present stream.
    pub epoch: &'a Epoch,
    /// The Runner's time.
    pub now: Timestamp,
}

/// What is decided.
#[derive(Debug)]
pub enum Decision {
    /// It may be answered.
    Allowed(Box<Allowed>),
    /// It may not.
    Refused(Box<Refused>),
}

/// A request that may be answered, if the vault lets it in.
#[derive(Debug)]
pub struct Allowed {
    /// The request.
    pub pending: PendingRequest,
    /// The second person's word that it uses up.
    pub confirmation: Option<RequestId>,
}

/// A request that may not be answered.
#[derive(Debug)]
pub struct Refused {
    /// Which check refused.
    pub code: Code,
    /// The id that it claims for itself, as far as it could be read.
    pub claimed: Option<RequestId>,
    /// What was asked, if both signatures held.
    pub asked: Option<PendingRequest>,
    /// What becomes of its id.
    pub fate: Fate,
    /// For whom the device was approved that signed.
    pub owner: Option<PersonId>,
    /// The item that the check was about.
    pub item: Option<ItemId>,
    /// The device that is not approved.
    pub stranger: Option<ed25519::VerifyingKey>,
}

impl Refused {
    pub(super) fn unread(code: Code) -> Self {
        Self { code, claimed: None, asked: None, fate: Fate::Nothing, owner: None, item: None, stranger: None }
    }
}

/// A check that refuses, and the item that it is about.
struct Stop(Code, Option<ItemId>);

type Check<T> = Result<Result<T, Stop>, VaultError>;

/// Decides a request. `device_key` is what came beside it: a claim that counts only if its fingerprint is approved.
///
/// # Errors
///
/// A store that cannot be read, or that contradicts itself.
pub fn decide(
    bytes: &[u8],
    device_key: Option<&ed25519::VerifyingKey>,
    circumstances: Circumstances<'_>,
) -> Result<Decision, VaultError> {
    let Circumstances { vault, .. } = circumstances;
    let mut refused = Refused::unread(Code::Size);
    let refuse = |refused: Refused, code: Code| Ok(Decision::Refused(Box::new(Refused { code, ..refused })));
    if *vault.condition() != Condition::Ready {
        return refuse(refused, Code::Rollback);
    }
    let Some(pins) = vault.control_plane_pins()? else { return refuse(refused, Code::NotEnrolled) };
    let envelope = match drilldown::envelope(bytes) {
        Ok(envelope) => envelope,
        Err(error) => return refuse(refused, code_of(&error)),
    };
    let readers = vault.readers()?;
    refused.claimed = drilldown::claimed(&envelope);
    let signed_by = match drilldown::roles(&envelope, &candidates(&readers, device_key), &[pins.drilldown]) {
        Ok(signed_by) => signed_by,
        Err(error) => return refuse(refused, code_of(&error)),
    };
    let pending = match drilldown::parse(&envelope, &signed_by) {
        Ok(pending) => pending,
        Err(error) => return refuse(refused, code_of(&error)),
    };
    let request = pending.request();
    refused.owner = owner(&readers, &request.person.device);
    if let Err((code, fate)) = is_for_us(request, circumstances) {
        return refuse(Refused { asked: Some(pending), fate, ..refused }, code);
    }
    refused.fate = Fate::Taken;
    if vault.request_seen(request.request)? {
        return refuse(Refused { asked: Some(pending), ..refused }, Code::Seen);
    }
    match is_allowed(&pending, &readers, circumstances)? {
        Ok(confirmation) => Ok(Decision::Allowed(Box::new(Allowed { pending, confirmation }))),
        Err(Stop(code, item)) => {
            refused.stranger = Some(signed_by.device).filter(|_| code == Code::NotApproved);
            refuse(Refused { asked: Some(pending), item, ..refused }, code)
        }
    }
}

/// Audience, stream and time; with what becomes of its id where one of them is another.
fn is_for_us(request: &Request, circumstances: Circumstances<'_>) -> Result<(), (Code, Fate)> {
    let Circumstances { vault, epoch, now, .. } = circumstances;
    let identity = vault.identity();
    let ours = request.tenant == identity.tenant
        && request.runner == identity.runner
        && request.runner_key == vault.attestation_key().key_id();
    let life = request.expires.since_ms(request.issued);
    let (code, then) = if !ours {
        (Code::Audience, Fate::Receipted)
    } else if !crypto::equal_constant_time(request.epoch.as_bytes(), epoch.as_bytes()) {
        (Code::Epoch, Fate::Receipted)
    } else if !(1..=LIFE_MS).contains(&life) {
        (Code::Life, Fate::Taken)
    } else if request.issued > now.plus_ms(SKEW_MS) || request.expires < now.plus_ms(-SKEW_MS) {
        (Code::Time, Fate::Taken)
    } else {
        return Ok(());
    };
    Err((code, fate(request.expires, now, then)))
}

/// Whether this person may be shown this, now.
fn is_allowed(
    pending: &PendingRequest,
    readers: &[Reader],
    circumstances: Circumstances<'_>,
) -> Check<Option<RequestId>> {
    let Circumstances { vault, policy, now, .. } = circumstances;
    let request = pending.request();
    if vault.audit_fork()?.is_some() {
        return Ok(Err(Stop(Code::ForkSeen, None)));
    }
    if let Err(unfit) = standing(&request.person, readers, policy, now) {
        return Ok(Err(Stop(code_of_device(unfit), None)));
    }
    let items = find(vault, request)?;
    let ruling = policy.rule(&Question {
        purpose: request.purpose,
        role: &request.person.role,
        factors: &request.person.factors,
        classes: &items.iter().filter_map(|(_, stored)| Some(stored.as_ref()?.record.class)).collect(),
        rows: items.iter().fold(0, |sum, (wanted, stored)| sum.saturating_add(rows_of(wanted, stored.as_ref()))),
        now,
        spent: spending(vault, request.person.id, now)?,
    });
    let confirmation = match ruling {
        Ruling::Refused(reason) => return Ok(Err(Stop(code_of_policy(reason), None))),
        Ruling::Allowed => None,
        Ruling::WithSecondPerson => match vault.confirmed_for(pending)? {
            None => return Ok(Err(Stop(Code::SecondPerson, None))),
            confirmation => confirmation,
        },
    };
    for (wanted, stored) in &items {
        if let Err(code) = is_there(request, wanted, stored.as_ref()) {
            return Ok(Err(Stop(code, Some(wanted.item))));
        }
    }
    Ok(Ok(confirmation))
}

fn code_of_device(unfit: Unfit) -> Code {
    match unfit {
        Unfit::NotApproved => Code::NotApproved,
        Unfit::Revoked => Code::Revoked,
        Unfit::Expired => Code::Expired,
        Unfit::Person => Code::Person,
    }
}

/// What is asked for, each with what is in the store.
fn find<'r>(vault: &Vault, request: &'r Request) -> Result<Vec<(&'r RequestedItem, Option<StoredItem>)>, VaultError> {
    let find = |wanted: &'r RequestedItem| match vault.item(wanted.item) {
        Ok(stored) => Ok((wanted, Some(stored))),
        Err(VaultError::NotFound { .. }) => Ok((wanted, None)),
        Err(error) => Err(error),
    };
    request.items.iter().map(find).collect()
}

/// Whether the item is what the request says that it is.
fn is_there(request: &Request, wanted: &RequestedItem, stored: Option<&StoredItem>) -> Result<(), Code> {
    let stored = stored.filter(|stored| stored.run == request.run).ok_or(Code::Item)?;
    let commitment = &stored.record.commitment;
    if commitment.root != wanted.root {
        Err(Code::Root)
    } else if wanted.rows.iter().flatten().any(|index| *index >= commitment.rows) {
        Err(Code::Row)
    } else if stored.destroyed.is_some() {
        Err(Code::Destroyed)
    } else {
        Ok(())
    }
}

fn rows_of(wanted: &RequestedItem, stored: Option<&StoredItem>) -> u64 {
    let all = stored.map_or(0, |stored| stored.record.commitment.rows);
    wanted.rows.as_ref().map_or(all, |rows| rows.len() as u64)
}

fn spending(vault: &Vault, person: PersonId, now: Timestamp) -> Result<Spending, VaultError> {
    Ok(Spending {
        requests_of_person_in_hour: vault.spent(Some(person), now.plus_ms(-HOUR_MS))?.requests,
        rows_of_person_in_day: vault.spent(Some(person), now.plus_ms(-DAY_MS))?.rows,
        rows_in_day: vault.spent(None, now.plus_ms(-DAY_MS))?.rows,
    })
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

fn code_of_policy(reason: Reason) -> Code {
    match reason {
        Reason::Purpose => Code::Purpose,
        Reason::Role => Code::Role,
        Reason::Factors => Code::Factors,
        Reason::Class => Code::Class,
        Reason::Hours => Code::Hours,
        Reason::Rate => Code::Rate,
        Reason::RowLimit => Code::RowLimit,
    }
}
