//! Runs by everything that tells them apart, and the lists of controls in scope.

use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::list::Page;
use control_plane_domain::run::{RunFilter, RunSummary};
use control_plane_domain::run_request::RunRequestState;
use control_plane_domain::scope::{self, ScopeLine};
use control_plane_store::Reads;
use ids::RunId;
use proof::manifest::{CheckLine, Manifest};
use proof::text::Name;
use verdict::{Counts, Severity, Status, Trigger};

use crate::cluster::cluster;
use crate::records::with_runner;
use crate::sample::{self, digest, person_id, run_id, runner_id};
use crate::world::{Place, World, at, on_both, permit};

const PROCEDURES: [&str; 3] = ["access-review", "backup", "tls"];

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Runs of which every condition fits some and not others; several begin in the same millisecond.
fn manifests(world: &World, count: u32) -> Vec<Manifest> {
    (0..count)
        .map(|n| {
            let mut manifest = sample::manifest(world.a, n, Status::Pass);
            let run = &mut manifest.run;
            (run.started, run.ended) = (at(i64::from(n / 3) * 1_000), at(i64::from(n / 3) * 1_000 + 700));
            run.runner = runner_id(if n % 4 == 1 { 2 } else { 1 });
            run.procedure.id = name(PROCEDURES[(n % 3) as usize]);
            run.procedure.version = u64::from(n % 5);
            run.procedure.sha256 = digest((n % 7) as u8);
            run.partial = n % 11 == 0;
            run.trigger = if n % 6 == 0 { Trigger::Request } else { Trigger::Schedule };
            run.score = (n % 13 != 0).then_some(u64::from(n) * 37 % 10_001);
            manifest.checks = (0..3)
                .map(|check| CheckLine {
                    check: name(["a", "b", "c"][check as usize]),
                    status: if (n + check) % 5 == 0 { Status::Fail } else { Status::Pass },
                    severity: Severity::ALL[((n / 2 + check) % 5) as usize],
                    counts: Counts::default(),
                    exceptions: Vec::new(),
                })
                .collect();
            manifest.run.verdict = manifest.checks.iter().map(|line| line.status).min().unwrap();
            manifest
        })
        .collect()
}

/// Whether a run is meant, by what its report says.
fn fits(manifest: &Manifest, filter: &RunFilter, among: Option<&[Name]>, asked: &[RunId]) -> bool {
    let run = &manifest.run;
    let failing = |line: &&CheckLine| line.status == Status::Fail;
    let grave = |least: Severity| {
        let is = |line: &CheckLine| Severity::ALL.iter().position(|known| *known == line.severity);
        let least = Severity::ALL.iter().position(|known| *known == least);
        manifest.checks.iter().filter(failing).any(|line| is(line) <= least)
    };
    let named = |check: &Name| manifest.checks.iter().filter(failing).any(|line| line.check == *check);
    let score = |holds: &dyn Fn(u64) -> bool| run.score.is_some_and(holds);
    filter.runner.is_none_or(|runner| run.runner == runner)
        && filter.procedure.as_ref().is_none_or(|procedure| run.procedure.id == *procedure)
        && among.is_none_or(|among| among.contains(&run.procedure.id))
        && filter.verdict.is_none_or(|verdict| run.verdict == verdict)
        && filter.trigger.is_none_or(|trigger| run.trigger == trigger)
        && filter.from.is_none_or(|from| run.started >= from)
        && filter.until.is_none_or(|until| run.started < until)
        && filter.asked_by.is_none_or(|person| person == person_id(1) && asked.contains(&run.run))
        && filter.digest.is_none_or(|digest| run.procedure.sha256 == digest)
        && filter.version.is_none_or(|version| run.procedure.version == version)
        && filter.partial.is_none_or(|partial| run.partial == partial)
        && filter.failing_check.as_ref().is_none_or(named)
        && filter.failing.is_none_or(grave)
        && filter.score_from.is_none_or(|from| score(&|score| score >= from))
        && filter.score_to.is_none_or(|to| score(&|score| score <= to))
}

/// Every run that fits, page after page; how many pages, and whether one ended because enough was looked through.
async fn all(tx: &Reads, filter: &RunFilter, among: Option<&[Name]>, limit: u32) -> (Vec<RunSummary>, usize, bool) {
    let (mut seen, mut pages, mut was_cut) = (Vec::new(), 0, false);
    let mut page = Page::new(None, limit).unwrap();
    loop {
        let found = tx.search_runs(filter, among, &page).await.unwrap();
        pages += 1;
        was_cut |= found.looked_through.is_some();
        assert!(found.rows.items.len() <= limit as usize);
        seen.extend(found.rows.items);
        let Some(next) = found.rows.next else { return (seen, pages, was_cut) };
        page = page.following(next);
    }
}

