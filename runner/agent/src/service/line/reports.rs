//! The journal, record by record, until the control plane has it.

use contract::{Code, Condition, Digest, Report};
use runner_link::duties::{Continuation, ReportLimit, Standing};
use runner_vault::Acceptance;

use super::{Line, Result, duty, unfit};
use crate::wiring::runner::SOFTWARE;

pub(super) fn standing(line: &Line) -> Result<Standing> {
    let runner = &line.shared.runner;
    let (size, head, audit, level) = runner
        .store
        .with(|store| {
            let (size, head) = store.journal_head()?;
            Ok((size, head, store.audit_head()?, store.seal_level()))
        })
        .map_err(duty)?;
    let (audit_size, audit_root) = audit.map_or((0, proof::merkle::empty_root()), |head| (head.size, head.root));
    let condition = crate::service::condition::look(runner).map_err(duty)?.condition;
    Ok(Standing {
        software: SOFTWARE.parse().map_err(|error| unfit("software", error))?,
        journal_size: size,
        journal_head: head,
        audit_size,
        audit_root,
        condition,
        seal_level: level.name().parse().map_err(|error| unfit("seal level", error))?,
    })
}

pub(super) fn next(line: &Line, from: u64, limit: ReportLimit) -> Result<Vec<Report>> {
    let records = u32::try_from(limit.records).unwrap_or(u32::MAX);
    let read = line.shared.runner.store.with(|store| store.reports(from, records, limit.bytes as u64)).map_err(duty)?;
    let reports =
        read.into_iter().map(|record| runner_disclosure::line::report(record).map_err(|e| unfit("report", e)));
    reports.collect()
}

pub(super) fn accepted(line: &Line, accepted: u64) -> Result<()> {
    let kept = line.shared.runner.store.with(|store| store.accepted(accepted, None)).map_err(duty)?;
    if kept == Acceptance::RolledBack {
        rolled_back(line);
    }
    Ok(())
}

pub(super) fn reconcile(line: &Line, accepted: u64, head: Digest) -> Result<Continuation> {
    let kept = line.shared.runner.store.with(|store| store.accepted(accepted, Some(head))).map_err(duty)?;
    Ok(match kept {
        Acceptance::Kept => Continuation::Follows,
        Acceptance::RolledBack => {
            rolled_back(line);
            Continuation::Differs
        }
    })
}

fn rolled_back(line: &Line) {
    tracing::error!(
        code = "E-SERVICE-030",
        "ROLLBACK: the control plane has records that this store does not; no runs and no openings until `proctor-runner \
         journal acknowledge`"
    );
    line.shared.board.note(|facts| facts.condition = Condition::Rollback);
    line.shared.out.condition(Condition::Rollback);
}

pub(super) fn refused(line: &Line, seq: u64, code: &Code) {
    tracing::error!(
        code = "E-SERVICE-031",
        seq,
        refused = code.as_str(),
        "a report will never be accepted; see `status`"
    );
    line.shared.board.note(|facts| facts.refused = Some((seq, code.as_str().to_owned())));
}
