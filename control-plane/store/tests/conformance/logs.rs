//! The tenant's audit log and Runners' journals: growing, proving, verifying, and being tampered with.

use control_plane_domain::audit_log::{AuditActor, AuditCheckpoint, AuditCosignature, AuditFilter};
use control_plane_domain::journal::JournalCheckpoint;
use control_plane_domain::list::Page;
use control_plane_store::StoreError;
use proof::log::Chain;
use proof::merkle::verify_consistency;

use crate::records::with_runner;
use crate::sample::{self, person_id, runner_id};
use crate::world::{World, at, on_both, permit, something};

/// An audit log of this many records.
async fn grown(world: &World, size: u64) {
    let permit = permit(world.a);
    let (mut logged, _) = with_runner(world).await;
    let missing = size - logged.audit_chain().size();
    let records: Vec<_> = (0..missing).map(|_| permit.record(something())).collect();
    let (some, rest) = records.split_at(records.len() / 3);
    for record in some {
        logged.log(record).await.unwrap();
    }
    let appended = logged.log_all(rest).await.unwrap();
    assert_eq!(appended.last().map(|last| last.seq + 1), Some(size));
    logged.commit().await.unwrap();
}

async fn broken(world: &World) -> u64 {
    match world.store.read(&permit(world.a)).await.unwrap().audit_verify().await {
        Err(StoreError::AuditBroken { seq, .. }) => seq,
        other => panic!("{other:?}"),
    }
}

