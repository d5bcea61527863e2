//! The public keys of a Runner, as auditors pin them.

use std::path::{Path, PathBuf};

use crypto::Digest;
use runner_vault::Vault;

use crate::fail::Fail;
use crate::wiring::files;

/// What verifies attestations and the journal.
pub(crate) struct PublicKeys {
    /// SHA-256 of the attestation key's SubjectPublicKeyInfo.
    pub(crate) key_id: Digest,
    /// The attestation key, SubjectPublicKeyInfo PEM.
    pub(crate) runner_pem: String,
    /// The journal's key, a C2SP verifier key.
    pub(crate) journal_vkey: String,
}

impl PublicKeys {
    /// File name of the attestation key, the same as in a proof bundle.
    pub(crate) const RUNNER_PEM: &str = "runner.pem";
    /// File name of the journal's key, the same as in a proof bundle.
    pub(crate) const JOURNAL_VKEY: &str = "journal.vkey";

    /// The keys of a store.
    pub(crate) fn of(store: &Vault) -> Self {
        let key = store.attestation_key();
        Self { key_id: key.key_id(), runner_pem: key.to_pem(), journal_vkey: store.journal_key().to_string() }
    }

    /// Writes both into a folder in which neither exists.
    pub(crate) fn write(&self, folder: &Path) -> Result<[PathBuf; 2], Fail> {
        let (pem, vkey) = (folder.join(Self::RUNNER_PEM), folder.join(Self::JOURNAL_VKEY));
        files::refuse_existing(&vkey)?;
        files::write_new(&pem, self.runner_pem.as_bytes())?;
        files::write_new(&vkey, format!("{}\n", self.journal_vkey).as_bytes())?;
        Ok([pem, vkey])
    }
}
