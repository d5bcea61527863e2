//! Each kind of record: written, read back, changed, refused.

use control_plane_domain::alarm::Acknowledged;
use control_plane_domain::audit_log::AuditRef;
use control_plane_domain::drilldown::{DrillDownReceipt, DrillDownState, DrillDownWord, Signed, ToSign};
use control_plane_domain::idempotency::{IdempotencyEntry, IdempotencyOutcome, StoredResponse};
use control_plane_domain::join_token::TokenState;
use control_plane_domain::lease::Lease;
use control_plane_domain::list::Page;
use control_plane_domain::policy::Role;
use control_plane_domain::procedure::{MissedDue, ScheduleDue};
use control_plane_domain::run_request::RunRequestState;
use control_plane_domain::runner::{CertificateState, Condition, LockReason, Presence, RunnerState, Standing};
use control_plane_domain::sealed::Sealed;
use control_plane_domain::secret::{ConnectorSecret, SecretFilter, SecretReceipt, SecretState, SecretWord, Sent};
use control_plane_domain::tenant::{TenantKey, TenantKeyKind, TenantState};
use control_plane_store::{Logged, StoreError, WriteTx};
use verdict::Status;

use crate::sample::{self, digest, runner_id};
use crate::world::{World, at, on_both, permit, something};

async fn write(world: &World) -> WriteTx {
    world.store.write(&permit(world.a)).await.unwrap()
}

async fn commit(world: &World, tx: WriteTx) {
    tx.commit(&permit(world.a).record(something())).await.unwrap();
}

/// A person, a key, a token and a Runner.
pub(crate) async fn with_runner(world: &World) -> (Logged, AuditRef) {
    let tx = write(world).await;
    tx.add_person(&sample::person(1)).await.unwrap();
    tx.add_api_key(&sample::api_key(1, 1)).await.unwrap();
    tx.add_join_token(&sample::join_token(1), &digest(1)).await.unwrap();
    tx.add_runner(&sample::runner(1)).await.unwrap();
    let (logged, appended) = tx.log(&permit(world.a).record(something())).await.unwrap();
    (logged, AuditRef::from(&appended))
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict { .. }))
}

fn missing<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Missing { .. }))
}

