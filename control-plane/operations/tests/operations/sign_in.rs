//! The way in: a link, a password, a second factor; and what ends it.

use control_plane_domain::account::Factor;
use control_plane_domain::audit::Action;
use control_plane_domain::link::LinkKind;
use control_plane_domain::policy::{self, Actor, Permission, Role};
use control_plane_domain::session::{Need, SessionEnd};
use control_plane_domain::tenant::TenantState;
use control_plane_operations::{AddPerson, Client, CreateTenant, Error, Kind, Link, SecondFactor, Seen, SignIn};

use crate::support::{ADDRESS, PASSWORD, World, client, code_of, from_base32, secret};

fn is_refused<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::LinkRefused))
}

#[tokio::test]
async fn the_first_owner_comes_in_by_the_link_that_made_the_tenant() {
    let world = World::new().await;
    let input = CreateTenant {
        name: "Analytical Engines".parse().unwrap(),
        owner_email: "Ada@Example.org".parse().unwrap(),
        owner_name: "Ada Lovelace".parse().unwrap(),
    };
    let created = world.ops.create_tenant(input).await.unwrap();
    let (ops, link, browser) = (&world.ops, created.link.text.expose(), client(7));
    assert!(link.starts_with("pln_"));
    for _ in 0..3 {
        let seen = ops.look_at_link(link, &browser).await.unwrap();
        assert_eq!((seen.kind, seen.name.as_str()), (LinkKind::Invitation, "Ada Lovelace"));
        assert_eq!((seen.organisation.as_str(), seen.email.as_str()), ("Analytical Engines", "ada@example.org"));
        assert_eq!(seen.expires, world.now().plus_ms(86_400_000));
    }
    // What is hers, or common, is refused, and the link is as good as before.
    for weak in ["short", "password1234", "lovelace-2026", "Analytical-Engines"] {
        let refused = ops.use_link(link, secret(weak), &browser).await.unwrap_err();
        assert_eq!((refused.code(), refused.kind()), ("E-AUTH-004", Kind::Invalid), "{weak}");
    }
    let begun = ops.use_link(link, secret(PASSWORD), &browser).await.unwrap();
    assert_eq!(begun.need, Need::EnrolTotp);
    let half_cookie = begun.cookie.expose();
    let Seen::Half(half) = ops.session(half_cookie, &browser).await.unwrap() else { panic!("not half") };
    assert_eq!((half.tenant, half.person, half.need), (created.tenant, created.owner, Need::EnrolTotp));

    let offer = ops.offer_totp(half_cookie).await.unwrap();
    assert_eq!(ops.offer_totp(half_cookie).await.unwrap().secret.expose(), offer.secret.expose(), "the same one");
    assert!(offer.uri.expose().starts_with("otpauth://totp/Proctor:ada%40example.org?secret="));
    let seed = from_base32(offer.secret.expose());
    assert_eq!(seed.len(), 20);
    let right = code_of(&seed, world.now());
    let wrong = ops.second_factor(half_cookie, SecondFactor::Totp(&right), &browser).await;
    assert!(matches!(wrong, Err(Error::WrongCode)), "there is no second factor yet: {wrong:?}");
    assert!(matches!(ops.enrol_totp(half_cookie, "000000", &browser).await, Err(Error::WrongCode)));
    let finished = ops.enrol_totp(half_cookie, &right, &browser).await.unwrap();
    assert_eq!((finished.recovery_codes.len(), finished.recovery_left), (10, 10));

    assert!(matches!(ops.session(half_cookie, &browser).await.unwrap(), Seen::Nobody), "the half cookie is dead");
    let Seen::Full(signed) = ops.session(finished.cookie.expose(), &browser).await.unwrap() else { panic!("not full") };
    assert_eq!((signed.name.as_str(), signed.organisation.as_str()), ("Ada Lovelace", "Analytical Engines"));
    assert_eq!((signed.email.as_str(), signed.drilldowns, &signed.zone), ("ada@example.org", true, &None));
    let owner = signed.caller;
    assert_eq!((owner.person(), owner.role()), (created.owner, Role::Owner));
    let account = ops.account(&owner).await.unwrap();
    assert_eq!((account.recovery_left, account.devices, account.totp_since), (10, 0, world.now()));
    assert_eq!(Some(account.session), owner.session());

    let records: Vec<_> = all_actions(&world, &owner).await;
    let names: Vec<_> = records.iter().map(|(_, action)| action.name()).collect();
    assert_eq!(
        names,
        [
            "tenant.created",
            "person.link_created",
            "person.link_used",
            "account.password_set",
            "account.totp_set",
            "account.recovery_codes_made",
            "session.begun"
        ]
    );
    let session = owner.session().unwrap();
    assert_eq!(records[2].0, Actor::Console { person: created.owner, session });
    let factors = vec![Factor::Password, Factor::Otp];
    assert_eq!(records[6].1, Action::SessionBegun { session, person: created.owner, factors });
    assert!(
        is_refused(&ops.look_at_link(link, &browser).await)
            && is_refused(&ops.use_link(link, secret(PASSWORD), &browser).await)
    );
}

