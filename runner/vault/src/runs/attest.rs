//! The end of a run: its manifest is attested and journalled in one transaction, before anybody hears of it.

use std::collections::BTreeMap;

use clock::Timestamp;
use crypto::Digest;
use ids::RunId;
use proof::attestation;
use proof::log::journal::JournalRecord;
use proof::manifest::{self, Manifest, RunLine};
use rusqlite::{Connection, OptionalExtension, params};
use verdict::{Code, Severity, Status, StepStatus};

use super::RunRow;
use crate::VaultError;
use crate::evidence::ItemRow;
use crate::vault::Vault;

/// What came of attesting a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attested {
    /// The journal record.
    pub seq: u64,
    /// SHA-256 of the envelope.
    pub sha256: Digest,
    /// Whether the run has ended with it; one that waits for people has not.
    pub is_final: bool,
}

/// An attestation as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttestation {
    /// The journal record.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Whether the run ended with it.
    pub is_final: bool,
    /// The manifest, exact bytes.
    pub manifest: Vec<u8>,
    /// The DSSE envelope, exact bytes.
    pub envelope: Vec<u8>,
}

/// What the newest full run says of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckState {
    /// The procedure.
    pub procedure: String,
    /// The check.
    pub check: String,
    /// Its status in the newest run.
    pub status: Status,
    /// Its severity there.
    pub severity: Severity,
    /// When a run first gave this status without another one in between.
    pub since: Timestamp,
    /// Since when it has been failing, excepted or not; errors and waiting in between do not end it.
    pub failing_since: Option<Timestamp>,
    /// The newest run.
    pub run: RunId,
}

impl Vault {
    /// Attests a run: signs its manifest, stores both, journals the attestation, renews the checkpoint and keeps the
    /// state of each check. The manifest must say of the run what the store says, and list exactly the
    /// items that it holds. Unless a step or an item in it is still pending, the run has ended.
    pub fn attest(&mut self, run: RunId, manifest: &[u8]) -> Result<Attested, VaultError> {
        self.check_ready()?;
        let row = RunRow::find(&self.db, run)?;
        row.check_running()?;
        let read = manifest::parse(manifest)
            .map_err(|error| VaultError::Unstorable { what: "manifest", why: error.to_string() })?;
        self.check_manifest(&row, &read)?;
        let mut writer = self.begin()?;
        let envelope = attestation::attest(&read, manifest, &writer.keys.attester);
        let sha256 = envelope.sha256();
        let seq = writer.journal(&JournalRecord::RunAttested { run, attestation_sha256: sha256 })?.seq;
        let is_final = is_final(&read);
        writer
            .tx
            .prepare_cached(
                "INSERT INTO attestation (run, seq, at, final, verdict, manifest, envelope) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                row.id,
                seq as i64,
                writer.now.as_millis(),
                is_final,
                read.run.verdict.as_str(),
                manifest,
                envelope.bytes()
            ])?;
        if is_final {
            close(&writer.tx, &row, &read.run)?;
            if !read.run.partial {
                keep_checks(&writer.tx, &read)?;
            }
        }
        writer.commit()?;
        Ok(Attested { seq, sha256, is_final })
    }

    /// Ends a run that has nothing to attest, because of a fault of ours or because it was cancelled. It stays and is
    /// accounted for in the journal.
    pub fn end_run(&mut self, run: RunId, code: Code) -> Result<u64, VaultError> {
        let row = RunRow::find(&self.db, run)?;
        row.check_running()?;
        let mut writer = self.begin()?;
        let seq = writer.journal(&JournalRecord::RunEnded { run, code })?.seq;
        writer.tx.execute(
            "UPDATE run SET state = 'ended', ended = ?2, code = ?3 WHERE id = ?1",
            params![row.id, writer.now.as_millis(), code.as_str()],
        )?;
        writer.commit()?;
        Ok(seq)
    }

    /// Every attestation of a run, oldest first.
    pub fn attestations(&self, run: RunId) -> Result<Vec<StoredAttestation>, VaultError> {
        let row = RunRow::find(&self.db, run)?;
        let mut statement = self
            .db
            .prepare_cached("SELECT seq, at, final, manifest, envelope FROM attestation WHERE run = ?1 ORDER BY seq")?;
        let rows = statement.query_map([row.id], |row| {
            Ok(StoredAttestation {
                seq: row.get::<_, i64>(0)? as u64,
                at: Timestamp::from_millis(row.get(1)?),
                is_final: row.get(2)?,
                manifest: row.get(3)?,
                envelope: row.get(4)?,
            })
        })?;
        rows.map(|row| row.map_err(VaultError::from)).collect()
    }

    /// What the newest full run of a procedure says of each of its checks.
    pub fn check_states(&self, procedure: &str) -> Result<Vec<CheckState>, VaultError> {
        self.read_checks("WHERE procedure_id = ?1 ORDER BY check_id", procedure)
    }

    /// Every check that fails, the longest-standing first.
    pub fn findings(&self) -> Result<Vec<CheckState>, VaultError> {
        self.read_checks("WHERE failing_since IS NOT NULL AND ?1 = '' ORDER BY failing_since", "")
    }

    fn read_checks(&self, condition: &str, parameter: &str) -> Result<Vec<CheckState>, VaultError> {
        let sql = format!(
            "SELECT procedure_id, check_id, status, severity, since, failing_since, run FROM check_state {condition}"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query([parameter])?;
        let mut states = Vec::new();
        while let Some(row) = rows.next()? {
            let check: String = row.get(1)?;
            let word = |error: verdict::UnknownWord| VaultError::inconsistent("check_state", &check, error);
            states.push(CheckState {
                procedure: row.get(0)?,
                status: row.get::<_, String>(2)?.parse().map_err(word)?,
                severity: row.get::<_, String>(3)?.parse().map_err(word)?,
                since: Timestamp::from_millis(row.get(4)?),
                failing_since: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
                run: RunId::from_bytes(row.get(6)?),
                check,
            });
        }
        Ok(states)
    }

    /// Whether a manifest says what the store says.
    fn check_manifest(&self, row: &RunRow, manifest: &Manifest) -> Result<(), VaultError> {
        let run = row.run;
        let differs = |what: &str| {
            let why = format!("it differs from what is stored of run {run} in {what}");
            Err(VaultError::Unstorable { what: "manifest", why })
        };
        let (line, identity) = (&manifest.run, self.identity);
        if line.run != run || line.tenant != identity.tenant || line.runner != identity.runner {
            return differs("run, tenant or runner");
        }
        let start = self.load_start(row)?;
        let procedure = &start.procedure;
        if line.procedure.id != procedure.id
            || line.procedure.version != procedure.version
            || line.procedure.sha256 != procedure.digest
        {
            return differs("the procedure");
        }
        if line.trigger != start.trigger || line.due != start.due || line.started != start.started {
            return differs("trigger, due or started");
        }
        if line.partial != start.only.is_some() || line.software.as_str() != start.software {
            return differs("partial or software");
        }
        let items = ItemRow::of_run(&self.db, row.id)?;
        let lines: BTreeMap<_, _> = manifest.items.iter().map(|line| (line.item, line)).collect();
        let same = |stored: &ItemRow| {
            let (place, record) = (&stored.stored, &stored.stored.record);
            lines.get(&record.item).is_some_and(|line| {
                line.step.as_str() == place.step
                    && line.form == record.form
                    && line.class == record.class
                    && line.collected == record.collected
                    && line.commitment() == record.commitment
            })
        };
        if items.len() != manifest.items.len() || !items.iter().all(same) {
            return differs("its evidence items");
        }
        Ok(())
    }
}

