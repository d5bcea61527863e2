//! Who may do what: every page and every act of these pages, by every role, against the permission table; and what
//! belongs to another tenant.

use axum::body::Body;
use control_plane_domain::policy::{Permission, Role};
use http::{Request, StatusCode};

use super::super::browser::{code_of, form_request};
use super::super::cover::path_of;
use super::lines;
use crate::console::pages;
use crate::console::route::{Access, PageRoute, Takes};
use crate::http::verb::Verb;
use crate::tests::harness::{Fixture, fixture};

/// The pages of this folder.
fn ours() -> Vec<&'static PageRoute> {
    let firsts =
        ["runner", "runners", "token", "requests", "alarm", "alarms", "audit", "people", "person", "key", "keys"];
    let others = ["drilldowns", "drilldown.receipt", "secret", "secrets", "settings"];
    let is_ours = |route: &&PageRoute| {
        let first = route.name.split('.').next().unwrap_or_default();
        firsts.contains(&first) || others.contains(&first) || others.contains(&route.name)
    };
    pages::routes().filter(is_ours).collect()
}

fn permissions(route: &PageRoute) -> &'static [Permission] {
    match route.access {
        Access::Permitted(permissions, _) => permissions,
        Access::Open(_) | Access::Half(_) | Access::Full(_) => panic!("{} is for everybody", route.name),
    }
}

/// What a person would type, so that nothing but the role is in the way.
fn fields(route: &PageRoute) -> Vec<(&'static str, &'static str)> {
    let Takes::Form(fields) = route.takes else { panic!("{} takes no form", route.name) };
    let value = |name| match name {
        "label" => "a label",
        "fingerprint" => "0505050505050505050505050505050505050505050505050505050505050505",
        "justification" => "as agreed",
        "confirm" => "not the name",
        "email" => "new@example.org",
        "name" => "New",
        "role" => "viewer",
        "kind" => "password",
        "days" => "1",
        "scope" => "runs.list",
        "to" => "on",
        other => panic!("{} needs a value for {other}", route.name),
    };
    fields.iter().map(|field| (field.name, value(field.name))).collect()
}

#[test]
fn the_walk_knows_all_of_them() {
    let (posts, gets): (Vec<_>, Vec<_>) = ours().into_iter().partition(|route| route.verb == Verb::Post);
    assert!(posts.len() >= 14 && gets.len() >= 25, "{} and {}", posts.len(), gets.len());
    posts.iter().for_each(|route| drop(fields(route)));
}

/// Where it is; what is done to a person is done to somebody who does not look at the log afterwards.
fn place(fixture: &Fixture, route: &PageRoute) -> String {
    path_of(fixture, route).replace(&fixture.ours.owner.to_string(), &fixture.ours.things.person.to_string())
}

async fn walk(fixture: &Fixture, role: Role) {
    let browser = fixture.signed_in_with_role(&fixture.ours, role).await;
    for route in ours() {
        let path = place(fixture, route);
        let allowed = permissions(route).iter().any(|permission| role.allows(*permission));
        let before = lines(fixture, &fixture.ours).await.len();
        let answer = match route.verb {
            Verb::Get => browser.get(&path).await,
            Verb::Post => browser.post(&path, &fields(route)).await,
        };
        let status = answer.status;
        assert!(!status.is_server_error(), "{} as {role}: {}", route.name, answer.text());
        if allowed {
            let is_role = status == StatusCode::FORBIDDEN && code_of(&answer) == "E-OPS-003";
            assert!(!is_role, "{} is for the role {role}", route.name);
        } else {
            assert_eq!(status, StatusCode::FORBIDDEN, "{} is not for the role {role}: {}", route.name, answer.text());
            assert_eq!(code_of(&answer), "E-OPS-003", "{} as {role}", route.name);
            assert_eq!(lines(fixture, &fixture.ours).await.len(), before, "{} as {role} changed something", route.name);
        }
    }
}

#[tokio::test]
async fn each_role_reaches_what_the_table_says_and_no_more() {
    for role in Role::ALL {
        walk(&fixture().await, *role).await;
    }
}

#[tokio::test]
async fn pages_show_no_button_that_is_not_for_the_role() {
    let fixture = fixture().await;
    let viewer = fixture.signed_in_with_role(&fixture.ours, Role::Viewer).await;
    let things = &fixture.ours.things;
    for (path, never) in [
        ("/runners".to_owned(), "/runners/add"),
        (format!("/runners/{}", things.runner), "/revoke"),
        ("/requests".to_owned(), "href=\"/people/"),
        ("/account/keys".to_owned(), "<th scope=\"col\" role=\"columnheader\">Person"),
    ] {
        let answer = viewer.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(!answer.text().contains(never), "{path} has {never}");
    }
    let auditor = fixture.signed_in_with_role(&fixture.ours, Role::Auditor).await;
    for (path, never) in [
        ("/people".to_owned(), "/people/invite"),
        (format!("/people/{}", things.person), "/remove"),
        (format!("/alarms/{}", things.alarm), "/acknowledge"),
    ] {
        assert!(!auditor.get(&path).await.text().contains(never), "{path} has {never}");
    }
}

