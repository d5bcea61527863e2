//! Who vouches for a run: the Runner's signature, its place in the journal, and who has seen that journal.

use clock::Timestamp;
use control_plane_domain::run::RunSummary;
use control_plane_domain::runner::Runner;
use control_plane_domain::tenant::TenantKeyKind;
use control_plane_store::Reads;
use crypto::{Digest, p256};
use proof::checkpoint::Checkpoint;
use proof::cosignature::verify_cosignature;
use proof::log::Line;
use proof::note::{SignedNote, VerifierKey};

use crate::{Error, Operations};

/// What proves a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunProof {
    /// The journal record that attests its newest report.
    pub record: JournalRef,
    /// SHA-256 of the manifest's exact bytes.
    pub manifest_sha256: Digest,
    /// SHA-256 of the attestation's exact bytes.
    pub attestation_sha256: Digest,
    /// The key that signed it: SHA-256 of its SubjectPublicKeyInfo.
    pub runner_key: Digest,
    /// The fingerprint that was compared when the Runner was approved.
    pub fingerprint: Digest,
    /// Who has seen the journal since.
    pub witness: WitnessState,
}

/// A record of a Runner's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalRef {
    /// Its position.
    pub seq: u64,
    /// SHA-256 of its line.
    pub hash: Digest,
    /// When the Runner wrote it.
    pub at: Timestamp,
}

/// Who has seen the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessState {
    /// No checkpoint covers the record yet.
    NotYet,
    /// The newest checkpoint covers it.
    Covered(CoveredBy),
}

/// The newest checkpoint of a journal, and the signatures under it; each was checked before it is said here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveredBy {
    /// Records under it.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
    /// The journal's name.
    pub origin: String,
    /// Whether the journal's own key signed it.
    pub runner_signed: bool,
    /// When the control plane cosigned it; `None` when its cosignature is not there or does not hold.
    pub control_plane: Option<Timestamp>,
    /// Signatures of others, whose keys are not known here.
    pub others: u64,
    /// When it was kept.
    pub kept: Timestamp,
    /// The newest checkpoint of the tenant's audit log that this Runner keeps and cosigned.
    pub audit_kept: Option<KeptAudit>,
}

/// A checkpoint of the audit log that a Runner keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptAudit {
    /// Records under it.
    pub size: u64,
    /// When it said so.
    pub at: Timestamp,
}

impl Operations {
    pub(super) async fn run_proof(&self, reads: &Reads, runner: &Runner, run: &RunSummary) -> Result<RunProof, Error> {
        let line = reads.journal_line(runner.id, run.seq).await?;
        let line = line.ok_or_else(|| missing("the journal record of a run"))?;
        let line = Line::parse(&line).map_err(|_| missing("a whole journal record of a run"))?;
        let key = p256::VerifyingKey::from_spki(&runner.keys.attestation_key);
        let digests = reads.newest_report_digests(run.id).await?;
        let (manifest_sha256, attestation_sha256) = digests.ok_or_else(|| missing("the report of a run"))?;
        Ok(RunProof {
            record: JournalRef { seq: line.head().seq, hash: line.hash(), at: line.head().at },
            manifest_sha256,
            attestation_sha256,
            runner_key: key.map_err(|_| missing("the attestation key of a Runner"))?.key_id(),
            fingerprint: runner.keys.fingerprint,
            witness: self.witness_state(reads, runner, run.seq).await?,
        })
    }

    async fn witness_state(&self, reads: &Reads, runner: &Runner, seq: u64) -> Result<WitnessState, Error> {
        let newest = reads.journal_checkpoint(runner.id).await?.filter(|newest| newest.size > seq);
        let Some(newest) = newest else { return Ok(WitnessState::NotYet) };
        let note = SignedNote::parse(&newest.note).map_err(|_| missing("a checkpoint of a journal"))?;
        let journal_key: VerifierKey =
            runner.keys.journal_key.parse().map_err(|_| missing("the journal key of a Runner"))?;
        let ours = self.verifier_key(reads, TenantKeyKind::Witness).await?;
        let opened = Checkpoint::open(&note, &journal_key);
        let runner_signed = opened.is_ok_and(|opened| (opened.size, opened.root) == (newest.size, newest.root));
        let known = [&journal_key, &ours];
        let others = note.signatures().iter().filter(|signature| {
            !known.iter().any(|key| *key.name() == signature.name && key.key_id() == signature.key_id)
        });
        let others = u64::try_from(others.count()).unwrap_or(u64::MAX);
        let audit_kept = reads.audit_kept_by(runner.id).await?;
        Ok(WitnessState::Covered(CoveredBy {
            size: newest.size,
            root: newest.root,
            origin: journal_key.name().to_string(),
            runner_signed,
            control_plane: verify_cosignature(&note, &ours).ok(),
            others,
            kept: newest.at,
            audit_kept: audit_kept.map(|kept| KeptAudit { size: kept.size, at: kept.at }),
        }))
    }
}

/// Something that was written together with a run is not as it was written.
pub(super) fn missing(what: &str) -> Error {
    Error::from(control_plane_store::StoreError::Record(format!("{what} is not there as it was written")))
}
