//! A run is asked for, and what becomes of it.

use contract::{FromRunner, RunProgress, RunStage};
use ids::RequestId;
use verdict::Status;

use super::reported;
use super::reporter::{Ran, run_id};
use crate::tests::console::browser::{code_of, place_of};
use crate::tests::harness::fixture;

fn progress(request: RequestId, run: Option<u8>, stage: RunStage, code: Option<&str>) -> FromRunner {
    let code = code.map(|code| code.parse().unwrap());
    FromRunner::RunProgress(RunProgress { request: Some(request), run: run.map(run_id), stage, code })
}

#[tokio::test]
async fn a_run_is_asked_for_and_followed_to_its_result() {
    let fixture = fixture().await;
    let mut reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let procedure = format!("/procedures/{}/{}", reporter.name.runner, reporter.digest);
    let page = browser.get(&procedure).await;
    let asked = browser.post_from(&page, &format!("{procedure}/run"), &[("wait", "86400")]).await;
    let place = place_of(&asked);
    let request: RequestId = place.strip_prefix("/requests/").unwrap().parse().unwrap();
    let text = browser.follow(asked).await.text();
    assert!(text.contains("The run was requested.") && text.contains("waits for the Runner"), "{text}");
    // The same form again, by a nervous finger.
    let again = browser.post_from(&page, &format!("{procedure}/run"), &[("wait", "86400")]).await;
    assert_eq!(again.status, 409, "{}", again.text());
    let runs = browser.get("/runs").await.text();
    assert!(runs.contains(&place) && runs.contains("No result yet"), "{runs}");

    reporter.say(progress(request, Some(9), RunStage::Begun, None)).await;
    assert!(browser.get(&place).await.text().contains("The Runner began at"));
    reporter.report(Ran { run: 9, statuses: [Status::Pass, Status::Pass], ago: 5_000 }).await;
    reporter.say(progress(request, Some(9), RunStage::Ended, None)).await;
    let text = browser.get(&place).await.text();
    assert!(text.contains(&format!("href=\"/runs/{}\"", run_id(9))), "{text}");
    let run = browser.get(&format!("/runs/{}", run_id(9))).await.text();
    assert!(run.contains(&place) && run.contains("Owner of ours"), "who asked is named: {run}");
}

#[tokio::test]
async fn a_refusal_is_explained() {
    let fixture = fixture().await;
    let mut reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let ask = format!("/procedures/{}/{}/run", reporter.name.runner, reporter.digest);
    let place = place_of(&browser.post(&ask, &[]).await);
    let request: RequestId = place.strip_prefix("/requests/").unwrap().parse().unwrap();
    reporter.say(progress(request, None, RunStage::Refused, Some("E-LINE-013"))).await;
    let text = browser.get(&place).await.text();
    assert!(text.contains("refused by the Runner") && text.contains("a record came out of order"), "{text}");
    assert!(text.contains("/codes?code=E-LINE-013"));
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_said() {
    let fixture = fixture().await;
    let mut reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let runner = reporter.name.runner;
    let ask = format!("/procedures/{runner}/{}/run", reporter.digest);
    assert_eq!(browser.post(&ask, &[("wait", "1")]).await.status.as_u16() / 100, 4);
    assert_eq!(browser.post(&ask, &[("unknown", "1")]).await.status.as_u16() / 100, 4);
    let other = format!("/procedures/{runner}/{}/run", "0".repeat(64));
    let refused = browser.post(&other, &[]).await;
    assert_eq!((refused.status.as_u16(), code_of(&refused).as_str()), (422, "E-OPS-030"));
    reporter.say(FromRunner::Catalogue(contract::Catalogue { procedures: Vec::new() })).await;
    let text = browser.get(&format!("/procedures/{runner}/{}", reporter.digest)).await.text();
    assert!(text.contains("no longer installed") && !text.contains("Request a run</button>"), "{text}");
    assert_eq!(browser.post(&ask, &[]).await.status, 422);
}
