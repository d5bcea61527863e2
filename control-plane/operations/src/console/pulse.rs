//! A number that is another one when a page may show something else than before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use control_plane_domain::policy::{Caller, Permission};
use crypto::digest::Sha256;
use ids::TenantId;

use crate::{Error, Operations};

/// How long a number is given again without asking the database: every open page asks for it.
const FRESH_MS: u64 = 1_000;

/// Numbers of tenants that are kept, at most.
const MOST: usize = 4_096;

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
    /// Another number whenever the audit log grew, a run went on, or a Runner came, went, or changed its condition: of
    /// this process at once, of others when they wrote it down. It costs the same whatever a tenant has. Whoever sees it
    /// change reads the page again; the number itself says nothing.
    pub async fn pulse(&self, caller: &Caller) -> Result<u64, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let (tenant, now) = (permit.tenant(), self.clock().monotonic_ms());
        if let Some(number) = self.0.pulses.fresh(tenant, now) {
            return Ok(number);
        }
        let (size, stirred) = self.store().read(&permit).await?.pulse().await?;
        let number = number([size, stirred, self.0.presences.moves(tenant)]);
        self.0.pulses.put(tenant, now, number);
        Ok(number)
    }
}

fn number(parts: [u64; 3]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(&part.to_be_bytes());
    }
    let digest = hash.finish();
    digest.as_bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
