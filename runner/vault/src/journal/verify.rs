//! Checking the whole journal against itself, its tree, its checkpoint and the store.

use std::collections::BTreeMap;

use clock::Timestamp;
use crypto::Digest;
use crypto::digest::sha256;
use ids::{ExceptionId, ItemId, RequestId, RunId};
use proof::attestation;
use proof::dsse::{Envelope, MAX_ENVELOPE};
use proof::log::Chain;
use proof::log::journal::JournalRecord;
use proof::manifest::{self, RunLine};
use rusqlite::params;
use verdict::Code;

use super::resume;
use super::stored_tree::{self, StoredTree};
use crate::VaultError;
use crate::runs::{RunState, is_final, run_state};
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

/// What the records claim about the store, by the number of the record.
#[derive(Default)]
struct Claims {
    attested: BTreeMap<u64, (RunId, Digest)>,
    results: BTreeMap<RunId, RunLine>,
    begun: BTreeMap<RunId, u64>,
    ended: BTreeMap<RunId, Code>,
    destroyed: BTreeMap<ItemId, u64>,
    exceptions: BTreeMap<ExceptionId, ClaimedException>,
    receipts: BTreeMap<u64, (RequestId, Digest)>,
    gaps: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct ClaimedException {
    recorded: (u64, Timestamp),
    removed: Option<(u64, Timestamp)>,
}

impl Vault {
    /// Reads every record: hash chain, stored tree, signed checkpoint, and that each run, attestation, destroyed item,
    /// exception, reader
    /// and legal hold that the journal speaks of is in the store and the other way round. The first fault is the error.
    pub fn verify_journal(&self) -> Result<JournalReport, VaultError> {
        let _snapshot = self.snapshot()?;
        let (chain, mut claims) = self.read_journal()?;
        let head = resume(&self.db)?;
        if chain != head {
            let why = format!("the journal has {} records, its head says {}", chain.size(), head.size());
            return Err(VaultError::Journal { seq: chain.size(), why });
        }
        let (attestations, runs, destroyed) = (claims.attested.len(), claims.begun.len(), claims.destroyed.len());
        self.check_attestations(&mut claims)?;
        let unfinished = self.check_runs(&mut claims)?;
        self.check_destroyed(&mut claims)?;
        self.check_exceptions(&mut claims)?;
        self.check_receipts(&claims)?;
        self.check_secrets()?;
        self.readers()?;
        self.check_holds()?;
        Ok(JournalReport {
            records: chain.size(),
            root: chain.root(),
            attestations: attestations as u64,
            runs: runs as u64,
            unfinished,
            destroyed: destroyed as u64,
            gaps: claims.gaps,
        })
    }

