use super::*;
use crate::service::settle;
use crate::wiring::watch::{At, Watch};

#[test]
fn due_times_become_runs_also_over_restarts_and_none_twice() {
    let bench = Bench::at("2026-11-22T09:30:00.000Z");
    let mut running = bench.start();
    running.install(HOURLY);
    assert_eq!(running.work(), []);
    running.pass_minutes(31);
    let did = running.work();
    assert!(matches!(did.as_slice(), [(Job::Due { .. }, Done::Ended { .. })]), "{did:?}");
    assert_eq!(running.work(), []);
    assert_eq!(running.due_times(), ["ran 2026-11-22T10:00"]);
    drop(running);

    let mut running = bench.start();
    assert_eq!(running.work(), []);
    running.pass_minutes(60);
    assert_eq!(running.work().len(), 1);
    assert_eq!(running.due_times(), ["ran 2026-11-22T10:00", "ran 2026-11-22T11:00"]);
}

#[test]
fn of_what_was_due_while_it_was_down_the_newest_runs_and_the_others_have_a_reason() {
    let bench = Bench::at("2026-11-22T09:30:00.000Z");
    bench.start().install(HOURLY);
    bench.clock.advance_ms(3 * 60 * 60_000 + 60_000);
    let mut running = bench.start();
    assert_eq!(running.work().len(), 1);
    let told = ["stopped 2026-11-22T10:00", "stopped 2026-11-22T11:00", "ran 2026-11-22T12:00"];
    assert_eq!(running.due_times(), told);
    drop(running);
    let mut running = bench.start();
    assert_eq!((running.work(), running.due_times()), (Vec::new(), told.map(str::to_owned).to_vec()));
}

#[test]
fn what_is_cut_off_between_hand_out_and_begin_is_due_again() {
    let bench = Bench::at("2026-11-22T09:30:00.000Z");
    let mut running = bench.start();
    running.install(HOURLY);
    running.pass_minutes(31);
    assert_eq!(running.work.look().unwrap().jobs.len(), 1, "handed out");
    drop(running);
    let mut running = bench.start();
    assert_eq!(running.work().len(), 1);
    assert_eq!(running.due_times(), ["ran 2026-11-22T10:00"]);
}

#[test]
fn a_due_time_waits_for_the_run_before_it_until_the_next_one_comes() {
    let bench = Bench::at("2026-11-22T09:30:00.000Z");
    let mut running = bench.start();
    running.install(HOURLY);
    running.pass_minutes(31);
    let long = running.work.look().unwrap().jobs;
    running.pass_minutes(60);
    assert_eq!((running.work.look().unwrap().jobs, running.due_times()), (Vec::new(), Vec::<String>::new()));
    running.pass_minutes(60);
    assert_eq!(running.work.look().unwrap().jobs, []);
    assert_eq!(running.due_times(), ["still_running 2026-11-22T11:00"]);
    running.work.done(&long[0], &Done::Interrupted).unwrap();
    assert_eq!(running.work().len(), 1);
    assert_eq!(running.due_times(), ["still_running 2026-11-22T11:00", "ran 2026-11-22T12:00"]);
}

#[test]
fn a_due_time_that_cannot_be_met_has_the_reason() {
    let mut bench = Bench::at("2026-11-22T09:30:00.000Z");
    let bound = std::mem::replace(&mut bench.config, "[policy]\n".to_owned());
    let mut running = bench.start();
    running.install(HOURLY);
    running.pass_minutes(31);
    let did = running.work();
    assert!(matches!(&did[..], [(_, Done::NotBegun { code, .. })] if code == "E-RUN-002"), "{did:?}");
    drop(running);

    bench.config = format!("{bound}[serve]\nmin_free_mib = 9000000000000\n");
    let mut running = bench.start();
    running.pass_minutes(60);
    assert_eq!(running.work(), []);
    assert_eq!(running.work.condition(), contract::Condition::Full);
    running.pass_minutes(60);
    assert_eq!((running.work(), running.gaps()), (Vec::new(), 1), "one gap for one stretch without space");
    drop(running);

    bench.config = bound;
    let mut running = bench.start();
    running.pass_minutes(60);
    assert_eq!(running.work().len(), 1);
    let told = [
        "not_configured 2026-11-22T10:00",
        "storage 2026-11-22T11:00",
        "storage 2026-11-22T12:00",
        "ran 2026-11-22T13:00",
    ];
    assert_eq!(running.due_times(), told);
}

#[test]
fn a_full_queue_stops_new_runs_and_says_so_once() {
    let mut bench = Bench::at("2026-11-22T09:30:00.000Z");
    bench.tenant = TenantId::from_parts(1, [3; 10]);
    bench.outbox_limit = 4;
    let mut running = bench.start();
    running.install(HOURLY);
    running.pass_minutes(31);
    assert_eq!(running.work().len(), 1, "two records and what the run writes");
    for _ in 0..2 {
        running.pass_minutes(60);
        assert!(matches!(&running.work()[..], [(_, Done::NotBegun { .. })]));
    }
    assert_eq!(running.gaps(), 1, "said once");
    let told = ["ran 2026-11-22T10:00", "queue_full 2026-11-22T11:00", "queue_full 2026-11-22T12:00"];
    assert_eq!(running.due_times(), told);
    let size = running.runner().store.with(|store| store.journal_size()).unwrap();
    running.runner().store.with(|store| store.accepted(size, None)).unwrap();
    running.pass_minutes(60);
    assert_eq!(running.work().len(), 1);
}

