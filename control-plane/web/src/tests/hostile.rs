//! Requests that nobody means: whatever they say, the answer is a refusal or a result, never a fault of ours.

use control_plane_domain::list::Cursor;
use http::Method;
use serde_json::{Map, Value, json};

use super::harness::{Answer, fixture};
use crate::api::resource::routes;
use crate::api::route::{Shape, Verb};

fn nasty() -> Vec<Value> {
    let mut values = vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(9_007_199_254_740_993_u64),
        json!([]),
        json!({}),
        json!([[]]),
        json!([null]),
        json!({"$ne": null}),
    ];
    let texts = [
        "",
        " ",
        "\0",
        "a\u{0}b",
        "\r\nX: y",
        "\u{202e}",
        "\u{feff}",
        "'; DROP TABLE runner; --",
        "../../etc/passwd",
        "<script>",
        "${jndi:ldap://x}",
        "%00",
        "9999-12-31T23:59:59.999Z",
        "0000-01-01T00:00:00.000Z",
        "2026-02-30T00:00:00.000Z",
        "00000000-0000-0000-0000-000000000000",
        "AAAA",
        "=",
    ];
    values.extend(texts.map(Value::from));
    values.extend([Value::from("ä".repeat(500)), Value::from("a".repeat(100_000))]);
    values
}

fn sane(answer: &Answer, what: &str) {
    let status = answer.status.as_u16();
    assert!(status < 500 || answer.code() == "E-OPS-061", "{what}: {}", answer.text());
    if !answer.status.is_success() {
        answer.code();
    }
}

#[tokio::test]
async fn bodies_with_other_values_are_refused_or_done() {
    let fixture = fixture().await;
    let mut tried = 0;
    for route in routes().filter(|route| route.verb == Verb::Post) {
        let Some(good) = fixture.ours.things.body_of(route) else { continue };
        let path = fixture.ours.things.path_of(route);
        for (field, old) in good.as_object().unwrap() {
            for value in nasty() {
                let what = format!("{} with {field} = {:.80}", route.id, value.to_string());
                let mut body = good.clone();
                body[field] = value.clone();
                sane(&fixture.post(&path, body).await, &what);
                // The same a level lower.
                if let Some(inner) = old.as_array().and_then(|items| items.first()).and_then(Value::as_object) {
                    for name in inner.keys() {
                        let mut item = inner.clone();
                        item.insert(name.clone(), value.clone());
                        let mut body = good.clone();
                        body[field] = json!([item]);
                        sane(&fixture.post(&path, body).await, &format!("{what} in {name}"));
                    }
                }
                tried += 1;
            }
            let mut without: Map<String, Value> = good.as_object().unwrap().clone();
            without.remove(field);
            sane(&fixture.post(&path, Value::from(without)).await, &format!("{} without {field}", route.id));
        }
    }
    assert!(tried > 500, "{tried}");
}

#[tokio::test]
async fn queries_with_other_values_are_refused_or_answered() {
    let fixture = fixture().await;
    let ours = &fixture.ours.things;
    let id = ours.runner.to_string();
    let cursors = [
        vec![],
        vec!["x"],
        vec![""],
        vec!["\0"],
        vec!["-1"],
        vec!["99999999999999999999"],
        vec![id.as_str()],
        vec!["0", id.as_str()],
        vec!["1", "2", "3", "4", "5"],
        vec!["9223372036854775807", "\0"],
    ];
    for route in routes().filter(|route| matches!(route.shape, Shape::Page(_))) {
        let path = ours.path_of(route);
        for parts in &cursors {
            let cursor = Cursor::at(parts.iter().map(|part| (*part).to_owned())).to_string();
            sane(&fixture.get(&format!("{path}?cursor={cursor}")).await, &format!("{} from {parts:?}", route.id));
        }
        for parameter in route.query {
            for value in ["", "%00", "x", "-1", "%ff", "a%0ab", "1%27", &"a".repeat(1_000), "9999-12-31T23:59:59.999Z"]
            {
                let what = format!("{} with {} = {value}", route.id, parameter.name);
                sane(&fixture.get(&format!("{path}?{}={value}", parameter.name)).await, &what);
            }
        }
    }
}

#[tokio::test]
async fn cursors_of_another_list_or_tenant_show_nothing_of_it() {
    let fixture = fixture().await;
    let theirs = fixture.theirs.things.ids();
    for from in routes().filter(|route| matches!(route.shape, Shape::Page(_))) {
        let path = fixture.theirs.things.path_of(from);
        let page = fixture.ask(Method::GET, &format!("{path}?limit=1"), &fixture.theirs.key, None).await.json();
        let Some(cursor) = page["next"].as_str() else { continue };
        for route in routes().filter(|route| matches!(route.shape, Shape::Page(_))) {
            let answer = fixture.get(&format!("{}?cursor={cursor}", fixture.ours.things.path_of(route))).await;
            sane(&answer, route.id);
            assert!(!theirs.iter().any(|id| answer.text().contains(id.as_str())), "{} after {}", route.id, from.id);
        }
    }
}
