//! Two tenants side by side, with the very same ids: neither sees or changes the other's rows, by any function.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use control_plane_domain::alarm::{Acknowledged, AlarmFilter};
use control_plane_domain::audit_log::{AuditCheckpoint, AuditCosignature, AuditFilter, AuditRef};
use control_plane_domain::drilldown::{DrillDownFilter, DrillDownReceipt, DrillDownWord};
use control_plane_domain::idempotency::{IdempotencyEntry, IdempotencyOutcome};
use control_plane_domain::journal::JournalCheckpoint;
use control_plane_domain::list::Page;
use control_plane_domain::policy::Role;
use control_plane_domain::procedure::{MissedDue, ScheduleDue, TextPlace};
use control_plane_domain::run::{CheckFilter, RunFilter, RunSummary, RunUnderWay};
use control_plane_domain::run_request::RunRequestState;
use control_plane_domain::runner::{CertificateState, RunnerState, Standing};
use control_plane_domain::sealed::Sealed;
use control_plane_domain::secret::{SecretFilter, SecretReceipt, SecretState, SecretWord};
use control_plane_domain::session::{SessionEnd, SessionState};
use control_plane_domain::standing::{ChangeKind, FindingFilter};
use control_plane_domain::tenant::{TenantKey, TenantKeyKind, TenantState};
use control_plane_store::{Reads, StoreError, Writes};
use ids::TenantId;
use proof::log::Chain;
use proof::text::Name;
use verdict::Status;

use crate::sample::{
    self, alarm_id, digest, item_id, key_id, link_id, person_id, request_id, run_id, runner_id, session_id, token_id,
};
use crate::world::{World, at, on_both, permit, something, tenant};

/// What each function answered, or how it failed.
type Answers = BTreeMap<&'static str, String>;

macro_rules! ask {
    ($tx:expr, $($name:ident($($argument:expr),*);)*) => {{
        let mut answers = Answers::new();
        $(answers.insert(stringify!($name), format!("{:?}", $tx.$name($($argument),*).await));)*
        answers
    }};
}

