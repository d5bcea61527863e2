use contract::{Code, Epoch, RunRequest, RunStage};
use crypto::Digest;
use runner_disclosure::drilldown::Gate;
use runner_disclosure::policy::Policy;
use runner_link::Duties;
use runner_link::duties::RunAnswer;

use super::*;
use crate::service::line::Line;

const ON_REQUEST: &str = "2026-11-22T09:30:00.000Z";

fn line(running: &Running) -> Line {
    let clock = Arc::clone(&running.clock) as Arc<dyn Clock>;
    Line::new(running.shared.clone(), Gate::new(Policy::default(), clock))
}

fn asked(number: u8, procedure: Digest) -> RunRequest {
    RunRequest {
        request: request(number),
        procedure,
        epoch: Epoch::from_bytes([7; 16]),
        expires: "2026-11-22T10:30:00.000Z".parse().unwrap(),
        audit_seq: 1,
        audit_hash: Digest::from_bytes([1; 32]),
    }
}

fn refused(answer: RunAnswer) -> String {
    match answer {
        RunAnswer::Refused(code) => Code::as_str(&code).to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Takes in what the line handed over.
fn hear(running: &mut Running) {
    while let Ok(event) = running.heard.try_recv() {
        let Event::Requested(requested) = event else { panic!("nothing else was said") };
        running.work.request(requested);
    }
}

#[test]
fn a_request_becomes_one_run_whatever_is_repeated_or_restarted() {
    let mut bench = Bench::at(ON_REQUEST);
    bench.tenant = TenantId::from_parts(1, [3; 10]);
    let mut running = bench.start();
    let digest = running.install(HOURLY);
    let first = line(&running);
    assert_eq!(first.start_run(&asked(1, digest)).unwrap(), RunAnswer::Queued);
    assert_eq!(first.start_run(&asked(1, digest)).unwrap(), RunAnswer::Repeated);
    hear(&mut running);
    let did = running.work();
    assert!(matches!(&did[..], [(Job::Requested { .. }, Done::Ended { .. })]), "{did:?}");
    assert_eq!(running.due_times(), ["request"]);
    assert_eq!(first.start_run(&asked(1, digest)).unwrap(), RunAnswer::Repeated);
    drop((first, running));

    let mut running = bench.start();
    let second = line(&running);
    assert_eq!(second.start_run(&asked(1, digest)).unwrap(), RunAnswer::Repeated);
    hear(&mut running);
    assert_eq!(running.work(), []);
    let told = second.progress().unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].request, told[0].stage, told[0].code.clone()), (Some(request(1)), RunStage::Ended, None));
}

#[test]
fn only_what_the_operator_installed_runs_and_only_its_newest_version() {
    let mut bench = Bench::at(ON_REQUEST);
    let mut running = bench.start();
    let older = running.install(HOURLY);
    let newer = running.install(&HOURLY.replace("version: 1", "version: 2"));
    let asks = line(&running);
    assert_eq!(refused(asks.start_run(&asked(1, Digest::from_bytes([9; 32]))).unwrap()), "E-RUN-040");
    assert_eq!(refused(asks.start_run(&asked(2, older)).unwrap()), "E-RUN-040");
    running.runner().store.with(|store| store.withdraw_procedure(&newer, None)).unwrap();
    running.runner().store.with(|store| store.withdraw_procedure(&older, None)).unwrap();
    assert_eq!(refused(asks.start_run(&asked(3, newer)).unwrap()), "E-RUN-040");
    let told = asks.progress().unwrap();
    assert_eq!(told.iter().filter(|told| told.stage == RunStage::Refused && told.code.is_some()).count(), 3);
    assert_eq!(asks.start_run(&asked(1, newer)).unwrap(), RunAnswer::Repeated, "a refusal is one answer, too");
    drop((asks, running));

    bench.config = "[policy]\n".to_owned();
    let mut running = bench.start();
    let again = running.install(HOURLY);
    assert_eq!(refused(line(&running).start_run(&asked(4, again)).unwrap()), "E-RUN-002", "an input has no value here");
    drop(running);

    bench.config =
        "[serve]\nmin_free_mib = 9000000000000\n[procedures.said]\ninputs = { file = \"/etc/passwd\" }\n".to_owned();
    let running = bench.start();
    assert_eq!(refused(line(&running).start_run(&asked(5, again)).unwrap()), "E-RUN-041");
    assert_eq!(running.due_times(), Vec::<String>::new());
}

#[test]
fn a_request_that_waited_too_long_is_refused() {
    let bench = Bench::at(ON_REQUEST);
    let mut running = bench.start();
    let digest = running.install(HOURLY);
    running.pass_minutes(31);
    let long = running.work.look().unwrap().jobs;
    assert_eq!(line(&running).start_run(&asked(1, digest)).unwrap(), RunAnswer::Queued);
    hear(&mut running);
    running.pass_minutes(20);
    assert_eq!(running.work.look().unwrap().refused, []);
    running.pass_minutes(20);
    assert_eq!(running.work.look().unwrap().refused, [(request(1), "E-RUN-045")]);
    running.work.done(&long[0], &Done::Interrupted).unwrap();
    assert_eq!(running.work.look().unwrap().jobs, []);
}

#[test]
fn the_journal_is_told_in_order_and_a_control_plane_that_knows_more_means_rollback() {
    let mut bench = Bench::at(ON_REQUEST);
    bench.tenant = TenantId::from_parts(1, [3; 10]);
    let mut running = bench.start();
    running.install(HOURLY);
    running.pass_minutes(31);
    assert_eq!(running.work().len(), 1);
    let duties = line(&running);
    let standing = duties.standing().unwrap();
    let limit = runner_link::duties::ReportLimit { records: 100, bytes: 1 << 20 };
    let reports = duties.reports(0, limit).unwrap();
    assert_eq!(
        reports.iter().map(|report| report.seq).collect::<Vec<_>>(),
        (0..standing.journal_size).collect::<Vec<_>>()
    );
    assert_eq!(reports.iter().filter(|report| report.attested.is_some()).count(), 1);
    let one = duties.reports(1, runner_link::duties::ReportLimit { records: 100, bytes: 1 }).unwrap();
    assert_eq!(one.len(), 1, "at least one, however long");
    use runner_link::duties::Continuation;
    let (size, head) = (standing.journal_size, standing.journal_head);
    assert_eq!(duties.reconcile(size, head).unwrap(), Continuation::Follows);
    assert_eq!(duties.schedule().unwrap().due.len(), 1);
    assert_eq!(duties.catalogue().unwrap().procedures.len(), 1);
    assert!(duties.journal_checkpoint().unwrap().is_some_and(|note| note.size == size));

    duties.rolled_back(size + 1, head).unwrap();
    assert_eq!(duties.standing().unwrap().condition, contract::Condition::Rollback);
    running.pass_minutes(60);
    assert_eq!(running.work(), []);
    assert_eq!(running.due_times(), ["ran 2026-11-22T10:00"], "nothing is written into a store that was put back");
    assert!(running.shared.board.readiness(running.clock.now()).why.contains(&"rollback"));
    running.pass_minutes(60);
    let reason = "the control plane was restored".parse().unwrap();
    running.runner().store.with(|store| store.acknowledge_rollback(reason)).unwrap();
    assert_eq!(running.work().len(), 1);
    let told = ["ran 2026-11-22T10:00", "rollback 2026-11-22T11:00", "ran 2026-11-22T12:00"];
    assert_eq!(running.due_times(), told);
}
