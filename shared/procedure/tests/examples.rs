//! The six examples over made-up evidence: a world in which each passes and one in which it fails.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot read its fixtures fails"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use procedure::{
    Assessment, Collected, MetricValue, Notation, Outcome, Piece, PopulationState, Procedure, RunContext, Step, World,
    arguments, assess, bind_inputs, expand, read,
};
use serde_json::{Map, Value, json};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

fn load(name: &str) -> (Procedure, World, Value) {
    let text = std::fs::read_to_string(fixtures().join("procedures").join(format!("{name}.json"))).unwrap();
    let fixture: Value = serde_json::from_str(&text).unwrap();
    let path = fixtures().join("examples").join(fixture["example"].as_str().unwrap());
    let procedure = read(&std::fs::read(&path).unwrap(), Notation::from_path(&path).unwrap());
    let procedure = procedure.unwrap_or_else(|faults| panic!("{faults}"));
    let inputs = bind_inputs(&procedure, fixture["inputs"].as_object().unwrap());
    let steps = procedure
        .all_steps()
        .map(|step| (step.id.clone(), collected(name, step, &fixture["steps"][&step.id], &procedure)));
    let run = &fixture["run"];
    let world = World {
        inputs: inputs.unwrap_or_else(|faults| panic!("{name}: {faults}")),
        run: RunContext {
            id: run["id"].as_str().unwrap().into(),
            at: run["at"].as_str().unwrap().parse().unwrap(),
            period_start: None,
            period_end: None,
            scratch: run["scratch"].as_str().map(Into::into),
        },
        steps: steps.collect::<BTreeMap<_, _>>(),
    };
    (procedure, world, fixture["expect"].clone())
}

/// The fixture's record of a step; values must be such as the connector gives.
fn collected(name: &str, step: &Step, record: &Value, procedure: &Procedure) -> Collected {
    let with = procedure.model();
    let steps = ["steps", "finally"].into_iter().filter_map(|list| with[list].as_array()).flatten();
    let with = steps.clone().find(|written| written["id"] == json!(step.id)).map(|written| written["with"].clone());
    let schema = step.connector.signature().value_schema(&with.unwrap());
    let validator = jsonschema::validator_for(&schema).unwrap();
    let outcome = |record: &Value| {
        if let Some(value) = record.get("value") {
            let errors: Vec<_> =
                validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{name}: {}: {errors:?}", step.id);
            return Outcome::Value(value.clone());
        }
        match record.get("error") {
            Some(code) => Outcome::Failed(serde_json::from_value(code.clone()).unwrap()),
            None if record.get("overdue").is_some() => Outcome::Overdue,
            None => Outcome::Pending,
        }
    };
    match record {
        Value::Null => Collected::NotReached,
        _ => match record.get("each").and_then(Value::as_array) {
            None => Collected::One(outcome(record)),
            Some(pieces) => Collected::Each(
                pieces
                    .iter()
                    .map(|piece| Piece {
                        key: piece["key"].as_str().unwrap().into(),
                        item: piece["item"].clone(),
                        outcome: outcome(piece),
                    })
                    .collect(),
            ),
        },
    }
}

/// The assessment in the words of the fixtures.
fn summary(assessment: &Assessment, expected: &Value) -> Value {
    let mut summary = Map::new();
    summary.insert("verdict".into(), json!(assessment.verdict));
    if expected.get("score").is_some() {
        summary.insert("score".into(), json!(assessment.score));
    }
    let checks = assessment.checks.iter().map(|check| (check.id.clone(), json!(check.status)));
    summary.insert("checks".into(), Value::Object(checks.collect()));
    let metrics = assessment.metrics.iter().map(|metric| {
        let value = match &metric.value {
            MetricValue::Value(value) => json!(value),
            MetricValue::Pending => json!("pending"),
            MetricValue::Failed(failure) => json!(failure.code),
        };
        (metric.name.clone(), value)
    });
    summary.insert("metrics".into(), Value::Object(metrics.collect()));
    if let Some(items) = expected.get("items").and_then(Value::as_object) {
        let checks = assessment.checks.iter().filter(|check| items.contains_key(&check.id)).map(|check| {
            let items = check.items.iter().map(|item| {
                let code = item.code.map(|code| format!(" {code}")).unwrap_or_default();
                (item.key.clone().unwrap_or_default(), json!(format!("{}{code}", item.status)))
            });
            (check.id.clone(), Value::Object(items.collect()))
        });
        summary.insert("items".into(), Value::Object(checks.collect()));
    }
    if expected.get("populations").is_some() {
        let sizes = assessment.populations.iter().map(|population| match &population.state {
            PopulationState::Proven { size, .. } => (population.name.clone(), json!(size)),
            state => (population.name.clone(), json!(format!("{state:?}"))),
        });
        summary.insert("populations".into(), Value::Object(sizes.collect()));
    }
    Value::Object(summary)
}

#[test]
fn each_example_comes_to_the_expected_result() {
    let mut seen = 0;
    for entry in std::fs::read_dir(fixtures().join("procedures")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (procedure, world, expected) = load(name);
        let assessment = assess(&procedure, &world, &[], None).unwrap();
        let found = summary(&assessment, &expected);
        assert!(found == expected, "{name}: {found:#}\nexpected {expected:#}\n{:#?}", assessment.checks);
        seen += 1;
    }
    assert_eq!(seen, 13);
}

#[test]
fn each_example_expands_its_steps_and_fills_in_their_arguments() {
    for name in ["a-pass", "b-pass", "c-pass", "d-pass", "e-pass", "f-pass"] {
        let (procedure, world, _) = load(name);
        for step in procedure.all_steps() {
            let schema = step.connector.signature().argument_schema();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let items = match &step.for_each {
                None => vec![None],
                Some(_) => {
                    let items = expand(&procedure, step, &world).unwrap();
                    let Collected::Each(pieces) = &world.steps[&step.id] else { panic!("{name}: {}", step.id) };
                    let keys: Vec<_> = items.iter().map(|item| &item.key).collect();
                    assert_eq!(keys, pieces.iter().map(|piece| &piece.key).collect::<Vec<_>>(), "{name}: {}", step.id);
                    items.into_iter().map(Some).collect()
                }
            };
            for item in items {
                let arguments = arguments(&procedure, step, item.as_ref(), &world).unwrap();
                let text = arguments.to_string();
                assert!(!text.contains("\"=") && validator.is_valid(&arguments), "{name}: {}: {text}", step.id);
            }
        }
    }
}
