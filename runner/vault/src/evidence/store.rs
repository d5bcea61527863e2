//! Taking an item in.

use clock::Timestamp;
use crypto::entropy::random_bytes;
use ids::{ItemId, RunId};
use proof::commitment::{Committer, ItemSecret};
use runner_evidence::{ItemContent, ItemRecord, Place, Provenance};
use rusqlite::params;
use serde::{Deserialize, Serialize};
use verdict::EvidenceClass;
use zeroize::Zeroizing;

use super::chunk::{ChunkWriter, Owner};
use super::tree::BLOCK_LEVEL;
use super::{Clear, MAX_ITEM, PER_PIECE, head_cell, key_cell};
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
    let id = item_number(new.piece, ordinal)?;
    let owner = Owner { identity: writer.identity, run, item, id, form: content.form };

    let secret = ItemSecret::random(writer.entropy);
    let mut committer = Committer::new(&secret);
    let mut nodes = Vec::new();
    let expected = content.rows.iter().fold(0_usize, |sum, row| sum.saturating_add(4).saturating_add(row.len()));
    let mut chunks = ChunkWriter::new(&writer.tx, owner, key, writer.entropy, expected);
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
    let clear = Clear {
        step: new.step,
        position: new.position,
        ordinal: id % PER_PIECE,
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
            "INSERT INTO item (id, item, form, class, collected, rows, root, generation, wrapped_by, wrapped, nodes, \
             head) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            id,
            item.as_bytes(),
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

fn item_number(piece: i64, ordinal: usize) -> Result<i64, VaultError> {
    let too_many = |why: &str| VaultError::Unstorable { what: "evidence", why: why.to_owned() };
    let ordinal = i64::try_from(ordinal).ok().filter(|ordinal| *ordinal < PER_PIECE);
    let ordinal = ordinal.ok_or_else(|| too_many("a piece of more than four items"))?;
    let number = piece.checked_mul(PER_PIECE).map(|first| first + ordinal).filter(|number| *number <= MAX_ITEM);
    number.ok_or_else(|| too_many("the store holds 2^29 pieces"))
}
