//! The connectors, and the engine for people, take what the language says they take, and give what it says they give.

use procedure::connector::Connector;
use runner_connectors::Connectors;
use runner_connectors::command::CommandArguments;
use runner_connectors::file::FileArguments;
use runner_connectors::http::HttpArguments;
use runner_connectors::sql::SqlArguments;
use runner_connectors::tls::TlsArguments;
use runner_engine::people::Question;
use runner_engine::quiz::Quiz;
use serde_json::{Map, Value, json};

/// Whether the connector reads these arguments.
fn takes(connector: Connector, arguments: &Value) -> bool {
    fn reads<T: serde::de::DeserializeOwned>(arguments: &Value) -> bool {
        T::deserialize(arguments).is_ok()
    }
    match connector {
        Connector::Command => reads::<CommandArguments>(arguments),
        Connector::File => reads::<FileArguments>(arguments),
        Connector::Http => reads::<HttpArguments>(arguments),
        Connector::Sql => reads::<SqlArguments>(arguments),
        Connector::Tls => reads::<TlsArguments>(arguments),
        Connector::Attest => reads::<Question>(arguments),
        Connector::Quiz => reads::<Quiz>(arguments),
    }
}

/// A value that the schema allows; the last of the words of an enumeration, the largest list that is quickly written.
fn example(schema: &Value) -> Value {
    if let Some(first) = schema.get("anyOf").and_then(|any| any.get(0)) {
        return example(first);
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.last().unwrap().clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") if schema.get("pattern").is_some() => json!("14d"),
        Some("string") => json!("/text"),
        Some("boolean") => json!(true),
        Some("integer") => schema.get("maximum").or(schema.get("minimum")).cloned().unwrap_or(json!(1)),
        Some("array") => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).max(1);
            (0..least).map(|_| example(&schema["items"])).collect()
        }
        Some("object") => match schema.get("properties").and_then(Value::as_object) {
            Some(properties) => properties.iter().map(|(name, schema)| (name.clone(), example(schema))).collect(),
            None => json!({"key": example(&schema["additionalProperties"])}),
        },
        _ => json!("anything"),
    }
}

fn properties(schema: &Value) -> Map<String, Value> {
    schema["properties"].as_object().unwrap().clone()
}

fn required(schema: &Value) -> Vec<String> {
    let names = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn both_know_the_same_arguments() {
    for connector in Connector::ALL {
        let language = connector.signature().argument_schema();
        let full: Value = properties(&language).iter().map(|(name, schema)| (name.clone(), example(schema))).collect();
        assert!(takes(connector, &full), "{connector} takes {full}");
        let mut more = full.clone();
        more["unknown"] = json!(1);
        assert!(!takes(connector, &more), "{connector} takes an unknown argument");
        for name in properties(&language).keys() {
            let mut fewer = full.clone();
            fewer.as_object_mut().unwrap().remove(name);
            let is_required = required(&language).contains(name);
            assert_eq!(takes(connector, &fewer), !is_required, "{connector} without {name}");
            let mut wrong = full.clone();
            wrong[name] = json!([[[]]]);
            let allows_anything = properties(&language)[name]
                == json!({"description": properties(&language)[name]["description"]})
                || name == "params";
            assert_eq!(takes(connector, &wrong), allows_anything, "{connector} with a wrong {name}");
        }
    }
}

#[test]
fn the_schemas_name_the_same_fields() {
    for connector in Connector::ALL.into_iter().filter(|connector| !connector.asks_a_person()) {
        let ours = Connectors::schemas(connector.as_str()).unwrap();
        let language = connector.signature();
        let arguments = language.argument_schema();
        assert_eq!(
            properties(&ours.arguments).keys().collect::<Vec<_>>(),
            properties(&arguments).keys().collect::<Vec<_>>(),
            "{connector}"
        );
        assert_eq!(required(&ours.arguments), required(&arguments), "{connector}");
    }
    assert_eq!(Connectors::names().count(), 5);
}

/// Checks a value against the schema of the language for the arguments that it was collected with.
pub(crate) fn assert_as_declared(connector: &str, arguments: &Value, value: &Value) {
    let connector = Connector::from_word(connector).unwrap();
    crate::room::assert_valid(&connector.signature().value_schema(arguments), value);
}
