//! How long a session lasts, as the script asks that warns before its end.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::browser::Browser;
use crate::tests::harness::{Answer, fixture};

const PATH: &str = "/console/session";

/// As the page looks by itself.
async fn look(browser: &Browser<'_>) -> Answer {
    let request = Request::get(PATH).header("x-proctor-unattended", "1").header("sec-fetch-mode", "cors");
    browser.send(request.body(Body::empty()).unwrap()).await
}

/// As the button does.
async fn stay(browser: &Browser<'_>, token: &str) -> Answer {
    let request = Request::post(PATH).header("content-type", "application/json").header("x-csrf-token", token);
    browser.send(request.header("sec-fetch-site", "same-origin").body(Body::from("{}")).unwrap()).await
}

fn seconds(answer: &Answer) -> (i64, i64) {
    let Value::Object(document) = answer.json() else { panic!("{}", answer.text()) };
    let number = |name: &str| document[name].as_i64().unwrap();
    (number("idle_seconds"), number("whole_seconds"))
}

#[tokio::test]
async fn a_page_knows_when_its_session_ends_and_can_keep_it() {
    let fixture = fixture().await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let token = browser.token();
    let (idle, whole) = seconds(&look(&browser).await);
    assert!(idle > 58 * 60 && idle <= 60 * 60, "{idle}");
    assert!(whole > 11 * 3_600 && whole <= 12 * 3_600, "{whole}");

    // Looking keeps nothing, however often.
    for _ in 0..5 {
        fixture.clock.advance_ms(11 * 60_000);
        look(&browser).await;
    }
    let (later, _) = seconds(&look(&browser).await);
    assert_eq!(idle - later, 55 * 60);
    // Staying does, but not beyond the end of the whole.
    let (kept, whole_then) = seconds(&stay(&browser, &token).await);
    assert!(kept > 58 * 60, "{kept}");
    assert_eq!(whole - whole_then, 55 * 60);
    fixture.clock.advance_ms(61 * 60_000);
    assert_eq!(look(&browser).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_this_page_may_keep_it() {
    let fixture = fixture().await;
    let browser = fixture.signed_in(&fixture.ours).await;
    assert_eq!(stay(&browser, "wrong").await.status, StatusCode::FORBIDDEN);
    let request =
        Request::post(PATH).header("content-type", "application/json").header("x-csrf-token", browser.token());
    let elsewhere = request.header("sec-fetch-site", "cross-site").body(Body::from(json!({}).to_string())).unwrap();
    assert_eq!(browser.send(elsewhere).await.status, StatusCode::FORBIDDEN);
    assert_eq!(fixture.browser().get(PATH).await.status, StatusCode::UNAUTHORIZED);
}
