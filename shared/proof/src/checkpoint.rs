//! Checkpoints (<https://c2sp.org/tlog-checkpoint>): the signed size and root of a log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::Digest;
use crypto::ed25519::SigningKey;
use ids::{RunnerId, TenantId};

use crate::note::{Algorithm, KeyName, NoteError, SignedNote, VerifierKey};

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is not a signed note, or the signature is missing or wrong.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The signed text is not that of a checkpoint.
    #[error("not a checkpoint: {0}")]
    Form(&'static str),
    /// It was signed for another log than the key is for.
    #[error("a checkpoint of {origin}, signed by the key of {key}")]
    Origin {
        /// The log it speaks of.
        origin: KeyName,
        /// The name of the key.
        key: KeyName,
    },
}

/// The state of a log: which one, how many records, and the root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: KeyName,
    /// Number of records.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
}

/// The origin of a tenant's audit log.
pub fn audit_origin(tenant: TenantId) -> KeyName {
    format!("proctor/{tenant}/audit").parse().expect("ids have neither spaces nor plus signs")
}

/// The origin of a Runner's journal.
pub fn journal_origin(tenant: TenantId, runner: RunnerId) -> KeyName {
    format!("proctor/{tenant}/runner/{runner}").parse().expect("ids have neither spaces nor plus signs")
}

/// The name under which a Runner cosigns its tenant's audit log.
pub fn runner_witness(tenant: TenantId, runner: RunnerId) -> KeyName {
    format!("proctor/{tenant}/runner/{runner}/witness").parse().expect("ids have neither spaces nor plus signs")
}

/// The name under which the control plane cosigns the journals of a tenant's Runners.
pub fn control_plane_witness(tenant: TenantId) -> KeyName {
    format!("proctor/{tenant}/witness").parse().expect("ids have neither spaces nor plus signs")
}

/// Whether somebody of this name witnesses journals: everybody but Runners, which witness their tenant's audit log.
pub fn may_witness_journals(name: &KeyName) -> bool {
    let mut parts = name.as_str().split('/');
    let (first, tenant, kind) = (parts.next(), parts.next(), parts.next());
    let (runner, role, rest) = (parts.next(), parts.next(), parts.next());
    let is_id = |text: Option<&str>| text.is_some_and(|text| text.parse::<TenantId>().is_ok());
    let words = (first, kind, role, rest) == (Some("proctor"), Some("runner"), Some("witness"), None);
    !(words && is_id(tenant) && is_id(runner))
}

/// Whether somebody of this name witnesses audit logs: everybody but the control planes, which write them.
pub fn may_witness_audit_logs(name: &KeyName) -> bool {
    let tenant = name.as_str().strip_prefix("proctor/").and_then(|rest| rest.strip_suffix("/witness"));
    tenant.is_none_or(|tenant| tenant.parse::<TenantId>().is_err())
}

impl Checkpoint {
    /// The text that is signed.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }

    /// Reads a signed text. Lines after the third, which the specification allows, are refused: no log of Proctor has
    /// any, and nobody here would know what they say.
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointError::Form("its text does not end in a newline"))?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Form("it does not have exactly three lines"));
        };
        let origin = origin.parse().map_err(|_| CheckpointError::Form("the origin is not allowed"))?;
        let canonical = size == "0" || (!size.starts_with('0') && size.bytes().all(|byte| byte.is_ascii_digit()));
        let size = size.parse().ok().filter(|_| canonical).ok_or(CheckpointError::Form("the size is not a number"))?;
        let root = STANDARD.decode(root).ok().and_then(|bytes| Digest::from_slice(&bytes).ok());
        let root = root.ok_or(CheckpointError::Form("the root is not the base64 of 32 bytes"))?;
        Ok(Self { origin, size, root })
    }

    /// Signs the checkpoint with the log's key, under the log's own name.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedNote, NoteError> {
        SignedNote::sign(&self.to_text(), &self.origin, key)
    }

    /// The public key of this log.
    pub fn verifier_key(&self, key: &SigningKey) -> VerifierKey {
        VerifierKey::new(self.origin.clone(), Algorithm::Ed25519, key.verifying_key())
    }

    /// Reads a checkpoint out of a note that this key signed; the key must be that of the log it speaks of.
    pub fn open(note: &SignedNote, key: &VerifierKey) -> Result<Self, CheckpointError> {
        note.verify(key)?;
        let checkpoint = Self::from_text(note.text())?;
        if checkpoint.origin == *key.name() {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin { origin: checkpoint.origin, key: key.name().clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors;

    #[test]
    fn the_golden_checkpoint_is_made_and_opened() {
        let vectors = vectors::load();
        let log = &vectors["log"];
        let tenant = "019aa7f0-0000-7000-8000-000000000001".parse().unwrap();
        let root = log["roots"][5].as_str().unwrap().parse().unwrap();
        let checkpoint = Checkpoint { origin: audit_origin(tenant), size: 5, root };
        let key = vectors::ed25519_key("log");
        let note = checkpoint.sign(&key).unwrap();
        assert_eq!(note.to_text(), log["checkpoint"].as_str().unwrap());
        let vkey = checkpoint.verifier_key(&key);
        assert_eq!(vkey.to_string(), log["verifier_key"].as_str().unwrap());
        assert_eq!(Checkpoint::open(&note, &vkey), Ok(checkpoint));
    }

    #[test]
    fn each_side_witnesses_the_other_s_log_and_strangers_both() {
        let (tenant, runner) = (TenantId::NIL, RunnerId::NIL);
        let (theirs, ours) = (runner_witness(tenant, runner), control_plane_witness(tenant));
        assert!(!may_witness_journals(&theirs) && may_witness_audit_logs(&theirs));
        assert!(may_witness_journals(&ours) && !may_witness_audit_logs(&ours));
        for name in ["witness.example/w1", "proctor/x/witness", "proctor/x/runner/y/witness", "witness"] {
            let name = name.parse().unwrap();
            assert!(may_witness_journals(&name) && may_witness_audit_logs(&name), "{name}");
        }
    }

    #[test]
    fn other_texts_and_origins_are_refused() {
        let text = "a/b\n5\nEwDGQgxL9lLo6h1nxnVND+Ppe6EFl8vuViQzHDmXaS4=\n";
        assert!(Checkpoint::from_text(text).is_ok());
        for bad in [
            text.replace("\n5\n", "\n05\n"),
            text.replace("\n5\n", "\n+5\n"),
            text.replace("\n5\n", "\n18446744073709551616\n"),
            text.replace("\n5\n", "\n\n"),
            text.replace("a/b", ""),
            text.replace("a/b", "a b"),
            text.replace("aS4=", "aS5="),
            text.replace("aS4=", ""),
            format!("{text}extension\n"),
            text.trim_end().to_owned(),
            String::new(),
        ] {
            assert!(Checkpoint::from_text(&bad).is_err(), "{bad}");
        }
        // The right key, but for another log.
        let key = SigningKey::from_seed([3; 32]);
        let name: KeyName = "c/d".parse().unwrap();
        let note = SignedNote::sign(text, &name, &key).unwrap();
        let vkey = VerifierKey::new(name, Algorithm::Ed25519, key.verifying_key());
        assert!(matches!(Checkpoint::open(&note, &vkey), Err(CheckpointError::Origin { .. })));
    }
}
