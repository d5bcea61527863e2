//! Evidence for a person over the line. The gate decides, journals and seals; answers are pulled one frame at a time, so
//! that the store is free between frames and a run goes on beside them.

use contract::{DrillDown, Epoch, Receipt, ReceiptAccepted};
use ids::RequestId;
use runner_disclosure::drilldown::Begun;
use runner_link::duties::{DrillDownBegun, MOST_ANSWERS, Piece};

use super::{Line, Result, duty, unfit};
use crate::wiring::runner::vault;

/// Receipts that are told at once.
const RECEIPTS: u32 = 32;

pub(super) fn begin(line: &Line, asked: &DrillDown, epoch: &Epoch) -> Result<DrillDownBegun> {
    let runner = &line.shared.runner;
    let mut answers = line.answers();
    let mut store = runner.store.lock().map_err(duty)?;
    let begun = if answers.len() >= MOST_ANSWERS {
        line.gate().refuse_busy(&mut store, asked).map(Begun::Refused)
    } else {
        line.gate().receive(&mut store, asked, epoch, &runner.entropy)
    };
    match begun.map_err(|error| duty(vault(error)))? {
        Begun::Answering(answer) => {
            let (request, start) = (answer.request(), answer.start());
            tracing::info!(%request, "evidence is opened for a person");
            answers.insert(request, answer);
            Ok(DrillDownBegun::Answering(start))
        }
        Begun::Refused(refusal) => {
            line.shared.board.metrics.drilldown("refused");
            let request = refusal.receipt.as_ref().map(|receipt| receipt.request.to_string());
            tracing::warn!(request, code = %refusal.code, "a request for evidence is refused");
            Ok(DrillDownBegun::Refused { receipt: refusal.receipt })
        }
    }
}

pub(super) fn next(line: &Line, request: RequestId) -> Result<Piece> {
    let mut answers = line.answers();
    let Some(mut answer) = answers.remove(&request) else { return Ok(Piece::Failed { receipt: None }) };
    let mut store = line.shared.runner.store.lock().map_err(duty)?;
    match answer.next(&store) {
        Ok(frame) if frame.last => {
            let receipt = answer.finish(&mut store).map_err(|error| duty(vault(error)))?;
            line.shared.board.metrics.drilldown("answered");
            tracing::info!(%request, frames = frame.index.saturating_add(1), "evidence was sealed for a person");
            Ok(Piece::Last(frame, receipt))
        }
        Ok(frame) => {
            answers.insert(request, answer);
            Ok(Piece::Frame(frame))
        }
        Err(fault) => {
            line.shared.board.metrics.drilldown("failed");
            tracing::error!(%request, %fault, "an answer could not be gone on with");
            let receipt = answer.cancel(&mut store).map_err(|error| duty(vault(error)))?;
            Ok(Piece::Failed { receipt: Some(receipt) })
        }
    }
}

pub(super) fn cancel(line: &Line, request: RequestId) -> Result<Option<Receipt>> {
    let Some(answer) = line.answers().remove(&request) else { return Ok(None) };
    let mut store = line.shared.runner.store.lock().map_err(duty)?;
    line.shared.board.metrics.drilldown("cancelled");
    tracing::info!(%request, "nobody waits for an answer any more");
    answer.cancel(&mut store).map(Some).map_err(|error| duty(vault(error)))
}

pub(super) fn receipts(line: &Line) -> Result<Vec<Receipt>> {
    let waiting = line.shared.runner.store.with(|store| store.receipts_waiting(RECEIPTS)).map_err(duty)?;
    let receipts = waiting.iter().map(runner_disclosure::line::receipt);
    receipts.map(|receipt| receipt.map_err(|error| unfit("receipt", error))).collect()
}

pub(super) fn receipt_accepted(line: &Line, accepted: &ReceiptAccepted) -> Result<()> {
    let known = Some(&accepted.receipt_sha256);
    line.shared.runner.store.with(|store| store.receipt_accepted(accepted.request, known)).map_err(duty)
}
