//! What pages read: kept up with every report, the same in a batch and one by one, and the same as the migration makes.

use std::collections::{BTreeMap, BTreeSet};

use clock::Timestamp;
use control_plane_domain::check_state::CheckState;
use control_plane_domain::list::Page;
use control_plane_domain::procedure::ReportedProcedure;
use control_plane_domain::run::{AcceptedReport, CheckFilter, RunFilter};
use control_plane_domain::runner::RunnerState;
use control_plane_domain::standing::{
    ChangeKind, CheckSummary, DayTally, FindingFilter, FindingOrder, ProcedureState, ResultChange, StandingCounts,
};
use control_plane_store::{Reads, Writes};
use ids::{RunnerId, TenantId};
use proof::manifest::{CheckLine, Manifest};
use proof::text::Name;
use verdict::{Counts, Severity, Status, Trigger};

use crate::records::with_runner;
use crate::sample::{self, digest, item_id, run_id, runner_id};
use crate::world::{World, at, on_both, permit, something};

const STATUSES: [Status; 6] =
    [Status::Pass, Status::Fail, Status::Error, Status::Excepted, Status::NotApplicable, Status::Pass];

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

fn procedure(n: usize) -> Name {
    ["access-review", "tls", "backup"][n].parse().unwrap()
}

/// Runs of two Runners and three procedures with three checks each, on four days, as they come in.
fn manifests(tenant: TenantId, count: u32) -> Vec<Manifest> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    (0..count)
        .map(|n| {
            let mut manifest = sample::manifest(tenant, n, Status::Pass);
            let started = at(i64::from(n) * 4 * 86_400_000 / i64::from(count));
            manifest.run.runner = runner_id(1 + dice.roll(2) as u8);
            manifest.run.procedure.id = procedure(dice.roll(3));
            manifest.run.trigger = Trigger::ALL[dice.roll(3)];
            (manifest.run.started, manifest.run.ended) = (started, started.plus_ms(700));
            manifest.run.partial = dice.roll(8) == 0;
            manifest.checks = ["a", "b", "c"]
                .iter()
                .map(|check| CheckLine {
                    check: check.parse().unwrap(),
                    status: if manifest.run.partial && dice.roll(2) == 0 {
                        Status::Skipped
                    } else {
                        STATUSES[dice.roll(6)]
                    },
                    severity: Severity::ALL[(check.as_bytes()[0] - b'a') as usize],
                    counts: Counts::default(),
                    exceptions: Vec::new(),
                })
                .collect();
            let worst = manifest.checks.iter().map(|line| line.status).min().unwrap();
            manifest.run.verdict = if worst == Status::Skipped { Status::Pass } else { worst };
            manifest.run.score = (!manifest.run.partial).then_some(dice.roll(10_000) as u64);
            manifest
        })
        .collect()
}

fn reports(manifests: &[Manifest]) -> Vec<AcceptedReport<'_>> {
    let seqs = manifests.iter().zip(0..);
    seqs.map(|(manifest, seq)| AcceptedReport { at: at(90_000 + seq as i64 / 7), ..sample::report(manifest, seq) })
        .collect()
}

async fn two_runners(tx: &Writes) {
    tx.add_person(&sample::person(1)).await.unwrap();
    tx.add_join_token(&sample::join_token(1), &digest(1)).await.unwrap();
    tx.add_runner(&sample::runner(1)).await.unwrap();
    tx.add_runner(&sample::runner(5)).await.unwrap();
}

/// Everything that is kept up.
#[derive(Debug, PartialEq)]
struct Kept {
    counts: StandingCounts,
    states: Vec<ProcedureState>,
    days: Vec<DayTally>,
    checks: Vec<CheckSummary>,
    changes: Vec<ResultChange>,
    findings: Vec<CheckState>,
}

fn places() -> Vec<(RunnerId, Name)> {
    [1, 2].into_iter().flat_map(|runner| (0..3).map(move |n| (runner_id(runner), procedure(n)))).collect()
}