/// One filter for each condition, and some of several.
fn filters() -> Vec<RunFilter> {
    let none = RunFilter::default();
    let one = |change: fn(&mut RunFilter)| {
        let mut filter = RunFilter::default();
        change(&mut filter);
        filter
    };
    let alone = vec![
        none,
        one(|filter| filter.asked_by = Some(person_id(1))),
        one(|filter| filter.asked_by = Some(person_id(9))),
        one(|filter| filter.digest = Some(digest(3))),
        one(|filter| filter.version = Some(2)),
        one(|filter| filter.partial = Some(true)),
        one(|filter| filter.partial = Some(false)),
        one(|filter| filter.failing = Some(Severity::Critical)),
        one(|filter| filter.failing = Some(Severity::Medium)),
        one(|filter| filter.failing = Some(Severity::Info)),
        one(|filter| (filter.procedure, filter.failing_check) = (Some(name("tls")), Some(name("b")))),
        one(|filter| filter.score_from = Some(5_000)),
        one(|filter| filter.score_to = Some(4_000)),
        one(|filter| (filter.score_from, filter.score_to) = (Some(2_000), Some(2_400))),
    ];
    let with: [fn(&mut RunFilter); 6] = [
        |_| (),
        |filter| filter.runner = Some(runner_id(2)),
        |filter| filter.procedure = Some(name("tls")),
        |filter| (filter.runner, filter.procedure) = (Some(runner_id(1)), Some(name("tls"))),
        |filter| (filter.verdict, filter.trigger) = (Some(Status::Fail), Some(Trigger::Request)),
        |filter| (filter.from, filter.until, filter.version) = (Some(at(9_000)), Some(at(31_000)), Some(1)),
    ];
    alone
        .iter()
        .flat_map(|filter| {
            with.iter().map(|change| {
                let mut filter = filter.clone();
                change(&mut filter);
                filter
            })
        })
        .collect()
}

/// The run that a request asked for, as its Runner says.
async fn ask_for(tx: &control_plane_store::Writes, audit: AuditRef, n: u8, run: RunId) {
    let request = sample::run_request(n, audit);
    tx.add_run_request(&request).await.unwrap();
    tx.set_run_request_state(request.id, &RunRequestState::Begun { run, at: at(1) }).await.unwrap();
}

/// The statements of the migration that fill what is new out of what is there.
fn fills(world: &World) -> Vec<&'static str> {
    let text = if world.is_sqlite() {
        include_str!("../../migrations/sqlite/V6__reads.sql")
    } else {
        include_str!("../../migrations/postgres/V6__reads.sql")
    };
    let statements = text.split(';').map(|statement| {
        let begin = statement.find("UPDATE run ").or_else(|| statement.find("INSERT INTO run_failing"));
        begin.map_or("", |begin| &statement[begin..])
    });
    statements.filter(|statement| statement.starts_with("UPDATE run SET") || statement.starts_with("INSERT")).collect()
}