async fn all_actions(world: &World, caller: &control_plane_domain::policy::Caller) -> Vec<(Actor, Action)> {
    use control_plane_domain::audit::AuditRecord;
    use control_plane_domain::audit_log::AuditFilter;
    use control_plane_domain::list::Page;
    let listed = world.ops.list_audit(caller, &AuditFilter::default(), &Page::first()).await.unwrap();
    let read = |line: &control_plane_domain::audit_log::AuditLine| {
        let record = AuditRecord::read(&proof::log::Line::parse(&line.line).unwrap()).unwrap();
        (record.actor, record.action)
    };
    listed.items.iter().rev().map(read).collect()
}

#[tokio::test]
async fn a_link_is_used_by_one_of_fifty_that_come_at_once() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let other = world.replica().await;
    let link = world.link(&acme, acme.owner.person(), LinkKind::Invitation).await;
    let uses: Vec<_> = (0..50)
        .map(|n| {
            let (ops, text) = (if n % 2 == 0 { world.ops.clone() } else { other.clone() }, link.text.expose().clone());
            tokio::spawn(async move { ops.use_link(&text, secret(PASSWORD), &client(n)).await })
        })
        .collect();
    let mut won = 0;
    for used in uses {
        match used.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => {
                let expected = matches!(error, Error::LinkRefused | Error::SignInBusy | Error::Throttled(_));
                assert!(expected, "{error}");
            }
        }
    }
    assert_eq!(won, 1);
    assert_eq!(world.logged(&acme, "person.link_used").await, 1);
}

#[tokio::test]
async fn a_link_that_does_not_hold_is_refused_with_one_sentence() {
    let world = World::new().await;
    let (acme, umbrella) = (world.tenant("acme").await, world.tenant("umbrella").await);
    let (_, owner) = world.at_console(&acme, Role::Owner).await;
    let add = AddPerson { email: "x@example.org".parse().unwrap(), name: "X".parse().unwrap(), role: Role::Viewer };
    let (person, first) = world.ops.invite_person(&owner, add).await.unwrap();
    let second = world.link(&acme, person.id, LinkKind::Invitation).await;
    let text = second.text.expose().clone();
    let elsewhere = text.replace(&hex::encode(acme.id.as_bytes()), &hex::encode(umbrella.id.as_bytes()));
    let mut unknown = text.clone();
    unknown.replace_range(40..44, if &text[40..44] == "AAAA" { "BBBB" } else { "AAAA" });
    let refusals =
        [first.text.expose().clone(), elsewhere, unknown, String::new(), "pln_".to_owned(), text.to_uppercase()];
    for refused in refusals {
        let look = world.ops.look_at_link(&refused, &client(1)).await.unwrap_err();
        let used = world.ops.use_link(&refused, secret(PASSWORD), &client(1)).await.unwrap_err();
        assert_eq!((look.code(), look.to_string()), ("E-AUTH-003", Error::LinkRefused.to_string()), "{refused}");
        assert_eq!(used.code(), "E-AUTH-003");
    }
    assert!(world.ops.look_at_link(&text, &client(2)).await.is_ok());
    world.ops.remove_person(&acme.owner, person.id).await.unwrap();
    assert!(is_refused(&world.ops.look_at_link(&text, &client(2)).await), "the person left");
    let add = AddPerson { email: "y@example.org".parse().unwrap(), name: "Y".parse().unwrap(), role: Role::Viewer };
    let (_, late) = world.ops.invite_person(&owner, add).await.unwrap();
    world.advance_seconds(7 * 86_400);
    assert!(is_refused(&world.ops.look_at_link(late.text.expose(), &client(2)).await), "a week is over");
}