#[test]
fn a_clock_that_stood_years_ahead_does_not_stop_the_schedule() {
    let bench = Bench::at("2036-01-01T00:30:00.000Z");
    let mut running = bench.start();
    running.install(HOURLY);
    running.pass_minutes(31);
    assert_eq!(running.work().len(), 1);
    bench.clock.set("2026-11-22T09:30:00.000Z".parse().unwrap());
    assert_eq!((running.work(), running.gaps()), (Vec::new(), 1));
    running.pass_minutes(31);
    assert_eq!(running.work().len(), 1);
    assert_eq!(running.due_times(), ["ran 2036-01-01T01:00", "ran 2026-11-22T10:00"]);
}

#[test]
fn a_newer_version_runs_in_the_place_of_the_older_one() {
    let bench = Bench::at("2026-11-22T09:30:00.000Z");
    let mut running = bench.start();
    running.install(HOURLY);
    running.pass_minutes(5);
    let newer = running.install(&HOURLY.replace("version: 1", "version: 2"));
    running.pass_minutes(31);
    let did = running.work();
    assert!(matches!(&did[..], [(Job::Due { digest, .. }, _)] if *digest == newer), "{did:?}");
    running.runner().store.with(|store| store.withdraw_procedure(&newer, None)).unwrap();
    running.work.plan().unwrap();
    running.pass_minutes(60);
    let did = running.work();
    assert!(!did.iter().any(|(job, _)| matches!(job, Job::Due { digest, .. } if *digest == newer)), "{did:?}");
}

#[test]
fn a_run_that_waits_goes_on_when_its_time_comes() {
    let asks = "schema: procedure/v1
id: asks
version: 1
title: Somebody decides
purpose: Waits for a person.
owner: testers
retention: operational
schedule: { every: week }
steps:
  - id: decide
    title: Decide
    use: attest
    with: { ask: ann, question: Is it right?, answers: [yes_it_is, no_it_is_not], due: 2d }
checks:
  - { id: right, title: It is right, assert: 'steps.decide.answer == \"yes_it_is\"', severity: high, fix: Do it. }
";
    let bench = Bench::at("2026-11-22T23:30:00.000Z");
    let mut running = bench.start();
    running.install(asks);
    running.pass_minutes(31);
    let did = running.work();
    assert!(matches!(&did[..], [(Job::Due { .. }, Done::Parked { until: Some(_), .. })]), "{did:?}");
    running.pass_minutes(47 * 60);
    assert_eq!(running.work(), []);
    running.pass_minutes(60);
    let did = running.work();
    assert!(matches!(&did[..], [(Job::GoOn(_), Done::Ended { verdict: verdict::Status::Fail, .. })]), "{did:?}");
}

#[test]
fn what_a_replaced_version_did_not_do_is_told() {
    let bench = Bench::at("2026-11-22T09:30:00.000Z");
    let mut running = bench.start();
    running.install(HOURLY);
    running.pass_minutes(2 * 60 + 31);
    let old = running.runner().store.with(|store| store.procedures()).unwrap().remove(0);
    settle(running.runner(), &old).unwrap();
    settle(running.runner(), &old).unwrap();
    running.install(&HOURLY.replace("version: 1", "version: 2"));
    let told = ["stopped 2026-11-22T10:00", "stopped 2026-11-22T11:00", "not_approved 2026-11-22T12:00"];
    assert_eq!((running.work(), running.due_times()), (Vec::new(), told.map(str::to_owned).to_vec()));
    running.pass_minutes(60);
    assert_eq!(running.work().len(), 1);
}

/// Notes what the line would be told at each moment of a run.
struct Noting<'a> {
    runs: &'a Runs,
    watcher: crate::service::under_way::Watcher<'a>,
    told: std::cell::RefCell<Vec<contract::UnderWay>>,
}

impl Watch for Noting<'_> {
    fn at(&self, at: &At<'_>) {
        self.watcher.at(at);
        self.told.borrow_mut().push(self.runs.told());
    }

    fn waits(&self, seconds: u64) {
        self.watcher.waits(seconds);
    }
}

#[test]
fn how_far_a_run_is_can_be_told_while_it_runs_and_not_after() {
    let bench = Bench::at("2026-11-22T09:30:00.000Z");
    let mut running = bench.start();
    let digest = running.install(HOURLY);
    running.pass_minutes(31);
    let jobs = running.work.look().unwrap().jobs;
    let runs = &running.shared.under_way;
    let noting = Noting { runs, watcher: runs.watcher(), told: Default::default() };
    assert!(matches!(perform(running.runner(), &jobs[0], &noting, &|_| {}), Done::Ended { .. }));
    let told: Vec<_> = noting.told.take().into_iter().map(|told| told.runs.into_iter().next().unwrap()).collect();
    let steps: Vec<_> =
        told.iter().map(|run| (run.step.as_ref().map(|step| step.as_str()), run.done, run.steps)).collect();
    assert_eq!(steps, [(None, 0, 1), (Some("read"), 0, 1)]);
    assert!(told.iter().all(|run| run.digest == digest && run.procedure.as_str() == "said"), "{told:?}");
    assert!(runs.take_changed() && !runs.take_changed());
    drop(noting);
    assert!(runs.take_changed() && runs.told().runs.is_empty());
}
