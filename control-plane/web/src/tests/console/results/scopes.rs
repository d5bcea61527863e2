//! The controls that an organisation has to show: set by its people, and seen to be missing where no procedure serves them.

use control_plane_domain::policy::Role;

use super::{column, reported, rows};
use crate::tests::harness::fixture;

#[tokio::test]
async fn a_control_in_scope_that_nothing_serves_is_seen() {
    let fixture = fixture().await;
    let _reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let text = browser.get("/coverage").await.text();
    assert!(text.contains("Its controls in scope are not listed") && !text.contains("9.9"), "{text}");

    let list = "id,title\n4.1,<b>Ours</b>\n# not ours\n9.9,\"Held, by nobody\"\n10.1\n";
    let set = browser.post("/coverage/scopes", &[("framework", "cis-v8"), ("scope", list)]).await;
    assert_eq!(set.status, 303, "{}", set.text());
    let page = browser.follow(set).await.text();
    assert!(page.contains("3 controls are in scope of CIS Controls v8."), "{page}");
    assert!(
        page.contains("Held, by nobody") && page.contains("not covered") && !page.contains("<b>Ours</b>"),
        "{page}"
    );
    let table = rows(&browser.get("/coverage/frameworks/cis-v8?format=csv").await);
    assert_eq!(column(&table, "Control"), ["4.1", "9.9", "10.1"], "numbers are sorted as numbers");
    assert_eq!(column(&table, "State of the control")[1..], ["not covered", "not covered"]);
    assert_eq!(column(&table, "In scope"), ["yes", "yes", "yes"]);

    // The heat map leads to the row of the control.
    let text = browser.get("/coverage").await.text();
    let place = "/coverage/frameworks/cis-v8#control-9.9";
    assert!(text.contains(&format!("href=\"{place}\"")) && page.contains("id=\"control-9.9\""), "{text}");
    let only = browser.get("/coverage/frameworks/cis-v8?state=uncovered").await.text();
    assert!(only.contains("id=\"control-9.9\"") && !only.contains("id=\"control-4.1\""), "{only}");

    // The list comes back as it was given, as a form and as a file.
    let form = browser.get("/coverage/scopes/cis-v8").await.text();
    assert!(form.contains("4.1,") && form.contains("Set the list"), "{form}");
    assert_eq!(column(&rows(&browser.get("/coverage/scopes/cis-v8?format=csv").await), "id"), ["4.1", "9.9", "10.1"]);
    let listed = column(&rows(&browser.get("/coverage/scopes?format=csv").await), "Framework");
    assert!(listed.contains(&"cis-v8".to_owned()), "{listed:?}");
}

#[tokio::test]
async fn a_list_that_is_none_is_told_apart_and_kept_in_the_form() {
    let fixture = fixture().await;
    let browser = fixture.signed_in(&fixture.ours).await;
    for (framework, list, said) in
        [("cis-v8", "", "this is needed"), ("CIS v8", "4.1", "framework"), ("cis-v8", "4.1\n4.1", "line 2")]
    {
        let refused = browser.post("/coverage/scopes", &[("framework", framework), ("scope", list)]).await;
        let text = refused.text();
        assert_eq!(refused.status, 422, "{framework} {list}: {text}");
        assert!(text.contains(said) && text.contains("Not done:"), "{framework} {list}: {text}");
        assert!(list.is_empty() || text.contains("4.1"), "what was typed is kept: {text}");
    }
}

#[tokio::test]
async fn a_list_is_removed_by_name_and_by_those_who_may() {
    let fixture = fixture().await;
    let _reporter = reported(&fixture).await;
    let viewer = fixture.signed_in_with_role(&fixture.ours, Role::Viewer).await;
    let engineer = fixture.signed_in_with_role(&fixture.ours, Role::Engineer).await;
    let set = [("framework", "cis-v8"), ("scope", "9.9")];
    assert_eq!(viewer.post("/coverage/scopes", &set).await.status, 403);
    assert_eq!(engineer.post("/coverage/scopes", &set).await.status, 303);
    let text = viewer.get("/coverage/scopes/cis-v8").await.text();
    assert!(text.contains("9.9") && !text.contains("Set the list") && !text.contains("<textarea"), "{text}");
    let path = "/coverage/scopes/cis-v8/remove";
    assert_eq!(viewer.get(path).await.status, 403);
    let asked = engineer.get(path).await.text();
    assert!(asked.contains("Type the framework to confirm"), "{asked}");
    assert_eq!(engineer.post(path, &[("confirm", "cis")]).await.status, 422);
    assert!(engineer.get("/coverage").await.text().contains("9.9"));
    assert_eq!(engineer.post(path, &[("confirm", "cis-v8")]).await.status, 303);
    assert!(!engineer.get("/coverage").await.text().contains("9.9"));
    assert_eq!(engineer.get(path).await.status, 404);
    // Another organisation's list is no list.
    assert_eq!(engineer.post("/coverage/scopes", &set).await.status, 303);
    let theirs = fixture.signed_in(&fixture.theirs).await;
    assert_eq!(theirs.get("/coverage/scopes/cis-v8").await.status, 404);
}