/// Every function that reads.
async fn everything(tx: &Reads) -> Answers {
    let first = Page::first();
    let name: Name = "access-review".parse().unwrap();
    let places = [(runner_id(1), name.clone())];
    let (runners, people) = (BTreeSet::from([runner_id(1)]), BTreeSet::from([person_id(1)]));
    let (names, digests) = (BTreeSet::from([name.clone()]), BTreeSet::from([digest(9)]));
    let text = TextPlace { runner: runner_id(1), notation: "yaml".parse().unwrap(), is_past: false, bytes: 18 };
    let later = sample::manifest(tx.tenant_id(), 90, Status::Fail);
    let later = RunSummary::new(&later.run, 90, 1, at(0));
    let failing = RunFilter {
        procedure: Some(name.clone()),
        failing_check: Some("mfa".parse().unwrap()),
        ..RunFilter::default()
    };
    let here = BTreeSet::from([(runner_id(1), name.clone())]);
    let framework: Name = "iso-27001-2022".parse().unwrap();
    let installed = BTreeSet::from([(runner_id(1), digest(9))]);
    ask!(tx,
        tenant(); tenant_state(); tenant_key(TenantKeyKind::Audit); tenant_keys();
        person(person_id(1)); person_by_email(&sample::person(1).email); people(&first); active_people_of(Role::Owner);
        api_key(key_id(1)); api_keys(None, &first); open_api_keys_made_by(person_id(1), at(0));
        credentials(person_id(1)); recovery_codes(person_id(1)); person_link(&digest(1)); people_rows(&first, at(0)); person_row(person_id(1), at(0)); zone_of(person_id(1)); person_and_zone(person_id(1));
        session(session_id(1)); session_by_digest(&digest(1)); totp_offer(session_id(1));
        live_sessions(person_id(1), at(0)); was_confirmed_from(person_id(1), "192.0.2.1", at(-1)); is_network_known("192.0.2.1");
        device(person_id(1), &digest(1)); devices(person_id(1));
        join_token(token_id(1)); join_token_by_digest(&digest(1)); join_tokens(&first);
        runner(runner_id(1)); runner_by_fingerprint(&digest(1)); runners(Some(Standing::Pending), &first);
        certificate(&digest(101)); certificate_in(runner_id(1), CertificateState::Next);
        certificate_by_request(runner_id(1), &digest(51));
        installed_procedures(None, &first); installed_procedure(runner_id(1), &digest(9));
        procedure_source(runner_id(1), &digest(9)); schedule(runner_id(1)); due_before(at(9_000), 9);
        missed_dues(None, &first);
        run(run_id(1)); run_detail(run_id(1)); run_detail_part(run_id(1), 0, 9); run_without_items(run_id(1)); runs(&RunFilter::default(), &first); run_items(run_id(1), &first);
        item(item_id(1)); newest_report(run_id(1)); run_tallies(None, at(-90_000_000), at(90_000_000));
        check_states(&CheckFilter::default(), &first); findings(&CheckFilter::default(), &first);
        journal(runner_id(1)); journal_line(runner_id(1), 0); journal_lines(runner_id(1), 0, 9);
        journal_root(runner_id(1), 20); journal_checkpoint(runner_id(1));
        audit_chain(); audit_lines(&AuditFilter::default(), &first); audit_range(0, 99); audit_root(2);
        audit_consistency(1, 2); audit_checkpoint(); audit_checkpoint_at(1); audit_cosignatures(1);
        audit_kept_by(runner_id(1)); audit_verify();
        run_request(request_id(1)); run_requests(None, &first); waiting_run_requests(runner_id(1));
        run_requests_expired_by(at(9_000), 9);
        drilldown(request_id(1)); drilldowns(None, &first); open_drilldowns(runner_id(1)); open_drilldowns_of(person_id(1)); all_open_drilldowns();
        drilldowns_expired_by(at(9_000), 9); drilldown_receipts(request_id(1));
        connector_secret(request_id(1)); connector_secrets(&SecretFilter::default(), &first); open_connector_secrets(runner_id(1));
        unsealed_connector_secrets_of(person_id(1), 9); connector_secrets_expired_by(at(9_000), 9); connector_secret_receipts(request_id(1));
        alarm(alarm_id(1)); alarms(true, &first); alarms_by(&AlarmFilter::default(), &first);
        drilldowns_by(&DrillDownFilter::default(), &first); procedures_of_runs(&BTreeSet::from([run_id(1)]));
        idempotency(&digest(1));
        certificates_until([runner_id(1)]); standing_counts(); procedure_states(&places); day_tallies(at(-90_000_000), at(90_000_000));
        check_summaries(&names); check_states_of(runner_id(1), &name); changes(at(0), &first);
        changes_of(&[ChangeKind::Verdict], at(0), 9); findings_by(&FindingFilter::default(), None, &first);
        newest_runs(&places, 9); neighbours(&later); run_request_of(run_id(1)); open_run_requests(9);
        drilldowns_into(run_id(1), 9); destroyed(runner_id(1), &[item_id(1)]);
        journal_inclusion(runner_id(1), 3, 20); runner_lines(9); runner_labels_first(9); runner_labels(&runners);
        person_names(&people); procedure_titles(9); installed_by(Some(runner_id(1)), Some(&name), &first);
        installed_texts(9); withheld(9); text_places(&digest(9)); text_places_of(&digests); text_at(&digest(9), &text);
        overdue(9); due_from(at(0), 9); dues_of(&places); missed_of(runner_id(1), &name, 9); audit_checkpoint_kept();
        newest_report_digests(run_id(1)); search_runs(&failing, None, &first); run_askers(9); titles_of(&names); installed_here(&here);
        runners_with(&name, 9); overdue_among(&BTreeSet::from(["tls".parse().unwrap()])); person_names_first(9); open_alarms_of(runner_id(1), 9);
        journal_lines_at(runner_id(1), &[0]); witness_keys(&runners); audit_cosigners(1);
        scopes(9); scope_line(&framework); scoped_controls(std::slice::from_ref(&framework));
        runs_under_way(9); run_under_way(run_id(7)); pulse(); reported_runs(&BTreeSet::from([run_id(1)])); installed_names(&installed);
    )
}

