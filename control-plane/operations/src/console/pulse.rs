//! A number that is another one when a page may show something else than before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use clock::Timestamp;
use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::runner::RunnerLine;
use crypto::digest::Sha256;
use ids::TenantId;

use crate::{Error, Operations};

/// How long a number is given again without asking the database: every open page asks for it.
const FRESH_MS: u64 = 1_000;

/// Numbers of tenants that are kept, at most.
const MOST: usize = 4_096;

/// Runners that are looked at.
const LOOKED_AT: u32 = 1_000;

/// The newest number of each tenant, and when it was read.
#[derive(Debug, Default)]
pub(crate) struct Pulses(Mutex<HashMap<TenantId, (u64, u64)>>);

impl Pulses {
    fn fresh(&self, tenant: TenantId, now: u64) -> Option<u64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).copied();
        known.filter(|(read, _)| now.saturating_sub(*read) < FRESH_MS).map(|(_, number)| number)
    }

    fn put(&self, tenant: TenantId, now: u64, number: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (read, _)| now.saturating_sub(*read) < FRESH_MS);
        }
        known.insert(tenant, (now, number));
    }
}

impl Operations {
    /// Another number whenever the audit log grew, a run went on, or a Runner came, went, or changed its condition. Whoever sees it change
    /// reads the page again; the number itself says nothing.
    pub async fn pulse(&self, caller: &Caller) -> Result<u64, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let (tenant, now) = (permit.tenant(), self.clock().monotonic_ms());
        if let Some(number) = self.0.pulses.fresh(tenant, now) {
            return Ok(number);
        }
        let tx = self.store().read(&permit).await?;
        let size = tx.audit_chain().await?.size();
        let lines = tx.runner_lines(LOOKED_AT).await?.into_iter();
        let heard = tx.under_way_heard().await?.map_or(0, Timestamp::as_millis);
        let number = number((size, heard), lines.map(|line| self.0.presences.refresh_line(tenant, line)));
        self.0.pulses.put(tenant, now, number);
        Ok(number)
    }
}

fn number((size, heard): (u64, i64), lines: impl Iterator<Item = RunnerLine>) -> u64 {
    let mut hash = Sha256::new();
    hash.update(&size.to_be_bytes());
    hash.update(&heard.to_be_bytes());
    for RunnerLine { id, label: _, state, last_seen: _, connected, condition, overdue_since } in lines {
        hash.update(id.as_bytes());
        hash.update(state.standing().as_str().as_bytes());
        hash.update(&[u8::from(connected), u8::from(overdue_since.is_some())]);
        hash.update(condition.map_or("", |condition| condition.as_str()).as_bytes());
    }
    let digest = hash.finish();
    digest.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
