//! What pages cost, runs by everything, and the controls that a tenant answers for.

use contract::{Due, FromRunner, RunProgress, RunStage, Schedule};
use control_plane_domain::alarm::AlarmFilter;
use control_plane_domain::audit_log::AuditFilter;
use control_plane_domain::list::Page;
use control_plane_domain::policy::Role;
use control_plane_domain::run::RunFilter;
use control_plane_domain::standing::FindingFilter;
use control_plane_operations::console::{ControlRef, CoverageState, FrameworkCoverage, ItemsPart, ProcedureFilter};
use control_plane_operations::{Kind, RequestRun, Session};
use ids::RunId;
use proof::text::Name;
use verdict::{Severity, Status};

use crate::console::{TLS, install, installed, not_found, read, run, witness};
use crate::support::{FakeRunner, Tenancy, World};

/// The same procedure under another name.
fn variant(n: usize) -> String {
    TLS.replace("id: tls-endpoint\n", &format!("id: tls-{n}\n"))
}

fn id(source: &str) -> Name {
    read(source).id.parse().unwrap()
}

fn control(framework: &str, control: &str) -> ControlRef {
    ControlRef { framework: framework.to_owned(), control: control.to_owned() }
}

/// Times that the database was asked for something.
async fn trips<T>(world: &World, what: impl Future<Output = T>) -> u64 {
    let before = world.ops.store().round_trips();
    what.await;
    world.ops.store().round_trips() - before
}

/// What every page asks of the database, by its name.
async fn costs(world: &World, acme: &Tenancy, newest: RunId, runner: &FakeRunner) -> Vec<(&'static str, u64)> {
    let (ops, owner, first) = (&world.ops, &acme.owner, Page::new(None, 50).unwrap());
    let cryptography = control("iso-27001-2022", "A.8.24");
    let (failing, all) = (FindingFilter::default(), RunFilter::default());
    let grave = RunFilter { failing: Some(Severity::High), ..RunFilter::default() };
    let procedures = ProcedureFilter::default();
    let digest = read(&variant(0)).digest();
    let since = world.now().plus_ms(-86_400_000);
    let audit = AuditFilter::default();
    macro_rules! each {
        ($($name:literal: $what:expr;)*) => {{
            // What is kept in memory is read the first time.
            $($what.await.unwrap();)*
            vec![$(($name, trips(world, $what).await)),*]
        }};
    }
    each! {
        "overview": ops.overview(owner);
        "procedures": ops.procedures(owner, &procedures, &first);
        "procedure": ops.procedure_page(owner, runner.name.runner, &digest);
        "runs": ops.runs_page(owner, &all, &first);
        "runs by severity and control": ops.search_runs(owner, &grave, Some(&cryptography), &first);
        "run": ops.run_page(owner, newest, ItemsPart { skipped: 0, most: 200 });
        "evidence of a run": ops.evidence_page(owner, newest);
        "runs to compare with": ops.comparable_runs(owner, newest, &all, &first);
        "findings": ops.findings_page(owner, &failing, None, &first);
        "findings of a control": ops.findings_page(owner, &failing, Some(&cryptography), &first);
        "coverage": ops.coverage(owner);
        "coverage, in short": ops.coverage_summary(owner);
        "coverage of a framework": ops.framework_coverage(owner, "iso-27001-2022");
        "alarms": ops.alarms_page(owner, &AlarmFilter::default(), &first);
        "changes": ops.list_changes(owner, since, &first);
        "missed": ops.missed_page(owner, None, &first);
        "runners": ops.runner_rows(owner, None, &first);
        "runner": ops.runner_page(owner, runner.name.runner);
        "audit log": ops.audit_page(owner, &audit, None, &first);
        "audit checkpoint": ops.audit_checkpoint(owner);
        "people": ops.list_people_standing(owner, &first);
    }
}

/// The most that a page may ask, whatever there is. A row or two is cheaper than a question.
const MOST: u64 = 24;

