//! Checking the whole journal against itself, its tree, its checkpoint and the store.

use std::collections::BTreeMap;

use crypto::Digest;
use crypto::digest::sha256;
use ids::{ItemId, RunId};
use proof::log::Chain;
use proof::log::journal::JournalRecord;
use rusqlite::params;

use super::resume;
use crate::VaultError;
use crate::vault::Vault;

/// What a whole, intact journal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalReport {
    /// Records.
    pub records: u64,
    /// Root over them.
    pub root: Digest,
    /// Attestations, each of which is in the store with the recorded hash.
    pub attestations: u64,
    /// Runs that began.
    pub runs: u64,
    /// Of them: not attested for good and not ended.
    pub unfinished: u64,
    /// Evidence items that were destroyed.
    pub destroyed: u64,
    /// Gap records.
    pub gaps: u64,
}

/// What the records claim about the store.
#[derive(Default)]
struct Claims {
    attested: BTreeMap<u64, (RunId, Digest)>,
    begun: BTreeMap<RunId, u64>,
    ended: BTreeMap<RunId, u64>,
    destroyed: BTreeMap<ItemId, u64>,
    gaps: u64,
}

impl Vault {
    /// Reads every record: hash chain, stored tree, signed checkpoint, and that each run, attestation and destroyed item
    /// that the journal speaks of is in the store and the other way round. The first fault is the error.
    pub fn verify_journal(&self) -> Result<JournalReport, VaultError> {
        let mut chain = Chain::new();
        let mut claims = Claims::default();
        let mut statement = self.db.prepare("SELECT line FROM journal ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let mut stored = self.db.prepare("SELECT hash FROM journal_node WHERE level = ?1 AND place = ?2")?;
        while let Some(row) = rows.next()? {
            let seq = chain.size();
            let fault = |why: String| VaultError::Journal { seq, why };
            let mut completed = Vec::with_capacity(4);
            let text = row.get_ref(0)?.as_str().map_err(|_| fault("the line is not a text".into()))?;
            let line = chain
                .check_reporting(text, |node, hash| completed.push((node, hash)))
                .map_err(|error| fault(error.to_string()))?;
            for (node, hash) in completed {
                let kept: [u8; 32] = stored.query_row(params![node.level, node.index as i64], |row| row.get(0))?;
                if kept != *hash.as_bytes() {
                    return Err(fault(format!("the stored tree differs at level {}", node.level)));
                }
            }
            let record = JournalRecord::read(&line).map_err(|error| fault(error.to_string()))?;
            claims.take(seq, record);
        }
        let head = resume(&self.db)?;
        if chain != head {
            let why = format!("the journal has {} records, its head says {}", chain.size(), head.size());
            return Err(VaultError::Journal { seq: chain.size(), why });
        }
        self.check_attestations(&claims)?;
        let unfinished = self.check_runs(&claims)?;
        self.check_destroyed(&claims)?;
        Ok(JournalReport {
            records: chain.size(),
            root: chain.root(),
            attestations: claims.attested.len() as u64,
            runs: claims.begun.len() as u64,
            unfinished,
            destroyed: claims.destroyed.len() as u64,
            gaps: claims.gaps,
        })
    }

    fn check_attestations(&self, claims: &Claims) -> Result<(), VaultError> {
        let mut statement = self.db.prepare(
            "SELECT attestation.seq, run.run, envelope FROM attestation JOIN run ON run.id = attestation.run ORDER BY seq",
        )?;
        let mut rows = statement.query([])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)? as u64;
            let run = RunId::from_bytes(row.get(1)?);
            let hash = sha256(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?);
            if claims.attested.get(&seq) != Some(&(run, hash)) {
                let why = format!("it does not record the attestation that the store holds for run {run}");
                return Err(VaultError::Journal { seq, why });
            }
            found += 1;
        }
        if found == claims.attested.len() {
            return Ok(());
        }
        let missing = claims.attested.iter().find(|(seq, _)| {
            let query = "SELECT 1 FROM attestation WHERE seq = ?1";
            !self.db.prepare_cached(query).and_then(|mut s| s.exists([**seq as i64])).unwrap_or(false)
        });
        let (seq, run) = missing.map_or((0, RunId::NIL), |(seq, (run, _))| (*seq, *run));
        Err(VaultError::Journal { seq, why: format!("the attestation of run {run} is missing in the store") })
    }

    /// Gives the number of unfinished runs.
    fn check_runs(&self, claims: &Claims) -> Result<u64, VaultError> {
        let mut statement = self.db.prepare("SELECT run, state FROM run")?;
        let mut rows = statement.query([])?;
        let (mut found, mut unfinished) = (0, 0);
        while let Some(row) = rows.next()? {
            let run = RunId::from_bytes(row.get(0)?);
            let state: String = row.get(1)?;
            let ended = claims.ended.contains_key(&run);
            let begun = claims.begun.get(&run);
            let attested = claims.attested.values().any(|(attested, _)| *attested == run);
            let fits = match state.as_str() {
                "running" => !ended,
                "final" => attested && !ended,
                _ => ended,
            };
            let Some(seq) = begun.filter(|_| fits) else {
                return Err(VaultError::inconsistent("run", run, format!("`{state}` is not what the journal records")));
            };
            unfinished += u64::from(state == "running");
            found += 1;
            let _ = seq;
        }
        match claims.begun.iter().find(|_| found != claims.begun.len()) {
            None => Ok(unfinished),
            Some(_) => {
                let known = |run: &RunId| {
                    let query = "SELECT 1 FROM run WHERE run = ?1";
                    self.db.prepare_cached(query).and_then(|mut s| s.exists([run.as_bytes()])).unwrap_or(false)
                };
                let (run, seq) =
                    claims.begun.iter().find(|(run, _)| !known(run)).map_or((RunId::NIL, 0), |(r, s)| (*r, *s));
                Err(VaultError::Journal { seq, why: format!("run {run} began and is missing in the store") })
            }
        }
    }

    fn check_destroyed(&self, claims: &Claims) -> Result<(), VaultError> {
        let mut statement = self.db.prepare("SELECT destroyed, wrapped IS NULL FROM item WHERE item = ?1")?;
        for (item, seq) in &claims.destroyed {
            let row: (Option<i64>, bool) =
                statement.query_row([item.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if row != (Some(*seq as i64), true) {
                let why = format!("item {item} was destroyed and the store says otherwise");
                return Err(VaultError::Journal { seq: *seq, why });
            }
        }
        let tombs: i64 = self.db.query_row(
            "SELECT count(*) FROM item WHERE destroyed IS NOT NULL OR wrapped IS NULL",
            [],
            |row| row.get(0),
        )?;
        if tombs as usize == claims.destroyed.len() {
            Ok(())
        } else {
            Err(VaultError::inconsistent("item", tombs, "items are gone that the journal does not record as destroyed"))
        }
    }
}

impl Claims {
    fn take(&mut self, seq: u64, record: JournalRecord) {
        match record {
            JournalRecord::RunAttested { run, attestation_sha256 } => {
                self.attested.insert(seq, (run, attestation_sha256));
            }
            JournalRecord::RunBegun { run, .. } => {
                self.begun.insert(run, seq);
            }
            JournalRecord::RunEnded { run, .. } => {
                self.ended.insert(run, seq);
            }
            JournalRecord::ItemDestroyed { item, .. } => {
                self.destroyed.insert(item, seq);
            }
            JournalRecord::Gap { .. } => self.gaps += 1,
            JournalRecord::Started { .. }
            | JournalRecord::DueMissed { .. }
            | JournalRecord::ProcedureApproved { .. }
            | JournalRecord::ProcedureWithdrawn { .. }
            | JournalRecord::EvidenceOpened { .. }
            | JournalRecord::EvidenceRefused { .. }
            | JournalRecord::KeyRotated { .. }
            | JournalRecord::AuditForkSeen { .. }
            | JournalRecord::ExceptionRecorded { .. }
            | JournalRecord::ExceptionRemoved { .. }
            | JournalRecord::Purged { .. } => {}
        }
    }
}
