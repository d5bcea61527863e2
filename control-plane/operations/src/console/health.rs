//! How the Runners are, as far as a glance goes.

use clock::Timestamp;
use control_plane_domain::runner::{Condition, LockReason, RunnerLine, RunnerState};
use control_plane_store::Reads;
use ids::TenantId;

use super::{AtRunner, GoneRunner};
use crate::{Error, Operations};

/// Runners that are looked at.
const LOOKED_AT: u32 = 1_000;

/// Runners in trouble that are named.
const NAMED: usize = 10;

/// How long a Runner may be silent before somebody should look.
const AWAY_MS: i64 = 5 * 60 * 1_000;

/// The Runners of a tenant in a few numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunnerHealth {
    /// Runners.
    pub total: u64,
    /// Let in, with a session, and nothing below is the matter.
    pub connected: u64,
    /// Let in, without one.
    pub away: u64,
    /// Waiting for approval.
    pub pending: u64,
    /// Kept out until somebody decides.
    pub locked: u64,
    /// Kept out for good.
    pub revoked: u64,
    /// Connected and able to run, with something overdue.
    pub overdue: u64,
    /// Connected, with no room for another run.
    pub full: u64,
    /// Connected, with a store that was restored from a copy.
    pub restored: u64,
    /// Connected, and saw the audit log fork.
    pub fork_seen: u64,
    /// Whether there are more Runners than were looked at.
    pub more: bool,
    /// Those that somebody should look at; at most ten.
    pub troubled: Vec<TroubledRunner>,
}

/// A Runner that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubledRunner {
    /// Which.
    pub runner: AtRunner,
    /// Why.
    pub trouble: Trouble,
}

/// Why somebody should look at a Runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It was locked.
    Locked(LockReason),
    /// It waits for somebody to compare its fingerprint.
    Pending,
    /// It has no session, and was not heard of for minutes.
    Away {
        /// When it was heard of last.
        last_seen: Option<Timestamp>,
    },
    /// What it says of itself.
    Condition(Condition),
    /// A due time passed without a run or a reason.
    Overdue {
        /// Since when.
        since: Timestamp,
    },
}

impl Trouble {
    /// What to look at first.
    fn rank(self) -> u8 {
        match self {
            Self::Locked(_) => 0,
            Self::Condition(_) => 1,
            Self::Away { .. } => 2,
            Self::Overdue { .. } => 3,
            Self::Pending => 4,
        }
    }
}

impl Operations {
    /// The first Runners; also what those said since that have a session of this process.
    pub(super) async fn runner_lines(&self, reads: &Reads) -> Result<RunnerLines, Error> {
        let tenant: TenantId = reads.tenant_id();
        let mut lines = reads.runner_lines(LOOKED_AT + 1).await?;
        let looked_at = usize::try_from(LOOKED_AT).unwrap_or(usize::MAX);
        let more = lines.len() > looked_at;
        lines.truncate(looked_at);
        let lines = lines.into_iter().map(|line| self.0.presences.refresh_line(tenant, line)).collect();
        Ok(RunnerLines { lines, more })
    }
}

/// The first Runners of a tenant, as they are now.
pub(super) struct RunnerLines {
    pub(super) lines: Vec<RunnerLine>,
    more: bool,
}

impl RunnerLines {
    /// How they are.
    pub(super) fn health(&self, now: Timestamp) -> RunnerHealth {
        let mut health = RunnerHealth { more: self.more, ..RunnerHealth::default() };
        let mut troubled = Vec::new();
        for line in &self.lines {
            health.count(line);
            if let Some(trouble) = trouble(line, now) {
                troubled.push(TroubledRunner { runner: AtRunner { id: line.id, label: line.label.clone() }, trouble });
            }
        }
        troubled.sort_by_key(|runner| runner.trouble.rank());
        troubled.truncate(NAMED);
        RunnerHealth { troubled, ..health }
    }

