//! Without a device that the Runner's operator approved nothing opens, whatever the control plane signs.

use crypto::{SystemEntropy, ed25519, p256};
use ids::{RequestId, RunnerId, TenantId};
use proof::drilldown::{PendingRequest, Purpose, REQUEST_TYPE};
use proof::dsse::{Envelope, Signer};

use super::{answered, try_all};
use crate::evil::{Asker, Forged, Scene, Session, Table, all_of, approve, approve_long_ago, envelope, eve, person};

#[test]
fn nothing_opens_without_a_device_that_was_approved_at_the_runner() {
    let mut scene = Scene::new();
    let (revoked, expired) = (Asker::new(), Asker::new());
    approve(&scene.line, &revoked);
    let _ = scene.line.runner.run(&["readers", "revoke", &revoked.fingerprint()]).with_code(0);
    scene.line.stop_runner();
    approve_long_ago(&scene.line.runner.home(), &expired);
    let approved = scene.line.runner.json(&["readers", "list"])["readers"].clone();
    scene.evil.forget();
    scene.line.serve_alone();
    let mut session = scene.session();
    let mut table = Table::new("Evidence without an approved device");

    let attempts = own_keys(&scene, &session);
    try_all(&scene, &mut session, &mut table, attempts);
    let standing = vec![
        ("a device that was revoked at the Runner", "E-DRILL-013", asked_by(&scene, &session, &revoked)),
        ("a device whose approval is over", "E-DRILL-014", asked_by(&scene, &session, &expired)),
        ("an approved device, for another person", "E-DRILL-015", {
            scene.changed(&session, |request| request.person.id = Asker::new().person)
        }),
    ];
    try_all(&scene, &mut session, &mut table, standing);
    let attempts = behind_the_device(&scene, &session);
    try_all(&scene, &mut session, &mut table, attempts);

    // Nobody was enrolled as a reader by all that.
    let readers = scene.line.runner.json(&["readers", "list"]);
    assert_eq!(readers["readers"], approved);
    assert!(readers["pending"].as_array().is_some_and(|pending| !pending.is_empty()), "{readers:#}");
    assert!(scene.records("evidence.opened").is_empty());
    table.row("enrolling a reader by any of these", "none", "waits as `pending`");
    scene.nothing_came_out();

    // The same request, honest in every part, is answered, to its recipient alone.
    let recipient = eve();
    let honest = scene.honest(&session, &recipient);
    let rows = answered(&scene, &mut session, &honest, &recipient);
    assert!(scene.canary.in_bytes(&rows.concat()).is_some());
    scene.nothing_came_out();
    table.print();
}

fn asked_by(scene: &Scene, session: &Session, asker: &Asker) -> Forged {
    let mut request = scene.honest(session, &eve());
    request.person = person(asker);
    scene.signed_by_both(&request, &asker.device)
}

