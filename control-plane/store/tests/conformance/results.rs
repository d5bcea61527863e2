//! Runs, checks, findings, tallies: what lists show after reports were accepted.

use control_plane_domain::list::{Cursor, Page};
use control_plane_domain::run::{CheckFilter, RunFilter};
use control_plane_store::StoreError;
use proof::manifest::{ItemLine, Manifest};
use verdict::Status;

use crate::records::with_runner;
use crate::sample::{self, run_id, runner_id};
use crate::world::{World, at, on_both, permit};

on_both! {
    async fn a_run_is_kept_with_all_that_its_report_says(world: World) {
        let (tx, _) = with_runner(&world).await;
        let manifest = sample::manifest(world.a, 1, Status::Fail);
        tx.accept_reports(&[sample::report(&manifest, 4)]).await.unwrap();
        let detail = tx.run_detail(run_id(1)).await.unwrap().unwrap();
        assert_eq!(detail.steps, manifest.steps);
        assert_eq!(detail.items, manifest.items);
        assert_eq!(detail.checks, manifest.checks);
        assert_eq!(detail.metrics, manifest.metrics);
        assert_eq!(detail.reports, [(4, at(5))]);
        let run = detail.summary;
        assert_eq!((run.verdict, run.score, run.counts, run.seq), (Status::Fail, Some(7_500), manifest.run.counts, 4));
        let report = tx.newest_report(run_id(1)).await.unwrap().unwrap();
        assert_eq!((report.manifest.as_slice(), report.attestation.as_slice()), (&b"manifest\n"[..], &b"{}"[..]));
        let item = tx.item(sample::item_id(1)).await.unwrap().unwrap();
        assert_eq!((item.run, item.runner, &item.line), (run_id(1), runner_id(1), &manifest.items[0]));
        assert_eq!(tx.run_items(run_id(1), &Page::first()).await.unwrap().items, [item]);
        assert_eq!(tx.run_detail(run_id(2)).await.unwrap(), None);
    }

    async fn a_part_of_the_items_of_a_run_is_read_with_how_many_there_are(world: World) {
        let (tx, _) = with_runner(&world).await;
        let mut manifest = sample::manifest(world.a, 1, Status::Fail);
        let first = manifest.items[0].clone();
        manifest.items = (1..=5).map(|n| ItemLine { item: sample::item_id(n), ..first.clone() }).collect();
        tx.accept_reports(&[sample::report(&manifest, 4)]).await.unwrap();
        let whole = tx.run_detail(run_id(1)).await.unwrap().unwrap();
        for (skipped, most, expected) in
            [(0, 2, 0..2), (2, 2, 2..4), (4, 2, 4..5), (0, 9, 0..5), (5, 2, 0..0), (0, 0, 0..0)]
        {
            let (part, all) = tx.run_detail_part(run_id(1), skipped, most).await.unwrap().unwrap();
            assert_eq!((part.items.as_slice(), all), (&manifest.items[expected], 5), "{most} after {skipped}");
            assert_eq!((&part.checks, &part.reports), (&whole.checks, &whole.reports));
        }
        let bare = Manifest { items: Vec::new(), ..sample::manifest(world.a, 2, Status::Fail) };
        tx.accept_reports(&[sample::report(&bare, 5)]).await.unwrap();
        let (part, all) = tx.run_detail_part(run_id(2), 0, 2).await.unwrap().unwrap();
        assert_eq!((part.items, all), (Vec::new(), 0));
        assert_eq!(tx.run_detail_part(run_id(3), 0, 2).await.unwrap(), None);
    }

    async fn a_waiting_run_is_reported_again(world: World) {
        let (tx, _) = with_runner(&world).await;
        let waiting = sample::manifest(world.a, 1, Status::Pending);
        tx.accept_reports(&[sample::report(&waiting, 0)]).await.unwrap();
        let done = sample::manifest(world.a, 1, Status::Pass);
        tx.accept_reports(&[sample::report(&done, 1)]).await.unwrap();
        let run = tx.run(run_id(1)).await.unwrap().unwrap();
        assert_eq!((run.verdict, run.reports, run.seq, run.is_final()), (Status::Pass, 2, 1, true));
        let tallies = tx.run_tallies(None, at(-86_400_000), at(86_400_000)).await.unwrap();
        let [tally] = tallies.as_slice() else { panic!("{tallies:?}") };
        assert_eq!((tally.runs, tally.pass, tally.pending, tally.scored, tally.score_sum), (1, 1, 0, 1, 7_500));
        // Another commitment under the same item is no second report of it.
        let mut other = sample::manifest(world.a, 1, Status::Pass);
        other.items[0].rows += 1;
        let error = tx.accept_reports(&[sample::report(&other, 2)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { table: "run_item", .. }), "{error}");
    }

    async fn a_batch_is_what_its_reports_are_one_by_one(world: World) {
        let (tx, _) = with_runner(&world).await;
        let manifests: Vec<_> = (0..300_u32)
            .map(|n| sample::manifest(world.a, n / 2, if n % 2 == 0 { Status::Pending } else { Status::Fail }))
            .collect();
        let reports: Vec<_> = manifests.iter().zip(0..).map(|(manifest, seq)| sample::report(manifest, seq)).collect();
        tx.accept_reports(&reports).await.unwrap();
        let run = tx.run(run_id(149)).await.unwrap().unwrap();
        assert_eq!((run.verdict, run.reports, run.seq), (Status::Fail, 2, 299));
        let tallies = tx.run_tallies(Some(&"access-review".parse().unwrap()), at(-86_400_000), at(86_400_000)).await;
        let tallies = tallies.unwrap();
        assert_eq!(tallies.iter().map(|tally| (tally.runs, tally.fail, tally.pending)).collect::<Vec<_>>(), [(150, 150, 0)]);
        let findings = tx.findings(&CheckFilter::default(), &Page::first()).await.unwrap().items;
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].failing_since, Some(at(500)));
        assert_eq!(findings[0].run, run_id(149));
    }

    async fn pages_follow_one_another_without_gap_or_repetition(world: World) {
        let (tx, _) = with_runner(&world).await;
        let manifests: Vec<_> = (0..25_u32)
            .map(|n| {
                let mut manifest = sample::manifest(world.a, n, if n % 5 == 0 { Status::Fail } else { Status::Pass });
                // Several begin in the same millisecond.
                manifest.run.started = at(i64::from(n / 4));
                manifest
            })
            .collect();
        let reports: Vec<_> = manifests.iter().zip(0..).map(|(manifest, seq)| sample::report(manifest, seq)).collect();
        tx.accept_reports(&reports).await.unwrap();
        let procedure = Some("access-review".parse().unwrap());
        let filters = [
            (25, RunFilter::default()),
            (25, RunFilter { runner: Some(runner_id(1)), ..RunFilter::default() }),
            (25, RunFilter { procedure: procedure.clone(), ..RunFilter::default() }),
            (25, RunFilter { runner: Some(runner_id(1)), procedure, ..RunFilter::default() }),
            (0, RunFilter { runner: Some(runner_id(2)), ..RunFilter::default() }),
            (5, RunFilter { verdict: Some(Status::Fail), ..RunFilter::default() }),
            (8, RunFilter { from: Some(at(2)), until: Some(at(4)), ..RunFilter::default() }),
        ];
        for (expected, filter) in filters {
            let mut seen = Vec::new();
            let mut page = Page::new(None, 3).unwrap();
            loop {
                let listed = tx.runs(&filter, &page).await.unwrap();
                seen.extend(listed.items.iter().map(|run| (run.started, run.id)));
                let Some(next) = listed.next else { break };
                // A cursor survives being written down.
                page = page.following(next.to_string().parse().unwrap());
            }
            assert_eq!(seen.len(), expected, "{filter:?}");
            assert!(seen.is_sorted_by(|a, b| a > b), "{filter:?}: {seen:?}");
        }
        let wrong = Page::new(Some(Cursor::at(["a".to_owned()])), 3).unwrap();
        assert!(matches!(tx.runs(&RunFilter::default(), &wrong).await.unwrap_err(), StoreError::Cursor));
        let wrong = Page::new(Some(Cursor::at(["a".to_owned(), "b".to_owned()])), 3).unwrap();
        assert!(matches!(tx.runs(&RunFilter::default(), &wrong).await.unwrap_err(), StoreError::Cursor));
    }

    async fn a_finding_lasts_until_the_check_holds(world: World) {
        let (tx, _) = with_runner(&world).await;
        for (seq, (n, verdict)) in
            [(1, Status::Pass), (2, Status::Fail), (3, Status::Error), (4, Status::Fail)].into_iter().enumerate()
        {
            let manifest = sample::manifest(world.a, n, verdict);
            tx.accept_reports(&[sample::report(&manifest, seq as u64)]).await.unwrap();
        }
        let findings = tx.findings(&CheckFilter::default(), &Page::first()).await.unwrap().items;
        assert_eq!(findings.iter().map(|f| (f.since, f.failing_since)).collect::<Vec<_>>(), [(at(4_500), Some(at(2_500)))]);
        // An older run that comes late changes nothing.
        let late = sample::manifest(world.a, 0, Status::Pass);
        tx.accept_reports(&[sample::report(&late, 9)]).await.unwrap();
        assert_eq!(tx.findings(&CheckFilter::default(), &Page::first()).await.unwrap().items, findings);
        let manifest = sample::manifest(world.a, 5, Status::Pass);
        tx.accept_reports(&[sample::report(&manifest, 10)]).await.unwrap();
        assert_eq!(tx.findings(&CheckFilter::default(), &Page::first()).await.unwrap().items, []);
        let filter = CheckFilter { status: Some(Status::Pass), runner: Some(runner_id(1)), procedure: None };
        assert_eq!(tx.check_states(&filter, &Page::first()).await.unwrap().items.len(), 1);
        let filter = CheckFilter { procedure: Some("other".parse().unwrap()), ..CheckFilter::default() };
        assert_eq!(tx.check_states(&filter, &Page::first()).await.unwrap().items, []);
    }

    async fn large_manifests_go_through(world: World) {
        let (tx, _) = with_runner(&world).await;
        let manifests: Vec<_> = (0..20_u32).map(|n| sample::manifest(world.a, n, Status::Pass)).collect();
        let large = vec![b'm'; 1_000_000];
        let reports: Vec<_> = manifests
            .iter()
            .zip(0..)
            .map(|(manifest, seq)| control_plane_domain::run::AcceptedReport {
                manifest_bytes: &large,
                ..sample::report(manifest, seq)
            })
            .collect();
        tx.accept_reports(&reports).await.unwrap();
        assert_eq!(tx.newest_report(run_id(19)).await.unwrap().unwrap().manifest, large);
    }

    async fn a_run_is_its_runners_and_a_number_must_fit(world: World) {
        let (tx, _) = with_runner(&world).await;
        tx.add_runner(&sample::runner(3)).await.unwrap();
        let manifest = sample::manifest(world.a, 1, Status::Pass);
        tx.accept_reports(&[sample::report(&manifest, 0)]).await.unwrap();
        let mut stolen = sample::manifest(world.a, 1, Status::Pass);
        stolen.run.runner = runner_id(3);
        let error = tx.accept_reports(&[sample::report(&stolen, 0)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { table: "run", .. }), "{error}");
        let mut large = sample::manifest(world.a, 2, Status::Pass);
        large.items[0].rows = u64::MAX;
        let error = tx.accept_reports(&[sample::report(&large, 1)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Record(_)), "{error}");
        drop(tx);
        assert_eq!(world.store.read(&permit(world.a)).await.unwrap().run(run_id(1)).await.unwrap(), None);
    }
}