on_both! {
    async fn roots_and_proofs_of_every_size(world: World) {
        grown(&world, 70).await;
        let tx = world.store.read(&permit(world.a)).await.unwrap();
        let mut chain = Chain::new();
        let mut roots = vec![chain.root()];
        for line in tx.audit_range(0, 200).await.unwrap() {
            chain.check(&line.line).unwrap();
            roots.push(chain.root());
        }
        assert_eq!(chain, tx.audit_chain().await.unwrap());
        for size in [0, 1, 2, 15, 16, 17, 31, 32, 48, 63, 64, 65, 70_usize] {
            assert_eq!(tx.audit_root(size as u64).await.unwrap(), Some(roots[size]), "{size}");
            let proof = tx.audit_consistency(size as u64, 70).await.unwrap();
            verify_consistency((size as u64, &roots[size]), (70, &roots[70]), &proof).unwrap();
        }
        assert_eq!(tx.audit_root(71).await.unwrap(), None);
        assert!(tx.audit_consistency(70, 69).await.is_err());
        let report = tx.audit_verify().await.unwrap();
        assert_eq!((report.records, report.root), (70, roots[70]));
    }

    async fn lines_are_listed_newest_first(world: World) {
        grown(&world, 12).await;
        let tx = world.store.read(&permit(world.a)).await.unwrap();
        let page = Page::new(None, 5).unwrap();
        let first = tx.audit_lines(&AuditFilter::default(), &page).await.unwrap();
        let second = tx.audit_lines(&AuditFilter::default(), &page.following(first.next.unwrap())).await.unwrap();
        let seqs: Vec<_> = first.items.iter().chain(&second.items).map(|line| line.seq).collect();
        assert_eq!(seqs, (2..12).rev().collect::<Vec<_>>());
        let filter = AuditFilter { action: Some(something().name().to_owned()), ..AuditFilter::default() };
        assert_eq!(tx.audit_lines(&filter, &Page::first()).await.unwrap().items.len(), 12);
        let filter = AuditFilter { action: Some("person.added".to_owned()), ..AuditFilter::default() };
        assert_eq!(tx.audit_lines(&filter, &Page::first()).await.unwrap().items.len(), 0);
        for (actor, expected) in [(AuditActor::System, 12), (AuditActor::Operator, 0), (AuditActor::Person(person_id(1)), 0)] {
            for action in [None, Some(something().name().to_owned())] {
                let filter = AuditFilter { actor: Some(actor), action, ..AuditFilter::default() };
                let lines = tx.audit_lines(&filter, &Page::first()).await.unwrap().items;
                assert_eq!(lines.len(), expected, "{filter:?}");
            }
        }
        drop(tx);
        // Two more, each a second later.
        let permit = permit(world.a);
        for _ in 0..2 {
            world.clock.advance_ms(1_000);
            world.store.write(&permit).await.unwrap().commit(&permit.record(something())).await.unwrap();
        }
        let tx = world.store.read(&permit).await.unwrap();
        for (from, until, expected) in [
            (None, None, 0..14),
            (Some(1), None, 12..14),
            (Some(1_000), Some(2_000), 12..13),
            (None, Some(1), 0..12),
            (Some(2_001), None, 0..0),
            (None, Some(0), 0..0),
        ] {
            for action in [None, Some(something().name().to_owned())] {
                let filter = AuditFilter { from: from.map(at), until: until.map(at), action, ..AuditFilter::default() };
                let lines = tx.audit_lines(&filter, &Page::first()).await.unwrap().items;
                let seqs: Vec<u64> = lines.iter().map(|line| line.seq).collect();
                assert_eq!(seqs, expected.clone().rev().collect::<Vec<_>>(), "{filter:?}");
            }
        }
    }

    async fn checkpoints_and_cosignatures_are_kept(world: World) {
        grown(&world, 20).await;
        let permit = permit(world.a);
        let tx = world.store.write(&permit).await.unwrap();
        assert_eq!(tx.audit_checkpoint().await.unwrap(), None);
        let checkpoint = |size, root| AuditCheckpoint { size, root, note: "note".to_owned(), at: at(1) };
        for size in [5, 20] {
            let root = tx.audit_root(size).await.unwrap().unwrap();
            tx.add_audit_checkpoint(&checkpoint(size, root)).await.unwrap();
            let cosignature =
                AuditCosignature { runner: runner_id(1), size, root, note: "cosigned".to_owned(), at: at(2) };
            assert!(tx.add_audit_cosignature(&cosignature).await.unwrap());
            assert!(!tx.add_audit_cosignature(&cosignature).await.unwrap());
            assert_eq!(tx.audit_kept_by(runner_id(1)).await.unwrap(), Some(cosignature.clone()));
            assert_eq!(tx.audit_cosignatures(size).await.unwrap(), [cosignature]);
        }
        assert_eq!(tx.audit_checkpoint().await.unwrap().unwrap().size, 20);
        assert_eq!(tx.audit_checkpoint_at(5).await.unwrap().unwrap().size, 5);
        let report = tx.audit_verify().await.unwrap();
        assert_eq!((report.checkpoints, report.cosignatures), (2, 2));
        let other = AuditCosignature {
            runner: runner_id(1),
            size: 6,
            root: sample::digest(1),
            note: String::new(),
            at: at(2),
        };
        let error = tx.add_audit_cosignature(&other).await.unwrap_err();
        assert!(matches!(error, StoreError::Reference { .. }), "no checkpoint of that size was signed: {error}");
    }

    async fn an_edited_line_is_found(world: World) {
        grown(&world, 40).await;
        assert!(world.store.read(&permit(world.a)).await.unwrap().audit_verify().await.is_ok());
        let a = world.a;
        let sql = format!("UPDATE audit_line SET line = replace(line, 'true', 'false') WHERE tenant = '{a}' AND seq = 17");
        assert_eq!(world.behind(&sql).await, 1);
        assert_eq!(broken(&world).await, 18);
    }

    async fn a_line_that_is_listed_under_another_action_is_found(world: World) {
        grown(&world, 20).await;
        let a = world.a;
        let sql = format!("UPDATE audit_line SET action = 'person.added' WHERE tenant = '{a}' AND seq = 11");
        assert_eq!(world.behind(&sql).await, 1);
        assert_eq!(broken(&world).await, 11);
    }

    async fn a_truncated_log_is_found(world: World) {
        grown(&world, 40).await;
        let a = world.a;
        assert_eq!(world.behind(&format!("DELETE FROM audit_line WHERE tenant = '{a}' AND seq = 39")).await, 1);
        assert_eq!(broken(&world).await, 39);
    }

    async fn a_changed_tree_is_found(world: World) {
        grown(&world, 40).await;
        let a = world.a;
        let short = if world.is_sqlite() { "zeroblob(31)" } else { "decode(repeat('00', 31), 'hex')" };
        let node = format!("WHERE tenant = '{a}' AND level = 4 AND place = 1");
        assert_eq!(world.behind(&format!("UPDATE audit_node SET hash = {short} {node}")).await, 1);
        let error = world.store.read(&permit(world.a)).await.unwrap().audit_verify().await.unwrap_err();
        assert!(matches!(error, StoreError::Inconsistency { table: "audit_node", .. }), "{error}");
        assert_eq!(world.behind(&format!("DELETE FROM audit_node {node}")).await, 1);
        assert_eq!(broken(&world).await, 16);
    }

    async fn stray_nodes_and_other_roots_are_found(world: World) {
        grown(&world, 40).await;
        let a = world.a;
        let hash = if world.is_sqlite() { "zeroblob(32)" } else { "decode(repeat('00', 32), 'hex')" };
        world
            .behind(&format!("INSERT INTO audit_node (tenant, level, place, hash) VALUES ('{a}', 9, 0, {hash})"))
            .await;
        assert_eq!(broken(&world).await, 40);
        world.behind(&format!("DELETE FROM audit_node WHERE tenant = '{a}' AND level = 9")).await;
        assert!(world.store.read(&permit(world.a)).await.unwrap().audit_verify().await.is_ok());
        let sql = format!(
            "INSERT INTO audit_checkpoint (tenant, size, root, note, at) VALUES ('{a}', 7, {hash}, 'forged', 0)"
        );
        world.behind(&sql).await;
        assert_eq!(broken(&world).await, 7);
        world.behind(&format!("UPDATE audit_checkpoint SET size = 41 WHERE tenant = '{a}' AND size = 7")).await;
        assert_eq!(broken(&world).await, 41, "there are not so many records");
    }

    async fn what_was_signed_is_compared_however_long_the_log(world: World) {
        let (mut logged, _) = with_runner(&world).await;
        let records: Vec<_> = (0..4_200).map(|_| permit(world.a).record(something())).collect();
        logged.log_all(&records).await.unwrap();
        let checkpoint = |size, root| AuditCheckpoint { size, root, note: "note".to_owned(), at: at(1) };
        let cosignature =
            |size, root| AuditCosignature { runner: runner_id(1), size, root, note: "cosigned".to_owned(), at: at(2) };
        // The records are read some thousand at a time.
        for size in [0, 1, 4_095, 4_096, 4_097, 4_200] {
            let root = logged.audit_root(size).await.unwrap().unwrap();
            logged.add_audit_checkpoint(&checkpoint(size, root)).await.unwrap();
            logged.add_audit_cosignature(&cosignature(size, root)).await.unwrap();
        }
        let report = logged.audit_verify().await.unwrap();
        assert_eq!((report.checkpoints, report.cosignatures), (6, 6));
        let root = logged.audit_root(4_100).await.unwrap().unwrap();
        logged.add_audit_checkpoint(&checkpoint(4_100, root)).await.unwrap();
        logged.add_audit_cosignature(&cosignature(4_100, sample::digest(1))).await.unwrap();
        let error = logged.audit_verify().await.unwrap_err();
        assert!(matches!(error, StoreError::AuditBroken { seq: 4_100, .. }), "{error}");
    }

    async fn a_log_rewritten_with_its_chain_recomputed_betrays_itself_by_its_checkpoint(world: World) {
        grown(&world, 20).await;
        let permit = permit(world.a);
        let tx = world.store.write(&permit).await.unwrap();
        let root = tx.audit_root(20).await.unwrap().unwrap();
        let checkpoint = AuditCheckpoint { size: 20, root, note: "note".to_owned(), at: at(1) };
        tx.add_audit_checkpoint(&checkpoint).await.unwrap();
        tx.commit_unlogged(control_plane_store::Unlogged::Witnessing).await.unwrap();
        // Somebody with the database writes another history, with every hash right.
        let lines = world.store.read(&permit).await.unwrap().audit_range(0, 100).await.unwrap();
        let (mut chain, a) = (Chain::new(), world.a);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let blob = |bytes: &[u8]| if world.is_sqlite() { format!("x'{}'", hex(bytes)) } else { format!("'\\x{}'", hex(bytes)) };
        let mut nodes = Vec::new();
        for line in lines {
            let record = permit.record(control_plane_domain::audit::Action::DrillDownsSwitched { enabled: false });
            let appended = chain.append_reporting(line.at, &record, |node, hash| nodes.push((node, hash))).unwrap();
            let sql = format!("UPDATE audit_line SET line = '{}' WHERE tenant = '{a}' AND seq = {}", appended.line, line.seq);
            assert_eq!(world.behind(&sql).await, 1);
        }
        for (node, hash) in nodes.iter().filter(|(node, _)| node.level >= 4) {
            let hash = blob(hash.as_bytes());
            let sql = format!(
                "UPDATE audit_node SET hash = {hash} WHERE tenant = '{a}' AND level = {} AND place = {}",
                node.level, node.index
            );
            assert_eq!(world.behind(&sql).await, 1);
        }
        let (prev, frontier) = (blob(chain.prev().as_bytes()), blob(&chain.frontier().to_bytes()));
        world.behind(&format!("UPDATE audit_head SET prev = {prev}, frontier = {frontier} WHERE tenant = '{a}'")).await;
        assert_eq!(broken(&world).await, 20);
        world.behind(&format!("DELETE FROM audit_checkpoint WHERE tenant = '{a}'")).await;
        // Without what others keep, the rewritten log is as good as any: that is what witnesses are for.
        assert!(world.store.read(&permit).await.unwrap().audit_verify().await.is_ok());
    }

    async fn a_journal_grows_by_checked_lines_alone(world: World) {
        let (tx, _) = with_runner(&world).await;
        let mut source = Chain::new();
        let mut roots = vec![source.root()];
        let lines: Vec<_> = (0..100)
            .map(|n| {
                let record = serde_json::json!({"kind": "started", "n": n});
                let line = source.append(at(n), &record).unwrap().line;
                roots.push(source.root());
                line
            })
            .collect();
        for batch in lines.chunks(33) {
            let mut tail = tx.journal(runner_id(1)).await.unwrap();
            assert!(tail.check("{\"seq\":999}").is_err());
            for line in batch {
                tail.check(line).unwrap();
            }
            assert!(tail.check(&batch[0]).is_err());
            tx.append_journal(tail).await.unwrap();
        }
        let tail = tx.journal(runner_id(1)).await.unwrap();
        assert_eq!((tail.chain(), tail.kept(), tail.runner()), (&source, 100, runner_id(1)));
        assert_eq!(tx.journal_line(runner_id(1), 7).await.unwrap(), Some(lines[7].clone()));
        assert_eq!(tx.journal_line(runner_id(1), 100).await.unwrap(), None);
        let some = tx.journal_lines(runner_id(1), 98, 9).await.unwrap();
        assert_eq!(some.into_iter().map(|line| line.line).collect::<Vec<_>>(), lines[98..]);
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(tx.journal_root(runner_id(1), size as u64).await.unwrap(), Some(*root), "{size}");
        }
        assert_eq!(tx.journal_root(runner_id(1), 101).await.unwrap(), None);
        assert_eq!(tx.journal(runner_id(7)).await.unwrap().chain().size(), 0);

        let checkpoint = |size| JournalCheckpoint {
            runner: runner_id(1),
            size,
            root: roots[size as usize],
            note: "note".to_owned(),
            at: at(1),
        };
        tx.add_journal_checkpoint(&checkpoint(50)).await.unwrap();
        tx.add_journal_checkpoint(&checkpoint(40)).await.unwrap();
        tx.add_journal_checkpoint(&checkpoint(50)).await.unwrap();
        assert_eq!(tx.journal_checkpoint(runner_id(1)).await.unwrap(), Some(checkpoint(50)));
    }

    async fn a_stale_end_of_a_journal_is_not_appended(world: World) {
        let (tx, _) = with_runner(&world).await;
        let line = |n: u64| {
            let mut chain = Chain::new();
            chain.append(at(0), &serde_json::json!({"n": n})).unwrap().line
        };
        let (mut one, mut two) = (tx.journal(runner_id(1)).await.unwrap(), tx.journal(runner_id(1)).await.unwrap());
        one.check(&line(1)).unwrap();
        two.check(&line(2)).unwrap();
        tx.append_journal(one).await.unwrap();
        assert!(tx.append_journal(two).await.is_err());
    }
}
