//! The device key: who signs a drill-down request beside the control plane. Made here, kept here, never sent.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crypto::{Digest, Entropy, ed25519, pem};
use serde_json::json;

use crate::cli::DeviceCommand;
use crate::fail::{Exit, Fail};
use crate::print::{inert, print};

/// PKCS#8 of an Ed25519 key up to its seed (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A key file is some 120 bytes.
const MAX_FILE: u64 = 4096;

/// The key of this device, and whether it was made just now.
pub(crate) struct Device {
    pub(crate) key: ed25519::SigningKey,
    pub(crate) path: PathBuf,
    pub(crate) is_new: bool,
}

impl Device {
    /// The key in the file, made if there is none.
    pub(crate) fn load_or_make(path: Option<&Path>, entropy: &dyn Entropy) -> Result<Self, Fail> {
        let path = place(path)?;
        match File::open(&path) {
            Ok(file) => Ok(Self { key: read(file, &path)?, path, is_new: false }),
            Err(error) if error.kind() == ErrorKind::NotFound => make(path, entropy),
            Err(error) => Err(unreadable(&path, error)),
        }
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo: what the Runner's operator approves.
    pub(crate) fn fingerprint(&self) -> Digest {
        self.key.verifying_key().key_id()
    }

    /// What the Runner's operator runs.
    pub(crate) fn approval(&self) -> String {
        format!("proctor-runner readers approve {} --label NAME", self.fingerprint())
    }
}

/// `proctor-verify device show|new`.
pub(crate) fn command(command: &DeviceCommand, entropy: &dyn Entropy) -> Result<Exit, Fail> {
    let (device, as_json) = match command {
        DeviceCommand::Show { device_key, json } => {
            let path = place(device_key.as_deref())?;
            let file = File::open(&path).map_err(|error| match error.kind() {
                ErrorKind::NotFound => Fail::usage(
                    "E-OPEN-008",
                    format!("there is no device key at {}", path.display()),
                    "make one with `proctor-verify device new`",
                ),
                _ => unreadable(&path, error),
            })?;
            (Device { key: read(file, &path)?, path, is_new: false }, *json)
        }
        DeviceCommand::New { device_key, json } => (make(place(device_key.as_deref())?, entropy)?, *json),
    };
    let public = device.key.verifying_key().to_spki();
    let text = if as_json {
        let shown = json!({
            "fingerprint": device.fingerprint(),
            "public_key": pem::encode("PUBLIC KEY", &public),
            "file": device.path.display().to_string(),
            "approve": device.approval(),
        });
        format!("{}\n", inert(&shown.to_string()))
    } else {
        format!(
            "device key   {}\nfingerprint  {}\n\n{}\nThe operator of a Runner lets this device ask for evidence with\n  {}\n\
             once it has asked; before that they name your person as well, with --person.\n",
            proof::text::printable(&device.path.display().to_string()),
            device.fingerprint(),
            pem::encode("PUBLIC KEY", &public),
            device.approval()
        )
    };
    print(&text).map_err(|error| Fail::fault("E-OPEN-052", format!("it cannot be printed: {error}"), ""))?;
    Ok(Exit::Verified)
}

fn place(given: Option<&Path>) -> Result<PathBuf, Fail> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    config.map(|config| config.join("proctor").join("device.key")).ok_or_else(|| {
        Fail::usage("E-OPEN-006", "there is no home folder to keep the device key in", "name a file with --device-key")
    })
}

fn unreadable(path: &Path, error: std::io::Error) -> Fail {
    let message = format!("the device key {} cannot be read: {error}", path.display());
    Fail::usage("E-OPEN-006", message, "name another file with --device-key, or give its owner the right to read it")
}

fn read(file: File, path: &Path) -> Result<ed25519::SigningKey, Fail> {
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 {
        let message =
            format!("others may read or change the device key {} (mode {:03o})", path.display(), mode & 0o777);
        let next =
            format!("if nobody else had it: chmod 600 {}; else make a new one and have it approved", path.display());
        return Err(Fail::usage("E-OPEN-007", message, next));
    }
    // Large enough from the start, so that no copy of the key is left behind by growing.
    let mut bytes = Vec::with_capacity(8192);
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(|error| unreadable(path, error))?;
    let text = crypto::Secret::new(bytes);
    let der = std::str::from_utf8(text.expose()).ok().and_then(|text| pem::decode("PRIVATE KEY", text).ok());
    let der = der.map(crypto::Secret::new);
    let seed = der.and_then(|der| <[u8; 32]>::try_from(der.expose().strip_prefix(&PKCS8_PREFIX)?).ok());
    let seed = seed.ok_or_else(|| {
        let message = format!("{} is not a device key: an Ed25519 private key in PEM (PKCS#8)", path.display());
        Fail::usage(
            "E-OPEN-006",
            message,
            "name the right file with --device-key, or make a key with `proctor-verify device new`",
        )
    })?;
    Ok(ed25519::SigningKey::from_seed(seed))
}

fn make(path: PathBuf, entropy: &dyn Entropy) -> Result<Device, Fail> {
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Fail::usage(
            "E-OPEN-009",
            format!("there is a file at {} already", path.display()),
            "look at it with `proctor-verify device show`; no key is ever overwritten",
        ),
        _ => Fail::fault(
            "E-OPEN-006",
            format!("the device key {} cannot be written: {error}", path.display()),
            "name another file with --device-key",
        ),
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(refused)?;
    }
    let key = ed25519::SigningKey::generate(entropy);
    let der = crypto::Secret::new([PKCS8_PREFIX.as_slice(), key.to_seed().expose()].concat());
    let text = crypto::Secret::new(pem::encode("PRIVATE KEY", der.expose()).into_bytes());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(refused)?;
    file.write_all(text.expose()).and_then(|()| file.sync_all()).map_err(refused)?;
    Ok(Device { key, path, is_new: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::SystemEntropy;

    #[test]
    fn a_key_is_made_once_and_read_back_and_never_by_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/device.key");
        let entropy = SystemEntropy::new();
        let made = Device::load_or_make(Some(&path), &entropy).unwrap();
        assert!(made.is_new);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let again = Device::load_or_make(Some(&path), &entropy).unwrap();
        assert!(!again.is_new && again.fingerprint() == made.fingerprint());
        // `readers approve` takes no device without a label.
        let expected = format!("readers approve {} --label NAME", made.fingerprint());
        assert!(again.approval().ends_with(&expected), "{}", again.approval());
        assert_eq!(make(path.clone(), &entropy).err().unwrap().code, "E-OPEN-009");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(Device::load_or_make(Some(&path), &entropy).err().unwrap().code, "E-OPEN-007");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "rubbish").unwrap();
        assert_eq!(Device::load_or_make(Some(&path), &entropy).err().unwrap().code, "E-OPEN-006");
    }
}