    /// Those that were let in and have no session now, although they were heard of at this time or later.
    pub(super) fn gone(&self, since: Timestamp) -> Vec<GoneRunner> {
        let is_gone = |line: &&RunnerLine| {
            let is_active = matches!(line.state, RunnerState::Active { .. });
            is_active && !line.connected && line.last_seen.is_some_and(|seen| seen >= since)
        };
        let gone = |line: &RunnerLine| GoneRunner {
            runner: AtRunner { id: line.id, label: line.label.clone() },
            last_seen: line.last_seen,
        };
        self.lines.iter().filter(is_gone).map(gone).collect()
    }
}

impl RunnerHealth {
    /// Each Runner is counted once, by the worst that is to be said of it.
    fn count(&mut self, line: &RunnerLine) {
        self.total += 1;
        match line.state {
            RunnerState::Pending => self.pending += 1,
            RunnerState::Locked { .. } => self.locked += 1,
            RunnerState::Revoked { .. } => self.revoked += 1,
            RunnerState::Active { .. } if !line.connected => self.away += 1,
            RunnerState::Active { .. } => match line.condition {
                Some(Condition::Full) => self.full += 1,
                Some(Condition::Rollback) => self.restored += 1,
                Some(Condition::ForkSeen) => self.fork_seen += 1,
                Some(Condition::Ready) | None if line.overdue_since.is_some() => self.overdue += 1,
                Some(Condition::Ready) | None => self.connected += 1,
            },
        }
    }
}

fn trouble(line: &RunnerLine, now: Timestamp) -> Option<Trouble> {
    let RunnerLine { last_seen, connected, condition, overdue_since, .. } = line;
    match line.state {
        RunnerState::Pending => Some(Trouble::Pending),
        RunnerState::Locked { reason, .. } => Some(Trouble::Locked(reason)),
        RunnerState::Revoked { .. } => None,
        RunnerState::Active { since } => {
            let silent_since = last_seen.unwrap_or(since);
            if !connected && now.as_millis() - silent_since.as_millis() > AWAY_MS {
                return Some(Trouble::Away { last_seen: *last_seen });
            }
            match (condition, overdue_since) {
                (Some(condition), _) if *condition != Condition::Ready => Some(Trouble::Condition(*condition)),
                (_, Some(since)) => Some(Trouble::Overdue { since: *since }),
                (_, None) => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_a_runner_is_named() {
        let now = Timestamp::from_millis(1_000_000_000);
        let well = RunnerLine {
            id: ids::RunnerId::NIL,
            label: "web".parse().unwrap(),
            state: RunnerState::Active { since: now.plus_ms(-1_000_000) },
            last_seen: Some(now),
            connected: true,
            condition: Some(Condition::Ready),
            overdue_since: None,
        };
        assert_eq!(trouble(&well, now), None);
        let overdue = RunnerLine { overdue_since: Some(now), ..well.clone() };
        assert_eq!(trouble(&overdue, now), Some(Trouble::Overdue { since: now }));
        let full = RunnerLine { condition: Some(Condition::Full), ..overdue.clone() };
        assert_eq!(trouble(&full, now), Some(Trouble::Condition(Condition::Full)));
        let blinked = RunnerLine { connected: false, ..well.clone() };
        assert_eq!(trouble(&blinked, now), None, "it may be on its way back");
        let away = RunnerLine { connected: false, ..full.clone() };
        assert_eq!(trouble(&away, now.plus_ms(AWAY_MS + 1)), Some(Trouble::Away { last_seen: Some(now) }));
        let never = RunnerLine { connected: false, last_seen: None, ..well.clone() };
        assert_eq!(trouble(&never, now), Some(Trouble::Away { last_seen: None }));
        let revoked = RunnerLine { state: RunnerState::Revoked { since: now }, ..away.clone() };
        assert_eq!(trouble(&revoked, now), None);
        let mut health = RunnerHealth::default();
        [&well, &away, &revoked, &overdue, &full].into_iter().for_each(|line| health.count(line));
        assert_eq!((health.total, health.connected, health.away, health.revoked), (5, 1, 1, 1));
        assert_eq!((health.overdue, health.full, health.restored, health.fork_seen), (1, 1, 0, 0));
    }
}
