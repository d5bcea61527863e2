//! The running service: listeners, certificates, upkeep, logs, metrics and health.

pub(crate) mod certificates;
pub(crate) mod health;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod observe;
pub(crate) mod upkeep;