#[tokio::test]
async fn no_form_is_taken_without_its_token() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let before = lines(&fixture, &fixture.ours).await.len();
    let other = fixture.signed_in(&fixture.theirs).await.token();
    for route in ours().into_iter().filter(|route| route.verb == Verb::Post) {
        let path = path_of(&fixture, route);
        let body: Vec<String> = fields(route).iter().map(|(name, value)| format!("{name}={value}")).collect();
        let without = owner.send(form_request(&path, body.join("&"))).await;
        assert!(without.status.is_client_error(), "{} without a token: {}", route.name, without.text());
        let wrong = owner.post_with(&path, "AAAA", &fields(route)).await;
        assert!(wrong.status.is_client_error(), "{} with a wrong token", route.name);
        // A token of another session.
        assert!(owner.post_with(&path, &other, &fields(route)).await.status.is_client_error(), "{}", route.name);
        // From another site.
        let request = Request::post(&path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "https://evil.example")
            .header("sec-fetch-site", "cross-site")
            .body(Body::from(format!("csrf={}&{}", owner.token(), body.join("&"))));
        let crossed = owner.send(request.unwrap()).await;
        assert!(crossed.status.is_client_error(), "{} from another site", route.name);
    }
    assert_eq!(lines(&fixture, &fixture.ours).await.len(), before, "nothing was changed");
}

#[tokio::test]
async fn what_is_another_tenants_is_not_there() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let (mine, theirs) = (&fixture.ours.things, &fixture.theirs.things);
    let pairs = [
        (mine.runner.to_string(), theirs.runner.to_string()),
        (mine.token.to_string(), theirs.token.to_string()),
        (mine.alarm.to_string(), theirs.alarm.to_string()),
        (mine.key.to_string(), theirs.key.to_string()),
        (mine.drilldown.to_string(), theirs.drilldown.to_string()),
        (mine.secret.to_string(), theirs.secret.to_string()),
        (fixture.ours.owner.to_string(), fixture.theirs.owner.to_string()),
    ];
    let before = (lines(&fixture, &fixture.ours).await.len(), lines(&fixture, &fixture.theirs).await.len());
    let mut tried = 0;
    for route in ours() {
        let path = path_of(&fixture, route);
        let other = pairs.iter().fold(path.clone(), |path, (mine, theirs)| path.replace(mine.as_str(), theirs));
        if other == path {
            continue;
        }
        let answer = match route.verb {
            Verb::Get => owner.get(&other).await,
            Verb::Post => owner.post(&other, &fields(route)).await,
        };
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}: {}", route.name, answer.text());
        tried += 1;
    }
    assert!(tried >= 20, "{tried}");
    let after = (lines(&fixture, &fixture.ours).await.len(), lines(&fixture, &fixture.theirs).await.len());
    assert_eq!(after, before);
    for path in ["/requests", "/drilldowns", "/secrets"] {
        let text = owner.get(&format!("{path}?runner={}", theirs.runner)).await.text();
        assert!(!text.contains("<tbody>"), "{path}: {text}");
    }
    // Names of others are not told.
    let text = owner.get(&format!("/requests?runner={}", theirs.runner)).await.text();
    assert!(!text.contains("Owner of theirs"), "{text}");
}

/// Values that nobody means.
fn nasty() -> Vec<String> {
    let texts = [
        "",
        " ",
        "\r\nX: y",
        "\u{202e}",
        "\u{feff}",
        "'; DROP TABLE runner; --",
        "../../etc/passwd",
        "<script>",
        "%00",
        "-1",
        "99999999999999999999",
        "1e9",
        "null",
        "=1+1",
        "owner ",
        "OWNER",
        "00000000-0000-0000-0000-000000000000",
    ];
    let long = ["a".repeat(65), "ä".repeat(501), "a".repeat(60_000)];
    texts.into_iter().map(str::to_owned).chain(long).collect()
}

#[tokio::test]
async fn forms_with_other_values_are_refused_or_done() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let mut tried = 0;
    for route in ours().into_iter().filter(|route| route.verb == Verb::Post) {
        let path = place(&fixture, route);
        let good = fields(route);
        for (name, _) in &good {
            for value in nasty() {
                let typed: Vec<(&str, &str)> = good
                    .iter()
                    .map(|(field, old)| (*field, if field == name { value.as_str() } else { *old }))
                    .collect();
                let answer = owner.post(&path, &typed).await;
                let what = format!("{} with {name} = {value:.40}", route.name);
                assert!(!answer.status.is_server_error(), "{what}: {}", answer.text());
                assert!(!answer.text().contains("<script>\"") && !answer.text().contains('\u{202e}'), "{what}");
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
    for route in ours().into_iter().filter(|route| route.verb == Verb::Get) {
        let path = path_of(&fixture, route);
        for field in route.query {
            for value in ["", "%00", "x", "-1", "%ff", "a%0ab", "1%27", &"a".repeat(1_000), "9999-12-31"] {
                let answer = owner.get(&format!("{path}?{}={value}", field.name)).await;
                assert!(!answer.status.is_server_error(), "{} with {} = {value}", route.name, field.name);
            }
        }
    }
}
