//! Who sees what, and that nobody sees what is another tenant's.

use control_plane_domain::policy::Role;

use super::reported;
use super::reporter::{Ran, Reporter, run_id};
use crate::tests::harness::fixture;
use verdict::Status;

#[tokio::test]
async fn a_viewer_sees_results_and_no_evidence() {
    let fixture = fixture().await;
    let reporter = reported(&fixture).await;
    let viewer = fixture.signed_in_with_role(&fixture.ours, Role::Viewer).await;
    let run = format!("/runs/{}", run_id(3));
    let text = viewer.get(&run).await.text();
    assert!(text.contains("Checks, those that fail first"));
    for hidden in ["/open", "Commitment", "Request another run", "Evidence requests of this run", "drilldowns"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    let list = viewer.get(&format!("{run}?format=csv&table=evidence")).await;
    assert_eq!(list.status, 404, "{}", list.text());
    let procedure = format!("/procedures/{}/{}", reporter.name.runner, reporter.digest);
    assert!(!viewer.get(&procedure).await.text().contains("Request a run"));
    assert_eq!(viewer.post(&format!("{procedure}/run"), &[]).await.status, 403);
    let overview = viewer.get("/").await.text();
    assert!(overview.contains("Verdicts now") && !overview.contains("Open alarms"), "{overview}");
}

#[tokio::test]
async fn an_auditor_may_ask_for_evidence_and_not_for_runs() {
    let fixture = fixture().await;
    let reporter = reported(&fixture).await;
    let auditor = fixture.signed_in_with_role(&fixture.ours, Role::Auditor).await;
    let text = auditor.get(&format!("/runs/{}", run_id(3))).await.text();
    assert!(text.contains(&format!("/runs/{}/open?item=", run_id(3))), "{text}");
    assert!(!text.contains("Request another run"));
    let ask = format!("/procedures/{}/{}/run", reporter.name.runner, reporter.digest);
    assert_eq!(auditor.post(&ask, &[]).await.status, 403);
}

#[tokio::test]
async fn another_tenants_ids_name_nothing() {
    let fixture = fixture().await;
    let mut theirs = Reporter::connect(&fixture, &fixture.theirs, "theirs").await;
    for run in [1, 2] {
        theirs.report(Ran { run, statuses: [Status::Fail, Status::Pass], ago: 1_000 }).await;
    }
    theirs.checkpoint().await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let owner = fixture.signed_in(&fixture.theirs).await;
    let (runner, digest, run, ours) = (theirs.name.runner, theirs.digest, run_id(1), fixture.ours.things.run);
    for path in [
        format!("/procedures/{runner}/{digest}"),
        format!("/procedures/{runner}/{digest}/source"),
        format!("/runs/{run}"),
        format!("/runs/{run}?format=csv"),
        format!("/runs/{run}?format=csv&table=evidence"),
        format!("/runs/{run}/bundle"),
        format!("/runs/{run}/manifest"),
        format!("/runs/{run}/attestation"),
        format!("/runs/{run}/compare"),
        format!("/runs/{run}/compare/{}", run_id(2)),
        format!("/requests/{}", fixture.theirs.things.request),
    ] {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        let is_found = matches!(owner.get(&path).await.status.as_u16(), 200 | 303);
        assert!(is_found, "{path} is there for its owner");
    }
    assert_eq!(browser.get(&format!("/runs/{ours}/compare/{run}")).await.status, 404);
    assert_eq!(browser.post(&format!("/procedures/{runner}/{digest}/run"), &[]).await.status, 404);
    for path in ["/runs", "/runs?format=csv", "/findings", "/procedures", "/coverage", "/", "/changes", "/missed"] {
        let text = browser.get(path).await.text();
        assert!(!text.contains(&runner.to_string()), "{path} names their Runner");
    }
    // A filter by what is not ours finds nothing.
    for path in ["/runs", "/findings", "/procedures", "/missed"] {
        let answer = browser.get(&format!("{path}?runner={runner}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text().contains("<tbody"), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn ids_that_are_none_name_nothing() {
    let fixture = fixture().await;
    let browser = fixture.signed_in(&fixture.ours).await;
    for path in [
        "/runs/x",
        "/runs/019aa7f0-0000-7000-8000-00000000000A",
        "/runs/%00",
        "/procedures/x/y",
        "/procedures/019aa7f0-0000-7000-8000-000000000003/00",
        "/requests/x",
    ] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
}
