//! Checking the whole audit log in the database: chain, stored tree, head, checkpoints, cosignatures.

use std::collections::{BTreeMap, VecDeque};

use clock::Timestamp;
use control_plane_domain::audit_log::AuditReport;
use crypto::Digest;
use ids::RunnerId;
use proof::log::Chain;
use proof::merkle::Node;

use crate::StoreError;
use crate::sql::sql;
use crate::tree::LOWEST;
use crate::tx::Reads;
use crate::value::{Cells, values};

/// Lines, nodes and claims that are read at a time.
const PAGE: u32 = 4_096;

/// After every size that a log can have.
const LAST: u64 = i64::MAX.unsigned_abs();

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
    /// The root at each size that a checkpoint speaks of and that this page leads to.
    roots: BTreeMap<u64, Option<Digest>>,
}

/// A size that somebody signed for, and the root there.
type Claim = (u64, Digest);

/// What was compared of what somebody signed for.
#[derive(Debug, Default)]
struct Claims {
    count: u64,
    /// The first size of which another root was signed than the records have.
    differs: Option<u64>,
}

/// The audit log, read from its begin to its end in one transaction, page by page, and what it is compared with. Nothing
/// of it is held beyond a page: a log has as many checkpoints as it likes, and each of them as many Runners under it.
#[derive(Debug)]
pub struct AuditWalk {
    head: Chain,
    progress: Option<Progress>,
    page: Vec<Stored>,
    /// The least size of which no claim was compared yet.
    compared: u64,
    checkpoints: Claims,
    cosignatures: Claims,
    /// The next place of each level of the stored tree; or how the tree differs.
    places: Result<BTreeMap<u8, u64>, StoreError>,
}

impl AuditWalk {
    /// Begins to read.
    pub async fn begin(reads: &Reads) -> Result<Self, StoreError> {
        let head = reads.audit_chain().await?;
        let progress = Progress { chain: Chain::new(), completed: BTreeMap::new(), roots: BTreeMap::new() };
        let mut walk = Self {
            head,
            progress: Some(progress),
            page: reads.stored_lines(0).await?,
            compared: 0,
            checkpoints: Claims::default(),
            cosignatures: Claims::default(),
            places: Ok(BTreeMap::new()),
        };
        if walk.page.is_empty() {
            walk.compare_beyond(reads).await?;
        }
        Ok(walk)
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
    /// that differs is no fault of the records, and is told by [`tree`](Self::tree); so is what was signed.
    pub async fn step(&mut self, reads: &Reads) -> Result<bool, StoreError> {
        if self.page.is_empty() {
            return Ok(false);
        }
        let Some(mut progress) = self.progress.take() else { return Ok(false) };
        let page = std::mem::take(&mut self.page);
        let end = progress.chain.size().saturating_add(page.len() as u64);
        let checkpoints = reads.checkpoint_roots(self.compared, end).await?;
        progress.roots = checkpoints.iter().map(|(size, _)| (*size, None)).collect();
        progress.reached();
        let next = page.last().map_or(0, |line| line.seq.saturating_add(1));
        // Hashing does not hold up the runtime, and the next page is read meanwhile.
        let work = tokio::task::spawn_blocking(move || progress.read(&page).map(|()| progress));
        let (done, following) = tokio::join!(work, reads.stored_lines(next));
        let mut progress = done.map_err(|error| StoreError::Unavailable(error.to_string()))??;
        self.page = following?;
        self.checkpoints.compare(&checkpoints, &progress.roots);
        self.compare_cosigned(reads, &progress.roots, end).await?;
        self.compared = end.saturating_add(1);
        match &mut self.places {
            Ok(places) => match reads.compare_nodes(&mut progress, places).await {
                Ok(()) => {}
                Err(fault @ StoreError::AuditBroken { .. }) => self.places = Err(fault),
                Err(other) => return Err(other),
            },
            Err(_) => progress.completed.clear(),
        }
        self.progress = Some(progress);
        if self.page.is_empty() {
            self.compare_beyond(reads).await?;
        }
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
        self.checkpoints.said("checkpoint")
    }

    /// How many cosignatures Runners gave; each must be over such a root.
    pub fn cosignatures(&self) -> Result<u64, StoreError> {
        self.cosignatures.said("cosignature")
    }

    /// Compares the cosignatures of the sizes up to this one.
    async fn compare_cosigned(
        &mut self,
        reads: &Reads,
        roots: &BTreeMap<u64, Option<Digest>>,
        end: u64,
    ) -> Result<(), StoreError> {
        let mut after = (self.compared, String::new());
        loop {
            let page = reads.cosigned_roots(&after, end).await?;
            let Some((size, runner, _)) = page.last() else { return Ok(()) };
            after = (*size, runner.to_string());
            let claims: Vec<Claim> = page.into_iter().map(|(size, _, root)| (size, root)).collect();
            self.cosignatures.compare(&claims, roots);
        }
    }

    /// Of more records than there are nobody can have signed for.
    async fn compare_beyond(&mut self, reads: &Reads) -> Result<(), StoreError> {
        let empty = BTreeMap::from([(0, Some(proof::merkle::empty_root()))]);
        self.checkpoints.compare(&reads.checkpoint_roots(self.compared, LAST).await?, &empty);
        self.compare_cosigned(reads, &empty, LAST).await
    }
}

impl Claims {
    fn compare(&mut self, claims: &[Claim], roots: &BTreeMap<u64, Option<Digest>>) {
        for (size, root) in claims {
            self.count += 1;
            if roots.get(size).copied().flatten() != Some(*root) {
                self.differs.get_or_insert(*size);
            }
        }
    }

    fn said(&self, what: &str) -> Result<u64, StoreError> {
        match self.differs {
            None => Ok(self.count),
            Some(seq) => {
                let why = format!("the {what} of {seq} records has another root than the records");
                Err(StoreError::AuditBroken { seq, why })
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

    /// `(size, root)` of the checkpoints of these sizes, both included; of many the first some thousand.
    async fn checkpoint_roots(&self, from: u64, to: u64) -> Result<Vec<Claim>, StoreError> {
        let sql = sql!(
            "SELECT size, root FROM audit_checkpoint WHERE tenant = $1 AND size >= $2 AND size <= $3 ORDER BY size \
             LIMIT $4"
        );
        let read = |mut cells: Cells| Ok((cells.take("size")?, cells.take("root")?));
        // A page of lines leads to as many sizes, and the first one has the size of no record before it.
        self.all("audit_checkpoint", sql, values![from, to, PAGE.saturating_add(1)], read).await
    }

    /// `(size, Runner, root)` of the cosignatures after this one and up to this size.
    async fn cosigned_roots(
        &self,
        (size, runner): &(u64, String),
        to: u64,
    ) -> Result<Vec<(u64, RunnerId, Digest)>, StoreError> {
        let sql = sql!(
            "SELECT size, runner, root FROM audit_cosignature WHERE tenant = $1 AND (size, runner) > ($2, $3) \
             AND size <= $4 ORDER BY size, runner LIMIT $5"
        );
        let read = |mut cells: Cells| Ok((cells.take("size")?, cells.take("runner")?, cells.take("root")?));
        self.all("audit_cosignature", sql, values![size, runner, to, PAGE], read).await
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
