//! Changes: asked for by a page of ours, for this session, in a body that is a form and no larger than it may be.

use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};

use super::browser::{PASSWORD, code_of, form_request, place_of};
use super::cover::path_of;
use crate::console::pages::routes;
use crate::console::route::{Access, Takes};
use crate::http::verb::Verb;
use crate::tests::harness::{Answer, fixture, fixture_with, generous};

fn code(answer: &Answer) -> String {
    if answer.headers["content-type"] == "application/problem+json" { answer.code() } else { code_of(answer) }
}

#[tokio::test]
async fn no_change_is_made_without_the_token_of_the_session() {
    let fixture = fixture().await;
    let (owner, other) = (fixture.signed_in(&fixture.ours).await, fixture.signed_in(&fixture.theirs).await);
    let (good, theirs) = (owner.token(), other.token());
    let mut changed = good.clone();
    changed.replace_range(0..1, if good.starts_with('A') { "B" } else { "A" });
    let mut tried = 0;
    for route in routes().filter(|route| route.verb == Verb::Post && !matches!(route.access, Access::Half(_))) {
        let path = path_of(&fixture, route);
        for token in ["", "x", &theirs, &changed, &good[..good.len() - 4], &format!("{good}{good}")] {
            let answer = if matches!(route.takes, Takes::Json) {
                let request =
                    Request::post(&path).header("content-type", "application/json").header("x-csrf-token", token);
                owner.send(request.body(Body::from("{}")).unwrap()).await
            } else {
                owner.post_with(&path, token, &[]).await
            };
            assert_eq!(
                (answer.status, code(&answer).as_str()),
                (StatusCode::FORBIDDEN, "E-WEB-024"),
                "{} {token}",
                route.name
            );
            tried += 1;
        }
        // No token, two tokens, one in the address.
        for body in [String::new(), format!("csrf={good}&csrf={good}"), format!("CSRF={good}")] {
            if matches!(route.takes, Takes::Json) {
                continue;
            }
            let answer = owner.send(form_request(&path, body)).await;
            assert_eq!(code(&answer), "E-WEB-024", "{}", route.name);
        }
        let in_address = owner.send(form_request(&format!("{path}?csrf={good}"), Body::empty())).await;
        assert!(in_address.status.is_client_error(), "{}", route.name);
    }
    assert!(tried > 50, "{tried}");
    // The session is as it was.
    assert_eq!(owner.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_change_is_made_for_another_site() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let token = owner.token();
    for route in routes().filter(|route| route.verb == Verb::Post && !matches!(route.access, Access::Half(_))) {
        let path = path_of(&fixture, route);
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://console.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let json = matches!(route.takes, Takes::Json);
            let media = if json { "application/json" } else { "application/x-www-form-urlencoded" };
            let request =
                Request::post(&path).header("content-type", media).header("x-csrf-token", &token).header(name, value);
            let body = if json { "{}".to_owned() } else { format!("csrf={token}") };
            let answer = owner.send(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(
                (answer.status, code(&answer).as_str()),
                (StatusCode::FORBIDDEN, "E-WEB-025"),
                "{} {name}: {value}",
                route.name
            );
        }
    }
    // From our own host it is done.
    let request = Request::post("https://console.example/account/zone")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "https://console.example");
    let done = owner.send(request.body(Body::from(format!("csrf={token}&zone=Asia%2FTokyo"))).unwrap()).await;
    assert_eq!(place_of(&done), "/account", "{}", done.text());
    assert!(owner.get("/account").await.text().contains("Asia/Tokyo"));
}

#[tokio::test]
async fn signing_in_is_bound_to_the_browser_that_asked() {
    let fixture = fixture().await;
    let (victim, attacker) = (fixture.browser(), fixture.browser());
    let theirs = attacker.get("/sign-in").await;
    victim.get("/sign-in").await;
    let fields = [("organisation", "ours"), ("email", "owner@ours.example"), ("password", PASSWORD)];
    let forged = victim.post_from(&theirs, "/sign-in", &fields).await;
    assert_eq!(code_of(&forged), "E-WEB-024");
    // Without any cookie of ours as well.
    let forged = fixture.browser().post_from(&theirs, "/sign-in", &fields).await;
    assert_eq!(code_of(&forged), "E-WEB-024");
}

