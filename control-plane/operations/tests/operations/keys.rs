//! Who calls, and what their key carries.

use std::net::IpAddr;

use control_plane_domain::link::LinkKind;
use control_plane_domain::list::Page;
use control_plane_domain::policy::{Permission, Role, Scopes};
use control_plane_operations::{AddPerson, CreateApiKey, Error, Kind};

use crate::support::{ADDRESS, World};

fn key(world: &World, person: Option<ids::PersonId>, scopes: Option<&[&str]>) -> CreateApiKey {
    CreateApiKey {
        person,
        label: "laptop".parse().unwrap(),
        scopes: scopes.map(|words| Scopes::parse(words.iter().copied()).unwrap()),
        expires: world.now().plus_ms(3_600_000),
    }
}

#[tokio::test]
async fn a_key_holds_until_it_ends_is_revoked_or_its_owner_leaves() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (viewer, text) = world.person_with_key(&acme, Role::Viewer).await;
    let mut other = text.clone();
    other.replace_range(70..71, if &text[70..71] == "A" { "B" } else { "A" });
    for wrong in ["", "pck_", &other, &text.to_uppercase()] {
        let error = world.ops.authenticate(wrong, ADDRESS).await.unwrap_err();
        assert!(matches!(error, Error::Unauthenticated), "{wrong}");
    }
    let me = world.ops.me(&viewer).await.unwrap();
    assert_eq!(
        (me.tenant, me.tenant_name.as_str(), me.role, me.person.id),
        (acme.id, "acme", Role::Viewer, viewer.person())
    );

    let created = world.ops.create_api_key(&viewer, key(&world, None, None)).await.unwrap();
    let second = created.text.expose().clone();
    world.ops.authenticate(&second, ADDRESS).await.unwrap();
    world.advance_seconds(3_600);
    assert!(world.ops.authenticate(&second, ADDRESS).await.is_err(), "it ended");
    world.ops.authenticate(&text, ADDRESS).await.unwrap();
    world.ops.revoke_api_key(&viewer, viewer.key().unwrap()).await.unwrap();
    assert!(world.ops.authenticate(&text, ADDRESS).await.is_err(), "it was revoked");
    // Who was let in a moment before comes to nothing as well: the key is looked at again where it would be written.
    let late = world.ops.create_api_key(&viewer, key(&world, None, None)).await;
    assert!(matches!(late, Err(Error::Unauthenticated)), "{late:?}");
    let again = world.ops.revoke_api_key(&acme.owner, viewer.key().unwrap()).await;
    assert!(matches!(again, Err(Error::KeyIsRevoked)));

    let (leaver, text) = world.person_with_key(&acme, Role::Engineer).await;
    world.ops.remove_person(&acme.owner, leaver.person()).await.unwrap();
    assert!(world.ops.authenticate(&text, ADDRESS).await.is_err(), "its owner left");
    let keys = world.ops.list_api_keys(&acme.owner, &Page::first()).await.unwrap().items;
    assert!(keys.iter().filter(|key| key.person == leaver.person()).all(|key| key.revoked.is_some()));
}

/// A link is a way to everything that its person may do: no key makes one, and none can be asked to carry it.
#[tokio::test]
async fn no_key_makes_a_link_for_anybody() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let viewer = world.person(&acme, Role::Viewer).await.person();
    let ops = &world.ops;
    for role in [Role::Owner, Role::Administrator] {
        let caller = world.person(&acme, role).await;
        assert!(!ops.me(&caller).await.unwrap().scopes.contains(Permission::PeopleLink), "{role}");
        for kind in LinkKind::ALL {
            for person in [viewer, caller.person(), acme.owner.person()] {
                assert!(matches!(ops.link_for(&caller, person, *kind).await, Err(Error::Denied(_))), "{role}: {kind}");
            }
        }
        let add = AddPerson { email: "x@example.org".parse().unwrap(), name: "X".parse().unwrap(), role: Role::Viewer };
        assert!(matches!(ops.invite_person(&caller, add).await, Err(Error::Denied(_))));
    }
    assert!(Scopes::parse(["people.link"]).is_err());
    assert_eq!(world.logged(&acme, "person.link_created").await, 1, "the one that made the tenant");
}

/// One key is looked at by who may see it in a list, and by nobody else.
#[tokio::test]
async fn a_key_is_seen_by_its_owner_and_by_those_who_manage_keys() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let viewer = world.person(&acme, Role::Viewer).await;
    let other = world.person(&acme, Role::Engineer).await;
    let theirs = world.tenant("umbrella").await;
    let key = viewer.key().unwrap();
    for sees in [&viewer, &acme.owner] {
        assert_eq!(world.ops.api_key(sees, key).await.unwrap().person, viewer.person());
    }
    for blind in [&other, &theirs.owner] {
        assert_eq!(world.ops.api_key(blind, key).await.unwrap_err().kind(), Kind::NotFound);
    }
}

#[tokio::test]
async fn a_role_that_was_lowered_holds_at_the_next_request() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (engineer, text) = world.person_with_key(&acme, Role::Engineer).await;
    assert!(engineer.may(Permission::RunsRequest));
    world.ops.set_role(&acme.owner, engineer.person(), Role::Viewer).await.unwrap();
    let now = world.ops.authenticate(&text, ADDRESS).await.unwrap();
    assert!(now.scopes().contains(Permission::RunsRequest) && !now.may(Permission::RunsRequest));
}