/// A Runner with so many procedures, each of which ran, fails and is overdue; somebody asked for each of the runs.
async fn add(world: &World, acme: &Tenancy, procedures: usize, n: &mut u8) -> (RunId, FakeRunner) {
    let sources: Vec<String> = (0..procedures).map(variant).collect();
    world.person(acme, Role::Viewer).await;
    let mut runner = world.runner(acme).await;
    let mut session = world.connected(&mut runner).await;
    install(world, &mut session, sources.iter().map(|source| installed(source, true)).collect()).await;
    let due = world.now().plus_ms(1_000);
    let dues = sources.iter().map(|source| Due { procedure: id(source), next_due: due }).collect();
    world.ops.line().receive(&mut session, FromRunner::Schedule(Schedule { due: dues })).await.unwrap();
    let mut newest = None;
    for source in &sources {
        *n += 1;
        let wanted = RequestRun { runner: runner.name.runner, procedure: read(source).digest(), wait: None };
        let request = world.ops.request_run(&acme.owner, wanted).await.unwrap();
        let run = run(world, (&mut runner, &mut session), *n, source, &[("trusted", Status::Fail)]).await;
        progress(world, &mut session, request.id, run, RunStage::Begun).await;
        newest = Some(run);
    }
    witness(world, acme, &mut runner, &mut session).await;
    (newest.unwrap(), runner)
}

async fn progress(world: &World, session: &mut Session, request: ids::RequestId, run: RunId, stage: RunStage) {
    let progress = RunProgress { request: Some(request), run: Some(run), stage, code: None };
    world.ops.line().receive(session, FromRunner::RunProgress(progress)).await.unwrap();
}

#[tokio::test]
async fn a_page_asks_the_database_as_often_for_many_as_for_few() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut n = 0;
    add(&world, &acme, 2, &mut n).await;
    let (newest, runner) = add(&world, &acme, 2, &mut n).await;
    world.advance_seconds(7_200);
    world.ops.sweep().await.unwrap();
    let few = costs(&world, &acme, newest, &runner).await;
    let mut newest = newest;
    for _ in 0..7 {
        newest = add(&world, &acme, 6, &mut n).await.0;
    }
    world.advance_seconds(7_200);
    assert!(world.ops.sweep().await.unwrap().overdue > 20);
    let many = costs(&world, &acme, newest, &runner).await;
    for ((page, few), (_, many)) in few.iter().zip(&many) {
        println!("{page}: {few} questions, with more of everything {many}");
    }
    for ((page, few), (_, many)) in few.iter().zip(&many) {
        assert!(many <= few, "{page}: {few} questions to the database, with more of everything {many}");
        assert!(*many <= MOST, "{page}: {many} questions to the database");
    }
}

