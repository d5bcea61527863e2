//! The forms over alarms, evidence requests and the audit log: what they ask for comes, and nothing else.

use http::StatusCode;

use super::lines;
use crate::tests::harness::fixture;

#[tokio::test]
async fn alarms_are_narrowed_by_state_kind_runner_and_day() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let things = &fixture.ours.things;
    let rows = async |query: &str| {
        let answer = owner.get(&format!("/alarms?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
        answer.text().matches("<tr><th scope=\"row\"").count()
    };
    let day = "2026-11-18";
    for (query, found) in [
        (String::new(), 1),
        ("state=all&kind=&runner=&from=&to=".to_owned(), 1),
        ("kind=overdue".to_owned(), 1),
        ("kind=gap".to_owned(), 0),
        (format!("runner={}", things.runner), 1),
        (format!("runner={}", fixture.theirs.things.runner), 0),
        (format!("from={day}&to={day}"), 1),
        ("to=2026-11-17".to_owned(), 0),
        ("from=2026-11-19".to_owned(), 0),
        (format!("state=all&kind=overdue&runner={}&from={day}", things.runner), 1),
    ] {
        assert_eq!(rows(&query).await, found, "{query}");
    }
    let page = owner.get("/alarms?kind=gap").await.text();
    assert!(page.contains("No alarm fits") && page.contains("value=\"gap\" selected"), "{page}");
    assert!(page.contains("From day") || page.contains("(UTC)"), "the form says in which zone a day is meant: {page}");
    for wrong in ["state=closed", "kind=odd", "runner=x", "from=yesterday", "to=2026-13-01"] {
        let refused = owner.get(&format!("/alarms?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(
            refused.text().contains("<title>Not done: ") && refused.text().contains("This was not done"),
            "{wrong}"
        );
        assert!(!refused.text().contains("<th scope=\"row\""), "{wrong} found something");
    }
    let file = owner.get("/alarms?kind=gap&format=csv").await;
    assert_eq!(file.text().matches("\r\n").count(), 1, "{}", file.text());
}

#[tokio::test]
async fn evidence_requests_are_narrowed_and_named_by_what_was_asked() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let (things, person) = (&fixture.ours.things, fixture.ours.owner);
    let rows = async |query: &str| {
        let answer = owner.get(&format!("/drilldowns?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
        answer.text().matches("<tr><th scope=\"row\"").count()
    };
    for (query, found) in [
        (String::new(), 1),
        ("runner=&person=&purpose=&result=&from=&to=".to_owned(), 1),
        (format!("runner={}", things.runner), 1),
        (format!("runner={}", fixture.theirs.things.runner), 0),
        (format!("person={person}"), 1),
        (format!("person={}", things.person), 0),
        (format!("person={person}&runner={}&purpose=audit&result=open", things.runner), 1),
        ("purpose=test".to_owned(), 0),
        ("result=answered".to_owned(), 0),
        ("from=2026-11-18&to=2026-11-18".to_owned(), 1),
        ("to=2026-11-17".to_owned(), 0),
    ] {
        assert_eq!(rows(&query).await, found, "{query}");
    }
    let page = owner.get("/drilldowns").await.text();
    assert!(page.contains("2 rows of 1 item of “Access review”"), "a link says what was asked: {page}");
    assert!(page.contains("Owner of ours</option>") && page.contains("not over yet</option>"), "{page}");
    for wrong in ["person=me", "purpose=fun", "result=maybe", "from=x"] {
        assert_eq!(
            owner.get(&format!("/drilldowns?{wrong}")).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{wrong}"
        );
    }
    let file = owner.get("/drilldowns?purpose=test&format=csv").await;
    assert_eq!(file.text().matches("\r\n").count(), 1, "{}", file.text());
}

#[tokio::test]
async fn secrets_are_narrowed_by_runner_and_name() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let things = &fixture.ours.things;
    let rows = async |query: &str| {
        let answer = owner.get(&format!("/secrets?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
        answer.text().matches(" id=\"secret-").count()
    };
    for (query, found) in [
        (String::new(), 1),
        ("runner=&name=".to_owned(), 1),
        ("name=orders-db".to_owned(), 1),
        ("name=orders".to_owned(), 0),
        (format!("runner={}&name=orders-db", things.runner), 1),
        (format!("runner={}", fixture.theirs.things.runner), 0),
    ] {
        assert_eq!(rows(&query).await, found, "{query}");
    }
    let page = owner.get("/secrets?name=orders").await.text();
    assert!(page.contains("No secret fits") && page.contains("value=\"orders\""), "{page}");
    for wrong in ["runner=x", "name=a%20b"] {
        let refused = owner.get(&format!("/secrets?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(refused.text().contains("This was not done"), "{wrong}");
    }
    let file = owner.get("/secrets?name=orders&format=csv").await;
    assert_eq!(file.text().matches("\r\n").count(), 1, "{}", file.text());
}

#[tokio::test]
async fn the_audit_log_is_asked_in_words_and_tells_times_as_pages_do() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let page = owner.get("/audit").await.text();
    assert!(page.contains("value=\"person.role_changed\">changed a person&#39;s role</option>"), "{page}");
    assert!(!page.contains(">person.role_changed</option>"), "{page}");
    assert!(page.contains("<optgroup label=\"Runners\">") && page.contains("From day (UTC)"), "{page}");
    // A time inside a sentence has its zone and how long ago it was, as every other.
    let made = owner.post("/account/keys/new", &[("label", "ci"), ("days", "1"), ("scope", "runs.list")]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert!(lines(&fixture, &fixture.ours).await[0].contains("api_key.created"));
    let text = owner.get("/audit?action=api_key.created").await.text();
    let row = text.split("made API key").nth(1).unwrap_or_else(|| panic!("no sentence on {text}"));
    let sentence = row.split("</td>").next().unwrap();
    assert!(sentence.contains("until <time datetime=") && sentence.contains("in 1 day"), "{sentence}");
}
