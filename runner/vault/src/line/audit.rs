//! Witnessing the tenant's audit log: the newest checkpoint that grew from every one before, and what did not.

use clock::Timestamp;
use crypto::Digest;
use ids::PersonId;
use proof::checkpoint::Checkpoint;
use proof::log::journal::{JournalRecord, TreeHead};
use proof::log::witness::{FollowError, follow};
use proof::note::{SignedNote, VerifierKey};
use proof::text::FreeText;
use rusqlite::{Connection, OptionalExtension, params};

use crate::VaultError;
use crate::vault::Vault;

/// What came of being shown a checkpoint of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditSeen {
    /// It grew from the one that was kept and is kept now: the note, with this Runner's cosignature.
    Cosigned(SignedNote),
    /// The proof begins at another tree than the one that is kept, which has so many records: nothing can be said.
    AskAgain {
        /// Size of what is kept.
        kept: u64,
    },
    /// It did not grow from the one that was kept.
    Fork(AuditFork),
}

/// Two checkpoints of one audit log, of which neither grew from the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFork {
    /// The journal record.
    pub seq: u64,
    /// When it was seen.
    pub at: Timestamp,
    /// The checkpoint that was kept.
    pub kept: SignedNote,
    /// The one that was shown last.
    pub shown: SignedNote,
    /// What the former says.
    pub kept_head: TreeHead,
    /// What the latter says.
    pub shown_head: TreeHead,
}

impl Vault {
    /// Judges a checkpoint of the audit log by what is kept: it must be signed by the pinned key of the tenant's log, and
    /// `proof` must show that it grew from the tree of `from_size`. It is durable before it is cosigned. A fork is kept
    /// with both notes and journalled; from then on drill-downs are refused until
    /// [`acknowledge_audit_fork`](Self::acknowledge_audit_fork).
    pub fn witness_audit(
        &mut self,
        shown: &SignedNote,
        from_size: u64,
        proof: &[Digest],
    ) -> Result<AuditSeen, VaultError> {
        self.check_ready()?;
        let key = self.pinned()?.audit;
        let kept_note = self.audit_checkpoint()?;
        let kept = kept_note.as_ref().map(|note| head_of(note, &key)).transpose()?;
        match follow(kept.as_ref(), shown, &key, from_size, proof) {
            Ok(_) => self.keep_audit(shown).map(AuditSeen::Cosigned),
            Err(FollowError::OtherStart { kept, .. }) => Ok(AuditSeen::AskAgain { kept }),
            Err(FollowError::Checkpoint(error)) => Err(VaultError::Note { what: "audit", why: error.to_string() }),
            Err(FollowError::Behind { kept: kept_head, shown: shown_head })
            | Err(FollowError::Fork { kept: kept_head, shown: shown_head, .. }) => {
                let kept = kept_note.ok_or_else(|| VaultError::not_found("audit checkpoint", "this tenant"))?;
                let at = self.now();
                let fork = AuditFork { seq: 0, at, kept, shown: shown.clone(), kept_head, shown_head };
                self.keep_fork(fork).map(AuditSeen::Fork)
            }
        }
    }

    /// What is kept of the audit log; none before the first checkpoint was shown.
    pub fn audit_head(&self) -> Result<Option<TreeHead>, VaultError> {
        let Some(note) = self.audit_checkpoint()? else { return Ok(None) };
        head_of(&note, &self.pinned()?.audit).map(Some)
    }

    /// The checkpoint that is kept, with this Runner's cosignature: `audit.checkpoint` of a bundle.
    pub fn audit_checkpoint(&self) -> Result<Option<SignedNote>, VaultError> {
        let note: Option<String> = self.db.query_row("SELECT note FROM audit_kept", [], |row| row.get(0)).optional()?;
        note.map(|note| parse("audit_kept", &note)).transpose()
    }

    /// The fork that nobody has acknowledged.
    pub fn audit_fork(&self) -> Result<Option<AuditFork>, VaultError> {
        let row = self
            .db
            .prepare_cached("SELECT seq, at, kept, shown FROM audit_fork WHERE acknowledged IS NULL ORDER BY seq")?
            .query_row([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
            })
            .optional()?;
        let Some((seq, at, kept, shown)) = row else { return Ok(None) };
        let key = self.pinned()?.audit;
        let (kept, shown) = (parse("audit_fork", &kept)?, parse("audit_fork", &shown)?);
        let (kept_head, shown_head) = (head_of(&kept, &key)?, head_of(&shown, &key)?);
        Ok(Some(AuditFork { seq: seq as u64, at: Timestamp::from_millis(at), kept, shown, kept_head, shown_head }))
    }

