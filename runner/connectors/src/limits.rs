//! How much one step may take of the machine and of its target.

use std::time::Duration;

/// Bounds on what a step collects. Whatever would go beyond one of them is refused as a whole, with the code
/// `too_large`; nothing is ever cut off.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one output, one file that is read, one page of an HTTP answer.
    pub output_bytes: u64,
    /// Bytes of everything that one step collects: all files, all pages, all rows.
    pub step_bytes: u64,
    /// Directory entries that one `glob` may look at.
    pub entries: u64,
    /// Largest `max_rows` that a query may ask for.
    pub rows: u64,
    /// Largest number of pages that an HTTP step may fetch.
    pub pages: u64,
    /// Seconds for opening one connection, TLS included.
    pub connect_seconds: u64,
    /// Address space of one process of a command, in bytes.
    pub command_memory: u64,
    /// Largest file that a command may write unless its step declares changes, in bytes.
    pub command_file: u64,
    /// Processes that the account of the Runner may have while a command starts more; root is exempt in the kernel.
    pub command_processes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            output_bytes: 16 * MIB,
            step_bytes: 64 * MIB,
            entries: 100_000,
            rows: 1_000_000,
            pages: 10_000,
            connect_seconds: 10,
            command_memory: 4_096 * MIB,
            command_file: 1_024 * MIB,
            command_processes: 1_024,
        }
    }
}

impl Limits {
    pub(crate) fn connect(&self) -> Duration {
        Duration::from_secs(self.connect_seconds.max(1))
    }
}
