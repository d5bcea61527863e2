//! The Runner's own work: runs with evidence in them, due times that were missed, gaps.

use clock::Timestamp;
use contract::identity::RunnerName;
use ids::{ItemId, RequestId, RunId};
use proof::commitment::Commitment;
use proof::manifest::{CheckLine, ItemLine, Manifest, ProcedureVersion, RunLine, StepLine};
use runner_evidence::{Provenance, RawEvidence};
use runner_vault::{Outcome, PieceRecord, Retention, RunStart, Vault, VaultError};
use serde_json::{Map, json};
use verdict::{Counts, EvidenceClass, Severity, Status, StepStatus, Trigger};

use crate::template::{SOFTWARE, procedure};

/// An item that somebody may ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) run: RunId,
    pub(crate) item: ItemId,
    pub(crate) commitment: Commitment,
}

pub(crate) fn begin(
    vault: &mut Vault,
    run: RunId,
    (request, due): (Option<RequestId>, Option<Timestamp>),
    now: Timestamp,
) -> Result<(), VaultError> {
    let start = RunStart {
        run,
        procedure: procedure(),
        inputs: json!({}),
        trigger: if due.is_some() { Trigger::Schedule } else { Trigger::Local },
        due,
        started: now,
        period: None,
        only: None,
        software: SOFTWARE.into(),
        retention: Retention::Audit,
    };
    match request {
        Some(request) => vault.begin_requested_run(&RunStart { trigger: Trigger::Request, ..start }, request),
        None => vault.begin_run(&start),
    }
}

/// Records evidence with the canary in it, and attests the run.
pub(crate) fn attest(
    vault: &mut Vault,
    run: RunId,
    (rows, width): (usize, usize),
    canary: &str,
    now: Timestamp,
) -> Result<Known, VaultError> {
    let text = canary.repeat(width);
    let records = (0..rows).map(|index| json!({"index": index, "name": text})).collect();
    let evidence = RawEvidence::table(Map::new(), "rows", records).unwrap();
    let class = EvidenceClass::Internal;
    let provenance = Provenance {
        step: "hosts".into(),
        attempt: 1,
        started: now,
        ended: now,
        connector: "file".into(),
        connector_version: "0.1.0".into(),
        connection: None,
        request: json!({"path": canary}),
        source: json!({"host": canary}),
        operator: "proctor".into(),
        bytes: 0,
        class,
        dropped: Vec::new(),
        complete: Some(true),
    };
    let outcome = Outcome::Collected { evidence, provenance, class };
    let (step, failed) = ("hosts".into(), Vec::new());
    let piece = PieceRecord { step, position: None, key: None, failed, started: now, ended: now, outcome };
    vault.record_piece(run, piece)?;
    let manifest = manifest(vault, run, now)?;
    vault.attest(run, &manifest.to_bytes().unwrap())?;
    let item = manifest.items[0].clone();
    Ok(Known { run, item: item.item, commitment: Commitment { rows: item.rows, root: item.root } })
}

fn manifest(vault: &Vault, run: RunId, now: Timestamp) -> Result<Manifest, VaultError> {
    let stored = vault.load_run(run)?;
    let identity = vault.identity();
    let name = RunnerName { tenant: identity.tenant, runner: identity.runner };
    let counts = Counts { pass: 1, ..Counts::default() };
    let piece = &stored.pieces[0];
    let step = StepLine {
        step: "hosts".parse().unwrap(),
        status: StepStatus::Ok,
        code: None,
        attempts: piece.attempts,
        started: piece.started,
        ended: piece.ended,
    };
    let items = piece.items.iter().map(|item| ItemLine {
        item: item.item,
        step: "hosts".parse().unwrap(),
        form: item.form,
        class: item.class,
        collected: item.collected,
        rows: item.commitment.rows,
        root: item.commitment.root,
    });
    let check = CheckLine {
        check: "present".parse().unwrap(),
        status: Status::Pass,
        severity: Severity::High,
        counts,
        exceptions: Vec::new(),
    };
    let start = &stored.start;
    Ok(Manifest {
        run: RunLine {
            run,
            tenant: name.tenant,
            runner: name.runner,
            procedure: ProcedureVersion {
                id: start.procedure.id.clone(),
                version: start.procedure.version,
                sha256: start.procedure.digest,
            },
            trigger: start.trigger,
            due: start.due,
            started: start.started,
            ended: now.max(start.started),
            verdict: Status::Pass,
            score: Some(10_000),
            score_with_exceptions: Some(10_000),
            counts,
            partial: false,
            software: start.software.parse().unwrap(),
        },
        steps: vec![step],
        items: items.collect(),
        checks: vec![check],
        metrics: Vec::new(),
    })
}
