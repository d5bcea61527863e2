//! The header of an answer: which items, how many rows of them, and the paths of rows that do not prove one another.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::Digest;
use ids::RequestId;
use serde_json::Value;

use super::AnswerError;
use super::plan::PlannedItem;
use crate::drilldown::base64_of;
use crate::json::Object;

/// The document, its list, an item, the paths, a path.
const MAX_DEPTH: u32 = 5;

/// Inclusion paths of an item's opened rows, in their order; none if all rows are opened.
pub(super) type Paths = VecDeque<Vec<Digest>>;

/// The header's bytes, written piece by piece: it may hold thousands of paths.
pub(super) fn write(request: RequestId, items: &[PlannedItem], paths: &[Vec<&[Digest]>]) -> Vec<u8> {
    let mut text = format!("{{\"v\":1,\"request\":\"{request}\",\"items\":[");
    for (index, (item, paths)) in items.iter().zip(paths).enumerate() {
        if index > 0 {
            text.push(',');
        }
        let (rows, root) = (item.commitment.rows, item.commitment.root);
        let (id, opened) = (item.item, item.opened());
        text.push_str(&format!(
            "{{\"item\":\"{id}\",\"rows\":{rows},\"root\":\"{root}\",\"opened\":{opened},\"paths\":"
        ));
        if item.is_whole() {
            text.push_str("null");
        } else {
            text.push('[');
            for (index, path) in paths.iter().enumerate() {
                text.push_str(if index > 0 { ",[" } else { "[" });
                for (index, hash) in path.iter().enumerate() {
                    text.push_str(if index > 0 { ",\"" } else { "\"" });
                    text.push_str(&base64_of(hash.as_bytes()));
                    text.push('"');
                }
                text.push(']');
            }
            text.push(']');
        }
        text.push('}');
    }
    text.push_str("]}");
    text.into_bytes()
}

/// More bytes than this no header of an answer with these items has, spaces between its parts included.
pub(super) fn limit(items: &[PlannedItem]) -> u64 {
    let item = |item: &PlannedItem| {
        let height = u64::from(64 - item.commitment.rows.leading_zeros());
        let paths = if item.is_whole() { 0 } else { item.opened() };
        paths.saturating_mul(height.saturating_mul(64).saturating_add(16)).saturating_add(1024)
    };
    items.iter().map(item).fold(1024, u64::saturating_add)
}

/// Reads a header, which must be that of an answer to this request with these items; gives the paths.
pub(super) fn read(bytes: &[u8], request: RequestId, items: &[PlannedItem]) -> Result<Vec<Paths>, AnswerError> {
    let mut header = Object::parse(bytes, bytes.len(), MAX_DEPTH)?;
    if header.integer("v")? != 1 {
        return Err(header.wrong("v", "1").into());
    }
    if header.parsed::<RequestId>("request", "a request's id")? != request {
        return Err(AnswerError::OtherRequest);
    }
    let answered = header.objects("items")?;
    header.finish()?;
    if answered.len() != items.len() {
        let item = items.get(answered.len()).map_or(ids::ItemId::NIL, |item| item.item);
        return Err(AnswerError::Item { item, why: "the answer holds another number of items" });
    }
    answered.into_iter().zip(items).map(|(answered, item)| read_item(answered, item)).collect()
}

fn read_item(mut answered: Object, planned: &PlannedItem) -> Result<Paths, AnswerError> {
    let refused = |why| Err(AnswerError::Item { item: planned.item, why });
    if answered.parsed::<ids::ItemId>("item", "an item's id")? != planned.item {
        return refused("the answer holds another item at its place");
    }
    if answered.integer("rows")? != planned.commitment.rows {
        return refused("the answer says that it has another number of rows");
    }
    if answered.parsed::<Digest>("root", "a SHA-256 digest in lower-case hex")? != planned.commitment.root {
        return refused("the answer opens another root");
    }
    if answered.integer("opened")? != planned.opened() {
        return refused("the answer opens another number of rows");
    }
    let paths = if planned.is_whole() {
        answered.null("paths").map(|()| Paths::new())?
    } else {
        let paths: Option<Paths> = answered.array("paths")?.into_iter().map(read_path).collect();
        paths.ok_or_else(|| answered.wrong("paths", "a list of paths, each a list of the base64 of 32 bytes"))?
    };
    answered.finish()?;
    if paths.len() as u64 == if planned.is_whole() { 0 } else { planned.opened() } {
        Ok(paths)
    } else {
        refused("there is not one path for each opened row")
    }
}

fn read_path(path: Value) -> Option<Vec<Digest>> {
    let hash = |value: &Value| Digest::from_slice(&STANDARD.decode(value.as_str()?).ok()?).ok();
    path.as_array()?.iter().map(hash).collect()
}
