//! Two tenants side by side: nothing of one is there for the other.

use contract::enrolment::Fingerprint;
use control_plane_domain::audit::Purpose;
use control_plane_domain::audit_log::AuditFilter;
use control_plane_domain::list::Page;
use control_plane_domain::policy::{Caller, Role};
use control_plane_domain::run::{CheckFilter, RunFilter};
use control_plane_operations::{
    AskedRows, CreateApiKey, CreateTenant, Error, Idempotent, Kind, RequestDrillDown, RequestRun,
};
use crypto::digest::sha256;
use crypto::{ed25519, hpke};
use ids::{ItemId, RunnerId};
use verdict::Status;

use crate::support::{ADDRESS, Evidence, RunSpec, World};

/// Every operation that names a thing of the other tenant finds nothing, and no list shows it.
#[tokio::test]
async fn ids_of_another_tenant_name_nothing() {
    let world = World::new().await;
    let (acme, other) = (world.tenant("acme").await, world.tenant("umbrella").await);
    let mut runner = world.runner(&acme).await;
    let item = Evidence { item: ItemId::from_parts(1, [1; 10]), rows: 3, root: sha256(b"root") };
    let spec = RunSpec { evidence: vec![item], ..RunSpec::new(1, Status::Fail) };
    runner.attest(world.now(), &spec);
    let mut session = world.connected(&mut runner).await;
    crate::runs::install(&world, &mut session).await;
    let procedure = sha256(b"demo");
    let (ops, thief, id) = (&world.ops, &other.owner, runner.name.runner);
    let why = || "because".parse::<proof::text::FreeText>().unwrap();
    let device = ed25519::SigningKey::generate(&world.entropy);
    let ask = || RequestDrillDown {
        run: spec.run,
        items: vec![AskedRows { item: item.item, rows: None }],
        purpose: Purpose::Audit,
        reason: why(),
        recipient_key: *hpke::KeyPair::generate(&world.entropy).public().as_bytes(),
        device_key: device.verifying_key().to_spki(),
        wait: None,
    };
    let drilldown = ops.request_drilldown(&acme.owner, ask()).await.unwrap().id;
    let run_request = RequestRun { runner: id, procedure, wait: None };
    let request = ops.request_run(&acme.owner, run_request.clone()).await.unwrap().id;
    let token = ops.create_token(&acme.owner, "web".parse().unwrap()).await.unwrap().record.id;
    ops.set_drilldowns(&acme.owner, true).await.unwrap();
    let alarm = {
        let full = contract::Alive { at: world.now(), condition: contract::Condition::Full, waiting: 0 };
        ops.line().receive(&mut session, contract::FromRunner::Alive(full)).await.unwrap();
        ops.list_alarms(&acme.owner, true, &Page::first()).await.unwrap().items[0].id
    };
    let before = world.actions(&acme).await.len();
    let (person, key) = (acme.owner.person(), acme.owner.key().unwrap());
    let create_key =
        CreateApiKey { person: Some(person), label: why(), scopes: None, expires: world.now().plus_ms(1_000_000) };
    let refusals: Vec<(&str, Option<Error>)> = vec![
        ("get_runner", ops.get_runner(thief, id).await.err()),
        ("approve", ops.approve_runner(thief, id, &Fingerprint::new(sha256(b"x"))).await.err()),
        ("revoke", ops.revoke_runner(thief, id, why()).await.err()),
        ("unlock", ops.unlock_runner(thief, id, why()).await.err()),
        ("source", ops.procedure_source(thief, id, &procedure).await.err()),
        ("get_run", ops.get_run(thief, spec.run).await.err()),
        ("run_report", ops.run_report(thief, spec.run).await.err()),
        ("request_run", ops.request_run(thief, run_request).await.err()),
        ("get_run_request", ops.get_run_request(thief, request).await.err()),
        ("list_items", ops.list_items(thief, spec.run, &Page::first()).await.err()),
        ("get_item", ops.get_item(thief, item.item).await.err()),
        ("request_drilldown", ops.request_drilldown(thief, ask()).await.err()),
        ("get_drilldown", ops.get_drilldown(thief, drilldown).await.err()),
        ("sign", ops.sign_drilldown(thief, drilldown, &[0; 64]).await.err()),
        ("answer", ops.answer_drilldown(thief, drilldown).await.err()),
        ("cancel", ops.cancel_drilldown(thief, drilldown).await.err()),
        ("receipt", ops.drilldown_receipt(thief, drilldown).await.err()),
        ("revoke_token", ops.revoke_token(thief, token).await.err()),
        ("set_role", ops.set_role(thief, person, Role::Viewer).await.err()),
        ("remove_person", ops.remove_person(thief, person).await.err()),
        ("create_key", ops.create_api_key(thief, create_key).await.err()),
        ("revoke_key", ops.revoke_api_key(thief, key).await.err()),
        ("acknowledge", ops.acknowledge_alarm(thief, alarm, why()).await.err()),
    ];
    for (name, error) in refusals {
        let error = error.unwrap_or_else(|| panic!("{name} found something of the other tenant"));
        assert_eq!(error.kind(), Kind::NotFound, "{name}: {error}");
    }
    lists_show_nothing(&world, thief, id).await;
    assert_eq!(world.actions(&acme).await.len(), before, "nothing was changed by any of this");
}