async fn kept(tx: &Reads) -> Kept {
    let (from, until) = (at(-10 * 86_400_000), at(10 * 86_400_000));
    let mut changes = Vec::new();
    let mut page = Page::new(None, 7).unwrap();
    loop {
        let listed = tx.changes(from, &page).await.unwrap();
        changes.extend(listed.items);
        let Some(next) = listed.next else { break };
        page = page.following(next);
    }
    let names: BTreeSet<Name> = (0..3).map(procedure).collect();
    Kept {
        counts: tx.standing_counts().await.unwrap(),
        states: tx.procedure_states(&places()).await.unwrap(),
        days: tx.day_tallies(from, until).await.unwrap(),
        checks: tx.check_summaries(&names).await.unwrap(),
        changes,
        findings: tx.findings_by(&FindingFilter::default(), None, &Page::first()).await.unwrap().items,
    }
}

/// The same without what is another tenant's own: nothing in it is.
async fn of(world: &World, tenant: TenantId) -> Kept {
    kept(&world.store.read(&permit(tenant)).await.unwrap()).await
}

/// The statements of the migration that make what is kept, out of its text.
fn fills(world: &World) -> Vec<String> {
    let text = if world.is_sqlite() {
        include_str!("../../migrations/sqlite/V3__summaries.sql")
    } else {
        include_str!("../../migrations/postgres/V3__summaries.sql")
    };
    let text: String =
        text.lines().filter(|line| !line.trim_start().starts_with("--")).flat_map(|line| [line, "\n"]).collect();
    let statements = text.split(';').map(str::trim);
    let wanted = |text: &&str| text.starts_with("INSERT INTO") || text.starts_with("UPDATE check_state");
    statements.filter(wanted).map(str::to_owned).collect()
}

/// Some hundred checks that fail: one of its own for each run, and several that begin in the same moment.
fn many_findings(tenant: TenantId) -> Vec<Manifest> {
    let mut manifests = manifests(tenant, 130);
    let mut dice = Dice(7);
    for (n, manifest) in manifests.iter_mut().enumerate() {
        manifest.run.partial = false;
        let line = manifest.checks[0].clone();
        let check = |m: usize| CheckLine {
            check: format!("check-{}", if dice.roll(9) == 0 { 0 } else { n * 2 + m }).parse().unwrap(),
            status: if dice.roll(4) == 0 { Status::Pass } else { Status::Fail },
            severity: Severity::ALL[dice.roll(5)],
            ..line.clone()
        };
        manifest.checks = (0..2).map(check).collect();
        manifest.checks.dedup_by_key(|line| line.check.clone());
        manifest.run.ended = at(1_000 + n as i64 / 6);
    }
    manifests
}

async fn all_open(tx: &Reads) -> Vec<CheckState> {
    let mut all = Vec::new();
    let mut page = Page::first();
    loop {
        let listed = tx.findings(&CheckFilter::default(), &page).await.unwrap();
        all.extend(listed.items);
        let Some(next) = listed.next else { return all };
        page = page.following(next);
    }
}

