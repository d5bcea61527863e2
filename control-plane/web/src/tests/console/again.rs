//! A form that took longer than the factors count: what was typed is kept, and sent with both of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::StatusCode;
use url::form_urlencoded;

use super::browser::{Browser, PASSWORD, code_of, form_request, place_of};
use super::html::value_of;
use crate::console::cookie;
use crate::tests::harness::{Answer, CLIENT, fixture};

const MINUTE: i64 = 60_000;
const TYPED: &[(&str, &str)] = &[("email", "grace@example.org"), ("name", "Grace \"<b>\" Hopper"), ("role", "viewer")];

/// The form as the page has it, with both factors.
async fn send_again(browser: &Browser<'_>, page: &Answer, code: &str) -> Answer {
    let text = page.text();
    let kept: Vec<(&str, String)> =
        TYPED.iter().map(|(name, _)| (*name, value_of(&text, "input", "name", name, "value").unwrap())).collect();
    let mut fields: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend([("again-password", PASSWORD), ("again-code", code)]);
    browser.post_from(page, "/people/invite", &fields).await
}

#[tokio::test]
async fn what_was_typed_outlives_the_quarter_of_an_hour() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let form = owner.get("/people/invite").await;
    fixture.clock.advance_ms(16 * MINUTE);
    let asked = owner.post_from(&form, "/people/invite", TYPED).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN, "{}", asked.text());
    assert!(asked.text().contains("Nothing was done yet"), "{}", asked.text());
    for (name, value) in TYPED {
        assert_eq!(value_of(&asked.text(), "input", "name", name, "value").as_deref(), Some(*value));
    }
    assert!(!asked.text().contains("<b>"), "what was typed became markup");
    assert!(!owner.get("/people").await.text().contains("grace@example.org"));
    // Whoever goes back and sends the form itself again is asked the same.
    assert_eq!(owner.post_from(&form, "/people/invite", TYPED).await.status, StatusCode::FORBIDDEN);

    let wrong = send_again(&owner, &asked, "000000").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.text().contains("E-AUTH-002") && !wrong.text().contains(PASSWORD), "{}", wrong.text());

    fixture.clock.advance_ms(MINUTE);
    let before = owner.session();
    let code = owner.code();
    let done = send_again(&owner, &wrong, &code).await;
    assert!(done.status.is_success() || done.status.is_redirection(), "{}: {}", done.status, done.text());
    assert_ne!(owner.session(), before, "the session's cookie is another one");
    assert!(owner.get("/people").await.text().contains("grace@example.org"));
    // The cookie before is worth nothing, and what follows needs no confirmation.
    let old = fixture.browser();
    old.cookies.borrow_mut().insert(cookie::SESSION.to_owned(), before);
    assert!(place_of(&old.get("/people").await).starts_with("/sign-in"));
    assert_eq!(owner.get("/people/invite").await.status, StatusCode::OK);
}

/// Whoever is gone by the time the factors are looked at has not spent a code for nothing.
#[tokio::test]
async fn a_closed_tab_carries_factors_and_change_to_the_end() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    fixture.clock.advance_ms(16 * MINUTE);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("csrf", &owner.token()).extend_pairs(TYPED);
    form.append_pair("again-password", PASSWORD).append_pair("again-code", &owner.code());
    let is_read = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&is_read);
    let ending = stream::poll_fn(move |_| {
        end.store(true, Ordering::Release);
        Poll::Ready(None)
    });
    let pieces = stream::iter([Ok::<_, std::io::Error>(Bytes::from(form.finish()))]).chain(ending);
    let mut request = form_request("/people/invite", Body::from_stream(pieces));
    request.headers_mut().insert("cookie", format!("{}={}", cookie::SESSION, owner.session()).parse().unwrap());
    let mut sent = Box::pin(fixture.web.respond(request, CLIENT));
    while !is_read.load(Ordering::Acquire) {
        assert!(futures_util::poll!(sent.as_mut()).is_pending(), "it was answered before it was read");
        tokio::task::yield_now().await;
    }
    // The form is read, and the password is being compared.
    drop(sent);
    let invited = tokio::time::timeout(Duration::from_secs(30), async {
        while !fixture.get("/api/v1/people").await.text().contains("grace@example.org") {}
    });
    invited.await.expect("nothing came of the form, and the code is spent");
}

/// Both factors hold, and then the change is refused: the session has its new cookie all the same.
#[tokio::test]
async fn a_refusal_after_it_keeps_the_session() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    fixture.clock.advance_ms(16 * MINUTE);
    let (before, code) = (owner.session(), owner.code());
    let fields = [("role", "engineer"), ("again-password", PASSWORD), ("again-code", &code)];
    let refused = owner.post(&format!("/people/{}/role", fixture.theirs.things.person), &fields).await;
    assert_eq!((refused.status, code_of(&refused).as_str()), (StatusCode::NOT_FOUND, "E-OPS-004"));
    assert_ne!(owner.session(), before);
    let next = owner.post_from(&refused, "/account/zone", &[("zone", "UTC")]).await;
    assert_ne!(next.status, StatusCode::FORBIDDEN, "the page's forms belong to another session");
    assert_eq!(owner.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_holds_a_secret_is_not_kept_and_nothing_is_shown_for_another() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let other = fixture.signed_in(&fixture.theirs).await;
    fixture.clock.advance_ms(16 * MINUTE);
    let new = "nine quiet herons past the mill";
    let fields = [("old", PASSWORD), ("new", new), ("repeat", new)];
    let sent = owner.post("/account/password", &fields).await;
    assert_eq!(place_of(&sent), "/confirm?next=%2Faccount%2Fpassword");
    // Somebody else's factors open nothing, and a form that is never kept takes none.
    let fields = [("email", "x@example.org"), ("name", "X"), ("role", "viewer")];
    let code = other.code();
    let with_theirs = [&fields[..], &[("again-password", PASSWORD), ("again-code", &code)]].concat();
    let refused = owner.post("/people/invite", &with_theirs).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!owner.get("/people").await.text().contains("x@example.org"));
    let strange = owner.post("/account/password", &[("again-password", PASSWORD), ("again-code", "1")]).await;
    assert_eq!(code_of(&strange), "E-WEB-022");
}
