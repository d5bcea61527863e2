//! Row 15: a check over many rows. Ten times the rows may take eleven times as long.

use std::collections::BTreeMap;

use procedure::{Assessment, Collected, Notation, Outcome as StepOutcome, Procedure, RunContext, World};
use serde_json::{Map, Value, json};
use verdict::Status;

use crate::harness::{Contender, Cost, Goal, Line, Outcome, Plan, contend, cost, note};

const SOURCE: &str = "schema: procedure/v1
id: bench
version: 1
title: Accounts are in order
purpose: To be measured.
owner: nobody
steps:
  - id: accounts
    title: List the accounts
    use: command
    with: { run: [/usr/bin/accounts], parse: json }
checks:
  - id: active
    title: Every account is active
    for_each: steps.accounts.out
    key: item.id
    assert: ASSERT
    severity: high
";

const BARE: &str = "bare";
const FEW: &str = "10,000 rows";
const MANY: &str = "100,000 rows";

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    for (name, assert) in [
        ("item.active", "item.active"),
        ("three comparisons", "item.active && item.days < 90 && item.role != \"root\""),
    ] {
        check(plan, name, assert)?;
    }
    Ok(())
}

fn check(plan: &Plan, name: &str, assert: &str) -> Outcome<()> {
    let source = SOURCE.replace("ASSERT", &format!("'{assert}'"));
    let procedure = procedure::read(source.as_bytes(), Notation::Yaml)?;
    let (few, many) = (world(10_000)?, world(100_000)?);
    let measured = contend(
        plan,
        vec![
            Contender::new(BARE, || bare(&many)),
            Contender::new(FEW, || assess(&procedure, &few, 10_000)),
            Contender::new(MANY, || assess(&procedure, &many, 100_000)),
        ],
    )?;
    let is_void = measured.is_void;
    let line =
        |what: String, seen: f64, unit, goal| Line { row: "15", what, seen, cpu: None, goal, unit, is_void }.print();
    // Both costs are of one row.
    let growth = 10.0 / measured.speed(MANY, FEW);
    line(format!("`{name}` over 100,000 rows, of 10,000 rows"), growth, "", Goal::AtMost(11.0))?;
    let rate = 1e-3 / measured.wall(MANY);
    line(format!("`{name}`, thousands of assertions a second"), rate, " k/s", Goal::AtLeast(200.0))?;
    line(format!("`{name}`, of a loop over the same JSON in Rust"), measured.speed(MANY, BARE), "", Goal::None)?;
    tampered(&procedure)
}

/// Every row in a loop that knows what it looks for.
fn bare(world: &World) -> Outcome<Cost> {
    let Some(Collected::One(StepOutcome::Value(value))) = world.steps.get("accounts") else {
        return Err("the world has no accounts".into());
    };
    let rows = value.get("out").and_then(Value::as_array).ok_or("the accounts are no list")?;
    let (spent, active) = cost(|| {
        let mut keys = std::collections::BTreeSet::new();
        let active = rows.iter().filter(|row| {
            let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
            keys.insert(id.to_owned()) && row.get("active") == Some(&Value::Bool(true))
        });
        Ok(active.count())
    })?;
    if active == rows.len() { Ok(spent.each(rows.len())) } else { Err("an account is not active".into()) }
}

fn assess(procedure: &Procedure, world: &World, count: u64) -> Outcome<Cost> {
    let (spent, assessment) = cost(|| judge(procedure, world))?;
    if assessment.verdict == Status::Pass && assessment.counts.pass == count {
        Ok(spent.each(usize::try_from(count)?))
    } else {
        let counts = assessment.counts;
        Err(format!("{}: {} of {count} pass", assessment.verdict.as_str(), counts.pass).into())
    }
}

fn judge(procedure: &Procedure, world: &World) -> Outcome<Assessment> {
    procedure::assess(procedure, world, &[], None).map_err(|failure| failure.text.into())
}

fn world(rows: usize) -> Outcome<World> {
    let row = |number| json!({"id": format!("user{number:06}"), "active": true, "days": number % 90, "role": "clerk", "mail": "a@example.org"});
    with((0..rows).map(row).collect())
}

fn with(rows: Vec<Value>) -> Outcome<World> {
    let run = RunContext {
        id: "019aa7f0-0000-7000-8000-000000000003".to_owned(),
        at: "2026-11-21T20:11:36.097Z".parse()?,
        period_start: None,
        period_end: None,
        scratch: None,
    };
    let value = json!({"exit": 0, "out": rows, "seconds": 1});
    let steps = BTreeMap::from([("accounts".to_owned(), Collected::One(StepOutcome::Value(value)))]);
    Ok(World { inputs: Map::new(), run, steps })
}

/// One row in ten thousand that is not in order.
fn tampered(procedure: &Procedure) -> Outcome<()> {
    let mut rows: Vec<Value> = (0..10_000)
        .map(|number| json!({"id": number.to_string(), "active": true, "days": 1, "role": "clerk"}))
        .collect();
    if let Some(active) = rows.get_mut(7_000).and_then(|row| row.get_mut("active")) {
        *active = Value::Bool(false);
    }
    let assessment = judge(procedure, &with(rows)?)?;
    if assessment.verdict == Status::Fail && assessment.counts.fail == 1 {
        note("one changed row in 10,000 fails the check")
    } else {
        Err("a changed row was not noticed: none of this counts".into())
    }
}
