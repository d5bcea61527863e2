//! Requests to run, and what Runners say of what they have installed.

use std::time::Duration;

use contract::{
    Catalogue, Due, FromControlPlane, FromRunner, InstalledProcedure, ProcedureSource, RunProgress, RunStage, Schedule,
};
use control_plane_domain::alarm::AlarmFilter;
use control_plane_domain::list::Page;
use control_plane_domain::run_request::RunRequestState;
use control_plane_operations::{Error, RequestRun, Session};
use crypto::digest::sha256;
use ids::{RequestId, RunId};

use crate::support::{World, words};

fn demo(title: &str) -> InstalledProcedure {
    InstalledProcedure {
        id: "demo".parse().unwrap(),
        version: 1,
        digest: sha256(b"demo"),
        title: title.parse().unwrap(),
        notation: contract::Notation::Yaml,
        source: Some(ProcedureSource::new(b"schema: procedure/v1\n".to_vec()).unwrap()),
        approved: "2026-11-01T00:00:00.000Z".parse().unwrap(),
        schedule: Some("0 6 * * *".parse().unwrap()),
        time_zone: Some("Europe/Berlin".parse().unwrap()),
    }
}

/// The Runner says that it has the procedure whose digest is SHA-256 of `demo`.
pub(crate) async fn install(world: &World, session: &mut Session) {
    let catalogue = Catalogue { procedures: vec![demo("A demonstration")] };
    world.ops.line().receive(session, FromRunner::Catalogue(catalogue)).await.unwrap();
}

fn progress(request: RequestId, run: Option<RunId>, stage: RunStage, code: Option<&str>) -> FromRunner {
    let code = code.map(|code| code.parse().unwrap());
    FromRunner::RunProgress(RunProgress { request: Some(request), run, stage, code })
}

#[tokio::test]
async fn a_catalogue_is_kept_and_logged_when_it_changes() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    install(&world, &mut session).await;
    world.advance_seconds(60);
    install(&world, &mut session).await;
    assert_eq!(world.logged(&acme, "procedure.catalogued").await, 1, "said again, it changes nothing");
    let listed = world.ops.list_procedures(&acme.owner, Some(runner.name.runner), &Page::first()).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].id.as_str(), listed[0].has_source), ("demo", true));
    let source = world.ops.procedure_source(&acme.owner, runner.name.runner, &sha256(b"demo")).await.unwrap();
    assert_eq!(source, b"schema: procedure/v1\n");
    let renamed = Catalogue { procedures: vec![demo("Another title")] };
    world.ops.line().receive(&mut session, FromRunner::Catalogue(renamed)).await.unwrap();
    assert_eq!(world.logged(&acme, "procedure.catalogued").await, 2);
    let twice = Catalogue { procedures: vec![demo("a"), demo("b")] };
    let error = world.ops.line().receive(&mut session, FromRunner::Catalogue(twice)).await.unwrap_err();
    assert_eq!(error.code, "E-LINE-020");
    let none = Catalogue { procedures: Vec::new() };
    world.ops.line().receive(&mut session, FromRunner::Catalogue(none)).await.unwrap();
    assert_eq!(world.ops.list_procedures(&acme.owner, None, &Page::first()).await.unwrap().items, []);
}

#[tokio::test]
async fn a_request_reaches_the_runner_in_every_session_until_it_is_answered() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    install(&world, &mut session).await;
    world.ops.pending(&mut session).await.unwrap();
    let input = RequestRun { runner: runner.name.runner, procedure: sha256(b"demo"), wait: None };
    let request = world.ops.request_run(&acme.owner, input).await.unwrap();
    let messages = world.ops.pending(&mut session).await.unwrap();
    let [FromControlPlane::RunRequest(told)] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!((told.request, told.procedure, told.epoch), (request.id, sha256(b"demo"), session.epoch()));
    // It names the record that logged it.
    let logged = world.actions(&acme).await;
    let record = &logged[usize::try_from(told.audit_seq).unwrap()];
    assert_eq!((record.action.name(), told.audit_hash), ("run.requested", request.audit.hash));
    assert_eq!(world.ops.pending(&mut session).await.unwrap(), [], "once a session");
    world.ops.ended(session).await;

    let mut session = world.connected(&mut runner).await;
    assert_eq!(words(&world.ops.pending(&mut session).await.unwrap()), ["run_request"]);
    let run = RunId::from_parts(1, [1; 10]);
    for (message, logged) in [
        (progress(request.id, Some(run), RunStage::Begun, None), 1),
        (progress(request.id, Some(run), RunStage::Begun, None), 1),
        (progress(request.id, Some(run), RunStage::Ended, None), 2),
        (progress(request.id, Some(run), RunStage::Begun, None), 2),
        (progress(request.id, Some(run), RunStage::Ended, None), 2),
    ] {
        world.ops.line().receive(&mut session, message).await.unwrap();
        assert_eq!(world.logged(&acme, "run.request_answered").await, logged);
    }
    let known = world.ops.get_run_request(&acme.owner, request.id).await.unwrap();
    assert!(matches!(known.state, RunRequestState::Ended { run: ended, code: None, .. } if ended == run));
    world.ops.ended(session).await;
    let mut session = world.connected(&mut runner).await;
    assert_eq!(world.ops.pending(&mut session).await.unwrap(), []);
}

