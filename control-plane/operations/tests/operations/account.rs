//! What people look after at the console, and what asks for both factors first.

use contract::enrolment::Fingerprint;
use control_plane_domain::account::Factor;
use control_plane_domain::audit::Action;
use control_plane_domain::link::LinkKind;
use control_plane_domain::list::Page;
use control_plane_domain::policy::Role;
use control_plane_operations::{AddPerson, CreateApiKey, Error, Kind, SecondFactor, Seen};
use crypto::digest::sha256;
use crypto::ed25519;

use crate::support::{PASSWORD, World, client, code_of, from_base32, secret};

fn new_key(world: &World) -> CreateApiKey {
    CreateApiKey {
        person: None,
        label: "laptop".parse().unwrap(),
        scopes: None,
        expires: world.now().plus_ms(86_400_000),
    }
}

fn somebody(email: &str) -> AddPerson {
    AddPerson { email: email.parse().unwrap(), name: "Grace".parse().unwrap(), role: Role::Viewer }
}

#[tokio::test]
async fn what_is_sensitive_asks_for_both_factors_once_more() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, caller) = world.at_console(&acme, Role::Owner).await;
    let ops = &world.ops;
    let viewer = world.person(&acme, Role::Viewer).await.person();
    ops.create_api_key(&caller, new_key(&world)).await.unwrap();
    ops.check_confirmed(&caller).unwrap();
    world.advance_seconds(15 * 60);
    let caller = ada.caller(&world).await.unwrap();
    let runner = ids::RunnerId::from_parts(1, [1; 10]);
    let fingerprint: Fingerprint = sha256(b"keys").to_string().parse().unwrap();
    let why = || "because".parse::<proof::text::FreeText>().unwrap();
    let spki = ed25519::SigningKey::generate(&world.entropy).verifying_key().to_spki();
    let refusals = [
        ops.create_api_key(&caller, new_key(&world)).await.err(),
        ops.invite_person(&caller, somebody("g@example.org")).await.err(),
        ops.add_person(&caller, somebody("g@example.org")).await.err(),
        ops.link_for(&caller, viewer, LinkKind::Everything).await.err(),
        ops.set_role(&caller, viewer, Role::Auditor).await.err(),
        ops.remove_person(&caller, viewer).await.err(),
        ops.approve_runner(&caller, runner, &fingerprint).await.err(),
        ops.revoke_runner(&caller, runner, why()).await.err(),
        ops.unlock_runner(&caller, runner, why()).await.err(),
        ops.set_drilldowns(&caller, false).await.err(),
        ops.new_recovery_codes(&caller).await.err(),
        ops.offer_new_totp(&caller).await.err(),
        ops.replace_totp(&caller, "000000", &client(1)).await.err(),
        ops.change_password(&caller, secret(PASSWORD), secret("other kumquat words"), &client(1)).await.err(),
        ops.register_device(&caller, &spki, why()).await.err(),
        ops.remove_device(&caller, sha256(b"a device")).await.err(),
        ops.end_sessions_of(&caller, viewer).await.err(),
        ops.create_token(&caller, "web".parse().unwrap()).await.err(),
    ];
    for (index, error) in refusals.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("{index} was done"));
        assert!(matches!(error, Error::ConfirmFirst), "{index}: {error}");
        assert_eq!((error.code(), error.kind()), ("E-AUTH-006", Kind::Forbidden));
    }
    // Looking does not, nor does a key, which has no factors to show.
    ops.list_people(&caller, &Page::first()).await.unwrap();
    ops.account(&caller).await.unwrap();
    ops.create_token(&acme.owner, "web".parse().unwrap()).await.unwrap();
    ops.set_role(&acme.owner, viewer, Role::Auditor).await.unwrap();
    let wrong = ops.confirm(&caller, secret("wrong wrong wrong"), &ada.code(&world), &client(1)).await;
    assert!(matches!(wrong, Err(Error::WrongCode)));
    let wrong = ops.confirm(&caller, secret(PASSWORD), "000000", &client(1)).await;
    assert!(matches!(wrong, Err(Error::WrongCode)));
    let confirmed = ops.confirm(&caller, secret(PASSWORD), &ada.code(&world), &client(1)).await.unwrap();
    ada.take(&confirmed);
    let session = caller.session().unwrap();
    let last = world.actions(&acme).await.pop().unwrap().action;
    assert_eq!(last, Action::SessionConfirmed { session, factors: vec![Factor::Password, Factor::Otp] });
    let caller = ada.caller(&world).await.unwrap();
    ops.create_api_key(&caller, new_key(&world)).await.unwrap();
    // Whoever lost their second factor confirms with a recovery code, and then takes another one.
    world.advance_seconds(15 * 60);
    let caller = ada.caller(&world).await.unwrap();
    let confirmed = ops.confirm(&caller, secret(PASSWORD), &ada.recovery_codes[0], &client(1)).await.unwrap();
    assert_eq!(confirmed.recovery_left, 9);
}

