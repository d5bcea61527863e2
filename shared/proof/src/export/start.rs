//! What is left of records that were purged: enough to go on after them.

use crypto::Digest;

use crate::json::{JsonError, Object};
use crate::log::Chain;
use crate::merkle::Frontier;

const MAX_DOCUMENT: usize = 16_384;

/// The end of the records that are not in an export, because they were purged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportStart {
    /// SHA-256 of the last of them.
    pub last: Digest,
    /// The tree's right-most frontier over all of them.
    pub frontier: Frontier,
}

impl ExportStart {
    /// The log as it goes on after them.
    pub(super) fn chain(&self) -> Chain {
        Chain::resume(self.last, self.frontier.clone(), None)
    }

    /// `{"v":1,"before":N,"last":HEX,"frontier":[HEX,…]}` and a newline.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        #[derive(serde::Serialize)]
        struct Document<'a> {
            v: u8,
            before: u64,
            last: &'a Digest,
            frontier: &'a [Digest],
        }
        let document =
            Document { v: 1, before: self.frontier.size(), last: &self.last, frontier: self.frontier.peaks() };
        let mut bytes = serde_json::to_vec(&document).expect("numbers and digests are written to memory");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the document, strictly.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let mut document = Object::parse(bytes, MAX_DOCUMENT, 2)?;
        if document.integer("v")? != 1 {
            return Err(document.wrong("v", "1"));
        }
        let before = document.integer("before")?;
        let last = document.parsed("last", "a SHA-256 digest in lower-case hex")?;
        let peaks: Result<Vec<Digest>, _> = document.texts("frontier")?.iter().map(|text| text.parse()).collect();
        let peaks = peaks.map_err(|_| document.wrong("frontier", "a list of SHA-256 digests in lower-case hex"))?;
        let frontier = Frontier::from_parts(before, peaks).ok().filter(|frontier| frontier.size() > 0);
        let frontier =
            frontier.ok_or_else(|| document.wrong("frontier", "the frontier of one or more records of that number"))?;
        document.finish()?;
        Ok(Self { last, frontier })
    }
}
