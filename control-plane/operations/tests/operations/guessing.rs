//! Who guesses at passwords, codes and links, over several processes at once, gets no further than the limit, learns
//! nothing about who exists, and keeps nobody out for long. And whoever takes the database has nothing to sign in with.

use std::net::IpAddr;

use control_plane_domain::account::Factor;
use control_plane_domain::audit::Action;
use control_plane_domain::link::LinkKind;
use control_plane_domain::policy::Role;
use control_plane_operations::{Client, Error, Kind, Operations, SecondFactor, Seen, SignIn};
use crypto::digest::sha256;

use crate::support::{PASSWORD, World, client, secret};

fn typed(organisation: &str, email: &str, password: &str) -> SignIn {
    SignIn { organisation: Some(organisation.to_owned()), email: email.to_owned(), password: secret(password) }
}

/// How many were compared, of guesses that were made at once.
async fn compared<T: Send + 'static>(
    guesses: Vec<impl Future<Output = Result<T, Error>> + Send + 'static>,
) -> (usize, usize) {
    let running: Vec<_> = guesses.into_iter().map(tokio::spawn).collect();
    let (mut compared, mut let_in) = (0, 0);
    for guess in running {
        match guess.await.unwrap() {
            Ok(_) => let_in += 1,
            Err(Error::SignInRefused | Error::WrongCode) => compared += 1,
            Err(Error::Throttled(_) | Error::SignInBusy | Error::SessionOver) => {}
            Err(other) => panic!("{other}"),
        }
    }
    (compared, let_in)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_passwords_at_once_are_ten() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let other = world.replica().await;
    let before = world.ops.passwords_stretched() + other.passwords_stretched();
    let guess = |n: usize| {
        let ops = if n.is_multiple_of(2) { world.ops.clone() } else { other.clone() };
        let typed = typed(&ada.tenant.to_string(), &ada.email, &format!("seven grumpy llamas {n}"));
        async move { ops.sign_in(typed, &client(66)).await }
    };
    let (wrong, let_in) = compared((0..200).map(guess).collect()).await;
    assert!(wrong <= 10 && let_in == 0, "{wrong}");
    let stretched = world.ops.passwords_stretched() + other.passwords_stretched() - before;
    assert!((1..=10).contains(&stretched), "{stretched} passwords were compared");
    // The right one is not compared either, from there.
    let error = ada.begin(&world.ops, &client(66)).await.unwrap_err();
    let Kind::Throttled { retry_after_seconds } = error.kind() else { panic!("{error}") };
    assert!((1..=60).contains(&retry_after_seconds));
    // From elsewhere, and from where she was before, she comes in.
    ada.begin(&world.ops, &client(67)).await.unwrap();
    ada.begin(&world.ops, &client(1)).await.unwrap();
    world.advance_seconds(60);
    ada.begin(&world.ops, &client(66)).await.unwrap();
}

/// However many people somebody says they are, from one network: it costs next to nothing, and nobody else waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_network_guesses_thirty_times_and_costs_no_more() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let (stretched, commits) = (world.ops.passwords_stretched(), world.ops.store().commits());
    let mut counts = [0, 0];
    for n in 0..200 {
        match world.ops.sign_in(typed("acme", &format!("n{n}@example.org"), PASSWORD), &client(66)).await {
            Err(Error::SignInRefused) => counts[0] += 1,
            Err(Error::Throttled(throttled)) if throttled.retry_after_seconds <= 10 => counts[1] += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counts, [30, 170]);
    assert_eq!(world.ops.passwords_stretched() - stretched, 30);
    assert_eq!(world.ops.store().commits() - commits, 60, "what is refused is not written down");
    for elsewhere in [1, 67] {
        ada.begin(&world.ops, &client(elsewhere)).await.unwrap();
    }
    assert!(matches!(ada.begin(&world.ops, &client(66)).await, Err(Error::Throttled(_))));
    world.advance_seconds(10);
    for _ in 0..40 {
        ada.begin(&world.ops, &client(66)).await.expect("who is right is not counted");
    }
}