#[tokio::test]
async fn a_key_manages_no_account() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let ops = &world.ops;
    let key = &acme.owner;
    let denied = [
        ops.account(key).await.err(),
        ops.list_sessions(key).await.err(),
        ops.end_other_sessions(key).await.err(),
        ops.new_recovery_codes(key).await.err(),
        ops.list_devices(key).await.err(),
        ops.confirm(key, secret(PASSWORD), "000000", &client(1)).await.err(),
        ops.own_activity(key, &Page::first()).await.err(),
        ops.set_zone(key, None).await.err(),
        ops.account_page(key).await.err(),
        ops.change_password(key, secret(PASSWORD), secret("other kumquat words"), &client(1)).await.err(),
    ];
    for error in denied {
        assert!(matches!(error, Some(Error::Denied(_))), "{error:?}");
    }
}

#[tokio::test]
async fn another_password_ends_every_other_session() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, _) = world.at_console(&acme, Role::Viewer).await;
    let phone = ada.cookie.clone();
    let caller = ada.sign_in(&world, &client(1)).await;
    let before = ada.cookie.clone();
    let ops = &world.ops;
    let change = async |old: &str, new: &str| ops.change_password(&caller, secret(old), secret(new), &client(1)).await;
    assert!(matches!(change("wrong wrong wrong", "other kumquat words").await, Err(Error::WrongCode)));
    assert!(matches!(change(PASSWORD, "password1234").await, Err(Error::PasswordRefused(_))));
    let finished = change(PASSWORD, "other kumquat words").await.unwrap();
    for dead in [&phone, &before] {
        assert!(matches!(ops.session(dead, &client(1)).await.unwrap(), Seen::Nobody));
    }
    ada.take(&finished);
    assert!(ada.caller(&world).await.is_some());
    assert_eq!(world.last_actions(&acme, 2).await, ["account.password_set", "session.ended"]);
    assert!(matches!(ada.begin(ops, &client(1)).await, Err(Error::SignInRefused)));
    ada.password = "other kumquat words".to_owned();
    ada.sign_in(&world, &client(1)).await;
}

#[tokio::test]
async fn another_second_factor_comes_with_other_recovery_codes() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, caller) = world.at_console(&acme, Role::Viewer).await;
    let ops = &world.ops;
    let offer = ops.offer_new_totp(&caller).await.unwrap();
    let seed = from_base32(offer.secret.expose());
    assert_ne!(seed, ada.seed);
    assert!(matches!(ops.replace_totp(&caller, &ada.code(&world), &client(1)).await, Err(Error::WrongCode)));
    let finished = ops.replace_totp(&caller, &code_of(&seed, world.now()), &client(1)).await.unwrap();
    assert_eq!((finished.recovery_codes.len(), finished.recovery_left), (10, 10));
    let old_codes = std::mem::take(&mut ada.recovery_codes);
    ada.take(&finished);
    world.advance_seconds(30);
    let begun = ada.begin(ops, &client(1)).await.unwrap();
    let cookie = begun.cookie.expose();
    let old = ops.second_factor(cookie, SecondFactor::Totp(&ada.code(&world)), &client(1)).await;
    assert!(matches!(old, Err(Error::WrongCode)));
    let old = ops.second_factor(cookie, SecondFactor::Recovery(&old_codes[0]), &client(1)).await;
    assert!(matches!(old, Err(Error::WrongCode)));
    ada.seed = seed;
    let caller = ada.sign_in(&world, &client(1)).await;
    let codes = ops.new_recovery_codes(&caller).await.unwrap();
    world.advance_seconds(30);
    let begun = ada.begin(ops, &client(1)).await.unwrap();
    let replaced = SecondFactor::Recovery(finished.recovery_codes[0].expose());
    assert!(matches!(ops.second_factor(begun.cookie.expose(), replaced, &client(1)).await, Err(Error::WrongCode)));
    let fresh = SecondFactor::Recovery(codes[9].expose());
    ops.second_factor(begun.cookie.expose(), fresh, &client(1)).await.unwrap();
}

