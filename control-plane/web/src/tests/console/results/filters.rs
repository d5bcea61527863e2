//! Filters, pages of lists, and the same rows as a file.

use super::reporter::{Ran, Reporter, run_id};
use super::{DAY, column, reported, rows};
use clock::Timestamp;

use crate::tests::harness::fixture;
use verdict::Status;

#[tokio::test]
async fn runs_are_filtered_by_everything() {
    let fixture = fixture().await;
    let reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let day = |ago: i64| {
        let at = fixture.operations.clock().now().plus_ms(-ago);
        at.to_string().chars().take(10).collect::<String>()
    };
    let all = [3, 2, 1].map(|run| run_id(run).to_string());
    let only = |runs: &[u8]| runs.iter().map(|run| run_id(*run).to_string()).collect::<Vec<_>>();
    let runner = reporter.name.runner;
    for (query, expected) in [
        (format!("runner={runner}"), all.to_vec()),
        ("procedure=demo".to_owned(), all.to_vec()),
        (format!("runner={runner}&verdict=fail"), only(&[3, 2])),
        (format!("runner={runner}&verdict=pass&trigger=schedule"), only(&[1])),
        (format!("runner={runner}&trigger=request"), Vec::new()),
        (format!("runner={runner}&from={}", day(DAY)), only(&[3])),
        (format!("runner={runner}&until={}", day(3 * DAY)), only(&[1])),
        (format!("runner={runner}&from={}&until={}&verdict=&trigger=", day(2 * DAY), day(2 * DAY)), only(&[2])),
        (format!("runner={runner}&version=3&digest={}&whole=whole", reporter.digest), all.to_vec()),
        (format!("runner={runner}&version=2"), Vec::new()),
        (format!("runner={runner}&digest={}", "0".repeat(64)), Vec::new()),
        (format!("runner={runner}&whole=partial"), Vec::new()),
        (format!("procedure=demo&check=is-there&runner={runner}"), only(&[2])),
        (format!("runner={runner}&failing=critical"), only(&[2])),
        (format!("runner={runner}&failing=low"), only(&[3, 2])),
        (format!("runner={runner}&least=100"), only(&[1])),
        (format!("runner={runner}&most=99.99"), only(&[3, 2])),
        (format!("runner={runner}&least=0&most=100&control=cis-v8+4.1"), all.to_vec()),
        (format!("runner={runner}&control=cis-v8+9.9"), Vec::new()),
        (format!("runner={runner}&by={}", fixture.ours.owner), Vec::new()),
    ] {
        let table = rows(&browser.get(&format!("/runs?{query}&format=csv")).await);
        assert_eq!(column(&table, "Run"), expected, "{query}");
        let page = browser.get(&format!("/runs?{query}")).await.text();
        let listed = all.iter().filter(|run| page.contains(&format!("<a href=\"/runs/{run}\">"))).count();
        assert_eq!(listed, expected.len(), "{query}: {page}");
    }
    for wrong in [
        "verdict=PASS",
        "runner=x",
        "from=yesterday",
        "trigger=",
        "cursor=zz",
        "unknown=1",
        "from=2026-02-30",
        "verdict=a&verdict=b",
        "from=2026-11-22T25:00",
        "least=101",
        "most=-1",
        "whole=half",
        "by=me",
        "control=x",
        "version=three",
        "digest=00",
        "failing=very",
        "check=is-there",
    ] {
        let status = browser.get(&format!("/runs?{wrong}")).await.status;
        let expected = match wrong {
            "trigger=" => 200,
            // A check has a name within its procedure alone.
            "check=is-there" => 422,
            _ => 400,
        };
        assert_eq!(status, expected, "{wrong}");
    }
}

#[tokio::test]
async fn times_of_filters_are_in_the_zone_of_the_reader() {
    let fixture = fixture().await;
    let mut reporter = Reporter::connect(&fixture, &fixture.ours, "web").await;
    reporter.report(Ran { run: 1, statuses: [Status::Pass, Status::Pass], ago: DAY }).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let began = browser.get(&format!("/runs?runner={}&format=csv", reporter.name.runner)).await;
    let began: Timestamp = column(&rows(&began), "Began")[0].parse().unwrap();
    let chosen = browser.post("/account/zone", &[("zone", "Asia/Tokyo")]).await;
    assert_eq!(chosen.status, 303, "{}", chosen.text());
    // Nine hours ahead, all year.
    let minute = |ms: i64| began.plus_ms(9 * 3_600_000 + ms).to_string().chars().take(16).collect::<String>();
    for (query, found) in [
        (format!("from={}", minute(0)), 1),
        (format!("from={}", minute(60_000)), 0),
        (format!("until={}", minute(0)), 1),
        (format!("until={}", minute(-60_000)), 0),
        (format!("from={}&until={}", minute(-3_600_000), minute(3_600_000)), 1),
    ] {
        let path = format!("/runs?runner={}&{query}", reporter.name.runner);
        assert_eq!(rows(&browser.get(&format!("{path}&format=csv")).await).len() - 1, found, "{query}");
    }
    let page = browser.get("/runs").await.text();
    assert!(page.contains("Began at or after (Asia/Tokyo)") && page.contains(" JST</span>"), "{page}");
}