async fn lists_show_nothing(world: &World, thief: &Caller, id: RunnerId) {
    let ops = &world.ops;
    let page = Page::first();
    assert_eq!(ops.list_runners(thief, None, &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_procedures(thief, None, &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_procedures(thief, Some(id), &page).await.unwrap().items.len(), 0);
    let filter = RunFilter { runner: Some(id), ..RunFilter::default() };
    assert_eq!(ops.list_runs(thief, &filter, &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_checks(thief, &CheckFilter::default(), &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_findings(thief, &CheckFilter::default(), &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_run_requests(thief, Some(id), &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_drilldowns(thief, Some(id), &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_missed(thief, Some(id), &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_tokens(thief, &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_alarms(thief, false, &page).await.unwrap().items.len(), 0);
    assert_eq!(ops.list_people(thief, &page).await.unwrap().items.len(), 1);
    assert_eq!(ops.list_api_keys(thief, &page).await.unwrap().items.len(), 1);
    let lines = ops.list_audit(thief, &AuditFilter::default(), &page).await.unwrap().items;
    assert_eq!(lines.len(), 2, "tenant.created and its first link, of its own");
}

#[tokio::test]
async fn each_tenant_has_its_own_keys_and_log() {
    let world = World::new().await;
    let (acme, other) = (world.tenant("acme").await, world.tenant("umbrella").await);
    let (a, b) = (world.ops.tenant_keys(acme.id).await.unwrap(), world.ops.tenant_keys(other.id).await.unwrap());
    assert_ne!(a.issuing_authority, b.issuing_authority);
    assert_ne!(a.audit, b.audit);
    assert_ne!(a.witness.key().key_id(), b.witness.key().key_id());
    assert_ne!(a.drilldown, b.drilldown);
    assert_eq!(a.audit.name().to_string(), format!("proctor/{}/audit", acme.id));
    assert_eq!(world.ops.tenants().await.unwrap().len(), 2);
    assert_eq!(world.ops.tenant(acme.id).await.unwrap().name.as_str(), "acme");
    let nobody = ids::TenantId::from_parts(5, [5; 10]);
    assert_eq!(world.ops.tenant(nobody).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(world.ops.verify_audit(nobody).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(world.ops.verify_audit(acme.id).await.unwrap().records, 2);
    // Both are trusted again after a restart, from what the database holds.
    let world = world.restarted().await;
    assert_eq!(world.ops.authority().trusted().len(), 2);
    world.runner(&acme).await;
}

#[tokio::test]
async fn the_operator_gives_a_key_to_an_owner_who_lost_theirs_and_the_log_says_so() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let label: proof::text::FreeText = "after the fire".parse().unwrap();
    let expires = world.now().plus_ms(86_400_000);
    let key = world.ops.create_api_key_as_operator(acme.id, acme.owner.person(), label, expires).await.unwrap();
    world.ops.revoke_api_key_as_operator(acme.id, acme.owner.key().unwrap()).await.unwrap();
    let caller = world.ops.authenticate(key.text.expose(), ADDRESS).await.unwrap();
    assert_eq!(caller.person(), acme.owner.person());
    assert!(matches!(world.ops.authenticate(&acme.key, ADDRESS).await, Err(Error::Unauthenticated)));
    let actions = world.actions(&acme).await;
    let by: Vec<_> = actions.iter().map(|record| serde_json::to_value(record.actor).unwrap()["kind"].clone()).collect();
    assert_eq!(by, ["operator", "operator", "operator", "operator"]);
}

#[tokio::test]
async fn a_request_with_a_key_is_done_once() {
    let world = World::new().await;
    let (acme, other) = (world.tenant("acme").await, world.tenant("umbrella").await);
    let (ops, request) = (&world.ops, sha256(b"POST /x"));
    let begin = async |caller, request| ops.begin_idempotent(caller, "k-1", request).await.unwrap();
    assert_eq!(begin(&acme.owner, request).await, Idempotent::New);
    assert_eq!(begin(&acme.owner, request).await, Idempotent::Running);
    assert_eq!(begin(&acme.owner, sha256(b"POST /y")).await, Idempotent::Mismatch);
    assert_eq!(begin(&other.owner, request).await, Idempotent::New, "keys are a caller's own");
    let response = control_plane_domain::idempotency::StoredResponse { status: 201, body: b"{}".to_vec() };
    ops.finish_idempotent(&acme.owner, "k-1", Some(response.clone())).await.unwrap();
    assert_eq!(begin(&acme.owner, request).await, Idempotent::Replay(response));
    ops.finish_idempotent(&other.owner, "k-1", None).await.unwrap();
    assert_eq!(begin(&other.owner, request).await, Idempotent::Withheld);
    ops.begin_idempotent(&acme.owner, "k-2", request).await.unwrap();
    ops.abandon_idempotent(&acme.owner, "k-2").await.unwrap();
    assert_eq!(ops.begin_idempotent(&acme.owner, "k-2", request).await.unwrap(), Idempotent::New);
    for bad in ["", "a b", "ä", &"k".repeat(65)] {
        let error = ops.begin_idempotent(&acme.owner, bad, request).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{bad:?}");
    }
    world.advance_seconds(2 * 86_400);
    assert_eq!(ops.sweep().await.unwrap().idempotency, 3);
    assert_eq!(begin(&acme.owner, request).await, Idempotent::New);
}

#[tokio::test]
async fn an_owner_is_needed_to_begin_and_an_address_that_is_one() {
    let world = World::new().await;
    let input = CreateTenant {
        name: "acme".parse().unwrap(),
        owner_email: "o@acme.example".parse().unwrap(),
        owner_name: "O".parse().unwrap(),
    };
    let one = world.ops.create_tenant(input.clone()).await.unwrap();
    let two = world.ops.create_tenant(input).await.unwrap();
    assert_ne!(one.tenant, two.tenant, "names are only labels");
}