/// Every function that adds; with the record that rows name.
async fn add_everything(tx: &Writes, audit: AuditRef) -> Answers {
    let key = TenantKey {
        kind: TenantKeyKind::Audit,
        generation: 1,
        sealed: Sealed::new(vec![1; 60]),
        public: b"vkey".to_vec(),
        created: at(0),
    };
    let due = ScheduleDue {
        runner: runner_id(1),
        procedure: "access-review".parse().unwrap(),
        next_due: at(7),
        reported: at(0),
        overdue_since: None,
    };
    let missed = MissedDue {
        runner: runner_id(1),
        procedure: "access-review".parse().unwrap(),
        due: at(1),
        reason: "off".parse().unwrap(),
        seq: 3,
    };
    let entry =
        IdempotencyEntry { key: digest(1), request: digest(2), created: at(0), outcome: IdempotencyOutcome::Running };
    let manifest = sample::manifest(tx.tenant_id(), 1, Status::Fail);
    let mut tail = tx.journal(runner_id(1)).await.unwrap();
    let mut source = Chain::new();
    for n in 0..20 {
        let line = source.append(at(n), &serde_json::json!({"tenant": tx.tenant_id(), "n": n})).unwrap().line;
        tail.check(&line).unwrap();
    }
    let root = tx.audit_root(1).await.unwrap().unwrap();
    let checkpoint = AuditCheckpoint { size: 1, root, note: "note".to_owned(), at: at(1) };
    let cosignature = AuditCosignature { runner: runner_id(1), size: 1, root, note: "cosigned".to_owned(), at: at(1) };
    let seen =
        JournalCheckpoint { runner: runner_id(1), size: 20, root: source.root(), note: String::new(), at: at(1) };
    let full = sample::session(1, SessionState::Full { confirmed: at(0) });
    let receipt = DrillDownReceipt { drilldown: request_id(1), sha256: digest(1), envelope: b"{}".to_vec(), at: at(1) };
    let secret_receipt =
        SecretReceipt { request: request_id(1), sha256: digest(1), envelope: b"{}".to_vec(), at: at(1) };
    let late = ScheduleDue { procedure: "tls".parse().unwrap(), ..due.clone() };
    let mut withheld = sample::reported_procedure("tls", 8);
    (withheld.source, withheld.installed.has_source) = (None, false);
    let answered = sample::run_request(2, audit);
    let controls = control_plane_domain::scope::parse("A.5.15,Access control").unwrap();
    let (scope, under_way) = (scope(), under_way());
    let answers = ask!(tx,
        add_tenant_key(&key); add_person(&sample::person(1)); add_api_key(&sample::api_key(1, 1));
        set_password(person_id(1), &sample::password()); set_totp(person_id(1), &sample::totp());
        replace_recovery_codes(person_id(1), &[digest(1)]); add_person_link(&sample::link(1), &digest(1));
        add_session(&full, &digest(1)); set_confirmed_from(&full, "192.0.2.1", at(0));
        set_zone(person_id(1), Some(&"Europe/Berlin".parse().unwrap())); offer_totp(session_id(1), &Sealed::new(vec![6; 48]));
        add_device(&sample::device(1));
        add_join_token(&sample::join_token(1), &digest(1)); add_runner(&sample::runner(1));
        add_certificate(&sample::certificate(1, 1, CertificateState::Next));
        replace_catalogue(runner_id(1), &[sample::reported_procedure("access-review", 9), withheld.clone()]);
        replace_schedule(runner_id(1), &[due.clone(), late.clone()]); add_missed(std::slice::from_ref(&missed));
        accept_reports(&[sample::report(&manifest, 0)]); append_journal(tail.clone());
        add_journal_checkpoint(&seen); add_audit_checkpoint(&checkpoint); add_audit_cosignature(&cosignature);
        add_run_request(&sample::run_request(1, audit)); add_drilldown(&sample::drilldown(1, audit));
        add_drilldown_receipt(&receipt);
        add_connector_secret(&sample::connector_secret(1, audit)); add_connector_secret_receipt(&secret_receipt);
        raise_alarm(&sample::alarm(1)); begin_idempotency(&entry);
        add_destroyed(runner_id(1), &[(item_id(1), 5)]); set_scope(&scope, &controls);
        replace_under_way(&[(runner_id(1), vec![under_way.clone()])]);
    );
    tx.mark_overdue(runner_id(1), &late.procedure, at(1)).await.unwrap();
    tx.add_certificate(&sample::certificate(1, 2, CertificateState::Current)).await.unwrap();
    tx.add_run_request(&answered).await.unwrap();
    let begun = RunRequestState::Begun { run: run_id(1), at: at(1) };
    tx.set_run_request_state(answered.id, &begun).await.unwrap();
    answers
}