    /// Somebody looked into the fork. The log is followed from what was shown last, unless it went on from what was kept
    /// since. Both notes stay; journalled.
    pub fn acknowledge_audit_fork(&mut self, by: Option<PersonId>, justification: FreeText) -> Result<u64, VaultError> {
        let fork = self
            .audit_fork()?
            .ok_or_else(|| VaultError::not_allowed("store", self.identity.store, "no fork of the audit log is open"))?;
        // If the log went on from what was kept, that is followed; otherwise there is only what was shown.
        let current = self.audit_head()?.filter(|head| *head != fork.kept_head);
        let mut writer = self.begin()?;
        let (kept, adopted) = (fork.kept_head, current.unwrap_or(fork.shown_head));
        let seq = writer.journal(&JournalRecord::AuditForkAcknowledged { kept, adopted, by, justification })?.seq;
        if current.is_none() {
            let mut note = fork.shown;
            note.replace(writer.keys.witness.cosign(&note, writer.now));
            store_kept(&writer.tx, &note)?;
        }
        writer.tx.execute("UPDATE audit_fork SET acknowledged = ?1 WHERE acknowledged IS NULL", [seq as i64])?;
        writer.commit()?;
        Ok(seq)
    }

    pub(crate) fn check_no_fork(&self) -> Result<(), VaultError> {
        let seq: Option<i64> = self
            .db
            .prepare_cached("SELECT seq FROM audit_fork WHERE acknowledged IS NULL")?
            .query_row([], |row| row.get(0))
            .optional()?;
        seq.map_or(Ok(()), |seq| Err(VaultError::ForkSeen(seq as u64)))
    }

    fn keep_audit(&mut self, shown: &SignedNote) -> Result<SignedNote, VaultError> {
        let writer = self.begin()?;
        let mut note = shown.clone();
        note.replace(writer.keys.witness.cosign(&note, writer.now));
        store_kept(&writer.tx, &note)?;
        writer.commit()?;
        Ok(note)
    }

    /// A control plane that goes on showing forks has one record in the journal: the newest that it showed is kept beside
    /// the first.
    fn keep_fork(&mut self, fork: AuditFork) -> Result<AuditFork, VaultError> {
        let known = self.audit_fork()?;
        let mut writer = self.begin()?;
        let shown = fork.shown.to_text();
        let (seq, at) = match known {
            Some(known) => {
                writer
                    .tx
                    .execute("UPDATE audit_fork SET shown = ?2 WHERE seq = ?1", params![known.seq as i64, shown])?;
                (known.seq, known.at)
            }
            None => {
                let record = JournalRecord::AuditForkSeen { kept: fork.kept_head, shown: fork.shown_head };
                let appended = writer.journal(&record)?;
                writer.tx.execute(
                    "INSERT INTO audit_fork (seq, at, kept, shown) VALUES (?1, ?2, ?3, ?4)",
                    params![appended.seq as i64, appended.at.as_millis(), fork.kept.to_text(), shown],
                )?;
                (appended.seq, appended.at)
            }
        };
        writer.commit()?;
        Ok(AuditFork { seq, at, ..fork })
    }
}

fn store_kept(db: &Connection, note: &SignedNote) -> Result<(), VaultError> {
    db.execute(
        "INSERT INTO audit_kept (one, note) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET note = excluded.note",
        [note.to_text()],
    )?;
    Ok(())
}

fn head_of(note: &SignedNote, key: &VerifierKey) -> Result<TreeHead, VaultError> {
    let Checkpoint { size, root, .. } =
        Checkpoint::open(note, key).map_err(|error| VaultError::inconsistent("audit_kept", 1, error))?;
    Ok(TreeHead { size, root })
}

fn parse(table: &'static str, note: &str) -> Result<SignedNote, VaultError> {
    SignedNote::parse(note).map_err(|error| VaultError::inconsistent(table, 1, error))
}
