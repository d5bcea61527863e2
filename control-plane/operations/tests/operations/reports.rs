//! Records of a journal come in exactly once, in order, and only when everything about them is right.

use contract::{FromControlPlane, FromRunner, Report, StopReason};
use control_plane_domain::audit::Action;
use control_plane_domain::list::Page;
use control_plane_domain::run::{CheckFilter, RunFilter};
use control_plane_operations::{LineError, Session};
use ids::{ItemId, StoreId};
use proof::log::journal::{GapReason, JournalRecord, MissReason};
use verdict::Status;

use crate::support::{Evidence, FakeRunner, RunSpec, Tenancy, World, words};

async fn report(
    world: &World,
    session: &mut Session,
    reports: Vec<Report>,
) -> Result<Vec<FromControlPlane>, LineError> {
    world.ops.line().accept_reports(session, reports).await
}

fn accepted(messages: &[FromControlPlane]) -> u64 {
    match messages {
        [FromControlPlane::Accepted(accepted)] => accepted.accepted,
        other => panic!("{other:?}"),
    }
}

fn refused(messages: &[FromControlPlane]) -> (u64, String) {
    match messages {
        [FromControlPlane::Accepted(_), FromControlPlane::ReportRefused(refused)] => {
            (refused.seq, refused.code.as_str().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

async fn setup() -> (World, Tenancy, FakeRunner, Session) {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let (session, _) = world.connect(&mut runner).await.unwrap();
    (world, acme, runner, session)
}

#[tokio::test]
async fn a_batch_is_one_transaction_with_one_record_and_its_runs_are_seen() {
    let (world, acme, mut runner, mut session) = setup().await;
    let item = Evidence { item: ItemId::from_parts(1, [1; 10]), rows: 3, root: crypto::digest::sha256(b"root") };
    let spec = RunSpec { evidence: vec![item], ..RunSpec::new(1, Status::Fail) };
    runner.attest(world.now(), &spec);
    runner.attest(world.now(), &RunSpec::new(2, Status::Pass));
    let answer = report(&world, &mut session, runner.reports.clone()).await.unwrap();
    assert_eq!(accepted(&answer), 3);
    assert_eq!(world.logged(&acme, "runner.reported").await, 1);
    let last = world.actions(&acme).await.pop().unwrap().action;
    let head = runner.chain.prev();
    assert_eq!(last, Action::RunnerReported { runner: runner.name.runner, from: 0, to: 3, head });

    let runs = world.ops.list_runs(&acme.owner, &RunFilter::default(), &Page::first()).await.unwrap().items;
    assert_eq!(runs.iter().map(|run| run.verdict).collect::<Vec<_>>(), [Status::Pass, Status::Fail]);
    let detail = world.ops.get_run(&acme.owner, spec.run).await.unwrap();
    assert_eq!((detail.items.len(), detail.checks.len(), detail.steps.len()), (1, 1, 1));
    let kept = world.ops.run_report(&acme.owner, spec.run).await.unwrap();
    let sent = runner.reports[1].attested.as_ref().unwrap();
    assert_eq!(
        (kept.manifest, kept.attestation),
        (sent.manifest.as_bytes().to_vec(), sent.attestation.as_bytes().to_vec())
    );
    assert_eq!(world.ops.get_item(&acme.owner, item.item).await.unwrap().line.rows, 3);
    assert_eq!(world.ops.list_items(&acme.owner, spec.run, &Page::first()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn failing_since_is_kept_over_runs() {
    let (world, acme, mut runner, mut session) = setup().await;
    let mut since = None;
    for (n, status) in [(1, Status::Pass), (2, Status::Fail), (3, Status::Error), (4, Status::Fail)] {
        world.advance_seconds(60);
        if n == 2 {
            since = Some(world.now());
        }
        runner.attest(world.now(), &RunSpec::new(n, status));
        report(&world, &mut session, runner.reports.split_off(0)).await.unwrap();
    }
    let filter = CheckFilter::default();
    let findings = world.ops.list_findings(&acme.owner, &filter, &Page::first()).await.unwrap().items;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].failing_since, since);
    world.advance_seconds(60);
    runner.attest(world.now(), &RunSpec::new(5, Status::Pass));
    report(&world, &mut session, runner.reports.split_off(0)).await.unwrap();
    assert_eq!(world.ops.list_findings(&acme.owner, &filter, &Page::first()).await.unwrap().items, []);
    assert_eq!(world.ops.list_checks(&acme.owner, &filter, &Page::first()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn what_was_accepted_is_acknowledged_again_and_changes_nothing() {
    let (world, acme, mut runner, mut session) = setup().await;
    runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    let all = runner.reports.clone();
    assert_eq!(accepted(&report(&world, &mut session, all.clone()).await.unwrap()), 2);
    // Repeated whole, repeated in part, repeated within one batch, and overlapping with something new.
    assert_eq!(accepted(&report(&world, &mut session, all.clone()).await.unwrap()), 2);
    assert_eq!(accepted(&report(&world, &mut session, vec![all[0].clone()]).await.unwrap()), 2);
    let next = runner.attest(world.now(), &RunSpec::new(2, Status::Pass));
    let overlapping = vec![all[1].clone(), next.clone(), next.clone(), all[0].clone()];
    assert_eq!(accepted(&report(&world, &mut session, overlapping).await.unwrap()), 3);
    assert_eq!(world.logged(&acme, "runner.reported").await, 2);
    let runs = world.ops.list_runs(&acme.owner, &RunFilter::default(), &Page::first()).await.unwrap().items;
    assert_eq!(runs.iter().map(|run| run.reports).collect::<Vec<_>>(), [1, 1]);
    // After a restart of the control plane too.
    drop(session);
    let world = world.restarted().await;
    let (mut session, messages) = world.connect(&mut runner).await.unwrap();
    let [FromControlPlane::Welcome(welcome)] = &messages[..] else { panic!() };
    assert_eq!((welcome.accepted, welcome.accepted_head), (3, runner.chain.prev()));
    assert_eq!(accepted(&report(&world, &mut session, all).await.unwrap()), 3);
}

#[tokio::test]
async fn a_record_out_of_order_ends_the_session_and_nothing_is_skipped() {
    let (world, acme, mut runner, mut session) = setup().await;
    runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    runner.attest(world.now(), &RunSpec::new(2, Status::Pass));
    let late = vec![runner.reports[0].clone(), runner.reports[2].clone()];
    let error = report(&world, &mut session, late).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Protocol, "E-LINE-013"));
    assert_eq!(world.logged(&acme, "runner.reported").await, 0, "not even the part that was in order");
    assert_eq!(world.alarms(&acme).await, Vec::<&str>::new());
}

#[tokio::test]
async fn another_record_in_the_place_of_an_accepted_one_locks() {
    let (world, acme, mut runner, mut session) = setup().await;
    let fork = runner.cloned(&world.entropy);
    runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    report(&world, &mut session, runner.reports.clone()).await.unwrap();
    let mut fork = fork;
    fork.attest(world.now(), &RunSpec::new(1, Status::Fail));
    let error = report(&world, &mut session, fork.reports.clone()).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Locked, "E-LINE-014"));
    assert_eq!(world.alarms(&acme).await, ["journal_forked"]);
    assert_eq!(world.logged(&acme, "runner.locked").await, 1);
    // The true history gets in no more either, before somebody has looked.
    let next = runner.attest(world.now(), &RunSpec::new(2, Status::Pass));
    assert_eq!(report(&world, &mut session, vec![next]).await.unwrap_err().stop, StopReason::Locked);
    let runs = world.ops.list_runs(&acme.owner, &RunFilter::default(), &Page::first()).await.unwrap().items;
    assert_eq!(runs.iter().map(|run| run.verdict).collect::<Vec<_>>(), [Status::Pass]);
}

#[tokio::test]
async fn a_record_that_does_not_name_the_one_before_locks() {
    let (world, acme, mut runner, mut session) = setup().await;
    let mut fork = runner.cloned(&world.entropy);
    runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    report(&world, &mut session, runner.reports.clone()).await.unwrap();
    fork.attest(world.now(), &RunSpec::new(2, Status::Pass));
    let next = fork.attest(world.now(), &RunSpec::new(3, Status::Pass));
    let error = report(&world, &mut session, vec![next]).await.unwrap_err();
    assert_eq!(error.code, "E-LINE-014");
    assert_eq!(world.alarms(&acme).await, ["journal_forked"]);
}

/// Each is refused with its code, an alarm and an audit record; the session stays, and nothing after it is accepted.
async fn never_accepted(change: impl FnOnce(&World, &mut FakeRunner) -> Report, code: &str) {
    let (world, acme, mut runner, mut session) = setup().await;
    let bad = change(&world, &mut runner);
    let seq = bad.seq;
    let mut batch = runner.reports.clone();
    batch.truncate(usize::try_from(seq).unwrap());
    batch.push(bad.clone());
    let answer = report(&world, &mut session, batch).await.unwrap();
    assert_eq!(refused(&answer), (seq, code.to_owned()));
    assert_eq!(world.alarms(&acme).await, ["report_refused"]);
    assert_eq!(world.logged(&acme, "runner.report_refused").await, 1);
    assert_eq!(report(&world, &mut session, vec![bad.clone()]).await.unwrap(), [], "{code}: it is not looked at again");
    // In a new session it is refused again, and there is still one alarm about it.
    let (mut session, _) = world.connect(&mut runner).await.unwrap();
    assert_eq!(refused(&report(&world, &mut session, vec![bad]).await.unwrap()), (seq, code.to_owned()));
    assert_eq!(world.logged(&acme, "runner.report_refused").await, 1);
}

#[tokio::test]
async fn what_is_wrong_about_a_report_has_its_code() {
    never_accepted(
        |world, runner| {
            let mut report = runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
            report.attested = None;
            report
        },
        "E-REPORT-002",
    )
    .await;
    never_accepted(
        |world, runner| {
            let other = runner.cloned(&world.entropy).attest(world.now(), &RunSpec::new(2, Status::Pass));
            let mut report = runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
            report.attested = other.attested;
            report
        },
        "E-REPORT-004",
    )
    .await;
    never_accepted(
        |world, runner| {
            let mut other = runner.cloned(&world.entropy);
            other.attestation = crypto::p256::SigningKey::generate(&world.entropy);
            other.attest(world.now(), &RunSpec::new(1, Status::Pass))
        },
        "E-REPORT-005",
    )
    .await;
    never_accepted(
        |world, runner| {
            let mut other = runner.cloned(&world.entropy);
            other.name.runner = ids::RunnerId::from_parts(9, [9; 10]);
            other.attest(world.now(), &RunSpec::new(1, Status::Pass))
        },
        "E-REPORT-007",
    )
    .await;
    never_accepted(
        |world, runner| {
            let mut report = runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
            let attested = report.attested.as_mut().unwrap();
            let changed = String::from_utf8(attested.manifest.as_bytes().to_vec()).unwrap().replace("pass", "fail");
            attested.manifest = contract::ManifestBytes::new(changed.into_bytes()).unwrap();
            report
        },
        "E-REPORT-006",
    )
    .await;
    never_accepted(
        |world, runner| {
            let (tenant, id) = (runner.name.tenant, runner.name.runner);
            let runner_key = crypto::digest::sha256(b"another key");
            let store = StoreId::from_parts(1, [1; 10]);
            runner.journal(world.now(), &JournalRecord::Started { store, tenant, runner: id, runner_key })
        },
        "E-REPORT-008",
    )
    .await;
    never_accepted(
        |world, runner| {
            runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
            runner.attest(world.now(), &RunSpec::new(1, Status::Fail))
        },
        "E-REPORT-010",
    )
    .await;
}

#[tokio::test]
async fn a_line_that_is_no_record_of_a_journal_is_refused() {
    let (world, acme, runner, mut session) = setup().await;
    let mut chain = runner.chain.clone();
    let appended = chain.append(world.now(), &serde_json::json!({"kind": "something.else"})).unwrap();
    let line = contract::JournalLine::new(appended.line).unwrap();
    let batch = vec![runner.reports[0].clone(), Report { seq: 1, line, attested: None }];
    let answer = report(&world, &mut session, batch).await.unwrap();
    assert_eq!(refused(&answer), (1, "E-REPORT-001".to_owned()));
    assert_eq!(world.alarms(&acme).await, ["report_refused"]);
}

#[tokio::test]
async fn a_run_of_another_runner_is_refused_and_a_waiting_run_may_be_reported_again() {
    let (world, acme, mut runner, mut session) = setup().await;
    runner.attest(world.now(), &RunSpec::new(1, Status::Pending));
    runner.attest(world.now(), &RunSpec::new(1, Status::Pass));
    assert_eq!(accepted(&report(&world, &mut session, runner.reports.clone()).await.unwrap()), 3);
    let detail = world.ops.get_run(&acme.owner, RunSpec::new(1, Status::Pass).run).await.unwrap();
    assert_eq!((detail.summary.reports, detail.summary.verdict), (2, Status::Pass));

    let mut other = world.runner(&acme).await;
    let (mut session, _) = world.connect(&mut other).await.unwrap();
    other.attest(world.now(), &RunSpec::new(1, Status::Pass));
    let answer = report(&world, &mut session, other.reports.clone()).await.unwrap();
    assert_eq!(refused(&answer), (1, "E-REPORT-011".to_owned()));
}

#[tokio::test]
async fn missed_due_times_and_gaps_are_seen() {
    let (world, acme, mut runner, mut session) = setup().await;
    let due = world.now();
    runner.journal(
        due,
        &JournalRecord::DueMissed { procedure: "demo".parse().unwrap(), due, reason: MissReason::QueueFull },
    );
    runner.journal(
        due,
        &JournalRecord::Gap { from: None, until: due, reason: GapReason::QueueFull, by: None, justification: None },
    );
    report(&world, &mut session, runner.reports.clone()).await.unwrap();
    let missed = world.ops.list_missed(&acme.owner, None, &Page::first()).await.unwrap().items;
    assert_eq!(missed.len(), 1);
    assert_eq!((missed[0].due, missed[0].reason.as_str(), missed[0].seq), (due, "queue_full", 1));
    assert_eq!(world.alarms(&acme).await, ["gap"]);
    assert_eq!(world.logged(&acme, "alarm.raised").await, 1);
}

#[tokio::test]
async fn many_runners_of_one_tenant_report_at_once_and_the_log_stays_one() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..16_u8 {
        let mut runner = world.runner(&acme).await;
        for m in 0..8 {
            runner.attest(world.now(), &RunSpec::new(n * 8 + m, Status::Pass));
        }
        let (mut session, _) = world.connect(&mut runner).await.unwrap();
        let (ops, reports) = (world.ops.clone(), runner.reports.clone());
        tries.spawn(async move {
            for one in reports {
                ops.line().accept_reports(&mut session, vec![one]).await.unwrap();
            }
        });
    }
    tries.join_all().await;
    assert_eq!(world.logged(&acme, "runner.reported").await, 16 * 9);
    assert_eq!(world.ops.verify_audit(acme.id).await.unwrap().records, world.actions(&acme).await.len() as u64);
}

#[tokio::test]
async fn what_is_wrong_with_one_runner_s_records_is_nothing_to_those_that_came_with_them() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut honest = world.runner(&acme).await;
    let mut other = world.runner(&acme).await;
    let mut forked = world.runner(&acme).await;
    let mut lost = world.runner(&acme).await;
    let mut wrong = world.runner(&acme).await;
    let mut fork = forked.cloned(&world.entropy);
    let mut sessions = Vec::new();
    for (n, runner) in [&mut honest, &mut other, &mut forked, &mut lost, &mut wrong].into_iter().enumerate() {
        sessions.push(world.connected(runner).await);
        let n = u8::try_from(n).unwrap() * 10;
        runner.attest(world.now(), &RunSpec::new(n, Status::Pass));
        runner.attest(world.now(), &RunSpec::new(n + 1, Status::Pass));
    }
    fork.reports.truncate(1);
    fork.journal(
        world.now(),
        &JournalRecord::RunBegun { run: RunSpec::new(99, Status::Pass).run, procedure_sha256: fork.chain.prev() },
    );
    let [a, b, c, d, e] = &mut sessions[..] else { panic!() };
    report(&world, c, forked.reports.clone()).await.unwrap();
    wrong.reports[2].attested = None;
    // All of them wait while the first is being written, so the others share a transaction.
    let (a, b, c, d, e) = tokio::join!(
        report(&world, a, honest.reports.clone()),
        report(&world, b, other.reports.clone()),
        report(&world, c, fork.reports.clone()),
        report(&world, d, vec![lost.reports[2].clone()]),
        report(&world, e, wrong.reports.clone()),
    );
    assert_eq!((accepted(&a.unwrap()), accepted(&b.unwrap())), (3, 3));
    assert_eq!(c.unwrap_err().code, "E-LINE-014");
    assert_eq!(d.unwrap_err().code, "E-LINE-013");
    assert_eq!(refused(&e.unwrap()), (2, "E-REPORT-002".to_owned()));
    let mut alarms = world.alarms(&acme).await;
    alarms.sort();
    assert_eq!(alarms, ["journal_forked", "report_refused"]);
    world.ops.verify_audit(acme.id).await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_dropped_while_it_reports_takes_nobody_along() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut first = world.runner(&acme).await;
    let mut second = world.runner(&acme).await;
    let (mut one, _) = world.connect(&mut first).await.unwrap();
    let (mut two, _) = world.connect(&mut second).await.unwrap();
    for runner in [&mut first, &mut second] {
        runner.attest(world.now(), &RunSpec::new(runner.name.runner.as_bytes()[15], Status::Pass));
    }
    // Cut at every point that a little time can reach.
    for polls in 0..60 {
        let mut doomed = Box::pin(report(&world, &mut one, first.reports.clone()));
        for _ in 0..polls {
            let done = std::future::poll_fn(|context| {
                let done = doomed.as_mut().poll(context).is_ready();
                std::task::Poll::Ready(done)
            });
            if done.await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(doomed);
        assert_eq!(accepted(&report(&world, &mut two, second.reports.clone()).await.unwrap()), 2);
    }
    assert_eq!(accepted(&report(&world, &mut one, first.reports.clone()).await.unwrap()), 2);
    assert_eq!(world.logged(&acme, "runner.reported").await, 2, "once for each, however often it was tried");
    world.ops.verify_audit(acme.id).await.unwrap();
}

#[tokio::test]
async fn other_messages_of_a_session_are_taken_or_refused() {
    let (world, acme, runner, mut session) = setup().await;
    let hello = runner.hello(&world.entropy);
    let error = world.ops.line().receive(&mut session, FromRunner::Hello(hello)).await.unwrap_err();
    assert_eq!((error.stop, error.code), (StopReason::Protocol, "E-LINE-010"));
    let goodbye = FromRunner::Goodbye(contract::Goodbye {});
    assert_eq!(words(&world.ops.line().receive(&mut session, goodbye).await.unwrap()), Vec::<&str>::new());
    let alive = |condition| FromRunner::Alive(contract::Alive { at: world.now(), condition, waiting: 7 });
    world.ops.line().receive(&mut session, alive(contract::Condition::Full)).await.unwrap();
    world.ops.line().receive(&mut session, alive(contract::Condition::Full)).await.unwrap();
    assert_eq!(world.alarms(&acme).await, ["runner_full"]);
    assert_eq!(world.logged(&acme, "alarm.raised").await, 1);
    let seen = world.ops.get_runner(&acme.owner, runner.name.runner).await.unwrap().presence;
    assert_eq!((seen.waiting, seen.connected), (7, true));
}