fn scope() -> control_plane_domain::scope::ScopeLine {
    control_plane_domain::scope::ScopeLine {
        framework: "iso-27001-2022".parse().unwrap(),
        controls: 1,
        sha256: digest(3),
        set: at(0),
        by: person_id(1),
    }
}

fn under_way() -> RunUnderWay {
    RunUnderWay {
        run: run_id(7),
        runner: runner_id(1),
        procedure: "access-review".parse().unwrap(),
        digest: digest(9),
        began: at(0),
        step: None,
        done: 0,
        steps: 2,
        heard: at(1),
    }
}

/// Every function that changes what is there, each in a transaction of its own.
async fn change_everything(world: &World, tenant: TenantId) -> Answers {
    let mut answers = Answers::new();
    let cancelled = {
        let audit = AuditRef { seq: 0, hash: digest(0) };
        let drilldown = sample::drilldown(1, audit);
        let state = control_plane_domain::drilldown::DrillDownState::Cancelled { signed: None, at: at(1) };
        drilldown.becoming(state).unwrap()
    };
    let taken_back = {
        let secret = sample::connector_secret(1, AuditRef { seq: 0, hash: digest(0) });
        secret.becoming(SecretState::Cancelled { request_sha256: None, at: at(1) }).unwrap()
    };
    let seen = Acknowledged { by: person_id(1), at: at(1) };
    let name = "access-review".parse().unwrap();
    let full = sample::session(1, SessionState::Full { confirmed: at(1) });
    macro_rules! change {
        ($($change:ident($($argument:expr),*);)*) => {$({
            let tx = world.store.write(&permit(tenant)).await.unwrap();
            let result = tx.$change($($argument),*).await;
            answers.insert(stringify!($change), format!("{result:?}"));
            if result.is_ok() {
                tx.commit(&permit(tenant).record(something())).await.unwrap();
            }
        })*};
    }
    change!(
        set_role(person_id(1), Role::Viewer); remove_person(person_id(1)); revoke_api_key(key_id(1), at(1));
        revoke_api_keys_of(person_id(1), at(1)); touch_api_key(key_id(1), at(1));
        use_totp_step(person_id(1), u64::from(u32::MAX)); use_recovery_code(person_id(1), &digest(1), at(1));
        use_person_link(link_id(1), at(1)); replace_person_links(person_id(1), at(1));
        replace_links_made_by(person_id(1), at(1)); set_zone(person_id(1), None);
        clear_totp(person_id(1)); forget_credentials(person_id(1));
        touch_session(session_id(1), at(1), "192.0.2.2"); rotate_session(&full, &digest(2)); set_confirmed_from(&full, "192.0.2.1", at(1));
        end_session(session_id(1), SessionEnd::SignedOut, at(1)); sweep_half_sessions(at(9_000));
        forget_sessions(at(0));
        touch_device(person_id(1), &digest(1), at(1)); remove_device(person_id(1), &digest(1));
        use_join_token(token_id(1), &digest(1), runner_id(1), at(1)); revoke_join_token(token_id(1), at(1));
        set_runner_state(runner_id(1), &RunnerState::Revoked { since: at(1) }); set_generation(runner_id(1), 5);
        put_presence(runner_id(1), &sample::presence()); put_presences(&[(runner_id(1), sample::presence())]);
        reenrol_runner(&sample::runner(1));
        disconnect_all(); set_certificate_state(&digest(101), CertificateState::Abandoned);
        mark_overdue(runner_id(1), &name, at(1));
        set_run_request_state(request_id(1), &RunRequestState::Expired { at: at(1) });
        set_drilldown_state(&cancelled, DrillDownWord::WaitingForRunner);
        set_connector_secret_state(&taken_back, SecretWord::ToSeal); acknowledge_alarm(alarm_id(1), seen);
        finish_idempotency(&digest(1), &IdempotencyOutcome::Withheld); sweep_idempotency(at(9_000));
        abandon_idempotency(&digest(1)); remove_scope(&"iso-27001-2022".parse().unwrap());
    );
    answers
}

