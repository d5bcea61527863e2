//! Witnessing: each side keeps the newest tree head that it saw of the other's log, and vouches for a newer one only if
//! that grew from it.

use clock::Timestamp;
use crypto::Digest;

use super::journal::TreeHead;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature::{Witness, verify_cosignature};
use crate::merkle::{ProofError, verify_consistency};
use crate::note::{Algorithm, KeyName, NoteError, NoteSignature, SignedNote, VerifierKey};

/// Why a checkpoint that was shown is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// It is none of this log: nobody can be held to it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It is older than what was seen before: the log was put back, or its end was cut off.
    #[error("a log of {} records was seen, and one of {} is shown", kept.size, shown.size)]
    Behind {
        /// What was seen.
        kept: TreeHead,
        /// What is shown.
        shown: TreeHead,
    },
    /// The log's own signature stands under a tree that did not grow from the one that was seen.
    #[error("the log of {} records that is shown did not grow from that of {} records that was seen: {why}", shown.size, kept.size)]
    Fork {
        /// What was seen.
        kept: TreeHead,
        /// What is shown.
        shown: TreeHead,
        /// How the proof fails.
        why: ProofError,
    },
    /// The proof begins at another tree than the one that was seen. That is no fork: the two sides have not heard of one
    /// another's last word, and the proof is to be asked for again.
    #[error("a log of {kept} records was seen, and the proof begins at {from}")]
    OtherStart {
        /// Records of the log that was seen.
        kept: u64,
        /// Records of the log where the proof begins.
        from: u64,
    },
}

/// Why a witness's word is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// It is about another checkpoint.
    #[error("the countersignature is under another checkpoint")]
    OtherText,
    /// It does not verify.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Checks that a shown checkpoint is signed by its log and grew from the tree head that is kept; gives the head to keep.
/// With nothing kept the first one is believed, and the proof must be empty.
pub fn follow(
    kept: Option<&TreeHead>,
    shown: &SignedNote,
    log: &VerifierKey,
    from_size: u64,
    proof: &[Digest],
) -> Result<TreeHead, FollowError> {
    let Checkpoint { size, root, .. } = Checkpoint::open(shown, log)?;
    let shown = TreeHead { size, root };
    let nothing = TreeHead { size: 0, root: crate::merkle::empty_root() };
    let kept = *kept.unwrap_or(&nothing);
    if shown.size < kept.size {
        return Err(FollowError::Behind { kept, shown });
    }
    // Two signed trees of one size need no proof to contradict one another.
    let same_size = shown.size == kept.size;
    if same_size && shown.root != kept.root {
        return Err(FollowError::Fork { kept, shown, why: ProofError::EarlierRoot });
    }
    if same_size {
        return Ok(shown);
    }
    if from_size != kept.size {
        return Err(FollowError::OtherStart { kept: kept.size, from: from_size });
    }
    verify_consistency((kept.size, &kept.root), (shown.size, &shown.root), proof).map_err(|why| FollowError::Fork {
        kept,
        shown,
        why,
    })?;
    Ok(shown)
}

/// Adds a witness's cosignature to a checkpoint, in place of an earlier one. Whoever calls has [followed](follow) it.
pub fn cosign(checkpoint: &mut SignedNote, witness: &Witness<'_>, now: Timestamp) {
    let signature = witness.cosign(checkpoint, now);
    checkpoint.replace(signature);
}

/// The cosignature that a witness put under our checkpoint, out of the note that it sent back: under the same text, and
/// verified. Nothing else of that note is taken.
pub fn cosignature_of(
    sent_back: &SignedNote,
    ours: &SignedNote,
    witness: &VerifierKey,
) -> Result<(NoteSignature, Timestamp), WitnessError> {
    if sent_back.text() != ours.text() {
        return Err(WitnessError::OtherText);
    }
    let at = verify_cosignature(sent_back, witness)?;
    let latest = sent_back.signatures_of(witness).max_by_key(|signature| signature.bytes.first_chunk::<8>().copied());
    let signature = latest.cloned().ok_or_else(|| NoteError::NotSigned(witness.name().to_string()))?;
    Ok((signature, at))
}