/// Whoever sits where somebody was before uses up what strangers have there, and learns nothing of anybody else.
#[tokio::test]
async fn a_neighbour_who_guesses_keeps_nobody_out_of_where_they_were_before() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    for n in 0..30 {
        let wrong = world.ops.sign_in(typed("acme", &format!("n{n}@example.org"), PASSWORD), &client(1)).await;
        assert!(matches!(wrong, Err(Error::SignInRefused)), "{n}");
    }
    // Whether there is somebody who was never there, or nobody: the same words after the same work.
    let mut expected = None;
    for email in ["nobody@example.org", "owner@acme.example", "<script>"] {
        let work = || {
            let store = world.ops.store();
            (world.ops.passwords_stretched(), store.commits(), store.round_trips())
        };
        let before = work();
        let error = world.ops.sign_in(typed("acme", email, PASSWORD), &client(1)).await.unwrap_err();
        let after = work();
        assert!(matches!(error.kind(), Kind::Throttled { retry_after_seconds: 1..=10 }), "{email}: {error}");
        assert_eq!((after.0, after.1), (before.0, before.1), "{email}: nothing was compared or written down");
        let asked = after.2 - before.2;
        assert_eq!(asked, *expected.get_or_insert(asked), "{email}: the database was asked as often");
    }
    for _ in 0..3 {
        ada.begin(&world.ops, &client(1)).await.expect("she was there before");
    }
    // It is no way around the limit for her.
    for n in 0..10 {
        let wrong = world.ops.sign_in(typed("acme", &ada.email, "wrong wrong wrong"), &client(1)).await;
        assert!(matches!(wrong, Err(Error::SignInRefused)), "{n}");
    }
    assert!(matches!(ada.begin(&world.ops, &client(1)).await, Err(Error::Throttled(_))));
}

/// Strangers who come from everywhere at once fill their own places. Who is told to come again has spent nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_strangers_keeps_nobody_out_and_spends_no_attempts_that_it_was_not_given() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, caller) = world.at_console(&acme, Role::Viewer).await;
    let (stretched, commits) = (world.ops.passwords_stretched(), world.ops.store().commits());
    let flood: Vec<_> = (0..120)
        .map(|n| {
            let (ops, email) = (world.ops.clone(), ada.email.clone());
            let stranger = Client::new(IpAddr::from([198, 51, 100, n]), "");
            tokio::spawn(async move { ops.sign_in(typed("acme", &email, "wrong wrong wrong"), &stranger).await })
        })
        .collect();
    let mut counts = [0u64; 3];
    for guess in flood {
        match guess.await.unwrap() {
            Err(Error::SignInRefused) => counts[0] += 1,
            Err(Error::SignInBusy) => counts[1] += 1,
            Err(Error::Throttled(_)) => counts[2] += 1,
            other => panic!("{other:?}"),
        }
    }
    let [wrong, busy, throttled] = counts;
    assert!(busy > 0 && wrong >= 24, "{counts:?}");
    assert_eq!(world.ops.passwords_stretched() - stretched, wrong);
    assert_eq!(world.ops.store().commits() - commits, 2 * wrong + throttled, "{counts:?}: busy is not counted");
    // In the middle of another flood she signs in from where she was, and confirms where she is.
    let ops = world.ops.clone();
    let flood = tokio::spawn(async move {
        let strangers = (0..120).map(|n| {
            let (ops, stranger) = (ops.clone(), Client::new(IpAddr::from([203, 0, 113, n]), ""));
            tokio::spawn(async move { ops.sign_in(typed("acme", "x@example.org", PASSWORD), &stranger).await })
        });
        for guess in strangers.collect::<Vec<_>>() {
            guess.await.unwrap().unwrap_err();
        }
    });
    world.advance_seconds(30);
    for _ in 0..3 {
        ada.begin(&world.ops, &client(1)).await.unwrap();
    }
    world.ops.confirm(&caller, secret(PASSWORD), &ada.code(&world), &client(1)).await.unwrap();
    flood.await.unwrap();
}