/// The functions of a type that are public, out of the sources: a new one that no list above names fails the test.
fn public_functions(of: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for block in text.split(&format!("\nimpl {of} {{\n")).skip(1) {
                let block = block.split("\n}\n").next().unwrap();
                let names = block.split("    pub async fn ").skip(1).filter_map(|rest| rest.split('(').next());
                found.extend(names.map(str::to_owned));
            }
        }
    }
    found
}

fn named(answers: &[&Answers]) -> BTreeSet<String> {
    answers.iter().flat_map(|answers| answers.keys().map(|name| (*name).to_owned())).collect()
}

on_both! {
    async fn neither_tenant_sees_or_changes_the_other(world: World) {
        let untouched = tenant(3);
        world.create(untouched).await;
        let begun = |text: &str, id: TenantId| text.replace(&id.to_string(), "TENANT");
        let (a, b) = (world.a, world.b);
        let seen = async |id: TenantId| everything(&world.store.read(&permit(id)).await.unwrap()).await;
        let nothing = seen(untouched).await;
        assert_eq!(named(&[&nothing]), public_functions("Reads"), "every function that reads is asked");

        let tx = world.store.write(&permit(a)).await.unwrap();
        let (logged, appended) = tx.log(&permit(a).record(something())).await.unwrap();
        let added = add_everything(&logged, AuditRef::from(&appended)).await;
        for (name, answer) in &added {
            assert!(answer == "Ok(())" || answer == "Ok(true)", "{name}: {answer}");
        }
        logged.commit().await.unwrap();

        // What is there shows: otherwise seeing nothing of it next door would prove nothing.
        let of_a = seen(a).await;
        for (name, answer) in of_a.iter().filter(|(name, _)| !["tenant", "tenant_state"].contains(*name)) {
            assert_ne!(begun(answer, a), begun(&nothing[name], untouched), "{name} shows nothing of its own tenant");
        }
        for (name, answer) in &seen(b).await {
            // The third tenant began a moment later, and its log says so; nothing else may differ.
            assert_eq!(begun(answer, b), begun(&nothing[name], untouched), "{name} of the other tenant");
        }

        // The other tenant changes what it does not have.
        let changed = change_everything(&world, b).await;
        for (name, answer) in &changed {
            let refused = ["Err(Missing", "Err(Conflict", "Ok(0)", "Ok(false)"].iter().any(|start| answer.starts_with(start))
                || (name.starts_with("put_presence") && answer.starts_with("Err(Inconsistency"));
            assert!(refused, "{name}: {answer}");
        }
        assert_eq!(seen(a).await, of_a);

        // The other tenant has the same ids itself, and changes its own.
        let tx = world.store.write(&permit(b)).await.unwrap();
        let (logged, appended) = tx.log(&permit(b).record(something())).await.unwrap();
        add_everything(&logged, AuditRef::from(&appended)).await;
        logged.set_drilldowns(false).await.unwrap();
        logged.stir().await.unwrap();
        logged.set_tenant_state(TenantState::Suspended).await.unwrap();
        logged.commit().await.unwrap();
        assert_eq!(seen(a).await, of_a);
        let of_b = seen(b).await;
        for (name, answer) in change_everything(&world, b).await {
            // Some of them undo what another needs; that each found the row is what counts.
            let found = answer.starts_with("Ok(") || ["revoke_join_token", "set_role"].contains(&name);
            assert!(found || answer.starts_with("Err(Missing"), "{name}: {answer}");
        }
        assert_ne!(seen(b).await, of_b);
        assert_eq!(seen(a).await, of_a);

        let own = ["create_tenant", "set_drilldowns", "set_tenant_state", "stir"].map(str::to_owned);
        let all = named(&[&added, &changed]).into_iter().chain(own).collect::<BTreeSet<_>>();
        assert_eq!(all, public_functions("Writes"), "every function that writes is asked");
    }

    async fn no_tenant_is_made_by_another(world: World) {
        let tx = world.store.write(&permit(world.a)).await.unwrap();
        let mut other = tx.tenant().await.unwrap().unwrap();
        other.id = tenant(8);
        assert!(matches!(tx.create_tenant(&other).await.unwrap_err(), StoreError::Guarded { .. }));
    }
}
