//! Each side keeps and countersigns the other's checkpoints.

use clock::Timestamp;
use contract::enrolment::{RECOVERY_TYPE, RecoveryStatement};
use contract::{AuditCheckpoint, AuditForkSeen, Condition, Digest, NoteText, StatementEnvelope};
use runner_link::duties::{AuditAnswer, SizedNote};
use runner_vault::{AuditSeen, Cosigned, VaultError};

use super::{Line, Result, duty, unfit};
use crate::wiring::runner::vault;

pub(super) fn journal_checkpoint(line: &Line) -> Result<Option<SizedNote>> {
    let (size, note) =
        line.shared.runner.store.with(|store| Ok((store.journal_size()?, store.checkpoint()?))).map_err(duty)?;
    if size == 0 {
        return Ok(None);
    }
    let note = NoteText::try_from(&note).map_err(|error| unfit("journal checkpoint", error))?;
    Ok(Some(SizedNote { size, note }))
}

pub(super) fn keep_cosignature(line: &Line, note: &NoteText) -> Result<()> {
    let mut store = line.shared.runner.store.lock().map_err(duty)?;
    match store.journal_cosigned(&note.note()) {
        Ok(Cosigned::Kept) => Ok(()),
        Ok(Cosigned::RolledBack) => {
            tracing::error!(code = "E-SERVICE-030", "ROLLBACK: a countersigned checkpoint is not of this journal");
            line.shared.out.condition(Condition::Rollback);
            Ok(())
        }
        Err(error @ VaultError::Note { .. }) => {
            tracing::error!(code = error.code(), "a countersignature that does not verify was not kept");
            Ok(())
        }
        Err(error) => Err(duty(vault(error))),
    }
}

pub(super) fn audit_checkpoint(line: &Line, shown: &AuditCheckpoint) -> Result<AuditAnswer> {
    let mut store = line.shared.runner.store.lock().map_err(duty)?;
    match store.witness_audit(&shown.note.note(), shown.from_size, &shown.proof) {
        Ok(AuditSeen::Cosigned(note)) => {
            line.shared.board.metrics.cosigned();
            NoteText::try_from(&note).map(AuditAnswer::Cosigned).map_err(|error| unfit("audit checkpoint", error))
        }
        Ok(AuditSeen::AskAgain { .. }) => Ok(AuditAnswer::AskAgain),
        Ok(AuditSeen::Fork(fork)) => {
            tracing::error!(
                code = "E-SERVICE-032",
                kept = fork.kept_head.size,
                shown = fork.shown_head.size,
                "the audit log was rewritten: both checkpoints are kept, drill-downs are refused"
            );
            line.shared.board.note(|facts| facts.condition = Condition::ForkSeen);
            line.shared.out.condition(Condition::ForkSeen);
            let shown = NoteText::try_from(&fork.shown).map_err(|error| unfit("audit checkpoint", error))?;
            let (kept_size, kept_root) = (fork.kept_head.size, fork.kept_head.root);
            Ok(AuditAnswer::Fork(AuditForkSeen { kept_size, kept_root, shown }))
        }
        Err(error @ VaultError::Note { .. }) => {
            tracing::error!(code = error.code(), "an audit checkpoint that does not verify was shown");
            Ok(AuditAnswer::Refused)
        }
        Err(error) => Err(duty(vault(error))),
    }
}

pub(super) fn recovery_statement(
    line: &Line,
    request_sha256: Digest,
    generation: u64,
    at: Timestamp,
) -> Result<StatementEnvelope> {
    let runner = &line.shared.runner;
    let (tenant, runner_id) = (runner.identity.tenant, runner.identity.runner);
    let statement = RecoveryStatement::new(tenant, runner_id, request_sha256, generation, at);
    let payload = statement.to_bytes();
    let signed = runner.store.with(|store| store.sign_statement(RECOVERY_TYPE, &payload)).map_err(duty)?;
    StatementEnvelope::new(signed.bytes()).map_err(|error| unfit("recovery statement", error))
}
