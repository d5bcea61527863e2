//! What is kept of Runners' journals: every accepted line, the end of each, the tree, and what was cosigned.

use control_plane_domain::journal::{JournalCheckpoint, JournalLine};
use crypto::Digest;
use ids::RunnerId;
use proof::log::{Chain, ChainError, Line};
use proof::merkle::Node;

use crate::StoreError;
use crate::audit::{read_chain, unanswered};
use crate::sql::sql;
use crate::tree::{Completed, Found, Root, SPAN, Wanted};
use crate::tx::{Reads, Writes};
use crate::value::{Cells, ToValue, values};

/// The end of a Runner's journal as it is kept, and the lines that were found to follow it. Only lines that were checked
/// here can be kept.
#[derive(Debug, Clone)]
pub struct JournalTail {
    runner: RunnerId,
    kept: u64,
    begun: bool,
    chain: Chain,
    lines: Vec<String>,
    completed: Completed,
}

impl JournalTail {
    /// Whose journal.
    pub fn runner(&self) -> RunnerId {
        self.runner
    }

    /// The journal with the lines that were checked since.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// How many lines are kept already.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Checks that this is the next line, and takes it in. After an error everything stands where it stood.
    pub fn check<'a>(&mut self, line: &'a str) -> Result<Line<'a>, ChainError> {
        let completed = &mut self.completed;
        let parsed = self.chain.check_reporting(line, |node, hash| completed.take(node, hash))?;
        self.lines.push(line.to_owned());
        Ok(parsed)
    }
}

impl Reads {
    /// The end of a Runner's journal; that of an empty one when nothing is kept yet.
    pub async fn journal(&self, runner: RunnerId) -> Result<JournalTail, StoreError> {
        let sql = sql!("SELECT prev, last_at, frontier, size FROM journal_head WHERE tenant = $1 AND runner = $2");
        let chain = self.one("journal_head", sql, values![runner], read_chain).await?;
        let begun = chain.is_some();
        let chain = chain.unwrap_or_else(Chain::new);
        let completed = Completed::default();
        Ok(JournalTail { runner, kept: chain.size(), begun, chain, lines: Vec::new(), completed })
    }

    /// A line.
    pub async fn journal_line(&self, runner: RunnerId, seq: u64) -> Result<Option<String>, StoreError> {
        let sql = sql!("SELECT line FROM journal_line WHERE tenant = $1 AND runner = $2 AND seq = $3");
        self.one("journal_line", sql, values![runner, seq], |mut cells| cells.take("line")).await
    }

    /// The lines at these positions, as far as they are there.
    pub async fn journal_lines_at(&self, runner: RunnerId, places: &[u64]) -> Result<Vec<JournalLine>, StoreError> {
        let sql = sql!("SELECT seq, line FROM journal_line WHERE tenant = $1 AND runner = $2 AND seq = $3");
        let each = places.iter().map(|seq| values![runner, seq]).collect();
        let read = |mut cells: Cells| Ok(JournalLine { seq: cells.take("seq")?, line: cells.take("line")? });
        self.all_of_each("journal_line", sql, each, read).await
    }

    /// Lines from a position on, in order; at most `limit`.
    pub async fn journal_lines(&self, runner: RunnerId, from: u64, limit: u32) -> Result<Vec<JournalLine>, StoreError> {
        let sql = sql!(
            "SELECT seq, line FROM journal_line WHERE tenant = $1 AND runner = $2 AND seq >= $3 ORDER BY seq LIMIT $4"
        );
        let read = |mut cells: Cells| Ok(JournalLine { seq: cells.take("seq")?, line: cells.take("line")? });
        self.all("journal_line", sql, values![runner, from, limit], read).await
    }

    /// The root over the first lines; `None` when fewer are kept.
    pub async fn journal_root(&self, runner: RunnerId, size: u64) -> Result<Option<Digest>, StoreError> {
        let tail = self.journal(runner).await?;
        if size > tail.kept {
            return Ok(None);
        }
        if size == tail.kept {
            return Ok(Some(tail.chain.root()));
        }
        let question = Root { size };
        let wanted = Wanted::by(&question);
        let mut found = Found::default();
        for Node { level, index } in wanted.nodes {
            let sql =
                sql!("SELECT hash FROM journal_node WHERE tenant = $1 AND runner = $2 AND level = $3 AND place = $4");
            let read = |mut cells: Cells| cells.take("hash");
            if let Some(hash) = self.one("journal_node", sql, values![runner, level, index], read).await? {
                found.node(Node { level, index }, hash);
            }
        }
        for start in wanted.spans {
            let lines = self.journal_lines(runner, start, SPAN as u32).await?;
            found.lines(start, lines.iter().map(|line| line.line.as_str()));
        }
        found.answer(&question).map(Some).map_err(|error| unanswered("journal_node", &error))
    }

    /// The newest checkpoint that was cosigned.
    pub async fn journal_checkpoint(&self, runner: RunnerId) -> Result<Option<JournalCheckpoint>, StoreError> {
        let sql = sql!(
            "SELECT runner, size, root, note, at FROM journal_checkpoint WHERE tenant = $1 AND runner = $2 \
             ORDER BY size DESC LIMIT 1"
        );
        let read = |mut cells: Cells| {
            Ok(JournalCheckpoint {
                runner: cells.take("runner")?,
                size: cells.take("size")?,
                root: cells.take("root")?,
                note: cells.take("note")?,
                at: cells.take("at")?,
            })
        };
        self.one("journal_checkpoint", sql, values![runner], read).await
    }
}

impl Writes {
    /// Keeps the lines that were checked, with the new end of the journal.
    pub async fn append_journal(&self, tail: JournalTail) -> Result<(), StoreError> {
        let JournalTail { runner, kept, begun, chain, lines, completed } = tail;
        if lines.is_empty() {
            return Ok(());
        }
        let end = values![runner, chain.size(), chain.prev(), chain.last_at(), chain.frontier().to_bytes()];
        let head = if begun {
            let update = sql!(
                "UPDATE journal_head SET size = $3, prev = $4, last_at = $5, frontier = $6 \
                 WHERE tenant = $1 AND runner = $2 AND size = $7"
            );
            (update, vec![end.into_iter().chain(values![kept]).collect()])
        } else {
            let insert = sql!(
                "INSERT INTO journal_head (tenant, runner, size, prev, last_at, frontier) \
                 VALUES ($1, $2, $3, $4, $5, $6)"
            );
            (insert, vec![end])
        };
        let rows = lines.iter().zip(kept..).map(|(line, seq)| values![runner, seq, line]).collect();
        let steps = vec![
            head,
            (sql!("INSERT INTO journal_line (tenant, runner, seq, line) VALUES ($1, $2, $3, $4)"), rows),
            (
                sql!("INSERT INTO journal_node (tenant, runner, level, place, hash) VALUES ($1, $2, $3, $4, $5)"),
                completed.rows(&[runner.to_value()]),
            ),
        ];
        self.steps("journal_line", runner, steps).await
    }

    /// Keeps a checkpoint that was cosigned; one of the same size is kept as it is.
    pub async fn add_journal_checkpoint(&self, checkpoint: &JournalCheckpoint) -> Result<(), StoreError> {
        let JournalCheckpoint { runner, size, root, note, at } = checkpoint;
        let sql = sql!(
            "INSERT INTO journal_checkpoint (tenant, runner, size, root, note, at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (tenant, runner, size) DO NOTHING"
        );
        self.count("journal_checkpoint", runner, sql, values![runner, size, root, note, at]).await.map(drop)
    }
}
