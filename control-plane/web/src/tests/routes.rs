//! Every route of the table: needs a key, needs its permission, knows nothing of another tenant, takes no other method.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use control_plane_domain::policy::{Permission, Role, Scopes};
use http::{Method, Request, StatusCode};

use super::harness::{Answer, Fixture, Tenant, fixture};
use crate::api::resource::routes;
use crate::api::route::{Access, Route, Shape, Verb};

fn method(route: &Route) -> Method {
    match route.verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
    }
}

/// Asks as `with`, for what is `of`.
async fn ask(fixture: &Fixture, route: &Route, key: &str, of: &Tenant) -> Answer {
    fixture.ask(method(route), &of.things.path_of(route), key, of.things.body_of(route)).await
}

#[test]
fn the_table_has_one_row_for_everything() {
    let ids: BTreeSet<_> = routes().map(|route| route.id).collect();
    let places: BTreeSet<_> = routes().map(|route| (route.path, route.verb)).collect();
    assert_eq!((ids.len(), places.len()), (routes().count(), routes().count()));
    let open: Vec<_> = routes().filter(|route| matches!(route.access, Access::Open(_))).map(|route| route.id).collect();
    assert_eq!(open, ["getOpenapi"]);
    let any_key: Vec<_> =
        routes().filter(|route| matches!(route.access, Access::Key(_))).map(|route| route.id).collect();
    assert_eq!(any_key, ["getMe"]);
    assert!(routes().all(|route| route.path.starts_with("/api/v1/")));
    // A permission that no route needs is one that nobody thought of here.
    let console = crate::console::pages::routes().flat_map(|route| match route.access {
        crate::console::route::Access::Permitted(permissions, _) => permissions,
        _ => &[],
    });
    let used: BTreeSet<_> = routes().flat_map(|route| route.access.permissions()).chain(console).copied().collect();
    let unused: Vec<_> = Permission::ALL.iter().filter(|scope| scope.is_scope() && !used.contains(scope)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[tokio::test]
async fn without_a_key_that_holds_nothing_is_answered() {
    let fixture = fixture().await;
    for route in routes().filter(|route| !matches!(route.access, Access::Open(_))) {
        let path = fixture.ours.things.path_of(route);
        let bare = Request::builder().method(method(route)).uri(&path).body(Body::empty()).unwrap();
        let answer = fixture.send(bare).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "E-WEB-001"), "{}", route.id);
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"proctor\"");
    }
    // One of them is enough to try the ways in which a key can be wrong.
    let (tenant, rest) = fixture.ours.key.split_at(36);
    let mut other_tenant = format!("pck_{}", hex::encode(fixture.theirs.id.as_bytes()));
    other_tenant.push_str(rest);
    let last = fixture.ours.key.len() - 2;
    let changed =
        format!("{}{}", &fixture.ours.key[..last], if fixture.ours.key.ends_with("AA") { "BA" } else { "AA" });
    for wrong in ["", "x", "pck_", tenant, &other_tenant, &changed, &format!("{} ", fixture.ours.key)] {
        let answer = fixture.ask(Method::GET, "/api/v1/me", wrong, None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}: {}", answer.text());
    }
    for value in [fixture.ours.key.clone(), format!("Basic {}", fixture.ours.key), "Bearer".to_owned()] {
        let request = Request::get("/api/v1/me").header("authorization", value).body(Body::empty()).unwrap();
        assert_eq!(fixture.send(request).await.status, StatusCode::UNAUTHORIZED);
    }
    let bearer = format!("Bearer {}", fixture.ours.key);
    let twice = Request::get("/api/v1/me").header("authorization", &bearer).header("authorization", &bearer);
    assert_eq!(fixture.send(twice.body(Body::empty()).unwrap()).await.status, StatusCode::UNAUTHORIZED);
    let lower = Request::get("/api/v1/me").header("authorization", format!("bearer {}", fixture.ours.key));
    assert_eq!(fixture.send(lower.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
    // A key that has expired.
    fixture.clock.advance_ms(31 * 24 * 3_600_000);
    assert_eq!(fixture.get("/api/v1/me").await.code(), "E-OPS-001");
}

#[tokio::test]
async fn a_key_needs_the_permission_of_the_route_and_no_other() {
    let fixture = fixture().await;
    for route in routes() {
        let needed = route.access.permissions();
        let Some(first) = needed.first() else { continue };
        let others = Scopes::of_role(Role::Owner);
        let without = fixture.key_with(others.iter().filter(|scope| !needed.contains(scope))).await;
        let answer = ask(&fixture, route, &without, &fixture.ours).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "E-OPS-003"), "{}", route.id);
        // With nothing but the permission it is let in, so that the table says what operations say.
        for permission in needed {
            let narrow = fixture.key_with([*permission]).await;
            let theirs = fixture.theirs.things.path_of(route);
            let answer = fixture.ask(method(route), &theirs, &narrow, fixture.theirs.things.body_of(route)).await;
            let for_another = *permission == Permission::ApiKeysManage && route.id == "createApiKey";
            if !for_another {
                assert_ne!(answer.status, StatusCode::FORBIDDEN, "{} with {permission}: {}", route.id, answer.text());
                assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{} with {first}", route.id);
            }
        }
    }
}

