//! The append-only journal: its lines, the Merkle tree over them, and its signed checkpoint.
//!
//! Whatever the Runner attests, opens, destroys or misses stands here before anybody hears of it.

mod append;
mod read;
mod rollback;
mod stored_tree;
mod verify;

use clock::Timestamp;
use crypto::{Digest, ed25519};
use proof::checkpoint::{Checkpoint, journal_origin};
use proof::log::journal::JournalRecord;
use proof::log::{Appended, Chain};
use proof::merkle::{Frontier, Node};
use proof::note::{KeyName, VerifierKey};
use rusqlite::{Connection, OptionalExtension, params};

use crate::VaultError;
use crate::seal::Identity;

pub use read::JournalLine;
pub(crate) use rollback::compare_with_checkpoint;
pub use verify::JournalReport;

/// The key that signs checkpoints, with the name of the log.
pub(crate) struct JournalKey {
    signing: ed25519::SigningKey,
    origin: KeyName,
    verifier: VerifierKey,
}

impl JournalKey {
    pub(crate) fn new(signing: ed25519::SigningKey, identity: &Identity) -> Self {
        let origin = journal_origin(identity.tenant, identity.runner);
        let empty = Checkpoint { origin: origin.clone(), size: 0, root: proof::merkle::empty_root() };
        let verifier = empty.verifier_key(&signing);
        Self { signing, origin, verifier }
    }

    pub(crate) fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    fn sign(&self, size: u64, root: Digest) -> Result<String, VaultError> {
        let checkpoint = Checkpoint { origin: self.origin.clone(), size, root };
        let note = checkpoint
            .sign(&self.signing)
            .map_err(|error| VaultError::inconsistent("journal_head", 1, format!("no checkpoint: {error}")))?;
        Ok(note.to_text())
    }
}

/// Writes the head of a journal without records.
pub(crate) fn begin(db: &Connection, key: &JournalKey) -> Result<(), VaultError> {
    let chain = Chain::new();
    let note = key.sign(0, chain.root())?;
    db.execute(
        "INSERT INTO journal_head (one, prev, last_at, frontier, note) VALUES (1, ?1, NULL, ?2, ?3)",
        params![chain.prev().as_bytes(), chain.frontier().to_bytes(), note],
    )?;
    Ok(())
}

/// The end of the stored journal, ready to be appended to.
pub(crate) fn resume(db: &Connection) -> Result<Chain, VaultError> {
    let row = db
        .prepare_cached("SELECT prev, last_at, frontier FROM journal_head")?
        .query_row([], |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Vec<u8>>(2)?)))
        .optional()?;
    let (prev, last_at, frontier) = row.ok_or_else(|| VaultError::inconsistent("journal_head", 1, "it is missing"))?;
    let frontier =
        Frontier::from_bytes(&frontier).map_err(|error| VaultError::inconsistent("journal_head", 1, error))?;
    Ok(Chain::resume(Digest::from_bytes(prev), frontier, last_at.map(Timestamp::from_millis)))
}

pub(crate) fn append(
    db: &Connection,
    chain: &mut Chain,
    now: Timestamp,
    record: &JournalRecord,
) -> Result<Appended, VaultError> {
    let mut completed = Vec::with_capacity(4);
    let appended = chain
        .append_reporting(now, record, |node, hash| completed.push((node, hash)))
        .map_err(|error| VaultError::Unstorable { what: "journal record", why: error.to_string() })?;
    db.prepare_cached("INSERT INTO journal (seq, line) VALUES (?1, ?2)")?
        .execute(params![appended.seq as i64, appended.line])?;
    let mut insert = db.prepare_cached("INSERT INTO journal_node (level, place, hash) VALUES (?1, ?2, ?3)")?;
    for (node, hash) in completed {
        insert.execute(params![node.level, node.index as i64, hash.as_bytes()])?;
    }
    Ok(appended)
}

/// Stores the end of the journal with a fresh checkpoint; gives the note.
pub(crate) fn store_head(db: &Connection, chain: &Chain, key: &JournalKey) -> Result<String, VaultError> {
    let note = key.sign(chain.size(), chain.root())?;
    let changed = db
        .prepare_cached("UPDATE journal_head SET prev = ?1, last_at = ?2, frontier = ?3, note = ?4")?
        .execute(params![
            chain.prev().as_bytes(),
            chain.last_at().map(Timestamp::as_millis),
            chain.frontier().to_bytes(),
            note
        ])?;
    if changed == 1 { Ok(note) } else { Err(VaultError::inconsistent("journal_head", 1, "it is missing")) }
}

/// The newest checkpoint, as stored.
pub(crate) fn stored_checkpoint(db: &Connection) -> Result<String, VaultError> {
    let note = db.query_row("SELECT note FROM journal_head", [], |row| row.get(0)).optional()?;
    note.ok_or_else(|| VaultError::inconsistent("journal_head", 1, "it is missing"))
}

/// Where proofs take their hashes from.
pub(crate) fn node(db: &Connection, node: Node) -> Result<Option<Digest>, VaultError> {
    let hash = db
        .prepare_cached("SELECT hash FROM journal_node WHERE level = ?1 AND place = ?2")?
        .query_row(params![node.level, node.index as i64], |row| row.get::<_, [u8; 32]>(0))
        .optional()?;
    Ok(hash.map(Digest::from_bytes))
}

pub(crate) fn path_error(error: proof::merkle::PathError<VaultError>) -> VaultError {
    match error {
        proof::merkle::PathError::Source(error) => error,
        proof::merkle::PathError::NoSuchLeaf { index, .. } => VaultError::not_found("journal record", index),
        other => VaultError::inconsistent("journal_node", "tree", other),
    }
}
