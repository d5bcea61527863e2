//! How much is taken from whom.

use std::num::NonZeroU32;

use http::{Method, StatusCode};

use super::harness::{fixture_with, generous};
use crate::{Limits, Rate};

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second: NonZeroU32::new(per_second).unwrap(), burst: NonZeroU32::new(burst).unwrap() }
}

#[tokio::test]
async fn a_key_has_a_pace() {
    let fixture = fixture_with(Limits { by_key: rate(1, 3), ..generous() }).await;
    for _ in 0..3 {
        assert_eq!(fixture.get("/api/v1/me").await.status, StatusCode::OK);
    }
    let early = fixture.get("/api/v1/me").await;
    assert_eq!((early.status.as_u16(), early.code().as_str()), (429, "E-WEB-011"));
    assert_eq!(early.headers["retry-after"], "1");
    let other = fixture.ask(Method::GET, "/api/v1/me", &fixture.theirs.key, None).await;
    assert_eq!(other.status, StatusCode::OK, "another key has its own");
    fixture.clock.advance_ms(1_000);
    assert_eq!(fixture.get("/api/v1/me").await.status, StatusCode::OK);
    let answered = fixture.web.counts().answered;
    assert_eq!(answered, [("1xx", 0), ("2xx", 5), ("3xx", 0), ("4xx", 1), ("5xx", 0)]);
}

#[tokio::test]
async fn an_address_has_a_pace_whatever_it_asks_for() {
    let fixture = fixture_with(Limits { by_address: rate(1, 4), ..generous() }).await;
    for path in ["/api/v1/me", "/api/nothing", "/api/v1/openapi.json", "/api/v1/runners/x"] {
        assert_ne!(fixture.get(path).await.status, StatusCode::TOO_MANY_REQUESTS);
    }
    for path in ["/api/v1/me", "/api/nothing"] {
        assert_eq!(fixture.get(path).await.code(), "E-WEB-011");
    }
}

#[tokio::test]
async fn wrong_keys_are_slowed_down() {
    let fixture = fixture_with(generous()).await;
    let wrong = format!("{}AAAA", &fixture.ours.key[..fixture.ours.key.len() - 4]);
    let mut statuses = Vec::new();
    for _ in 0..110 {
        statuses.push(fixture.ask(Method::GET, "/api/v1/me", &wrong, None).await.status.as_u16());
    }
    assert_eq!(statuses.first(), Some(&401));
    assert_eq!(statuses.last(), Some(&429));
}

#[tokio::test]
async fn more_at_once_than_can_be_done_is_said() {
    let fixture = fixture_with(Limits { requests: 0, ..generous() }).await;
    let busy = fixture.get("/api/v1/me").await;
    assert_eq!((busy.status.as_u16(), busy.code().as_str()), (503, "E-WEB-017"));
    assert_eq!(busy.headers["retry-after"], "2");
}
