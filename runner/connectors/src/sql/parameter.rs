//! A parameter of a statement, sent as text: the server reads it by the type it has found, as it reads a literal.

use std::error::Error;

use serde_json::Value;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type, to_sql_checked};

/// A JSON value that stands for a parameter.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub(super) &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if self.0.is_null() {
            return Ok(IsNull::Yes);
        }
        out.extend_from_slice(literal(self.0, kind)?.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

fn literal(value: &Value, kind: &Type) -> Result<String, &'static str> {
    let is_json = *kind == Type::JSON || *kind == Type::JSONB;
    match value {
        _ if is_json => Ok(value.to_string()),
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Array(list) => match kind.kind() {
            Kind::Array(element) => array(list, element),
            _ => Err("a list stands for a parameter that is not an array"),
        },
        Value::Null | Value::Object(_) => Err("a map stands for a parameter that is not JSON"),
    }
}

fn array(list: &[Value], element: &Type) -> Result<String, &'static str> {
    let mut out = "{".to_owned();
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match value {
            Value::Null => out.push_str("NULL"),
            Value::Array(inner) => out.push_str(&array(inner, element)?),
            value => {
                let text = literal(value, element)?;
                out.push('"');
                out.push_str(&text.replace('\\', "\\\\").replace('"', "\\\""));
                out.push('"');
            }
        }
    }
    out.push('}');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_literals_of_the_parameters_type() {
        let text = |value: Value, kind: Type| literal(&value, &kind);
        assert_eq!(text(json!(12), Type::INT4).unwrap(), "12");
        assert_eq!(text(json!(true), Type::BOOL).unwrap(), "true");
        assert_eq!(text(json!({"a": [1]}), Type::JSONB).unwrap(), "{\"a\":[1]}");
        assert_eq!(text(json!(["a\"b\\", null, "NULL"]), Type::TEXT_ARRAY).unwrap(), "{\"a\\\"b\\\\\",NULL,\"NULL\"}");
        assert_eq!(text(json!([[1], [2]]), Type::INT4_ARRAY).unwrap(), "{{\"1\"},{\"2\"}}");
        assert!(text(json!([1]), Type::INT4).is_err() && text(json!({}), Type::TEXT).is_err());
    }
}
