//! What stands on every answer of the listener, whoever gives it: headers, methods, and who may ask.

use axum::body::Body;
use control_plane_domain::policy::Role;
use http::{Request, StatusCode};

use super::browser::code_of;
use super::cover::path_of;
use crate::console::pages::routes;
use crate::console::policy;
use crate::console::route::Access;
use crate::http::verb::Verb;
use crate::tests::harness::{Answer, fixture};

fn is_page(answer: &Answer) {
    assert_eq!(answer.headers["content-security-policy"], policy::CONTENT, "{}", answer.status);
    assert_eq!(answer.headers["cache-control"], "no-store");
    if !answer.bytes.is_empty() {
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8", "{}", answer.text());
    }
}

#[test]
fn the_policy_lets_nothing_in_that_is_not_ours() {
    let policy = policy::CONTENT.to_str().unwrap().to_owned();
    for forbidden in ["unsafe", "*", "data:", "blob:", "http", "nonce", "strict-dynamic"] {
        assert!(!policy.contains(forbidden), "{forbidden}: {policy}");
    }
    for needed in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ] {
        assert!(policy.split("; ").any(|directive| directive == needed), "{needed}: {policy}");
    }
}

/// The harness checks on every answer the headers that stand on all; here every page is asked for once.
#[tokio::test]
async fn every_page_has_its_headers_and_answers_its_owner() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    for route in routes().filter(|route| route.verb == Verb::Get && !matches!(route.access, Access::Half(_))) {
        let path = path_of(&fixture, route);
        if path == "/live" || path.starts_with("/console/") {
            continue;
        }
        let answer = owner.get(&path).await;
        assert!(answer.status.as_u16() < 500, "{}: {}", route.name, answer.text());
        if answer.headers.get("content-type").is_some_and(|media| media.as_bytes().starts_with(b"text/html"))
            || answer.status.is_redirection()
        {
            is_page(&answer);
        }
        let head = Request::head(&path).body(Body::empty()).unwrap();
        let head = owner.send(head).await;
        assert_eq!(head.status, answer.status, "HEAD {path}");
        assert!(head.bytes.is_empty(), "HEAD {path}");
    }
}

#[tokio::test]
async fn refusals_are_pages_with_code_request_and_next_step() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let nowhere = owner.get("/nowhere").await;
    is_page(&nowhere);
    assert_eq!((nowhere.status, code_of(&nowhere).as_str()), (StatusCode::NOT_FOUND, "E-WEB-002"));
    assert!(nowhere.text().contains(nowhere.headers["x-request-id"].to_str().unwrap()), "{}", nowhere.text());
    assert!(nowhere.text().contains("aria-label=\"Main\""), "the navigation is there for whoever is signed in");
    let stranger = fixture.browser().get("/nowhere").await;
    is_page(&stranger);
    assert!(!stranger.text().contains("aria-label=\"Main\"") && !stranger.text().contains("ours"));
    for (path, code) in [
        ("/account?x=1", "E-WEB-009"),
        ("/confirm?next=/&next=/", "E-WEB-009"),
        ("/confirm?next=%ff", "E-WEB-009"),
        ("/assets/js-0000000000000000/page.js", "E-WEB-002"),
        ("/assets/../openapi.json", "E-WEB-002"),
        ("/account/", "E-WEB-002"),
        ("/%61ccount/%2e%2e/account", "E-WEB-002"),
        ("/console", "E-WEB-002"),
        ("//evil.example/", "E-WEB-002"),
    ] {
        let answer = owner.get(path).await;
        is_page(&answer);
        assert_eq!(code_of(&answer), code, "{path}");
    }
    let long = owner.get(&format!("/account?x={}", "a".repeat(5_000))).await;
    assert_eq!((long.status, code_of(&long).as_str()), (StatusCode::URI_TOO_LONG, "E-WEB-006"));
    is_page(&long);
    let with_body = Request::get("/account").body(Body::from("x")).unwrap();
    assert_eq!(code_of(&owner.send(with_body).await), "E-WEB-010");
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_allowed() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let mut paths = std::collections::BTreeMap::<String, Vec<Verb>>::new();
    for route in routes() {
        paths.entry(path_of(&fixture, route)).or_default().push(route.verb);
    }
    paths.insert(crate::console::asset::path_of("page.js"), vec![Verb::Get]);
    for (path, verbs) in paths {
        let mut allowed = Vec::new();
        if verbs.contains(&Verb::Get) {
            allowed.push("GET, HEAD");
        }
        if verbs.contains(&Verb::Post) {
            allowed.push("POST");
        }
        let allowed = allowed.join(", ");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            if allowed.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let answer = owner.send(Request::builder().method(method).uri(&path).body(Body::empty()).unwrap()).await;
            // Whoever may not come here at all hears only that.
            if answer.status == StatusCode::SEE_OTHER {
                continue;
            }
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}: {}", answer.text());
            assert_eq!(answer.headers["allow"], allowed, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_page_needs_the_permission_of_its_route() {
    let fixture = fixture().await;
    for role in Role::ALL {
        let browser = fixture.signed_in_with_role(&fixture.ours, *role).await;
        for route in routes() {
            let Access::Permitted(needed, _) = route.access else { continue };
            if route.path == "/live" {
                continue;
            }
            let may = needed.iter().any(|permission| role.allows(*permission));
            let path = path_of(&fixture, route);
            let answer = match route.verb {
                Verb::Get => browser.get(&path).await,
                // Without a token nothing is done; who may not is refused before.
                Verb::Post => browser.post_with(&path, "none", &[]).await,
            };
            let is_refused = answer.status == StatusCode::FORBIDDEN && answer.text().contains("E-OPS-003");
            assert_eq!(is_refused, !may, "{role} at {}: {}", route.name, answer.status);
        }
    }
}

#[tokio::test]
async fn another_tenants_things_are_not_there() {
    let fixture = fixture().await;
    let theirs = fixture.signed_in(&fixture.theirs).await;
    let ours = fixture.ours.things.ids();
    for route in routes().filter(|route| route.verb == Verb::Get && !matches!(route.access, Access::Half(_))) {
        let path = path_of(&fixture, route);
        if path == "/live" {
            continue;
        }
        let answer = theirs.get(&path).await;
        assert!(answer.status.as_u16() < 500, "{}: {}", route.name, answer.text());
        let text = answer.text();
        for id in &ours {
            assert!(path.contains(id.as_str()) || !text.contains(id.as_str()), "{} tells of {id}", route.name);
        }
        assert!(!text.contains("Owner of ours") && !text.contains("owner@ours"), "{} tells of us", route.name);
        let names_a_thing = ["{run}", "{runner}", "{person}", "{drilldown}", "{alarm}", "{request}", "{item}"]
            .iter()
            .any(|parameter| route.path.contains(parameter));
        if names_a_thing && answer.status != StatusCode::SEE_OTHER {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}: {}", route.name, answer.text());
        }
    }
}
