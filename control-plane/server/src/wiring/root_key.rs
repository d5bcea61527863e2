//! The operator's key, under which the tenants' keys are sealed.

use std::path::PathBuf;

use control_plane_authority::RootKey;
use crypto::{Entropy, Secret};
use terminal::Fail;

use super::files;
use crate::config::RootKeyConfig;

const SIZE: usize = 32;

/// Makes the key file, unless it is there already or a credential takes its place.
pub(crate) fn prepare(config: &RootKeyConfig, entropy: &dyn Entropy) -> Result<(), Fail> {
    match config.credential {
        Some(_) => read(config).map(|_| ()),
        None if files::is_filled(&config.file) => read(config).map(|_| ()),
        None => {
            files::remove_empty(&config.file)?;
            files::create_private(&config.file, Secret::random(entropy).expose())
        }
    }
}

/// Reads the key.
pub(crate) fn read(config: &RootKeyConfig) -> Result<RootKey, Fail> {
    let (path, bytes) = match &config.credential {
        Some(name) => {
            let path = credential(name)?;
            let bytes = files::read_credential(&path, SIZE as u64)?;
            (path, bytes)
        }
        None => (config.file.clone(), files::read_secret(&config.file, SIZE as u64)?),
    };
    let key = <[u8; SIZE]>::try_from(bytes.expose().as_slice()).map_err(|_| {
        let says = format_args!("{} holds {} bytes, a root key has {SIZE}", path.display(), bytes.expose().len());
        Fail::input("E-KEY-001", says, "put the key back that this control plane was made with")
    })?;
    Ok(RootKey::new(Secret::new(key)))
}

/// Where systemd hands a credential over: in the folder that it made for the service, and nowhere else.
fn credential(name: &str) -> Result<PathBuf, Fail> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        let says = format_args!("root_key.credential {name:?} is not the name of a credential");
        return Err(Fail::input("E-KEY-002", says, "name the credential as LoadCredential= of the unit does"));
    }
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| {
        Fail::input(
            "E-KEY-002",
            format_args!("the credential {name:?} is configured, and systemd handed none over"),
            "start it as a service with LoadCredential=, or take root_key.credential out of config.toml",
        )
    })?;
    Ok(PathBuf::from(folder).join(name))
}
