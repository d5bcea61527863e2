//! API keys are made, shown once, seen and ended.

use control_plane_domain::policy::Role;
use http::StatusCode;

use super::super::browser::{code_of, place_of};
use super::{lines, word};
use crate::tests::harness::{CLIENT, fixture};

#[tokio::test]
async fn a_key_is_shown_once_works_and_is_ended() {
    let fixture = fixture().await;
    let engineer = fixture.signed_in_with_role(&fixture.ours, Role::Engineer).await;
    let page = engineer.get("/account/keys/new").await;
    assert!(!page.text().contains("people.add") && page.text().contains("value=\"runs.list\""));
    let fields = [("label", "ci <img>"), ("days", "30"), ("scope", "runs.list"), ("scope", "runners.list")];
    let made = engineer.post_from(&page, "/account/keys/new", &fields).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.headers["cache-control"], "no-store");
    let text = made.text();
    let start = text.find("pck_").or_else(|| text.find("pak_")).unwrap_or_else(|| panic!("no key on {text}"));
    let key: String = text[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect();
    let caller = fixture.operations.authenticate(&key, CLIENT).await.unwrap();
    assert_eq!(caller.scopes().to_string(), "runners.list runs.list");
    let again = engineer.post_from(&page, "/account/keys/new", &fields).await;
    assert_eq!((again.status, code_of(&again).as_str()), (StatusCode::CONFLICT, "E-WEB-026"));
    let list = engineer.get("/account/keys").await.text();
    assert!(list.contains("ci &#60;img&#62;") || list.contains("ci &lt;img&gt;"), "{list}");
    assert!(!list.contains(&key));
    let log = lines(&fixture, &fixture.ours).await;
    assert_eq!(word(&log[0], "action"), "api_key.created");
    assert!(!log.iter().any(|line| line.contains(key.rsplit('_').next().unwrap())));

    let path = format!("/account/keys/{}/revoke", word(&log[0], "key"));
    assert_eq!(engineer.post(&path, &[("confirm", "ci")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(place_of(&engineer.post(&path, &[("confirm", "ci <img>")]).await), "/account/keys");
    assert_eq!(word(&lines(&fixture, &fixture.ours).await[0], "action"), "api_key.revoked");
    assert!(fixture.operations.authenticate(&key, CLIENT).await.is_err());
    let over = engineer.post(&path, &[("confirm", "ci <img>")]).await;
    assert_eq!(over.status, StatusCode::CONFLICT, "{}", over.text());
}

#[tokio::test]
async fn a_key_carries_no_more_than_its_person() {
    let fixture = fixture().await;
    let viewer = fixture.signed_in_with_role(&fixture.ours, Role::Viewer).await;
    for (scopes, days) in
        [(vec!["people.add"], "30"), (vec![], "30"), (vec!["line"], "30"), (vec!["runs.list"], "9999")]
    {
        let mut fields = vec![("label", "x"), ("days", days)];
        fields.extend(scopes.iter().map(|scope| ("scope", *scope)));
        let refused = viewer.post("/account/keys/new", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{scopes:?}: {}", refused.text());
    }
}

#[tokio::test]
async fn keys_of_others_are_seen_by_those_who_manage_them() {
    let fixture = fixture().await;
    let (owner, viewer) =
        (fixture.signed_in(&fixture.ours).await, fixture.signed_in_with_role(&fixture.ours, Role::Viewer).await);
    let key = fixture.ours.things.key.to_string();
    assert!(owner.get("/account/keys").await.text().contains(&key));
    let path = format!("/account/keys/{key}/revoke");
    assert!(!viewer.get("/account/keys").await.text().contains(&key));
    assert_eq!(viewer.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(viewer.post(&path, &[("confirm", "x")]).await.status, StatusCode::NOT_FOUND);
}