on_both! {
    async fn every_search_of_runs_pages_without_gap_or_repetition(world: World) {
        let (tx, audit) = with_runner(&world).await;
        tx.add_runner(&sample::runner(2)).await.unwrap();
        let manifests = manifests(&world, 120);
        // Of some requests the Runner speaks before it reports, of some after.
        let (first, second) = (run_id(6), run_id(48));
        ask_for(&tx, audit, 1, first).await;
        let reports: Vec<_> = manifests.iter().zip(0..).map(|(manifest, seq)| sample::report(manifest, seq)).collect();
        for reports in reports.chunks(50) {
            tx.accept_reports(reports).await.unwrap();
        }
        ask_for(&tx, audit, 2, second).await;
        // This Runner has no part in that run.
        ask_for(&tx, audit, 3, run_id(1)).await;
        tx.commit().await.unwrap();
        let tx = world.store.read(&permit(world.a)).await.unwrap();
        let asked = [first, second];
        let mut seen = 0;
        let some = [name("backup"), name("tls")];
        for (filter, among) in filters().into_iter().flat_map(|filter| [(filter.clone(), None), (filter, Some(&some[..]))]) {
            let fitting = manifests.iter().filter(|manifest| fits(manifest, &filter, among, &asked));
            let mut expected: Vec<_> = fitting.map(|manifest| (manifest.run.started, manifest.run.run)).collect();
            expected.sort();
            expected.reverse();
            let (found, ..) = all(&tx, &filter, among, 7).await;
            let found: Vec<_> = found.iter().map(|run| (run.started, run.id)).collect();
            assert_eq!(found, expected, "{filter:?} {among:?}");
            seen += found.len();
        }
        assert!(seen > 800, "{seen}");
        assert_eq!(tx.run_askers(9).await.unwrap().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [person_id(1)]);
        assert!(world.store.read(&permit(world.b)).await.unwrap().run_askers(9).await.unwrap().is_empty());
        // The migration makes the same of what was there before it.
        drop(tx);
        let filters = [
            RunFilter { asked_by: Some(person_id(1)), ..RunFilter::default() },
            RunFilter { failing: Some(Severity::High), ..RunFilter::default() },
            RunFilter { procedure: Some(name("tls")), failing_check: Some(name("b")), ..RunFilter::default() },
        ];
        let found = async |filter: &RunFilter| {
            let tx = world.store.read(&permit(world.a)).await.unwrap();
            all(&tx, filter, None, 50).await.0
        };
        let mut before = Vec::new();
        for filter in &filters {
            before.push(found(filter).await);
        }
        world.behind("DELETE FROM run_failing").await;
        world.behind("UPDATE run SET asked_by = NULL, failing_weight = 0").await;
        for filter in &filters {
            assert!(found(filter).await.is_empty());
        }
        let fills = fills(&world);
        assert_eq!(fills.len(), 3, "{fills:#?}");
        for fill in fills {
            world.behind(fill).await;
        }
        for (filter, before) in filters.iter().zip(before) {
            assert!(!before.is_empty());
            assert_eq!(found(filter).await, before, "{filter:?}");
        }
    }

    async fn a_check_that_a_later_report_says_held_is_not_found_as_failing(world: World) {
        let (tx, _) = with_runner(&world).await;
        let mut manifest = sample::manifest(world.a, 1, Status::Fail);
        manifest.run.verdict = Status::Pending;
        tx.accept_reports(&[sample::report(&manifest, 0)]).await.unwrap();
        let filter = RunFilter {
            procedure: Some(name("access-review")),
            failing_check: Some(name("mfa")),
            ..RunFilter::default()
        };
        let grave = RunFilter { failing: Some(Severity::Info), ..RunFilter::default() };
        let page = Page::first();
        assert_eq!(tx.search_runs(&filter, None, &page).await.unwrap().rows.items.len(), 1);
        assert_eq!(tx.search_runs(&grave, None, &page).await.unwrap().rows.items.len(), 1);
        manifest.run.verdict = Status::Pass;
        manifest.checks[0].status = Status::Pass;
        tx.accept_reports(&[sample::report(&manifest, 1)]).await.unwrap();
        assert!(tx.search_runs(&filter, None, &page).await.unwrap().rows.items.is_empty());
        assert!(tx.search_runs(&grave, None, &page).await.unwrap().rows.items.is_empty());
    }

    async fn a_search_looks_at_a_bounded_part_and_goes_on_from_there(world: World) {
        let (tx, _) = with_runner(&world).await;
        let manifests: Vec<Manifest> = (0..5_000)
            .map(|n| {
                let mut manifest = sample::manifest(world.a, n, Status::Pass);
                (manifest.items, manifest.steps) = (Vec::new(), Vec::new());
                manifest.run.score = Some(if n % 2_400 == 7 { 1 } else { 9_000 });
                manifest
            })
            .collect();
        let reports: Vec<_> = manifests.iter().zip(0..).map(|(manifest, seq)| sample::report(manifest, seq)).collect();
        for reports in reports.chunks(500) {
            tx.accept_reports(reports).await.unwrap();
        }
        tx.commit().await.unwrap();
        let tx = world.store.read(&permit(world.a)).await.unwrap();
        let rare = RunFilter { score_to: Some(1), ..RunFilter::default() };
        let first = tx.search_runs(&rare, None, &Page::first()).await.unwrap();
        assert_eq!((first.rows.items.len(), first.looked_through), (1, Some(2_000)));
        let (found, pages, was_cut) = all(&tx, &rare, None, 50).await;
        let found: Vec<_> = found.iter().map(|run| run.id).collect();
        assert_eq!(found, [run_id(4_807), run_id(2_407), run_id(7)]);
        assert!(was_cut && pages == 3, "{pages}");
        // What nothing fits costs as much, whatever it is, and asks the database as often.
        let nothing = RunFilter { version: Some(77), ..RunFilter::default() };
        let trips = world.store.round_trips();
        let found = tx.search_runs(&nothing, None, &Page::first()).await.unwrap();
        assert_eq!((found.rows.items.len(), found.looked_through), (0, Some(2_000)));
        assert!(found.rows.next.is_some());
        assert_eq!(world.store.round_trips() - trips, 2);
    }

    async fn a_list_of_controls_in_scope_is_kept_as_it_is_given(world: World) {
        let (tx, _) = with_runner(&world).await;
        let framework = name("iso-27001-2022");
        let controls = scope::parse("A.5.15,Access control\nA.8.2\n").unwrap();
        let line = ScopeLine { framework: framework.clone(), controls: 2, sha256: digest(1), set: at(7), by: person_id(1) };
        tx.set_scope(&line, &controls).await.unwrap();
        assert_eq!(tx.scopes(9).await.unwrap(), std::slice::from_ref(&line));
        assert_eq!(tx.scoped_controls(std::slice::from_ref(&framework)).await.unwrap().remove(&framework), Some(controls));
        let fewer = scope::parse("A.8.2,Privileged access").unwrap();
        let line = ScopeLine { controls: 1, sha256: digest(2), ..line };
        tx.set_scope(&line, &fewer).await.unwrap();
        assert_eq!(tx.scope_line(&framework).await.unwrap(), Some(line));
        assert_eq!(tx.scoped_controls(std::slice::from_ref(&framework)).await.unwrap().remove(&framework), Some(fewer));
        tx.commit().await.unwrap();
        let other = world.store.read(&permit(world.b)).await.unwrap();
        assert!(other.scopes(9).await.unwrap().is_empty());
        assert!(other.scoped_controls(std::slice::from_ref(&framework)).await.unwrap().is_empty());
        drop(other);
        let tx = world.store.write(&permit(world.a)).await.unwrap();
        assert!(tx.remove_scope(&framework).await.unwrap());
        assert!(!tx.remove_scope(&framework).await.unwrap());
        assert!(tx.scopes(9).await.unwrap().is_empty());
    }
}

