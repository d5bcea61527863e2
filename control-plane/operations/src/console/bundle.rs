//! The proof of a run, made from what the control plane has: everything but opened evidence, which it has not.

use control_plane_domain::policy::{Caller, Permission};
use control_plane_domain::runner::CertificateState;
use control_plane_store::Reads;
use crypto::{p256, pem};
use ids::{ItemId, RunId, RunnerId};
use procedure::Notation;
use proof::bundle::{self, BundleContents, DestroyedItem};
use proof::log::Line;
use proof::note::{SignedNote, VerifierKey};
use proof::tlog_proof::TlogProof;

use super::witness::missing;
use crate::error::NoBundle;
use crate::{Error, Operations};

/// A proof bundle, which `proctor-verify` judges.
#[derive(Clone, PartialEq, Eq)]
pub struct RunBundle {
    /// What the file is called.
    pub file_name: String,
    /// The archive.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for RunBundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunBundle").field("file_name", &self.file_name).field("bytes", &self.bytes.len()).finish()
    }
}

impl Operations {
    /// The proof bundle of a run's newest report. It opens no evidence.
    pub async fn run_bundle(&self, caller: &Caller, id: RunId) -> Result<RunBundle, Error> {
        let permit = caller.permit(Permission::RunsList)?;
        let tx = self.store().read(&permit).await?;
        let detail = tx.run_detail(id).await?.ok_or(Error::NotFound("run"))?;
        let report = tx.newest_report(id).await?.ok_or_else(|| missing("the report of a run"))?;
        let run = detail.summary;
        let runner = tx.runner(run.runner).await?.ok_or(Error::NotFound("Runner"))?;
        let text = self.text(&tx, runner.id, &run.procedure.sha256).await?;
        let procedure = text.procedure().ok_or(NoBundle::Withheld)?;
        let checkpoint = tx.journal_checkpoint(runner.id).await?.filter(|newest| newest.size > run.seq);
        let checkpoint = checkpoint.ok_or(NoBundle::NotCovered)?;
        let journal_line = tx.journal_line(runner.id, run.seq).await?;
        let journal_line = journal_line.ok_or_else(|| missing("the journal record of a run"))?;
        let journal_proof = TlogProof {
            extra: None,
            index: run.seq,
            path: tx.journal_inclusion(runner.id, run.seq, checkpoint.size).await?,
            checkpoint: SignedNote::parse(&checkpoint.note).map_err(|_| missing("a checkpoint of a journal"))?,
        };
        let journal_key: VerifierKey =
            runner.keys.journal_key.parse().map_err(|_| missing("the journal key of a Runner"))?;
        // What would not verify is not handed out.
        let leaf = Line::parse(&journal_line).map_err(|_| missing("a whole journal record of a run"))?.leaf();
        journal_proof.verify(leaf, &journal_key).map_err(|_| missing("the place of a run in its journal"))?;
        let runner_key = p256::VerifyingKey::from_spki(&runner.keys.attestation_key)
            .map_err(|_| missing("the attestation key of a Runner"))?;
        let items: Vec<ItemId> = detail.items.iter().map(|line| line.item).collect();
        let destroyed = tx.destroyed(runner.id, &items).await?;
        let chain = certificates(&tx, runner.id).await?;
        let audit = self.kept_audit(&tx, runner.id).await?;
        let notation = match procedure.notation() {
            Notation::Yaml => bundle::Notation::Yaml,
            Notation::Markdown => bundle::Notation::Markdown,
        };
        let contents = BundleContents {
            manifest: &report.manifest,
            attestation: &report.attestation,
            procedure: (notation, procedure.source()),
            runner_key: &runner_key,
            runner_chain: chain.as_deref(),
            journal_line: &journal_line,
            journal_proof: &journal_proof,
            journal_key: &journal_key,
            audit_checkpoint: audit.as_ref(),
            opened: Vec::new(),
            destroyed: destroyed.into_iter().map(|(item, seq)| DestroyedItem { item, seq }).collect(),
        };
        let bytes = contents.to_bytes().map_err(|_| missing("a report that fits into a bundle"))?;
        Ok(RunBundle { file_name: format!("{id}.proof.zip"), bytes })
    }

    /// The newest checkpoint of the audit log that the Runner keeps, under its cosignature.
    async fn kept_audit(&self, reads: &Reads, runner: RunnerId) -> Result<Option<SignedNote>, Error> {
        let Some(kept) = reads.audit_kept_by(runner).await? else { return Ok(None) };
        let checkpoint = reads.audit_checkpoint_at(kept.size).await?;
        let checkpoint = checkpoint.ok_or_else(|| missing("a checkpoint of the audit log"))?;
        self.with_cosignatures(reads, &checkpoint).await.map(Some)
    }
}

/// The Runner's certificate and its issuer's, in PEM.
async fn certificates(reads: &Reads, runner: RunnerId) -> Result<Option<String>, Error> {
    let current = reads.certificate_in(runner, CertificateState::Current).await?;
    Ok(current.map(|current| current.chain.iter().map(|der| pem::encode("CERTIFICATE", der)).collect()))
}
