//! The functions that expressions can call: CEL's standard library, the nine of the language, and those of the meter.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::common::types::{
    CelBool, CelInt, CelList, CelMap, CelMapKey, CelString, CelTimestamp, DYN_TYPE, LIST_TYPE, STRING_TYPE,
};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use regex::{Regex, RegexBuilder};

use super::meter::Meter;
use super::rewrite::{MATCHES, ORDERED, WEIGHED};

/// A function's name with the numbers of arguments that it takes when called as `f(…)` and as `x.f(…)`.
struct Callable {
    name: &'static str,
    global: &'static [usize],
    member: &'static [usize],
}

const fn callable(name: &'static str, global: &'static [usize], member: &'static [usize]) -> Callable {
    Callable { name, global, member }
}

const CALLABLE: &[Callable] = &[
    // CEL's standard library (cel-spec, "List of Standard Definitions")
    callable("size", &[1], &[0]),
    callable("contains", &[], &[1]),
    callable("startsWith", &[], &[1]),
    callable("endsWith", &[], &[1]),
    callable("matches", &[2], &[1]),
    callable("int", &[1], &[]),
    callable("uint", &[1], &[]),
    callable("double", &[1], &[]),
    callable("string", &[1], &[]),
    callable("bool", &[1], &[]),
    callable("bytes", &[1], &[]),
    callable("dyn", &[1], &[]),
    callable("type", &[1], &[]),
    callable("timestamp", &[1], &[]),
    callable("duration", &[1], &[]),
    callable("getFullYear", &[], &[0, 1]),
    callable("getMonth", &[], &[0, 1]),
    callable("getDate", &[], &[0, 1]),
    callable("getDayOfMonth", &[], &[0, 1]),
    callable("getDayOfWeek", &[], &[0, 1]),
    callable("getDayOfYear", &[], &[0, 1]),
    callable("getHours", &[], &[0, 1]),
    callable("getMinutes", &[], &[0, 1]),
    callable("getSeconds", &[], &[0, 1]),
    callable("getMilliseconds", &[], &[0, 1]),
    // the nine of the language
    callable("lower", &[1], &[0]),
    callable("split", &[2], &[1]),
    callable("days_until", &[1], &[]),
    callable("days_since", &[1], &[]),
    callable("hours_since", &[1], &[]),
    callable("hours_between", &[2], &[]),
    callable("by", &[2], &[]),
    callable("min", &[1, 2], &[]),
    callable("max", &[1, 2], &[]),
];

/// Macros: what the parser turns into something else when they are called in the right form.
const MACROS: [&str; 7] = ["has", "all", "exists", "exists_one", "existsOne", "map", "filter"];

/// Why a call cannot be made, if so: the message and a correction.
pub(super) fn refusal(name: &str, is_member: bool, arguments: usize) -> Option<(String, Option<String>)> {
    if MACROS.contains(&name) {
        return Some((format!("`{name}` is called in the wrong form"), form_of_macro(name)));
    }
    let Some(known) = CALLABLE.iter().find(|callable| callable.name == name) else {
        let names = CALLABLE.iter().map(|callable| callable.name).chain(MACROS);
        return Some((format!("there is no function `{name}`"), crate::fault::did_you_mean(name, names)));
    };
    let (allowed, other) = if is_member { (known.member, known.global) } else { (known.global, known.member) };
    if allowed.contains(&arguments) {
        return None;
    }
    if allowed.is_empty() && !other.is_empty() {
        let form = if is_member { format!("write {name}(…)") } else { format!("write x.{name}(…)") };
        return Some((format!("`{name}` is called in the wrong form"), Some(form)));
    }
    let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
    Some((format!("`{name}` takes {} arguments, not {arguments}", allowed.join(" or ")), None))
}

fn form_of_macro(name: &str) -> Option<String> {
    Some(match name {
        "has" => "write has(x.member)".to_owned(),
        "map" => "write list.map(x, …) or list.map(x, condition, …)".to_owned(),
        _ => format!("write list.{name}(x, …)"),
    })
}

/// Functions that are given the time of the run as a further argument.
pub(super) fn needs_time(name: &str) -> bool {
    matches!(name, "days_until" | "days_since" | "hours_since")
}

/// Functions whose results can be large.
pub(super) fn makes_collections(name: &str) -> bool {
    matches!(name, "by" | "split")
}

/// The environment of every evaluation.
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut env = Env::default().with_optional_support(false).with_stdlib();
        declare(&mut env).expect("the functions have names of their own");
        Arc::new(env)
    });
    Arc::clone(&ENVIRONMENT)
}

fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload("lower", "lower_string", vec![STRING_TYPE], lower)?;
    env.add_member_overload("lower", "string_lower", STRING_TYPE, vec![], lower)?;
    env.add_overload("split", "split_string", vec![STRING_TYPE, STRING_TYPE], split)?;
    env.add_member_overload("split", "string_split", STRING_TYPE, vec![STRING_TYPE], split)?;
    env.add_overload("days_until", "days_until", vec![DYN_TYPE, DYN_TYPE], days_until)?;
    env.add_overload("days_since", "days_since", vec![DYN_TYPE, DYN_TYPE], days_since)?;
    env.add_overload("hours_since", "hours_since", vec![DYN_TYPE, DYN_TYPE], hours_since)?;
    env.add_overload("hours_between", "hours_between", vec![DYN_TYPE, DYN_TYPE], hours_between)?;
    env.add_overload("by", "by_list", vec![LIST_TYPE, STRING_TYPE], by)?;
    env.add_overload("min", "min_list", vec![LIST_TYPE], min)?;
    env.add_overload("min", "min_two", vec![DYN_TYPE, DYN_TYPE], min)?;
    env.add_overload("max", "max_list", vec![LIST_TYPE], max)?;
    env.add_overload("max", "max_two", vec![DYN_TYPE, DYN_TYPE], max)?;
    env.add_overload(MATCHES, "matches_cached", vec![STRING_TYPE, STRING_TYPE], matches)?;
    env.add_member_overload(MATCHES, "cached_matches", STRING_TYPE, vec![STRING_TYPE], matches)?;
    env.add_overload(WEIGHED, "weighed", vec![DYN_TYPE, DYN_TYPE], weighed)?;
    env.add_overload(ORDERED, "ordered", vec![DYN_TYPE], ordered)
}

type Args<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// Overloads are chosen by number and types of arguments, so a missing one is a fault of this table.
fn miscalled(function: &str) -> ExecutionError {
    ExecutionError::function_error(function, "called with other arguments than it declares")
}

fn text<'a>(args: &'a Args<'_, '_>, index: usize, function: &str) -> Result<&'a str, ExecutionError> {
    let value = args.get(index).ok_or_else(|| miscalled(function))?;
    value.downcast_ref::<CelString<'_>>().map(|text| text.inner()).ok_or_else(|| miscalled(function))
}

fn lower<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    Ok(CowVal::owned(CelString::from(text(&args, 0, "lower")?.to_lowercase())))
}

fn split<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (whole, separator) = (text(&args, 0, "split")?, text(&args, 1, "split")?);
    if separator.is_empty() {
        return Err(ExecutionError::function_error("split", "the separator is empty"));
    }
    let parts: Vec<Box<dyn Val + 'v>> =
        whole.split(separator).map(|part| Box::new(CelString::from(part.to_owned())) as Box<dyn Val + 'v>).collect();
    Ok(CowVal::owned(CelList::from(parts)))
}

/// RE2 syntax, anywhere in the text, as CEL says. Patterns are kept for the thread, which lives for one assessment.
fn matches<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    /// More patterns than a procedure writes down; beyond, they come from evidence.
    const KEPT: usize = 32;
    const BYTES: usize = 1 << 20;
    thread_local! {
        static PATTERNS: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
    }
    let (whole, pattern) = (text(&args, 0, "matches")?, text(&args, 1, "matches")?);
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(known) = patterns.get(pattern) {
            return Ok(CowVal::owned(CelBool::from(known.is_match(whole))));
        }
        let compiled = RegexBuilder::new(pattern).size_limit(BYTES).dfa_size_limit(BYTES).build();
        let compiled =
            compiled.map_err(|_| ExecutionError::function_error("matches", "not a pattern, or too large"))?;
        let answer = compiled.is_match(whole);
        if patterns.len() >= KEPT {
            patterns.clear();
        }
        patterns.insert(pattern.to_owned(), compiled);
        Ok(CowVal::owned(CelBool::from(answer)))
    })
}

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Whole days from the run to the time: 0 during the last day before it, negative after it.
fn days_until<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    whole_units(&args, "days_until", |time, run| time - run, DAY_MS)
}

/// Whole days from the time to the run: 0 during the first day after it, negative before it.
fn days_since<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    whole_units(&args, "days_since", |time, run| run - time, DAY_MS)
}

/// Whole hours from the time to the run.
fn hours_since<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    whole_units(&args, "hours_since", |time, run| run - time, HOUR_MS)
}

/// Whole hours between two times, whichever is earlier.
fn hours_between<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    whole_units(&args, "hours_between", |one, other| (one - other).abs(), HOUR_MS)
}

fn whole_units<'b, 'v>(
    args: &Args<'b, 'v>,
    function: &str,
    distance: fn(i64, i64) -> i64,
    unit: i64,
) -> Answer<'b, 'v> {
    let [one, other] = args.as_slice() else { return Err(miscalled(function)) };
    let milliseconds = distance(moment(one.as_ref(), function)?, moment(other.as_ref(), function)?);
    Ok(CowVal::owned(CelInt::from(milliseconds.div_euclid(unit))))
}

/// Milliseconds since the epoch of a timestamp, an RFC 3339 text or a date (midnight UTC).
fn moment(value: &dyn Val, function: &str) -> Result<i64, ExecutionError> {
    if let Some(time) = value.downcast_ref::<CelTimestamp>() {
        return Ok(time.inner().timestamp_millis());
    }
    let Some(text) = value.downcast_ref::<CelString<'_>>() else {
        let types = vec![value.get_type().name().to_owned()];
        return Err(ExecutionError::no_such_overload(function, types));
    };
    parse_moment(text.inner())
        .map(|time| time.timestamp_millis())
        .ok_or_else(|| ExecutionError::function_error(function, "not an RFC 3339 time or a date such as 2026-01-31"))
}

