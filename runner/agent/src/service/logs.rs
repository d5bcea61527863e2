//! What the service logs: JSON Lines on standard error, for the journal of the system. Ids, codes, counts and times; what
//! targets and people said stays in the store.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::{fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::LogLevel;

/// The rooms whose words are known not to quote evidence. Libraries are not listened to: theirs could.
const ROOMS: [&str; 4] = ["runner_agent", "runner_disclosure", "runner_link", "runner_vault"];

/// Logs from now on.
pub(super) fn begin(level: LogLevel) {
    let level = match level {
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let targets = ROOMS.into_iter().fold(Targets::new(), |targets, room| targets.with_target(room, level));
    let words = fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(std::io::stderr);
    // A second call in one process keeps the first listener.
    let _ = tracing_subscriber::registry().with(words).with(targets).try_init();
}