#[tokio::test]
async fn links_are_made_by_those_who_may_and_owners_by_owners() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (_, administrator) = world.at_console(&acme, Role::Administrator).await;
    let viewer = world.person(&acme, Role::Viewer).await;
    let owner = acme.owner.person();
    let ops = &world.ops;
    assert!(matches!(ops.link_for(&viewer, owner, LinkKind::Everything).await, Err(Error::Denied(_))));
    assert!(matches!(ops.link_for(&administrator, owner, LinkKind::Everything).await, Err(Error::OwnersOnly)));
    ops.link_for(&administrator, viewer.person(), LinkKind::Password).await.unwrap();
    let other = world.tenant("umbrella").await;
    let (_, theirs) = world.at_console(&other, Role::Owner).await;
    let absent = ops.link_for(&theirs, viewer.person(), LinkKind::Password).await.unwrap_err();
    assert_eq!(absent.kind(), Kind::NotFound);
    // Nobody makes one for themselves, and nobody is invited who is in already: that one would wait for a week.
    let own = ops.link_for(&administrator, administrator.person(), LinkKind::Password).await;
    assert!(matches!(own, Err(Error::OwnStanding)), "{own:?}");
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    for again in [
        ops.link_for(&administrator, ada.id, LinkKind::Invitation).await,
        ops.link_as_operator(acme.id, ada.id, LinkKind::Invitation).await,
    ] {
        let error = again.unwrap_err();
        assert_eq!((error.code(), error.kind()), ("E-AUTH-012", Kind::Conflict));
    }
    let link: Link = ops.link_as_operator(acme.id, owner, LinkKind::Everything).await.unwrap();
    assert_eq!(link.expires, world.now().plus_ms(86_400_000));
    let last = world.actions(&acme).await.pop().unwrap();
    assert_eq!(last.actor, Actor::Operator {});
}

/// A link is worth what its maker may do when it is used, for whoever its person is then.
#[tokio::test]
async fn a_link_ends_with_the_role_that_made_it_and_with_the_role_that_it_was_made_for() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let ops = &world.ops;
    let add = |n: &str| AddPerson {
        email: format!("{n}@example.org").parse().unwrap(),
        name: "X".parse().unwrap(),
        role: Role::Viewer,
    };
    let usable = async |link: &Link| ops.look_at_link(link.text.expose(), &client(2)).await.is_ok();
    // Made for a viewer, and kept until the viewer is an owner.
    let (_, administrator) = world.at_console(&acme, Role::Administrator).await;
    let (person, link) = ops.invite_person(&administrator, add("a")).await.unwrap();
    assert!(usable(&link).await);
    ops.set_role(&acme.owner, person.id, Role::Viewer).await.unwrap();
    assert!(usable(&link).await, "the role that they have changes nothing");
    ops.set_role(&acme.owner, person.id, Role::Owner).await.unwrap();
    assert!(is_refused(&ops.use_link(link.text.expose(), secret(PASSWORD), &client(2)).await));
    // Made, and kept for the day on which one is let go.
    let (_, link) = ops.invite_person(&administrator, add("b")).await.unwrap();
    ops.remove_person(&acme.owner, administrator.person()).await.unwrap();
    assert!(is_refused(&ops.use_link(link.text.expose(), secret(PASSWORD), &client(2)).await));
    // Or becomes somebody who may not; the operator's own, of the same person, are as good as before.
    world.advance_seconds(1);
    let (_, administrator) = world.at_console(&acme, Role::Administrator).await;
    let (_, link) = ops.invite_person(&administrator, add("c")).await.unwrap();
    let (other, _) = ops.invite_person(&administrator, add("d")).await.unwrap();
    let kept = world.link(&acme, other.id, LinkKind::Invitation).await;
    ops.set_role(&acme.owner, administrator.person(), Role::Auditor).await.unwrap();
    assert!(!usable(&link).await && usable(&kept).await);
}

