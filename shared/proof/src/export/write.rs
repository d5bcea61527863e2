//! Writing an export, line by line.

use crypto::Digest;

use super::{ExportError, ExportStart, GUIDE, names};
use crate::bundle::archive::streamed::Writer;
use crate::checkpoint::Checkpoint;
use crate::log::Chain;
use crate::note::{SignedNote, VerifierKey};

/// Writes an export. Its bytes are appended to what each call is given; the same log gives the same bytes.
#[derive(Debug)]
pub struct ExportWriter {
    archive: Writer,
    chain: Chain,
    first: u64,
    checkpoint: Checkpoint,
    key: String,
}

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportSummary {
    /// Position of the first record; those before it were purged.
    pub first: u64,
    /// Records.
    pub records: u64,
    /// Root over all records, purged ones included.
    pub root: Digest,
}

impl ExportWriter {
    /// Begins the export of all records that a checkpoint speaks of, or of those after a purge.
    pub fn begin(
        checkpoint: &SignedNote,
        key: &VerifierKey,
        start: Option<&ExportStart>,
        out: &mut Vec<u8>,
    ) -> Result<Self, ExportError> {
        let opened = Checkpoint::open(checkpoint, key)?;
        let mut archive = Writer::new();
        archive.file(names::GUIDE, out)?;
        archive.content(GUIDE.as_bytes(), out)?;
        archive.file(names::CHECKPOINT, out)?;
        archive.content(checkpoint.to_text().as_bytes(), out)?;
        let start = start.filter(|start| start.frontier.size() > 0);
        if let Some(start) = start {
            archive.file(names::FRONTIER, out)?;
            archive.content(&start.to_bytes(), out)?;
        }
        archive.file(names::LINES, out)?;
        let chain = start.map_or_else(Chain::new, ExportStart::chain);
        Ok(Self { archive, first: chain.size(), chain, checkpoint: opened, key: format!("{key}\n") })
    }

    /// Adds the next record, without its newline.
    pub fn line(&mut self, line: &str, out: &mut Vec<u8>) -> Result<(), ExportError> {
        if self.chain.size() >= self.checkpoint.size {
            return Err(ExportError::Beyond(self.chain.size()));
        }
        self.chain.check(line)?;
        self.archive.content(line.as_bytes(), out)?;
        self.archive.content(b"\n", out)?;
        Ok(())
    }

    /// Ends the export. The records must be those that the checkpoint speaks of: one that does not verify is never
    /// whole.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<ExportSummary, ExportError> {
        let (given, root) = (self.chain.size(), self.chain.root());
        if given != self.checkpoint.size {
            return Err(ExportError::Missing { given, size: self.checkpoint.size });
        }
        if root != self.checkpoint.root {
            return Err(ExportError::Root);
        }
        self.archive.file(names::KEY, out)?;
        self.archive.content(self.key.as_bytes(), out)?;
        self.archive.finish(out)?;
        Ok(ExportSummary { first: self.first, records: given - self.first, root })
    }
}
