//! The way in: link, password, second factor; and what a half session, a stranger and an ended session reach.

use control_plane_domain::link::LinkKind;
use http::StatusCode;

use super::browser::{Browser, PASSWORD, code_of, place_of, totp};
use super::cover::path_of;
use super::html::{plain, value_of};
use crate::console::cookie;
use crate::console::pages::routes;
use crate::console::route::Access;
use crate::http::verb::Verb;
use crate::tests::harness::{Answer, Fixture, fixture};

async fn link(fixture: &Fixture, kind: LinkKind) -> String {
    let link = fixture.operations.link_as_operator(fixture.ours.id, fixture.ours.owner, kind).await.unwrap();
    format!("/link/{}", link.text.expose())
}

fn seed_of(page: &Answer) -> String {
    value_of(&page.text(), "code", "class", "digest key", "data-copy").unwrap().replace(' ', "")
}

/// From an invitation to a full session, as a person does it.
async fn first_sign_in<'f>(fixture: &'f Fixture) -> (Browser<'f>, Answer) {
    let browser = fixture.browser();
    let path = link(fixture, LinkKind::Invitation).await;
    let page = browser.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert!(page.text().contains("Owner of ours") && page.text().contains("owner@ours.example"));
    let begun = browser
        .post_from(&page, &path, &[("username", "owner@ours.example"), ("password", PASSWORD), ("repeat", PASSWORD)])
        .await;
    assert_eq!(place_of(&begun), "/second-factor/new", "{}", begun.text());
    let offer = browser.follow(begun).await;
    assert!(offer.text().contains("<svg class=\"qr\"") && offer.text().contains("otpauth://totp/"), "{}", offer.text());
    browser.seed.replace(seed_of(&offer));
    let half = browser.session();
    let codes = browser.post_from(&offer, "/second-factor/new", &[("code", &browser.code())]).await;
    assert_eq!(codes.status, StatusCode::OK, "{}", codes.text());
    assert_ne!(browser.session(), half, "the session is another one now");
    (browser, codes)
}

#[tokio::test]
async fn an_invitation_leads_to_a_full_session() {
    let fixture = fixture().await;
    let (browser, codes) = first_sign_in(&fixture).await;
    assert!(codes.text().matches("<li><code>").count() >= 8, "{}", codes.text());
    let account = browser.get("/account").await;
    assert_eq!(account.status, StatusCode::OK, "{}", account.text());
    assert!(account.text().contains("Owner of ours"));
    // The codes as a file, from the form of the page that shows them.
    let shown: Vec<String> =
        codes.text().split("<li><code>").skip(1).map(|rest| plain(rest.split('<').next().unwrap())).collect();
    let fields: Vec<(&str, &str)> = shown.iter().map(|code| ("code", code.as_str())).collect();
    let file = browser.post_from(&codes, "/account/recovery-codes/file", &fields).await;
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"proctor-recovery-codes.txt\"");
    assert!(shown.iter().all(|code| file.text().contains(code)));
    // Signing out ends it everywhere, and Back shows nothing.
    let session = browser.session();
    let out = browser.post("/sign-out", &[]).await;
    assert_eq!(place_of(&out), "/sign-in");
    assert!(!browser.has(cookie::SESSION));
    let page = browser.follow(out).await;
    assert!(page.text().contains("You are signed out."), "{}", page.text());
    assert!(!browser.get("/sign-in").await.text().contains("You are signed out."), "it is said once");
    browser.cookies.borrow_mut().insert(cookie::SESSION.to_owned(), session);
    assert_eq!(place_of(&browser.get("/account").await), "/sign-in?next=%2Faccount");
}

