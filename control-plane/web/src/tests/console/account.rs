//! What a person does with their own sign-in.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;

use super::browser::{PASSWORD, code_of, place_of, totp};
use super::html::value_of;
use super::keepers::sure::name_on;
use crate::console::cookie;
use crate::tests::harness::{CLIENT, fixture};

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn what_matters_wants_both_factors_again() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    assert_eq!(owner.get("/account/password").await.status, StatusCode::OK, "both were shown just now");
    fixture.clock.advance_ms(16 * MINUTE);
    for path in ["/account/password", "/account/second-factor", "/account/recovery-codes"] {
        let encoded = path.replace('/', "%2F");
        assert_eq!(place_of(&owner.get(path).await), format!("/confirm?next={encoded}"));
    }
    let made = owner.post("/account/recovery-codes", &[]).await;
    assert_eq!(place_of(&made), "/confirm?next=%2Faccount%2Frecovery-codes");
    let page = owner.follow(made).await;
    let code = owner.code();
    let fields = |password, code| [("password", password), ("code", code), ("next", "/account/recovery-codes")];
    let wrong = owner.post_from(&page, "/confirm", &fields("not this one at all", &code)).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("E-AUTH-002"), "{}", wrong.text());
    fixture.clock.advance_ms(MINUTE);
    let (before, token) = (owner.session(), owner.token());
    let code = owner.code();
    let done = owner.post_from(&page, "/confirm", &fields(PASSWORD, &code)).await;
    assert_eq!(place_of(&done), "/account/recovery-codes", "{}", done.text());
    assert_ne!(owner.session(), before, "the session's cookie is another one");
    // What was made for the cookie before is worth nothing.
    assert_eq!(code_of(&owner.post_with("/account/zone", &token, &[("zone", "UTC")]).await), "E-WEB-024");
    let old = fixture.browser();
    old.cookies.borrow_mut().insert(cookie::SESSION.to_owned(), before);
    assert!(place_of(&old.get("/account").await).starts_with("/sign-in"));
    let page = owner.follow(done).await;
    let named = [("confirm", "owner@ours.example")];
    let codes = owner.post_from(&page, "/account/recovery-codes", &named).await;
    assert!(codes.text().contains("<li><code>"), "{}", codes.text());
    // The same form again makes no others, however often.
    for _ in 0..3 {
        let again = owner.post_from(&page, "/account/recovery-codes", &named).await;
        assert_eq!((again.status, code_of(&again).as_str()), (StatusCode::CONFLICT, "E-WEB-026"));
    }
}

#[tokio::test]
async fn a_password_and_an_authenticator_are_replaced() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let new = "nine quiet herons past the mill";
    let page = owner.get("/account/password").await;
    let fields = |old, new, repeat| [("old", old), ("new", new), ("repeat", repeat)];
    for (old, repeat, says) in
        [(PASSWORD, "something else here", "not the same"), ("wrong wrong wrong", new, "E-AUTH-002")]
    {
        let refused = owner.post_from(&page, "/account/password", &fields(old, new, repeat)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text());
        assert!(refused.text().contains(says) && !refused.text().contains(new), "{}", refused.text());
    }
    let weak = owner.post_from(&page, "/account/password", &fields(PASSWORD, "password1234", "password1234")).await;
    assert!(weak.text().contains("E-AUTH-004"), "{}", weak.text());
    let before = owner.session();
    let done = owner.post_from(&page, "/account/password", &fields(PASSWORD, new, new)).await;
    assert_eq!(place_of(&done), "/account", "{}", done.text());
    assert_ne!(owner.session(), before);
    assert!(owner.follow(done).await.text().contains("Your password is changed."));
    let page = owner.get("/account/second-factor").await;
    let seed = value_of(&page.text(), "code", "class", "digest key", "data-copy").unwrap().replace(' ', "");
    let code = totp(&seed, fixture.operations.clock().now().as_millis());
    let codes = owner.post_from(&page, "/account/second-factor", &[("code", &code)]).await;
    assert_eq!(codes.status, StatusCode::OK, "{}", codes.text());
    assert!(codes.text().contains("<li><code>"));
    assert_eq!(owner.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn sessions_are_seen_and_ended() {
    let fixture = fixture().await;
    let first = fixture.signed_in(&fixture.ours).await;
    // A second browser of the same person: by password, with the same authenticator.
    fixture.clock.advance_ms(MINUTE);
    let second = fixture.browser();
    let page = second.get("/sign-in").await;
    let fields = [("organisation", "ours"), ("email", "owner@ours.example"), ("password", PASSWORD)];
    let begun = second.post_from(&page, "/sign-in", &fields).await;
    let page = second.follow(begun).await;
    let done = second.post_from(&page, "/second-factor", &[("code", &first.code())]).await;
    assert_eq!(place_of(&done), "/", "{}", done.text());
    let text = first.get("/account").await.text();
    assert_eq!(text.matches("this one").count(), 1, "{text}");
    let ended = first.post("/account/sessions", &[("confirm", "owner@ours.example")]).await;
    assert!(first.follow(ended).await.text().contains("1 other session has ended."));
    assert!(place_of(&second.get("/account").await).starts_with("/sign-in"));
    // Ending the own one is signing out.
    let caller =
        fixture.operations.session(&first.session(), &control_plane_operations::Client::new(CLIENT, "")).await.unwrap();
    let control_plane_operations::Seen::Full(signed) = caller else { panic!("not signed in") };
    let path = format!("/account/sessions/{}/end", signed.caller.session().unwrap());
    let asked = first.get(&path).await.text();
    assert!(asked.contains("It is the one in which you look at this"), "{asked}");
    assert_eq!(place_of(&first.post(&path, &[("confirm", &name_on(&asked))]).await), "/sign-in");
    assert!(!first.has(cookie::SESSION));
}

#[tokio::test]
async fn another_persons_session_is_not_there() {
    let fixture = fixture().await;
    let (ours, theirs) = (fixture.signed_in(&fixture.ours).await, fixture.signed_in(&fixture.theirs).await);
    let client = control_plane_operations::Client::new(CLIENT, "");
    let seen = fixture.operations.session(&theirs.session(), &client).await.unwrap();
    let control_plane_operations::Seen::Full(signed) = seen else { panic!("not signed in") };
    let path = format!("/account/sessions/{}/end", signed.caller.session().unwrap());
    let refused = ours.post(&path, &[]).await;
    assert_eq!((refused.status, code_of(&refused).as_str()), (StatusCode::NOT_FOUND, "E-OPS-004"));
    assert_eq!(theirs.get("/account").await.status, StatusCode::OK);
    let device = ours.post(&format!("/account/devices/{}/remove", "0".repeat(64)), &[]).await;
    assert!(device.status.is_client_error(), "{}", device.text());
}

#[tokio::test]
async fn a_live_page_is_followed_until_its_session_ends() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let follow = || {
        let cookie = format!("{}={}", cookie::SESSION, owner.session());
        let request = Request::get("/live").header("cookie", cookie).body(Body::empty()).unwrap();
        fixture.web.respond(request, CLIENT)
    };
    let response = follow().await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"retry: "), "{first:?}");
    // So many at a time, and one more when one has gone.
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(follow().await);
    }
    let refused = follow().await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(others);
    owner.post("/sign-out", &[]).await;
    let rest =
        tokio::time::timeout(std::time::Duration::from_secs(30), body.collect()).await.unwrap().unwrap().to_bytes();
    assert!(rest.ends_with(b"event: over\ndata: -\n\n"), "{rest:?}");
}
