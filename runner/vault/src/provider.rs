//! Where the root key comes from, and what each place really stops.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crypto::kdf::{Argon2Cost, argon2id};
use crypto::{Entropy, Secret};
use zeroize::{Zeroize, Zeroizing};

use crate::{VaultError, files};

/// A passphrase shorter than this is refused when it is set.
const SHORTEST_PASSPHRASE: usize = 12;
/// No key file and no credential is longer.
const LONGEST_KEY: u64 = 4096;

/// Where the 32-byte root key is kept.
#[derive(Debug)]
pub enum Provider {
    /// A file that only the Runner's account can read: 32 bytes, or 64 hex digits.
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Whether it may lie on the same disk as the store.
        same_disk: SameDisk,
    },
    /// A passphrase that a person types, stretched with Argon2id.
    Passphrase {
        /// The passphrase.
        passphrase: Secret<String>,
        /// The file with salt and cost, made once; it is not secret.
        header: PathBuf,
    },
    /// A credential that systemd hands to the service (`LoadCredential=`, `LoadCredentialEncrypted=`).
    SystemdCredential {
        /// Its name.
        name: String,
        /// The folder it is in; `$CREDENTIALS_DIRECTORY` if not given.
        directory: Option<PathBuf>,
    },
}

/// Whether a key file on the disk of the store is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameDisk {
    /// Refused: who takes the disk would have both.
    Refuse,
    /// The operator accepts it.
    Accept,
}

/// What a provider really protects against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealLevel {
    /// A key file on another disk.
    KeyFile,
    /// A key file on the store's disk.
    KeyFileOnStoreDisk,
    /// A passphrase.
    Passphrase,
    /// A systemd credential.
    SystemdCredential,
}

impl SealLevel {
    /// Its name in status lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyFile => "key-file",
            Self::KeyFileOnStoreDisk => "key-file-on-store-disk",
            Self::Passphrase => "passphrase",
            Self::SystemdCredential => "systemd-credential",
        }
    }

    /// What it stops and what it does not.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::KeyFile => {
                "A copy or theft of the store's disk alone opens nothing; whoever reads the key file as the Runner's \
                 account or as root opens everything."
            }
            Self::KeyFileOnStoreDisk => {
                "A copy of the store file alone opens nothing; theft of the disk, a backup or a snapshot that holds \
                 the key file too opens everything."
            }
            Self::Passphrase => {
                "The disk, its backups and snapshots open nothing, as far as the passphrase resists guessing; whoever \
                 is root while the Runner runs reads the key from memory. A person must type it at each start."
            }
            Self::SystemdCredential => {
                "The store's files alone open nothing. With LoadCredentialEncrypted= and a TPM the disk alone opens \
                 nothing on another machine; a plain credential file protects no better than a key file. Whoever is \
                 root while the Runner runs reads the key."
            }
        }
    }
}

/// A root key and how well it is kept.
#[derive(Debug)]
pub struct RootKey {
    pub(crate) key: Secret<[u8; 32]>,
    /// How well it is kept.
    pub level: SealLevel,
}

impl Provider {
    /// Makes what the provider needs where it is missing: a fresh key file, or the header of a passphrase. What exists
    /// is left as it is. A systemd credential is made by the operator.
    pub fn prepare(&self, entropy: &dyn Entropy) -> Result<(), VaultError> {
        match self {
            Self::KeyFile { path, .. } if !path.exists() => {
                let key = Secret::random(entropy);
                let text = Zeroizing::new(format!("{}\n", Zeroizing::new(hex::encode(key.expose())).as_str()));
                files::create(path, text.as_bytes()).map_err(|error| VaultError::file(path, error))
            }
            Self::Passphrase { passphrase, header } => {
                if passphrase.expose().chars().count() < SHORTEST_PASSPHRASE {
                    return Err(self.no_key(format!("the passphrase has fewer than {SHORTEST_PASSPHRASE} characters")));
                }
                if header.exists() {
                    return Ok(());
                }
                let header_text = Header::fresh(entropy).to_text();
                files::create(header, header_text.as_bytes()).map_err(|error| VaultError::file(header, error))
            }
            Self::KeyFile { .. } | Self::SystemdCredential { .. } => Ok(()),
        }
    }

