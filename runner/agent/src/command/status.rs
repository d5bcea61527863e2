//! `status`: how the service and its line to the control plane are.

use contract::enrolment::Fingerprint;
use proof::checkpoint::Checkpoint;
use runner_vault::Condition;
use serde_json::{Value, json};

use crate::fail::{Exit, Fail};
use crate::place::Place;
use crate::service::{line_state, word};
use crate::wiring::enrolment;
use crate::wiring::runner::{Mode, Runner};

/// Shows enrolment, certificate, session, waiting reports, the newest audit checkpoint and alarms. A running service
/// answers itself; otherwise what the store holds is shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  proctor-runner status
  proctor-runner status --json | jq .line.state

Exit code 1: something needs attention.")]
pub(crate) struct Args {}

/// What is shown, one fact after the other.
#[derive(Default)]
struct Report {
    lines: Vec<(&'static str, String)>,
    alarms: Vec<(String, String)>,
}

pub(crate) fn execute(_: Args, place: &Place) -> Result<Exit, Fail> {
    let runner = Runner::open(place, Mode::Look)?;
    let mut report = Report::default();
    let identity = runner.identity;
    report.lines.push(("runner", identity.runner.to_string()));
    let enrolled = enrolment(&runner, &mut report)?;
    let service = service(&runner, &mut report);
    let store = store(&runner, &mut report)?;
    for (name, says) in &report.lines {
        place.out.line(format_args!("{name:<16} {}", crate::output::printable(says)));
    }
    for (says, next) in &report.alarms {
        place.out.line(format_args!("ALARM            {}", crate::output::printable(says)));
        place.out.line(format_args!("                 → {}", crate::output::printable(next)));
    }
    let alarms: Vec<_> = report.alarms.iter().map(|(says, next)| json!({"message": says, "next": next})).collect();
    place.out.json(&json!({
        "runner": identity.runner, "tenant": identity.tenant, "enrolment": enrolled, "service": service.0,
        "line": service.1, "store": store, "alarms": alarms,
    }));
    Ok(if report.alarms.is_empty() { Exit::Pass } else { Exit::NotPass })
}

fn enrolment(runner: &Runner, report: &mut Report) -> Result<Value, Fail> {
    if let Some(identity) = enrolment::identity(runner)? {
        let expired = identity.expired(runner.clock.now());
        let (address, until) = (identity.line_address(), identity.not_after());
        report.lines.push(("tenant", runner.identity.tenant.to_string()));
        report.lines.push(("control plane", address.to_string()));
        let fingerprint = enrolment::kept_fingerprint(runner)?.map(|fingerprint| fingerprint.to_string());
        report.lines.extend(fingerprint.clone().map(|fingerprint| ("fingerprint", fingerprint)));
        report.lines.push(("certificate", format!("until {until}, generation {}", identity.generation())));
        if expired {
            let next = "a running service recovers it by itself; see `proctor-runner doctor` if it does not";
            report.alarms.push((format!("the certificate ended at {until}"), next.to_owned()));
        }
        // A service that starts waits for it first, and has no line meanwhile.
        let newer = awaiting(runner, report)?;
        return Ok(json!({
            "state": "enrolled", "line_address": address.to_string(), "not_after": until,
            "generation": identity.generation(), "expired": expired, "fingerprint": fingerprint, "newer": newer,
        }));
    }
    if let Some(awaiting) = awaiting(runner, report)? {
        return Ok(awaiting);
    }
    report.lines.push(("enrolment", "none: schedules only, nothing is reported".to_owned()));
    Ok(json!({"state": "none"}))
}

/// The application that waits for its approval.
fn awaiting(runner: &Runner, report: &mut Report) -> Result<Option<Value>, Fail> {
    let Some(pending) = enrolment::pending(runner)? else { return Ok(None) };
    let fingerprint: Fingerprint = enrolment::fingerprint(&pending)?;
    let address = pending.application.address();
    report.lines.push(("enrolment", format!("waits for approval at {address}, fingerprint {fingerprint}")));
    Ok(Some(json!({
        "state": "awaiting_approval", "enrolment_address": address.to_string(),
        "fingerprint": fingerprint.to_string(),
    })))
}

/// The service, and its line.
fn service(runner: &Runner, report: &mut Report) -> (Value, Value) {
    let Some(board) = &runner.board else {
        report.lines.push(("service", "does not run".to_owned()));
        return (json!({"state": "stopped"}), Value::Null);
    };
    let facts = board.facts();
    let readiness = board.readiness(runner.clock.now());
    report.lines.push(("service", format!("{} since {}", word(facts.condition), facts.since)));
    let requested = if facts.requested > 0 { format!(", {} asked for", facts.requested) } else { String::new() };
    let asking = match facts.asking {
        0 => String::new(),
        asking => format!(", {asking} waiting for an answer: see `proctor-runner pending`"),
    };
    report.lines.push(("runs", format!("{} executing{requested}{asking}", facts.executing)));
    if facts.condition == contract::Condition::Full {
        let next = "free space on the disk of the store; where reports wait, see why the line does not take them";
        report.alarms.push(("no new run begins: the disk or the queue of reports is full".to_owned(), next.to_owned()));
    }
    if let Some((procedure, next)) = facts.next.iter().min_by_key(|(_, next)| *next) {
        report.lines.push(("next due", format!("{procedure} at {next}")));
    }
    let line = match &facts.line {
        Some(state) => {
            let (says, json) = line_state(state);
            report.lines.push(("line", says.clone()));
            if let runner_link::LinkState::Stopped { why } = state {
                report.alarms.push((format!("the line is {says}"), why.next.to_owned()));
            }
            json
        }
        None => match &facts.no_line {
            Some(fail) => {
                report.alarms.push((format!("there is no line: {fail}"), fail.next.clone()));
                json!({"state": "stopped", "code": fail.code, "message": fail.message, "next": fail.next})
            }
            None => json!({"state": "off"}),
        },
    };
    if let Some((seq, code)) = &facts.refused {
        let next = "nothing after it is accepted either: ask the operator of the control plane, keep the store";
        report.alarms.push((format!("journal record {seq} is refused with {code}"), next.to_owned()));
    }
    if let Some((at, code)) = &facts.trouble {
        report.lines.push(("last trouble", format!("{code} at {at}; see the log")));
    }
    let next: Vec<_> = facts.next.iter().map(|(procedure, due)| json!({"procedure": procedure, "due": due})).collect();
    let service = json!({
        "state": "running", "since": facts.since, "condition": word(facts.condition), "ready": readiness.why.is_empty(),
        "not_ready": readiness.why, "executing": facts.executing, "requested": facts.requested,
        "waiting_for_answers": facts.asking, "next": next,
        "trouble": facts.trouble.map(|(at, code)| json!({"at": at, "code": code})),
    });
    (service, line)
}

fn store(runner: &Runner, report: &mut Report) -> Result<Value, Fail> {
    let (condition, journal, accepted, waiting, audit, fork) = runner.store.with(|store| {
        let condition = store.condition().clone();
        let (accepted, waiting) = (store.accepted_size()?, store.waiting()?);
        Ok((condition, store.journal_size()?, accepted, waiting, store.audit_head()?, store.audit_fork()?))
    })?;
    let cosigned = cosigned(runner)?;
    report.lines.push((
        "journal",
        format!("{journal} records, {accepted} accepted, {} waiting, {cosigned} countersigned", waiting.records),
    ));
    if let Some(audit) = &audit {
        report.lines.push(("audit log", format!("{} records seen, root {}", audit.size, audit.root)));
    }
    if let Condition::Rollback(why) = &condition {
        let next = "put the newest store back, or `proctor-runner journal acknowledge --reason …`";
        report.alarms.push((format!("ROLLBACK: {why}"), next.to_owned()));
    }
    if let Some(fork) = &fork {
        let says = format!(
            "the audit log was rewritten: {} records were kept, {} of another history were shown at {}",
            fork.kept_head.size, fork.shown_head.size, fork.at
        );
        let next = "settle it with the control plane, then `proctor-runner journal acknowledge-fork --reason …`";
        report.alarms.push((says, next.to_owned()));
    }
    Ok(json!({
        "condition": match condition { Condition::Ready => "ready", Condition::Rollback(_) => "rollback" },
        "journal": journal, "accepted": accepted, "waiting": waiting.records, "waiting_bytes": waiting.bytes,
        "cosigned": cosigned,
        "audit": audit.map(|head| json!({"size": head.size, "root": head.root})),
        "audit_fork": fork.map(|fork| json!({"at": fork.at, "kept": fork.kept_head.size, "shown": fork.shown_head.size, "seq": fork.seq})),
    }))
}

/// How many records of the journal the control plane has countersigned; a bundle of a later run has no witness yet.
fn cosigned(runner: &Runner) -> Result<u64, Fail> {
    let (note, key) = runner.store.with(|store| Ok((store.cosigned_checkpoint()?, store.journal_key().clone())))?;
    let Some(note) = note else { return Ok(0) };
    let opened = Checkpoint::open(&note, &key);
    opened
        .map(|checkpoint| checkpoint.size)
        .map_err(|error| Fail::fault("E-JOURNAL-001", error, "see `proctor-runner journal verify`"))
}