fn close(db: &Connection, row: &RunRow, line: &RunLine) -> Result<(), VaultError> {
    let score = |score: Option<u64>| score.and_then(|score| i64::try_from(score).ok());
    db.prepare_cached(
        "UPDATE run SET state = 'final', ended = ?2, verdict = ?3, score = ?4, score_with_exceptions = ?5 WHERE id = ?1",
    )?
    .execute(params![
        row.id,
        line.ended.as_millis(),
        line.verdict.as_str(),
        score(line.score),
        score(line.score_with_exceptions)
    ])?;
    Ok(())
}

/// Keeps what the run says of each check. An older run that is attested late does not overwrite a newer one.
fn keep_checks(db: &Connection, manifest: &Manifest) -> Result<(), VaultError> {
    let procedure = manifest.run.procedure.id.as_str();
    let started = manifest.run.started.as_millis();
    let mut known = db.prepare_cached(
        "SELECT check_state.status, check_state.since, check_state.failing_since, run.started FROM check_state \
         LEFT JOIN run ON run.run = check_state.run WHERE check_state.procedure_id = ?1 AND check_id = ?2",
    )?;
    let mut keep = db.prepare_cached(
        "INSERT INTO check_state (procedure_id, check_id, status, severity, since, failing_since, run) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (procedure_id, check_id) DO UPDATE SET \
         status = excluded.status, severity = excluded.severity, since = excluded.since, \
         failing_since = excluded.failing_since, run = excluded.run",
    )?;
    for line in &manifest.checks {
        let check = line.check.as_str();
        let before = known
            .query_row([procedure, check], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<i64>>(2)?, row.get(3)?))
            })
            .optional()?;
        let (mut since, mut failing) = (started, None);
        if let Some((status, earlier, failing_since, last)) = before {
            let last: Option<i64> = last;
            if last.is_some_and(|last| last > started) {
                continue;
            }
            if status == line.status.as_str() {
                since = earlier;
            }
            failing = failing_since;
        }
        let failing_since = match line.status {
            Status::Fail | Status::Excepted => failing.or(Some(started)),
            Status::Error | Status::Pending | Status::Skipped => failing,
            Status::Pass | Status::NotApplicable => None,
        };
        keep.execute(params![
            procedure,
            check,
            line.status.as_str(),
            line.severity.as_str(),
            since,
            failing_since,
            manifest.run.run.as_bytes()
        ])?;
    }
    // Checks that the newest version of the procedure no longer has are no findings any more.
    let names: Vec<&str> = manifest.checks.iter().map(|line| line.check.as_str()).collect();
    let names = serde_json::Value::from(names).to_string();
    db.prepare_cached(
        "DELETE FROM check_state WHERE procedure_id = ?1 AND check_id NOT IN (SELECT value FROM json_each(?2))",
    )?
    .execute([procedure, &names])?;
    Ok(())
}

/// A failing check outranks a pending one, so a run that waits for somebody may have the verdict `fail`: what counts is
/// whether anything can still change.
pub(crate) fn is_final(manifest: &Manifest) -> bool {
    manifest.run.counts.pending == 0
        && manifest.run.verdict != Status::Pending
        && manifest.steps.iter().all(|step| step.status != StepStatus::Pending)
}
