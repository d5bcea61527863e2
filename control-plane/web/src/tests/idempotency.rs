//! The same change asked for twice is made once.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::harness::{Answer, Fixture, fixture};

async fn post(fixture: &Fixture, path: &str, key: &str, body: &Value) -> Answer {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {}", fixture.ours.key))
        .header("content-type", "application/json")
        .header("idempotency-key", key);
    fixture.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn person(email: &str) -> Value {
    json!({"email": email, "name": "P", "role": "viewer"})
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer() {
    let fixture = fixture().await;
    let first = post(&fixture, "/api/v1/people", "k-1", &person("p@example.org")).await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let second = post(&fixture, "/api/v1/people", "k-1", &person("p@example.org")).await;
    assert_eq!((second.status, second.json()), (first.status, first.json()));
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!(second.headers["content-type"], "application/json");
    let unkeyed = fixture.post("/api/v1/people", person("p@example.org")).await;
    assert_eq!((unkeyed.status.as_u16(), unkeyed.code().as_str()), (409, "E-OPS-006"));
    let other = post(&fixture, "/api/v1/people", "k-1", &person("q@example.org")).await;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (422, "E-WEB-013"));
    let other_path = post(&fixture, "/api/v1/tokens", "k-1", &json!({"label": "x"})).await;
    assert_eq!(other_path.code(), "E-WEB-013");
}

#[tokio::test]
async fn a_secret_is_not_answered_twice() {
    let fixture = fixture().await;
    let first = post(&fixture, "/api/v1/tokens", "k-2", &json!({"label": "x"})).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let second = post(&fixture, "/api/v1/tokens", "k-2", &json!({"label": "x"})).await;
    assert_eq!((second.status.as_u16(), second.code().as_str()), (409, "E-WEB-015"));
    assert_eq!(fixture.get("/api/v1/tokens").await.json()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again() {
    let fixture = fixture().await;
    let unknown = json!({"runner": fixture.theirs.things.runner, "procedure": "04".repeat(32)});
    assert_eq!(post(&fixture, "/api/v1/run-requests", "k-3", &unknown).await.status, StatusCode::NOT_FOUND);
    let known = json!({"runner": fixture.ours.things.runner, "procedure": "04".repeat(32)});
    assert_eq!(post(&fixture, "/api/v1/run-requests", "k-3", &known).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn many_at_once_do_it_once() {
    let fixture = fixture().await;
    let body = json!({"runner": fixture.ours.things.runner, "procedure": "04".repeat(32)});
    let all =
        futures_util::future::join_all((0..20).map(|_| post(&fixture, "/api/v1/run-requests", "k-4", &body))).await;
    let done: Vec<_> = all.iter().filter(|answer| answer.status == StatusCode::CREATED).map(Answer::json).collect();
    assert!(!done.is_empty() && done.iter().all(|answer| *answer == done[0]));
    let others = all.iter().filter(|answer| answer.status != StatusCode::CREATED);
    assert!(others.into_iter().all(|answer| answer.code() == "E-WEB-014"));
    assert_eq!(fixture.get("/api/v1/run-requests").await.json()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_request_that_was_cut_off_is_not_still_going_on() {
    let fixture = fixture().await;
    let body = person("p@example.org");
    let caller = fixture.operations.authenticate(&fixture.ours.key, "192.0.2.7".parse().unwrap()).await.unwrap();
    // Begun by a process that was killed.
    let text = body.to_string();
    let request = crypto::digest::sha256_parts(&[b"POST", b" ", b"/api/v1/people", b"\n", text.as_bytes()]);
    fixture.operations.begin_idempotent(&caller, "k-6", request).await.unwrap();
    assert_eq!(post(&fixture, "/api/v1/people", "k-6", &body).await.code(), "E-WEB-014");
    fixture.clock.advance_ms(6 * 60_000);
    let cut_off = post(&fixture, "/api/v1/people", "k-6", &body).await;
    assert_eq!((cut_off.status.as_u16(), cut_off.code().as_str()), (409, "E-WEB-021"));
    assert_eq!(post(&fixture, "/api/v1/people", "k-7", &body).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn keys_are_one_persons() {
    let fixture = fixture().await;
    assert_eq!(post(&fixture, "/api/v1/people", "k-5", &person("p@example.org")).await.status, StatusCode::CREATED);
    let request = Request::post("/api/v1/people")
        .header("authorization", format!("Bearer {}", fixture.theirs.key))
        .header("content-type", "application/json")
        .header("idempotency-key", "k-5");
    let theirs = fixture.send(request.body(Body::from(person("p@example.org").to_string())).unwrap()).await;
    assert_eq!(theirs.status, StatusCode::CREATED);
    assert!(!theirs.headers.contains_key("idempotency-replayed"));
    let bad = post(&fixture, "/api/v1/people", "a b", &person("z@example.org")).await;
    assert_eq!((bad.status.as_u16(), bad.code().as_str()), (400, "E-WEB-012"));
}
