//! Asking for evidence and what the scripts call: who may, from where, and what of another tenant is never there.

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::enrolment::KeyStatement;
use control_plane_domain::policy::Role;
use control_plane_operations::{CONFIRMED_MS, Client, Seen};
use crypto::{SystemEntropy, ed25519};
use http::{Request, StatusCode};
use proof::attestation;
use proof::dsse::Envelope;
use serde_json::{Value, json};
use verdict::Status;

use super::browser::{Browser, PASSWORD, place_of};
use super::keepers::sure::name_on;
use super::results::reporter::{Ran, Reporter, item_id, run_id};
use crate::tests::harness::{Answer, CLIENT, fixture};

/// A call of a script of ours, with the token of its page.
async fn call(browser: &Browser<'_>, path: &str, body: &Value) -> Answer {
    let token = browser.token();
    call_with(browser, path, body, &[("x-csrf-token", &token), ("sec-fetch-site", "same-origin")]).await
}

async fn call_with(browser: &Browser<'_>, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn new_device() -> String {
    let key = ed25519::SigningKey::generate(&SystemEntropy::new());
    STANDARD.encode(key.verifying_key().to_spki())
}

#[tokio::test]
async fn whoever_may_ask_gets_the_page_and_its_calls() {
    let fixture = fixture().await;
    let mut reporter = Reporter::connect(&fixture, &fixture.ours, "<b>web</b>").await;
    reporter.report(Ran { run: 3, statuses: [Status::Pass, Status::Fail], ago: 60_000 }).await;
    let (run, item, runner) = (run_id(3), item_id(3), reporter.name.runner);
    let auditor = fixture.signed_in_with_role(&fixture.ours, Role::Auditor).await;
    let page = auditor.get(&format!("/runs/{run}/open?item={item}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let text = page.text();
    for part in [
        "data-step=\"rows.attested\"",
        "The honest limit",
        &format!("proctor-verify open {run} {item}"),
        "data-rows=\"1\" checked",
        "reads the &lt;b&gt;release&lt;/b&gt; file",
        "looked at by the check “",
        "data-not-approved=\"E-DRILL-012 E-DRILL-013 E-DRILL-014\" data-second-person=\"E-DRILL-023\"",
        "/open.js\"",
    ] {
        assert!(text.contains(part), "{part} is not on {text}");
    }
    let manifest = auditor.get(&format!("/console/runs/{run}/manifest")).await;
    let attestation = auditor.get(&format!("/console/runs/{run}/attestation")).await;
    let envelope = Envelope::parse(&attestation.bytes, 65_536).unwrap();
    let read = proof::manifest::parse(&manifest.bytes).unwrap();
    assert_eq!(read.run.run, run);
    let keys = auditor.get(&format!("/console/runners/{runner}/keys")).await.json();
    let statement = STANDARD.decode(keys["statement"].as_str().unwrap()).unwrap();
    let (statement, fingerprint) = KeyStatement::open(&Envelope::parse(&statement, 65_536).unwrap()).unwrap();
    assert_eq!((statement.runner, keys["fingerprint"].as_str()), (runner, Some(fingerprint.to_string().as_str())));
    let said = attestation::open(&envelope, &[statement.attestation_key]).unwrap();
    assert_eq!(said.matches(&read, &manifest.bytes), Ok(()));
    let code = auditor.get("/console/codes/E-DRILL-023").await.json();
    assert!(code["meaning"].as_str().unwrap().contains("second person"), "{code}");
    assert_eq!(auditor.get("/console/codes/E-NONE-001").await.code(), "E-OPS-004");

    // A key that nobody registered asks for nothing.
    let device = new_device();
    let mut asked = fixture.ours.things.new_drilldown();
    asked["device_key"] = json!(device);
    asked["run"] = json!(run);
    asked["items"] = json!([{"item": item, "rows": [0]}]);
    assert_eq!(call(&auditor, "/console/drilldowns", &asked).await.code(), "E-AUTH-009");
    let registered = call(&auditor, "/console/devices", &json!({"public_key": device, "label": "Firefox"})).await;
    assert_eq!(registered.status, StatusCode::OK, "{}", registered.text());
    let drilldown = call(&auditor, "/console/drilldowns", &asked).await.json();
    assert_eq!(drilldown["state"], "waiting_for_runner");
    let id = drilldown["id"].as_str().unwrap();
    let shown = auditor.get(&format!("/console/drilldowns/{id}")).await.json();
    assert_eq!((&shown["id"], &shown["to_sign"]), (&json!(id), &Value::Null));
    assert_eq!(auditor.get(&format!("/console/drilldowns/{id}/receipt")).await.status, StatusCode::NOT_FOUND);
    let signed = call(&auditor, &format!("/console/drilldowns/{id}/signature"), &json!({"signature": "AAAA"})).await;
    assert_eq!(signed.status, StatusCode::CONFLICT);
    assert_eq!(
        call(&auditor, &format!("/console/drilldowns/{id}/answer"), &json!({})).await.status,
        StatusCode::CONFLICT
    );

    // Its page: for who asked, with a way to take it back; for others without.
    let page = auditor.get(&format!("/drilldowns/{id}")).await;
    assert!(page.text().contains("Withdraw the request") && page.text().contains("again="), "{}", page.text());
    // By what people call it, the ids beside.
    for part in [
        "are looked after</a><span class=\"under\">began <time",
        "reads the &lt;b&gt;release&lt;/b&gt; file",
        "looked at by the check “",
    ] {
        assert!(page.text().contains(part), "{part} is not on {}", page.text());
    }
    let again = auditor.get(&format!("/runs/{run}/open?again={id}")).await.text();
    assert!(again.contains("value=\"as agreed\"") && again.contains("value=\"0\""), "{again}");
    let other = fixture.signed_in_with_role(&fixture.ours, Role::Engineer).await;
    let page = other.get(&format!("/drilldowns/{id}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains("Withdraw the request") && !page.text().contains("again="), "{}", page.text());
    let asked = auditor.get(&format!("/drilldowns/{id}/cancel")).await.text();
    let back = auditor.post(&format!("/drilldowns/{id}/cancel"), &[("confirm", &name_on(&asked))]).await;
    assert_eq!(place_of(&back), format!("/drilldowns/{id}"));
    assert!(auditor.follow(back).await.text().contains("withdrawn"));
}

#[tokio::test]
async fn who_may_not_ask_and_what_comes_from_elsewhere_is_refused() {
    let fixture = fixture().await;
    let things = fixture.ours.things.clone();
    let open = format!("/runs/{}/open", things.run);
    let viewer = fixture.signed_in_with_role(&fixture.ours, Role::Viewer).await;
    assert_eq!(viewer.get(&open).await.status, StatusCode::FORBIDDEN);
    assert_eq!(viewer.get(&format!("/drilldowns/{}", things.drilldown)).await.status, StatusCode::FORBIDDEN);
    for path in ["manifest", "attestation"] {
        assert_eq!(viewer.get(&format!("/console/runs/{}/{path}", things.run)).await.code(), "E-OPS-003");
    }
    let asked = things.new_drilldown();
    assert_eq!(call(&viewer, "/console/drilldowns", &asked).await.code(), "E-OPS-003");
    let stranger = fixture.browser();
    assert_eq!(
        stranger.get(&format!("/console/drilldowns/{}", things.drilldown)).await.status,
        StatusCode::UNAUTHORIZED
    );

    let auditor = fixture.signed_in_with_role(&fixture.ours, Role::Auditor).await;
    let token = auditor.token();
    let foreign = "AAAA".repeat(16);
    let ours = ("sec-fetch-site", "same-origin");
    let from_elsewhere: [&[(&str, &str)]; 5] = [
        &[ours],
        &[("x-csrf-token", &foreign), ours],
        &[("x-csrf-token", &token), ("sec-fetch-site", "cross-site")],
        &[("x-csrf-token", &token), ("origin", "https://evil.example"), ours],
        &[("x-csrf-token", &token), ("x-csrf-token", &token), ours],
    ];
    for headers in from_elsewhere {
        for path in [
            "/console/drilldowns".to_owned(),
            "/console/devices".to_owned(),
            "/console/secrets".to_owned(),
            format!("/console/drilldowns/{}/answer", things.drilldown),
            format!("/console/drilldowns/{}/signature", things.drilldown),
        ] {
            let answer = call_with(&auditor, &path, &asked, headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}: {}", answer.text());
        }
    }
    // Somebody else's request goes on with them alone.
    let id = things.drilldown;
    let signature = json!({"signature": STANDARD.encode([1; 64])});
    assert_eq!(
        call(&auditor, &format!("/console/drilldowns/{id}/signature"), &signature).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        call(&auditor, &format!("/console/drilldowns/{id}/answer"), &json!({})).await.status,
        StatusCode::FORBIDDEN
    );
    let refused = auditor.post(&format!("/drilldowns/{id}/cancel"), &[("confirm", "warehouse")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    // Both factors have to be fresh.
    fixture.clock.advance_ms(CONFIRMED_MS + 1);
    let answer = call(&auditor, "/console/drilldowns", &asked).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::FORBIDDEN, json!("E-AUTH-006")));
    assert_eq!(place_of(&auditor.get(&open).await), format!("/confirm?next={}", open.replace('/', "%2F")));
}

/// Paper in the place of the app: said before anything is typed, and by the call itself.
#[tokio::test]
async fn whoever_showed_a_recovery_code_is_asked_for_the_app_first() {
    let fixture = fixture().await;
    let auditor = fixture.signed_in_with_role(&fixture.ours, Role::Auditor).await;
    let open = format!("/runs/{}/open", fixture.ours.things.run);
    assert_eq!(auditor.get(&open).await.status, StatusCode::OK);
    let client = Client::new(CLIENT, "a test");
    let seen = fixture.operations.session(&auditor.session(), &client).await.unwrap();
    let Seen::Full(signed) = seen else { panic!("not signed in") };
    let codes = fixture.operations.new_recovery_codes(&signed.caller).await.unwrap();
    let fields = [("password", PASSWORD), ("code", codes[0].expose().as_str()), ("next", open.as_str())];
    let confirmed = auditor.post("/confirm", &fields).await;
    assert_eq!(place_of(&confirmed), open, "{}", confirmed.text());
    let away = place_of(&auditor.get(&open).await);
    assert!(away.starts_with("/confirm?next="), "{away}");
    assert!(auditor.get(&away).await.text().contains("You showed a recovery code last."));
    let asked = fixture.ours.things.new_drilldown();
    let answer = call(&auditor, "/console/drilldowns", &asked).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::FORBIDDEN, json!("E-AUTH-011")));
    // With the app it goes on.
    fixture.clock.advance_ms(30_000);
    let code = auditor.code();
    let fields = [("password", PASSWORD), ("code", code.as_str()), ("next", open.as_str())];
    assert_eq!(place_of(&auditor.post("/confirm", &fields).await), open);
    assert_eq!(auditor.get(&open).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_of_another_tenant_is_there() {
    let fixture = fixture().await;
    let auditor = fixture.signed_in_with_role(&fixture.ours, Role::Auditor).await;
    let theirs = fixture.theirs.things.clone();
    for path in [
        format!("/runs/{}/open", theirs.run),
        format!("/drilldowns/{}", theirs.drilldown),
        format!("/console/runs/{}/manifest", theirs.run),
        format!("/console/runs/{}/attestation", theirs.run),
        format!("/console/runners/{}/keys", theirs.runner),
        format!("/console/drilldowns/{}", theirs.drilldown),
        format!("/console/drilldowns/{}/receipt", theirs.drilldown),
        "/runs/unknown/open".to_owned(),
        "/console/drilldowns/unknown".to_owned(),
    ] {
        assert_eq!(auditor.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let again = format!("/runs/{}/open?again={}", fixture.ours.things.run, theirs.drilldown);
    assert_eq!(auditor.get(&again).await.status, StatusCode::NOT_FOUND);
    let signature = json!({"signature": STANDARD.encode([1; 64])});
    for (path, body) in [
        (format!("/console/drilldowns/{}/signature", theirs.drilldown), &signature),
        (format!("/console/drilldowns/{}/answer", theirs.drilldown), &json!({})),
    ] {
        assert_eq!(call(&auditor, &path, body).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let device = new_device();
    let registered = call(&auditor, "/console/devices", &json!({"public_key": device, "label": "Firefox"})).await;
    assert_eq!(registered.status, StatusCode::OK);
    let mut asked = theirs.new_drilldown();
    asked["device_key"] = json!(device);
    assert_eq!(call(&auditor, "/console/drilldowns", &asked).await.status, StatusCode::NOT_FOUND);
    asked["more"] = json!(1);
    assert_eq!(call(&auditor, "/console/drilldowns", &asked).await.code(), "E-WEB-008");
    for wrong in ["", "AAAA", "not base64"] {
        let answer = call(&auditor, "/console/devices", &json!({"public_key": wrong, "label": "x"})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}
