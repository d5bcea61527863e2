//! Somebody asks to see evidence.

use std::collections::BTreeSet;
use std::time::Duration;

use control_plane_domain::audit::{Action, AskedFor, Purpose};
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::drilldown::{AskedItem, AskedWith, DrillDown, DrillDownState};
use control_plane_domain::policy::{Caller, Means, Permission};
use control_plane_domain::runner::Standing;
use control_plane_store::Reads;
use crypto::digest::sha256;
use crypto::{ed25519, hpke};
use ids::{ItemId, RequestId, RunId, RunnerId};
use proof::drilldown::MAX_ITEMS;
use proof::text::FreeText;

use crate::{Error, Operations};

/// The longest that a request may wait for Runner and signature.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Rows that fit into a request beside everything else.
const MAX_ROWS: usize = 400;

/// Characters of a reason.
const MAX_REASON: usize = 200;

/// An item, or rows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRows {
    /// The item.
    pub item: ItemId,
    /// Which of its rows, ascending; all of them when `None`.
    pub rows: Option<Vec<u64>>,
}

/// What somebody wants to see, and what for.
#[derive(Debug, Clone)]
pub struct RequestDrillDown {
    /// The run that collected it.
    pub run: RunId,
    /// The items.
    pub items: Vec<AskedRows>,
    /// What for, as a word.
    pub purpose: Purpose,
    /// Why, in the person's words; at most 200 characters.
    pub reason: FreeText,
    /// To whom the answer is sealed: an X25519 public key that the person's program just made.
    pub recipient_key: [u8; 32],
    /// The device that will sign: SubjectPublicKeyInfo of an Ed25519 key.
    pub device_key: Vec<u8>,
    /// How long to wait for Runner and signature.
    pub wait: Option<Duration>,
}

impl Operations {
    /// Logs the request, and leaves it to the Runner's session to go on with it.
    pub async fn request_drilldown(&self, caller: &Caller, input: RequestDrillDown) -> Result<DrillDown, Error> {
        let permit = caller.permit(Permission::DrillDownsRequest)?;
        self.check_confirmed(caller)?;
        self.check_app_code(caller)?;
        let device = check_form(&input)?;
        let with = match caller.means() {
            Means::Key { key, .. } => AskedWith::Key(*key),
            Means::Session { session, .. } => AskedWith::Session(*session),
        };
        let wait = input.wait.unwrap_or(self.settings().drilldown_wait);
        if wait.is_zero() || wait > LONGEST_WAIT {
            return Err(Error::invalid("wait", "between a second and a day"));
        }
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let (ms, random) = self.fresh();
        let id = RequestId::from_parts(ms, random);
        let now = self.now();

        let tx = self.store().write(&permit).await?;
        if !tx.tenant().await?.ok_or(Error::NotFound("tenant"))?.drilldowns {
            return Err(Error::DrillDownsOff);
        }
        let (runner, items) = find_items(&tx, &input).await?;
        // At the console a device is registered first, so that its owner sees which there are. A program with a key brings
        // its own.
        if matches!(with, AskedWith::Session(_)) {
            let (person, fingerprint) = (caller.person(), device.key_id());
            tx.device(person, &fingerprint).await?.ok_or(Error::UnknownDevice)?;
            tx.touch_device(person, &fingerprint, now).await?;
        }
        let record = Action::EvidenceRequested {
            request: id,
            runner,
            run: input.run,
            items: items.iter().map(asked_for).collect(),
            device: device.key_id(),
            recipient_sha256: sha256(&input.recipient_key),
            purpose: input.purpose,
            justification: input.reason.clone(),
        };
        let (logged, appended) = tx.log(&permit.record(record)).await?;
        let drilldown = DrillDown {
            id,
            runner,
            run: input.run,
            items,
            person: caller.person(),
            with,
            purpose: input.purpose,
            reason: input.reason,
            recipient: input.recipient_key,
            device_key: input.device_key,
            requested: now,
            expires: now.plus_ms(wait_ms),
            audit: AuditRef::from(&appended),
            state: DrillDownState::WaitingForRunner,
        };
        logged.add_drilldown(&drilldown).await?;
        logged.commit().await?;
        self.wake(permit.tenant(), runner, &appended);
        Ok(drilldown)
    }
}

/// What can be said without the database.
fn check_form(input: &RequestDrillDown) -> Result<ed25519::VerifyingKey, Error> {
    if input.items.is_empty() || input.items.len() > MAX_ITEMS {
        return Err(Error::invalid("items", format_args!("1 to {MAX_ITEMS} items can be asked for at once")));
    }
    let distinct: BTreeSet<ItemId> = input.items.iter().map(|asked| asked.item).collect();
    if distinct.len() != input.items.len() {
        return Err(Error::invalid("items", "an item stands there twice"));
    }
    let rows = input.items.iter().filter_map(|asked| asked.rows.as_ref());
    if rows.clone().any(|rows| rows.is_empty() || !rows.is_sorted_by(|a, b| a < b)) {
        return Err(Error::invalid(
            "items.rows",
            "rows are ascending, each once, at least one; leave them out for all",
        ));
    }
    if rows.map(Vec::len).sum::<usize>() > MAX_ROWS {
        return Err(Error::invalid("items.rows", format_args!("at most {MAX_ROWS} rows can be named at once")));
    }
    if input.reason.as_str().chars().count() > MAX_REASON {
        return Err(Error::invalid("reason", format_args!("at most {MAX_REASON} characters")));
    }
    hpke::PublicKey::from_bytes(&input.recipient_key).map_err(|why| Error::invalid("recipient_key", why))?;
    ed25519::VerifyingKey::from_spki(&input.device_key).map_err(|why| Error::invalid("device_key", why))
}

/// The items as the attested manifest tells of them, and the Runner that has them.
async fn find_items(reads: &Reads, input: &RequestDrillDown) -> Result<(RunnerId, Vec<AskedItem>), Error> {
    let run = reads.run(input.run).await?.ok_or(Error::NotFound("run"))?;
    let runner = reads.runner(run.runner).await?.ok_or(Error::NotFound("Runner"))?;
    match runner.state.standing() {
        Standing::Active => {}
        other @ (Standing::Pending | Standing::Locked | Standing::Revoked) => return Err(Error::RunnerIs(other)),
    }
    let mut items = Vec::with_capacity(input.items.len());
    for asked in &input.items {
        let known = reads.item(asked.item).await?.filter(|item| item.run == input.run);
        let line = known.ok_or(Error::NotFound("evidence item of this run"))?.line;
        let last = asked.rows.as_ref().and_then(|rows| rows.last());
        if last.is_some_and(|last| *last >= line.rows) {
            return Err(Error::invalid("items.rows", format_args!("the item has {} rows, from 0", line.rows)));
        }
        items.push(AskedItem { item: asked.item, root: line.root, rows: asked.rows.clone() });
    }
    Ok((run.runner, items))
}

fn asked_for(item: &AskedItem) -> AskedFor {
    let rows = item.rows.as_ref().map(|rows| u64::try_from(rows.len()).unwrap_or(u64::MAX));
    AskedFor { item: item.item, rows }
}
