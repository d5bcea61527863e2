//! Checking the whole audit log in the database: chain, stored tree, head, checkpoints, cosignatures.

use std::collections::{BTreeMap, VecDeque};

use clock::Timestamp;
use control_plane_domain::audit_log::AuditReport;
use crypto::Digest;
use proof::log::Chain;
use proof::merkle::Node;

use super::read::{read_checkpoint, read_cosignature};
use crate::StoreError;
use crate::sql::sql;
use crate::tree::LOWEST;
use crate::tx::Reads;
use crate::value::{Cells, values};

/// Lines and nodes that are read at a time.
const PAGE: u32 = 4_096;

/// A line with what is kept beside it, by which lists are made.
#[derive(Debug)]
struct Stored {
    seq: u64,
    at: Timestamp,
    action: String,
    actor: String,
    line: String,
}

/// The log so far, and the nodes that it completed and that are to be compared with the stored ones.
#[derive(Debug)]
struct Progress {
    chain: Chain,
    completed: BTreeMap<u8, VecDeque<Digest>>,
    /// The root at each size that a checkpoint or cosignature speaks of.
    roots: BTreeMap<u64, Option<Digest>>,
}

/// A size that somebody signed for, and the root there.
type Claim = (u64, Digest);

/// The audit log, read from its begin to its end in one transaction, page by page, and what it is compared with.
#[derive(Debug)]
pub struct AuditWalk {
    head: Chain,
    progress: Option<Progress>,
    page: Vec<Stored>,
    checkpoints: Vec<Claim>,
    cosignatures: Vec<Claim>,
    /// The next place of each level of the stored tree; or how the tree differs.
    places: Result<BTreeMap<u8, u64>, StoreError>,
}

impl AuditWalk {
    /// Begins to read.
    pub async fn begin(reads: &Reads) -> Result<Self, StoreError> {
        let head = reads.audit_chain().await?;
        let (checkpoints, cosignatures) = reads.claimed_roots().await?;
        let sizes = checkpoints.iter().chain(&cosignatures).map(|(size, _)| (*size, None)).collect();
        let mut progress = Progress { chain: Chain::new(), completed: BTreeMap::new(), roots: sizes };
        progress.reached();
        let page = reads.stored_lines(0).await?;
        let places = Ok(BTreeMap::new());
        Ok(Self { head, progress: Some(progress), page, checkpoints, cosignatures, places })
    }

    /// How many records the log says that it has.
    pub fn size(&self) -> u64 {
        self.head.size()
    }

    /// How many of them were found right.
    pub fn checked(&self) -> u64 {
        self.progress.as_ref().map_or(0, |progress| progress.chain.size())
    }

    /// The root over them.
    pub fn root(&self) -> Digest {
        self.progress.as_ref().map_or_else(proof::merkle::empty_root, |progress| progress.chain.root())
    }

    /// Checks some thousand records: hash chain, and what is kept beside the lines. `false` when there are no more. A tree
    /// that differs is no fault of the records, and is told by [`tree`](Self::tree).
    pub async fn step(&mut self, reads: &Reads) -> Result<bool, StoreError> {
        let Some(mut progress) = self.progress.take().filter(|_| !self.page.is_empty()) else { return Ok(false) };
        let page = std::mem::take(&mut self.page);
        let next = page.last().map_or(0, |line| line.seq.saturating_add(1));
        // Hashing does not hold up the runtime, and the next page is read meanwhile.
        let work = tokio::task::spawn_blocking(move || progress.read(&page).map(|()| progress));
        let (done, following) = tokio::join!(work, reads.stored_lines(next));
        let mut progress = done.map_err(|error| StoreError::Unavailable(error.to_string()))??;
        self.page = following?;
        match &mut self.places {
            Ok(places) => match reads.compare_nodes(&mut progress, places).await {
                Ok(()) => {}
                Err(fault @ StoreError::AuditBroken { .. }) => self.places = Err(fault),
                Err(other) => return Err(other),
            },
            Err(_) => progress.completed.clear(),
        }
        self.progress = Some(progress);
        Ok(!self.page.is_empty())
    }

