//! The people of a tenant, and what each role is refused.

use control_plane_domain::list::Page;
use control_plane_domain::person::PersonState;
use control_plane_domain::policy::Role;
use control_plane_operations::{AddPerson, Error, Kind};

use crate::support::World;

fn somebody(email: &str, role: Role) -> AddPerson {
    AddPerson { email: email.parse().unwrap(), name: "Ada".parse().unwrap(), role }
}

#[tokio::test]
async fn people_come_change_and_go_and_their_records_stay() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let ada = world.ops.add_person(&acme.owner, somebody("ada@example.org", Role::Viewer)).await.unwrap();
    let again = world.ops.add_person(&acme.owner, somebody("ADA@example.org", Role::Viewer)).await.unwrap_err();
    assert!(matches!(again, Error::Exists("person")));
    world.ops.set_role(&acme.owner, ada.id, Role::Auditor).await.unwrap();
    world.ops.set_role(&acme.owner, ada.id, Role::Auditor).await.unwrap();
    world.ops.remove_person(&acme.owner, ada.id).await.unwrap();
    assert_eq!(world.ops.remove_person(&acme.owner, ada.id).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(world.ops.set_role(&acme.owner, ada.id, Role::Viewer).await.unwrap_err().kind(), Kind::NotFound);
    let people = world.ops.list_people(&acme.owner, &Page::first()).await.unwrap().items;
    assert!(people.iter().any(|person| person.id == ada.id && person.state == PersonState::Removed));
    // The address is free again, for another person.
    let new = world.ops.add_person(&acme.owner, somebody("ada@example.org", Role::Viewer)).await.unwrap();
    assert_ne!(new.id, ada.id);
    let names: Vec<_> = world.actions(&acme).await.iter().map(|record| record.action.name()).collect();
    assert_eq!(
        names,
        [
            "tenant.created",
            "person.link_created",
            "person.added",
            "person.role_changed",
            "person.removed",
            "person.added"
        ]
    );
}

/// A list with how far each has come in is one question, however long it is.
#[tokio::test]
async fn a_page_of_people_costs_the_same_however_many_there_are() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let list = async || {
        let before = world.ops.store().round_trips();
        let rows = world.ops.list_people_standing(&acme.owner, &Page::first()).await.unwrap().items;
        (rows, world.ops.store().round_trips() - before)
    };
    let (rows, trips) = list().await;
    assert_eq!((rows.len(), rows[0].has_key, rows[0].second_factor), (1, true, false));
    assert_eq!(rows[0].open_link, Some(world.now().plus_ms(86_400_000)));
    for n in 0..20 {
        world.ops.add_person(&acme.owner, somebody(&format!("a{n}@example.org"), Role::Viewer)).await.unwrap();
    }
    let (ada, caller) = world.at_console(&acme, Role::Viewer).await;
    let (rows, with_many) = list().await;
    assert_eq!((rows.len(), with_many), (22, trips));
    let row = rows.iter().find(|row| row.person.id == ada.id).unwrap();
    assert_eq!((row.second_factor, row.has_key, row.open_link), (true, false, None));
    assert_eq!(row.signed_in, Some(world.now()));
    assert_eq!(world.ops.get_person(&acme.owner, ada.id).await.unwrap(), *row);
    world.advance_seconds(86_400);
    let (rows, _) = list().await;
    assert_eq!(rows[0].open_link, None, "its time is over");
    world.ops.remove_person(&acme.owner, ada.id).await.unwrap();
    let gone = world.ops.get_person(&acme.owner, ada.id).await.unwrap();
    assert_eq!((gone.second_factor, gone.signed_in), (false, None));
    // Nor does an account cost more than its parts.
    let (_, grace) = world.at_console(&acme, Role::Viewer).await;
    let before = world.ops.store().round_trips();
    world.ops.account_page(&grace).await.unwrap();
    assert!(world.ops.store().round_trips() - before <= 8);
    assert_ne!(caller.person(), grace.person());
}

#[tokio::test]
async fn owners_are_made_by_owners_and_one_always_stays() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let administrator = world.person(&acme, Role::Administrator).await;
    let viewer = world.person(&acme, Role::Viewer).await;
    let (ops, owner) = (&world.ops, acme.owner.person());
    let add = ops.add_person(&administrator, somebody("x@example.org", Role::Owner)).await.unwrap_err();
    let lift = ops.set_role(&administrator, viewer.person(), Role::Owner).await.unwrap_err();
    let lower = ops.set_role(&administrator, owner, Role::Viewer).await.unwrap_err();
    let remove = ops.remove_person(&administrator, owner).await.unwrap_err();
    for error in [add, lift, lower, remove] {
        assert!(matches!(error, Error::OwnersOnly), "{error}");
    }
    assert!(matches!(ops.remove_person(&acme.owner, owner).await, Err(Error::OwnStanding)));
    assert!(matches!(ops.set_role(&acme.owner, owner, Role::Viewer).await, Err(Error::OwnStanding)));
    assert!(matches!(
        ops.set_role(&administrator, administrator.person(), Role::Viewer).await,
        Err(Error::OwnStanding)
    ));
    // Two owners may each take the other out, but not both at once.
    let second = world.person(&acme, Role::Owner).await;
    let (a, b) = tokio::join!(ops.remove_person(&acme.owner, second.person()), ops.remove_person(&second, owner));
    assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|done| **done).count(), 1);
    assert!(matches!(a.err().or(b.err()), Some(Error::LastOwner | Error::NotFound(_) | Error::Unauthenticated)));
}

#[tokio::test]
async fn a_role_that_may_not_is_refused_before_anything_is_looked_at() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let viewer = world.person(&acme, Role::Viewer).await;
    let ops = &world.ops;
    let why = || "because".parse::<proof::text::FreeText>().unwrap();
    let (runner, alarm) = (ids::RunnerId::from_parts(1, [1; 10]), ids::AlarmId::from_parts(1, [1; 10]));
    let refusals = [
        ops.add_person(&viewer, somebody("x@example.org", Role::Viewer)).await.err(),
        ops.list_people(&viewer, &Page::first()).await.err(),
        ops.create_token(&viewer, "web".parse().unwrap()).await.err(),
        ops.revoke_runner(&viewer, runner, why()).await.err(),
        ops.unlock_runner(&viewer, runner, why()).await.err(),
        ops.set_drilldowns(&viewer, false).await.err(),
        ops.acknowledge_alarm(&viewer, alarm, why()).await.err(),
        ops.list_audit(&viewer, &Default::default(), &Page::first()).await.err(),
        ops.export_audit(&viewer).await.err(),
    ];
    for error in refusals {
        let error = error.expect("a viewer may not");
        assert_eq!((error.kind(), error.code()), (Kind::Forbidden, "E-OPS-003"), "{error}");
        assert!(!error.next_step().is_empty());
    }
    assert_eq!(world.logged(&acme, "audit.exported").await, 0);
}
