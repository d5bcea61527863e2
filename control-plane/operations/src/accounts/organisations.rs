//! Which tenant somebody means: by its id or by its exact name, or the only one that there is.

use std::collections::{HashMap, HashSet};

use control_plane_domain::policy::{self, Permission};
use control_plane_domain::tenant::TenantState;
use ids::TenantId;
use tokio::sync::Mutex;

use crate::{Error, Operations};

/// Another process may have made a tenant: the list is read again after so long.
const FRESH_MS: u64 = 30_000;

/// The tenants that are served, by name. A name is a label: two tenants may have the same, and then only the id finds
/// them.
#[derive(Default)]
pub(crate) struct Organisations(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// When the list was read, by the clock that only goes forward.
    read_ms: Option<u64>,
    active: HashSet<TenantId>,
    /// Names do not change, so each is read once.
    names: HashMap<TenantId, String>,
}

impl Organisations {
    /// A tenant was made: the list is read again when it is needed.
    pub(crate) async fn changed(&self) {
        self.0.lock().await.read_ms = None;
    }
}

impl Known {
    fn find(&self, text: Option<&str>) -> Option<TenantId> {
        let mut found = match text {
            None => self.active.iter().copied().collect(),
            Some(text) => match text.parse::<TenantId>() {
                Ok(id) => self.active.get(&id).copied().into_iter().collect(),
                Err(_) => self.named(text),
            },
        };
        let only = found.pop();
        only.filter(|_| found.is_empty())
    }

    fn named(&self, text: &str) -> Vec<TenantId> {
        let named = |id: &&TenantId| self.names.get(id).is_some_and(|name| name == text);
        self.active.iter().filter(named).copied().collect()
    }
}

impl Operations {
    /// Whether somebody who signs in must say which organisation they mean.
    pub async fn sign_in_needs_organisation(&self) -> Result<bool, Error> {
        let mut known = self.0.organisations.0.lock().await;
        self.refresh_organisations(&mut known).await?;
        Ok(known.active.len() != 1)
    }

    /// The tenant that is meant, if there is exactly one.
    pub(super) async fn organisation(&self, text: Option<&str>) -> Result<Option<TenantId>, Error> {
        let mut known = self.0.organisations.0.lock().await;
        self.refresh_organisations(&mut known).await?;
        Ok(known.find(text))
    }

    async fn refresh_organisations(&self, known: &mut Known) -> Result<(), Error> {
        let now_ms = self.clock().monotonic_ms();
        if known.read_ms.is_some_and(|read_ms| now_ms < read_ms + FRESH_MS) {
            return Ok(());
        }
        let tenants = self.store().tenants().await?;
        let active = tenants.iter().filter(|tenant| tenant.state == TenantState::Active).map(|tenant| tenant.id);
        known.active = active.collect();
        let unread: Vec<TenantId> = known.active.iter().filter(|id| !known.names.contains_key(id)).copied().collect();
        for id in unread {
            let permit = policy::system(id, Permission::Authenticate)?;
            if let Some(tenant) = self.store().read(&permit).await?.tenant().await? {
                known.names.insert(id, tenant.name.as_str().to_owned());
            }
        }
        known.read_ms = Some(now_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_found_by_id_by_name_or_because_it_is_the_only_one() {
        let [a, b, c] = [1, 2, 3].map(|n| TenantId::from_bytes([n; 16]));
        let mut known = Known { active: HashSet::from([a]), ..Known::default() };
        assert_eq!(known.find(None), Some(a));
        known.active = HashSet::from([a, b, c]);
        known.names = HashMap::from([(a, "Acme".to_owned()), (b, "Umbrella".to_owned()), (c, "Umbrella".to_owned())]);
        assert_eq!(known.find(None), None);
        assert_eq!(known.find(Some("Acme")), Some(a));
        assert_eq!(known.find(Some("acme")), None);
        assert_eq!(known.find(Some("Umbrella")), None, "a name of two is nobody's");
        assert_eq!(known.find(Some(&c.to_string())), Some(c));
        known.active.remove(&c);
        assert_eq!(known.find(Some(&c.to_string())), None);
        assert_eq!(known.find(Some("Umbrella")), Some(b));
    }
}
