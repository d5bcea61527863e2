//! Runners are added, approved by their fingerprint, unlocked and revoked.

use contract::enrolment::Fingerprint;
use control_plane_domain::runner::{LockReason, RunnerState};
use http::StatusCode;

use super::super::browser::{code_of, place_of};
use super::{actions, lines, runner, word};
use crate::tests::harness::fixture;

#[tokio::test]
async fn a_token_is_shown_once_and_kept_nowhere() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let page = owner.get("/runners/add").await;
    let made = owner.post_from(&page, "/runners/add", &[("label", "cellar 2")]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    assert_eq!(made.headers["cache-control"], "no-store");
    let text = made.text();
    let token: String = text
        .split("--token ")
        .nth(1)
        .unwrap()
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c))
        .collect();
    assert!(token.starts_with("pjt_") && token.len() > 60, "{token}");
    assert!(text.contains("proctor-runner enrol --control-plane enrol.example.org:8441 --ca-pin sha256:"), "{text}");
    assert!(text.contains("--label=&#39;cellar 2&#39;") || text.contains("--label='cellar 2'"), "{text}");
    // Loaded again, the page makes no second one and shows none.
    let again = owner.post_from(&page, "/runners/add", &[("label", "cellar 2")]).await;
    assert_eq!((again.status, code_of(&again).as_str()), (StatusCode::CONFLICT, "E-WEB-026"));
    let after = owner.get("/runners/add").await.text();
    assert!(after.contains("cellar 2") && !after.contains("pjt_"), "{after}");
    let log = lines(&fixture, &fixture.ours).await;
    assert_eq!(word(&log[0], "action"), "token.created");
    assert!(!log.iter().any(|line| line.contains(&token)), "the log holds no token");
    // It is withdrawn, once.
    let path = format!("/runners/tokens/{}/revoke", word(&log[0], "token"));
    assert_eq!(place_of(&owner.post(&path, &[("confirm", "cellar 2")]).await), "/runners/add");
    let refused = owner.post(&path, &[("confirm", "cellar 2")]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text().contains("E-OPS-022"), "{}", refused.text());
    assert_eq!(actions(&fixture, &fixture.ours).await[0], "token.revoked");
    let wrong = owner.post("/runners/add", &[("label", " ")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_runner_is_approved_by_the_fingerprint_that_was_read_there() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let waiting = runner(&fixture, &fixture.ours, 21, "cellar", RunnerState::Pending).await;
    let path = format!("/runners/{}/approve", waiting.id);
    let fingerprint = Fingerprint::new(waiting.keys.fingerprint).to_string();
    let plain = waiting.keys.fingerprint.to_string();
    for place in [path.as_str(), &format!("/runners/{}", waiting.id), "/runners/add", "/runners", "/runners?format=csv"]
    {
        let text = owner.get(place).await.text();
        assert!(!text.contains(&fingerprint) && !text.contains(&plain), "{place} shows what is to be compared");
        assert!(text.contains("cellar"), "{place}");
    }
    let before = lines(&fixture, &fixture.ours).await.len();
    let other = fingerprint.replace("1515", "1516");
    for (typed, status) in [
        (other.as_str(), StatusCode::CONFLICT),
        ("", StatusCode::UNPROCESSABLE_ENTITY),
        ("1515", StatusCode::UNPROCESSABLE_ENTITY),
        ("<script>", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let refused = owner.post(&path, &[("fingerprint", typed)]).await;
        assert_eq!(refused.status, status, "{typed}: {}", refused.text());
        assert!(refused.text().contains("This was not done"), "{}", refused.text());
    }
    assert_eq!(lines(&fixture, &fixture.ours).await.len(), before, "a wrong fingerprint changes nothing");
    let done = owner.post(&path, &[("fingerprint", &fingerprint.replace('-', " "))]).await;
    assert_eq!(place_of(&done), format!("/runners/{}", waiting.id));
    let page = owner.follow(done).await.text();
    assert!(page.contains("is approved") && page.contains(&fingerprint), "{page}");
    let log = lines(&fixture, &fixture.ours).await;
    assert_eq!((word(&log[0], "action"), word(&log[0], "statement_sha256")), ("runner.approved".to_owned(), plain));
}

#[tokio::test]
async fn a_runner_is_revoked_and_unlocked_with_a_reason_and_its_name() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let locked = RunnerState::Locked { since: fixture.operations.clock().now(), reason: LockReason::TakenOver };
    let runner = runner(&fixture, &fixture.ours, 22, "dock 4", locked).await;
    let (unlock, revoke) = (format!("/runners/{}/unlock", runner.id), format!("/runners/{}/revoke", runner.id));
    let reason = "a copied disk image was destroyed";
    for (justification, confirm) in [("", "dock 4"), (reason, ""), (reason, "Dock 4"), (reason, "dock")] {
        let fields = [("justification", justification), ("confirm", confirm)];
        for path in [&unlock, &revoke] {
            let refused = owner.post(path, &fields).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text());
            assert!(justification.is_empty() || refused.text().contains(reason), "what was typed is kept");
        }
    }
    let fields = [("justification", reason), ("confirm", "dock 4")];
    assert!(owner.get(&unlock).await.text().contains("two sessions of its certificate"));
    assert_eq!(place_of(&owner.post(&unlock, &fields).await), format!("/runners/{}", runner.id));
    assert_eq!(owner.post(&unlock, &fields).await.status, StatusCode::CONFLICT, "it is not locked any more");
    assert_eq!(place_of(&owner.post(&revoke, &fields).await), format!("/runners/{}", runner.id));
    assert_eq!(owner.post(&revoke, &fields).await.status, StatusCode::CONFLICT);
    let log = lines(&fixture, &fixture.ours).await;
    assert_eq!((word(&log[0], "action").as_str(), word(&log[0], "justification").as_str()), ("runner.revoked", reason));
    assert_eq!(word(&log[1], "action"), "runner.unlocked");
    assert!(owner.get(&format!("/runners/{}", runner.id)).await.text().contains("Shut out for good"));
}

#[tokio::test]
async fn what_is_sensitive_wants_both_factors_again() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    fixture.clock.advance_ms(16 * 60_000);
    let runner = fixture.ours.things.runner;
    let person = fixture.ours.things.person;
    for path in [
        format!("/runners/{runner}/approve"),
        format!("/runners/{runner}/revoke"),
        format!("/runners/{runner}/unlock"),
        "/people/invite".to_owned(),
        format!("/people/{person}/role"),
        format!("/people/{person}/link"),
        format!("/people/{person}/remove"),
        "/account/keys/new".to_owned(),
        "/settings/drilldowns".to_owned(),
        "/secrets/new".to_owned(),
    ] {
        let expected = format!("/confirm?next={}", path.replace('/', "%2F"));
        assert_eq!(place_of(&owner.get(&path).await), expected, "{path}");
        if path != "/secrets/new" {
            assert_eq!(place_of(&owner.post(&path, &[]).await), expected, "POST {path}");
        }
    }
}