#[tokio::test]
async fn runs_are_found_by_who_asked_what_failed_and_which_control_they_serve() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let umbrella = world.tenant("umbrella").await;
    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    let other = TLS.replace("id: tls-endpoint\n", "id: other\n").replace("A.8.24", "A.8.99");
    install(&world, &mut session, vec![installed(TLS, true), installed(&other, true)]).await;
    let engineer = world.person(&acme, Role::Engineer).await;
    let wanted = RequestRun { runner: runner.name.runner, procedure: read(TLS).digest(), wait: None };
    let request = world.ops.request_run(&engineer, wanted).await.unwrap();
    let first = run(&world, (&mut runner, &mut session), 1, TLS, &[("key_strength", Status::Fail)]).await;
    progress(&world, &mut session, request.id, first, RunStage::Begun).await;
    progress(&world, &mut session, request.id, first, RunStage::Ended).await;
    let second = run(&world, (&mut runner, &mut session), 2, TLS, &[("trusted", Status::Fail)]).await;
    let third = run(&world, (&mut runner, &mut session), 3, &other, &[]).await;
    let found = async |filter: RunFilter, control: Option<ControlRef>| {
        let page = world.ops.search_runs(&acme.owner, &filter, control.as_ref(), &Page::first()).await.unwrap();
        assert_eq!((page.looked_through, page.rows.next), (None, None));
        page.rows.items.iter().map(|row| row.run.id).collect::<Vec<_>>()
    };
    let none = RunFilter::default;
    assert_eq!(found(none(), None).await, [third, second, first]);
    assert_eq!(found(RunFilter { asked_by: Some(engineer.person()), ..none() }, None).await, [first]);
    assert_eq!(found(RunFilter { failing: Some(Severity::Critical), ..none() }, None).await, [second]);
    assert_eq!(found(RunFilter { failing: Some(Severity::Medium), ..none() }, None).await, [second, first]);
    let (procedure, failing_check) = (Some(id(TLS)), Some("key_strength".parse().unwrap()));
    let by_check = RunFilter { procedure, failing_check, ..none() };
    assert_eq!(found(by_check.clone(), None).await, [first]);
    assert_eq!(found(RunFilter { score_from: Some(10_000), ..none() }, None).await, [third]);
    assert_eq!(found(RunFilter { digest: Some(read(&other).digest()), ..none() }, None).await, [third]);
    assert_eq!(found(none(), Some(control("iso-27001-2022", "A.8.24"))).await, [second, first]);
    assert_eq!(found(none(), Some(control("iso-27001-2022", "A.8.99"))).await, [third]);
    assert_eq!(found(none(), Some(control("iso-27001-2022", "A.1"))).await, []);
    assert_eq!(found(by_check, Some(control("iso-27001-2022", "A.8.99"))).await, []);
    let alone = RunFilter { failing_check: Some("key_strength".parse().unwrap()), ..none() };
    let refused = world.ops.search_runs(&acme.owner, &alone, None, &Page::first()).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid, "a check has a name within its procedure");
    let upside_down = RunFilter { score_from: Some(9), score_to: Some(8), ..none() };
    assert_eq!(world.ops.list_runs(&acme.owner, &upside_down, &Page::first()).await.unwrap_err().kind(), Kind::Invalid);

    let page = world.ops.runs_page(&acme.owner, &none(), &Page::first()).await.unwrap();
    let askers: Vec<_> =
        page.askers.iter().map(|asker| (asker.id, asker.name.as_ref().map(|name| name.as_str()))).collect();
    assert_eq!(askers, [(engineer.person(), Some("Somebody"))]);
    assert!(page.controls.contains(&control("iso-27001-2022", "A.8.99")));
    let page = world.ops.runs_page(&umbrella.owner, &none(), &Page::first()).await.unwrap();
    assert!(page.askers.is_empty() && page.controls.is_empty() && page.rows.items.is_empty());

    // Rows name procedures by title and digest, where they are installed.
    let places = std::collections::BTreeSet::from([(runner.name.runner, read(TLS).digest())]);
    let titles = world.ops.procedure_titles(&acme.owner, &places).await.unwrap();
    assert_eq!(titles.values().map(|known| known.id.clone()).collect::<Vec<_>>(), [id(TLS)]);
    assert!(world.ops.procedure_titles(&umbrella.owner, &places).await.unwrap().is_empty());
    let changes = world.ops.changes_since(&acme.owner, world.now().plus_ms(-86_400_000)).await.unwrap();
    assert!(changes.verdicts.iter().all(|row| row.title.is_some() && row.digest.is_some()));

    // What a run can be compared with: the others of its procedure, wherever they ran.
    let compared = world.ops.comparable_runs(&acme.owner, second, &none(), &Page::first()).await.unwrap();
    assert_eq!(compared.rows.items.iter().map(|row| row.run.id).collect::<Vec<_>>(), [first]);
    assert_eq!((compared.run.run.id, compared.runners.len()), (second, 1));
    let grave = RunFilter { failing: Some(Severity::Critical), ..none() };
    let compared = world.ops.comparable_runs(&acme.owner, first, &grave, &Page::first()).await.unwrap();
    assert_eq!(compared.rows.items.iter().map(|row| row.run.id).collect::<Vec<_>>(), [second]);
    not_found(world.ops.comparable_runs(&umbrella.owner, first, &none(), &Page::first()).await);
}

/// How the controls of a framework stand, in order.
fn standing(framework: &FrameworkCoverage) -> Vec<(&str, CoverageState, Option<bool>)> {
    framework.controls.iter().map(|one| (one.control.as_str(), one.state, one.in_scope)).collect()
}

