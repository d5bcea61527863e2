//! Leases of the platform: which replica does a piece of work.

use control_plane_domain::lease::Lease;

use crate::sql::sql;
use crate::sqlite::Mode;
use crate::value::values;
use crate::{Store, StoreError};

impl Store {
    /// Takes a lease that is free, over, or the holder's own; `false` while another replica has it.
    pub async fn take_lease(&self, lease: &Lease) -> Result<bool, StoreError> {
        let Lease { name, holder, until } = lease;
        let sql = sql!(
            "INSERT INTO platform_lease (name, holder, until) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
             WHERE platform_lease.holder = excluded.holder OR platform_lease.until <= $4"
        );
        let tx = self.platform(Mode::Write).await?;
        let taken = tx.execute(vec![(sql, vec![values![name, holder, until, self.clock.now()]])]).await;
        let taken = taken.map_err(|failure| failure.at("platform_lease", name))?;
        tx.commit().await.map_err(|failure| failure.at("platform_lease", name))?;
        Ok(taken == [1])
    }

    /// Gives a lease back, if it is still this holder's.
    pub async fn release_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let sql = sql!("DELETE FROM platform_lease WHERE name = $1 AND holder = $2");
        let tx = self.platform(Mode::Write).await?;
        let given = tx.execute(vec![(sql, vec![values![name, holder]])]).await;
        given.map_err(|failure| failure.at("platform_lease", name))?;
        tx.commit().await.map_err(|failure| failure.at("platform_lease", name))
    }
}
