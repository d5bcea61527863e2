//! What stands on the pages that are walked: procedures that pass and fail, runs of them, people.

use tests::{Console, text, until};

/// A procedure that fails, with everything that a page can show of one.
pub(crate) const SHARES: &str = r#"schema: procedure/v1
id: shares
version: 1
title: Shares of the file server are owned
purpose: Shows that every share has an owner who is still here, and that none is open to everybody.
owner: storage-operations
controls:
  iso-27001-2022: [A.5.15, A.8.3]
  soc2-tsc: [CC6.1]
schedule: { every: day }
steps:
  - id: shares
    title: Read the list of shares
    use: file
    with: { path: DIR/shares.csv, content: csv }
    evidence: { class: internal }
checks:
  - id: owned
    title: Every share has an owner
    for_each: steps.shares.content
    key: item.share
    assert: item.owner != ""
    severity: high
    fix: Ask the department whose share it is, and write it down.
  - id: not_open
    title: No share is open to everybody
    for_each: steps.shares.content
    key: item.share
    assert: item.access != "everybody"
    severity: critical
    fix: Take the group Everybody off the share.
metrics:
  shares: size(steps.shares.content)
"#;

/// The shares: two are open, one has no owner.
pub(crate) const SHARE_ROWS: &str = "share,owner,access\nfinance,ada,department\nscans,,department\npublic,bela,everybody\n\
                                     old,chen,everybody\nlegal,dina,department\n";

/// Installs and runs what the pages are to show; gives the failing run's id.
pub(crate) fn fill(console: &Console) -> String {
    console.line.runner.write("shares.csv", SHARE_ROWS);
    console.line.install("shares.yaml", SHARES);
    console.line.request("accounts");
    console.line.request("shares");
    let run = text(&console.line.request("shares"), "/run");
    until("a checkpoint of the Runner covers the run", || {
        (console.owner.visitor.get(&format!("/runs/{run}/bundle")).status == 200).then_some(())
    });
    run
}

/// How many people the tenant has.
pub(crate) fn people(console: &Console) -> usize {
    let listed = console.line.admin(&["person", "list"]).with_code(0).json();
    listed["people"].as_array().map_or(0, Vec::len)
}