#[tokio::test]
async fn what_is_in_scope_and_served_by_nothing_is_seen_as_not_covered() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let umbrella = world.tenant("umbrella").await;
    let engineer = world.person(&acme, Role::Engineer).await;
    let iso = "iso-27001-2022";
    let list = "id,title\nA.8.24,Use of cryptography\nA.5.15,\"Access, controlled\"\nA.5.9\n";
    let scope = world.ops.set_scope(&engineer, iso, list).await.unwrap();
    assert_eq!((scope.of.controls, scope.of.by.id), (3, engineer.person()));
    assert_eq!(world.ops.set_scope(&acme.owner, iso, &scope.to_text()).await.unwrap().of, scope.of, "the same again");
    assert_eq!(world.logged(&acme, "coverage.scope_set").await, 1);
    assert_eq!(world.ops.scope(&acme.owner, iso).await.unwrap(), scope);
    assert_eq!(world.ops.scopes(&acme.owner).await.unwrap(), std::slice::from_ref(&scope.of));

    // Nothing is installed: nothing is covered.
    let before = world.ops.framework_coverage(&acme.owner, iso).await.unwrap();
    assert_eq!((before.counts.uncovered, before.controls.len()), (3, 3));

    let mut runner = world.runner(&acme).await;
    let mut session = world.connected(&mut runner).await;
    let unscheduled = TLS.replace("id: tls-endpoint\n", "id: by-hand\n").replace("A.8.24", "A.5.15");
    let unscheduled = unscheduled.replace("schedule: { every: day }\n", "");
    let beside = TLS.replace("id: tls-endpoint\n", "id: beside\n").replace("A.8.24", "A.8.1");
    let all = [TLS, &unscheduled, &beside].map(|source| installed(source, true));
    install(&world, &mut session, all.to_vec()).await;
    run(&world, (&mut runner, &mut session), 1, TLS, &[]).await;
    run(&world, (&mut runner, &mut session), 2, &unscheduled, &[]).await;
    use CoverageState::{Gap, Proven, Stale, Uncovered};
    let coverage = world.ops.framework_coverage(&acme.owner, iso).await.unwrap();
    let expected = [
        ("A.5.9", Uncovered, Some(true)),
        ("A.5.15", Proven, Some(true)),
        ("A.8.1", Gap, Some(false)),
        ("A.8.24", Proven, Some(true)),
    ];
    assert_eq!(standing(&coverage), expected);
    assert_eq!(coverage.controls[1].title.as_ref().map(|title| title.as_str()), Some("Access, controlled"));
    assert_eq!((coverage.counts.proven, coverage.counts.uncovered, coverage.counts.gap), (2, 1, 1));
    let whole = world.ops.coverage(&acme.owner).await.unwrap();
    assert_eq!(whole.frameworks.iter().find(|known| known.framework == iso), Some(&coverage));
    let soc = whole.frameworks.iter().find(|known| known.framework == "soc2-tsc").unwrap();
    assert!(soc.scope.is_none() && soc.controls.iter().all(|one| one.in_scope.is_none()));
    let short = world.ops.coverage_summary(&acme.owner).await.unwrap();
    let short = short.frameworks.iter().find(|known| known.framework == iso).unwrap();
    let states: Vec<_> = short.controls.iter().map(|(control, state)| (control.as_str(), *state)).collect();
    assert_eq!(states, expected.map(|(control, state, _)| (control, state)));
    assert_eq!((short.counts, &short.scope), (coverage.counts, &coverage.scope));

    // A due time passes without a run; what nobody scheduled holds for a year.
    let due = Due { procedure: id(TLS), next_due: world.now().plus_ms(60_000) };
    world.ops.line().receive(&mut session, FromRunner::Schedule(Schedule { due: vec![due] })).await.unwrap();
    world.advance_seconds(7_200);
    assert_eq!(world.ops.sweep().await.unwrap().overdue, 1);
    let coverage = world.ops.framework_coverage(&engineer, iso).await.unwrap();
    assert_eq!(standing(&coverage)[1].1, Proven);
    assert_eq!((standing(&coverage)[3].1, coverage.counts.stale), (Stale, 1));
    let key = {
        let key = control_plane_operations::CreateApiKey {
            person: None,
            label: "for years".parse().unwrap(),
            scopes: None,
            expires: world.now().plus_ms(365 * 86_400_000 + 43_200_000),
        };
        world.ops.create_api_key(&acme.owner, key).await.unwrap().text
    };
    world.advance_seconds(365 * 86_400);
    let owner = world.ops.authenticate(key.expose(), crate::support::ADDRESS).await.unwrap();
    let coverage = world.ops.framework_coverage(&owner, iso).await.unwrap();
    assert_eq!((standing(&coverage)[1].1, coverage.counts.stale), (Stale, 2));

    // The list goes: what nothing serves is not known any more.
    world.ops.remove_scope(&owner, iso).await.unwrap();
    not_found(world.ops.remove_scope(&owner, iso).await);
    not_found(world.ops.scope(&owner, iso).await);
    let coverage = world.ops.framework_coverage(&owner, iso).await.unwrap();
    assert!(coverage.scope.is_none() && coverage.counts.uncovered == 0);
    not_found(world.ops.framework_coverage(&owner, "nothing").await);
    assert!(world.ops.scopes(&umbrella.owner).await.is_ok_and(|scopes| scopes.is_empty()));
}

