//! How transactions begin and end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use control_plane_store::{StoreError, Unlogged};

use crate::sample;
use crate::world::{World, at, on_both, permit, something, tenant};

on_both! {
    async fn a_write_and_its_record_are_one_commit(world: World) {
        let permit = permit(world.a);
        let tx = world.store.write(&permit).await.unwrap();
        tx.add_person(&sample::person(1)).await.unwrap();
        let appended = tx.commit(&permit.record(something())).await.unwrap();
        assert_eq!(appended.seq, 1);
        let tx = world.store.read(&permit).await.unwrap();
        assert_eq!(tx.person(sample::person_id(1)).await.unwrap(), Some(sample::person(1)));
        let chain = tx.audit_chain().await.unwrap();
        assert_eq!((chain.size(), chain.prev()), (2, appended.hash));
        assert_eq!(tx.audit_range(1, 9).await.unwrap()[0].line, appended.line);
    }

    async fn a_dropped_transaction_leaves_nothing(world: World) {
        let permit = permit(world.a);
        let tx = world.store.write(&permit).await.unwrap();
        tx.add_person(&sample::person(1)).await.unwrap();
        drop(tx);
        let (logged, _) = {
            let tx = world.store.write(&permit).await.unwrap();
            assert_eq!(tx.person(sample::person_id(1)).await.unwrap(), None);
            tx.add_person(&sample::person(2)).await.unwrap();
            tx.log(&permit.record(something())).await.unwrap()
        };
        drop(logged);
        let tx = world.store.read(&permit).await.unwrap();
        assert_eq!(tx.person(sample::person_id(2)).await.unwrap(), None);
        assert_eq!(tx.audit_chain().await.unwrap().size(), 1);
    }

    async fn cancelled_futures_roll_back_and_return_their_connections(world: World) {
        // More of them than there are connections, cut at every point that they come to.
        for round in 0..60_u8 {
            let (store, done) = (world.store.clone(), Arc::new(AtomicU8::new(0)));
            let progress = Arc::clone(&done);
            let work = tokio::spawn(async move {
                let permit = permit(tenant(1));
                let tx = store.write(&permit).await.unwrap();
                for n in 1..=80 {
                    tx.add_person(&sample::person(n)).await.unwrap();
                    progress.store(n, Ordering::SeqCst);
                }
                std::future::pending::<()>().await;
            });
            while done.load(Ordering::SeqCst) < round {
                tokio::task::yield_now().await;
            }
            work.abort();
            assert!(work.await.unwrap_err().is_cancelled());
        }
        let permit = permit(world.a);
        let tx = world.store.write(&permit).await.unwrap();
        assert_eq!(tx.person(sample::person_id(1)).await.unwrap(), None);
        tx.add_person(&sample::person(1)).await.unwrap();
        tx.commit(&permit.record(something())).await.unwrap();
        assert_eq!(world.store.read(&permit).await.unwrap().audit_verify().await.unwrap().records, 2);
    }

    async fn after_a_failed_statement_only_the_end_is_left(world: World) {
        let permit = permit(world.a);
        let tx = world.store.write(&permit).await.unwrap();
        tx.add_person(&sample::person(1)).await.unwrap();
        let error = tx.add_person(&sample::person(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { table: "person", .. }), "{error}");
        assert!(matches!(tx.person(sample::person_id(1)).await.unwrap_err(), StoreError::Aborted));
        assert!(tx.commit(&permit.record(something())).await.is_err());
        assert_eq!(world.store.read(&permit).await.unwrap().person(sample::person_id(1)).await.unwrap(), None);
    }

    async fn writers_of_a_tenant_come_one_after_the_other(world: World) {
        let before = world.store.write(&permit(world.a)).await.unwrap();
        before.add_person(&sample::person(1)).await.unwrap();
        before.add_api_key(&sample::api_key(1, 1)).await.unwrap();
        before.commit(&permit(world.a).record(something())).await.unwrap();
        // Each reads the time of last use, and writes one more: nothing may be lost.
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let store = world.store.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..10 {
                    let permit = permit(tenant(1));
                    let tx = store.write(&permit).await.unwrap();
                    let key = tx.api_key(sample::key_id(1)).await.unwrap().unwrap().key;
                    let next = key.last_used.unwrap_or(at(0)).plus_ms(1);
                    tx.touch_api_key(sample::key_id(1), next).await.unwrap();
                    tx.commit(&permit.record(something())).await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let tx = world.store.read(&permit(world.a)).await.unwrap();
        assert_eq!(tx.api_key(sample::key_id(1)).await.unwrap().unwrap().key.last_used, Some(at(80)));
        assert_eq!(tx.audit_verify().await.unwrap().records, 82);
    }

    async fn one_of_fifty_uses_a_token(world: World) {
        let permit_a = permit(world.a);
        let tx = world.store.write(&permit_a).await.unwrap();
        tx.add_person(&sample::person(1)).await.unwrap();
        tx.add_join_token(&sample::join_token(1), &sample::digest(1)).await.unwrap();
        tx.commit(&permit_a.record(something())).await.unwrap();
        let mut tasks = Vec::new();
        for n in 0..50_u8 {
            let store = world.store.clone();
            tasks.push(tokio::spawn(async move {
                let permit = permit(tenant(1));
                let tx = store.write(&permit).await.unwrap();
                let used = tx.use_join_token(sample::token_id(1), &sample::digest(n), sample::runner_id(n), at(1)).await;
                match used {
                    Ok(()) => tx.commit(&permit.record(something())).await.map(|_| true).unwrap(),
                    Err(StoreError::Missing { table: "join_token", .. }) => false,
                    Err(other) => panic!("{other}"),
                }
            }));
        }
        let mut won = 0;
        for task in tasks {
            won += u32::from(task.await.unwrap());
        }
        assert_eq!(won, 1);
    }

    async fn a_reader_sees_one_moment(world: World) {
        let permit = permit(world.a);
        let reader = world.store.read(&permit).await.unwrap();
        assert_eq!(reader.person(sample::person_id(1)).await.unwrap(), None);
        let tx = world.store.write(&permit).await.unwrap();
        tx.add_person(&sample::person(1)).await.unwrap();
        tx.commit(&permit.record(something())).await.unwrap();
        assert_eq!(reader.person(sample::person_id(1)).await.unwrap(), None);
        drop(reader);
        let reader = world.store.read(&permit).await.unwrap();
        assert!(reader.person(sample::person_id(1)).await.unwrap().is_some());
    }

    async fn nobody_writes_in_a_tenant_that_is_not_there(world: World) {
        let stranger = permit(tenant(9));
        let tx = world.store.write(&stranger).await.unwrap();
        assert!(matches!(tx.add_person(&sample::person(1)).await.unwrap_err(), StoreError::Reference { .. }));
        drop(tx);
        let tx = world.store.write(&stranger).await.unwrap();
        let error = tx.commit(&stranger.record(something())).await.unwrap_err();
        assert!(matches!(error, StoreError::UnknownTenant), "{error}");
        assert_eq!(world.store.tenants().await.unwrap().len(), 2);
    }

    async fn the_clock_may_go_back_and_the_log_does_not(world: World) {
        let permit = permit(world.a);
        world.clock.set(at(-1_000_000));
        let tx = world.store.write(&permit).await.unwrap();
        let appended = tx.commit(&permit.record(something())).await.unwrap();
        assert_eq!(appended.at, at(0));
    }

    async fn small_changes_need_no_record(world: World) {
        let permit = permit(world.a);
        let tx = world.store.write(&permit).await.unwrap();
        tx.set_drilldowns(false).await.unwrap();
        tx.commit_unlogged(Unlogged::Presence).await.unwrap();
        let tx = world.store.read(&permit).await.unwrap();
        assert!(!tx.tenant().await.unwrap().unwrap().drilldowns);
        assert_eq!(tx.audit_chain().await.unwrap().size(), 1);
        world.store.ping().await.unwrap();
    }
}
