//! Taking an item in.

use clock::Timestamp;
use crypto::entropy::random_bytes;
use ids::{ItemId, RunId};
use proof::commitment::{Committer, ItemSecret};
use runner_evidence::{ItemContent, ItemRecord, Place, Provenance};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use verdict::EvidenceClass;
use zeroize::Zeroizing;

use super::chunk::{ChunkWriter, Owner};
use super::tree::BLOCK_LEVEL;
use super::{Clear, MAX_ITEM, head_cell, key_cell};
use crate::VaultError;
use crate::keys::Epoch;
use crate::writer::Writer;

/// Where a new item belongs.
pub(crate) struct NewItem<'a> {
    pub(crate) run: RunId,
    pub(crate) piece: i64,
    pub(crate) step: &'a str,
    pub(crate) position: i64,
    pub(crate) class: EvidenceClass,
    pub(crate) collected: Timestamp,
}

/// The part of an item's head that is JSON; the 32 bytes of its secret stand before it.
#[derive(Serialize)]
struct About<'a> {
    place: &'a Place,
    provenance: &'a Provenance,
}

/// The same, read back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredAbout {
    pub(super) place: Place,
    pub(super) provenance: Provenance,
}

/// Seals the rows, commits to them and stores the item, all within the writer's transaction.
pub(crate) fn store_item(
    writer: &mut Writer<'_>,
    epoch: &Epoch,
    new: &NewItem<'_>,
    ordinal: usize,
    content: ItemContent,
    provenance: &Provenance,
) -> Result<ItemRecord, VaultError> {
    let milliseconds = u64::try_from(writer.now.as_millis()).unwrap_or(0);
    let item = ItemId::from_parts(milliseconds, random_bytes(writer.entropy));
    let run = new.run;
    let fresh = writer.ring.fresh(writer.entropy, epoch, |generation| key_cell(run, item, generation))?;
    let key = &fresh.data;
    let id = next_id(&writer.tx)?;
    let owner = Owner { identity: writer.identity, run, item, id, form: content.form };

    let secret = ItemSecret::random(writer.entropy);
    let mut committer = Committer::new(&secret);
    let mut nodes = Vec::new();
    let mut chunks = ChunkWriter::new(&writer.tx, owner, key, writer.entropy);
    for row in &content.rows {
        committer.push_reporting(row, |node, hash| {
            if node.level == BLOCK_LEVEL {
                nodes.extend_from_slice(hash.as_bytes());
            }
        });
        chunks.push(row)?;
    }
    chunks.finish()?;
    let commitment = committer.commitment();

    let rows = i64::try_from(commitment.rows).unwrap_or(i64::MAX);
    let ordinal = i64::try_from(ordinal).unwrap_or(i64::MAX);
    let clear = Clear {
        step: new.step,
        position: new.position,
        ordinal,
        form: content.form.as_str(),
        class: new.class.as_str(),
        collected: new.collected.as_millis(),
        rows,
        root: commitment.root.as_bytes(),
    };
    let mut head = Zeroizing::new(Vec::with_capacity(1024));
    head.extend_from_slice(secret.expose());
    serde_json::to_writer(&mut *head, &About { place: &content.place, provenance })
        .map_err(|error| VaultError::Unstorable { what: "provenance", why: error.to_string() })?;
    let head = head_cell(run, item, key.generation).part(clear.part().as_bytes()).seal(
        &writer.identity,
        &key.key,
        writer.entropy,
        &head,
    );
    writer
        .tx
        .prepare_cached(
            "INSERT INTO item (id, item, piece, ordinal, form, class, collected, rows, root, generation, wrapped_by, \
             wrapped, nodes, head) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            id,
            item.as_bytes(),
            new.piece,
            ordinal,
            clear.form,
            clear.class,
            clear.collected,
            rows,
            clear.root,
            key.generation as i64,
            fresh.wrapped,
            if nodes.is_empty() { None } else { Some(nodes) },
            head,
        ])?;
    Ok(ItemRecord { item, form: content.form, class: new.class, collected: new.collected, commitment })
}

/// Items are never deleted, so the next number was never used, and its chunks are not there.
fn next_id(db: &Connection) -> Result<i64, VaultError> {
    let last: Option<i64> = db.prepare_cached("SELECT max(id) FROM item")?.query_row([], |row| row.get(0))?;
    let next = last.unwrap_or(0) + 1;
    if next > MAX_ITEM {
        return Err(VaultError::Unstorable { what: "evidence", why: "the store holds 2^31 items".into() });
    }
    Ok(next)
}
