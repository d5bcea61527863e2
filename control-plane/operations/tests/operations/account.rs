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
    ];
    for (index, error) in refusals.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("{index} was done"));
        assert!(matches!(error, Error::ConfirmFirst), "{index}: {error}");
        assert_eq!((error.code(), error.kind()), ("E-AUTH-006", Kind::Forbidden));
    }
    // Looking does not, nor does a key, which has no factors to show.
    ops.list_people(&caller, &Page::first()).await.unwrap();
    ops.account(&caller).await.unwrap();
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
