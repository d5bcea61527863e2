//! What the pages show: of Runners, requests, drill-downs, secrets and settings, to people of this tenant alone.

use control_plane_domain::runner::RunnerState;
use http::StatusCode;

use super::super::browser::place_of;
use super::super::results::empty_tenant;
use super::{actions, runner};
use crate::tests::harness::fixture;

#[tokio::test]
async fn runners_requests_and_drilldowns_are_shown_with_names() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let things = &fixture.ours.things;
    let hostile = "<script>alert(1)</script>";
    let waiting = runner(&fixture, &fixture.ours, 23, hostile, RunnerState::Pending).await;
    for (path, says) in [
        ("/runners".to_owned(), "waits for approval"),
        (format!("/runners/{}", things.runner), "Access review"),
        (format!("/runners/{}", things.runner), "the Runner says “off”"),
        (format!("/runners/{}", waiting.id), "It is not shown before the Runner is approved"),
        ("/requests".to_owned(), "Owner of ours"),
        ("/drilldowns".to_owned(), "as agreed"),
        ("/drilldowns".to_owned(), "2 rows of 1 item"),
        ("/secrets".to_owned(), "orders-db"),
        ("/secrets/new".to_owned(), "proctor-runner secret set NAME"),
        ("/settings".to_owned(), "ours"),
        ("/people".to_owned(), "Somebody"),
    ] {
        let answer = owner.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        assert!(answer.text().contains(says), "{path} does not say {says}: {}", answer.text());
        assert!(!answer.text().contains("<script>alert"), "{path}");
    }
    for standing in ["pending", "active", "locked", "revoked"] {
        assert_eq!(owner.get(&format!("/runners?standing={standing}")).await.status, StatusCode::OK);
    }
    assert_eq!(owner.get("/runners?standing=odd").await.status.as_u16() / 100, 4);
    assert_eq!(owner.get(&format!("/drilldowns/{}/receipt", things.drilldown)).await.status, StatusCode::NOT_FOUND);
    let text = owner.get("/runners").await.text();
    assert!(text.contains("&#60;script&#62;") || text.contains("&lt;script&gt;"), "{text}");
}

#[tokio::test]
async fn every_table_is_a_file_too() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    runner(&fixture, &fixture.ours, 24, "=cmd|' /C calc'!A0", RunnerState::Pending).await;
    for (path, rows) in [
        ("/runners", 2),
        ("/runners/add", 1),
        ("/requests", 1),
        ("/alarms", 1),
        ("/alarms?state=all", 1),
        ("/people", 2),
        ("/account/keys", 1),
        ("/drilldowns", 1),
        ("/secrets", 1),
    ] {
        let with = if path.contains('?') { "&" } else { "?" };
        let file = owner.get(&format!("{path}{with}format=csv")).await;
        assert_eq!(file.status, StatusCode::OK, "{path}: {}", file.text());
        assert!(file.headers["content-type"].to_str().unwrap().starts_with("text/csv"), "{path}");
        assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"), "{path}");
        assert_eq!(file.text().matches("\r\n").count(), rows + 1, "{path}: {}", file.text());
        assert!(!file.text().contains("\"=cmd"), "{path}");
    }
}

#[tokio::test]
async fn drilldowns_are_switched_off_with_the_name_and_on_again() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let path = "/settings/drilldowns";
    for fields in [vec![], vec![("to", "off")], vec![("to", "off"), ("confirm", "theirs")], vec![("to", "x")]] {
        assert_eq!(owner.post(path, &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
    }
    let done = owner.post(path, &[("to", "off"), ("confirm", "ours")]).await;
    assert_eq!(place_of(&done), "/settings");
    assert!(owner.follow(done).await.text().contains("switched off for everybody"));
    assert!(actions(&fixture, &fixture.ours).await.contains(&"drilldowns.switched".to_owned()));
    assert!(owner.get(path).await.text().contains("Switch evidence requests on"));
    assert_eq!(place_of(&owner.post(path, &[("to", "on")]).await), "/settings");
}

#[tokio::test]
async fn an_empty_tenant_is_taught() {
    let fixture = fixture().await;
    let empty = empty_tenant(&fixture).await;
    let owner = fixture.signed_in(&empty).await;
    for (path, says) in [
        ("/runners", "There is no Runner yet"),
        ("/runners/add", "Nobody waits"),
        ("/requests", "Nobody has requested a run"),
        ("/alarms", "Nothing is open"),
        ("/drilldowns", "Nobody has requested evidence"),
        ("/secrets", "No secret was sent"),
        ("/secrets/new", "There is no Runner to send it to"),
    ] {
        let answer = owner.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        assert!(answer.text().contains(says), "{path}: {}", answer.text());
    }
}
