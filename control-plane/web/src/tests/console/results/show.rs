//! What the pages say of what was reported.

use super::reporter::{Ran, Reporter, SOURCE, run_id};
use super::{DAY, empty_tenant, reported, rows};
use crate::tests::harness::fixture;
use verdict::Status;

/// Markup of a procedure's author, as it must never stand in a page.
fn harmless(page: &str) {
    for markup in ["<script>alert", "<img src=x", "<b>web</b>", "<b>release</b>"] {
        assert!(!page.contains(markup), "{markup} in {page}");
    }
}

#[tokio::test]
async fn the_overview_says_how_things_stand_and_what_to_do() {
    let fixture = fixture().await;
    let _reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let page = browser.get("/").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    harmless(&text);
    for said in
        ["Verdicts now", "What changed since yesterday", "The same numbers as a table", "Open alarms", "role=\"img\""]
    {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    assert!(text.contains(&format!("/runs/{}", run_id(3))), "what weighs most is linked");
}

#[tokio::test]
async fn an_empty_tenant_is_shown_its_first_steps_and_empty_lists_say_what_comes() {
    let fixture = fixture().await;
    let empty = empty_tenant(&fixture).await;
    let browser = fixture.signed_in(&empty).await;
    let text = browser.get("/").await.text();
    assert!(text.contains("The first three steps") && text.contains("href=\"/runners/add\""), "{text}");
    assert!(!text.contains("Verdicts now"));
    for (path, said) in [
        ("/procedures", "No procedure is installed yet"),
        ("/runs", "No run yet"),
        ("/findings", "No check fails"),
        ("/coverage", "No control is covered yet"),
        ("/missed", "Nothing was missed"),
        ("/changes", "Nothing changed"),
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text().contains(said), "{path}: {}", page.text());
    }
}