#[tokio::test]
async fn a_list_goes_on_with_its_filters_and_the_file_has_all_of_it() {
    let fixture = fixture().await;
    let mut reporter = Reporter::connect(&fixture, &fixture.ours, "web").await;
    for run in 1..=120 {
        reporter.report(Ran { run, statuses: [Status::Fail, Status::Pass], ago: DAY - i64::from(run) * 1_000 }).await;
    }
    let browser = fixture.signed_in(&fixture.ours).await;
    let mut path = format!("/runs?runner={}&verdict=fail", reporter.name.runner);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let text = browser.get(&path).await.text();
        seen.extend(
            text.split("<a href=\"/runs/")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned())
                .filter(|id| id.len() == 36),
        );
        let Some(link) = text.split("rel=\"next\"").next().filter(|before| before.len() < text.len()) else { break };
        let href = link.rsplit("href=\"").next().unwrap().split('"').next().unwrap();
        path = href.replace("&amp;", "&");
        assert!(path.contains("verdict=fail") && path.contains("cursor="), "{path}");
    }
    let expected: Vec<String> = (1..=120).rev().map(|run| run_id(run).to_string()).collect();
    assert_eq!(seen, expected, "newest first, each once");
    let table = rows(&browser.get(&format!("/runs?runner={}&format=csv", reporter.name.runner)).await);
    assert_eq!(column(&table, "Run"), expected);
}

#[tokio::test]
async fn findings_are_filtered_and_ordered() {
    let fixture = fixture().await;
    let reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let runner = reporter.name.runner;
    for (query, expected) in [
        ("", vec!["is-there", "is-small"]),
        ("&severity=critical", vec!["is-there"]),
        ("&severity=info", vec![]),
        ("&control=cis-v8+4.1", vec!["is-there"]),
        ("&control=iso-27001-2022+A.8.8&order=age", vec!["is-there", "is-small"]),
        ("&control=nist+X", vec![]),
        ("&age=7", vec![]),
        ("&age=1&procedure=demo", vec!["is-there"]),
    ] {
        let table = rows(&browser.get(&format!("/findings?runner={runner}{query}&format=csv")).await);
        assert_eq!(column(&table, "Check"), expected, "{query}");
        let page = browser.get(&format!("/findings?runner={runner}{query}")).await.text();
        assert_eq!(page.matches("<span class=\"under mono\">is-").count(), expected.len(), "{query}: {page}");
    }
    for wrong in ["order=up", "control=x", "age=old", "severity=CRITICAL"] {
        assert_eq!(browser.get(&format!("/findings?{wrong}")).await.status.as_u16() / 100, 4, "{wrong}");
    }
}

#[tokio::test]
async fn no_cell_of_any_file_is_a_formula() {
    let fixture = fixture().await;
    let reporter = reported(&fixture).await;
    let browser = fixture.signed_in(&fixture.ours).await;
    let run = run_id(2);
    let mut has_seen = false;
    for path in [
        "/runs?format=csv".to_owned(),
        "/procedures?format=csv".to_owned(),
        "/findings?format=csv".to_owned(),
        "/coverage?format=csv".to_owned(),
        "/missed?format=csv".to_owned(),
        "/changes?format=csv".to_owned(),
        "/codes?format=csv".to_owned(),
        format!("/runs/{run}?format=csv"),
        format!("/runs/{run}?format=csv&table=steps"),
        format!("/runs/{run}?format=csv&table=evidence"),
        format!("/runs/{run}?format=csv&table=metrics"),
        format!("/runs/{run}?format=csv&table=controls"),
        format!("/runs/{run}?format=csv&table=exceptions"),
        format!("/runs/{run}?format=csv&table=reports"),
        format!("/runs/{run}/compare?format=csv"),
        format!("/runs/{run}/compare/{}?format=csv", run_id(1)),
        format!("/runs/{run}/compare/{}?format=csv&table=runs", run_id(1)),
        format!("/runs/{run}/compare/{}?format=csv&table=metrics", run_id(1)),
        format!("/procedures/{}/{}?format=csv&table=checks", reporter.name.runner, reporter.digest),
        "/?format=csv&table=trend".to_owned(),
        "/?format=csv&table=overdue".to_owned(),
        "/?format=csv&table=running".to_owned(),
        "/coverage/frameworks/cis-v8?format=csv".to_owned(),
    ] {
        let table = rows(&browser.get(&path).await);
        let may_be_empty = ["metrics", "exceptions", "overdue", "running"].iter().any(|name| path.contains(name));
        assert!(may_be_empty || table.len() > 1, "{path} is empty");
        for row in &table {
            assert_eq!(row.len(), table[0].len(), "{path}: {row:?}");
            for cell in row {
                assert!(!cell.starts_with(['=', '@', '+', '\t', '\r']), "{path}: {cell}");
                has_seen |= cell.starts_with("'=HYPERLINK") || cell.starts_with("'@SUM");
            }
        }
    }
    assert!(has_seen, "the formulas of {} are in some file", reporter.digest);
    let unknown = browser.get(&format!("/runs/{run}?format=csv&table=people")).await;
    assert_eq!(unknown.status, 400);
}