/// A network is one where somebody was before because they showed both factors there: a cookie that is used elsewhere makes
/// no other network that, and takes it from none.
#[tokio::test]
async fn where_a_cookie_is_used_is_not_where_somebody_signed_in() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, caller) = world.at_console(&acme, Role::Viewer).await;
    for seconds in [1, 61, 61] {
        world.advance_seconds(seconds);
        assert!(matches!(world.ops.session(&ada.cookie, &client(66)).await.unwrap(), Seen::Full(_)));
    }
    assert_eq!(
        world.ops.list_sessions(&caller).await.unwrap()[0].address,
        "192.0.2.66",
        "she sees that somebody has it"
    );
    for n in 0..50 {
        let elsewhere = Client::new(IpAddr::from([198, 51, 100, n]), "");
        let wrong = world.ops.sign_in(typed("acme", &ada.email, "wrong wrong wrong"), &elsewhere).await;
        assert!(matches!(wrong, Err(Error::SignInRefused)));
    }
    assert!(
        matches!(ada.begin(&world.ops, &client(66)).await, Err(Error::Throttled(_))),
        "a thief's network is not hers"
    );
    ada.begin(&world.ops, &client(1)).await.expect("and hers is still hers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_networks_share_one_limit_and_the_person_signs_in_past_it() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let mut wrong = 0;
    for n in 0u32..120 {
        let address = IpAddr::from([198, 51, u8::try_from(n / 100).unwrap(), u8::try_from(n % 100).unwrap()]);
        let typed = typed("acme", &ada.email, "seven grumpy llamas?");
        match world.ops.sign_in(typed, &Client::new(address, "")).await {
            Err(Error::SignInRefused) => wrong += 1,
            Err(Error::Throttled(throttled)) => assert!(throttled.retry_after_seconds <= 36),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(wrong, 50);
    assert!(matches!(ada.begin(&world.ops, &client(77)).await, Err(Error::Throttled(_))), "a network like theirs");
    ada.begin(&world.ops, &client(1)).await.unwrap();
    world.advance_seconds(36);
    ada.begin(&world.ops, &client(77)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_codes_at_once_are_five() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let other = world.replica().await;
    world.advance_seconds(30);
    // Somebody elsewhere knows the password, and has many half sessions to guess in.
    let thief = client(66);
    let mut cookies = Vec::new();
    for _ in 0..3 {
        cookies.push(ada.begin(&world.ops, &thief).await.unwrap().cookie.expose().clone());
    }
    let right = ada.code(&world);
    let guess = |n: usize| {
        let ops = if n.is_multiple_of(2) { world.ops.clone() } else { other.clone() };
        let (cookie, thief) = (cookies[n % 3].clone(), thief.clone());
        let code = format!("{:06}", (right.parse::<usize>().unwrap() + 1 + n) % 1_000_000);
        async move { ops.second_factor(&cookie, SecondFactor::Totp(&code), &thief).await }
    };
    let (wrong, let_in) = compared((0..200).map(guess).collect()).await;
    assert_eq!((wrong, let_in), (5, 0));
    let error = world.ops.second_factor(&cookies[0], SecondFactor::Totp(&right), &thief).await.unwrap_err();
    let Kind::Throttled { retry_after_seconds } = error.kind() else { panic!("{error}") };
    assert!(retry_after_seconds <= 300);
    // The owner, from where they were before, is not kept out.
    let begun = ada.begin(&world.ops, &client(1)).await.unwrap();
    world.ops.second_factor(begun.cookie.expose(), SecondFactor::Totp(&right), &client(1)).await.unwrap();
    // And from elsewhere after minutes.
    world.advance_seconds(300);
    let begun = ada.begin(&world.ops, &client(99)).await.unwrap();
    let code = ada.code(&world);
    world.ops.second_factor(begun.cookie.expose(), SecondFactor::Totp(&code), &client(99)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_is_used_once_however_many_come_with_it() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let other = world.replica().await;
    // The code with which she enrolled does not let her in as well.
    let begun = ada.begin(&world.ops, &client(1)).await.unwrap();
    let used = world.ops.second_factor(begun.cookie.expose(), SecondFactor::Totp(&ada.code(&world)), &client(1)).await;
    assert!(matches!(used, Err(Error::WrongCode)));
    world.advance_seconds(30);
    let mut cookies = Vec::new();
    for _ in 0..4 {
        cookies.push(ada.begin(&world.ops, &client(1)).await.unwrap().cookie.expose().clone());
    }
    let code = ada.code(&world);
    let enter = |n: usize| {
        let ops = if n.is_multiple_of(2) { world.ops.clone() } else { other.clone() };
        let (cookie, code) = (cookies[n].clone(), code.clone());
        async move { ops.second_factor(&cookie, SecondFactor::Totp(&code), &client(1)).await }
    };
    let (wrong, let_in) = compared((0..4).map(enter).collect()).await;
    assert_eq!((wrong, let_in), (3, 1));
    // A code of the step before the one that was used is worth as little.
    let earlier = ada.code(&world);
    world.advance_seconds(30);
    let begun = ada.begin(&world.ops, &client(9)).await.unwrap();
    let late = world.ops.second_factor(begun.cookie.expose(), SecondFactor::Totp(&earlier), &client(9)).await;
    assert!(matches!(late, Err(Error::WrongCode)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_recovery_code_lets_in_once() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let code = ada.recovery_codes[3].clone();
    let mut cookies = Vec::new();
    for _ in 0..4 {
        cookies.push(ada.begin(&world.ops, &client(1)).await.unwrap().cookie.expose().clone());
    }
    let enter = |n: usize| {
        let (ops, cookie, code) = (world.ops.clone(), cookies[n].clone(), code.to_uppercase().replace('-', " "));
        async move { ops.second_factor(&cookie, SecondFactor::Recovery(&code), &client(1)).await }
    };
    assert_eq!(compared((0..4).map(enter).collect()).await, (3, 1));
    let begun: Vec<_> = world.actions(&acme).await.into_iter().rev().take(2).map(|record| record.action).collect();
    assert_eq!(begun[1], Action::AccountRecoveryCodeUsed { person: ada.id, left: 9 });
    let Action::SessionBegun { factors, .. } = &begun[0] else { panic!("{begun:?}") };
    assert_eq!(*factors, [Factor::Password, Factor::Recovery]);
}

/// The same refusal for the same work, whoever it is about.
#[tokio::test]
async fn who_exists_cannot_be_read_off_text_status_or_work() {
    let world = World::new().await;
    let (acme, umbrella) = (world.tenant("acme").await, world.tenant("umbrella").await);
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let (gone, _) = world.at_console(&umbrella, Role::Viewer).await;
    world.ops.remove_person(&umbrella.owner, gone.id).await.unwrap();
    let id = ada.tenant.to_string();
    let long = "x".repeat(5_000);
    let mut expected = None;
    // What does not hang on the person is read once and kept.
    assert!(world.ops.sign_in_needs_organisation().await.unwrap());
    let cases = [
        ("a wrong password", typed(&id, &ada.email, "wrong wrong wrong")),
        ("no such person", typed(&id, "nobody@example.org", PASSWORD)),
        ("no such organisation", typed("nowhere", &ada.email, PASSWORD)),
        ("another organisation", typed(&umbrella.id.to_string(), &ada.email, PASSWORD)),
        ("a person who was removed", typed(&umbrella.id.to_string(), &gone.email, PASSWORD)),
        ("a person without a password", typed(&id, "owner@acme.example", PASSWORD)),
        ("not an address", typed(&id, "<script>", PASSWORD)),
        ("a very long address", typed(&id, &long, PASSWORD)),
        ("a very long password", typed(&id, &ada.email, &long)),
        ("no organisation", SignIn { organisation: None, ..typed("", &ada.email, PASSWORD) }),
    ];
    for (index, (case, input)) in (0u8..).zip(cases) {
        // The first of them comes from where she was before: that is no reason to take another time.
        let work = || {
            let store = world.ops.store();
            (world.ops.passwords_stretched(), store.commits(), store.round_trips())
        };
        let before = work();
        let error = world.ops.sign_in(input, &client(index + 1)).await.unwrap_err();
        let after = work();
        assert_eq!((error.code(), error.kind()), ("E-AUTH-001", Kind::Unauthenticated), "{case}");
        assert_eq!(error.to_string(), "organisation, e-mail address or password is wrong", "{case}");
        let done = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
        assert_eq!((done.0, done.1), (1, 2), "{case}: one password was stretched, two attempts were written down");
        assert_eq!(done.2, *expected.get_or_insert(done.2), "{case}: the database was asked as often");
    }
    // The limit is the same for those who do not exist, and says the same.
    for (n, email) in (100..).zip([ada.email.as_str(), "nobody@example.org"]) {
        let mut compared = 0;
        let retry = loop {
            match world.ops.sign_in(typed(&id, email, "wrong wrong wrong"), &client(n)).await {
                Err(Error::SignInRefused) => compared += 1,
                Err(Error::Throttled(throttled)) => break throttled.retry_after_seconds,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((compared, retry), (10, 60), "{email}");
    }
}

/// The same by the clock, as somebody outside would measure it. What decides is the work, which is counted above; this would
/// only show an answer that comes before it.
#[tokio::test]
async fn who_exists_cannot_be_read_off_the_time() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let mut times = [Vec::new(), Vec::new()];
    for n in 0..15 {
        for (place, email) in [ada.email.as_str(), "nobody@example.org"].into_iter().enumerate() {
            let stranger = Client::new(IpAddr::from([198, 51, u8::try_from(place).unwrap(), n]), "");
            let begun = tokio::time::Instant::now();
            world.ops.sign_in(typed("acme", email, "wrong wrong wrong"), &stranger).await.unwrap_err();
            times[place].push(begun.elapsed());
        }
        // Neither counter runs out.
        world.advance_seconds(60);
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        (times[times.len() / 2], times[times.len() / 4]..times[times.len() * 3 / 4])
    });
    println!("known {known:?}, unknown {unknown:?}");
    assert!(known.0 < 2 * unknown.0 && unknown.0 < 2 * known.0, "{known:?} against {unknown:?}");
}

#[tokio::test]
async fn the_log_says_who_was_guessed_at_and_is_not_flooded() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, _) = world.at_console(&acme, Role::Viewer).await;
    let guess = async |ops: &Operations, email: &str, from: u8| {
        let refused = ops.sign_in(typed("acme", email, "wrong wrong wrong"), &client(from)).await;
        assert!(matches!(refused, Err(Error::SignInRefused)));
    };
    for n in 0..7 {
        guess(&world.ops, &ada.email, n).await;
        guess(&world.ops, "nobody@example.org", n).await;
    }
    assert_eq!(world.logged(&acme, "sign_in.refused").await, 0, "not while somebody could measure it");
    assert_eq!(world.ops.sweep().await.unwrap().refusals, 1);
    let refused = world.actions(&acme).await.pop().unwrap().action;
    assert_eq!(refused, Action::SignInRefused { person: ada.id, factor: Factor::Password, attempts: 7 });
    for minute in 0..9 {
        world.advance_seconds(60);
        guess(&world.ops, &ada.email, 100 + minute).await;
        assert_eq!(world.ops.sweep().await.unwrap().refusals, 0);
    }
    world.advance_seconds(60);
    assert_eq!(world.ops.sweep().await.unwrap().refusals, 1);
    let refused = world.actions(&acme).await.pop().unwrap().action;
    assert_eq!(refused, Action::SignInRefused { person: ada.id, factor: Factor::Password, attempts: 9 });
    // Whoever goes on after the limit is told of as well: thousands are not ten.
    world.advance_seconds(600);
    assert_eq!(world.ops.sweep().await.unwrap().refusals, 0);
    for _ in 0..25 {
        world.ops.sign_in(typed("acme", &ada.email, "wrong wrong wrong"), &client(201)).await.unwrap_err();
    }
    assert_eq!(world.ops.sweep().await.unwrap().refusals, 1);
    let refused = world.actions(&acme).await.pop().unwrap().action;
    assert_eq!(refused, Action::SignInRefused { person: ada.id, factor: Factor::Password, attempts: 25 });
    world.advance_seconds(600);
    // Before the process ends, nothing is left.
    guess(&world.ops, &ada.email, 200).await;
    assert_eq!(world.ops.log_refusals(true).await.unwrap(), 1);
    // What is forgotten takes no room.
    world.advance_seconds(3_600);
    assert!(world.ops.sweep().await.unwrap().attempts > 0);
    assert_eq!(world.ops.sweep().await.unwrap().attempts, 0);
}

#[tokio::test]
async fn the_password_of_somebody_who_is_signed_in_is_counted_too() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, caller) = world.at_console(&acme, Role::Viewer).await;
    world.advance_seconds(30);
    let code = ada.code(&world);
    for n in 0..5 {
        let wrong = world.ops.confirm(&caller, secret(&format!("wrong {n}")), &code, &client(1)).await;
        assert!(matches!(wrong, Err(Error::WrongCode)));
    }
    let throttled = world.ops.confirm(&caller, secret(PASSWORD), &code, &client(1)).await.unwrap_err();
    let Kind::Throttled { retry_after_seconds } = throttled.kind() else { panic!("{throttled}") };
    world.advance_seconds(i64::from(retry_after_seconds));
    let code = ada.code(&world);
    world.ops.confirm(&caller, secret(PASSWORD), &code, &client(1)).await.unwrap();
}

/// Nothing in a copy of the database lets anybody in.
#[tokio::test]
async fn a_dump_of_the_database_holds_nothing_to_sign_in_with() {
    let world = World::new().await;
    let acme = world.tenant("acme").await;
    let (ada, caller) = world.at_console(&acme, Role::Owner).await;
    let open = world.link(&acme, acme.owner.person(), LinkKind::Everything).await;
    let offer = world.ops.offer_new_totp(&caller).await.unwrap();
    world.advance_seconds(30);
    let half = ada.begin(&world.ops, &client(1)).await.unwrap();
    let tail = |text: &str, mark: char| text.rsplit(mark).next().unwrap().to_owned();
    let decoded = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    // A base64url secret may hold an underscore: the text's own marks come first.
    let link = open.text.expose().splitn(3, '_').nth(2).unwrap().to_owned();
    let (session, half) = (tail(&ada.cookie, '.'), tail(half.cookie.expose(), '.'));
    let mut secrets: Vec<(String, Vec<u8>)> = vec![
        ("the password".into(), PASSWORD.as_bytes().to_vec()),
        ("a plain hash of it".into(), sha256(PASSWORD.as_bytes()).as_bytes().to_vec()),
        ("the seed".into(), ada.seed.clone()),
        ("the offered seed".into(), crate::support::from_base32(offer.secret.expose())),
        ("the offered seed's text".into(), offer.secret.expose().clone().into_bytes()),
        ("the link".into(), decoded(&link)),
        ("the session".into(), decoded(&session)),
        ("the half session".into(), decoded(&half)),
        ("the link's text".into(), link.into_bytes()),
        ("the session's text".into(), session.into_bytes()),
    ];
    for code in &ada.recovery_codes {
        secrets.push(("a recovery code".into(), code.clone().into_bytes()));
        let bare = code.replace('-', "");
        secrets.push(("a hash of one".into(), sha256(bare.as_bytes()).as_bytes().to_vec()));
        secrets.push(("a bare recovery code".into(), bare.into_bytes()));
    }
    let dump = world.dump().await;
    assert!(dump.holds(ada.email.as_bytes()), "the dump is one");
    assert!(dump.holds(sha256(open.id.as_bytes()).as_bytes()) || dump.holds(open.id.to_string().as_bytes()));
    for (what, secret) in secrets {
        assert!(!dump.holds(&secret), "{what} stands in the database");
    }
    // Nor can a password be guessed at with it: the digests need a key that is not there.
    let phc = dump.words_with("$argon2id$");
    assert!(!phc.is_empty());
    for kept in phc {
        let kept = crypto::password::Kept::parse(&kept).unwrap();
        assert!(!kept.matches(PASSWORD.as_bytes(), &crypto::Secret::new([0; 32])));
        assert!(kept.cost().memory_kib >= 19 * 1024);
    }
}
