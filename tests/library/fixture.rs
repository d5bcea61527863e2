//! Fixtures: `packaging/procedures/fixtures/PROCEDURE/CASE.yaml`.

use std::collections::BTreeMap;

use clock::Timestamp;
use procedure::{Blocked, Collected, Item, Outcome, Piece, Procedure, RunContext, Step, World};
use serde::Deserialize;
use serde_json::{Map, Value};
use verdict::{Code, Status};

use crate::library;

/// One run told in full.
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) verdict: Status,
    /// Every check with the status that it must have.
    pub(crate) checks: BTreeMap<String, Status>,
    told: Told,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    at: Timestamp,
    #[serde(default)]
    run: Circumstances,
    inputs: Map<String, Value>,
    steps: BTreeMap<String, Gathered>,
    expect: Expected,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Circumstances {
    id: Option<String>,
    scratch: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Gathered {
    Each(Vec<Single>),
    One(Became),
}

/// What became of one item.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Single {
    key: String,
    value: Option<Value>,
    error: Option<Code>,
    #[serde(default)]
    pending: bool,
    #[serde(default)]
    overdue: bool,
}

/// What became of one collection.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Became {
    value: Option<Value>,
    error: Option<Code>,
    #[serde(default)]
    pending: bool,
    #[serde(default)]
    overdue: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    verdict: Status,
    checks: BTreeMap<String, Status>,
}