/// The statements by which runs are searched, out of the sources.
fn statements() -> Vec<String> {
    let text = include_str!("../../src/runs/ways.rs");
    let literals = text.split("sql!(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split_once('"'));
    let on_one_line =
        |text: &str| text.lines().map(|line| line.trim().trim_end_matches('\\')).collect::<Vec<_>>().concat();
    literals.map(|(text, _)| on_one_line(text)).collect()
}

/// On SQLite every statement's plan is looked at by a test of the crate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_enters_an_index_for_every_search_and_sorts_no_more_than_it_looks_at() {
    let world = World::postgres().await;
    let (tx, _) = with_runner(&world).await;
    tx.add_runner(&sample::runner(2)).await.unwrap();
    let manifests = manifests(&world, 3_000);
    let reports: Vec<_> = manifests.iter().zip(0..).map(|(manifest, seq)| sample::report(manifest, seq)).collect();
    for reports in reports.chunks(500) {
        tx.accept_reports(reports).await.unwrap();
    }
    tx.commit().await.unwrap();
    let Place::Postgres { database } = &world.place else { panic!("a world on PostgreSQL") };
    let admin = cluster().await.admin(database).await;
    // As it is planned once for every value there may be.
    admin.batch_execute("ANALYZE; SET plan_cache_mode = force_generic_plan").await.unwrap();
    let statements = statements();
    assert_eq!(statements.len(), 18, "{statements:#?}");
    for statement in statements {
        let values = (1..).take_while(|n| statement.contains(&format!("${n}"))).map(|_| "NULL");
        let values = values.collect::<Vec<_>>().join(", ");
        admin.batch_execute(&format!("DEALLOCATE ALL; PREPARE wanted AS {statement}")).await.unwrap();
        let plan = admin.simple_query(&format!("EXPLAIN EXECUTE wanted({values})")).await.unwrap();
        let lines: Vec<String> = plan
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .collect();
        let plan = lines.join("\n");
        let is_bounded = |line: &str| line.contains("Index Cond:") && line.contains("started >= ");
        assert!(!plan.contains("Seq Scan") && plan.lines().any(is_bounded), "{statement}\n{plan}");
        // How far a search looks is read in the order of the index; what lies within that may be sorted.
        let is_walk = !statement.contains("procedure_version");
        assert!(!is_walk || !plan.contains("Sort"), "{statement}\n{plan}");
    }
}
