//! Addresses below a base URL, and places in an answer.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;
use verdict::Code;

use crate::request::{Fault, Result};

/// The address of a path below the base, with these query parameters.
pub(super) fn url(base: &Url, path: &str, query: &BTreeMap<String, Value>) -> Result<Url> {
    let (path, written) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    if path.contains(['\\', '#']) || path.starts_with("//") || path.contains("://") || path.contains(char::is_control) {
        return Err(Fault::denied(format!("{path:?} is not a path below the connection's base URL")));
    }
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}/{}", path.trim_start_matches('/')));
    url.set_query(written);
    url.set_fragment(None);
    refuse_outside(base, &url)?;
    if !query.is_empty() {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in query {
            match value {
                Value::Array(values) => {
                    for value in values {
                        pairs.append_pair(name, &scalar(name, value)?);
                    }
                }
                value => {
                    pairs.append_pair(name, &scalar(name, value)?);
                }
            }
        }
    }
    Ok(url)
}

/// The same address with one query parameter set anew.
pub(super) fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let kept: Vec<_> =
        url.query_pairs().filter(|(key, _)| key != name).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair(name, value);
    url
}

/// The address that an answer names, if it may be followed: same origin, below the base.
pub(super) fn follow(base: &Url, from: &Url, to: &str) -> Result<Url> {
    let url = from.join(to).map_err(|error| Fault::new(Code::BadOutput, format!("{to:?} is no address: {error}")))?;
    if url.origin() != base.origin() || !url.username().is_empty() || url.password().is_some() {
        let target = url.origin().ascii_serialization();
        return Err(Fault::denied(format!("the answer leads to another origin ({target}), where nobody follows")));
    }
    Ok(url)
}

/// The value at a dotted path; names of fields, or numbers of list elements from 0.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Object(object) => object.get(part),
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Takes the value at a dotted path out of an answer.
pub(super) fn take(value: Value, path: &str) -> Option<Value> {
    path.split('.').try_fold(value, |value, part| match value {
        Value::Object(mut object) => object.remove(part),
        Value::Array(mut list) => list.get_mut(part.parse::<usize>().ok()?).map(Value::take),
        _ => None,
    })
}

fn refuse_outside(base: &Url, url: &Url) -> Result<()> {
    let prefix = base.path().trim_end_matches('/');
    let below = url.path().strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below && url.origin() == base.origin() {
        return Ok(());
    }
    Err(Fault::denied(format!("{} is not below the connection's base URL", url.path())))
}

fn scalar(name: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(Fault::new(
            Code::WrongType,
            format!("query parameter {name} is neither a text, a number, true or false, nor a list of these"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn locate(base: &str, path: &str) -> Result<String> {
        url(&Url::parse(base).unwrap(), path, &BTreeMap::new()).map(|url| url.to_string())
    }

    #[test]
    fn paths_stay_below_the_base() {
        let base = "https://erp.example.net/tenant/";
        assert_eq!(locate(base, "/api/users").unwrap(), "https://erp.example.net/tenant/api/users");
        assert_eq!(locate(base, "api/ü x?a=1").unwrap(), "https://erp.example.net/tenant/api/%C3%BC%20x?a=1");
        assert_eq!(locate("https://erp.example.net", "/").unwrap(), "https://erp.example.net/");
        for path in [
            "../other",
            "/a/../../other",
            "/%2e%2e/other",
            "/a/%2E%2E/%2e%2e/x",
            "//evil.example/",
            "https://evil.example/",
            "\\\\evil.example",
            "/a#b",
            "/a\nb",
        ] {
            let outcome = locate(base, path);
            assert!(outcome.is_err(), "{path}: {outcome:?}");
        }
    }

    #[test]
    fn values_become_parameters_and_cannot_add_others() {
        let query = BTreeMap::from([("a".to_owned(), json!("x&b=1 y")), ("n".to_owned(), json!([1, true]))]);
        let base = Url::parse("https://h.example.net/").unwrap();
        let url = url(&base, "/p", &query).unwrap();
        assert_eq!(url.query(), Some("a=x%26b%3D1+y&n=1&n=true"));
        assert_eq!(with_parameter(&url, "n", "c d").query(), Some("a=x%26b%3D1+y&n=c+d"));
        let bad = BTreeMap::from([("a".to_owned(), json!({"b": 1}))]);
        assert!(super::url(&base, "/p", &bad).is_err());
    }

    #[test]
    fn only_the_own_origin_is_followed() {
        let base = Url::parse("https://h.example.net/").unwrap();
        assert_eq!(follow(&base, &base, "/next?page=2").unwrap().as_str(), "https://h.example.net/next?page=2");
        for to in [
            "http://h.example.net/",
            "https://h.example.net:8443/",
            "https://evil.example/",
            "//169.254.169.254/latest",
            "https://user@h.example.net/",
            "file:///etc/passwd",
        ] {
            assert_eq!(follow(&base, &base, to).unwrap_err().code, Code::PolicyDenied, "{to}");
        }
    }

    #[test]
    fn places_in_an_answer() {
        let value = json!({"body": {"users": [{"id": 1}], "next": null}});
        assert_eq!(at(&value, "body.users.0.id"), Some(&json!(1)));
        assert_eq!(at(&value, "body.next"), Some(&Value::Null));
        assert_eq!(at(&value, "body.none"), None);
        assert_eq!(at(&value, "body.next.x"), None);
        assert_eq!(take(value.clone(), "body.users.0"), Some(json!({"id": 1})));
        assert_eq!(take(value, "body.users.1"), None);
    }
}