    /// Reads the root key for the store in `store_folder`.
    pub fn root_key(&self, store_folder: &Path) -> Result<RootKey, VaultError> {
        match self {
            Self::KeyFile { path, same_disk } => {
                let key = self.read_key(path, is_private)?;
                let beside_store = files::same_disk(path, store_folder)?;
                if beside_store && *same_disk == SameDisk::Refuse {
                    return Err(VaultError::KeyOnStoreDisk(path.clone()));
                }
                let level = if beside_store { SealLevel::KeyFileOnStoreDisk } else { SealLevel::KeyFile };
                Ok(RootKey { key, level })
            }
            Self::Passphrase { passphrase, header } => {
                let text = files::read_small(header).map_err(|error| VaultError::file(header, error))?;
                let text = text.ok_or_else(|| self.no_key("the header file does not exist"))?;
                let header = Header::parse(&text).ok_or_else(|| self.no_key("the header file is damaged"))?;
                let key = argon2id(passphrase.expose().as_bytes(), &header.salt, header.cost)
                    .map_err(|error| self.no_key(error))?;
                Ok(RootKey { key, level: SealLevel::Passphrase })
            }
            Self::SystemdCredential { name, directory } => {
                if name.is_empty() || name.contains(['/', '\0']) || name == ".." || name == "." {
                    return Err(self.no_key("the name is not one path component"));
                }
                let directory = match directory {
                    Some(directory) => directory.clone(),
                    None => std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).ok_or_else(|| {
                        self.no_key("$CREDENTIALS_DIRECTORY is not set: the process was not started by systemd with it")
                    })?,
                };
                Ok(RootKey { key: self.read_key(&directory.join(name), is_lent)?, level: SealLevel::SystemdCredential })
            }
        }
    }

    fn read_key(&self, path: &Path, is_ours: fn(&Metadata) -> bool) -> Result<Secret<[u8; 32]>, VaultError> {
        let file = File::open(path).map_err(|error| self.no_key(format!("{}: {error}", path.display())))?;
        // The open file is judged, not the name, which could be exchanged in between.
        let meta = file.metadata().map_err(|error| self.no_key(error))?;
        if !meta.is_file() {
            return Err(self.no_key(format!("{} is not a regular file", path.display())));
        }
        if !is_ours(&meta) {
            return Err(self.no_key(format!(
                "{} has mode {:04o} and is of account {}: others may use it; run `chmod 600` on it and change the key",
                path.display(),
                meta.mode() & 0o7777,
                meta.uid()
            )));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        file.take(LONGEST_KEY).read_to_end(&mut bytes).map_err(|error| self.no_key(error))?;
        parse_key(&bytes)
            .ok_or_else(|| self.no_key(format!("{} holds neither 32 random bytes nor 64 hex digits", path.display())))
    }

    fn no_key(&self, why: impl ToString) -> VaultError {
        VaultError::NoRootKey { provider: self.to_string(), why: why.to_string() }
    }
}

impl std::fmt::Display for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KeyFile { path, .. } => write!(f, "key file {}", path.display()),
            Self::Passphrase { header, .. } => write!(f, "passphrase with header {}", header.display()),
            Self::SystemdCredential { name, .. } => write!(f, "systemd credential {name}"),
        }
    }
}

/// Whether nobody but its owner may use it.
fn is_private(meta: &Metadata) -> bool {
    meta.mode() & 0o077 == 0
}

/// The same of a credential. Where the service has an account of its own, the file stays root's and an access list lets
/// that account read it; that shows as the group's right to read.
fn is_lent(meta: &Metadata) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    meta.mode() & 0o037 == 0 && [0, own].contains(&meta.uid())
}

/// Salt and cost of a passphrase: a line of text, not secret.
struct Header {
    salt: [u8; 32],
    cost: Argon2Cost,
}

impl Header {
    fn fresh(entropy: &dyn Entropy) -> Self {
        Self { salt: crypto::entropy::random_bytes(entropy), cost: Argon2Cost::RECOMMENDED }
    }

    fn to_text(&self) -> String {
        let Argon2Cost { memory_kib, passes, lanes } = self.cost;
        format!("proctor-passphrase v1 argon2id m={memory_kib} t={passes} p={lanes} salt={}\n", hex::encode(self.salt))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let rest = text.strip_prefix("proctor-passphrase v1 argon2id m=")?;
        let (memory, rest) = rest.split_once(" t=")?;
        let (passes, rest) = rest.split_once(" p=")?;
        let (lanes, salt) = rest.split_once(" salt=")?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(salt, &mut bytes).ok()?;
        let cost =
            Argon2Cost { memory_kib: memory.parse().ok()?, passes: passes.parse().ok()?, lanes: lanes.parse().ok()? };
        Some(Self { salt: bytes, cost })
    }
}