#[tokio::test]
async fn a_procedure_is_readable_and_its_file_is_text() {
    let fixture = fixture().await;
    let mut reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let path = format!("/procedures/{}/{}", reporter.name.runner, reporter.digest);
    let text = browser.get(&path).await.text();
    harmless(&text);
    for said in
        ["every day, from midnight (UTC)", "linux-operations", "CIS Controls v8", "put the file back", "Request a run"]
    {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    let file = browser.get(&format!("{path}/source")).await;
    assert_eq!(
        (file.headers["content-type"].to_str().unwrap(), file.bytes.as_slice()),
        ("text/plain; charset=utf-8", SOURCE.as_bytes())
    );
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let list = browser.get("/procedures").await.text();
    harmless(&list);
    assert!(list.contains(&path) && list.contains("Last runs, oldest first"), "{list}");

    reporter.install(None).await;
    let text = browser.get(&path).await.text();
    assert!(text.contains("withholds the text"), "{text}");
    assert_eq!(browser.get(&format!("{path}/source")).await.status, 404);
}

#[tokio::test]
async fn a_run_says_what_failed_and_why_it_can_be_believed() {
    let fixture = fixture().await;
    let mut reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let path = format!("/runs/{}", run_id(3));
    let text = browser.get(&path).await.text();
    harmless(&text);
    for said in [
        "not witnessed yet",
        "it took longer than allowed",
        "/codes?code=timeout",
        "0 not applicable",
        "1 error",
        "CIS Controls v8",
    ] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
    // What fails stands before what holds, whatever the file's order.
    let second = browser.get(&format!("/runs/{}", run_id(2))).await.text();
    assert!(second.find("put the file back") < second.find("The file is small"), "{second}");
    assert!(second.contains(&format!("/runs/{}/compare/{}", run_id(2), run_id(1))), "the run before is offered");

    reporter.checkpoint().await;
    let text = browser.get(&path).await.text();
    assert!(text.contains("journal signed") && !text.contains("There is no bundle"), "{text}");
}

#[tokio::test]
async fn a_waiting_run_is_followed_by_its_result() {
    let fixture = fixture().await;
    let mut reporter = Reporter::connect(&fixture, &fixture.ours, "web").await;
    let browser = fixture.signed_in(&fixture.ours).await;
    reporter.report(Ran { run: 7, statuses: [Status::Pending, Status::Pass], ago: DAY }).await;
    let path = format!("/runs/{}", run_id(7));
    let text = browser.get(&path).await.text();
    assert!(
        text.contains("It waits for a person") && text.contains("no score") && text.contains("data-live"),
        "{text}"
    );
    reporter.report(Ran { run: 7, statuses: [Status::Pass, Status::Pass], ago: DAY }).await;
    let text = browser.get(&path).await.text();
    assert!(text.contains("Everything that applies was measured and holds"), "{text}");
    assert_eq!(text.matches("Journal record ").count(), 2, "each report is listed: {text}");
}

#[tokio::test]
async fn two_runs_are_compared_in_the_order_in_which_they_ran() {
    let fixture = fixture().await;
    let _reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    for (one, other) in [(1, 2), (2, 1)] {
        let text = browser.get(&format!("/runs/{}/compare/{}", run_id(one), run_id(other))).await.text();
        harmless(&text);
        assert!(text.contains("Of the checks, 1 became worse and 1 stayed the same."), "{text}");
    }
    let chosen = browser.get(&format!("/runs/{}/compare?with={}", run_id(2), run_id(1))).await;
    let text = browser.follow(chosen).await.text();
    assert!(text.contains("Two runs compared"), "{text}");
    // The fixture's own run is of another procedure.
    let other = browser.get(&format!("/runs/{}/compare/{}", run_id(2), fixture.ours.things.run)).await;
    assert_eq!(other.status, 422, "{}", other.text());
}

#[tokio::test]
async fn a_run_is_compared_with_any_other_of_its_procedure() {
    let fixture = fixture().await;
    let reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let path = format!("/runs/{}/compare", run_id(2));
    let text = browser.get(&path).await.text();
    harmless(&text);
    let offered = |text: &str, other| text.contains(&format!("href=\"{path}/{}\"", run_id(other)));
    assert!(offered(&text, 1) && offered(&text, 3) && !offered(&text, 2), "{text}");
    assert!(text.contains("data-label=\"Runner\">test<"), "the Runner is named: {text}");
    let text = browser.get(&format!("{path}?verdict=pass&runner={}", reporter.name.runner)).await.text();
    assert!(offered(&text, 1) && !offered(&text, 3), "{text}");
    let text = browser.get(&format!("{path}?verdict=excepted")).await.text();
    assert!(text.contains("No other run"), "{text}");
}

#[tokio::test]
async fn every_table_of_results_is_a_file() {
    let fixture = fixture().await;
    let reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    for path in [
        "/".to_owned(),
        "/runs".to_owned(),
        "/procedures".to_owned(),
        "/findings".to_owned(),
        "/missed".to_owned(),
        "/changes".to_owned(),
        "/requests".to_owned(),
        "/coverage/frameworks/cis-v8".to_owned(),
        format!("/procedures/{}/{}", reporter.name.runner, reporter.digest),
        format!("/runs/{}", run_id(2)),
        format!("/runs/{}/compare", run_id(2)),
        format!("/runs/{}/compare/{}", run_id(2), run_id(1)),
    ] {
        let page = browser.get(&path).await.text();
        let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let files: std::collections::BTreeSet<String> = links
            .filter(|link| link.contains("format=csv"))
            .map(|link| link.replace("&amp;", "&").replace("&#38;", "&"))
            .collect();
        let tables = page.matches("<caption").count();
        assert!(files.len() >= tables, "{path}: {tables} tables and {files:?}");
        for file in files {
            let table = rows(&browser.get(&file).await);
            assert!(!table[0].is_empty(), "{file}");
        }
    }
}

#[tokio::test]
async fn findings_and_coverage_show_what_fails_and_where_the_gaps_are() {
    let fixture = fixture().await;
    let _reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let text = browser.get("/findings").await.text();
    harmless(&text);
    assert!(text.contains("put the file back") && text.contains("Fails since"), "{text}");
    let text = browser.get("/coverage").await.text();
    harmless(&text);
    for said in ["ISO/IEC 27001:2022", "CIS Controls v8", "Not looked at", "class=\"heat\"", "failing"] {
        assert!(text.contains(said), "{said} is missing in {text}");
    }
}

#[tokio::test]
async fn codes_are_explained() {
    let fixture = fixture().await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let text = browser.get("/codes?code=timeout").await.text();
    assert!(text.contains("it took longer than allowed") && !text.contains("E-LINE-001"), "{text}");
    let text = browser.get("/codes?code=%3Cscript%3E").await.text();
    assert!(text.contains("No such code") && !text.contains("<script>\""), "{text}");
}