    /// Whether the stored tree is that of the records, and of no more.
    pub async fn tree(&self, reads: &Reads) -> Result<(), StoreError> {
        match &self.places {
            Ok(places) => reads.check_no_stray_nodes(places, self.checked()).await,
            Err(StoreError::AuditBroken { seq, why }) => Err(StoreError::AuditBroken { seq: *seq, why: why.clone() }),
            Err(other) => Err(StoreError::Record(other.to_string())),
        }
    }

    /// Whether the kept end of the log is that of the records.
    pub fn head(&self) -> Result<(), StoreError> {
        if self.progress.as_ref().is_some_and(|progress| progress.chain == self.head) {
            return Ok(());
        }
        let (seq, size) = (self.checked(), self.head.size());
        let why = format!("there are {seq} records, and the head is not of them (it says {size})");
        Err(StoreError::AuditBroken { seq, why })
    }

    /// How many checkpoints were signed; each must have the root that the records have.
    pub fn checkpoints(&self) -> Result<u64, StoreError> {
        self.claims("checkpoint", &self.checkpoints)
    }

    /// How many cosignatures Runners gave; each must be over such a root.
    pub fn cosignatures(&self) -> Result<u64, StoreError> {
        self.claims("cosignature", &self.cosignatures)
    }

    fn claims(&self, what: &str, claims: &[Claim]) -> Result<u64, StoreError> {
        let root_at = |size| self.progress.as_ref().and_then(|progress| progress.roots.get(&size)).copied().flatten();
        match claims.iter().find(|(size, root)| root_at(*size) != Some(*root)) {
            None => Ok(claims.len() as u64),
            Some((seq, _)) => {
                let why = format!("the {what} of {seq} records has another root than the records");
                Err(StoreError::AuditBroken { seq: *seq, why })
            }
        }
    }
}

impl Reads {
    /// Reads every record: hash chain, stored tree, head, what is kept beside the lines, and that each checkpoint and
    /// cosignature has the root that the records have. Signatures and the words of the records are not the store's to
    /// check. The first fault is the error.
    pub async fn audit_verify(&self) -> Result<AuditReport, StoreError> {
        let mut walk = AuditWalk::begin(self).await?;
        while walk.step(self).await? {}
        walk.tree(self).await?;
        walk.head()?;
        let (checkpoints, cosignatures) = (walk.checkpoints()?, walk.cosignatures()?);
        Ok(AuditReport { records: walk.checked(), root: walk.root(), checkpoints, cosignatures })
    }

    async fn stored_lines(&self, from: u64) -> Result<Vec<Stored>, StoreError> {
        let sql = sql!(
            "SELECT seq, at, action, actor, line FROM audit_line WHERE tenant = $1 AND seq >= $2 ORDER BY seq LIMIT $3"
        );
        let read = |mut cells: Cells| {
            Ok(Stored {
                seq: cells.take("seq")?,
                at: cells.take("at")?,
                action: cells.take("action")?,
                actor: cells.take("actor")?,
                line: cells.take("line")?,
            })
        };
        self.all("audit_line", sql, values![from, PAGE], read).await
    }

    /// `(size, root)` of every checkpoint and of every cosignature.
    async fn claimed_roots(&self) -> Result<(Vec<(u64, Digest)>, Vec<(u64, Digest)>), StoreError> {
        let mut checkpoints = Vec::new();
        let mut after = 0;
        loop {
            let sql = sql!(
                "SELECT size, root, note, at FROM audit_checkpoint WHERE tenant = $1 AND size >= $2 ORDER BY size \
                 LIMIT $3"
            );
            let page = self.all("audit_checkpoint", sql, values![after, PAGE], read_checkpoint).await?;
            let Some(last) = page.last() else { break };
            after = last.size.saturating_add(1);
            checkpoints.extend(page.into_iter().map(|checkpoint| (checkpoint.size, checkpoint.root)));
        }
        let mut cosignatures = Vec::new();
        let (mut size, mut runner) = (0, String::new());
        loop {
            let sql = sql!(
                "SELECT runner, size, root, note, at FROM audit_cosignature WHERE tenant = $1 \
                 AND (size, runner) > ($2, $3) ORDER BY size, runner LIMIT $4"
            );
            let page = self.all("audit_cosignature", sql, values![size, runner, PAGE], read_cosignature).await?;
            let Some(last) = page.last() else { break };
            (size, runner) = (last.size, last.runner.to_string());
            cosignatures.extend(page.into_iter().map(|cosignature| (cosignature.size, cosignature.root)));
        }
        Ok((checkpoints, cosignatures))
    }

