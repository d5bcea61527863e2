//! What ends something asks for its name: the page names it, and nothing but its name does it.

use control_plane_domain::policy::Role;
use crypto::ed25519;
use http::StatusCode;

use super::super::browser::{Browser, code_of, place_of};
use super::{actions, lines};
use crate::tests::harness::{CLIENT, Fixture, fixture};

/// The name that a page of this kind wants to be typed.
pub(in crate::tests::console) fn name_on(page: &str) -> String {
    let named = page.lines().find(|line| line.trim_start().starts_with("<p>The ") && line.contains(" is <strong>"));
    let name = named.and_then(|line| line.split("<strong>").nth(1)).and_then(|rest| rest.split("</strong>").next());
    let name = name.unwrap_or_else(|| panic!("no name on {page}"));
    name.replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Whether the page asks for a name, refuses every other one, changes nothing by that, and does it by the name.
async fn asks(fixture: &Fixture, browser: &Browser<'_>, path: &str, action: &str) {
    let page = browser.get(path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
    let name = name_on(&page.text());
    assert!(page.text().contains("id=\"f-confirm\""), "{path}: {}", page.text());
    let before = lines(fixture, &fixture.ours).await.len();
    let (longer, other) = (format!("{name}x"), name.to_uppercase());
    for typed in ["", "x", &longer, &other] {
        if typed == name {
            continue;
        }
        let refused = browser.post(path, &[("confirm", typed)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} with {typed:?}: {}", refused.text());
        assert!(refused.text().contains("<title>Not done: "), "{path}: the title does not say it");
        assert!(refused.text().contains("aria-invalid=\"true\""), "{path}: the field does not say it");
    }
    assert_eq!(browser.post(path, &[]).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} without a name");
    assert_eq!(lines(fixture, &fixture.ours).await.len(), before, "{path} changed something");
    let done = browser.post(path, &[("confirm", &name)]).await;
    assert!(done.status == StatusCode::SEE_OTHER || done.status == StatusCode::OK, "{path}: {}", done.text());
    let log = actions(fixture, &fixture.ours).await;
    assert!(log.iter().take(log.len() - before).any(|done| done == action), "{path}: {log:?}");
}

/// A device key of whoever is signed in there.
async fn device(fixture: &Fixture, browser: &Browser<'_>) -> crypto::Digest {
    let client = control_plane_operations::Client::new(CLIENT, "");
    let seen = fixture.operations.session(&browser.session(), &client).await.unwrap();
    let control_plane_operations::Seen::Full(signed) = seen else { panic!("not signed in") };
    let spki = ed25519::SigningKey::from_seed([11; 32]).verifying_key().to_spki();
    let label = "Ada's laptop".parse().unwrap();
    fixture.operations.register_device(&signed.caller, &spki, label).await.unwrap().fingerprint
}

#[tokio::test]
async fn everything_that_ends_asks_for_its_name() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let things = &fixture.ours.things;
    let device = device(&fixture, &owner).await;
    let engineer = fixture.signed_in_with_role(&fixture.ours, Role::Engineer).await;
    let made = engineer.post("/account/keys/new", &[("label", "ci"), ("days", "1"), ("scope", "runs.list")]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    let log = lines(&fixture, &fixture.ours).await;
    let (key, person) = (super::word(&log[0], "key"), super::word(&log[0], "person"));
    for (path, action) in [
        (format!("/account/devices/{device}/remove"), "device.removed"),
        ("/account/recovery-codes".to_owned(), "account.recovery_codes_made"),
        (format!("/runners/tokens/{}/revoke", things.token), "token.revoked"),
        (format!("/drilldowns/{}/cancel", things.drilldown), "evidence.cancelled"),
        (format!("/secrets/{}/cancel", things.secret), "secret.cancelled"),
        (format!("/account/keys/{key}/revoke"), "api_key.revoked"),
        (format!("/people/{person}/sessions"), "session.ended"),
        (format!("/people/{}/remove", things.person), "person.removed"),
    ] {
        asks(&fixture, &owner, &path, action).await;
    }
    // Whose sessions an administrator ended is asked to sign in again, wherever they go.
    assert!(place_of(&engineer.get("/account").await).starts_with("/sign-in"));
}

#[tokio::test]
async fn other_sessions_end_by_the_e_mail_address() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    // The same person elsewhere.
    fixture.clock.advance_ms(60_000);
    let second = fixture.browser();
    let page = second.get("/sign-in").await;
    let fields =
        [("organisation", "ours"), ("email", "owner@ours.example"), ("password", super::super::browser::PASSWORD)];
    let begun = second.post_from(&page, "/sign-in", &fields).await;
    let page = second.follow(begun).await;
    assert_eq!(place_of(&second.post_from(&page, "/second-factor", &[("code", &owner.code())]).await), "/");
    asks(&fixture, &owner, "/account/sessions", "session.ended").await;
    assert!(place_of(&second.get("/account").await).starts_with("/sign-in"));
    assert_eq!(owner.get("/account").await.status, StatusCode::OK);
}

#[tokio::test]
async fn nobody_ends_the_sessions_of_who_stands_above_them_or_of_themselves() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let administrator = fixture.signed_in_with_role(&fixture.ours, Role::Administrator).await;
    let engineer = fixture.signed_in_with_role(&fixture.ours, Role::Engineer).await;
    let path = format!("/people/{}/sessions", fixture.ours.owner);
    let fields = [("confirm", "Owner of ours")];
    for (browser, code) in [(&administrator, "E-OPS-010"), (&owner, "E-OPS-011"), (&engineer, "E-OPS-003")] {
        for answer in [browser.get(&path).await, browser.post(&path, &fields).await] {
            assert_eq!((answer.status, code_of(&answer).as_str()), (StatusCode::FORBIDDEN, code), "{}", answer.text());
        }
    }
    assert_eq!(owner.get("/account").await.status, StatusCode::OK);
    let text = administrator.get(&format!("/people/{}", fixture.ours.things.person)).await.text();
    assert!(text.contains("End all their sessions"), "{text}");
}

#[tokio::test]
async fn a_device_key_and_a_join_token_want_both_factors_again() {
    let fixture = fixture().await;
    let owner = fixture.signed_in(&fixture.ours).await;
    let device = device(&fixture, &owner).await;
    fixture.clock.advance_ms(16 * 60_000);
    let path = format!("/account/devices/{device}/remove");
    assert!(place_of(&owner.get(&path).await).starts_with("/confirm?next="));
    // What is asked for shows without it, and leads to it.
    let page = owner.get("/runners/add").await.text();
    assert!(page.contains("/confirm?next=%2Frunners%2Fadd") && !page.contains("id=\"f-label\""), "{page}");
    let before = lines(&fixture, &fixture.ours).await.len();
    for (path, fields) in [(path.as_str(), ("confirm", "Ada's laptop")), ("/runners/add", ("label", "cellar"))] {
        let refused = owner.post(path, &[fields]).await;
        assert!(matches!(refused.status, StatusCode::SEE_OTHER | StatusCode::FORBIDDEN), "{path}: {}", refused.text());
    }
    assert_eq!(lines(&fixture, &fixture.ours).await.len(), before);
}

#[tokio::test]
async fn whoever_looks_after_secrets_withdraws_those_of_others_and_no_one_else() {
    let fixture = fixture().await;
    let administrator = fixture.signed_in_with_role(&fixture.ours, Role::Administrator).await;
    let engineer = fixture.signed_in_with_role(&fixture.ours, Role::Engineer).await;
    let path = format!("/secrets/{}/cancel", fixture.ours.things.secret);
    // The button stands where the operation does it.
    assert!(!engineer.get("/secrets").await.text().contains(&path));
    assert!(engineer.post(&path, &[("confirm", "orders-db")]).await.status.is_client_error());
    assert!(administrator.get("/secrets").await.text().contains(&path));
    asks(&fixture, &administrator, &path, "secret.cancelled").await;
}
