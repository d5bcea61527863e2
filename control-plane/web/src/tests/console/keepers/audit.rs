//! The audit log is searched, verified, and taken away.

use http::StatusCode;

use super::super::browser::code_of;
use super::{actions, lines, word};
use crate::tests::harness::fixture;

#[tokio::test]
async fn records_are_searched_by_who_what_when_and_id() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let person = fixture.ours.things.person;
    owner.post(&format!("/people/{person}/role"), &[("role", "engineer")]).await;
    let text = owner.get("/audit").await.text();
    assert!(text.contains("changed the role of <a href=\"/people/"), "{text}");
    assert!(text.contains("Exact line") && text.contains("person.role_changed"), "{text}");
    let rows = async |query: &str| {
        let answer = owner.get(&format!("/audit?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
        answer.text().matches("Exact line").count()
    };
    let all = rows("").await;
    assert!(all > 3, "{all}");
    let owner_id = fixture.ours.owner;
    let by_owner = rows(&format!("who=person-{owner_id}")).await;
    let by_operator = rows("who=operator").await;
    assert!(by_owner > 0 && by_operator > 0 && by_owner + by_operator <= all, "{by_owner} {by_operator} {all}");
    assert_eq!(rows("action=person.role_changed").await, 1);
    assert_eq!(rows(&format!("about={person}")).await, 1);
    assert_eq!(rows(&format!("about={person}&action=tenant.created")).await, 0);
    assert_eq!(rows("from=2026-01-01&to=2026-01-02").await, 0);
    assert_eq!(rows("from=2026-01-01&to=2099-01-02").await, all);
    assert_eq!(rows(&format!("about={}", fixture.theirs.things.person)).await, 0, "what is another tenant's is absent");
    let gone = ids::PersonId::NIL;
    let text = owner.get(&format!("/audit?who=person-{gone}")).await.text();
    assert!(text.contains("No record fits") && text.contains(&format!("value=\"person-{gone}\" selected")), "{text}");
    for wrong in ["who=nobody", "who=person-x", "action=person.eaten", "about=abc", "from=yesterday", "to=2026-13-01"] {
        let refused = owner.get(&format!("/audit?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", refused.text());
        assert!(refused.text().contains("This was not done"), "{wrong}");
    }
    let csv = owner.get("/audit?action=person.role_changed&format=csv").await;
    assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert_eq!(csv.text().lines().count(), 2, "{}", csv.text());
    assert!(
        csv.text().contains(&format!("changed the role of Somebody ({person}) from viewer to engineer")),
        "{}",
        csv.text()
    );
}

#[tokio::test]
async fn it_is_verified_step_by_step() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let answer = owner.get("/audit/verify").await;
    assert_eq!(answer.status, StatusCode::OK);
    let text = answer.text();
    assert!(
        text.contains("The log holds as far as it could be judged") && text.matches("<li class=\"good\">").count() >= 5,
        "{text}"
    );
    assert!(!text.contains("<li class=\"bad\">") && text.trim_end().ends_with("</html>"), "{text}");
}

#[tokio::test]
async fn it_is_taken_away_by_a_form_and_the_log_says_so() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let before = actions(&fixture, &fixture.ours).await.len();
    let looked_at = owner.get("/audit/export").await;
    assert_eq!((looked_at.status, code_of(&looked_at).as_str()), (StatusCode::METHOD_NOT_ALLOWED, "E-WEB-003"));
    assert_eq!(actions(&fixture, &fixture.ours).await.len(), before, "looking at it takes nothing");
    let archive = owner.post("/audit/export", &[]).await;
    assert_eq!(archive.headers["content-type"], "application/zip");
    assert!(archive.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename="));
    assert!(archive.bytes.starts_with(b"PK") && archive.bytes.len() > 500);
    assert_eq!(actions(&fixture, &fixture.ours).await[0], "audit.exported");
    let note = owner.get("/audit/checkpoint").await;
    assert!(note.text().contains(&format!("proctor/{}/audit", fixture.ours.id)), "{}", note.text());
    assert!(owner.get("/audit/key").await.text().starts_with(&format!("proctor/{}/audit+", fixture.ours.id)));
}

#[tokio::test]
async fn an_alarm_is_acknowledged_once_with_words() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let alarm = fixture.ours.things.alarm;
    let page = owner.get("/alarms").await.text();
    assert!(page.contains("a procedure is overdue") && page.contains(&format!("/alarms/{alarm}")), "{page}");
    assert!(owner.get(&format!("/alarms/{alarm}")).await.text().contains("What to do"));
    let path = format!("/alarms/{alarm}/acknowledge");
    assert_eq!(owner.post(&path, &[("justification", " ")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = owner.post(&path, &[("justification", "the host was <b>off</b>")]).await;
    assert!(owner.follow(done).await.text().contains("Nothing is open"));
    let log = lines(&fixture, &fixture.ours).await;
    assert_eq!(word(&log[0], "action"), "alarm.acknowledged");
    let said = owner.get("/audit?action=alarm.acknowledged").await.text();
    assert!(said.contains("the host was") && !said.contains("<b>off"), "{said}");
    assert!(owner.get("/alarms?state=all").await.text().contains("acknowledged"));
    assert_eq!(owner.post(&path, &[("justification", "again")]).await.status, StatusCode::CONFLICT);
    assert_eq!(owner.get("/alarms?state=closed").await.status.as_u16() / 100, 4);
    assert_eq!(owner.get(&format!("/alarms/{alarm}/evidence")).await.status, StatusCode::NOT_FOUND);
}
