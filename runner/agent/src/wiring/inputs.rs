//! Values for a procedure's inputs.

use std::path::Path;

use procedure::{InputShape, Procedure};
use serde_json::{Map, Value};

use crate::fail::Fail;

/// Checks the values against the procedure and fills in the defaults; says everything that is wrong at once.
pub(crate) fn bind(procedure: &Procedure, given: &Map<String, Value>) -> Result<Map<String, Value>, Fail> {
    procedure::bind_inputs(procedure, given).map_err(|faults| {
        let listed: Vec<_> = faults.iter().map(|fault| format!("{}: {}", fault.code, fault.message)).collect();
        let next = "give values with --input NAME=VALUE, --inputs FILE, or in [procedures.ID] inputs of config.toml";
        Fail::input("E-RUN-002", listed.join("\n"), next)
    })
}

/// Reads a file of inputs.
pub(crate) fn from_file(path: &Path, bytes: &[u8]) -> Result<Map<String, Value>, Fail> {
    let wrong = |why: String| {
        let message = format!("{}: {why}", path.display());
        Fail::input("E-RUN-004", message, "a file of inputs is one JSON object, or TOML keys in a .toml file")
    };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("not UTF-8".to_owned()))?;
    if path.extension().is_some_and(|extension| extension == "toml") {
        return toml::from_str(text).map_err(|error| wrong(error.to_string()));
    }
    serde_json::from_str(text).map_err(|error| wrong(error.to_string()))
}

/// Reads `NAME=VALUE`. A text input takes the value as it stands; any other takes JSON.
pub(crate) fn from_argument(procedure: &Procedure, pair: &str) -> Result<(String, Value), Fail> {
    let Some((name, text)) = pair.split_once('=') else {
        let message = format!("--input {pair}: there is no `=`");
        return Err(Fail::input("E-RUN-005", message, "write --input NAME=VALUE"));
    };
    let shape = procedure.inputs.iter().find(|input| input.name == name).map(|input| &input.shape);
    let is_text =
        matches!(shape, Some(InputShape::Text | InputShape::Path | InputShape::Date | InputShape::Duration) | None);
    let value = if is_text {
        Value::String(text.to_owned())
    } else {
        serde_json::from_str(text).map_err(|error| {
            let message = format!("--input {name}: the value is not JSON: {error}");
            Fail::input("E-RUN-006", message, "lists and maps are JSON, such as --input 'ports=[22,443]'")
        })?
    };
    Ok((name.to_owned(), value))
}
