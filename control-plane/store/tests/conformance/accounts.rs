//! How people sign in, and what ends it: written, read back, changed, refused; and attempts that are counted.

use std::sync::Arc;

use control_plane_domain::account::Credentials;
use control_plane_domain::drilldown::{AskedWith, DrillDown};
use control_plane_domain::link::{LinkState, PersonLink};
use control_plane_domain::list::Page;
use control_plane_domain::policy::{
    Caller, KeyStanding, Permission, Permit, Role, Scopes, SessionStanding, signing_in,
};
use control_plane_domain::sealed::Sealed;
use control_plane_domain::session::{SessionEnd, SessionState};
use control_plane_store::{Attempt, StoreError, Unlogged, WriteTx, Writes};
use verdict::Status;

use crate::records::with_runner;
use crate::sample::{self, digest, key_id, person_id, session_id};
use crate::world::{World, at, on_both, permit, something};

async fn write(world: &World) -> WriteTx {
    world.store.write(&permit(world.a)).await.unwrap()
}

async fn with_person(world: &World) -> WriteTx {
    let tx = write(world).await;
    tx.add_person(&sample::person(1)).await.unwrap();
    tx
}

async fn commit(world: &World, tx: WriteTx) {
    tx.commit(&permit(world.a).record(something())).await.unwrap();
}

fn full(confirmed: i64) -> SessionState {
    SessionState::Full { confirmed: at(confirmed) }
}

/// The permit of a person through their key, as it was a moment ago.
fn of_key(world: &World, role: Role) -> Permit {
    let standing = KeyStanding {
        tenant: world.a,
        person: person_id(1),
        role,
        person_active: true,
        key: key_id(1),
        scopes: Scopes::of_role(role),
        expires: at(9_000),
        revoked: false,
    };
    Caller::of_key(standing, at(0)).unwrap().permit(Permission::PeopleAdd).unwrap()
}

fn of_session(world: &World, role: Role) -> Permit {
    let standing = SessionStanding {
        tenant: world.a,
        person: person_id(1),
        role,
        person_active: true,
        session: session_id(1),
        is_full: true,
        confirmed: at(0),
        recovered: false,
        expires: at(9_000),
        idle_until: at(9_000),
        ended: false,
    };
    Caller::of_session(standing, at(0)).unwrap().permit(Permission::PeopleAdd).unwrap()
}

fn is_gone<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::ActorGone))
}