#[tokio::test]
async fn a_key_carries_no_more_than_its_owner_and_the_key_that_made_it() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let viewer = world.person(&acme, Role::Viewer).await;
    let more = key(&world, None, Some(&["runs.list", "runs.request"]));
    let error = world.ops.create_api_key(&viewer, more).await.unwrap_err();
    assert!(matches!(error, Error::ScopeBeyond(Permission::RunsRequest)), "{error}");
    // A key that may only make keys makes no stronger one.
    let narrow = key(&world, None, Some(&["api_keys.create", "runs.list"]));
    let narrow = world.ops.create_api_key(&acme.owner, narrow).await.unwrap();
    let narrow = world.ops.authenticate(narrow.text.expose(), ADDRESS).await.unwrap();
    let error = world.ops.create_api_key(&narrow, key(&world, None, Some(&["people.add"]))).await.unwrap_err();
    assert!(matches!(error, Error::ScopeBeyond(Permission::PeopleAdd)));
    let same = world.ops.create_api_key(&narrow, key(&world, None, None)).await.unwrap();
    assert_eq!(same.record.scopes.to_string(), "api_keys.create runs.list");
    // Keys for others need their own permission, and an owner's is made by an owner.
    let error = world.ops.create_api_key(&narrow, key(&world, Some(viewer.person()), None)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
    let administrator = world.person(&acme, Role::Administrator).await;
    let error =
        world.ops.create_api_key(&administrator, key(&world, Some(acme.owner.person()), None)).await.unwrap_err();
    assert!(matches!(error, Error::OwnersOnly));
    world.ops.create_api_key(&administrator, key(&world, Some(viewer.person()), None)).await.unwrap();
    // An administrator opens no evidence, and makes no key that could.
    let engineer = world.person(&acme, Role::Engineer).await;
    let stronger = key(&world, Some(engineer.person()), Some(&["drilldowns.request"]));
    let error = world.ops.create_api_key(&administrator, stronger).await.unwrap_err();
    assert!(matches!(error, Error::ScopeBeyond(Permission::DrillDownsRequest)));
    let shared = world.ops.create_api_key(&administrator, key(&world, Some(engineer.person()), None)).await.unwrap();
    assert!(shared.record.scopes.contains(Permission::RunsRequest));
    assert!(!shared.record.scopes.contains(Permission::DrillDownsRequest));
    for expires in [0, 367 * 86_400_000] {
        let input = CreateApiKey { expires: world.now().plus_ms(expires), ..key(&world, None, None) };
        assert_eq!(world.ops.create_api_key(&acme.owner, input).await.unwrap_err().kind(), Kind::Invalid);
    }
}

#[tokio::test]
async fn people_see_and_end_their_own_keys_and_managers_all() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (viewer, auditor) = (world.person(&acme, Role::Viewer).await, world.person(&acme, Role::Auditor).await);
    let own = world.ops.list_api_keys(&viewer, &Page::first()).await.unwrap().items;
    assert_eq!(own.iter().map(|key| key.id).collect::<Vec<_>>(), [viewer.key().unwrap()]);
    assert_eq!(world.ops.list_api_keys(&acme.owner, &Page::first()).await.unwrap().items.len(), 3);
    let error = world.ops.revoke_api_key(&viewer, auditor.key().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "not forbidden: it does not see that there is one");
    world.ops.revoke_api_key(&acme.owner, auditor.key().unwrap()).await.unwrap();
    assert_eq!(world.logged(&acme, "api_key.revoked").await, 1);
}

#[tokio::test]
async fn wrong_attempts_are_slowed_by_address_and_keep_nobody_else_out() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let mut wrong = acme.key.clone();
    wrong.replace_range(70..71, if &wrong[70..71] == "A" { "B" } else { "A" });
    let from = |n: u8| IpAddr::from([10, 0, 0, n]);
    let tried = async |key: &str, address: IpAddr, times: usize| {
        let mut throttled = 0;
        for _ in 0..times {
            match world.ops.authenticate(key, address).await {
                Err(Error::Unauthenticated) => {}
                Err(Error::Throttled(_)) => throttled += 1,
                other => panic!("{other:?}"),
            }
        }
        throttled
    };
    assert_eq!(tried(&wrong, from(1), 140).await, 40, "one address, one key");
    world.ops.authenticate(&acme.key, from(2)).await.expect("who knows a key's id cannot keep its owner out");
    assert_eq!(tried("pck_", from(201), 400).await, 100, "one address, no key at all");
    let network = |host: u16| IpAddr::from([0x2001, 0xdb8, 1, 2, 0, 0, 0, host]);
    assert_eq!(tried("pck_", network(1), 300).await, 0);
    assert_eq!(tried("pck_", network(2), 1).await, 1, "a /64 of IPv6 is one address");
    for _ in 0..200 {
        world.ops.authenticate(&acme.key, from(202)).await.unwrap();
    }
}

#[tokio::test]
async fn the_last_use_of_a_key_is_noted_to_the_minute_and_is_no_change_in_the_log() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let before = world.actions(&acme).await.len();
    let used = async || world.ops.list_api_keys(&acme.owner, &Page::first()).await.unwrap().items[0].last_used;
    let first = used().await;
    world.advance_seconds(59);
    world.ops.authenticate(&acme.key, ADDRESS).await.unwrap();
    assert_eq!(used().await, first);
    world.advance_seconds(1);
    world.ops.authenticate(&acme.key, ADDRESS).await.unwrap();
    assert_eq!(used().await, Some(world.now()));
    assert_eq!(world.actions(&acme).await.len(), before);
}