/// The control plane signs for the device with keys that it has.
fn own_keys(scene: &Scene, session: &Session) -> Vec<(&'static str, &'static str, Forged)> {
    let keys = &scene.evil.keys;
    let mut own = Asker::new();
    own.person = scene.auditor.person;
    let approved = person(&scene.auditor).device;
    // An honest payload with these signatures.
    let with = |device_key: &ed25519::SigningKey, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
        let request = scene.honest(session, &eve());
        let payload = PendingRequest::new(request.clone()).unwrap().payload().to_vec();
        Forged { request: request.request, envelope: sign(&payload), device_key: Some(device_key.verifying_key()) }
    };
    let signed = |sign: &dyn Fn(&[u8]) -> Vec<u8>| with(&scene.auditor.device, sign);
    let device = Signer::Ed25519(&scene.auditor.device);
    let ours = Signer::P256(&keys.drilldown);
    let other_key = p256::SigningKey::generate(&SystemEntropy::new());
    let dsse = |payload_type: &str, payload: &[u8], signers: &[Signer<'_>]| {
        Envelope::sign(payload_type, payload, signers).bytes().to_vec()
    };
    let as_device = |key: &ed25519::SigningKey| {
        let device = ed25519::SigningKey::from_seed(*key.to_seed().expose());
        asked_by(scene, session, &Asker { person: own.person, device })
    };
    vec![
        ("the control plane's signature alone", "E-DRILL-003", {
            signed(&|it| envelope(it, &[scene.our_signature(it)]))
        }),
        ("the control plane's signature twice", "E-DRILL-003", {
            signed(&|it| envelope(it, &[scene.our_signature(it), scene.our_signature(it)]))
        }),
        ("a made-up device signature of 64 bytes", "E-DRILL-003", {
            let made_up = (approved.to_string(), vec![0x5a; 64]);
            signed(&|it| envelope(it, &[made_up.clone(), scene.our_signature(it)]))
        }),
        ("a device of its own, with the auditor's name", "E-DRILL-012", asked_by(scene, session, &own)),
        ("its audit key as a device", "E-DRILL-012", as_device(&keys.audit)),
        ("its witness key as a device", "E-DRILL-012", as_device(&keys.witness)),
        ("a device of its own that claims to be the approved one", "E-DRILL-005", {
            with(&own.device, &|it| dsse(REQUEST_TYPE, it, &[Signer::Ed25519(&own.device), ours]))
        }),
        ("a device of its own under the key id of the approved one", "E-DRILL-005", {
            with(&own.device, &|it| {
                let signature = own.device.sign(&proof::dsse::pae(REQUEST_TYPE, it)).to_vec();
                envelope(it, &[(approved.to_string(), signature), scene.our_signature(it)])
            })
        }),
        ("a third signature beside the two", "E-DRILL-003", {
            signed(&|it| dsse(REQUEST_TYPE, it, &[device, ours, Signer::Ed25519(&keys.audit)]))
        }),
        ("both signatures over another type of payload", "E-DRILL-003", {
            signed(&|it| dsse("application/vnd.in-toto+json", it, &[device, ours]))
        }),
        ("a drill-down key that was not pinned at enrolment", "E-DRILL-003", {
            signed(&|it| dsse(REQUEST_TYPE, it, &[device, Signer::P256(&other_key)]))
        }),
    ]
}

/// The device signed an honest request; the control plane changes what was signed.
fn behind_the_device(scene: &Scene, session: &Session) -> Vec<(&'static str, &'static str, Forged)> {
    let entropy = SystemEntropy::new();
    let id = || crypto::entropy::random_bytes(&entropy);
    let changed = |change: &dyn Fn(&mut proof::drilldown::Request)| scene.changed_behind_the_device(session, change);
    let code = "E-DRILL-003";
    vec![
        ("signed, then another recipient's key", code, changed(&|it| it.recipient = eve().public())),
        ("signed, then another item", code, changed(&|it| it.items = vec![all_of(scene.items["secret"])])),
        ("signed, then one item more", code, changed(&|it| it.items.push(all_of(scene.items["large"])))),
        ("signed, then another root", code, changed(&|it| it.items[0].root = scene.items["secret"].root)),
        ("signed, then another run", code, changed(&|it| it.run = scene.other_run)),
        ("signed, then another tenant", code, changed(&|it| it.tenant = TenantId::from_parts(1, id()))),
        ("signed, then another Runner", code, changed(&|it| it.runner = RunnerId::from_parts(1, id()))),
        ("signed, then another purpose", code, changed(&|it| it.purpose = Purpose::Remediation)),
        ("signed, then another reason", code, changed(&|it| it.reason = "because".parse().unwrap())),
        ("signed, then another role", code, changed(&|it| it.person.role = "owner".parse().unwrap())),
        ("signed, then another life", code, changed(&|it| it.expires = it.expires.plus_ms(10_000))),
        ("signed, then another id", code, changed(&|it| it.request = RequestId::from_parts(1, id()))),
    ]
}