    fn read_journal(&self) -> Result<(Chain, Claims), VaultError> {
        let mut chain = Chain::new();
        let mut claims = Claims::default();
        let mut statement = self.db.prepare("SELECT line FROM journal ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let mut levels = stored_tree::levels(&self.db)?;
        let mut stored = StoredTree::new(&mut levels)?;
        let mut completed = Vec::with_capacity(4);
        while let Some(row) = rows.next()? {
            let seq = chain.size();
            let fault = |why: String| VaultError::Journal { seq, why };
            let text = row.get_ref(0)?.as_str().map_err(|_| fault("the line is not a text".into()))?;
            let line = chain
                .check_reporting(text, |node, hash| completed.push((node, hash)))
                .map_err(|error| fault(error.to_string()))?;
            for (node, hash) in completed.drain(..) {
                if !stored.next_is(node, &hash)? {
                    return Err(fault(format!("the stored tree differs at level {}", node.level)));
                }
            }
            let record = JournalRecord::read(&line).map_err(|error| fault(error.to_string()))?;
            claims.take(seq, line.head().at, record).map_err(fault)?;
        }
        if let Some(level) = stored.stray()? {
            let why = format!("the stored tree has nodes over no record at level {level}");
            return Err(VaultError::Journal { seq: chain.size(), why });
        }
        Ok((chain, claims))
    }

    /// Each attestation is recorded with its hash, is of the Runner's key, and is of the manifest beside it.
    fn check_attestations(&self, claims: &mut Claims) -> Result<(), VaultError> {
        let mut statement = self.db.prepare(
            "SELECT attestation.seq, run.run, envelope, manifest, final, attestation.verdict FROM attestation \
             JOIN run ON run.id = attestation.run ORDER BY seq",
        )?;
        let mut stored = self.db.prepare(
            "SELECT 1 FROM item JOIN piece ON piece.id = item.id >> 2 JOIN run ON run.id = piece.run \
             WHERE item.item = ?1 AND item.root = ?2 AND item.rows = ?3 AND run.run = ?4",
        )?;
        let keys = [self.attestation_key()];
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)? as u64;
            let run = RunId::from_bytes(row.get(1)?);
            let fault = |why: &str| VaultError::Journal { seq, why: format!("run {run}: {why}") };
            let envelope = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let manifest = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
            if claims.attested.remove(&seq) != Some((run, sha256(envelope))) {
                return Err(fault("the record is of another attestation than the store holds"));
            }
            let envelope = Envelope::parse(envelope, MAX_ENVELOPE).map_err(|error| fault(&error.to_string()))?;
            let statement = attestation::open(&envelope, &keys).map_err(|error| fault(&error.to_string()))?;
            if statement.manifest != sha256(manifest) {
                return Err(fault("the stored manifest is not the attested one"));
            }
            let manifest = manifest::parse(manifest).map_err(|error| fault(&error.to_string()))?;
            for line in &manifest.items {
                let known = stored.exists(params![
                    line.item.as_bytes(),
                    line.root.as_bytes(),
                    line.rows as i64,
                    run.as_bytes()
                ])?;
                if !known {
                    return Err(fault(&format!("the attested evidence item {} is missing in the store", line.item)));
                }
            }
            if row.get::<_, bool>(4)? != is_final(&manifest)
                || row.get::<_, String>(5)? != manifest.run.verdict.as_str()
            {
                return Err(fault("what is kept beside the attestation is not what its manifest says"));
            }
            if is_final(&manifest) {
                claims.results.insert(run, manifest.run);
            }
        }
        match claims.attested.pop_first() {
            None => Ok(()),
            Some((seq, (run, _))) => {
                Err(VaultError::Journal { seq, why: format!("the attestation of run {run} is missing in the store") })
            }
        }
    }

    /// Gives the number of unfinished runs.
    fn check_runs(&self, claims: &mut Claims) -> Result<u64, VaultError> {
        let mut statement =
            self.db.prepare("SELECT run, state, ended, code, verdict, score, score_with_exceptions FROM run")?;
        let mut rows = statement.query([])?;
        let mut unfinished = 0;
        while let Some(row) = rows.next()? {
            let run = RunId::from_bytes(row.get(0)?);
            let begun = claims.begun.remove(&run).is_some();
            let ended = claims.ended.remove(&run);
            let attested = claims.results.remove(&run).map(|line| RunState::Final {
                ended: line.ended,
                verdict: line.verdict,
                score: line.score,
                score_with_exceptions: line.score_with_exceptions,
            });
            let state = run_state(run, row, 1)?;
            let fits = match &state {
                RunState::Running => ended.is_none() && attested.is_none(),
                RunState::Final { .. } => ended.is_none() && attested.as_ref() == Some(&state),
                RunState::Ended { code, .. } => ended == Some(*code) && attested.is_none(),
            };
            if !begun || !fits {
                let word: String = row.get(1)?;
                let what = format!("its state `{word}` is not what was attested and journalled");
                return Err(VaultError::inconsistent("run", run, what));
            }
            unfinished += u64::from(state == RunState::Running);
        }
        match claims.begun.pop_first() {
            None => Ok(unfinished),
            Some((run, seq)) => {
                Err(VaultError::Journal { seq, why: format!("run {run} began and is missing in the store") })
            }
        }
    }

