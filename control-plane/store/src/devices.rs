//! Devices that people registered to sign for evidence.

use clock::Timestamp;
use control_plane_domain::device::Device;
use crypto::Digest;
use ids::PersonId;

use crate::StoreError;
use crate::sql::sql;
use crate::tx::{Reads, Writes};
use crate::value::{Cells, values};

impl Reads {
    /// A person's device with this fingerprint.
    pub async fn device(&self, person: PersonId, fingerprint: &Digest) -> Result<Option<Device>, StoreError> {
        let sql = sql!(
            "SELECT person, fingerprint, spki, label, created, last_used FROM device \
             WHERE tenant = $1 AND person = $2 AND fingerprint = $3"
        );
        self.one("device", sql, values![person, fingerprint], read).await
    }

    /// A person's devices.
    pub async fn devices(&self, person: PersonId) -> Result<Vec<Device>, StoreError> {
        let sql = sql!(
            "SELECT person, fingerprint, spki, label, created, last_used FROM device \
             WHERE tenant = $1 AND person = $2 ORDER BY fingerprint"
        );
        self.all("device", sql, values![person], read).await
    }
}

impl Writes {
    /// Keeps a device.
    pub async fn add_device(&self, device: &Device) -> Result<(), StoreError> {
        let Device { person, fingerprint, spki, label, created, last_used } = device;
        let sql = sql!(
            "INSERT INTO device (tenant, person, fingerprint, spki, label, created, last_used) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)"
        );
        self.change("device", fingerprint, sql, values![person, fingerprint, spki, label, created, last_used]).await
    }

    /// A device was named in a request.
    pub async fn touch_device(&self, person: PersonId, fingerprint: &Digest, at: Timestamp) -> Result<(), StoreError> {
        let sql = sql!("UPDATE device SET last_used = $4 WHERE tenant = $1 AND person = $2 AND fingerprint = $3");
        self.change("device", fingerprint, sql, values![person, fingerprint, at]).await
    }

    /// Takes a device off the list.
    pub async fn remove_device(&self, person: PersonId, fingerprint: &Digest) -> Result<(), StoreError> {
        let sql = sql!("DELETE FROM device WHERE tenant = $1 AND person = $2 AND fingerprint = $3");
        self.change("device", fingerprint, sql, values![person, fingerprint]).await
    }
}

fn read(mut cells: Cells) -> Result<Device, StoreError> {
    Ok(Device {
        person: cells.take("person")?,
        fingerprint: cells.take("fingerprint")?,
        spki: cells.take("spki")?,
        label: cells.take("label")?,
        created: cells.take("created")?,
        last_used: cells.take("last_used")?,
    })
}