on_both! {
    async fn credentials_grow_and_steps_and_codes_are_used_once(world: World) {
        let tx = with_person(&world).await;
        let person = person_id(1);
        assert_eq!(tx.credentials(person).await.unwrap(), Credentials::Nothing);
        tx.set_password(person, &sample::password()).await.unwrap();
        assert_eq!(tx.credentials(person).await.unwrap(), Credentials::Password(sample::password()));
        tx.set_totp(person, &sample::totp()).await.unwrap();
        let both = Credentials::Both { password: sample::password(), totp: sample::totp() };
        assert_eq!(tx.credentials(person).await.unwrap(), both);
        let last = sample::totp().last_step;
        assert!(!tx.use_totp_step(person, last).await.unwrap() && !tx.use_totp_step(person, last - 1).await.unwrap());
        assert!(tx.use_totp_step(person, last + 1).await.unwrap() && !tx.use_totp_step(person, last + 1).await.unwrap());
        // Another password leaves the second factor alone.
        let other = control_plane_domain::account::Password { phc: "$other".to_owned(), set: at(7) };
        tx.set_password(person, &other).await.unwrap();
        assert_eq!(tx.credentials(person).await.unwrap().password(), Some(&other));
        assert_eq!(tx.credentials(person).await.unwrap().totp().unwrap().last_step, last + 1);
        tx.replace_recovery_codes(person, &[digest(1), digest(2)]).await.unwrap();
        assert!(tx.use_recovery_code(person, &digest(1), at(3)).await.unwrap());
        assert!(!tx.use_recovery_code(person, &digest(1), at(4)).await.unwrap());
        assert!(!tx.use_recovery_code(person, &digest(3), at(4)).await.unwrap());
        let codes = tx.recovery_codes(person).await.unwrap();
        assert_eq!(codes.iter().map(|code| code.used).collect::<Vec<_>>(), [Some(at(3)), None]);
        tx.replace_recovery_codes(person, &[digest(1)]).await.unwrap();
        assert!(tx.use_recovery_code(person, &digest(1), at(5)).await.unwrap() && tx.recovery_codes(person).await.unwrap().len() == 1);
        assert_eq!(tx.clear_totp(person).await.unwrap(), 1);
        assert_eq!(tx.credentials(person).await.unwrap(), Credentials::Password(other));
        assert!(tx.recovery_codes(person).await.unwrap().is_empty());
        assert_eq!((tx.forget_credentials(person).await.unwrap(), tx.forget_credentials(person).await.unwrap()), (1, 0));
        commit(&world, tx).await;
    }

    async fn a_person_has_one_open_link_and_it_is_used_once(world: World) {
        let tx = with_person(&world).await;
        tx.add_person_link(&sample::link(1), &digest(1)).await.unwrap();
        assert_eq!(tx.person_link(&digest(1)).await.unwrap(), Some(sample::link(1)));
        let row = tx.person_row(person_id(1), at(0)).await.unwrap().unwrap();
        assert_eq!((row.open_link, row.second_factor, row.signed_in), (Some(sample::link(1).expires), false, None));
        assert_eq!(tx.replace_person_links(person_id(1), at(3)).await.unwrap(), 1);
        tx.add_person_link(&sample::link(2), &digest(2)).await.unwrap();
        let replaced = PersonLink { state: LinkState::Replaced { at: at(3) }, ..sample::link(1) };
        assert_eq!(tx.person_link(&digest(1)).await.unwrap(), Some(replaced));
        assert!(matches!(tx.use_person_link(sample::link_id(1), at(4)).await, Err(StoreError::Missing { .. })));
        tx.use_person_link(sample::link_id(2), at(4)).await.unwrap();
        assert!(matches!(tx.use_person_link(sample::link_id(2), at(4)).await, Err(StoreError::Missing { .. })));
        assert_eq!(tx.person_link(&digest(2)).await.unwrap().unwrap().state, LinkState::Used { at: at(4) });
        let maker = person_id(1);
        let made = PersonLink { created_by: Some(maker), ..sample::link(3) };
        tx.add_person_link(&made, &digest(3)).await.unwrap();
        assert_eq!(tx.replace_links_made_by(person_id(9), at(5)).await.unwrap(), 0);
        assert_eq!(tx.replace_links_made_by(maker, at(5)).await.unwrap(), 1, "what a person made ends with them");
        tx.add_person_link(&sample::link(5), &digest(5)).await.unwrap();
        commit(&world, tx).await;
        let tx = write(&world).await;
        let second = tx.add_person_link(&sample::link(4), &digest(4)).await;
        assert!(matches!(second, Err(StoreError::Conflict { .. })), "{second:?}");
    }

    async fn sessions_take_their_steps_and_old_cookies_are_dead(world: World) {
        let tx = with_person(&world).await;
        let half = sample::session(1, SessionState::Half);
        tx.add_session(&half, &digest(1)).await.unwrap();
        tx.offer_totp(half.id, &Sealed::new(vec![6; 48])).await.unwrap();
        assert_eq!(tx.session_by_digest(&digest(1)).await.unwrap(), Some(half.clone()));
        assert!(tx.totp_offer(half.id).await.unwrap().is_some());
        let known = async |tx: &Writes, network: &str, since: i64| {
            tx.was_confirmed_from(person_id(1), network, at(since)).await.unwrap()
        };
        assert!(!known(&tx, "192.0.2.1", -1).await);
        let whole = half.completed(at(5), 500, true).unwrap();
        tx.rotate_session(&whole, &digest(2)).await.unwrap();
        assert_eq!(tx.session_by_digest(&digest(1)).await.unwrap(), None);
        assert_eq!(tx.session_by_digest(&digest(2)).await.unwrap(), Some(whole.clone()));
        assert_eq!(tx.totp_offer(whole.id).await.unwrap(), None, "what was offered is over");
        assert!(!known(&tx, "192.0.2.1", -1).await, "nobody said that the factors were shown from there");
        tx.set_confirmed_from(&whole, "192.0.2.1", at(5)).await.unwrap();
        assert!(known(&tx, "192.0.2.1", 4).await && tx.is_network_known("192.0.2.1").await.unwrap());
        assert!(!known(&tx, "192.0.2.1", 5).await, "too long ago");
        assert!(!known(&tx, "192.0.2.2", 4).await && !tx.is_network_known("192.0.2.2").await.unwrap());
        let row = tx.person_row(person_id(1), at(0)).await.unwrap().unwrap();
        assert_eq!((row.signed_in, row.second_factor, row.open_link), (Some(at(5)), false, None));
        assert_eq!(tx.people_rows(&Page::first(), at(0)).await.unwrap().items, [row]);
        // Where a cookie was used is where its holder was, and no more.
        tx.touch_session(whole.id, at(9), "198.51.100.7").await.unwrap();
        assert!(!known(&tx, "198.51.100.7", -1).await && known(&tx, "192.0.2.1", 4).await);
        let seen = tx.session(whole.id).await.unwrap().unwrap();
        assert_eq!((seen.seen, seen.address.as_str(), seen.expires), (at(9), "198.51.100.7", at(505)));
        tx.add_session(&sample::session(2, full(1)), &digest(3)).await.unwrap();
        let live: Vec<_> = tx.live_sessions(person_id(1), at(400)).await.unwrap().iter().map(|s| s.id).collect();
        assert_eq!(live, [session_id(1), session_id(2)], "what ends first stands first");
        assert_eq!(tx.live_sessions(person_id(1), at(505)).await.unwrap().len(), 1);
        tx.end_session(session_id(1), SessionEnd::SignedOut, at(10)).await.unwrap();
        let ended = tx.session(session_id(1)).await.unwrap().unwrap().state;
        assert_eq!(ended, SessionState::Ended { confirmed: Some(at(5)), at: at(10), cause: SessionEnd::SignedOut });
        for again in [
            tx.end_session(session_id(1), SessionEnd::SignedOut, at(11)).await,
            tx.rotate_session(&whole, &digest(4)).await,
            tx.touch_session(session_id(1), at(11), "192.0.2.1").await,
            tx.offer_totp(session_id(1), &Sealed::new(vec![1])).await,
        ] {
            assert!(matches!(again, Err(StoreError::Missing { .. })), "an ended session stays ended: {again:?}");
        }
        tx.add_session(&sample::session(3, SessionState::Half), &digest(5)).await.unwrap();
        assert_eq!(tx.sweep_half_sessions(at(1_000)).await.unwrap(), 0);
        assert_eq!(tx.sweep_half_sessions(at(1_001)).await.unwrap(), 1);
        // Half a year later nobody knows from where, and but for what evidence names, that there was a session at all.
        assert_eq!(tx.forget_sessions(at(505)).await.unwrap(), 0);
        assert_eq!(tx.forget_sessions(at(506)).await.unwrap(), 1);
        assert_eq!(tx.session(session_id(1)).await.unwrap(), None);
        assert!(!known(&tx, "192.0.2.1", -1).await);
        assert!(tx.session(session_id(2)).await.unwrap().is_some());
        assert_eq!(tx.person_row(person_id(1), at(0)).await.unwrap().unwrap().signed_in, Some(at(5)), "that is remembered");
        tx.commit_unlogged(Unlogged::SignIn).await.unwrap();
    }

    async fn devices_are_a_persons_own(world: World) {
        let tx = with_person(&world).await;
        tx.add_device(&sample::device(2)).await.unwrap();
        tx.add_device(&sample::device(1)).await.unwrap();
        tx.touch_device(person_id(1), &digest(1), at(4)).await.unwrap();
        assert_eq!(tx.device(person_id(1), &digest(1)).await.unwrap().unwrap().last_used, Some(at(4)));
        assert_eq!(tx.device(person_id(2), &digest(1)).await.unwrap(), None);
        assert_eq!(tx.devices(person_id(1)).await.unwrap().len(), 2);
        tx.remove_device(person_id(1), &digest(2)).await.unwrap();
        assert!(matches!(tx.remove_device(person_id(1), &digest(2)).await, Err(StoreError::Missing { .. })));
        commit(&world, tx).await;
    }

    async fn a_drill_down_remembers_the_session_that_asked(world: World) {
        let (tx, audit) = with_runner(&world).await;
        let manifest = sample::manifest(world.a, 1, Status::Fail);
        tx.accept_reports(&[sample::report(&manifest, 0)]).await.unwrap();
        tx.add_session(&sample::session(1, full(0)), &digest(1)).await.unwrap();
        let asked = DrillDown { with: AskedWith::Session(session_id(1)), ..sample::drilldown(1, audit) };
        tx.add_drilldown(&asked).await.unwrap();
        assert_eq!(tx.drilldown(asked.id).await.unwrap().as_ref(), Some(&asked));
        let open = tx.open_drilldowns_of(asked.person).await.unwrap();
        assert_eq!(open, [(asked.id, asked.runner, asked.with, asked.state.word())]);
        assert_eq!(tx.open_drilldowns_of(person_id(9)).await.unwrap(), []);
        // The session that asked is kept for good; where its person was is not.
        assert_eq!(tx.forget_sessions(at(2_000)).await.unwrap(), 1);
        let session = tx.session(session_id(1)).await.unwrap().unwrap();
        assert_eq!((session.address.as_str(), session.agent.as_str()), ("", "forgotten"));
        assert_eq!(tx.forget_sessions(at(2_000)).await.unwrap(), 0, "once");
        let nowhere = DrillDown { with: AskedWith::Session(session_id(9)), ..sample::drilldown(2, audit) };
        assert!(matches!(tx.add_drilldown(&nowhere).await, Err(StoreError::Reference { .. })));
    }

    async fn parallel_attempts_never_pass_the_limit(world: World) {
        let take = |n: u8| {
            let store = world.store.clone();
            tokio::spawn(async move { store.take_attempt(&digest(n), 60_000, 600_000).await })
        };
        let guesses: Vec<_> = (0..200).map(|_| take(1)).collect();
        let mut allowed = 0;
        for guess in guesses {
            match guess.await.unwrap().unwrap() {
                Attempt::Allowed => allowed += 1,
                Attempt::Spent { wait_ms } => assert_eq!(wait_ms, 60_000),
            }
        }
        assert_eq!(allowed, 10);
        assert_eq!(take(2).await.unwrap().unwrap(), Attempt::Allowed, "somebody else");
        world.clock.advance_ms(59_999);
        assert_eq!(take(1).await.unwrap().unwrap(), Attempt::Spent { wait_ms: 1 });
        world.clock.advance_ms(1);
        assert_eq!(take(1).await.unwrap().unwrap(), Attempt::Allowed);
        assert!(matches!(take(1).await.unwrap().unwrap(), Attempt::Spent { .. }));
        // A right one is given back.
        world.store.give_attempt_back(&digest(1), 60_000).await.unwrap();
        assert_eq!(take(1).await.unwrap().unwrap(), Attempt::Allowed);
        // A clock that is set back keeps nobody out for as long as it jumped.
        world.clock.advance_ms(-86_400_000);
        let Attempt::Spent { wait_ms } = take(1).await.unwrap().unwrap() else { panic!("let in") };
        assert_eq!(wait_ms, 60_000);
        world.clock.advance_ms(2 * 86_400_000);
        assert_eq!(world.store.sweep_attempts().await.unwrap(), 2);
        assert_eq!(take(1).await.unwrap().unwrap(), Attempt::Allowed);
    }

    async fn nothing_is_written_with_a_key_or_in_a_role_that_ended(world: World) {
        let tx = with_person(&world).await;
        tx.add_api_key(&sample::api_key(1, 1)).await.unwrap();
        commit(&world, tx).await;
        let permitted = of_key(&world, Role::Owner);
        assert!(world.store.write(&permitted).await.is_ok());
        let tx = write(&world).await;
        tx.set_role(person_id(1), Role::Viewer).await.unwrap();
        commit(&world, tx).await;
        assert!(is_gone(world.store.write(&permitted).await), "the role may not any more");
        assert!(world.store.read(&permitted).await.is_ok());
        let tx = write(&world).await;
        tx.set_role(person_id(1), Role::Administrator).await.unwrap();
        commit(&world, tx).await;
        assert!(world.store.write(&permitted).await.is_ok());
        let tx = write(&world).await;
        tx.revoke_api_key(key_id(1), at(1)).await.unwrap();
        commit(&world, tx).await;
        assert!(is_gone(world.store.write(&permitted).await), "the key is revoked");
    }

    async fn nothing_is_written_in_a_session_that_ended(world: World) {
        let tx = with_person(&world).await;
        tx.add_session(&sample::session(1, SessionState::Half), &digest(1)).await.unwrap();
        commit(&world, tx).await;
        let permitted = of_session(&world, Role::Owner);
        assert!(is_gone(world.store.write(&permitted).await), "a half session writes nothing");
        let half = signing_in(world.a, person_id(1), session_id(1));
        assert!(world.store.write(&half).await.is_ok(), "but its own steps");
        let tx = write(&world).await;
        tx.rotate_session(&sample::session(1, full(0)), &digest(2)).await.unwrap();
        commit(&world, tx).await;
        assert!(world.store.write(&permitted).await.is_ok());
        // Whoever comes second waits for the first, and finds the session ended.
        let tx = write(&world).await;
        let store = Arc::new(world.store.clone());
        let waiting = { let store = store.clone(); let permitted = of_session(&world, Role::Owner);
            tokio::spawn(async move { store.write(&permitted).await.map(drop) }) };
        tx.end_session(session_id(1), SessionEnd::SignedOut, at(1)).await.unwrap();
        commit(&world, tx).await;
        assert!(is_gone(waiting.await.unwrap()));
        let tx = write(&world).await;
        tx.remove_person(person_id(1)).await.unwrap();
        commit(&world, tx).await;
        assert!(is_gone(world.store.write(&half).await), "whoever was taken out gets no further");
    }
}
