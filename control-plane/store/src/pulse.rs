//! What pages that are followed ask for instead of everything that they show: two numbers that grow when something happens.

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{Reads, Writes};
use crate::value::values;

impl Reads {
    /// How many records the audit log has, and how often something else stirred that pages show.
    pub async fn pulse(&self) -> Result<(u64, u64), StoreError> {
        let sql = sql!(
            "SELECT audit_head.size, tenant.stirred FROM audit_head JOIN tenant ON tenant.tenant = $1 \
             WHERE audit_head.tenant = $1"
        );
        let found = self.one("tenant", sql, values![], |mut cells| Ok((cells.take("size")?, cells.take("stirred")?)));
        found.await?.ok_or(StoreError::UnknownTenant)
    }
}

impl Writes {
    /// Something changes that pages show and that stands in no record: whether a Runner is there, what it works at.
    pub async fn stir(&self) -> Result<(), StoreError> {
        let sql = sql!("UPDATE tenant SET stirred = stirred + 1 WHERE tenant = $1");
        self.change("tenant", self.tenant_id(), sql, values![]).await
    }
}