/// Whoever makes a key for somebody holds its text for a moment, and may have kept it.
#[tokio::test]
async fn a_key_that_was_made_for_somebody_ends_with_the_role_that_made_it() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let ops = &world.ops;
    let (viewer, own) = world.person_with_key(&acme, Role::Viewer).await;
    let works = async |text: &str| ops.authenticate(text, ADDRESS).await.is_ok();
    for removed in [true, false] {
        let (_, administrator) = world.at_console(&acme, Role::Administrator).await;
        let for_other = control_plane_operations::CreateApiKey { person: Some(viewer.person()), ..new_key(&world) };
        let made = ops.create_api_key(&administrator, for_other.clone()).await.unwrap();
        let by_operator = ops
            .create_api_key_as_operator(acme.id, viewer.person(), for_other.label.clone(), for_other.expires)
            .await
            .unwrap();
        let ended_before = ops.create_api_key(&administrator, for_other).await.unwrap();
        ops.revoke_api_key(&acme.owner, ended_before.record.id).await.unwrap();
        let mine = ops.create_api_key(&administrator, new_key(&world)).await.unwrap();
        assert!(works(made.text.expose()).await && works(mine.text.expose()).await);
        let before = world.logged(&acme, "api_key.revoked").await;
        if removed {
            ops.remove_person(&acme.owner, administrator.person()).await.unwrap();
        } else {
            // Whoever may do more than before still answers for what they made.
            ops.set_role(&acme.owner, administrator.person(), Role::Owner).await.unwrap();
            assert!(works(made.text.expose()).await);
            ops.set_role(&acme.owner, administrator.person(), Role::Auditor).await.unwrap();
        }
        assert!(!works(made.text.expose()).await, "{removed}");
        assert_eq!(works(mine.text.expose()).await, !removed, "one's own never carries more than the role");
        assert_eq!(world.logged(&acme, "api_key.revoked").await - before, 1, "{removed}");
        let revoked = Action::ApiKeyRevoked { key: made.record.id, person: viewer.person() };
        assert!(world.actions(&acme).await.iter().any(|record| record.action == revoked), "{removed}");
        // Those of others, and of the operator, are as good as before.
        assert!(works(&own).await && works(by_operator.text.expose()).await, "{removed}");
        world.advance_seconds(1);
    }
}

/// A laptop was stolen, and its person has another one, and keeps their role.
#[tokio::test]
async fn sessions_are_ended_by_those_who_look_after_people() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, first) = world.at_console(&acme, Role::Engineer).await;
    let stolen = ada.cookie.clone();
    ada.sign_in(&world, &client(9)).await;
    let (_, administrator) = world.at_console(&acme, Role::Administrator).await;
    let (ops, owner) = (&world.ops, acme.owner.person());
    for role in [Role::Engineer, Role::Approver, Role::Auditor, Role::Viewer] {
        let caller = world.person(&acme, role).await;
        assert!(matches!(ops.end_sessions_of(&caller, ada.id).await, Err(Error::Denied(_))), "{role}");
    }
    assert!(matches!(ops.end_sessions_of(&administrator, owner).await, Err(Error::OwnersOnly)));
    let own = ops.end_sessions_of(&administrator, administrator.person()).await;
    assert!(matches!(own, Err(Error::OwnStanding)));
    let umbrella = world.tenant("umbrella").await;
    assert_eq!(ops.end_sessions_of(&umbrella.owner, ada.id).await.unwrap_err().kind(), Kind::NotFound);
    assert!(ada.caller(&world).await.is_some());
    assert_eq!(ops.end_sessions_of(&administrator, ada.id).await.unwrap(), 2);
    for cookie in [&stolen, &ada.cookie] {
        assert!(matches!(ops.session(cookie, &client(1)).await.unwrap(), Seen::Nobody));
    }
    assert!(matches!(ops.account(&first).await, Err(Error::SessionOver)));
    let last = world.actions(&acme).await.pop().unwrap();
    assert!(
        matches!(last.action, Action::SessionEnded { cause: SessionEnd::EndedByOther, person, .. } if person == ada.id)
    );
    assert!(matches!(last.actor, Actor::Console { person, .. } if person == administrator.person()));
    let records = world.actions(&acme).await.len();
    assert_eq!(ops.end_sessions_of(&administrator, ada.id).await.unwrap(), 0);
    assert_eq!(world.actions(&acme).await.len(), records, "nothing ended, nothing is said");
    // A link for everything is made for such a day too.
    ada.sign_in(&world, &client(9)).await;
    ops.link_for(&administrator, ada.id, LinkKind::Password).await.unwrap();
    assert!(ada.caller(&world).await.is_some());
    ops.link_for(&administrator, ada.id, LinkKind::Everything).await.unwrap();
    assert!(ada.caller(&world).await.is_none());
}

