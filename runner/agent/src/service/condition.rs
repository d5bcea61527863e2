//! Whether new runs may begin, and what keeps them from it.

use contract::Condition;
use nix::sys::statvfs::statvfs;
use proof::log::journal::MissReason;

use crate::fail::Fail;
use crate::wiring::runner::Runner;

const MIB: u64 = 1 << 20;

/// What keeps new runs from beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// The disk of the store is nearly full.
    Disk,
    /// Too many reports wait to be acknowledged.
    Queue,
    /// The store is older than what was seen of it.
    Rollback,
}

impl Hindrance {
    /// The code of the refusal of a run that is asked for meanwhile.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Disk => "E-RUN-041",
            Self::Queue => "E-RUN-042",
            Self::Rollback => "E-RUN-043",
        }
    }
}

/// How it stands.
pub(crate) struct Seen {
    /// In the line's word.
    pub(crate) condition: Condition,
    /// What keeps new runs from beginning.
    pub(crate) hindrance: Option<Hindrance>,
    /// Free bytes on the disk of the store; none where the file system does not tell.
    pub(crate) free: Option<u64>,
    /// Reports that wait.
    pub(crate) waiting: u64,
}

/// Looks at the store and at its disk.
pub(crate) fn look(runner: &Runner) -> Result<Seen, Fail> {
    let (rolled_back, forked, waiting, options) = runner.store.with(|store| {
        let rolled_back = matches!(store.condition(), runner_vault::Condition::Rollback(_));
        Ok((rolled_back, store.audit_fork()?.is_some(), store.waiting()?, store.options().clone()))
    })?;
    let free = free(&runner.dir);
    let hindrance = if rolled_back {
        Some(Hindrance::Rollback)
    } else if free.is_some_and(|free| free < runner.config.serve.min_free_mib.saturating_mul(MIB)) {
        Some(Hindrance::Disk)
    } else if waiting.records >= options.outbox_limit || waiting.bytes >= options.outbox_bytes {
        Some(Hindrance::Queue)
    } else {
        None
    };
    let condition = match hindrance {
        Some(Hindrance::Rollback) => Condition::Rollback,
        _ if forked => Condition::ForkSeen,
        Some(Hindrance::Disk | Hindrance::Queue) => Condition::Full,
        None => Condition::Ready,
    };
    Ok(Seen { condition, hindrance, free, waiting: waiting.records })
}

fn free(dir: &std::path::Path) -> Option<u64> {
    let disk = statvfs(dir).ok()?;
    #[expect(clippy::useless_conversion, reason = "the widths differ between systems")]
    let (blocks, size) = (u64::from(disk.blocks_available()), u64::from(disk.fragment_size()));
    Some(blocks.saturating_mul(size))
}

/// The word of a reason, as the journal spells it.
pub(crate) fn miss_word(reason: MissReason) -> &'static str {
    match reason {
        MissReason::Stopped => "stopped",
        MissReason::Storage => "storage",
        MissReason::QueueFull => "queue_full",
        MissReason::StillRunning => "still_running",
        MissReason::NotApproved => "not_approved",
        MissReason::NotConfigured => "not_configured",
        MissReason::Rollback => "rollback",
        MissReason::ClockMoved => "clock_moved",
    }
}