/// What was kept up of these reports is what they say.
async fn is_what_the_reports_say(world: &World, manifests: &[Manifest], together: &Kept) {
    let last = |place: &(RunnerId, Name)| {
        let mut runs = manifests.iter().map(|manifest| &manifest.run);
        runs.rfind(|run| (run.runner, &run.procedure.id) == (place.0, &place.1) && !run.partial).unwrap()
    };
    assert_eq!(together.states.len(), places().len());
    for state in &together.states {
        let run = last(&(state.runner, state.procedure.clone()));
        assert_eq!((state.run, state.verdict, state.score), (run.run, run.verdict, run.score));
    }
    for status in Status::ALL {
        let there = together.states.iter().filter(|state| state.verdict == *status).count();
        assert_eq!(together.counts.verdicts.of(*status), there as u64, "{status}");
    }
    for severity in Severity::ALL {
        let open = together.findings.iter().filter(|finding| finding.severity == *severity).count();
        assert_eq!(together.counts.findings.of(*severity), open as u64, "{severity}");
    }
    assert!(together.counts.findings.total() > 3 && together.changes.len() > 60);
    assert_eq!(together.days.iter().map(|day| day.runs).sum::<u64>(), 150);
    assert!(together.days.len() >= 4);
    let tx = world.store.read(&permit(world.a)).await.unwrap();
    let states = tx.check_states(&CheckFilter::default(), &Page::first()).await.unwrap().items;
    for summary in &together.checks {
        let mine = || states.iter().filter(|s| (&s.procedure, &s.check) == (&summary.procedure, &summary.check));
        for status in Status::ALL {
            assert_eq!(summary.runners.of(*status), mine().filter(|s| s.status == *status).count() as u64);
        }
        let newest = mine().max_by_key(|state| state.run_ended).unwrap();
        assert_eq!(summary.last.map(|word| (word.run, word.status)), Some((newest.run, newest.status)));
    }
    assert_eq!(together.checks.len(), 9);
    // Findings begin and end in turn.
    let mut open: BTreeMap<_, bool> = BTreeMap::new();
    for change in together.changes.iter().rev().filter(|change| change.kind != ChangeKind::Verdict) {
        let key = (change.runner, change.procedure.clone(), change.check.clone());
        let was = open.insert(key, change.kind == ChangeKind::Opened).unwrap_or(false);
        assert_ne!(was, change.kind == ChangeKind::Opened, "{change:?}");
    }
    assert_eq!(open.values().filter(|open| **open).count() as u64, together.counts.findings.total());
}