#[tokio::test]
async fn every_step_gives_another_cookie_and_the_one_before_is_dead() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, _) = world.at_console(&acme, Role::Engineer).await;
    let enrolled = ada.cookie.clone();
    world.advance_seconds(30);
    let begun = ada.begin(&world.ops, &client(1)).await.unwrap();
    assert_eq!(begun.need, Need::Totp);
    let half = begun.cookie.expose().clone();
    assert!(matches!(world.ops.session(&half, &client(1)).await.unwrap(), Seen::Half(_)));
    let code = ada.code(&world);
    let finished = world.ops.second_factor(&half, SecondFactor::Totp(&code), &client(1)).await.unwrap();
    assert!(finished.recovery_codes.is_empty() && finished.recovery_left == 10);
    ada.take(&finished);
    let full = ada.cookie.clone();
    assert!(half != full && half != enrolled && enrolled != full);
    assert!(matches!(world.ops.session(&half, &client(1)).await.unwrap(), Seen::Nobody));
    let again = world.ops.second_factor(&half, SecondFactor::Totp(&code), &client(1)).await;
    assert!(matches!(again, Err(Error::SessionOver)));
    let caller = ada.caller(&world).await.unwrap();
    world.advance_seconds(30);
    let confirmed = world.ops.confirm(&caller, secret(PASSWORD), &ada.code(&world), &client(1)).await.unwrap();
    assert!(matches!(world.ops.session(&full, &client(1)).await.unwrap(), Seen::Nobody));
    ada.take(&confirmed);
    assert_eq!(ada.caller(&world).await.unwrap().session(), caller.session(), "it is the same session");
    // The first session is another one, and lives.
    assert!(matches!(world.ops.session(&enrolled, &client(1)).await.unwrap(), Seen::Full(_)));
}

#[tokio::test]
async fn a_half_session_reaches_nothing_but_its_second_factor_and_its_end() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Owner).await;
    world.advance_seconds(30);
    let cookie = ada.begin(&world.ops, &client(1)).await.unwrap().cookie;
    let ops = &world.ops;
    let Seen::Half(half) = ops.session(cookie.expose(), &client(1)).await.unwrap() else { panic!("not half") };
    // It is no caller, and no permit of its session opens a transaction that writes.
    let standing = control_plane_domain::policy::SessionStanding {
        tenant: half.tenant,
        person: half.person,
        role: Role::Owner,
        person_active: true,
        session: half.session,
        is_full: true,
        confirmed: world.now(),
        recovered: false,
        expires: half.expires,
        idle_until: half.expires,
        ended: false,
    };
    let forged = control_plane_domain::policy::Caller::of_session(standing, world.now()).unwrap();
    let error = ops.create_token(&forged, "web".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthenticated, "{error}");
    assert!(matches!(ops.account(&forged).await, Err(Error::SessionOver)));
    assert!(matches!(ops.offer_new_totp(&forged).await, Err(Error::SessionOver)));
    // Nor does it choose another second factor than the one that there is.
    assert!(matches!(ops.offer_totp(cookie.expose()).await, Err(Error::FactorIsSet)));
    assert!(matches!(ops.enrol_totp(cookie.expose(), "000000", &client(1)).await, Err(Error::FactorIsSet)));
    // Signing out ends it, without a word in the log.
    let before = world.actions(&acme).await.len();
    ops.sign_out(cookie.expose()).await.unwrap();
    assert!(matches!(ops.session(cookie.expose(), &client(1)).await.unwrap(), Seen::Nobody));
    ops.sign_out(cookie.expose()).await.unwrap();
    ops.sign_out("nonsense").await.unwrap();
    assert_eq!(world.actions(&acme).await.len(), before);
    // And so do ten minutes.
    let cookie = ada.begin(ops, &client(1)).await.unwrap().cookie;
    world.advance_seconds(600);
    assert!(matches!(ops.session(cookie.expose(), &client(1)).await.unwrap(), Seen::Nobody));
    let late = ops.second_factor(cookie.expose(), SecondFactor::Totp(&ada.code(&world)), &client(1)).await;
    assert!(matches!(late, Err(Error::SessionOver)));
    world.advance_seconds(86_401);
    assert_eq!(ops.sweep().await.unwrap().half_sessions, 1, "what came to nothing is forgotten after a day");
}