#[tokio::test]
async fn a_form_is_read_strictly() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let token = owner.token();
    for (body, code) in [
        (format!("csrf={token}&zone=UTC&zone=UTC"), "E-WEB-022"),
        (format!("csrf={token}&zone=UTC&more=1"), "E-WEB-022"),
        (format!("csrf={token}&zone=%ff"), "E-WEB-022"),
        (format!("csrf={token}&zone=%00"), "E-WEB-022"),
        (format!("csrf={token}&zone[]=UTC"), "E-WEB-022"),
    ] {
        let answer = owner.send(form_request("/account/zone", body.clone())).await;
        assert_eq!(code_of(&answer), code, "{body}");
    }
    let nonsense = owner.post("/account/zone", &[("zone", "Europe/Nowhere<script>")]).await;
    assert_eq!(nonsense.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(nonsense.text().contains("not a time zone") && !nonsense.text().contains("<script>"));
    for media in [
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
        "",
        "application/x-www-form-urlencoded; charset=utf-16",
    ] {
        let request = Request::post("/account/zone").header("content-type", media);
        let answer = owner.send(request.body(Body::from(format!("csrf={token}&zone=UTC"))).unwrap()).await;
        assert_eq!(
            (answer.status, code_of(&answer).as_str()),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "E-WEB-023"),
            "{media}"
        );
    }
    let coded = Request::post("/account/zone")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-encoding", "gzip");
    assert_eq!(code_of(&owner.send(coded.body(Body::from("x")).unwrap()).await), "E-WEB-023");
}

#[tokio::test]
async fn ten_megabytes_are_not_taken() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let token = owner.token();
    let large = format!("csrf={token}&zone={}", "a".repeat(10 * 1024 * 1024));
    let answer = owner.send(form_request("/account/zone", large.clone())).await;
    assert_eq!((answer.status, code_of(&answer).as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "E-WEB-005"));
    // The same in pieces, of which nobody knows how many come.
    let pieces =
        futures_util::stream::iter((0..10_000).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 1_024]))));
    let answer = owner.send(form_request("/account/zone", Body::from_stream(pieces))).await;
    assert_eq!((answer.status, code_of(&answer).as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "E-WEB-005"));
    let stranger = fixture.browser();
    stranger.get("/sign-in").await;
    let answer = stranger.send(form_request("/sign-in", large)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(owner.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_and_an_address_have_a_pace() {
    let rate = |per_second: u32, burst: u32| crate::Rate {
        per_second: per_second.try_into().unwrap(),
        burst: burst.try_into().unwrap(),
    };
    let fixture = fixture_with(crate::Limits { by_key: rate(1, 3), ..generous() }).await;
    let (owner, other) = (fixture.signed_in(&fixture.ours).await, fixture.signed_in(&fixture.theirs).await);
    for _ in 0..3 {
        assert_eq!(owner.get("/account").await.status, StatusCode::OK);
    }
    let early = owner.get("/account").await;
    assert_eq!((early.status, code_of(&early).as_str()), (StatusCode::TOO_MANY_REQUESTS, "E-WEB-011"));
    assert_eq!(early.headers["retry-after"], "1");
    assert_eq!(other.get("/account").await.status, StatusCode::OK);
    let fixture = fixture_with(crate::Limits { by_address: rate(1, 2), ..generous() }).await;
    let stranger = fixture.browser();
    stranger.get("/sign-in").await;
    stranger.get("/nowhere").await;
    let early = stranger.get("/sign-in").await;
    assert_eq!((early.status, code_of(&early).as_str()), (StatusCode::TOO_MANY_REQUESTS, "E-WEB-011"));
}
