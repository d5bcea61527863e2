//! Between the words of the store and those of the engine.

use std::collections::BTreeMap;

use procedure::{Notation, Outcome, Procedure};
use runner_engine::{Restored, Settled, Slot};
use runner_vault::{PieceState, ProcedureSource, Retention, StoredPiece, StoredRun};

use crate::fail::Fail;
use crate::wiring::runner::Runner;

/// The procedure as the store keeps it.
pub(crate) fn source(procedure: &Procedure) -> Result<ProcedureSource, Fail> {
    let id = procedure.id.parse().map_err(|_| {
        Fail::input("E-RUN-007", format_args!("`{}` cannot stand in a manifest", procedure.id), "give it a shorter id")
    })?;
    let notation = match procedure.notation() {
        Notation::Yaml => runner_vault::Notation::Yaml,
        Notation::Markdown => runner_vault::Notation::Markdown,
    };
    let (version, digest) = (procedure.version, procedure.digest());
    Ok(ProcedureSource { id, version, digest, notation, source: procedure.source().to_vec() })
}

/// The procedure that a stored run executed, read again from the bytes that were kept.
pub(crate) fn procedure(source: &ProcedureSource) -> Result<Procedure, Fail> {
    let notation = match source.notation {
        runner_vault::Notation::Yaml => Notation::Yaml,
        runner_vault::Notation::Markdown => Notation::Markdown,
    };
    let unreadable = |why: String| {
        let message = format!("the stored procedure {} is not what was run: {why}", source.id);
        Fail::fault(
            "E-RUN-014",
            message,
            "the store was changed or made by another version; see `proctor-runner doctor`",
        )
    };
    let procedure = procedure::read(&source.source, notation).map_err(|faults| unreadable(faults.to_string()))?;
    if procedure.digest() == source.digest { Ok(procedure) } else { Err(unreadable("another digest".to_owned())) }
}

/// The retention class in the store's words.
pub(crate) fn retention(procedure: &Procedure) -> Retention {
    match procedure.retention {
        procedure::Retention::Operational => Retention::Operational,
        procedure::Retention::Audit => Retention::Audit,
        procedure::Retention::Statutory => Retention::Statutory,
    }
}

/// What the store kept of each piece, with the values read back from the evidence.
pub(crate) fn pieces(runner: &Runner, stored: &StoredRun) -> Result<BTreeMap<Slot, Restored>, Fail> {
    let mut pieces = BTreeMap::new();
    for piece in &stored.pieces {
        let slot = Slot { step: piece.step.clone(), position: piece.position };
        if let Some(restored) = restored(runner, stored, piece, &slot)? {
            pieces.insert(slot, restored);
        }
    }
    Ok(pieces)
}

fn restored(runner: &Runner, stored: &StoredRun, piece: &StoredPiece, slot: &Slot) -> Result<Option<Restored>, Fail> {
    let outcome = match &piece.state {
        PieceState::Collected => {
            let evidence = runner.store.with(|store| store.evidence(stored.start.run, &piece.step, piece.position))?;
            match evidence.value() {
                Ok(value) => Outcome::Value(value),
                Err(error) => {
                    let message = format!("evidence of step {} does not read back: {error}", piece.step);
                    return Err(Fail::fault(
                        "E-RUN-015",
                        message,
                        "the store was changed; see `proctor-runner doctor`",
                    ));
                }
            }
        }
        PieceState::Failed { code, .. } => Outcome::Failed(*code),
        PieceState::Overdue => Outcome::Overdue,
        PieceState::Skipped => Outcome::Skipped,
        PieceState::Pending { deadline, .. } => {
            return Ok(Some(Restored::Asked { at: piece.started, deadline: *deadline }));
        }
        // An empty list is found again from what it is taken from; a change that was cut off is settled by `resume`.
        PieceState::Waiting { .. } | PieceState::Empty => return Ok(None),
    };
    let key = piece.key.clone().unwrap_or_default();
    let untried = matches!(piece.state, PieceState::Failed { provenance: None, .. } | PieceState::Skipped);
    let attempts = if untried { 0 } else { piece.attempts };
    let (started, ended) = (piece.started, piece.ended);
    Ok(Some(Restored::Settled(Settled { slot: slot.clone(), key, outcome, attempts, started, ended })))
}