#[tokio::test]
async fn a_cookie_is_worth_nothing_in_another_tenant() {
    let world = World::new().await;
    let (acme, umbrella) = (world.tenant("acme").await, world.tenant("umbrella").await);
    let (ada, caller) = world.at_console(&acme, Role::Owner).await;
    let moved = ada.cookie.replace(&hex::encode(acme.id.as_bytes()), &hex::encode(umbrella.id.as_bytes()));
    assert_ne!(moved, ada.cookie);
    assert!(matches!(world.ops.session(&moved, &client(1)).await.unwrap(), Seen::Nobody));
    for odd in ["", ".", &ada.cookie[1..], &format!("{}A", ada.cookie), &ada.cookie.replace('.', "_")] {
        assert!(matches!(world.ops.session(odd, &client(1)).await.unwrap(), Seen::Nobody), "{odd}");
    }
    let runners = world.ops.list_people(&caller, &control_plane_domain::list::Page::first()).await.unwrap();
    assert_eq!(runners.items.len(), 2, "her own tenant's people and nobody else's");
    assert!(matches!(
        world.ops.end_session(&world.at_console(&umbrella, Role::Owner).await.1, caller.session().unwrap()).await,
        Err(Error::NotFound(_))
    ));
    assert!(ada.caller(&world).await.is_some());
}

#[tokio::test]
async fn whoever_is_removed_or_gets_another_role_is_out_at_once() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, caller) = world.at_console(&acme, Role::Engineer).await;
    world.ops.set_role(&acme.owner, ada.id, Role::Auditor).await.unwrap();
    assert!(ada.caller(&world).await.is_none());
    assert_eq!(world.last_actions(&acme, 2).await, ["person.role_changed", "session.ended"]);
    // What was begun with the old role is not committed.
    let error = world.ops.create_api_key(&caller, new_key(&world)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthenticated, "{error}");
    assert_eq!(ada.sign_in(&world, &client(1)).await.role(), Role::Auditor);
    world.advance_seconds(30);
    let half = ada.begin(&world.ops, &client(1)).await.unwrap().cookie;
    world.ops.remove_person(&acme.owner, ada.id).await.unwrap();
    assert!(ada.caller(&world).await.is_none());
    assert!(matches!(world.ops.session(half.expose(), &client(1)).await.unwrap(), Seen::Nobody));
    let code = ada.code(&world);
    let late = world.ops.second_factor(half.expose(), SecondFactor::Totp(&code), &client(1)).await;
    assert!(matches!(late, Err(Error::SessionOver)));
    assert!(matches!(ada.begin(&world.ops, &client(1)).await, Err(Error::SignInRefused)));
    let ended = world.actions(&acme).await.pop().unwrap().action;
    assert!(matches!(ended, Action::SessionEnded { cause: SessionEnd::PersonRemoved, .. }), "{ended:?}");
}

fn new_key(world: &World) -> control_plane_operations::CreateApiKey {
    control_plane_operations::CreateApiKey {
        person: None,
        label: "laptop".parse().unwrap(),
        scopes: None,
        expires: world.now().plus_ms(86_400_000),
    }
}