#[tokio::test]
async fn another_tenants_things_are_not_there() {
    let fixture = fixture().await;
    let known = fixture.ours.things.ids();
    for route in routes() {
        let names_a_thing =
            route.path.contains('{') || ["requestRun", "requestDrilldown", "requestSecret"].contains(&route.id);
        let answer = ask(&fixture, route, &fixture.theirs.key, &fixture.ours).await;
        if names_a_thing {
            assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "E-OPS-004"), "{}", route.id);
            // What is not there at all looks the same.
            let nowhere = fixture.ours.things.path_of(route).replace(&known[0][..8], "00000000");
            let body = fixture.ours.things.body_of(route);
            if route.path.contains('{') {
                let nothing = fixture.ask(method(route), &nowhere, &fixture.theirs.key, body).await;
                assert_eq!((nothing.status, nothing.json()), (answer.status, answer.json()), "{}", route.id);
            }
        } else {
            assert!(answer.status.is_success(), "{}: {}", route.id, answer.text());
        }
        for id in &known {
            assert!(!answer.text().contains(id.as_str()), "{} tells of {id}", route.id);
        }
    }
}

#[tokio::test]
async fn our_own_things_are_there() {
    let fixture = fixture().await;
    for route in routes().filter(|route| route.verb == Verb::Get) {
        let answer = ask(&fixture, route, &fixture.ours.key, &fixture.ours).await;
        // Nobody has answered and nobody has receipted.
        let expected = match route.id {
            "readDrilldownAnswer" => StatusCode::CONFLICT,
            "getDrilldownReceipt" | "getSecretReceipt" => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        assert_eq!(answer.status, expected, "{}: {}", route.id, answer.text());
        if matches!(route.shape, Shape::Page(_)) {
            let page = answer.json();
            assert!(!page["items"].as_array().unwrap().is_empty(), "{} shows nothing", route.id);
            assert!(page["next"].is_null() || page["next"].is_string());
        }
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_allowed() {
    let fixture = fixture().await;
    let mut paths: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for route in routes() {
        paths.entry(route.path).or_default().insert(route.verb.as_str());
    }
    for (path, allowed) in paths {
        for tried in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"] {
            if allowed.contains(tried) {
                continue;
            }
            let request = Request::builder()
                .method(tried)
                .uri(path.replace(['{', '}'], ""))
                .header("authorization", format!("Bearer {}", fixture.ours.key));
            let answer = fixture.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{tried} {path}");
            // An answer to HEAD has no body.
            if tried != "HEAD" {
                assert_eq!(answer.code(), "E-WEB-003", "{tried} {path}");
            }
            assert_eq!(answer.headers["allow"], allowed.iter().copied().collect::<Vec<_>>().join(", "));
        }
    }
}

#[tokio::test]
async fn what_is_not_in_the_table_is_not_there() {
    let fixture = fixture().await;
    for path in ["/api", "/api/v1", "/api/v1/", "/api/v1/runners/", "/api/v2/me", "/api/v1/me/x", "/api/v1/%6de/%2e"] {
        let answer = fixture.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "E-WEB-002"), "{path}");
    }
    for id in ["x", "019AA7F0-0000-7000-8000-000000000003", "..%2f..%2fme", "%00", "1%20OR%201=1", "%ff"] {
        let answer = fixture.get(&format!("/api/v1/runners/{id}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
    }
}