    /// Compares completed nodes with the stored ones, level by level, in their order.
    async fn compare_nodes(&self, progress: &mut Progress, places: &mut BTreeMap<u8, u64>) -> Result<(), StoreError> {
        for (level, completed) in &mut progress.completed {
            let place = places.entry(*level).or_default();
            while !completed.is_empty() {
                let count = u32::try_from(completed.len()).unwrap_or(PAGE).min(PAGE);
                let sql = sql!(
                    "SELECT place, hash FROM audit_node WHERE tenant = $1 AND level = $2 AND place >= $3 \
                     ORDER BY place LIMIT $4"
                );
                let read = |mut cells: Cells| Ok((cells.take("place")?, cells.take("hash")?));
                let stored: Vec<(u64, Digest)> =
                    self.all("audit_node", sql, values![*level, *place, count], read).await?;
                let mut stored = stored.into_iter();
                for hash in completed.drain(..usize::try_from(count).unwrap_or(0)) {
                    if stored.next() != Some((*place, hash)) {
                        let why = format!("the stored tree differs at level {level}");
                        return Err(StoreError::AuditBroken { seq: *place << *level, why });
                    }
                    *place += 1;
                }
            }
        }
        Ok(())
    }

    async fn check_no_stray_nodes(&self, places: &BTreeMap<u8, u64>, size: u64) -> Result<(), StoreError> {
        for level in 0..64_u8 {
            let first = places.get(&level).copied().unwrap_or_default();
            let sql = sql!(
                "SELECT place FROM audit_node WHERE tenant = $1 AND level = $2 AND place >= $3 ORDER BY place LIMIT 1"
            );
            let stray: Option<u64> =
                self.one("audit_node", sql, values![level, first], |mut cells| cells.take("place")).await?;
            if stray.is_some() {
                let why = format!("the stored tree has nodes over no record at level {level}");
                return Err(StoreError::AuditBroken { seq: size, why });
            }
        }
        Ok(())
    }
}

impl Progress {
    fn reached(&mut self) {
        if let Some(root) = self.roots.get_mut(&self.chain.size()) {
            *root = Some(self.chain.root());
        }
    }

    fn read(&mut self, lines: &[Stored]) -> Result<(), StoreError> {
        for stored in lines {
            let seq = self.chain.size();
            let fault = |why: String| StoreError::AuditBroken { seq, why };
            let completed = &mut self.completed;
            let take = |node: Node, hash| {
                if node.level >= LOWEST {
                    completed.entry(node.level).or_default().push_back(hash);
                }
            };
            let line = self.chain.check_reporting(&stored.line, take).map_err(|error| fault(error.to_string()))?;
            let action = format!("\"action\":\"{}\"", stored.action);
            let says = line.rest().contains(&action) && is_by(line.rest(), &stored.actor);
            if stored.seq != seq || stored.at != line.head().at || !says {
                return Err(fault("what is kept beside the line is not what it says".to_owned()));
            }
            self.reached();
        }
        Ok(())
    }
}

/// Whether a record was made by this actor: a person or a Runner by id, the operator or the control plane by a word.
fn is_by(record: &str, actor: &str) -> bool {
    let said = record.split('}').next().unwrap_or_default();
    let Some((before, after)) = said.split_once(actor) else { return false };
    let is_id = before.ends_with("\"person\":\"") || before.ends_with("\"runner\":\"");
    let is_word = before.ends_with("\"kind\":\"") && after == "\"";
    after.starts_with('"') && (is_id || is_word)
}
