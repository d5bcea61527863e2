//! Transparency log proofs (<https://c2sp.org/tlog-proof>): that an entry stands in a log, for anybody who knows the
//! log's key, offline.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::Digest;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::merkle::{self, ProofError};
use crate::note::{NoteError, SignedNote, VerifierKey};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Hashes of a path: no tree is higher.
const MAX_PATH: usize = 64;

/// Why a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Not in the form of a proof.
    #[error("not a transparency log proof: {0}")]
    Form(&'static str),
    /// The note of its checkpoint is malformed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The checkpoint is not one of this log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry does not stand where the proof says.
    #[error(transparent)]
    Inclusion(#[from] ProofError),
}

/// An inclusion path under a signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Opaque data that nothing authenticates. Proctor writes none.
    pub extra: Option<Vec<u8>>,
    /// Position of the entry.
    pub index: u64,
    /// Inclusion path, sibling first.
    pub path: Vec<Digest>,
    /// The log's checkpoint, with cosignatures when there are any.
    pub checkpoint: SignedNote,
}

/// Reads a proof from any bytes.
pub fn parse(bytes: &[u8]) -> Result<TlogProof, TlogProofError> {
    TlogProof::parse(std::str::from_utf8(bytes).map_err(|_| TlogProofError::Form("it is not UTF-8"))?)
}

impl TlogProof {
    /// Reads a proof. What it says is to be believed only after [`verify`](Self::verify).
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(TlogProofError::Form("no blank line in it"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(TlogProofError::Form("its first line is another"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).and_then(|line| line.strip_prefix("extra "));
        let decoded = extra.map(|extra| STANDARD.decode(extra)).transpose();
        let extra = decoded.map_err(|_| TlogProofError::Form("the extra data is not base64"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(number).ok_or(TlogProofError::Form("no line with the entry's index"))?;
        let mut path = Vec::new();
        for line in lines {
            let hash = STANDARD.decode(line).ok().and_then(|bytes| Digest::from_slice(&bytes).ok());
            path.push(hash.ok_or(TlogProofError::Form("a line of the path is not the base64 of 32 bytes"))?);
            if path.len() > MAX_PATH {
                return Err(TlogProofError::Form("the path is longer than any tree is high"));
            }
        }
        Ok(Self { extra, index, path, checkpoint: SignedNote::parse(checkpoint)? })
    }

    /// The bytes of the proof: exactly those that were parsed.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", STANDARD.encode(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            text.push_str(&STANDARD.encode(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint.to_text());
        text
    }

    /// Checks that this log signed the checkpoint and that the entry with this leaf hash stands in it; gives the
    /// checkpoint. Extra data is refused: there is nobody who would know what it says.
    pub fn verify(&self, leaf: Digest, log: &VerifierKey) -> Result<Checkpoint, TlogProofError> {
        if self.extra.is_some() {
            return Err(TlogProofError::Form("it carries extra data, which nothing authenticates"));
        }
        let checkpoint = Checkpoint::open(&self.checkpoint, log)?;
        merkle::verify_inclusion(leaf, self.index, checkpoint.size, &self.path, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

fn number(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    text.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Chain;
    use crate::merkle::Tree;
    use crate::vectors;
    use proptest::prelude::*;

    fn golden() -> (TlogProof, Digest, VerifierKey) {
        let log = &vectors::load()["log"];
        let mut chain = Chain::new();
        let lines = log["lines"].as_array().unwrap();
        let leaves: Vec<Digest> =
            lines.iter().map(|line| chain.check(line.as_str().unwrap()).unwrap().leaf()).collect();
        let proof = TlogProof {
            extra: None,
            index: 3,
            path: Tree::new(leaves.clone()).inclusion_path(3).unwrap(),
            checkpoint: SignedNote::parse(log["checkpoint"].as_str().unwrap()).unwrap(),
        };
        (proof, leaves[3], log["verifier_key"].as_str().unwrap().parse().unwrap())
    }

    #[test]
    fn a_proof_reads_back_and_verifies() {
        let (proof, leaf, key) = golden();
        let text = proof.to_text();
        let first = hex::decode("cb31fc5383fd47aa4f4fa638ebc2c2a103512502ae3fd61fee290442cc6a1de7").unwrap();
        let expected = format!("c2sp.org/tlog-proof@v1\nindex 3\n{}\n", STANDARD.encode(first));
        assert!(text.starts_with(&expected), "{text}");
        assert_eq!(TlogProof::parse(&text).unwrap(), proof);
        assert_eq!(proof.verify(leaf, &key).unwrap().size, 5);
        let with_extra = TlogProof { extra: Some(vec![1, 2]), ..proof.clone() };
        assert_eq!(TlogProof::parse(&with_extra.to_text()).unwrap(), with_extra);
        assert!(matches!(with_extra.verify(leaf, &key), Err(TlogProofError::Form(_))));
        assert!(matches!(proof.verify(Digest::ZERO, &key), Err(TlogProofError::Inclusion(ProofError::Root))));
        let elsewhere = TlogProof { index: 2, ..proof };
        assert!(matches!(elsewhere.verify(leaf, &key), Err(TlogProofError::Inclusion(_))));
    }

    #[test]
    fn no_changed_byte_gets_through() {
        let (proof, leaf, key) = golden();
        let text = proof.to_text().into_bytes();
        for at in 0..text.len() {
            for bit in [1, 0x20, 0x80] {
                let mut changed = text.clone();
                changed[at] ^= bit;
                let verified = parse(&changed).and_then(|proof| proof.verify(leaf, &key).map(|_| proof));
                assert!(verified.is_err(), "byte {at}");
            }
        }
        for length in 0..text.len() {
            assert!(parse(&text[..length]).and_then(|proof| proof.verify(leaf, &key).map(|_| ())).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes: Vec<u8>, text in "c2sp.org/tlog-proof@v1\n(index [0-9]{1,22}\n)?\\PC*\n\n\\PC*") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
