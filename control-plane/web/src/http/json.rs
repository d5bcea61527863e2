//! Bodies, read strictly: one JSON object, no unknown or duplicate field, no other type.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::problem::Problem;

/// Levels of nesting that any body has.
const MAX_DEPTH: u32 = 4;

/// Reads a body as `T`, whose fields are all known to it (`deny_unknown_fields`).
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // Numbers, texts and nesting are read once without meaning: whether it is JSON at all is another answer than
    // whether it fits. The types of the second reading refuse fields that come twice.
    let value: Value = serde_json::from_slice(body).map_err(|error| Problem::not_json().because(error))?;
    if !value.is_object() {
        return Err(Problem::other_json().because("it is not an object"));
    }
    check_shape(&value, MAX_DEPTH)?;
    serde_json::from_slice(body).map_err(|error| Problem::other_json().because(error))
}

/// A struct can also be read from an array of its fields in order; nobody means that. No body has an array in an array.
fn check_shape(value: &Value, depth_left: u32) -> Result<(), Problem> {
    let too_deep = || Problem::other_json().because("it is nested too deeply");
    match value {
        Value::Array(items) => {
            let below = depth_left.checked_sub(1).ok_or_else(too_deep)?;
            if items.iter().any(Value::is_array) {
                return Err(Problem::other_json().because("an array stands in an array"));
            }
            items.iter().try_for_each(|item| check_shape(item, below))
        }
        Value::Object(fields) => {
            let below = depth_left.checked_sub(1).ok_or_else(too_deep)?;
            fields.values().try_for_each(|field| check_shape(field, below))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        text: String,
        #[serde(default)]
        list: Vec<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        number: u64,
    }

    #[test]
    fn only_the_document_that_is_meant_is_read() {
        let body: Body = read(br#"{"text":"a","list":[{"number":1}]}"#).unwrap();
        assert_eq!((body.text.as_str(), body.list.first().unwrap().number), ("a", 1));
        for (text, code) in [
            ("", "E-WEB-007"),
            ("{", "E-WEB-007"),
            ("{\"text\":\"a\"} x", "E-WEB-007"),
            ("{\"text\":\"a\",}", "E-WEB-007"),
            ("{\"text\":\"\\ud800\"}", "E-WEB-007"),
            ("[\"a\"]", "E-WEB-008"),
            ("null", "E-WEB-008"),
            ("{}", "E-WEB-008"),
            ("{\"text\":null}", "E-WEB-008"),
            ("{\"text\":1}", "E-WEB-008"),
            ("{\"text\":\"a\",\"text\":\"a\"}", "E-WEB-008"),
            ("{\"text\":\"a\",\"more\":1}", "E-WEB-008"),
            ("{\"text\":\"a\",\"list\":[[1]]}", "E-WEB-008"),
            ("{\"text\":\"a\",\"list\":[{\"number\":1,\"number\":1}]}", "E-WEB-008"),
            ("{\"text\":\"a\",\"list\":[{\"number\":-1}]}", "E-WEB-008"),
            ("{\"text\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}", "E-WEB-008"),
        ] {
            assert_eq!(read::<Body>(text.as_bytes()).unwrap_err().code(), code, "{text}");
        }
        assert_eq!(read::<Body>(&[0xff]).unwrap_err().code(), "E-WEB-007");
        assert_eq!(read::<Body>("[".repeat(100_000).as_bytes()).unwrap_err().code(), "E-WEB-007");
    }
}
