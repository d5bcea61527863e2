//! The OpenAPI document: checked in, complete, and in agreement with itself.

use std::collections::BTreeSet;

use control_plane_domain::alarm::AlarmKind;
use control_plane_domain::audit::Purpose;
use control_plane_domain::drilldown::DrillDownEnd;
use http::StatusCode;
use serde_json::Value;

use super::harness::fixture;
use crate::api::resource::routes;
use crate::api::route::{Access, Shape, Verb};

fn document() -> Value {
    serde_json::to_value(crate::openapi()).unwrap()
}

#[test]
fn the_checked_in_document_is_the_one_that_the_code_gives() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let expected = crate::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "openapi.json is out of date: UPDATE=1 cargo test -p control-plane-web");
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            described.insert((path.clone(), method.to_uppercase()));
            let route = routes().find(|route| operation["operationId"] == route.id).unwrap();
            assert_eq!((route.path, route.verb.as_str().to_lowercase().as_str()), (path.as_str(), method.as_str()));
            let is_open = matches!(route.access, Access::Open(_));
            assert_eq!(operation["security"][0].get("key").is_none(), is_open, "{path}");
            assert_eq!(operation.get("requestBody").is_some(), route.body.is_some(), "{path}");
            let responses = operation["responses"].as_object().unwrap();
            assert_eq!(responses.contains_key("401"), !is_open, "{path}");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{path}");
            let names: BTreeSet<_> =
                parameters(operation).map(|parameter| parameter["name"].as_str().unwrap()).collect();
            let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            assert!(in_path.into_iter().all(|name| names.contains(name)), "{path}: {names:?}");
            assert_eq!(names.contains("cursor"), matches!(route.shape, Shape::Page(_)), "{path}");
            assert_eq!(names.contains("Idempotency-Key"), route.verb == Verb::Post, "{path}");
        }
    }
    let expected: BTreeSet<_> = routes().map(|route| (route.path.to_owned(), route.verb.as_str().to_owned())).collect();
    assert_eq!(described, expected);
}

fn parameters(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().into_iter().flatten()
}

#[test]
fn queries_take_every_word_of_their_vocabularies() {
    let document = document();
    let words = |path: &str, name: &str| -> Vec<String> {
        let operation = &document["paths"][path]["get"];
        let parameter = parameters(operation).find(|parameter| parameter["name"] == name).unwrap();
        serde_json::from_value(parameter["schema"]["enum"].clone()).unwrap()
    };
    assert_eq!(words("/api/v1/alarms", "kind"), AlarmKind::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>());
    assert_eq!(
        words("/api/v1/drilldowns", "purpose"),
        Purpose::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>()
    );
    let ends: Vec<_> = DrillDownEnd::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(words("/api/v1/drilldowns", "result"), ends);
}

#[test]
fn every_reference_leads_somewhere_and_bodies_take_no_unknown_field() {
    let document = document();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for route in routes() {
        let Some(body) = route.body else { continue };
        let schema = &document["components"]["schemas"][(body.name)().as_ref()];
        assert_eq!(schema["additionalProperties"], false, "{}: {schema}", route.id);
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                references.insert(reference.clone());
            }
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn it_is_served_as_it_is_checked_in() {
    let fixture = fixture().await;
    let request = http::Request::get("/api/v1/openapi.json").body(axum::body::Body::empty()).unwrap();
    let answer = fixture.send(request).await;
    assert_eq!(
        (answer.status, answer.headers["content-type"].as_bytes()),
        (StatusCode::OK, b"application/json".as_slice())
    );
    assert!(answer.text() == include_str!("../../openapi.json"), "it is served in other words");
}

/// What is answered has the fields that the document names for it, and no others.
#[tokio::test]
async fn answers_have_the_fields_that_the_document_names() {
    let fixture = fixture().await;
    let document = document();
    let mut compared = 0;
    for route in routes().filter(|route| route.verb == Verb::Get) {
        let (schema, paged) = match &route.shape {
            Shape::Json(_, schema) => (schema, false),
            Shape::Page(schema) => (schema, true),
            Shape::Bytes(_) | Shape::Stream(_) | Shape::Empty => continue,
        };
        let answer = fixture.get(&fixture.ours.things.path_of(route)).await.json();
        let answer = if paged { answer["items"][0].clone() } else { answer };
        agree(&document, &document["components"]["schemas"][(schema.name)().as_ref()], &answer, route.id);
        compared += 1;
    }
    assert!(compared > 12, "{compared}");
}

fn agree(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return agree(document, document.pointer(&reference[1..]).unwrap(), value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().find(|choice| (choice["type"] == "null") == value.is_null());
        return agree(
            document,
            fitting.unwrap_or_else(|| panic!("{place}: {value} fits none of {schema}")),
            value,
            place,
        );
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => panic!("{place}: {schema} has no type"),
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&found), "{place}: {value} is not {types:?}");
    if let (Some(words), Some(word)) = (schema["enum"].as_array(), value.as_str()) {
        assert!(words.iter().any(|known| known == word), "{place}: {word} is not in {words:?}");
    }
    if let Some(fields) = value.as_object() {
        let known = schema["properties"].as_object().unwrap();
        assert_eq!(fields.keys().collect::<BTreeSet<_>>(), known.keys().collect::<BTreeSet<_>>(), "{place}");
        fields.iter().for_each(|(name, value)| agree(document, &known[name], value, &format!("{place}.{name}")));
    }
    for item in value.as_array().into_iter().flatten() {
        agree(document, &schema["items"], item, place);
    }
}
