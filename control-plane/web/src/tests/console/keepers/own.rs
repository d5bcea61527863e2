//! What belongs to the person alone: what they did, the zone in which they read times, and that a link leaves nobody else
//! signed in.

use control_plane_domain::policy::Role;
use http::StatusCode;

use super::super::browser::{PASSWORD, place_of};
use super::{lines, word};
use crate::tests::harness::fixture;

#[tokio::test]
async fn everybody_reads_what_they_did_and_nothing_of_others() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    for role in Role::ALL {
        let somebody = fixture.signed_in_with_role(&fixture.ours, *role).await;
        let page = somebody.get("/account/activity").await;
        assert_eq!(page.status, StatusCode::OK, "{role}: {}", page.text());
        assert!(
            page.text().contains("signed in with") && page.text().contains("Exact line"),
            "{role}: {}",
            page.text()
        );
        let log = lines(&fixture, &fixture.ours).await;
        let mine = log.iter().find(|line| line.contains("\"session.begun\"")).map(|line| word(line, "person"));
        let person = mine.unwrap();
        let file = somebody.get("/account/activity?format=csv").await;
        assert!(file.headers["content-type"].to_str().unwrap().starts_with("text/csv"), "{role}");
        assert!(file.text().lines().count() > 1, "{role}: {}", file.text());
        for line in file.text().lines().skip(1) {
            let who = line.split("\",\"").nth(2).unwrap();
            assert!(who.contains(&person), "{role} reads a record of somebody else: {line}");
        }
        assert!(somebody.get("/account").await.text().contains("/account/activity"), "{role}");
    }
    // What the owner does to a viewer stands in the owner's, not in the viewer's.
    fixture.clock.advance_ms(1_000);
    let viewer = fixture.signed_in_with_role(&fixture.ours, Role::Viewer).await;
    let person = fixture.ours.things.person;
    owner.post(&format!("/people/{person}/role"), &[("role", "engineer")]).await;
    assert!(owner.get("/account/activity").await.text().contains("changed the role of"));
    assert!(!viewer.get("/account/activity").await.text().contains("changed the role of"));
}

#[tokio::test]
async fn a_time_zone_goes_with_the_person() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let set = owner.post("/account/zone", &[("zone", "Asia/Tokyo")]).await;
    assert!(owner.follow(set).await.text().contains("Times are shown to you in Asia/Tokyo."));
    // In another browser of theirs too.
    fixture.clock.advance_ms(60_000);
    let second = fixture.browser();
    let page = second.get("/sign-in").await;
    let fields = [("organisation", "ours"), ("email", "owner@ours.example"), ("password", PASSWORD)];
    let begun = second.post_from(&page, "/sign-in", &fields).await;
    let page = second.follow(begun).await;
    assert_eq!(place_of(&second.post_from(&page, "/second-factor", &[("code", &owner.code())]).await), "/");
    let text = second.get("/account").await.text();
    assert!(text.contains("Times in Asia/Tokyo") && text.contains(" JST"), "{text}");
    // Nobody else's.
    let viewer = fixture.signed_in_with_role(&fixture.ours, Role::Viewer).await;
    assert!(viewer.get("/account").await.text().contains("Times in UTC"));
    assert_eq!(owner.post("/account/zone", &[("zone", "Mars/Olympus")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_link_that_is_used_leaves_nobody_else_signed_in_there() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    // On a machine that somebody else uses as well.
    let shared = fixture.signed_in_with_role(&fixture.ours, Role::Viewer).await;
    let before = shared.session();
    let person = fixture.ours.things.person;
    let made = owner.post(&format!("/people/{person}/link"), &[("kind", "invitation")]).await;
    let text = made.text();
    let link = text.split("pln_").nth(1).unwrap_or_else(|| panic!("no link on {text}"));
    let link: String = link.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect();
    let path = format!("/link/pln_{link}");
    let page = shared.get(&path).await;
    let new = "eleven brown geese past the weir";
    let used = shared.post_from(&page, &path, &[("password", new), ("repeat", new)]).await;
    assert_eq!(place_of(&used), "/second-factor/new", "{}", used.text());
    // Whoever has the cookie that this browser had is let in nowhere with it.
    let old = fixture.browser();
    old.cookies.borrow_mut().insert(crate::console::cookie::SESSION.to_owned(), before);
    assert!(place_of(&old.get("/account").await).starts_with("/sign-in"));
}

#[tokio::test]
async fn tables_of_the_account_of_people_and_of_a_runner_are_files() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let runner = fixture.ours.things.runner;
    for (path, says, rows) in [
        ("/account?format=csv".to_owned(), "Ends at the latest", 1),
        ("/account?format=csv&table=sessions".to_owned(), "Browser", 1),
        ("/account?format=csv&table=devices".to_owned(), "Fingerprint", 0),
        ("/people?format=csv&table=roles".to_owned(), "What it is for", Role::ALL.len()),
        (format!("/runners/{runner}?format=csv&table=due"), "access-review", 1),
    ] {
        let file = owner.get(&path).await;
        assert_eq!(file.status, StatusCode::OK, "{path}: {}", file.text());
        assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"), "{path}");
        assert!(file.text().contains(says), "{path}: {}", file.text());
        assert_eq!(file.text().matches("\r\n").count(), rows + 1, "{path}: {}", file.text());
    }
    for wrong in [
        "/account?format=csv&table=x".to_owned(),
        "/people?format=csv&table=x".to_owned(),
        format!("/runners/{runner}?format=csv&table=x"),
    ] {
        assert_eq!(owner.get(&wrong).await.status.as_u16() / 100, 4, "{wrong}");
    }
    let text = owner.get(&format!("/runners/{runner}")).await.text();
    assert!(text.contains("/missed?runner=") && text.contains("/procedures?runner="), "{text}");
}
