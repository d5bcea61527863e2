//! What is read is read strictly, and what cannot be done is said without our insides.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::harness::{Answer, Fixture, fixture};

async fn post_raw(fixture: &Fixture, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = Request::post(path).header("authorization", format!("Bearer {}", fixture.ours.key));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    fixture.send(request.body(body.into()).unwrap()).await
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn bodies_are_plain_json_and_nothing_else() {
    let fixture = fixture().await;
    let good = r#"{"label":"cellar"}"#;
    for headers in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/json; charset=latin1")],
        &[("content-type", "application/json, text/plain")],
        &[("content-type", "application/problem+json")],
        &[JSON, JSON],
        &[JSON, ("content-encoding", "gzip")],
    ] {
        let answer = post_raw(&fixture, "/api/v1/tokens", headers, good).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (415, "E-WEB-004"), "{headers:?}");
    }
    for (body, status, code) in [
        ("", 400, "E-WEB-007"),
        ("label=cellar", 400, "E-WEB-007"),
        ("[\"cellar\"]", 422, "E-WEB-008"),
        (r#"{"label":"cellar","label":"cellar"}"#, 422, "E-WEB-008"),
        (r#"{"label":"cellar","admin":true}"#, 422, "E-WEB-008"),
        (r#"{"label":"a\u0000b"}"#, 422, "E-WEB-008"),
        (r#"{"label":"a\u202eb"}"#, 422, "E-WEB-008"),
        (r#"{"label":""}"#, 422, "E-WEB-008"),
        (r#"{"label":7}"#, 422, "E-WEB-008"),
        ("{}", 422, "E-WEB-008"),
    ] {
        let answer = post_raw(&fixture, "/api/v1/tokens", &[JSON], body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body}");
        assert!(!answer.text().contains(['\0', '\u{202e}']));
    }
    assert_eq!(post_raw(&fixture, "/api/v1/tokens", &[JSON], good).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_key_that_is_revoked_while_its_body_arrives_does_nothing() {
    let fixture = fixture().await;
    let (operations, tenant, key) = (fixture.operations.clone(), fixture.ours.id, fixture.ours.things.key);
    let body = futures_util::stream::once(async move {
        operations.revoke_api_key_as_operator(tenant, key).await.unwrap();
        Ok::<_, std::io::Error>(r#"{"label":"cellar"}"#)
    });
    let answer = post_raw(&fixture, "/api/v1/tokens", &[JSON], Body::from_stream(body)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "E-OPS-001"));
}

#[tokio::test]
async fn more_than_allowed_is_refused() {
    let fixture = fixture().await;
    let large = format!("{{\"label\":\"{}\"}}", "a".repeat(300 * 1024));
    let answer = post_raw(&fixture, "/api/v1/tokens", &[JSON], large.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "E-WEB-005"));
    // The same without a length that could be looked at.
    let pieces: Vec<Result<String, std::io::Error>> =
        large.as_bytes().chunks(1_000).map(|piece| Ok(String::from_utf8_lossy(piece).into_owned())).collect();
    let streamed = Body::from_stream(futures_util::stream::iter(pieces));
    assert_eq!(post_raw(&fixture, "/api/v1/tokens", &[JSON], streamed).await.code(), "E-WEB-005");
    let answer = fixture.get(&format!("/api/v1/runners?cursor={}", "a".repeat(5_000))).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (414, "E-WEB-006"));
    let path = format!("/api/v1/tokens/{}/revoke", fixture.ours.things.token);
    let answer = post_raw(&fixture, &path, &[], "x").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "E-WEB-010"));
    let request = Request::get("/api/v1/me").header("authorization", format!("Bearer {}", fixture.ours.key));
    assert_eq!(fixture.send(request.body(Body::from("{}")).unwrap()).await.code(), "E-WEB-010");
}

#[tokio::test]
async fn queries_are_known_and_given_once() {
    let fixture = fixture().await;
    for query in [
        "limit=0",
        "limit=201",
        "limit=1&limit=1",
        "cursor=x",
        "runner=x",
        "verdict=PASS",
        "from=yesterday",
        "offset=10",
        "from=2026-11-21T20:11:36Z",
        "__proto__=1",
    ] {
        let answer = fixture.get(&format!("/api/v1/runs?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "E-WEB-009"), "{query}");
    }
    assert_eq!(fixture.get("/api/v1/me?x=1").await.code(), "E-WEB-009");
    let things = &fixture.ours.things;
    let found = fixture.get(&format!("/api/v1/runs?runner={}&verdict=fail", things.runner)).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(fixture.get("/api/v1/runs?verdict=pass").await.json()["items"], json!([]));
    let filtered = fixture.get("/api/v1/findings?status=fail&procedure=access-review").await.json();
    assert_eq!(filtered["items"][0]["check"], "mfa");
    assert_eq!(fixture.get("/api/v1/runners?standing=pending").await.json()["items"], json!([]));
}

#[tokio::test]
async fn alarms_drilldowns_and_secrets_are_narrowed_as_at_the_console() {
    let fixture = fixture().await;
    let (runner, owner) = (fixture.ours.things.runner, fixture.ours.owner);
    let found = async |path: String| {
        let answer = fixture.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        answer.json()["items"].as_array().unwrap().len()
    };
    // There is one of each, of the time at which the clock stands.
    let (time, later) = ("2026-11-18T11:06:40.000Z", "2026-11-18T11:06:40.001Z");
    let all = format!("open=true&kind=overdue&runner={runner}&from={time}&until={later}");
    assert_eq!(found(format!("alarms?{all}")).await, 1);
    let other = fixture.theirs.things.runner;
    for query in [format!("runner={other}"), "kind=gap".to_owned(), format!("from={later}"), format!("until={time}")] {
        assert_eq!(found(format!("alarms?{query}")).await, 0, "{query}");
        assert_eq!(found(format!("alarms?open=true&{query}")).await, 0, "{query}");
    }
    let all = format!("runner={runner}&person={owner}&purpose=audit&result=open&from={time}&until={later}");
    assert_eq!(found(format!("drilldowns?{all}")).await, 1);
    let stranger = fixture.theirs.owner;
    for query in [
        format!("runner={other}"),
        format!("person={stranger}"),
        "purpose=test".to_owned(),
        "result=answered".to_owned(),
        format!("from={later}"),
        format!("until={time}"),
    ] {
        assert_eq!(found(format!("drilldowns?{query}")).await, 0, "{query}");
    }
    for (query, count) in [("", 1), ("name=orders-db", 1), ("name=orders", 0)] {
        assert_eq!(found(format!("secrets?{query}")).await, count, "{query}");
    }
    for query in
        ["alarms?kind=fire", "alarms?from=today", "drilldowns?result=done", "drilldowns?purpose=", "drilldowns?to=1"]
    {
        assert_eq!(fixture.get(&format!("/api/v1/{query}")).await.code(), "E-WEB-009", "{query}");
    }
}

#[tokio::test]
async fn pages_follow_one_another() {
    let fixture = fixture().await;
    for number in 0..7 {
        let body = json!({"email": format!("p{number}@example.org"), "name": "P", "role": "viewer"});
        assert_eq!(fixture.post("/api/v1/people", body).await.status, StatusCode::CREATED);
    }
    let whole = fixture.get("/api/v1/people?limit=200").await.json();
    let mut paged = Vec::new();
    let mut next = String::new();
    loop {
        let page = fixture.get(&format!("/api/v1/people?limit=2{next}")).await.json();
        let items = page["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()));
        paged.extend(items.iter().cloned());
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(Value::from(paged), whole["items"]);
    assert_eq!(whole["items"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn a_runner_is_looked_after() {
    let fixture = fixture().await;
    let runner = format!("/api/v1/runners/{}", fixture.ours.things.runner);
    let shown = fixture.get(&runner).await.json();
    assert_eq!(shown["fingerprint"], "0505-0505-0505-0505-0505-0505-0505-0505-0505-0505-0505-0505-0505-0505-0505-0505");
    let wrong = fixture.post(&format!("{runner}/approve"), json!({"fingerprint": "ab".repeat(32)})).await;
    assert_eq!((wrong.status.as_u16(), wrong.code().as_str()), (409, "E-OPS-020"));
    let right = fixture.post(&format!("{runner}/approve"), json!({"fingerprint": shown["fingerprint"]})).await;
    assert_eq!(right.json()["standing"], "active");
    let revoked = fixture.post(&format!("{runner}/revoke"), json!({"justification": "sold the house"})).await;
    assert_eq!(revoked.json()["standing"], "revoked");
    assert_eq!(fixture.post(&format!("{runner}/unlock"), json!({"justification": "no"})).await.code(), "E-OPS-021");
    let log = fixture.get("/api/v1/audit?action=runner.revoked").await.json();
    let line: Value = serde_json::from_str(log["items"][0]["line"].as_str().unwrap()).unwrap();
    assert_eq!(
        (line["justification"].as_str(), line["actor"]["person"].as_str()),
        (Some("sold the house"), Some(fixture.ours.owner.to_string().as_str()))
    );
}

#[tokio::test]
async fn a_token_comes_with_its_command() {
    let fixture = fixture().await;
    let made = fixture.post("/api/v1/tokens", json!({"label": "cellar"})).await.json();
    let text = made["text"].as_str().unwrap();
    assert!(contract::token::JoinToken::parse(text).is_ok());
    let pin = "ab".repeat(32);
    let command =
        format!("proctor-runner enrol --control-plane enrol.example.org:8441 --ca-pin sha256:{pin} --token {text}");
    assert_eq!(made["command"], command);
    let listed = fixture.get("/api/v1/tokens").await.text();
    assert!(listed.contains(made["token"]["id"].as_str().unwrap()) && !listed.contains(text));
    let revoke = format!("/api/v1/tokens/{}/revoke", made["token"]["id"].as_str().unwrap());
    let done = fixture.ask(http::Method::POST, &revoke, &fixture.ours.key, None).await;
    assert_eq!((done.status, done.bytes.len()), (StatusCode::NO_CONTENT, 0));
    let again = fixture.ask(http::Method::POST, &revoke, &fixture.ours.key, None).await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "E-OPS-022"));
}

#[tokio::test]
async fn a_drilldown_is_asked_for_and_taken_back() {
    let fixture = fixture().await;
    let things = &fixture.ours.things;
    let asked = fixture.post("/api/v1/drilldowns", things.new_drilldown()).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text());
    let asked = asked.json();
    assert_eq!((asked["state"].as_str(), asked["to_sign"].is_null()), (Some("waiting_for_runner"), true));
    assert_eq!(asked["items"][0], json!({"item": things.item, "root": "08".repeat(32), "rows": [0, 2]}));
    let path = format!("/api/v1/drilldowns/{}", asked["id"].as_str().unwrap());
    assert_eq!(fixture.get(&path).await.json(), asked);
    assert_eq!(fixture.get(&format!("{path}/answer")).await.code(), "E-OPS-041");
    assert_eq!(fixture.post(&format!("{path}/signature"), json!({"signature": "AAAA"})).await.code(), "E-OPS-041");
    let cancelled = fixture.ask(http::Method::POST, &format!("{path}/cancel"), &fixture.ours.key, None).await;
    assert_eq!(cancelled.json()["state"], "cancelled");
    for (field, value) in [
        ("rows", json!([[0]])),
        ("rows", json!([2, 0])),
        ("rows", json!([])),
        ("rows", json!([3])),
        ("rows", json!([-1])),
        ("item", json!("x")),
    ] {
        let mut body = things.new_drilldown();
        body["items"][0][field] = value;
        let answer = fixture.post("/api/v1/drilldowns", body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
    for (field, value) in [
        ("recipient_key", json!("AAAA")),
        ("recipient_key", json!("A".repeat(43) + "=")),
        ("device_key", json!("%")),
        ("purpose", json!("fun")),
        ("reason", json!("a".repeat(201))),
        ("items", json!([])),
        ("wait_seconds", json!(0)),
        ("wait_seconds", json!(1_000_000)),
    ] {
        let mut body = things.new_drilldown();
        body[field] = value;
        let answer = fixture.post("/api/v1/drilldowns", body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
}

#[tokio::test]
async fn exact_bytes_are_exact() {
    let fixture = fixture().await;
    let run = format!("/api/v1/runs/{}", fixture.ours.things.run);
    assert_eq!(fixture.get(&format!("{run}/manifest")).await.bytes, b"{}\n");
    let attestation = fixture.get(&format!("{run}/attestation")).await;
    assert_eq!(attestation.bytes, b"{}");
    assert_eq!(attestation.headers["content-type"], "application/vnd.dsse.envelope.v1+json");
    let note = fixture.get("/api/v1/audit/checkpoint").await.text();
    let key: proof::note::VerifierKey = fixture.get("/api/v1/audit/key").await.text().trim_end().parse().unwrap();
    proof::note::SignedNote::parse(&note).unwrap().verify(&key).unwrap();
    let archive = fixture.get("/api/v1/audit/export").await;
    assert_eq!(archive.headers["content-type"], "application/zip");
    let trust = proof::verification::Trust { audit_keys: vec![key], ..Default::default() };
    let report = proof::export::verify(std::io::Cursor::new(archive.bytes), &trust);
    assert!(report.steps.iter().all(|step| !format!("{:?}", step.outcome).contains("Failed")), "{report:?}");
}

#[tokio::test]
async fn our_faults_are_said_without_our_insides() {
    let fixture = fixture().await;
    let database = fixture.folder.path().join("control-plane.db");
    std::fs::write(fixture.folder.path().join("control-plane.db-wal"), b"").unwrap();
    std::fs::OpenOptions::new().write(true).open(&database).unwrap().set_len(100).unwrap();
    let answer = fixture.get("/api/v1/runners").await;
    assert!(answer.status.is_server_error(), "{}", answer.text());
    assert!(["E-OPS-099", "E-OPS-098"].contains(&answer.code().as_str()));
    let text = answer.text().to_lowercase();
    for inside in
        ["sqlite", "select", "table", "database disk image", ".rs", "panicked", "control-plane.db", "malformed"]
    {
        assert!(!text.contains(inside), "{inside} in {text}");
    }
}