#[tokio::test]
async fn a_suspended_tenant_lets_nobody_in() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Owner).await;
    let permit = policy::system(acme.id, Permission::Upkeep).unwrap();
    let tx = world.ops.store().write(&permit).await.unwrap();
    tx.set_tenant_state(TenantState::Suspended).await.unwrap();
    tx.commit(&permit.record(Action::DrillDownsSwitched { enabled: true })).await.unwrap();
    assert!(ada.caller(&world).await.is_none());
    assert!(matches!(ada.begin(&world.ops, &client(1)).await, Err(Error::SignInRefused)));
}

#[tokio::test]
async fn sessions_end_by_idleness_by_age_and_by_their_owner() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, first) = world.at_console(&acme, Role::Viewer).await;
    let mut phone = ada.cookie.clone();
    let second = ada.sign_in(&world, &client(9)).await;
    std::mem::swap(&mut phone, &mut ada.cookie);
    let rows = world.ops.list_sessions(&second).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.id, row.this)).collect::<Vec<_>>(),
        [(second.session().unwrap(), true), (first.session().unwrap(), false)]
    );
    assert_eq!((rows[0].address.as_str(), rows[1].address.as_str()), ("192.0.2.9", "192.0.2.1"));
    // Looking keeps it alive; the other one is left alone.
    for _ in 0..4 {
        world.advance_seconds(20 * 60);
        assert!(matches!(world.ops.session(&phone, &client(9)).await.unwrap(), Seen::Full(_)));
    }
    assert!(ada.caller(&world).await.is_none(), "nobody looked for an hour");
    assert_eq!(world.ops.list_sessions(&second).await.unwrap().len(), 1);
    for _ in 0..34 {
        world.advance_seconds(20 * 60);
        world.ops.session(&phone, &client(9)).await.unwrap();
    }
    assert!(matches!(world.ops.session(&phone, &client(9)).await.unwrap(), Seen::Nobody), "half a day is over");

    let third = ada.sign_in(&world, &client(1)).await;
    let kept = ada.cookie.clone();
    let fourth = ada.sign_in(&world, &client(1)).await;
    let fifth = ada.sign_in(&world, &client(1)).await;
    world.ops.end_session(&fifth, fourth.session().unwrap()).await.unwrap();
    assert!(matches!(world.ops.end_session(&fifth, fourth.session().unwrap()).await, Err(Error::NotFound(_))));
    assert_eq!(world.ops.end_other_sessions(&fifth).await.unwrap(), 1);
    assert!(matches!(world.ops.session(&kept, &client(1)).await.unwrap(), Seen::Nobody));
    assert!(matches!(world.ops.account(&third).await, Err(Error::SessionOver)));
    assert!(ada.caller(&world).await.is_some());
    world.ops.sign_out(&ada.cookie).await.unwrap();
    assert!(ada.caller(&world).await.is_none());
    let ended = world.actions(&acme).await.pop().unwrap();
    let expected =
        Action::SessionEnded { session: fifth.session().unwrap(), person: ada.id, cause: SessionEnd::SignedOut };
    assert_eq!(
        (ended.actor, ended.action),
        (Actor::Console { person: ada.id, session: fifth.session().unwrap() }, expected)
    );
}

#[tokio::test]
async fn a_password_link_leaves_the_second_factor_and_the_other_one_does_not() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, _) = world.at_console(&acme, Role::Engineer).await;
    let link = world.link(&acme, ada.id, LinkKind::Password).await;
    let begun = world.ops.use_link(link.text.expose(), secret("another kumquat entirely"), &client(1)).await.unwrap();
    assert_eq!(begun.need, Need::Totp);
    assert!(ada.caller(&world).await.is_none(), "other sessions end");
    assert!(matches!(ada.begin(&world.ops, &client(1)).await, Err(Error::SignInRefused)), "the old password is dead");
    assert!(matches!(world.ops.offer_totp(begun.cookie.expose()).await, Err(Error::FactorIsSet)));
    ada.password = "another kumquat entirely".to_owned();
    ada.sign_in(&world, &client(1)).await;

    let link = world.link(&acme, ada.id, LinkKind::Everything).await;
    let recovery = ada.recovery_codes.clone();
    let seed = ada.seed.clone();
    let mut ada = world.enrolled(acme.id, ada.id, &ada.email, &link).await;
    assert_ne!(ada.seed, seed);
    world.advance_seconds(30);
    let half = ada.begin(&world.ops, &client(1)).await.unwrap();
    let old = world.ops.second_factor(half.cookie.expose(), SecondFactor::Recovery(&recovery[0]), &client(1)).await;
    assert!(matches!(old, Err(Error::WrongCode)), "old recovery codes are dead");
    ada.sign_in(&world, &client(1)).await;
}

