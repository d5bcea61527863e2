//! A connector's secret that a person sent. The gate decides, and the store keeps the value with the record that says so;
//! whatever begins after that uses it.

use contract::{ConnectorSecret, Epoch, Receipt};
use runner_disclosure::secret::Taken;

use super::{Line, Result, duty};
use crate::service::hands::Event;
use crate::wiring::runner::vault;

pub(super) fn keep(line: &Line, sent: &ConnectorSecret, epoch: &Epoch) -> Result<Option<Receipt>> {
    let mut store = line.shared.runner.store.lock().map_err(duty)?;
    let taken = line.secrets().receive(&mut store, sent, epoch).map_err(|error| duty(vault(error)))?;
    drop(store);
    match taken {
        Taken::Kept { name, person, receipt } => {
            line.shared.board.metrics.secret("kept");
            tracing::info!(%name, %person, request = %receipt.request, "a secret was set over the line");
            // A run that could not go on for want of it is tried again now. Nobody hears it where the service ends.
            let _ = line.shared.events.send(Event::Changed);
            Ok(Some(receipt))
        }
        Taken::Refused { code, receipt } => {
            line.shared.board.metrics.secret("refused");
            let request = receipt.as_ref().map(|receipt| receipt.request.to_string());
            tracing::warn!(request, %code, "a secret that was sent is refused: {}", code.says());
            Ok(receipt)
        }
    }
}
