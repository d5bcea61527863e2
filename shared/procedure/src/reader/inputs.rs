//! Inputs: their types and defaults.

use serde_json::Value;

use super::{Reader, parse_duration};
use crate::fault::FaultCode;
use crate::model::{Each, Input, InputShape};
use crate::tree::{Content, Node};

const MAX_INPUTS: usize = 100;

const SHAPES: [(&str, Simple); 8] = [
    ("string", Simple::Text),
    ("int", Simple::Int),
    ("bool", Simple::Bool),
    ("date", Simple::Date),
    ("duration", Simple::Duration),
    ("path", Simple::Path),
    ("list", Simple::List),
    ("map", Simple::Map),
];

#[derive(Debug, Clone, Copy)]
enum Simple {
    Text,
    Int,
    Bool,
    Date,
    Duration,
    Path,
    List,
    Map,
}

pub(super) fn inputs(reader: &mut Reader<'_>, node: &Node) -> Vec<Input> {
    let entries = reader.map(node, "inputs").unwrap_or_default();
    reader.too_many(node, "inputs", entries.len(), MAX_INPUTS);
    let mut inputs = Vec::new();
    for entry in entries {
        reader.id_text(&entry.key, entry.at, "input", false);
        let what = format!("the input `{}`", entry.key);
        let Some(fields) = reader.fields(&entry.value, &what, &["type", "each", "default", "ask"]) else { continue };
        let ask = fields.get("ask").and_then(|node| reader.line(node, "ask"));
        let Some(simple) = reader.required(&fields, "type").and_then(|node| reader.word(node, "type", &SHAPES)) else {
            continue;
        };
        let each = fields.get("each").map(|node| (node, each(reader, node)));
        if let Some((node, _)) = &each
            && !matches!(simple, Simple::List | Simple::Map)
        {
            reader.fault(node.start, FaultCode::BadInput, "`each` says what the items of a list or map are");
        }
        let shape = shape(simple, each.and_then(|(_, each)| each));
        let default = fields.get("default").and_then(|node| {
            let value = node.to_json();
            if let Err(message) = fits(&shape, &value) {
                if !matches!(node.content, Content::Faulty) {
                    reader.fault(node.start, FaultCode::BadInput, format!("the default: {message}"));
                }
                return None;
            }
            Some(value)
        });
        let at = crate::source::position(reader.text, entry.at);
        inputs.push(Input { name: entry.key.clone(), shape, default, ask, at });
    }
    inputs
}

fn shape(simple: Simple, each: Option<Each>) -> InputShape {
    match simple {
        Simple::Text => InputShape::Text,
        Simple::Int => InputShape::Int,
        Simple::Bool => InputShape::Bool,
        Simple::Date => InputShape::Date,
        Simple::Duration => InputShape::Duration,
        Simple::Path => InputShape::Path,
        Simple::List => InputShape::List(each.map(Box::new)),
        Simple::Map => InputShape::Map(each.map(Box::new)),
    }
}

/// `each: string`, or `each: { host: string, port: int }`.
fn each(reader: &mut Reader<'_>, node: &Node) -> Option<Each> {
    let Content::Map(entries) = &node.content else {
        return reader.word(node, "each", &SHAPES).map(|simple| Each::One(shape(simple, None)));
    };
    let mut fields = Vec::new();
    for entry in entries {
        reader.id_text(&entry.key, entry.at, "field", false);
        if let Some(simple) = reader.word(&entry.value, &entry.key, &SHAPES) {
            fields.push((entry.key.clone(), shape(simple, None)));
        }
    }
    if entries.is_empty() {
        reader.fault(node.start, FaultCode::BadInput, "`each` names no field");
        return None;
    }
    Some(Each::Record(fields))
}

/// Whether a value fits an input's type; the error says what is expected, and where in the value.
pub(crate) fn fits(shape: &InputShape, value: &Value) -> Result<(), String> {
    let expected = || Err(format!("expected {}", words_of_shape(shape)));
    match (shape, value) {
        (InputShape::Text, Value::String(_)) | (InputShape::Bool, Value::Bool(_)) => Ok(()),
        (InputShape::Int, Value::Number(number)) if number.is_i64() => Ok(()),
        (InputShape::Date, Value::String(text))
            if text.len() == 10 && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() =>
        {
            Ok(())
        }
        (InputShape::Duration, Value::String(text)) if parse_duration(text).is_some() => Ok(()),
        (InputShape::Path, Value::String(text))
            if text.starts_with('/') && !text.contains('\0') && !text.split('/').any(|part| part == "..") =>
        {
            Ok(())
        }
        (InputShape::List(each), Value::Array(items)) => {
            let Some(each) = each else { return Ok(()) };
            items.iter().enumerate().try_for_each(|(index, item)| {
                fits_each(each, item).map_err(|message| format!("item {}: {message}", index + 1))
            })
        }
        (InputShape::Map(each), Value::Object(members)) => {
            let Some(each) = each else { return Ok(()) };
            members
                .iter()
                .try_for_each(|(name, value)| fits_each(each, value).map_err(|message| format!("`{name}`: {message}")))
        }
        _ => expected(),
    }
}

fn fits_each(each: &Each, value: &Value) -> Result<(), String> {
    let fields = match each {
        Each::One(shape) => return fits(shape, value),
        Each::Record(fields) => fields,
    };
    let Value::Object(members) = value else {
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        return Err(format!("expected a map with {}", names.join(", ")));
    };
    for (name, shape) in fields {
        let member = members.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
        fits(shape, member).map_err(|message| format!("`{name}`: {message}"))?;
    }
    match members.keys().find(|key| !fields.iter().any(|(name, _)| name == *key)) {
        Some(unknown) => Err(format!("`{unknown}` is not one of its fields")),
        None => Ok(()),
    }
}

/// What an input takes, in words.
pub(crate) fn words_of_shape(shape: &InputShape) -> &'static str {
    match shape {
        InputShape::Text => "a text",
        InputShape::Int => "a whole number",
        InputShape::Bool => "true or false",
        InputShape::Date => "a date such as 2026-01-31",
        InputShape::Duration => "a duration such as 14d",
        InputShape::Path => "an absolute path without `..`",
        InputShape::List(_) => "a list",
        InputShape::Map(_) => "a map",
    }
}