#[tokio::test]
async fn the_organisation_is_asked_for_where_there_are_several() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    assert!(!world.ops.sign_in_needs_organisation().await.unwrap());
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let typed = |organisation: Option<&str>| SignIn {
        organisation: organisation.map(str::to_owned),
        email: format!(" {} ", ada.email.to_uppercase()),
        password: secret(PASSWORD),
    };
    world.ops.sign_in(typed(None), &client(1)).await.unwrap();
    world.tenant("umbrella").await;
    assert!(world.ops.sign_in_needs_organisation().await.unwrap());
    for organisation in [None, Some("umbrella"), Some("Acme"), Some("nobody"), Some("")] {
        let refused = world.ops.sign_in(typed(organisation), &client(1)).await;
        assert!(matches!(refused, Err(Error::SignInRefused)), "{organisation:?}");
    }
    for organisation in ["acme".to_owned(), acme.id.to_string()] {
        world.ops.sign_in(typed(Some(&organisation)), &client(1)).await.unwrap();
    }
    world.tenant("acme").await;
    let ambiguous = world.ops.sign_in(typed(Some("acme")), &client(1)).await;
    assert!(matches!(ambiguous, Err(Error::SignInRefused)), "a name of two is nobody's");
}

#[tokio::test]
async fn a_person_has_twenty_sessions_and_the_oldest_goes() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, _) = world.at_console(&acme, Role::Viewer).await;
    let first = ada.cookie.clone();
    let browser: Client = client(1);
    for _ in 0..19 {
        ada.sign_in(&world, &browser).await;
    }
    assert!(matches!(world.ops.session(&first, &browser).await.unwrap(), Seen::Full(_)));
    let last = ada.sign_in(&world, &browser).await;
    assert!(matches!(world.ops.session(&first, &browser).await.unwrap(), Seen::Nobody));
    assert_eq!(world.ops.list_sessions(&last).await.unwrap().len(), 20);
    assert_eq!(world.last_actions(&acme, 2).await, ["session.ended", "session.begun"]);
}

#[tokio::test]
async fn a_password_that_was_stretched_less_is_kept_anew_at_the_next_sign_in() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (mut ada, _) = world.at_console(&acme, Role::Viewer).await;
    let key = world.ops.authority().root().key_for("passwords of people");
    let cheap = crypto::kdf::Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 };
    let phc = crypto::password::hash(PASSWORD.as_bytes(), &key, cheap, &world.entropy);
    let permit = policy::system(acme.id, Permission::Upkeep).unwrap();
    let kept = async || world.ops.store().read(&permit).await.unwrap().credentials(ada.id).await.unwrap();
    let before = kept().await.password().unwrap().clone();
    let tx = world.ops.store().write(&permit).await.unwrap();
    tx.set_password(ada.id, &control_plane_domain::account::Password { phc, set: before.set }).await.unwrap();
    tx.commit(&permit.record(Action::DrillDownsSwitched { enabled: true })).await.unwrap();
    let wrong = SignIn { password: secret("wrong wrong wrong"), ..ada.typed() };
    assert!(matches!(world.ops.sign_in(wrong, &client(1)).await, Err(Error::SignInRefused)));
    assert!(kept().await.password().unwrap().phc.contains("m=64,"));
    ada.begin(&world.ops, &client(1)).await.unwrap();
    let renewed = kept().await.password().unwrap().clone();
    assert!(renewed.phc.contains("$m=32768,t=3,p=1$") && renewed.set == before.set, "{renewed:?}");
    ada.sign_in(&world, &client(1)).await;
}