on_both! {
    async fn a_batch_keeps_what_its_reports_keep_one_by_one(world: World) {
        let manifests = manifests(world.a, 150);
        let tx = world.store.write(&permit(world.a)).await.unwrap();
        two_runners(&tx).await;
        tx.add_runner(&sample::runner(2)).await.unwrap();
        tx.accept_reports(&reports(&manifests)).await.unwrap();
        tx.commit(&permit(world.a).record(something())).await.unwrap();
        let tx = world.store.write(&permit(world.b)).await.unwrap();
        two_runners(&tx).await;
        tx.add_runner(&sample::runner(2)).await.unwrap();
        for report in reports(&manifests) {
            tx.accept_reports(&[report]).await.unwrap();
        }
        tx.commit(&permit(world.b).record(something())).await.unwrap();
        let (together, alone) = (of(&world, world.a).await, of(&world, world.b).await);
        assert_eq!(together, alone);

        is_what_the_reports_say(&world, &manifests, &together).await;
    }

    async fn the_migration_makes_what_would_have_been_kept(world: World) {
        let manifests = manifests(world.a, 120);
        for tenant in [world.a, world.b] {
            let tx = world.store.write(&permit(tenant)).await.unwrap();
            two_runners(&tx).await;
            tx.add_runner(&sample::runner(2)).await.unwrap();
            let (first, second) = (sample::reported_procedure("tls", 8), sample::reported_procedure("access-review", 9));
            tx.replace_catalogue(runner_id(1), &[first.clone(), second.clone()]).await.unwrap();
            tx.accept_reports(&reports(&manifests)).await.unwrap();
            tx.replace_catalogue(runner_id(1), &[second]).await.unwrap();
            // What was never listed stays as it is; what was and is not any more leaves the counts.
            tx.replace_catalogue(runner_id(1), &[first, sample::reported_procedure("backup", 7)]).await.unwrap();
            if tenant == world.b {
                tx.set_runner_state(runner_id(2), &RunnerState::Revoked { since: at(1) }).await.unwrap();
            }
            tx.commit(&permit(tenant).record(something())).await.unwrap();
        }
        let before = [of(&world, world.a).await, of(&world, world.b).await];
        assert!(before[1].counts.verdicts.total() < before[0].counts.verdicts.total());
        for table in ["standing_count", "check_summary", "day_tally", "procedure_state", "result_change"] {
            assert!(world.behind(&format!("DELETE FROM {table}")).await > 1, "{table}");
        }
        world.behind("UPDATE check_state SET retired = 0").await;
        let fills = fills(&world);
        assert_eq!(fills.len(), 9, "{fills:#?}");
        for fill in fills {
            world.behind(&fill).await;
        }
        let after = [of(&world, world.a).await, of(&world, world.b).await];
        for (before, after) in before.iter().zip(&after) {
            assert_eq!((before.counts, &before.states, &before.days), (after.counts, &after.states, &after.days));
            assert_eq!(before.checks, after.checks);
            for (before, after) in before.changes.iter().zip(&after.changes) {
                assert_eq!(before, after);
            }
            assert_eq!(before.changes.len(), after.changes.len());
            assert_eq!(before.findings, after.findings);
        }
    }

    async fn every_filter_of_runs_pages_without_gap_or_repetition(world: World) {
        let tx = world.store.write(&permit(world.a)).await.unwrap();
        two_runners(&tx).await;
        tx.add_runner(&sample::runner(2)).await.unwrap();
        let manifests = manifests(world.a, 120);
        tx.accept_reports(&reports(&manifests)).await.unwrap();
        let some = |n: usize| manifests[n].run.started;
        let times = [None, Some(some(20)), Some(some(77).plus_ms(1)), Some(some(119).plus_ms(9))];
        let mut asked = 0;
        for runner in [None, Some(runner_id(1)), Some(runner_id(3))] {
            for id in [None, Some(procedure(1))] {
                for verdict in [None, Some(Status::Fail), Some(Status::Pending)] {
                    for trigger in [None, Some(Trigger::Request)] {
                        for (from, until) in times.iter().flat_map(|from| times.iter().map(move |until| (*from, *until))) {
                            let procedure = id.clone();
                            let filter =
                                RunFilter { runner, procedure, verdict, trigger, from, until, ..RunFilter::default() };
                            let mut expected: Vec<_> = manifests.iter().map(|manifest| &manifest.run).filter(|run| {
                                runner.is_none_or(|runner| run.runner == runner)
                                    && id.as_ref().is_none_or(|id| run.procedure.id == *id)
                                    && verdict.is_none_or(|verdict| run.verdict == verdict)
                                    && trigger.is_none_or(|trigger| run.trigger == trigger)
                                    && from.is_none_or(|from| run.started >= from)
                                    && until.is_none_or(|until| run.started < until)
                            }).map(|run| (run.started, run.run)).collect();
                            expected.sort();
                            expected.reverse();
                            let mut seen = Vec::new();
                            let mut page = Page::new(None, 17).unwrap();
                            loop {
                                let listed = tx.runs(&filter, &page).await.unwrap();
                                seen.extend(listed.items.iter().map(|run| (run.started, run.id)));
                                let Some(next) = listed.next else { break };
                                page = page.following(next);
                            }
                            assert_eq!(seen, expected, "{filter:?}");
                            asked += seen.len();
                        }
                    }
                }
            }
        }
        assert!(asked > 1_000);
        let place = [(runner_id(1), procedure(0))];
        let newest = tx.newest_runs(&place, 3).await.unwrap();
        assert_eq!(newest.len(), 3);
        let (before, after) = tx.neighbours(&newest[1]).await.unwrap();
        assert_eq!((before.as_ref(), after.as_ref()), (Some(&newest[2]), Some(&newest[0])));
        assert_eq!(tx.neighbours(&newest[0]).await.unwrap().1, None);
    }

    async fn every_filter_of_findings_pages_without_gap_or_repetition(world: World) {
        let tx = world.store.write(&permit(world.a)).await.unwrap();
        two_runners(&tx).await;
        tx.add_runner(&sample::runner(2)).await.unwrap();
        let manifests = many_findings(world.a);
        tx.accept_reports(&reports(&manifests)).await.unwrap();
        let all = all_open(&tx).await;
        assert!(all.len() > 100);
        let among = [
            None,
            Some(vec![(procedure(0), None), (procedure(2), Some("check-0".parse().unwrap()))]),
            Some(Vec::new()),
        ];
        let mut seen_all = 0;
        for order in [FindingOrder::Severity, FindingOrder::Age] {
            for runner in [None, Some(runner_id(2))] {
                for id in [None, Some(procedure(0))] {
                    for severity in [None, Some(Severity::Medium)] {
                        for (from, until) in [(None, None), (Some(1_007), None), (Some(1_003), Some(1_012)), (None, Some(1_000))] {
                            for among in &among {
                                let filter = FindingFilter {
                                    runner,
                                    procedure: id.clone(),
                                    severity,
                                    failing_before: until.map(at),
                                    failing_from: from.map(at),
                                    order,
                                };
                                let wanted = |state: &&CheckState| {
                                    let since = state.failing_since.unwrap();
                                    runner.is_none_or(|runner| state.runner == runner)
                                        && id.as_ref().is_none_or(|id| state.procedure == *id)
                                        && severity.is_none_or(|severity| state.severity == severity)
                                        && until.is_none_or(|until| since < at(until))
                                        && from.is_none_or(|from| since >= at(from))
                                        && among.as_ref().is_none_or(|among| among.iter().any(|(id, check)| {
                                            state.procedure == *id && check.as_ref().is_none_or(|check| state.check == *check)
                                        }))
                                };
                                let mut expected: Vec<CheckState> = all.iter().filter(wanted).cloned().collect();
                                expected.sort_by_key(|state| {
                                    let rank = Severity::ALL.iter().position(|known| *known == state.severity);
                                    let rank = rank.filter(|_| order == FindingOrder::Severity);
                                    (rank, state.failing_since, state.runner, state.procedure.clone(), state.check.clone())
                                });
                                let mut seen = Vec::new();
                                let mut page = Page::new(None, 9).unwrap();
                                loop {
                                    let listed = tx.findings_by(&filter, among.as_deref(), &page).await.unwrap();
                                    seen.extend(listed.items);
                                    let Some(next) = listed.next else { break };
                                    page = page.following(next.to_string().parse().unwrap());
                                }
                                assert_eq!(seen, expected, "{filter:?} {among:?}");
                                seen_all += seen.len();
                            }
                        }
                    }
                }
            }
        }
        assert!(seen_all > 500, "{seen_all}");
    }

    async fn what_is_uninstalled_or_revoked_leaves_the_counts_and_returns(world: World) {
        let (tx, _) = with_runner(&world).await;
        let installed = sample::reported_procedure("access-review", 9);
        tx.replace_catalogue(runner_id(1), std::slice::from_ref(&installed)).await.unwrap();
        let failing = sample::manifest(world.a, 1, Status::Fail);
        tx.accept_reports(&[sample::report(&failing, 0)]).await.unwrap();
        let counts = async || {
            let counts = tx.standing_counts().await.unwrap();
            let open = tx.findings_by(&FindingFilter::default(), None, &Page::first()).await.unwrap().items.len() as u64;
            let listed = tx.findings(&CheckFilter::default(), &Page::first()).await.unwrap().items.len() as u64;
            let check = tx.check_summaries(&BTreeSet::from([procedure(0)])).await.unwrap().remove(0);
            assert_eq!((counts.findings.high, counts.findings.total()), (open, open));
            assert_eq!((listed, check.runners.fail), (open, open));
            (counts.verdicts.fail, open)
        };
        assert_eq!(counts().await, (1, 1));
        tx.replace_catalogue(runner_id(1), &[]).await.unwrap();
        assert_eq!(counts().await, (0, 0));
        // A report that was still on its way changes the state, and not the counts.
        let again = sample::manifest(world.a, 2, Status::Fail);
        tx.accept_reports(&[sample::report(&again, 1)]).await.unwrap();
        assert_eq!(counts().await, (0, 0));
        tx.replace_catalogue(runner_id(1), std::slice::from_ref(&installed)).await.unwrap();
        assert_eq!(counts().await, (1, 1));
        tx.set_runner_state(runner_id(1), &RunnerState::Revoked { since: at(1) }).await.unwrap();
        assert_eq!(counts().await, (0, 0));
        tx.reenrol_runner(&sample::runner(1)).await.unwrap();
        tx.replace_catalogue(runner_id(1), &[installed]).await.unwrap();
        assert_eq!(counts().await, (1, 1));
        let state = tx.procedure_states(&[(runner_id(1), procedure(0))]).await.unwrap().remove(0);
        assert_eq!((state.run, state.previous.map(|run| run.run)), (run_id(2), Some(run_id(1))));
    }

    async fn files_that_runs_name_are_kept(world: World) {
        let (tx, _) = with_runner(&world).await;
        tx.add_runner(&sample::runner(3)).await.unwrap();
        let with = |n: u8, source: Option<&[u8]>| {
            let mut reported = sample::reported_procedure("access-review", n);
            reported.source = source.map(<[u8]>::to_vec);
            reported.installed.has_source = source.is_some();
            reported
        };
        let replace = async |runner: u8, list: &[ReportedProcedure]| {
            tx.replace_catalogue(runner_id(runner), list).await.unwrap();
        };
        let read = async |n: u8| {
            let mut texts = Vec::new();
            for place in tx.text_places(&digest(n)).await.unwrap() {
                let text = tx.text_at(&digest(n), &place).await.unwrap().unwrap();
                assert_eq!(place.bytes, text.len() as u64);
                texts.push((place.runner, place.is_past, text));
            }
            texts
        };
        replace(1, &[with(9, Some(b"nine"))]).await;
        replace(3, &[with(9, Some(b"nine")), with(8, Some(b"eight"))]).await;
        assert_eq!(read(9).await.len(), 2);
        let mut both = vec![digest(8), digest(9)];
        both.sort();
        let installed = tx.installed_texts(9).await.unwrap();
        assert_eq!(installed.iter().map(|(digest, _)| *digest).collect::<Vec<_>>(), both);
        replace(1, &[with(7, None)]).await;
        replace(3, &[with(7, None)]).await;
        let nine = b"nine".to_vec();
        assert_eq!(read(9).await, [(runner_id(1), true, nine.clone()), (runner_id(3), true, nine)]);
        assert_eq!(read(8).await, [(runner_id(3), true, b"eight".to_vec())]);
        assert_eq!(read(7).await, []);
        assert_eq!(tx.installed_texts(9).await.unwrap(), []);
        assert_eq!(tx.withheld(9).await.unwrap().len(), 2);
        // An operator who withholds a file that was shown is heard, as long as it stays installed.
        replace(1, &[with(6, Some(b"six"))]).await;
        replace(1, &[with(6, None)]).await;
        assert_eq!(read(6).await, []);
        let titles = tx.procedure_titles(9).await.unwrap();
        assert_eq!(titles.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["access-review"]);
    }

    async fn a_record_is_shown_to_stand_in_its_journal(world: World) {
        let (tx, _) = with_runner(&world).await;
        let mut tail = tx.journal(runner_id(1)).await.unwrap();
        let mut source = proof::log::Chain::new();
        let mut leaves = Vec::new();
        for n in 0..75 {
            let line = source.append(at(n), &serde_json::json!({"n": n})).unwrap().line;
            leaves.push(tail.check(&line).unwrap().leaf());
        }
        tx.append_journal(tail).await.unwrap();
        for size in [1_u64, 2, 17, 64, 75] {
            let root = tx.journal_root(runner_id(1), size).await.unwrap().unwrap();
            for seq in (0..size).step_by(7) {
                let path = tx.journal_inclusion(runner_id(1), seq, size).await.unwrap();
                proof::merkle::verify_inclusion(leaves[seq as usize], seq, size, &path, &root).unwrap();
            }
        }
        assert!(tx.journal_inclusion(runner_id(1), 5, 5).await.is_err());
        assert!(tx.journal_inclusion(runner_id(2), 0, 1).await.is_err());
        tx.add_destroyed(runner_id(1), &[(item_id(4), 9)]).await.unwrap();
        let asked = [item_id(3), item_id(4)];
        assert_eq!(tx.destroyed(runner_id(1), &asked).await.unwrap(), [(item_id(4), 9)]);
        assert_eq!(tx.destroyed(runner_id(2), &asked).await.unwrap(), []);
    }
}

#[test]
fn dates_of_samples_are_in_order() {
    let list = manifests(TenantId::NIL, 50);
    assert!(list.is_sorted_by_key(|manifest| manifest.run.started));
    let days: BTreeSet<i64> =
        list.iter().map(|manifest| Timestamp::as_millis(manifest.run.started) / 86_400_000).collect();
    assert!(days.len() >= 4);
}
