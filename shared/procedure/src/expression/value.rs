//! Between JSON and the values that expressions see.

use std::collections::{BTreeMap, HashMap};

use cel::common::types::{
    CelBool, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelTimestamp, CelUInt,
};
use cel::common::value::Val;
use chrono::SecondsFormat;
use serde_json::{Number, Value};

/// What expressions see where there is nothing.
pub(crate) const NOTHING: Value = Value::Null;

/// A value that expressions see. It may borrow texts from the JSON that it was made of, so that evidence is not copied.
pub(crate) type Native<'w> = Box<dyn Val + 'w>;

/// Numbers without a fraction become whole numbers however JSON spells them: RFC 8785 writes 4.0 as 4, so a check must
/// come to the same result before and after its evidence was stored.
pub(crate) fn from_json(value: &Value) -> Native<'_> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => from_number(number),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(from_json).collect::<Vec<_>>())),
        Value::Object(members) => record(members.iter().map(|(key, value)| (key.as_str(), from_json(value)))),
    }
}

/// A map with these members.
pub(crate) fn record<'w>(members: impl IntoIterator<Item = (&'w str, Native<'w>)>) -> Native<'w> {
    let members: HashMap<CelMapKey<'w>, Native<'w>> =
        members.into_iter().map(|(key, value)| (CelMapKey::from(key), value)).collect();
    Box::new(CelMap::from(members))
}

/// A list of these items.
pub(crate) fn list<'w>(items: impl IntoIterator<Item = Native<'w>>) -> Native<'w> {
    Box::new(CelList::from(items.into_iter().collect::<Vec<_>>()))
}

/// A duration as expressions see it; `None` beyond 292 years.
pub(crate) fn from_duration(duration: std::time::Duration) -> Option<Native<'static>> {
    let duration = chrono::Duration::from_std(duration).ok().filter(|duration| duration.num_nanoseconds().is_some())?;
    Some(Box::new(CelDuration::from(duration)))
}

fn from_number(number: &Number) -> Native<'static> {
    /// 2^63: from here on a double is not a 64-bit whole number.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if let Some(value) = number.as_i64() {
        return Box::new(CelInt::from(value));
    }
    if let Some(value) = number.as_u64() {
        return Box::new(CelUInt::from(value));
    }
    let value = number.as_f64().unwrap_or(f64::NAN);
    if value.fract() == 0.0 && value.abs() < LIMIT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^63 fits")]
        return Box::new(CelInt::from(value as i64));
    }
    Box::new(CelDouble::from(value))
}

/// The value as JSON: times as RFC 3339 with milliseconds, durations as seconds with `s`, keys as texts. `None` for what
/// JSON cannot say: bytes, types, numbers that are not finite.
pub(crate) fn to_json(value: &dyn Val) -> Option<Value> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Some(Value::String(text.inner().to_owned()));
    }
    if let Some(value) = value.downcast_ref::<CelInt>() {
        return Some(Value::Number((*value.inner()).into()));
    }
    if let Some(value) = value.downcast_ref::<CelUInt>() {
        return Some(Value::Number((*value.inner()).into()));
    }
    if let Some(value) = value.downcast_ref::<CelDouble>() {
        return Number::from_f64(*value.inner()).map(Value::Number);
    }
    if let Some(value) = value.downcast_ref::<CelBool>() {
        return Some(Value::Bool(*value.inner()));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Some(Value::Null);
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        return list.inner().iter().map(|item| to_json(item.as_ref())).collect();
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let members = map.inner().iter().map(|(key, value)| Some((key_text(key), to_json(value.as_ref())?)));
        // The map has no order of its own; JSON may keep the order in which members come.
        let members = members.collect::<Option<BTreeMap<_, _>>>()?;
        return Some(Value::Object(members.into_iter().collect()));
    }
    if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        let time = time.inner().to_utc().to_rfc3339_opts(SecondsFormat::Millis, true);
        return Some(Value::String(time));
    }
    let duration = value.downcast_ref::<CelDuration>()?.inner();
    let (seconds, nanoseconds) = (duration.num_seconds(), duration.subsec_nanos());
    let sign = if seconds < 0 || nanoseconds < 0 { "-" } else { "" };
    let fraction = if nanoseconds == 0 { String::new() } else { format!(".{:09}", nanoseconds.abs()) };
    Some(Value::String(format!("{sign}{}{fraction}s", seconds.abs())))
}

fn key_text(key: &CelMapKey<'_>) -> String {
    match key {
        CelMapKey::Bool(key) => key.inner().to_string(),
        CelMapKey::Int(key) => key.inner().to_string(),
        CelMapKey::UInt(key) => key.inner().to_string(),
        CelMapKey::String(key) => key.inner().to_owned(),
    }
}

/// The same value, borrowing nothing. `None` for values that are no evidence: types and bytes.
pub(super) fn owned(value: &dyn Val) -> Option<Native<'static>> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Some(Box::new(CelString::from(text.inner().to_owned())));
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        let items: Vec<Native<'static>> =
            list.inner().iter().map(|item| owned(item.as_ref())).collect::<Option<_>>()?;
        return Some(Box::new(CelList::from(items)));
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let members: HashMap<CelMapKey<'static>, Native<'static>> = map
            .inner()
            .iter()
            .map(|(key, value)| Some((owned_key(key), owned(value.as_ref())?)))
            .collect::<Option<_>>()?;
        return Some(Box::new(CelMap::from(members)));
    }
    if let Some(value) = value.downcast_ref::<CelInt>() {
        return Some(Box::new(CelInt::from(*value.inner())));
    }
    if let Some(value) = value.downcast_ref::<CelUInt>() {
        return Some(Box::new(CelUInt::from(*value.inner())));
    }
    if let Some(value) = value.downcast_ref::<CelDouble>() {
        return Some(Box::new(CelDouble::from(*value.inner())));
    }
    if let Some(value) = value.downcast_ref::<CelBool>() {
        return Some(Box::new(CelBool::from(*value.inner())));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Some(Box::new(CelNull));
    }
    if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        return Some(Box::new(CelTimestamp::from(*time.inner())));
    }
    Some(Box::new(CelDuration::from(*value.downcast_ref::<CelDuration>()?.inner())))
}

fn owned_key(key: &CelMapKey<'_>) -> CelMapKey<'static> {
    match key {
        CelMapKey::Bool(key) => CelMapKey::from(*key.inner()),
        CelMapKey::Int(key) => CelMapKey::from(*key.inner()),
        CelMapKey::UInt(key) => CelMapKey::from(*key.inner()),
        CelMapKey::String(key) => CelMapKey::from(key.inner().to_owned()),
    }
}

/// The text of a value that can name an item: a text that is not empty, a whole number or a truth value.
pub(crate) fn text_of(value: &dyn Val) -> Option<String> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Some(text.inner().to_owned()).filter(|text| !text.is_empty());
    }
    if let Some(value) = value.downcast_ref::<CelInt>() {
        return Some(value.inner().to_string());
    }
    value.downcast_ref::<CelBool>().map(|value| value.inner().to_string())
}