#[tokio::test]
async fn a_link_is_used_once_and_tells_nothing_when_it_is_not_one() {
    let fixture = fixture().await;
    let path = link(&fixture, LinkKind::Invitation).await;
    let browser = fixture.browser();
    let page = browser.get(&path).await;
    for (password, repeat, says) in
        [("short", "short", "E-AUTH-004"), (PASSWORD, "another thing entirely", "not the same")]
    {
        let refused = browser.post_from(&page, &path, &[("password", password), ("repeat", repeat)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains(says), "{}", refused.text());
        assert!(!refused.text().contains(password), "a password is written into a page");
    }
    let used = browser.post_from(&page, &path, &[("password", PASSWORD), ("repeat", PASSWORD)]).await;
    assert_eq!(place_of(&used), "/second-factor/new");
    let again = fixture.browser().get(&path).await;
    let mut unknown = path.clone();
    unknown.replace_range(path.len() - 6.., "AAAAAA");
    for link in [unknown.as_str(), "/link/x", "/link/pln_", "/link/%00", "/link/%3Cscript%3E"] {
        let other = fixture.browser().get(link).await;
        assert_eq!((other.status, code_of(&other)), (again.status, code_of(&again)), "{link}");
        assert!(!other.text().contains("ours.example"));
    }
    assert_eq!((again.status, code_of(&again).as_str()), (StatusCode::NOT_FOUND, "E-AUTH-003"));
}

#[tokio::test]
async fn password_and_second_factor_open_the_page_that_was_asked_for() {
    let fixture = fixture().await;
    let (owner, _) = first_sign_in(&fixture).await;
    let seed = owner.seed.borrow().clone();
    fixture.clock.advance_ms(60_000);
    let browser = fixture.browser();
    let away = browser.get("/account/zone").await;
    assert_eq!(place_of(&away), "/sign-in?next=%2Faccount%2Fzone");
    let page = browser.follow(away).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(browser.has(cookie::VISITOR));
    assert_eq!(value_of(&page.text(), "input", "name", "next", "value").unwrap(), "/account/zone");
    let wrong = |email: &'static str, password: &'static str| {
        [("organisation", "ours"), ("email", email), ("password", password), ("next", "/account/zone")]
    };
    let mut texts = Vec::new();
    for (email, password) in
        [("owner@ours.example", "not the password at all"), ("nobody@ours.example", PASSWORD), ("x", PASSWORD)]
    {
        let refused = browser.post_from(&page, "/sign-in", &wrong(email, password)).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        let text = refused.text();
        assert!(!text.contains(password));
        let notice = text.split("role=\"alert\"").nth(1).unwrap().split("</div>").next().unwrap().to_owned();
        texts.push(notice);
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "refusals differ: {texts:?}");
    let begun = browser.post_from(&page, "/sign-in", &wrong("owner@ours.example", PASSWORD)).await;
    assert_eq!(place_of(&begun), "/second-factor?next=%2Faccount%2Fzone", "{}", begun.text());
    // Only the second factor is reached now.
    for path in ["/", "/account", "/account/zone", "/live"] {
        let refused = browser.get(path).await;
        if path == "/live" {
            assert_eq!(refused.code(), "E-WEB-027");
        } else if refused.status != StatusCode::NOT_FOUND {
            assert_eq!(place_of(&refused), "/second-factor", "{path}");
        }
    }
    let ask = browser.follow(begun).await;
    let refused = browser.post_from(&ask, "/second-factor", &[("code", "000000"), ("next", "/account/zone")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().contains("E-AUTH-002"), "{}", refused.text());
    let half = browser.session();
    let code = totp(&seed, fixture.operations.clock().now().as_millis());
    let done = browser.post_from(&ask, "/second-factor", &[("code", &code), ("next", "/account/zone")]).await;
    assert_eq!(place_of(&done), "/account/zone");
    assert_ne!(browser.session(), half);
    // The half session's cookie is worth nothing any more, nor is the code.
    let old = fixture.browser();
    old.cookies.borrow_mut().insert(cookie::SESSION.to_owned(), half);
    assert_eq!(place_of(&old.get("/account").await), "/sign-in?next=%2Faccount");
}

#[tokio::test]
async fn nobody_is_led_elsewhere() {
    let fixture = fixture().await;
    let browser = fixture.browser();
    for next in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/api/v1/me",
        "/sign-out",
        "/a%0d%0ab",
    ] {
        let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page = browser.get(&format!("/sign-in?next={encoded}")).await;
        assert_eq!(page.status, StatusCode::OK, "{next}");
        let kept = value_of(&page.text(), "input", "name", "next", "value");
        assert!(kept.is_none() || kept.as_deref() == Some("/a%0d%0ab"), "{next}: {kept:?}");
    }
    let owner = fixture.signed_in(&fixture.ours).await;
    let confirm = owner.get("/confirm?next=https%3A%2F%2Fevil.example").await;
    assert_eq!(value_of(&confirm.text(), "input", "name", "next", "value").as_deref(), Some("/"));
    assert_eq!(place_of(&owner.get("/sign-in?next=%2F%2Fevil.example").await), "/");
}

#[tokio::test]
async fn strangers_and_half_sessions_reach_nothing() {
    let fixture = fixture().await;
    let stranger = fixture.browser();
    let half = fixture.browser();
    let path = link(&fixture, LinkKind::Everything).await;
    let page = half.get(&path).await;
    half.post_from(&page, &path, &[("password", PASSWORD), ("repeat", PASSWORD)]).await;
    let mut tried = 0;
    for route in routes() {
        let needs = match route.access {
            Access::Open(_) => continue,
            Access::Half(_) => "half",
            Access::Full(_) | Access::Permitted(..) => "full",
        };
        let path = path_of(&fixture, route);
        let for_script = path.starts_with("/console/") || path == "/live";
        for (who, browser) in [("stranger", &stranger), ("half", &half)] {
            if who == needs {
                continue;
            }
            let answer = match route.verb {
                Verb::Get => browser.get(&path).await,
                Verb::Post => browser.post_with(&path, "token", &[]).await,
            };
            if for_script {
                assert_eq!(answer.code(), "E-WEB-027", "{who} at {}", route.name);
            } else {
                let place = place_of(&answer);
                let expected = if who == "stranger" { "/sign-in" } else { "/second-factor/new" };
                assert!(
                    place == expected || place.starts_with(&format!("{expected}?next=")),
                    "{who} at {}: {place}",
                    route.name
                );
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}

#[tokio::test]
async fn sessions_end_by_themselves() {
    let fixture = fixture().await;
    let browser = fixture.signed_in(&fixture.ours).await;
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    fixture.clock.advance_ms(59 * 60_000);
    assert_eq!(browser.get("/account").await.status, StatusCode::OK, "it was used within the hour");
    // A page that loads itself again is no use of it.
    for _ in 0..4 {
        fixture.clock.advance_ms(20 * 60_000);
        let request = http::Request::get("/account").header("x-proctor-unattended", "1");
        let request = request.header("sec-fetch-mode", "cors");
        browser.send(request.body(axum::body::Body::empty()).unwrap()).await;
    }
    assert_eq!(place_of(&browser.get("/account").await), "/sign-in?next=%2Faccount");
}

#[tokio::test]
async fn garbage_in_cookies_and_headers_is_nobody() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let good = owner.session();
    let twice = format!("{}={good}; {}={good}", cookie::SESSION, cookie::SESSION);
    let session = |value: &str| format!("{}={value}", cookie::SESSION);
    let longer = format!("{good}A");
    let other = format!("{}{}", hex::encode(fixture.theirs.id.as_bytes()), &good[32..]);
    for value in [
        twice.as_str(),
        "",
        "=",
        ";;;",
        &session(""),
        &session("x"),
        &session(&longer),
        &session(&other),
        &session(&"a".repeat(9_000)),
        &session("%00"),
        "\u{e9}=1",
    ] {
        let request =
            http::Request::get("/account").header("cookie", http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        let answer = fixture.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert!(place_of(&answer).starts_with("/sign-in"), "{value}");
    }
    let request = http::Request::get("/account").header("authorization", format!("Bearer {}", fixture.ours.key));
    let answer = fixture.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert!(place_of(&answer).starts_with("/sign-in"), "a key opens a page");
    // And a session opens nothing of the API.
    let api = owner.get("/api/v1/me").await;
    assert_eq!(api.code(), "E-WEB-001");
}