#[tokio::test]
async fn a_scope_is_set_by_those_who_may_and_only_as_a_list() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let umbrella = world.tenant("umbrella").await;
    for (role, may) in [
        (Role::Administrator, true),
        (Role::Engineer, true),
        (Role::Approver, false),
        (Role::Auditor, false),
        (Role::Viewer, false),
    ] {
        let caller = world.person(&acme, role).await;
        let set = world.ops.set_scope(&caller, "soc2-tsc", &format!("CC6.1,{role}")).await;
        assert_eq!(set.is_ok(), may, "{role}");
        assert!(set.is_ok() || set.unwrap_err().kind() == Kind::Forbidden);
        assert!(world.ops.scope(&caller, "soc2-tsc").await.is_ok(), "{role} sees it");
    }
    let viewer = world.person(&acme, Role::Viewer).await;
    assert_eq!(world.ops.remove_scope(&viewer, "soc2-tsc").await.unwrap_err().kind(), Kind::Forbidden);
    not_found(world.ops.scope(&umbrella.owner, "soc2-tsc").await);
    not_found(world.ops.remove_scope(&umbrella.owner, "soc2-tsc").await);
    for (framework, text, field) in [
        ("SOC 2", "CC6.1", "framework"),
        ("soc2-tsc", "", "scope"),
        ("soc2-tsc", "CC6.1\nCC6.1", "scope"),
        ("soc2-tsc", "CC6.1,\"open", "scope"),
    ] {
        let refused = world.ops.set_scope(&acme.owner, framework, text).await.unwrap_err();
        assert!(refused.kind() == Kind::Invalid && refused.to_string().contains(field), "{refused}");
    }
    let same = world.ops.scope(&acme.owner, "soc2-tsc").await.unwrap();
    assert_eq!(same.to_text(), "CC6.1,engineer\n", "what was refused changed nothing");
    for n in 1..50 {
        world.ops.set_scope(&acme.owner, &format!("framework-{n}"), "1").await.unwrap();
    }
    let one_more = world.ops.set_scope(&acme.owner, "framework-50", "1").await.unwrap_err();
    assert_eq!(one_more.kind(), Kind::Invalid);
    assert!(world.ops.set_scope(&acme.owner, "framework-49", "2").await.is_ok());
    assert_eq!(world.logged(&acme, "coverage.scope_set").await, 2 + 49 + 1);
}

#[tokio::test]
async fn the_page_of_the_log_names_who_keeps_it_and_checks_nothing_again() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let none = world.ops.audit_page(&acme.owner, &AuditFilter::default(), None, &Page::first()).await.unwrap();
    assert!(none.newest.is_none() && none.runners.is_empty());
    let mut n = 0;
    let (_, runner) = add(&world, &acme, 1, &mut n).await;
    let page = world.ops.audit_page(&acme.owner, &AuditFilter::default(), None, &Page::first()).await.unwrap();
    let listed = world.ops.list_audit(&acme.owner, &AuditFilter::default(), &Page::first()).await.unwrap();
    assert_eq!(page.lines, listed);
    let newest = page.newest.unwrap();
    assert_eq!((newest.cosigned, newest.cosigned_by[0].id), (1, runner.name.runner));
    let note = world.ops.audit_checkpoint(&acme.owner).await.unwrap();
    let checkpoint = proof::checkpoint::Checkpoint::from_text(note.text()).unwrap();
    assert_eq!((newest.size, newest.root), (checkpoint.size, checkpoint.root));
    assert_eq!(note.signatures().len(), 2);
    assert_eq!((page.people.len(), page.runners.len(), page.more_people, page.more_runners), (2, 1, false, false));
    let about = runner.name.runner.to_string();
    let found = world.ops.audit_page(&acme.owner, &AuditFilter::default(), Some(&about), &Page::first()).await.unwrap();
    assert!(found.read > 0 && found.lines.items.iter().all(|line| line.line.contains(&about)));
    let short = world.ops.audit_page(&acme.owner, &AuditFilter::default(), Some("abc"), &Page::first()).await;
    assert_eq!(short.unwrap_err().kind(), Kind::Invalid);
    let viewer = world.person(&acme, Role::Viewer).await;
    let denied = world.ops.audit_page(&viewer, &AuditFilter::default(), None, &Page::first()).await;
    assert_eq!(denied.unwrap_err().kind(), Kind::Forbidden);
}
