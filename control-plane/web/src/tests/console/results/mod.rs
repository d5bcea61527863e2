//! The pages of results, over what a Runner really reported.

mod downloads;
mod filters;
pub(super) mod reporter;
mod requests;
mod roles;
mod scopes;
mod show;

use control_plane_operations::CreateTenant;
use verdict::Status;

use crate::tests::harness::{Answer, Fixture, Tenant};
use reporter::{Ran, Reporter};

const DAY: i64 = 86_400_000;

/// Our tenant with a Runner that reported a pass, a failure and an error, one a day.
async fn reported(fixture: &Fixture) -> Reporter<'_> {
    let mut reporter = Reporter::connect(fixture, &fixture.ours, "<b>web</b>").await;
    for (run, statuses, ago) in [
        (1, [Status::Pass, Status::Pass], 3 * DAY),
        (2, [Status::Fail, Status::Pass], 2 * DAY),
        (3, [Status::Error, Status::Fail], DAY),
    ] {
        reporter.report(Ran { run, statuses, ago }).await;
    }
    reporter
}

/// A tenant in which nothing was done yet.
pub(super) async fn empty_tenant(fixture: &Fixture) -> Tenant {
    let input = CreateTenant {
        name: "empty".parse().unwrap(),
        owner_email: "owner@empty.example".parse().unwrap(),
        owner_name: "Owner of nothing".parse().unwrap(),
    };
    let made = fixture.operations.create_tenant(input).await.unwrap();
    // It has no things; those of another tenant name nothing in it.
    let things = fixture.theirs.things.clone();
    Tenant { id: made.tenant, owner: made.owner, key: made.api_key.expose().clone(), things }
}

/// The rows of a table that was saved: each cell without its quotes.
fn rows(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(answer.headers["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\""));
    let text = answer.text();
    let text = text.strip_suffix("\r\n").expect("the last row ends as the others do");
    let cells = |line: &str| {
        let inner = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap();
        inner.split("\",\"").map(|cell| cell.replace("\"\"", "\"")).collect()
    };
    text.split("\r\n").map(cells).collect()
}

/// The column of this name, its head left out.
fn column(rows: &[Vec<String>], name: &str) -> Vec<String> {
    let place = rows[0].iter().position(|head| head == name).unwrap_or_else(|| panic!("no {name} in {:?}", rows[0]));
    rows[1..].iter().map(|row| row[place].clone()).collect()
}
