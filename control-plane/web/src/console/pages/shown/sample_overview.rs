//! How things stand, for the samples of pages.

use control_plane_domain::procedure::MissedDue;
use control_plane_domain::runner::{Condition, LockReason};
use control_plane_domain::standing::{SeverityCounts, VerdictCounts};
use control_plane_operations::console::*;

use super::sample::{
    alarm, at, bare_alarm, changes, days, digest, due, finding_rows, hostile_finding_rows, hostile_runner, missed,
    runner, running, severities,
};
use crate::console::sample::hostile_text;

fn troubled() -> Vec<TroubledRunner> {
    [
        Trouble::Pending,
        Trouble::Locked(LockReason::JournalForked),
        Trouble::Away { last_seen: Some(at(-7_200_000)) },
        Trouble::Away { last_seen: None },
        Trouble::Condition(Condition::Full),
        Trouble::Condition(Condition::Rollback),
        Trouble::Condition(Condition::ForkSeen),
        Trouble::Overdue { since: at(-7_200_000) },
    ]
    .map(|trouble| TroubledRunner { runner: hostile_runner(), trouble })
    .into()
}

pub(crate) fn missed_row(missed: MissedDue) -> MissedRow {
    MissedRow { runner: runner(), missed, title: Some(hostile_text()), digest: Some(digest()) }
}

pub(crate) fn overview() -> Overview {
    let [verdict, opened, closed] = changes().try_into().unwrap();
    Overview {
        at: at(0),
        started: Started { has_runner: true, has_procedure: true, has_run: true },
        verdicts: VerdictCounts { pass: 20, fail: 2, error: 1, pending: 1, not_applicable: 1, excepted: 1 },
        findings: severities(),
        trend: days(),
        overdue: vec![OverdueRow { runner: runner(), due: due(), title: None, digest: Some(digest()) }],
        more_overdue: true,
        missed: missed().into_iter().map(missed_row).collect(),
        more_missed: true,
        upcoming: vec![OverdueRow {
            runner: hostile_runner(),
            due: due(),
            title: Some(hostile_text()),
            digest: Some(digest()),
        }],
        runners: RunnerHealth {
            total: 11,
            connected: 3,
            away: 1,
            pending: 1,
            locked: 1,
            revoked: 1,
            overdue: 1,
            full: 1,
            restored: 1,
            fork_seen: 1,
            more: true,
            troubled: troubled(),
        },
        changes: Changes {
            since: at(-86_400_000),
            verdicts: vec![verdict],
            opened: vec![opened],
            closed: vec![closed],
            gone: vec![GoneRunner { runner: hostile_runner(), last_seen: Some(at(-80_000_000)) }],
            alarms: Some(vec![bare_alarm()]),
            more: true,
        },
        worst: finding_rows(),
        running: running(),
        alarms: Some(vec![alarm()]),
    }
}

pub(crate) fn empty_overview() -> Overview {
    Overview {
        at: at(0),
        started: Started { has_runner: false, has_procedure: false, has_run: false },
        verdicts: VerdictCounts::default(),
        findings: SeverityCounts::default(),
        trend: Vec::new(),
        overdue: Vec::new(),
        more_overdue: false,
        missed: Vec::new(),
        more_missed: false,
        upcoming: Vec::new(),
        runners: RunnerHealth::default(),
        changes: Changes {
            since: at(-86_400_000),
            verdicts: Vec::new(),
            opened: Vec::new(),
            closed: Vec::new(),
            gone: Vec::new(),
            alarms: None,
            more: false,
        },
        worst: Vec::new(),
        running: Vec::new(),
        alarms: None,
    }
}

pub(crate) fn hostile_overview() -> Overview {
    Overview { worst: hostile_finding_rows(), ..overview() }
}