#[tokio::test]
async fn devices_are_registered_listed_and_removed_by_their_owner() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (_, ada) = world.at_console(&acme, Role::Auditor).await;
    world.advance_seconds(1);
    let (_, grace) = world.at_console(&acme, Role::Auditor).await;
    let ops = &world.ops;
    let key = ed25519::SigningKey::generate(&world.entropy).verifying_key();
    let label = || "Firefox on a laptop".parse::<proof::text::FreeText>().unwrap();
    let device = ops.register_device(&ada, &key.to_spki(), label()).await.unwrap();
    assert_eq!((device.fingerprint, device.person), (key.key_id(), ada.person()));
    assert_eq!(ops.register_device(&ada, &key.to_spki(), label()).await.unwrap(), device);
    assert_eq!(world.logged(&acme, "device.registered").await, 1);
    assert!(matches!(ops.register_device(&ada, b"no key", label()).await, Err(Error::Invalid { .. })));
    assert_eq!(ops.list_devices(&ada).await.unwrap(), std::slice::from_ref(&device));
    assert!(ops.list_devices(&grace).await.unwrap().is_empty());
    assert!(matches!(ops.remove_device(&grace, device.fingerprint).await, Err(Error::NotFound(_))));
    for _ in 0..19 {
        let other = ed25519::SigningKey::generate(&world.entropy).verifying_key();
        ops.register_device(&ada, &other.to_spki(), label()).await.unwrap();
    }
    let other = ed25519::SigningKey::generate(&world.entropy).verifying_key();
    assert!(matches!(ops.register_device(&ada, &other.to_spki(), label()).await, Err(Error::TooManyDevices)));
    assert_eq!(ops.account(&ada).await.unwrap().devices, 20);
    ops.remove_device(&ada, device.fingerprint).await.unwrap();
    let last = world.actions(&acme).await.pop().unwrap().action;
    assert_eq!(last, Action::DeviceRemoved { person: ada.person(), device: device.fingerprint });
}

#[tokio::test]
async fn the_page_of_an_account_is_what_its_parts_are_and_its_zone_goes_with_the_person() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, _) = world.at_console(&acme, Role::Viewer).await;
    let caller = ada.sign_in(&world, &client(9)).await;
    let ops = &world.ops;
    let spki = ed25519::SigningKey::generate(&world.entropy).verifying_key().to_spki();
    ops.register_device(&caller, &spki, "laptop".parse().unwrap()).await.unwrap();
    let page = ops.account_page(&caller).await.unwrap();
    assert_eq!(page.devices, ops.list_devices(&caller).await.unwrap());
    let ids = |rows: &[control_plane_operations::SessionRow]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(&page.sessions), ids(&ops.list_sessions(&caller).await.unwrap()));
    assert_eq!((page.sessions.len(), page.account.devices, page.account.zone), (2, 1, None));
    let records = world.actions(&acme).await.len();
    ops.set_zone(&caller, Some("Asia/Tokyo".parse().unwrap())).await.unwrap();
    assert_eq!(world.actions(&acme).await.len(), records, "nobody else sees it, so nobody is told");
    // Another browser, another day.
    ada.sign_in(&world, &client(10)).await;
    let Seen::Full(signed) = ops.session(&ada.cookie, &client(10)).await.unwrap() else { panic!("not signed in") };
    assert_eq!(signed.zone.as_ref().map(|zone| zone.as_str()), Some("Asia/Tokyo"));
    assert_eq!(ops.account(&signed.caller).await.unwrap().zone, signed.zone);
    ops.set_zone(&signed.caller, None).await.unwrap();
    assert_eq!(ops.account(&signed.caller).await.unwrap().zone, None);
}

/// Everybody can read what they did themselves, and nothing of what others did.
#[tokio::test]
async fn every_role_reads_its_own_activity_and_no_other() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    for role in Role::ALL {
        let (ada, caller) = world.at_console(&acme, *role).await;
        world.advance_seconds(1);
        world.ops.create_api_key(&caller, new_key(&world)).await.unwrap();
        let mut found = Vec::new();
        let mut page = Page::new(None, 2).unwrap();
        loop {
            let listed = world.ops.own_activity(&caller, &page).await.unwrap();
            found.extend(listed.items);
            let Some(next) = listed.next else { break };
            page = page.following(next);
        }
        assert!(found.iter().all(|line| line.line.contains(&ada.id.to_string())), "{found:?}");
        assert!(found.first().unwrap().line.contains("api_key.created"), "the newest first");
        assert!(found.last().unwrap().line.contains("person.link_used"), "since they came in");
        let all = world.actions(&acme).await;
        let own = all.iter().filter(|record| {
            use control_plane_domain::audit_log::AuditActor;
            AuditActor::from(record.actor) == AuditActor::Person(ada.id)
        });
        assert_eq!(own.count(), found.len(), "{role}");
    }
}