on_both! {
    async fn tenants_and_their_keys(world: World) {
        let tx = write(&world).await;
        let key = |generation: u64| TenantKey {
            kind: TenantKeyKind::Audit,
            generation,
            sealed: Sealed::new(vec![1; 60]),
            public: b"vkey".to_vec(),
            created: at(0),
        };
        tx.add_tenant_key(&key(1)).await.unwrap();
        tx.add_tenant_key(&key(2)).await.unwrap();
        assert_eq!(tx.tenant_key(TenantKeyKind::Audit).await.unwrap(), Some(key(2)));
        assert_eq!(tx.tenant_key(TenantKeyKind::Witness).await.unwrap(), None);
        assert_eq!(tx.tenant_keys().await.unwrap(), vec![key(1), key(2)]);
        tx.set_tenant_state(TenantState::Suspended).await.unwrap();
        assert_eq!(tx.tenant_state().await.unwrap(), Some(TenantState::Suspended));
        commit(&world, tx).await;
        let states: Vec<_> = world.store.tenants().await.unwrap().into_iter().map(|tenant| tenant.state).collect();
        assert_eq!(states, [TenantState::Suspended, TenantState::Active]);
        assert_eq!(world.store.platform_tenant(world.b).await.unwrap().unwrap().id, world.b);
        let tx = write(&world).await;
        assert!(conflict(tx.add_tenant_key(&key(2)).await));
        drop(tx);
        let tx = write(&world).await;
        let again = tx.tenant().await.unwrap().unwrap();
        assert!(conflict(tx.create_tenant(&again).await));
    }

    async fn people_and_api_keys(world: World) {
        let tx = write(&world).await;
        for n in 1..=5 {
            tx.add_person(&sample::person(n)).await.unwrap();
        }
        let page = Page::new(None, 2).unwrap();
        let first = tx.people(&page).await.unwrap();
        let second = tx.people(&page.following(first.next.clone().unwrap())).await.unwrap();
        let last = tx.people(&page.following(second.next.clone().unwrap())).await.unwrap();
        let ids: Vec<_> = [&first, &second, &last].into_iter().flat_map(|l| l.items.iter().map(|p| p.id)).collect();
        assert_eq!(ids, (1..=5).map(sample::person_id).collect::<Vec<_>>());
        assert_eq!(last.next, None);
        tx.set_role(sample::person_id(1), Role::Viewer).await.unwrap();
        tx.remove_person(sample::person_id(2)).await.unwrap();
        assert_eq!(tx.active_people_of(Role::Owner).await.unwrap(), [3, 4].map(sample::person_id));
        let email = sample::person(2).email;
        assert_eq!(tx.person_by_email(&email).await.unwrap(), None);
        let successor = control_plane_domain::person::Person { id: sample::person_id(9), ..sample::person(2) };
        tx.add_person(&successor).await.unwrap();
        assert_eq!(tx.person_by_email(&email).await.unwrap(), Some(successor));
        for n in 1..=3 {
            tx.add_api_key(&sample::api_key(n, n)).await.unwrap();
        }
        assert_eq!(tx.api_key(sample::key_id(2)).await.unwrap(), Some(sample::api_key(2, 2)));
        tx.touch_api_key(sample::key_id(2), at(7)).await.unwrap();
        let made = async |n, now| tx.open_api_keys_made_by(sample::person_id(n), at(now)).await.unwrap();
        assert_eq!(made(2, 8).await, [(sample::key_id(2), sample::person_id(2))]);
        assert_eq!(made(2, 1_000_000).await, [], "it ended");
        tx.revoke_api_key(sample::key_id(2), at(8)).await.unwrap();
        let key = tx.api_key(sample::key_id(2)).await.unwrap().unwrap().key;
        assert_eq!((key.last_used, key.revoked), (Some(at(7)), Some(at(8))));
        assert_eq!(made(2, 8).await, [], "it was ended");
        assert_eq!(tx.revoke_api_keys_of(sample::person_id(3), at(9)).await.unwrap(), 1);
        assert_eq!(tx.revoke_api_keys_of(sample::person_id(3), at(9)).await.unwrap(), 0);
        assert_eq!(tx.api_keys(None, &Page::first()).await.unwrap().items.len(), 3);
        assert_eq!(tx.api_keys(Some(sample::person_id(1)), &Page::first()).await.unwrap().items.len(), 1);
        assert!(missing(tx.revoke_api_key(sample::key_id(2), at(9)).await));
        assert!(missing(tx.set_role(sample::person_id(2), Role::Owner).await));
        commit(&world, tx).await;
        let tx = write(&world).await;
        let same = control_plane_domain::person::Person { id: sample::person_id(77), ..sample::person(3) };
        assert!(conflict(tx.add_person(&same).await));
    }

    async fn tokens_runners_and_certificates(world: World) {
        let (tx, _) = with_runner(&world).await;
        assert_eq!(tx.join_token_by_digest(&digest(1)).await.unwrap(), Some(sample::join_token(1)));
        tx.use_join_token(sample::token_id(1), &digest(5), runner_id(1), at(3)).await.unwrap();
        let used = TokenState::Used { statement: digest(5), runner: runner_id(1), at: at(3) };
        assert_eq!(tx.join_token(sample::token_id(1)).await.unwrap().unwrap().state, used);
        assert!(missing(tx.revoke_join_token(sample::token_id(1), at(4)).await));
        tx.add_join_token(&sample::join_token(2), &digest(2)).await.unwrap();
        tx.revoke_join_token(sample::token_id(2), at(4)).await.unwrap();
        let tokens = tx.join_tokens(&Page::first()).await.unwrap().items;
        assert_eq!(tokens.iter().map(|token| token.id).collect::<Vec<_>>(), [2, 1].map(sample::token_id));

        assert_eq!(tx.runner(runner_id(1)).await.unwrap(), Some(sample::runner(1)));
        assert_eq!(tx.runner_by_fingerprint(&digest(1)).await.unwrap(), Some(sample::runner(1)));
        let locked = RunnerState::Locked { since: at(4), reason: LockReason::TakenOver };
        for state in [RunnerState::Active { since: at(3) }, locked, RunnerState::Revoked { since: at(5) }] {
            tx.set_runner_state(runner_id(1), &state).await.unwrap();
            assert_eq!(tx.runner(runner_id(1)).await.unwrap().unwrap().state, state);
        }
        tx.set_generation(runner_id(1), 2).await.unwrap();
        assert!(missing(tx.set_generation(runner_id(1), 2).await), "a generation only grows");
        let presence = Presence {
            last_seen: Some(at(9)),
            connected: true,
            condition: Some(Condition::Rollback),
            seal_level: Some("file".parse().unwrap()),
            waiting: 12,
            ..sample::presence()
        };
        tx.put_presence(runner_id(1), &presence).await.unwrap();
        assert_eq!(tx.runner(runner_id(1)).await.unwrap().unwrap().presence, presence);
        assert_eq!(tx.disconnect_all().await.unwrap(), 1);
        assert_eq!(tx.runners(Some(Standing::Active), &Page::first()).await.unwrap().items.len(), 0);
        assert_eq!(tx.runners(Some(Standing::Revoked), &Page::first()).await.unwrap().items.len(), 1);
        assert_eq!(tx.runners(None, &Page::first()).await.unwrap().items.len(), 1);

        let next = sample::certificate(1, 1, CertificateState::Next);
        tx.add_certificate(&next).await.unwrap();
        assert_eq!(tx.certificate(&next.fingerprint).await.unwrap(), Some(next.clone()));
        assert_eq!(tx.certificate_by_request(runner_id(1), &next.request).await.unwrap(), Some(next.clone()));
        tx.set_certificate_state(&next.fingerprint, CertificateState::Current).await.unwrap();
        let current = tx.certificate_in(runner_id(1), CertificateState::Current).await.unwrap().unwrap();
        assert_eq!(current.fingerprint, next.fingerprint);
        tx.add_certificate(&sample::certificate(1, 2, CertificateState::Next)).await.unwrap();
        let mut again = sample::runner(1);
        again.keys.fingerprint = digest(77);
        again.token = sample::token_id(2);
        tx.set_runner_state(runner_id(1), &RunnerState::Active { since: at(6) }).await.unwrap();
        assert!(missing(tx.reenrol_runner(&again).await), "a Runner that is let in keeps its keys");
        tx.set_runner_state(runner_id(1), &RunnerState::Revoked { since: at(6) }).await.unwrap();
        tx.reenrol_runner(&again).await.unwrap();
        again.generation = 2;
        assert_eq!(tx.runner(runner_id(1)).await.unwrap(), Some(again));
        for state in [CertificateState::Current, CertificateState::Next] {
            assert_eq!(tx.certificate_in(runner_id(1), state).await.unwrap(), None);
        }
        tx.add_certificate(&sample::certificate(1, 4, CertificateState::Next)).await.unwrap();
        assert!(conflict(tx.add_certificate(&sample::certificate(1, 3, CertificateState::Next)).await), "one is next");
    }

    async fn catalogue_and_schedule_are_replaced(world: World) {
        let (tx, _) = with_runner(&world).await;
        let procedures = [sample::reported_procedure("access-review", 9), sample::reported_procedure("tls", 8)];
        tx.replace_catalogue(runner_id(1), &procedures).await.unwrap();
        tx.replace_catalogue(runner_id(1), &procedures).await.unwrap();
        let listed = tx.installed_procedures(None, &Page::new(None, 1).unwrap()).await.unwrap();
        assert_eq!(listed.items, [procedures[0].installed.clone()]);
        let page = Page::new(listed.next, 1).unwrap();
        let listed = tx.installed_procedures(Some(runner_id(1)), &page).await.unwrap();
        assert_eq!((listed.items, listed.next), (vec![procedures[1].installed.clone()], None));
        assert_eq!(tx.procedure_source(runner_id(1), &digest(8)).await.unwrap(), procedures[1].source);
        let withheld = control_plane_domain::procedure::ReportedProcedure { source: None, ..procedures[0].clone() };
        tx.replace_catalogue(runner_id(1), &[withheld]).await.unwrap();
        assert_eq!(tx.installed_procedure(runner_id(1), &digest(8)).await.unwrap(), None);
        assert!(!tx.installed_procedure(runner_id(1), &digest(9)).await.unwrap().unwrap().has_source);
        assert_eq!(tx.procedure_source(runner_id(1), &digest(9)).await.unwrap(), None);

        let due = |id: &str, next: i64| ScheduleDue {
            runner: runner_id(1),
            procedure: id.parse().unwrap(),
            next_due: at(next),
            reported: at(0),
            overdue_since: None,
        };
        tx.replace_schedule(runner_id(1), &[due("a", 10), due("b", 20)]).await.unwrap();
        assert_eq!(tx.due_before(at(15), 9).await.unwrap(), [due("a", 10)]);
        tx.mark_overdue(runner_id(1), &"a".parse().unwrap(), at(10)).await.unwrap();
        assert_eq!(tx.due_before(at(15), 9).await.unwrap(), []);
        assert_eq!(tx.runner(runner_id(1)).await.unwrap().unwrap().overdue_since, Some(at(10)));
        tx.replace_schedule(runner_id(1), &[due("a", 10), due("b", 30)]).await.unwrap();
        assert_eq!(tx.runner(runner_id(1)).await.unwrap().unwrap().overdue_since, Some(at(10)));
        tx.replace_schedule(runner_id(1), &[due("a", 40), due("b", 30)]).await.unwrap();
        assert_eq!(tx.runner(runner_id(1)).await.unwrap().unwrap().overdue_since, None);
        assert_eq!(tx.schedule(runner_id(1)).await.unwrap().len(), 2);

        let missed = |seq: u64, due: i64| MissedDue {
            runner: runner_id(1),
            procedure: "a".parse().unwrap(),
            due: at(due),
            reason: "off".parse().unwrap(),
            seq,
        };
        tx.add_missed(&[missed(3, 5), missed(4, 6)]).await.unwrap();
        let page = Page::new(None, 1).unwrap();
        let first = tx.missed_dues(None, &page).await.unwrap();
        let second = tx.missed_dues(Some(runner_id(1)), &page.following(first.next.unwrap())).await.unwrap();
        assert_eq!((first.items, second.items, second.next), (vec![missed(4, 6)], vec![missed(3, 5)], None));
    }

    async fn run_requests_carry_their_record(world: World) {
        let (tx, audit) = with_runner(&world).await;
        let request = sample::run_request(1, audit);
        tx.add_run_request(&request).await.unwrap();
        assert_eq!(tx.waiting_run_requests(runner_id(1)).await.unwrap(), std::slice::from_ref(&request));
        assert_eq!(tx.run_requests_expired_by(at(1_000), 5).await.unwrap(), std::slice::from_ref(&request));
        assert_eq!(tx.run_requests_expired_by(at(999), 5).await.unwrap(), []);
        let (run, code) = (sample::run_id(1), "E-RUN-001".parse().unwrap());
        for state in [
            RunRequestState::Begun { run, at: at(1) },
            RunRequestState::Ended { run, at: at(2), code: Some("cancelled".parse().unwrap()) },
            RunRequestState::Refused { code, at: at(3) },
            RunRequestState::Expired { at: at(4) },
        ] {
            tx.set_run_request_state(request.id, &state).await.unwrap();
            assert_eq!(tx.run_request(request.id).await.unwrap().unwrap().state, state);
        }
        assert_eq!(tx.waiting_run_requests(runner_id(1)).await.unwrap(), []);
        assert_eq!(tx.run_requests(None, &Page::first()).await.unwrap().items.len(), 1);
        assert_eq!(tx.run_requests(Some(runner_id(2)), &Page::first()).await.unwrap().items.len(), 0);
        let unlogged = sample::run_request(2, AuditRef { seq: 99, hash: digest(1) });
        assert!(matches!(tx.add_run_request(&unlogged).await, Err(StoreError::Reference { .. })));
    }

    async fn drilldowns_pass_through_their_states(world: World) {
        let (tx, audit) = with_runner(&world).await;
        let manifest = sample::manifest(world.a, 1, Status::Pass);
        tx.accept_reports(&[sample::report(&manifest, 0)]).await.unwrap();
        let mut drilldown = sample::drilldown(1, audit);
        tx.add_drilldown(&drilldown).await.unwrap();
        assert_eq!(tx.drilldowns_expired_by(at(1_000), 5).await.unwrap(), [drilldown.clone()]);
        let signed = Signed { envelope: vec![1; 40], request_sha256: digest(3), epoch: [4; 16], until: at(120) };
        let code: proof::text::Name = "E-DRILL-020".parse().unwrap();
        let refused = DrillDownState::Refused {
            signed: Some(signed.clone()),
            code: code.clone(),
            receipt: Some(digest(6)),
            at: at(9),
        };
        for next in [
            DrillDownState::ToSign(ToSign { payload: b"{}".to_vec(), epoch: [4; 16], until: at(120) }),
            DrillDownState::Signed(signed.clone()),
            DrillDownState::Delivered(signed.clone()),
            DrillDownState::Answering(signed.clone()),
            DrillDownState::Expired { signed: Some(signed.clone()), code, at: at(8) },
            refused,
        ] {
            let from = drilldown.state.word();
            drilldown = drilldown.becoming(next).unwrap();
            tx.set_drilldown_state(&drilldown, from).await.unwrap();
            assert_eq!(tx.drilldown(drilldown.id).await.unwrap(), Some(drilldown.clone()));
            let open = tx.open_drilldowns(runner_id(1)).await.unwrap().len();
            assert_eq!(open, usize::from(!drilldown.state.is_over()));
        }
        for (n, state) in [
            (2, DrillDownState::Answered { signed, receipt: digest(6), at: at(9) }),
            (3, DrillDownState::Cancelled { signed: None, at: at(9) }),
        ] {
            let other = control_plane_domain::drilldown::DrillDown { state, ..sample::drilldown(n, audit) };
            tx.add_drilldown(&other).await.unwrap();
            assert_eq!(tx.drilldown(other.id).await.unwrap(), Some(other));
        }
        let ids: Vec<_> = tx.drilldowns(None, &Page::first()).await.unwrap().items.iter().map(|d| d.id).collect();
        assert_eq!(ids, [3, 2, 1].map(sample::request_id));
        assert_eq!(tx.drilldowns(Some(runner_id(1)), &Page::first()).await.unwrap().items.len(), 3);
        let receipt = |n: u8| DrillDownReceipt {
            drilldown: drilldown.id,
            sha256: digest(n),
            envelope: vec![n; 9],
            at: at(9),
        };
        assert!(tx.add_drilldown_receipt(&receipt(7)).await.unwrap());
        assert!(tx.add_drilldown_receipt(&receipt(6)).await.unwrap());
        assert!(!tx.add_drilldown_receipt(&receipt(7)).await.unwrap());
        assert_eq!(tx.drilldown_receipts(drilldown.id).await.unwrap(), [receipt(7), receipt(6)]);
        assert!(conflict(tx.set_drilldown_state(&drilldown, DrillDownWord::ToSign).await));
    }

    async fn secrets_pass_through_their_states_and_leave_no_sealed_value(world: World) {
        let (tx, audit) = with_runner(&world).await;
        let mut secret = sample::connector_secret(1, audit);
        tx.add_connector_secret(&secret).await.unwrap();
        assert_eq!(tx.connector_secrets_expired_by(at(599), 5).await.unwrap(), []);
        assert_eq!(tx.connector_secrets_expired_by(at(600), 5).await.unwrap(), [secret.clone()]);
        let sent = Sent { envelope: vec![1; 40], sealed: vec![2; 304], request_sha256: digest(3) };
        let (request_sha256, code) = (digest(3), "E-SECRET-037".parse::<proof::text::Name>().unwrap());
        for next in [
            SecretState::Waiting(sent.clone()),
            SecretState::Delivered(sent.clone()),
            SecretState::Expired { request_sha256: Some(request_sha256), code: code.clone(), at: at(8) },
            SecretState::Refused { request_sha256, code, receipt: Some(digest(6)), at: at(9) },
        ] {
            let from = secret.state.word();
            secret = secret.becoming(next).unwrap();
            tx.set_connector_secret_state(&secret, from).await.unwrap();
            let kept = tx.connector_secret(secret.id).await.unwrap().unwrap();
            assert_eq!(kept, secret);
            assert_eq!(kept.state.sent().is_some(), !secret.state.word().is_over());
            let open = tx.open_connector_secrets(runner_id(1)).await.unwrap().len();
            assert_eq!(open, usize::from(!secret.state.word().is_over()));
        }
        for (n, state) in [
            (2, SecretState::Accepted { request_sha256, receipt: digest(6), at: at(9) }),
            (3, SecretState::Cancelled { request_sha256: None, at: at(9) }),
        ] {
            let other = ConnectorSecret { state, ..sample::connector_secret(n, audit) };
            tx.add_connector_secret(&other).await.unwrap();
            assert_eq!(tx.connector_secret(other.id).await.unwrap(), Some(other));
        }
        let other = ConnectorSecret { name: "other-db".parse().unwrap(), ..sample::connector_secret(4, audit) };
        tx.add_connector_secret(&other).await.unwrap();
        let listed = async |runner, name: Option<&str>| {
            let filter = SecretFilter { runner, name: name.map(|name| name.parse().unwrap()) };
            let found = tx.connector_secrets(&filter, &Page::first()).await.unwrap().items;
            found.iter().map(|secret| secret.id).collect::<Vec<_>>()
        };
        let (name, others) = (secret.name.to_string(), sample::request_id(4));
        for runner in [None, Some(runner_id(1))] {
            assert_eq!(listed(runner, None).await, [4, 3, 2, 1].map(sample::request_id));
            assert_eq!(listed(runner, Some(name.as_str())).await, [3, 2, 1].map(sample::request_id));
            assert_eq!(listed(runner, Some("other-db")).await, [others]);
            assert_eq!(listed(runner, Some("other-d")).await, []);
        }
        assert_eq!(listed(Some(runner_id(2)), None).await, []);
        let receipt =
            |n: u8| SecretReceipt { request: secret.id, sha256: digest(n), envelope: vec![n; 9], at: at(9) };
        assert!(tx.add_connector_secret_receipt(&receipt(7)).await.unwrap());
        assert!(tx.add_connector_secret_receipt(&receipt(6)).await.unwrap());
        assert!(!tx.add_connector_secret_receipt(&receipt(7)).await.unwrap());
        assert_eq!(tx.connector_secret_receipts(secret.id).await.unwrap(), [receipt(7), receipt(6)]);
        assert!(conflict(tx.set_connector_secret_state(&secret, SecretWord::ToSeal).await));
    }

    async fn alarms_are_raised_once(world: World) {
        let (tx, _) = with_runner(&world).await;
        assert!(tx.raise_alarm(&sample::alarm(1)).await.unwrap());
        assert!(!tx.raise_alarm(&sample::alarm(2)).await.unwrap());
        let other = control_plane_domain::alarm::Alarm { subject: None, runner: None, ..sample::alarm(3) };
        assert!(tx.raise_alarm(&other).await.unwrap());
        let seen = Acknowledged { by: sample::person_id(1), at: at(4) };
        tx.acknowledge_alarm(sample::alarm_id(1), seen).await.unwrap();
        assert_eq!(tx.alarm(sample::alarm_id(1)).await.unwrap().unwrap().acknowledged, Some(seen));
        assert_eq!(tx.alarms(true, &Page::first()).await.unwrap().items, [other]);
        assert_eq!(tx.alarms(false, &Page::first()).await.unwrap().items.len(), 2);
        assert!(tx.raise_alarm(&sample::alarm(2)).await.unwrap());
        assert!(missing(tx.acknowledge_alarm(sample::alarm_id(1), seen).await));
        let large = control_plane_domain::alarm::Alarm { evidence: Some(vec![0; 65_537]), ..sample::alarm(4) };
        assert!(tx.raise_alarm(&large).await.is_err());
    }

    async fn answers_are_kept_for_repeated_requests(world: World) {
        let tx = write(&world).await;
        let mut entry = IdempotencyEntry {
            key: digest(1),
            request: digest(2),
            created: at(0),
            outcome: IdempotencyOutcome::Running,
        };
        assert!(tx.begin_idempotency(&entry).await.unwrap());
        assert!(!tx.begin_idempotency(&entry).await.unwrap());
        for outcome in [
            IdempotencyOutcome::Withheld,
            IdempotencyOutcome::Answered(StoredResponse { status: 201, body: b"{}".to_vec() }),
        ] {
            tx.finish_idempotency(&digest(1), &outcome).await.unwrap();
            entry.outcome = outcome;
            assert_eq!(tx.idempotency(&digest(1)).await.unwrap(), Some(entry.clone()));
        }
        assert_eq!(tx.sweep_idempotency(at(0)).await.unwrap(), 0);
        assert_eq!(tx.sweep_idempotency(at(1)).await.unwrap(), 1);
        assert!(tx.begin_idempotency(&entry).await.unwrap());
        tx.abandon_idempotency(&digest(1)).await.unwrap();
        assert_eq!(tx.idempotency(&digest(1)).await.unwrap(), None);
    }

    async fn a_lease_is_one_replicas(world: World) {
        let lease = |holder: &str, until: i64| Lease {
            name: "sweep".to_owned(),
            holder: holder.to_owned(),
            until: at(until),
        };
        assert!(world.store.take_lease(&lease("one", 100)).await.unwrap());
        assert!(!world.store.take_lease(&lease("two", 200)).await.unwrap());
        assert!(world.store.take_lease(&lease("one", 150)).await.unwrap());
        world.store.release_lease("sweep", "two").await.unwrap();
        assert!(!world.store.take_lease(&lease("two", 200)).await.unwrap());
        world.clock.advance_ms(150);
        assert!(world.store.take_lease(&lease("two", 200)).await.unwrap());
        world.store.release_lease("sweep", "two").await.unwrap();
        assert!(world.store.take_lease(&lease("three", 200)).await.unwrap());
    }

    async fn a_row_that_was_never_written_so_is_named(world: World) {
        let tx = write(&world).await;
        tx.add_person(&sample::person(1)).await.unwrap();
        commit(&world, tx).await;
        world.behind("UPDATE person SET role = 'emperor'").await;
        let tx = world.store.read(&permit(world.a)).await.unwrap();
        let error = tx.person(sample::person_id(1)).await.unwrap_err();
        assert_eq!(error.code(), "E-STORE-003");
        let text = error.to_string();
        assert!(text.contains("person") && text.contains(&sample::person_id(1).to_string()) && text.contains("role"), "{text}");
    }
}
