//! Devices that sign for evidence. A person registers them; whether a Runner answers one is the Runner's own decision.

use control_plane_domain::audit::Action;
use control_plane_domain::device::Device;
use control_plane_domain::policy::{Caller, Permission};
use crypto::{Digest, ed25519};
use proof::text::FreeText;

use crate::{Error, Operations};

/// Devices of a person, at most.
const MOST: usize = 20;

impl Operations {
    /// Registers a device of the caller by its Ed25519 key. The same key again is the same device.
    pub async fn register_device(&self, caller: &Caller, spki: &[u8], label: FreeText) -> Result<Device, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        self.check_confirmed(caller)?;
        let key = ed25519::VerifyingKey::from_spki(spki).map_err(|why| Error::invalid("device_key", why))?;
        let (person, fingerprint) = (caller.person(), key.key_id());
        let tx = self.store().write(&permit).await?;
        let known = tx.devices(person).await?;
        if let Some(known) = known.iter().find(|device| device.fingerprint == fingerprint) {
            return Ok(known.clone());
        }
        if known.len() >= MOST {
            return Err(Error::TooManyDevices);
        }
        let device = Device { person, fingerprint, spki: spki.to_vec(), label, created: self.now(), last_used: None };
        tx.add_device(&device).await?;
        tx.commit(&permit.record(Action::DeviceRegistered { person, device: fingerprint })).await?;
        Ok(device)
    }

    /// The caller's devices, the newest first.
    pub async fn list_devices(&self, caller: &Caller) -> Result<Vec<Device>, Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        let tx = self.store().read(&permit).await?;
        Ok(newest_first(tx.devices(caller.person()).await?))
    }

    /// Takes a device of the caller off the list: it is asked for nothing any more, and what it asked for ends. It cannot be put
    /// back, so both factors are shown first.
    pub async fn remove_device(&self, caller: &Caller, fingerprint: Digest) -> Result<(), Error> {
        let permit = caller.permit(Permission::AccountManage)?;
        self.check_confirmed(caller)?;
        let person = caller.person();
        let tx = self.store().write(&permit).await?;
        tx.device(person, &fingerprint).await?.ok_or(Error::NotFound("device"))?;
        tx.remove_device(person, &fingerprint).await?;
        self.commit_all(tx, &[permit.record(Action::DeviceRemoved { person, device: fingerprint })]).await
    }
}

pub(super) fn newest_first(mut devices: Vec<Device>) -> Vec<Device> {
    devices.sort_by_key(|device| std::cmp::Reverse((device.created, device.fingerprint)));
    devices
}