/// What goes on after it was begun asks again whether it may.
#[tokio::test]
async fn whoever_goes_on_still_holds_or_is_told() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let ops = &world.ops;
    let (key, text) = world.person_with_key(&acme, Role::Auditor).await;
    ops.still_holds(&key).await.unwrap();
    ops.set_role(&acme.owner, key.person(), Role::Viewer).await.unwrap();
    assert!(matches!(ops.still_holds(&key).await, Err(Error::Unauthenticated)), "another role");
    let key = ops.authenticate(&text, crate::support::ADDRESS).await.unwrap();
    ops.still_holds(&key).await.unwrap();
    ops.revoke_api_key(&acme.owner, key.key().unwrap()).await.unwrap();
    assert!(matches!(ops.still_holds(&key).await, Err(Error::Unauthenticated)));

    let (mut ada, first) = world.at_console(&acme, Role::Auditor).await;
    let second = ada.sign_in(&world, &client(1)).await;
    ops.still_holds(&first).await.unwrap();
    ops.end_other_sessions(&second).await.unwrap();
    assert!(matches!(ops.still_holds(&first).await, Err(Error::SessionOver)));
    ops.still_holds(&second).await.unwrap();
    world.advance_seconds(3_600);
    assert!(matches!(ops.still_holds(&second).await, Err(Error::SessionOver)), "idle; asking is no use of it");
    let third = ada.sign_in(&world, &client(1)).await;
    ops.remove_person(&acme.owner, ada.id).await.unwrap();
    assert!(matches!(ops.still_holds(&third).await, Err(Error::SessionOver)));
}

/// Paper in the place of an app lets a person in, and signs for nothing.
#[tokio::test]
async fn a_recovery_code_asks_for_no_evidence_and_sends_no_secret() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, _) = world.at_console(&acme, Role::Engineer).await;
    let ops = &world.ops;
    let key = ed25519::SigningKey::generate(&world.entropy).verifying_key().to_spki();
    let asked = async |caller: &control_plane_domain::policy::Caller| {
        let drilldown = control_plane_operations::RequestDrillDown {
            run: ids::RunId::from_parts(1, [1; 10]),
            items: vec![control_plane_operations::AskedRows { item: ids::ItemId::from_parts(1, [1; 10]), rows: None }],
            purpose: control_plane_domain::audit::Purpose::Audit,
            reason: "why".parse().unwrap(),
            recipient_key: *crypto::hpke::KeyPair::generate(&world.entropy).public().as_bytes(),
            device_key: key.clone(),
            wait: None,
        };
        let secret = control_plane_operations::RequestSecret {
            runner: ids::RunnerId::from_parts(1, [1; 10]),
            name: "orders-db".parse().unwrap(),
            device_key: key.clone(),
            wait: None,
        };
        [
            ops.request_drilldown(caller, drilldown).await.unwrap_err().code(),
            ops.request_secret(caller, secret).await.unwrap_err().code(),
        ]
    };
    const GOES_ON: [&str; 2] = ["E-OPS-004"; 2];
    const REFUSED: [&str; 2] = ["E-AUTH-011"; 2];
    let begun = ada.begin(ops, &client(1)).await.unwrap();
    let recovery = SecondFactor::Recovery(&ada.recovery_codes[0]);
    let finished = ops.second_factor(begun.cookie.expose(), recovery, &client(1)).await.unwrap();
    ada.take(&finished);
    let caller = ada.caller(&world).await.unwrap();
    assert_eq!(asked(&caller).await, REFUSED, "though both factors were shown just now");
    // The app was in the other coat.
    world.advance_seconds(30);
    ada.take(&ops.confirm(&caller, secret(PASSWORD), &ada.code(&world), &client(1)).await.unwrap());
    assert_eq!(asked(&ada.caller(&world).await.unwrap()).await, GOES_ON);
    // And is lost for good: with paper once more there is none, until another app is set up.
    let caller = ada.caller(&world).await.unwrap();
    ada.take(&ops.confirm(&caller, secret(PASSWORD), &ada.recovery_codes[1], &client(1)).await.unwrap());
    let caller = ada.caller(&world).await.unwrap();
    assert_eq!(asked(&caller).await, REFUSED);
    let seed = from_base32(ops.offer_new_totp(&caller).await.unwrap().secret.expose());
    ada.take(&ops.replace_totp(&caller, &code_of(&seed, world.now()), &client(1)).await.unwrap());
    assert_eq!(asked(&ada.caller(&world).await.unwrap()).await, GOES_ON);
}