fn parse_key(bytes: &[u8]) -> Option<Secret<[u8; 32]>> {
    let mut key = [0; 32];
    match <&[u8; 32]>::try_from(bytes) {
        Ok(raw) => key = *raw,
        Err(_) => hex::decode_to_slice(bytes.trim_ascii_end(), &mut key).ok()?,
    }
    // Thirty-two times the same byte is a placeholder that somebody forgot.
    let placeholder = key.iter().all(|byte| Some(byte) == key.first());
    let secret = Secret::new(key);
    key.zeroize();
    if placeholder { None } else { Some(secret) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::SystemEntropy;
    use std::os::unix::fs::PermissionsExt;

    fn key_file(path: &Path) -> Provider {
        Provider::KeyFile { path: path.to_owned(), same_disk: SameDisk::Accept }
    }

    #[test]
    fn a_key_file_is_made_private_and_read_back_in_both_forms() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        let provider = key_file(&path);
        assert_eq!(provider.root_key(folder.path()).unwrap_err().code(), "E-VAULT-007");
        provider.prepare(&SystemEntropy::new()).unwrap();
        let made = provider.root_key(folder.path()).unwrap();
        assert_eq!(made.level, SealLevel::KeyFileOnStoreDisk);
        provider.prepare(&SystemEntropy::new()).unwrap();
        assert_eq!(provider.root_key(folder.path()).unwrap().key.expose(), made.key.expose());
        std::fs::write(&path, made.key.expose()).unwrap();
        assert_eq!(provider.root_key(folder.path()).unwrap().key.expose(), made.key.expose());
        let strict = Provider::KeyFile { path: path.clone(), same_disk: SameDisk::Refuse };
        assert_eq!(strict.root_key(folder.path()).unwrap_err().code(), "E-VAULT-008");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(provider.root_key(folder.path()).unwrap_err().to_string().contains("0640"));
    }

    #[test]
    fn files_that_hold_no_key_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        for content in [&b""[..], &[0; 32], &[7; 31], b"00", &[b'z'; 64], &[b'0'; 64]] {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(key_file(&path).root_key(folder.path()).unwrap_err().code(), "E-VAULT-007");
        }
        assert_eq!(key_file(folder.path()).root_key(folder.path()).unwrap_err().code(), "E-VAULT-007");
    }

    #[test]
    fn a_passphrase_gives_the_same_key_with_its_header_alone() {
        let folder = tempfile::tempdir().unwrap();
        let header = folder.path().join("passphrase.header");
        let with = |text: &str| Provider::Passphrase { passphrase: Secret::new(text.into()), header: header.clone() };
        assert!(with("short").prepare(&SystemEntropy::new()).unwrap_err().to_string().contains("12 characters"));
        let provider = with("correct horse battery");
        assert_eq!(provider.root_key(folder.path()).unwrap_err().code(), "E-VAULT-007");
        provider.prepare(&SystemEntropy::new()).unwrap();
        let key = provider.root_key(folder.path()).unwrap().key;
        assert_eq!(provider.root_key(folder.path()).unwrap().key.expose(), key.expose());
        assert_ne!(with("correct horse batterz").root_key(folder.path()).unwrap().key.expose(), key.expose());
        assert!(!format!("{provider:?} {provider}").contains("horse"));
        std::fs::write(&header, "proctor-passphrase v1 argon2id m=99999999 t=3 p=4 salt=00\n").unwrap();
        assert_eq!(provider.root_key(folder.path()).unwrap_err().code(), "E-VAULT-007");
    }

    #[test]
    fn a_credential_is_read_from_its_folder_alone() {
        let folder = tempfile::tempdir().unwrap();
        let credential =
            |name: &str| Provider::SystemdCredential { name: name.into(), directory: Some(folder.path().to_owned()) };
        files::create(&folder.path().join("root"), &[b'a'; 31]).unwrap();
        assert_eq!(credential("root").root_key(folder.path()).unwrap_err().code(), "E-VAULT-007");
        files::create(&folder.path().join("good"), hex::encode([1; 16]).repeat(2).as_bytes()).unwrap();
        assert_eq!(credential("good").root_key(folder.path()).unwrap_err().code(), "E-VAULT-007");
        let text = hex::encode((0..32).collect::<Vec<u8>>());
        files::create(&folder.path().join("real"), text.as_bytes()).unwrap();
        assert_eq!(credential("real").root_key(folder.path()).unwrap().level, SealLevel::SystemdCredential);
        assert!(credential("../real").root_key(folder.path()).unwrap_err().to_string().contains("path component"));
    }

    #[test]
    fn a_credential_that_an_access_list_lends_to_the_service_is_read_and_no_wider_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        files::create(&path, hex::encode((0..32).collect::<Vec<u8>>()).as_bytes()).unwrap();
        let credential = Provider::SystemdCredential { name: "root".into(), directory: Some(folder.path().to_owned()) };
        let with_mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        for mode in [0o400, 0o440] {
            with_mode(mode);
            assert_eq!(credential.root_key(folder.path()).unwrap().level, SealLevel::SystemdCredential, "{mode:o}");
        }
        assert!(key_file(&path).root_key(folder.path()).unwrap_err().to_string().contains("0440"));
        for mode in [0o460, 0o450, 0o444, 0o404] {
            with_mode(mode);
            assert_eq!(credential.root_key(folder.path()).unwrap_err().code(), "E-VAULT-007", "{mode:o}");
        }
        if nix::unistd::geteuid().is_root() {
            with_mode(0o440);
            std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
            assert!(credential.root_key(folder.path()).unwrap_err().to_string().contains("account 65534"));
        }
    }
}
