//! What runs on a period: each piece is idempotent, needs no input and may be repeated at any time.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use control_plane_operations::Operations;
use tokio_util::sync::CancellationToken;

use super::certificates::Certificates;
use super::health::Health;

const SWEEP: Duration = Duration::from_secs(2);
const BOOKKEEPING: Duration = Duration::from_secs(2);
const AUTHORITIES: Duration = Duration::from_secs(5);
const CERTIFICATES: Duration = Duration::from_secs(600);

/// Expiries, overdue runs and audit checkpoints.
pub(crate) async fn sweep(operations: Operations, health: Arc<Health>, stop: CancellationToken) {
    while waited(SWEEP, &stop).await {
        let swept = operations.sweep().await;
        health.database(swept.is_ok());
        if let Err(error) = swept {
            tracing::error!(code = error.code(), %error, "upkeep failed and is tried again");
        }
    }
}

/// Before the service ends: who was guessed at and stands in no log yet.
pub(crate) async fn at_the_end(operations: &Operations) {
    if let Err(error) = operations.log_refusals(true).await {
        tracing::error!(code = error.code(), %error, "not every refused sign-in could be logged");
    }
}

/// The issuing authorities of the tenants, among them those that another process created.
pub(crate) async fn authorities(operations: Operations, stop: CancellationToken) {
    while waited(AUTHORITIES, &stop).await {
        if let Err(error) = operations.refresh_trust().await {
            tracing::error!(code = error.code(), %error, "issuing authorities could not be read and are tried again");
        }
    }
}

/// When Runners were last seen, and audit checkpoints.
pub(crate) async fn bookkeeping(operations: Operations, stop: CancellationToken) {
    while waited(BOOKKEEPING, &stop).await {
        if let Err(error) = operations.flush_presence().await {
            tracing::error!(code = error.code(), %error, "presence could not be written and is tried again");
        }
        if let Err(error) = operations.sign_checkpoints().await {
            tracing::error!(code = error.code(), %error, "audit checkpoints could not be signed and are tried again");
        }
    }
}

/// The server's own certificates.
pub(crate) async fn certificates(certificates: Arc<Certificates>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while waited(CERTIFICATES, &stop).await {
        if let Err(fail) = certificates.renew(clock.now()) {
            tracing::error!(code = fail.code, "the server's certificate could not be renewed: {}", fail.message);
        }
    }
}

/// Whether the period passed before the service was told to stop.
async fn waited(period: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(period) => true,
        () = stop.cancelled() => false,
    }
}