#[tokio::test]
async fn a_request_is_refused_where_nothing_is_installed_and_expires_when_nobody_comes() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let id = runner.name.runner;
    let input = |wait| RequestRun { runner: id, procedure: sha256(b"demo"), wait };
    assert!(matches!(world.ops.request_run(&acme.owner, input(None)).await, Err(Error::NotInstalled)));
    let mut session = world.connected(&mut runner).await;
    install(&world, &mut session).await;
    world.ops.ended(session).await;
    for wait in [Duration::ZERO, Duration::from_secs(8 * 86_400)] {
        assert!(matches!(world.ops.request_run(&acme.owner, input(Some(wait))).await, Err(Error::Invalid { .. })));
    }
    let request = world.ops.request_run(&acme.owner, input(Some(Duration::from_secs(60)))).await.unwrap();
    assert_eq!(world.ops.sweep().await.unwrap().run_requests, 0);
    world.advance_seconds(61);
    assert_eq!(world.ops.sweep().await.unwrap().run_requests, 1);
    assert_eq!(world.ops.sweep().await.unwrap().run_requests, 0);
    let known = world.ops.get_run_request(&acme.owner, request.id).await.unwrap();
    assert!(matches!(known.state, RunRequestState::Expired { .. }));
    let mut session = world.connected(&mut runner).await;
    assert_eq!(world.ops.pending(&mut session).await.unwrap(), []);
    // The Runner refuses another one, with its code.
    let request = world.ops.request_run(&acme.owner, input(None)).await.unwrap();
    assert_eq!(words(&world.ops.pending(&mut session).await.unwrap()), ["run_request"]);
    let refusal = progress(request.id, None, RunStage::Refused, Some("policy_denied"));
    world.ops.line().receive(&mut session, refusal).await.unwrap();
    let known = world.ops.get_run_request(&acme.owner, request.id).await.unwrap();
    assert!(matches!(known.state, RunRequestState::Refused { code, .. } if code.as_str() == "policy_denied"));
    // Progress of something that was never asked for changes nothing.
    let unknown = progress(RequestId::from_parts(7, [7; 10]), None, RunStage::Refused, Some("policy_denied"));
    let before = world.actions(&acme).await.len();
    world.ops.line().receive(&mut session, unknown).await.unwrap();
    assert_eq!(world.actions(&acme).await.len(), before);
    world.ops.revoke_runner(&acme.owner, id, "sold".parse().unwrap()).await.unwrap();
    assert!(matches!(world.ops.request_run(&acme.owner, input(None)).await, Err(Error::RunnerIs(_))));
}

#[tokio::test]
async fn a_due_time_that_passed_without_a_word_is_overdue_once() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    let schedule =
        |next_due| FromRunner::Schedule(Schedule { due: vec![Due { procedure: "demo".parse().unwrap(), next_due }] });
    install(&world, &mut session).await;
    let due = world.now().plus_ms(3_600_000);
    world.ops.line().receive(&mut session, schedule(due)).await.unwrap();
    world.ops.line().receive(&mut session, schedule(due)).await.unwrap();
    assert_eq!(world.logged(&acme, "runner.scheduled").await, 1);
    world.ops.ended(session).await;
    world.advance_seconds(3_600 + 600);
    assert_eq!(world.ops.sweep().await.unwrap().overdue, 0, "its report may still be on its way");
    world.advance_seconds(601);
    assert_eq!(world.ops.sweep().await.unwrap().overdue, 1);
    assert_eq!(world.ops.sweep().await.unwrap().overdue, 0);
    assert_eq!(world.alarms(&acme).await, ["overdue"]);
    let id = runner.name.runner;
    let open = AlarmFilter { open_only: true, ..AlarmFilter::default() };
    let rows = world.ops.alarms_page(&acme.owner, &open, &Page::first()).await.unwrap().rows.items;
    assert_eq!(rows[0].alarm.procedure().map(|(at, name)| (at, name.as_str())), Some((id, "demo")));
    let named = rows[0].title.as_ref().map(|title| title.as_str());
    assert_eq!((named, rows[0].digest), (Some("A demonstration"), Some(sha256(b"demo"))));
    assert_eq!(world.ops.alarm_page(&acme.owner, rows[0].alarm.id).await.unwrap(), rows[0]);
    assert_eq!(world.ops.get_runner(&acme.owner, id).await.unwrap().overdue_since, Some(due));
    // The Runner is back and says when it is due next: nothing is overdue any more.
    let mut session = world.connected(&mut runner).await;
    world.ops.line().receive(&mut session, schedule(due.plus_ms(86_400_000))).await.unwrap();
    assert_eq!(world.ops.get_runner(&acme.owner, id).await.unwrap().overdue_since, None);
    let alarm = world.ops.list_alarms(&acme.owner, true, &Page::first()).await.unwrap().items[0].id;
    world.ops.acknowledge_alarm(&acme.owner, alarm, "it was moved".parse().unwrap()).await.unwrap();
    let again = world.ops.acknowledge_alarm(&acme.owner, alarm, "again".parse().unwrap()).await;
    assert!(matches!(again, Err(Error::AlarmIsAcknowledged)));
    assert_eq!(world.alarms(&acme).await, Vec::<&str>::new());
}
