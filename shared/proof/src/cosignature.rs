//! Cosignatures (<https://c2sp.org/tlog-cosignature>): a witness says that it saw a checkpoint, and when, and that it
//! grew from every one it saw before. Only the Ed25519 kind.

use clock::Timestamp;
use crypto::ed25519::SigningKey;

use crate::note::{Algorithm, KeyName, NoteError, NoteSignature, SignedNote, VerifierKey};

/// A witness: a name and a key that is used for nothing else, because a cosignature does not bind the name.
pub struct Witness<'a> {
    /// Its name.
    pub name: &'a KeyName,
    /// Its key.
    pub key: &'a SigningKey,
}

impl Witness<'_> {
    /// The public key of this witness.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::new(self.name.clone(), Algorithm::Cosignature, self.key.verifying_key())
    }

    /// The cosignature of a checkpoint. Whoever calls has checked that the checkpoint grew from the last one it saw.
    pub fn cosign(&self, checkpoint: &SignedNote, now: Timestamp) -> NoteSignature {
        let seconds = u64::try_from(now.as_millis().div_euclid(1000)).unwrap_or(0);
        let signature = self.key.sign(signed_message(seconds, checkpoint).as_bytes());
        let bytes = [seconds.to_be_bytes().as_slice(), &signature].concat();
        NoteSignature { name: self.name.clone(), key_id: self.verifier_key().key_id(), bytes }
    }
}

/// Checks that this witness cosigned the checkpoint; gives the time it says, to the second. If it did so more than
/// once, all of its signatures must verify, and the latest time is given.
pub fn verify_cosignature(checkpoint: &SignedNote, witness: &VerifierKey) -> Result<Timestamp, NoteError> {
    let refused = || NoteError::Refused(witness.name().to_string());
    if witness.algorithm() != Algorithm::Cosignature {
        return Err(refused());
    }
    let mut latest = None;
    for NoteSignature { bytes, .. } in checkpoint.signatures_of(witness) {
        let (seconds, signature) = bytes.split_first_chunk::<8>().ok_or_else(refused)?;
        let seconds = u64::from_be_bytes(*seconds);
        let millis = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1000)).ok_or_else(refused)?;
        let message = signed_message(seconds, checkpoint);
        witness.key().verify(message.as_bytes(), signature).map_err(|_| refused())?;
        latest = latest.max(Some(Timestamp::from_millis(millis)));
    }
    latest.ok_or_else(|| NoteError::NotSigned(witness.name().to_string()))
}

fn signed_message(seconds: u64, checkpoint: &SignedNote) -> String {
    format!("cosignature/v1\ntime {seconds}\n{}", checkpoint.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a/b\n5\nEwDGQgxL9lLo6h1nxnVND+Ppe6EFl8vuViQzHDmXaS4=\n";

    #[test]
    fn a_witness_s_word_verifies_and_no_other() {
        let (log, key) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let mut note = SignedNote::sign(TEXT, &"a/b".parse().unwrap(), &log).unwrap();
        let name = "witness.example/w1".parse().unwrap();
        let witness = Witness { name: &name, key: &key };
        let vkey = witness.verifier_key();
        assert_eq!(verify_cosignature(&note, &vkey), Err(NoteError::NotSigned(name.to_string())));
        let at: Timestamp = "2026-11-21T20:11:36.097Z".parse().unwrap();
        note.add(witness.cosign(&note, at));
        note.add(witness.cosign(&note, at.plus_ms(2_000)));
        let note = SignedNote::parse(&note.to_text()).unwrap();
        assert_eq!(verify_cosignature(&note, &vkey).unwrap().to_string(), "2026-11-21T20:11:38.000Z");
        // Changed time, changed text, another key under the same name.
        let mut later = note.clone();
        let mut signature = note.signatures()[1].clone();
        signature.bytes[7] ^= 1;
        later.add(signature);
        assert_eq!(verify_cosignature(&later, &vkey), Err(NoteError::Refused(name.to_string())));
        let moved = SignedNote::parse(&note.to_text().replace("\n5\n", "\n6\n")).unwrap();
        assert!(verify_cosignature(&moved, &vkey).is_err());
        let other = Witness { name: &name, key: &log }.verifier_key();
        assert!(matches!(verify_cosignature(&note, &other), Err(NoteError::NotSigned(_))));
        // The log's own signature is none of a witness, and a witness's none of a log.
        let as_log = VerifierKey::new(name, Algorithm::Ed25519, key.verifying_key());
        assert!(note.verify(&as_log).is_err());
        assert!(verify_cosignature(&note, &as_log).is_err());
    }

    #[test]
    fn the_message_is_as_published() {
        let note = SignedNote::sign(TEXT, &"a/b".parse().unwrap(), &SigningKey::from_seed([1; 32])).unwrap();
        assert_eq!(signed_message(1_679_315_147, &note), format!("cosignature/v1\ntime 1679315147\n{TEXT}"));
    }
}
