//! The JSON Schema of the language, for editors: what [`crate::read`] checks of form. References between parts and the
//! meaning of expressions are beyond it.

use serde_json::{Map, Value, json};
use verdict::{EvidenceClass, Severity};

use crate::connector::{CONNECTION_TYPES, Connector, Via};
use crate::model::{Period, Retention};

/// The schema (JSON Schema 2020-12) of a procedure in the YAML notation.
pub fn language_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "procedure/v1",
        "description": "A procedure: inputs and connections, steps that collect evidence, checks that evaluate it.",
        "type": "object",
        "required": ["schema", "id", "version", "title", "purpose", "owner", "steps", "checks"],
        "additionalProperties": false,
        "properties": properties(),
        "$defs": definitions(),
    })
}

fn properties() -> Value {
    json!({
        "schema": {"const": "procedure/v1"},
        "id": reference("id"),
        "version": {"type": "integer", "minimum": 1},
        "title": reference("line"),
        "purpose": reference("prose"),
        "owner": reference("line"),
        "controls": reference("controls"),
        "schedule": reference("schedule"),
        "retention": {"enum": Retention::WORDS.map(|(word, _)| word)},
        "inputs": {"type": "object", "maxProperties": 100, "propertyNames": reference("name"), "additionalProperties": reference("input")},
        "connections": {"type": "object", "maxProperties": 100, "propertyNames": reference("id"), "additionalProperties": reference("connection")},
        "steps": {"type": "array", "minItems": 1, "maxItems": 100, "items": reference("step")},
        "finally": {"type": "array", "maxItems": 100, "items": reference("step")},
        "facts": {"type": "object", "maxProperties": 100, "propertyNames": reference("name"), "additionalProperties": reference("expression")},
        "populations": {"type": "object", "maxProperties": 100, "propertyNames": reference("name"), "additionalProperties": reference("population")},
        "checks": {"type": "array", "minItems": 1, "maxItems": 200, "items": reference("check")},
        "metrics": {"type": "object", "maxProperties": 16, "propertyNames": reference("id"), "additionalProperties": reference("expression")},
        "notes": reference("prose"),
    })
}

fn definitions() -> Value {
    json!({
        "id": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$"},
        "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$", "description": "An id that expressions can name."},
        "line": {"type": "string", "minLength": 1, "maxLength": 300, "pattern": "^[^\\n]*$"},
        "prose": {"type": "string", "minLength": 1, "maxLength": 20000},
        "expression": {"type": "string", "minLength": 1, "maxLength": 2000, "description": "CEL"},
        "duration": {"type": "string", "pattern": "^[1-9][0-9]*[smhd]$"},
        "lines": {"type": "array", "items": reference("line"), "uniqueItems": true},
        "controls": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z0-9._-]{0,62}$"},
            "additionalProperties": reference("lines"),
        },
        "schedule": schedule(),
        "input": input(),
        "connection": {
            "type": "object",
            "required": ["type", "access"],
            "additionalProperties": false,
            "properties": {
                "type": {"enum": CONNECTION_TYPES},
                "access": {"enum": ["read-only", "read-write"]},
                "ask": reference("line"),
            },
        },
        "step": step(),
        "population": population(),
        "check": check(),
    })
}

fn schedule() -> Value {
    let cron = json!({
        "type": "object",
        "required": ["cron", "timezone"],
        "additionalProperties": false,
        "properties": {
            "cron": {"type": "string", "description": "minute, hour, day of month, month, day of week"},
            "timezone": {"type": "string", "description": "IANA time zone"},
        },
    });
    json!({
        "type": "object",
        "required": ["every"],
        "additionalProperties": false,
        "properties": {
            "every": {"anyOf": [{"enum": Period::WORDS.map(|(word, _)| word)}, cron]},
            "due": reference("duration"),
        },
    })
}

fn input() -> Value {
    let types = json!({"enum": ["string", "int", "bool", "date", "duration", "path", "list", "map"]});
    let record = json!({"type": "object", "minProperties": 1, "propertyNames": reference("name"), "additionalProperties": types});
    json!({
        "type": "object",
        "required": ["type"],
        "additionalProperties": false,
        "properties": {"type": types, "each": {"anyOf": [types, record]}, "default": {}, "ask": reference("line")},
    })
}

fn step() -> Value {
    let connectors = Connector::ALL.map(Connector::as_str);
    let arguments: Vec<_> = Connector::ALL
        .into_iter()
        .map(|connector| {
            let signature = connector.signature();
            let mut then = json!({"properties": {"with": signature.argument_schema()}});
            if let (Via::Required(_), Some(then)) = (signature.via, then.as_object_mut()) {
                then.insert("required".to_owned(), json!(["via"]));
            }
            json!({"if": {"properties": {"use": {"const": connector.as_str()}}}, "then": then})
        })
        .collect();
    json!({
        "type": "object",
        "required": ["id", "title", "use", "with"],
        "additionalProperties": false,
        "properties": {
            "id": reference("name"),
            "title": reference("line"),
            "description": reference("prose"),
            "use": {"enum": connectors},
            "with": {"type": "object"},
            "for_each": reference("expression"),
            "key": reference("expression"),
            "via": reference("id"),
            "changes": reference("line"),
            "timeout": reference("duration"),
            "retry": {"type": "integer", "minimum": 0, "maximum": 10},
            "wait": reference("duration"),
            "evidence": {
                "type": "object",
                "additionalProperties": false,
                "properties": {"class": words(EvidenceClass::ALL.iter().map(|class| class.as_str())), "drop": reference("lines")},
            },
        },
        "allOf": arguments,
    })
}

fn population() -> Value {
    let sample = json!({
        "type": "object",
        "required": ["size"],
        "additionalProperties": false,
        "properties": {"size": {"type": "integer", "minimum": 0, "maximum": 1_000_000}, "always": reference("expression")},
    });
    json!({
        "type": "object",
        "required": ["title", "from", "key", "complete"],
        "additionalProperties": false,
        "properties": {
            "title": reference("line"),
            "from": reference("expression"),
            "key": reference("expression"),
            "complete": {"type": "array", "minItems": 1, "maxItems": 20, "items": reference("expression")},
            "sample": sample,
            "if_empty": {"const": "not_applicable"},
        },
    })
}

fn check() -> Value {
    json!({
        "type": "object",
        "required": ["id", "title", "assert", "severity"],
        "additionalProperties": false,
        "dependentRequired": {"when": ["na"], "na": ["when"], "key": ["for_each"]},
        "properties": {
            "id": reference("id"),
            "title": reference("line"),
            "assert": reference("expression"),
            "severity": words(Severity::ALL.iter().map(|severity| severity.as_str())),
            "for_each": reference("expression"),
            "key": reference("expression"),
            "when": reference("expression"),
            "na": reference("line"),
            "fix": reference("prose"),
            "controls": reference("controls"),
        },
    })
}

fn words<'w>(words: impl Iterator<Item = &'w str>) -> Value {
    json!({"enum": words.collect::<Vec<_>>()})
}

fn reference(name: &str) -> Value {
    Value::Object(Map::from_iter([("$ref".to_owned(), Value::String(format!("#/$defs/{name}")))]))
}