impl Fixture {
    /// The fixtures of a procedure, by name.
    pub(crate) fn all_of(procedure: &str) -> Result<Vec<Self>, String> {
        let folder = library::folder().join("fixtures").join(procedure);
        let files = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut found = Vec::new();
        for file in files {
            let path = file.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let told: Told = serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let (verdict, checks) = (told.expect.verdict, told.expect.checks.clone());
            found.push(Self { name, verdict, checks, told });
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Assesses the run and compares; the error lists everything that is otherwise.
    pub(crate) fn run(&self, procedure: &Procedure) -> Result<(), String> {
        let inputs =
            procedure::bind_inputs(procedure, &self.told.inputs).map_err(|faults| format!("inputs: {faults}"))?;
        let run = RunContext {
            id: self.told.run.id.clone().unwrap_or_else(|| "019aa7f0-0000-7000-8000-000000000003".to_owned()),
            at: self.told.at,
            period_start: None,
            period_end: None,
            scratch: self.told.run.scratch.clone(),
        };
        let mut world = World { inputs, run, steps: BTreeMap::new() };
        for step in procedure.all_steps() {
            let gathered =
                self.told.steps.get(&step.id).ok_or_else(|| format!("says nothing of step `{}`", step.id))?;
            let collected =
                collected(procedure, step, gathered, &world).map_err(|why| format!("step `{}`: {why}", step.id))?;
            world.steps.insert(step.id.clone(), collected);
        }
        if let Some(unknown) = self.told.steps.keys().find(|id| procedure.step(id).is_none()) {
            return Err(format!("tells of a step `{unknown}`, which does not exist"));
        }
        let assessment = procedure::assess(procedure, &world, &[], None).map_err(|failure| failure.to_string())?;
        let mut otherwise = Vec::new();
        if assessment.verdict != self.verdict {
            otherwise.push(format!("the verdict is {}, not {}", assessment.verdict, self.verdict));
        }
        let mut expected = self.checks.clone();
        for check in &assessment.checks {
            let wanted = expected.remove(&check.id);
            if wanted != Some(check.status) {
                let wanted = wanted.map_or("not named".to_owned(), |status| status.to_string());
                let items: Vec<_> = check
                    .items
                    .iter()
                    .map(|item| format!("\n    {:?} {} {:?} {:?}", item.key, item.status, item.code, item.detail))
                    .collect();
                otherwise.push(format!(
                    "check `{}` is {}, expected: {wanted}{}",
                    check.id,
                    check.status,
                    items.concat()
                ));
            }
        }
        otherwise.extend(expected.keys().map(|id| format!("names a check `{id}`, which does not exist")));
        if otherwise.is_empty() { Ok(()) } else { Err(otherwise.join("\n  ")) }
    }
}

/// What the fixture tells of a step, held against what the procedure would do.
fn collected(procedure: &Procedure, step: &Step, gathered: &Gathered, world: &World) -> Result<Collected, String> {
    match (gathered, &step.for_each) {
        (Gathered::One(became), None) => {
            let outcome = outcome(became.value.as_ref(), became.error, became.pending, became.overdue)?;
            fits(procedure, step, None, world, &outcome)?;
            Ok(Collected::One(outcome))
        }
        (Gathered::One(became), Some(_)) => {
            let expanded = procedure::expand(procedure, step, world);
            match (expanded, became.error, became.pending) {
                (Err(Blocked::Failed(failure)), Some(code), false) if failure.code == code => {
                    Ok(Collected::Failed(code))
                }
                (Err(Blocked::Pending), None, true) => Ok(Collected::Pending),
                (expanded, ..) => Err(format!("is told as a whole, but its for_each gives {expanded:?}")),
            }
        }
        (Gathered::Each(_), None) => Err("is told item by item, but has no for_each".to_owned()),
        (Gathered::Each(told), Some(_)) => {
            let items = procedure::expand(procedure, step, world).map_err(|blocked| format!("for_each: {blocked}"))?;
            let (keys, told_keys): (Vec<_>, Vec<_>) =
                (items.iter().map(|item| &item.key).collect(), told.iter().map(|piece| &piece.key).collect());
            let mut pieces = Vec::new();
            for item in &items {
                let piece = told.iter().find(|piece| piece.key == item.key);
                let piece = piece.ok_or_else(|| format!("the items are {keys:?}, told are {told_keys:?}"))?;
                let outcome = outcome(piece.value.as_ref(), piece.error, piece.pending, piece.overdue)?;
                fits(procedure, step, Some(item), world, &outcome).map_err(|why| format!("{}: {why}", item.key))?;
                pieces.push(Piece { key: item.key.clone(), item: item.item.clone(), outcome });
            }
            if pieces.len() != told.len() {
                return Err(format!("the items are {keys:?}, told are {told_keys:?}"));
            }
            Ok(Collected::Each(pieces))
        }
    }
}

fn outcome(value: Option<&Value>, error: Option<Code>, pending: bool, overdue: bool) -> Result<Outcome, String> {
    match (value, error, pending, overdue) {
        (Some(value), None, false, false) => Ok(Outcome::Value(value.clone())),
        (None, Some(code), false, false) => Ok(Outcome::Failed(code)),
        (None, None, true, false) => Ok(Outcome::Pending),
        (None, None, false, true) => Ok(Outcome::Overdue),
        _ => Err("needs exactly one of value, error, pending, overdue".to_owned()),
    }
}

/// A value must be one that the connector can give, and its arguments must resolve in this very run; arguments that do
/// not resolve must be told as the error that the Runner would record.
fn fits(
    procedure: &Procedure,
    step: &Step,
    item: Option<&Item>,
    world: &World,
    outcome: &Outcome,
) -> Result<(), String> {
    match procedure::arguments(procedure, step, item, world) {
        Err(Blocked::Failed(failure)) if *outcome == Outcome::Failed(failure.code) => return Ok(()),
        Err(Blocked::Pending) if *outcome == Outcome::Pending => return Ok(()),
        Err(blocked) => return Err(format!("its arguments do not resolve: {blocked:?}")),
        Ok(_) => {}
    }
    let Outcome::Value(value) = outcome else { return Ok(()) };
    let schema = step.connector.signature().value_schema(&as_written(procedure, step));
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
    let faults: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if faults.is_empty() { Ok(()) } else { Err(format!("not a value of `{}`: {}", step.connector, faults.join("; "))) }
}

/// The step's `with` as it stands in the file.
fn as_written(procedure: &Procedure, step: &Step) -> Value {
    let model = procedure.model();
    let steps = ["steps", "finally"].into_iter().filter_map(|list| model.get(list)?.as_array()).flatten();
    let found = steps.into_iter().find(|written| written.get("id").and_then(Value::as_str) == Some(step.id.as_str()));
    found.and_then(|written| written.get("with")).cloned().unwrap_or(Value::Null)
}