fn parse_moment(text: &str) -> Option<DateTime<FixedOffset>> {
    if text.len() == 10 {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        return Some(date.and_time(NaiveTime::MIN).and_utc().fixed_offset());
    }
    DateTime::parse_from_rfc3339(text).ok()
}

/// `by(list, "k")`: the items by their member `k`, which must be there and differ.
fn by<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let member = text(&args, 1, "by")?;
    let list = args.first().and_then(|list| list.downcast_ref::<CelList<'_>>()).ok_or_else(|| miscalled("by"))?;
    let key = CelString::from(member);
    let mut map: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::with_capacity(list.inner().len());
    for item in list.inner() {
        let indexer = item.as_indexer().filter(|_| item.downcast_ref::<CelMap<'_>>().is_some());
        let indexer =
            indexer.ok_or_else(|| ExecutionError::no_such_overload("by", vec![item.get_type().name().to_owned()]))?;
        let name: CelMapKey<'v> = CowVal::Owned(indexer.get(&key)?.into_owned()).try_into()?;
        if map.insert(name, item.clone_as_boxed()).is_some() {
            return Err(ExecutionError::function_error("by", "two items have the same key"));
        }
    }
    Ok(CowVal::owned(CelMap::from(map)))
}

fn min<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    extreme(&args, "min", std::cmp::Ordering::Less)
}

fn max<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    extreme(&args, "max", std::cmp::Ordering::Greater)
}

/// The first of the values than which no other one is more extreme.
fn extreme<'b, 'v>(args: &Args<'b, 'v>, function: &str, wanted: std::cmp::Ordering) -> Answer<'b, 'v> {
    let candidates: Vec<&(dyn Val + 'v)> = match args.as_slice() {
        [list] => {
            let list = list.downcast_ref::<CelList<'v>>().ok_or_else(|| miscalled(function))?;
            list.inner().iter().map(AsRef::as_ref).collect()
        }
        values => values.iter().map(|value| value.as_ref() as &(dyn Val + 'v)).collect(),
    };
    let mut candidates = candidates.into_iter();
    let mut best = candidates.next().ok_or_else(|| ExecutionError::function_error(function, "the list is empty"))?;
    // A single value must be comparable too, or the type of the result would depend on the length of the list.
    compare(best, best, function)?;
    for candidate in candidates {
        if compare(candidate, best, function)? == wanted {
            best = candidate;
        }
    }
    Ok(CowVal::Owned(best.clone_as_boxed()))
}

fn compare(one: &dyn Val, other: &dyn Val, function: &str) -> Result<std::cmp::Ordering, ExecutionError> {
    let types = || vec![one.get_type().name().to_owned(), other.get_type().name().to_owned()];
    let comparer = one.as_comparer().ok_or_else(|| ExecutionError::no_such_overload(function, types()))?;
    comparer.compare(other).map_err(|_| ExecutionError::no_such_overload(function, types()))
}

/// The first argument, once the meter (the second) allows what it weighs.
fn weighed<'b, 'v>(mut args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let meter = args.pop().ok_or_else(|| miscalled(WEIGHED))?;
    let value = args.pop().ok_or_else(|| miscalled(WEIGHED))?;
    let meter = meter.downcast_ref::<Meter>().ok_or_else(|| miscalled(WEIGHED))?;
    if meter.weigh(value.as_ref()) {
        Ok(value)
    } else {
        Err(ExecutionError::function_error(WEIGHED, "the values are too large"))
    }
}

/// A map's keys in order; anything else as it is.
fn ordered<'b, 'v>(mut args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let value = args.pop().ok_or_else(|| miscalled(ORDERED))?;
    let Some(map) = value.downcast_ref::<CelMap<'v>>() else { return Ok(value) };
    let mut keys: Vec<&CelMapKey<'v>> = map.inner().keys().collect();
    keys.sort_by(|one, other| order(one).cmp(&order(other)));
    let keys: Vec<Box<dyn Val + 'v>> = keys
        .into_iter()
        .map(|key| match key {
            CelMapKey::Bool(key) => key.clone_as_boxed(),
            CelMapKey::Int(key) => key.clone_as_boxed(),
            CelMapKey::UInt(key) => key.clone_as_boxed(),
            CelMapKey::String(key) => key.clone_as_boxed(),
        })
        .collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

/// Truth values, then numbers, then texts; a map's keys never tie.
fn order<'a>(key: &'a CelMapKey<'_>) -> (u8, i128, &'a str) {
    match key {
        CelMapKey::Bool(key) => (0, i128::from(*key.inner()), ""),
        CelMapKey::Int(key) => (1, i128::from(*key.inner()), ""),
        CelMapKey::UInt(key) => (1, i128::from(*key.inner()), "u"),
        CelMapKey::String(key) => (2, 0, key.inner()),
    }
}