    fn check_destroyed(&self, claims: &mut Claims) -> Result<(), VaultError> {
        let mut statement =
            self.db.prepare("SELECT item, destroyed FROM item WHERE destroyed IS NOT NULL OR wrapped IS NULL")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let item = ItemId::from_bytes(row.get(0)?);
            let seq = row.get::<_, Option<i64>>(1)?.map(|seq| seq as u64);
            if claims.destroyed.remove(&item) != seq || seq.is_none() {
                return Err(VaultError::inconsistent("item", item, "it is gone and the journal does not say so"));
            }
        }
        match claims.destroyed.pop_first() {
            None => Ok(()),
            Some((item, seq)) => {
                Err(VaultError::Journal { seq, why: format!("item {item} was destroyed and the store says otherwise") })
            }
        }
    }

    /// Every receipt that is still here is one that the journal names. Old ones are deleted when the control plane has them.
    fn check_receipts(&self, claims: &Claims) -> Result<(), VaultError> {
        let mut statement = self.db.prepare("SELECT seq, request, envelope FROM receipt")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (seq, request) = (row.get::<_, i64>(0)? as u64, RequestId::from_bytes(row.get(1)?));
            let envelope = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            if claims.receipts.get(&seq) != Some(&(request, sha256(envelope))) {
                return Err(VaultError::inconsistent("receipt", request, "it is not what the journal records"));
            }
        }
        Ok(())
    }

    /// The secrets are those that the journal says are kept, and each value is the one of its record.
    fn check_secrets(&self) -> Result<(), VaultError> {
        for listed in self.listed_secrets()? {
            self.secret(&listed.name)?;
        }
        Ok(())
    }

    fn check_exceptions(&self, claims: &mut Claims) -> Result<(), VaultError> {
        for stored in self.stored_exceptions()? {
            let found = ClaimedException {
                recorded: (stored.seq, stored.recorded),
                removed: stored.removed.map(|removed| (removed.seq, removed.at)),
            };
            if claims.exceptions.remove(&stored.id) != Some(found) {
                let what = "it is not what the journal records";
                return Err(VaultError::inconsistent("exception", stored.id, what));
            }
        }
        match claims.exceptions.pop_first() {
            None => Ok(()),
            Some((id, ClaimedException { recorded: (seq, _), .. })) => {
                Err(VaultError::Journal { seq, why: format!("exception {id} is missing in the store") })
            }
        }
    }
}

impl Claims {
    fn take(&mut self, seq: u64, at: Timestamp, record: JournalRecord) -> Result<(), String> {
        match record {
            JournalRecord::RunAttested { run, attestation_sha256 } => {
                self.attested.insert(seq, (run, attestation_sha256));
            }
            JournalRecord::RunBegun { run, .. } => {
                self.begun.insert(run, seq);
            }
            JournalRecord::RunEnded { run, code } => {
                self.ended.insert(run, code);
            }
            JournalRecord::ItemDestroyed { item, .. } => {
                self.destroyed.insert(item, seq);
            }
            JournalRecord::ExceptionRecorded { exception, .. } => {
                let claimed = ClaimedException { recorded: (seq, at), removed: None };
                self.exceptions.insert(exception, claimed);
            }
            JournalRecord::ExceptionRemoved { exception, .. } => {
                let claimed = self.exceptions.get_mut(&exception).ok_or("an unknown exception was taken back")?;
                claimed.removed = Some((seq, at));
            }
            JournalRecord::EvidenceReceipted { request, receipt_sha256 }
            | JournalRecord::SecretReceipted { request, receipt_sha256 } => {
                self.receipts.insert(seq, (request, receipt_sha256));
            }
            JournalRecord::Gap { .. } => self.gaps += 1,
            JournalRecord::Started { .. }
            | JournalRecord::DueMissed { .. }
            | JournalRecord::ProcedureApproved { .. }
            | JournalRecord::ProcedureWithdrawn { .. }
            | JournalRecord::EvidenceOpened { .. }
            | JournalRecord::EvidenceRefused { .. }
            | JournalRecord::SecretReceived { .. }
            | JournalRecord::SecretSet { .. }
            | JournalRecord::SecretRemoved { .. }
            | JournalRecord::SecretRefused { .. }
            | JournalRecord::RunRefused { .. }
            | JournalRecord::KeyRotated { .. }
            | JournalRecord::RunHeld { .. }
            | JournalRecord::RunReleased { .. }
            | JournalRecord::ReaderApproved { .. }
            | JournalRecord::ReaderRevoked { .. }
            | JournalRecord::EvidenceConfirmed { .. }
            | JournalRecord::AuditForkSeen { .. }
            | JournalRecord::AuditForkAcknowledged { .. }
            | JournalRecord::StoreImported { .. }
            | JournalRecord::Purged { .. } => {}
        }
        Ok(())
    }
}
