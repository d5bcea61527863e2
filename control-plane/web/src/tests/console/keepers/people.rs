//! People are let in by a link that is shown once, get other roles, and are removed.

use control_plane_domain::policy::Role;
use http::StatusCode;

use super::super::browser::{code_of, place_of};
use super::{actions, lines, word};
use crate::tests::harness::fixture;

/// The text of the link on a page.
fn link_on(page: &str) -> String {
    let text = page.split("pln_").nth(1).unwrap_or_else(|| panic!("no link on {page}"));
    let secret: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect();
    format!("pln_{secret}")
}

#[tokio::test]
async fn somebody_is_invited_and_comes_in_by_the_link() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let fields = [("name", "Grace <b>Hopper</b>"), ("email", "grace@example.org"), ("role", "auditor")];
    let page = owner.get("/people/invite").await;
    let made = owner.post_from(&page, "/people/invite", &fields).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.headers["cache-control"], "no-store");
    assert_eq!(made.headers["referrer-policy"], "no-referrer");
    let link = link_on(&made.text());
    assert!(!made.text().contains("<b>Hopper"), "{}", made.text());
    let again = owner.post_from(&page, "/people/invite", &fields).await;
    assert_eq!((again.status, code_of(&again).as_str()), (StatusCode::CONFLICT, "E-WEB-026"));
    for place in ["/people", "/people?format=csv", "/audit", "/audit?format=csv"] {
        assert!(!owner.get(place).await.text().contains(&link), "{place}");
    }
    let log = lines(&fixture, &fixture.ours).await;
    assert_eq!(word(&log[0], "action"), "person.link_created");
    assert_eq!(word(&log[1], "action"), "person.added");
    assert!(!log.iter().any(|line| line.contains(&link[4..])));
    // Whoever has it is let in.
    let guest = fixture.browser();
    let page = guest.get(&format!("/link/{link}")).await;
    assert!(page.text().contains("Grace"), "{}", page.text());
    // The same mailbox again is one person.
    let page = owner.get("/people/invite").await;
    let refused = owner.post_from(&page, "/people/invite", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text());
    assert!(refused.text().contains("E-OPS-006") && refused.text().contains("grace@example.org"), "{}", refused.text());
    for wrong in [("email", "not an address"), ("role", "emperor"), ("name", "")] {
        let fields = fields.map(|field| if field.0 == wrong.0 { wrong } else { field });
        assert_eq!(owner.post("/people/invite", &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_role_is_changed_a_link_made_and_a_person_removed() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let person = fixture.ours.things.person;
    let path = |act: &str| format!("/people/{person}/{act}");
    let done = owner.post(&path("role"), &[("role", "engineer")]).await;
    assert_eq!(place_of(&done), format!("/people/{person}"));
    assert!(owner.follow(done).await.text().contains("Somebody is an engineer now."));
    assert_eq!(actions(&fixture, &fixture.ours).await[0], "person.role_changed");
    let made = owner.post(&path("link"), &[("kind", "everything")]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    let link = link_on(&made.text());
    assert!(!owner.get(&format!("/people/{person}")).await.text().contains(&link));
    assert_eq!(actions(&fixture, &fixture.ours).await[0], "person.link_created");
    assert_eq!(owner.post(&path("link"), &[("kind", "all")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    for typed in ["", "somebody", "Somebody else"] {
        let refused = owner.post(&path("remove"), &[("confirm", typed)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
    }
    assert_eq!(place_of(&owner.post(&path("remove"), &[("confirm", "Somebody")]).await), "/people");
    assert_eq!(actions(&fixture, &fixture.ours).await[0], "person.removed");
    assert!(owner.get(&format!("/people/{person}")).await.text().contains("This person was removed"));
    assert_eq!(owner.post(&path("remove"), &[("confirm", "Somebody")]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn only_an_owner_touches_an_owner_and_nobody_themselves() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let administrator = fixture.signed_in_with_role(&fixture.ours, Role::Administrator).await;
    let first = fixture.ours.owner;
    let text = administrator.get(&format!("/people/{first}")).await.text();
    assert!(text.contains("Only an owner changes or removes an owner"), "{text}");
    assert!(!administrator.get("/people/invite").await.text().contains("value=\"owner\""));
    assert!(owner.get("/people/invite").await.text().contains("value=\"owner\""));
    let new = [("name", "Eve"), ("email", "eve@example.org"), ("role", "owner")];
    for (path, fields) in [
        ("/people/invite".to_owned(), new.to_vec()),
        (format!("/people/{first}/role"), vec![("role", "viewer")]),
        (format!("/people/{first}/link"), vec![("kind", "everything")]),
        (format!("/people/{first}/remove"), vec![("confirm", "Owner of ours")]),
    ] {
        let refused = administrator.post(&path, &fields).await;
        assert_eq!((refused.status, code_of(&refused).as_str()), (StatusCode::FORBIDDEN, "E-OPS-010"), "{path}");
    }
    for (act, field) in [("role", ("role", "viewer")), ("remove", ("confirm", "Owner of ours"))] {
        let refused = owner.post(&format!("/people/{first}/{act}"), &[field]).await;
        assert_eq!((refused.status, code_of(&refused).as_str()), (StatusCode::FORBIDDEN, "E-OPS-011"), "{act}");
    }
    assert!(owner.get(&format!("/people/{first}")).await.text().contains("This is you"));
    for act in ["role", "link", "remove"] {
        let refused = administrator.get(&format!("/people/{first}/{act}")).await;
        assert_eq!((refused.status, code_of(&refused).as_str()), (StatusCode::FORBIDDEN, "E-OPS-010"), "{act}");
        let refused = owner.get(&format!("/people/{first}/{act}")).await;
        assert_eq!((refused.status, code_of(&refused).as_str()), (StatusCode::FORBIDDEN, "E-OPS-011"), "{act}");
    }
}