/// Which of these witnesses cosigned a checkpoint, and when; one whose word does not verify is left out.
pub fn cosignatures(checkpoint: &SignedNote, witnesses: &[VerifierKey]) -> Vec<(KeyName, Timestamp)> {
    let cosigned = witnesses.iter().filter(|witness| witness.algorithm() == Algorithm::Cosignature);
    cosigned
        .filter_map(|witness| Some((witness.name().clone(), verify_cosignature(checkpoint, witness).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{audit_origin, control_plane_witness, runner_witness};
    use crate::merkle::{Tree, leaf_hash};
    use crypto::ed25519::SigningKey;
    use ids::{RunnerId, TenantId};

    fn tree(size: u8, salt: &str) -> Tree {
        Tree::new((0..size).map(|i| leaf_hash(format!("{salt}{i}").as_bytes())).collect())
    }

    fn head(tree: &Tree) -> TreeHead {
        TreeHead { size: tree.size(), root: tree.root() }
    }

    fn shown(tree: &Tree, key: &SigningKey) -> SignedNote {
        Checkpoint { origin: audit_origin(TenantId::NIL), size: tree.size(), root: tree.root() }.sign(key).unwrap()
    }

    fn vkey(key: &SigningKey) -> VerifierKey {
        VerifierKey::new(audit_origin(TenantId::NIL), Algorithm::Ed25519, key.verifying_key())
    }

    #[test]
    fn a_log_that_grows_is_followed_and_every_other_is_not() {
        let key = SigningKey::from_seed([1; 32]);
        let (three, seven, forked) = (tree(3, "a"), tree(7, "a"), tree(7, "b"));
        let kept = head(&three);
        let proof = seven.consistency_proof(3).unwrap();
        let follow = |kept: &TreeHead, tree: &Tree, from, proof: &[Digest]| {
            super::follow(Some(kept), &shown(tree, &key), &vkey(&key), from, proof)
        };
        assert_eq!(super::follow(None, &shown(&three, &key), &vkey(&key), 0, &[]), Ok(kept));
        assert_eq!(follow(&kept, &seven, 3, &proof), Ok(head(&seven)));
        assert_eq!(follow(&kept, &three, 3, &[]), Ok(kept));
        assert_eq!(follow(&kept, &seven, 2, &proof), Err(FollowError::OtherStart { kept: 3, from: 2 }));
        assert!(matches!(follow(&kept, &forked, 3, &proof), Err(FollowError::Fork { .. })));
        let own = forked.consistency_proof(3).unwrap();
        assert!(matches!(follow(&kept, &forked, 3, &own), Err(FollowError::Fork { why: ProofError::EarlierRoot, .. })));
        assert!(matches!(follow(&kept, &seven, 3, &[]), Err(FollowError::Fork { .. })));
        assert!(matches!(follow(&kept, &tree(3, "b"), 3, &[]), Err(FollowError::Fork { .. })));
        assert!(matches!(follow(&head(&seven), &three, 7, &[]), Err(FollowError::Behind { .. })));
        let stranger = SigningKey::from_seed([2; 32]);
        let unsigned = super::follow(Some(&kept), &shown(&seven, &stranger), &vkey(&key), 3, &proof);
        assert!(matches!(unsigned, Err(FollowError::Checkpoint(_))));
    }

    #[test]
    fn a_cosignature_is_taken_only_from_its_witness_and_under_our_text() {
        let key = SigningKey::from_seed([1; 32]);
        let (ours, other) = (shown(&tree(3, "a"), &key), shown(&tree(4, "a"), &key));
        let name = runner_witness(TenantId::NIL, RunnerId::NIL);
        assert!(name.as_str().ends_with("/witness") && control_plane_witness(TenantId::NIL) != name);
        let witness_key = SigningKey::from_seed([3; 32]);
        let witness = Witness { name: &name, key: &witness_key };
        let at: Timestamp = "2026-11-21T20:11:36.000Z".parse().unwrap();
        let mut sent = ours.clone();
        cosign(&mut sent, &witness, at);
        cosign(&mut sent, &witness, at.plus_ms(5_000));
        assert_eq!(sent.signatures().len(), 2);
        let (signature, when) = cosignature_of(&sent, &ours, &witness.verifier_key()).unwrap();
        assert_eq!(when, at.plus_ms(5_000));
        let mut cosigned = ours.clone();
        cosigned.replace(signature);
        assert_eq!(cosigned, sent);
        assert_eq!(cosignatures(&cosigned, &[vkey(&key), witness.verifier_key()]), [(name.clone(), when)]);
        assert_eq!(cosignature_of(&sent, &other, &witness.verifier_key()), Err(WitnessError::OtherText));
        let stranger = SigningKey::from_seed([4; 32]);
        let stranger = Witness { name: &name, key: &stranger }.verifier_key();
        assert!(matches!(cosignature_of(&sent, &ours, &stranger), Err(WitnessError::Note(_))));
        assert!(cosignatures(&sent, &[stranger]).is_empty());
    }
}
