//! What is derived from evidence: facts, populations, checks and metrics.

use verdict::Severity;

use super::{Reader, shortened, top};
use crate::expression::Expression;
use crate::fault::FaultCode;
use crate::model::{Check, Fact, Metric, Population, Sample};
use crate::tree::{Content, Entry, Node};

const MAX_NAMED: usize = 100;
const MAX_CHECKS: usize = 200;
const MAX_METRICS: usize = 16;
const MAX_COMPLETE: usize = 20;
/// The most that a sample may ask for.
const MAX_SAMPLE: i64 = 1_000_000;

const CHECK: [&str; 10] = ["id", "title", "assert", "severity", "for_each", "key", "when", "na", "fix", "controls"];

pub(super) fn facts(reader: &mut Reader<'_>, node: &Node) -> Vec<Fact> {
    let entries = named(reader, node, "facts", MAX_NAMED);
    let fact = |entry: &Entry| {
        reader.id_text(&entry.key, entry.at, "fact", false);
        let value = reader.expression(&entry.value, &entry.key)?;
        Some(Fact { name: entry.key.clone(), value })
    };
    entries.iter().filter_map(fact).collect()
}

pub(super) fn metrics(reader: &mut Reader<'_>, node: &Node) -> Vec<Metric> {
    let entries = named(reader, node, "metrics", MAX_METRICS);
    let metric = |entry: &Entry| {
        reader.id_text(&entry.key, entry.at, "metric", true);
        let value = reader.expression(&entry.value, &entry.key)?;
        Some(Metric { name: entry.key.clone(), value })
    };
    entries.iter().filter_map(metric).collect()
}

fn named<'n>(reader: &mut Reader<'_>, node: &'n Node, what: &str, most: usize) -> &'n [Entry] {
    let entries = reader.map(node, what).unwrap_or_default();
    reader.too_many(node, what, entries.len(), most);
    entries
}

pub(super) fn populations(reader: &mut Reader<'_>, node: &Node) -> Vec<Population> {
    let entries = named(reader, node, "populations", MAX_NAMED);
    entries.iter().filter_map(|entry| population(reader, entry)).collect()
}

fn population(reader: &mut Reader<'_>, entry: &Entry) -> Option<Population> {
    reader.id_text(&entry.key, entry.at, "population", false);
    let what = format!("the population `{}`", shortened(&entry.key));
    let known = ["title", "from", "key", "complete", "sample", "if_empty"];
    let fields = reader.fields(&entry.value, &what, &known)?;
    let title = reader.required(&fields, "title").and_then(|node| reader.line(node, "title"));
    let from = reader.required(&fields, "from").and_then(|node| reader.expression(node, "from"));
    let key = reader.required(&fields, "key").and_then(|node| reader.expression(node, "key"));
    let complete = reader.required(&fields, "complete").map(|node| complete(reader, node)).unwrap_or_default();
    let sample = fields.get("sample").and_then(|node| sample(reader, node));
    let if_empty = fields.get("if_empty").and_then(|node| reader.word(node, "if_empty", &[("not_applicable", true)]));
    Some(Population {
        name: entry.key.clone(),
        title: title?,
        from: from?,
        key: key?,
        complete,
        sample,
        if_empty_not_applicable: if_empty.unwrap_or(false),
    })
}

/// A list without a proof would be a claim.
fn complete(reader: &mut Reader<'_>, node: &Node) -> Vec<Expression> {
    let Some(items) = reader.list(node, "complete") else { return Vec::new() };
    if items.is_empty() {
        let message = "`complete` is empty: say what shows that the list is complete";
        reader.fault(node.start, FaultCode::BadValue, message);
    }
    reader.too_many(node, "expressions in `complete`", items.len(), MAX_COMPLETE);
    items.iter().filter_map(|item| reader.expression(item, "complete")).collect()
}

fn sample(reader: &mut Reader<'_>, node: &Node) -> Option<Sample> {
    let fields = reader.fields(node, "`sample`", &["size", "always"])?;
    let size = reader.required(&fields, "size").and_then(|node| reader.whole(node, "size", 0, MAX_SAMPLE));
    let always = fields.get("always").and_then(|node| reader.expression(node, "always"));
    if size == Some(0) && fields.get("always").is_none() {
        reader.fault(node.start, FaultCode::BadValue, "a sample of size 0 without `always` examines nothing");
    }
    Some(Sample { size: usize::try_from(size?).ok()?, always })
}

pub(super) fn checks(reader: &mut Reader<'_>, node: &Node) -> Vec<Check> {
    let items = reader.list(node, "checks").unwrap_or_default();
    if matches!(&node.content, Content::List(items) if items.is_empty()) {
        reader.fault(node.start, FaultCode::MissingField, "the procedure has no check");
    }
    reader.too_many(node, "checks", items.len(), MAX_CHECKS);
    let ids = items.iter().filter_map(|item| {
        let node = &item.entry("id")?.value;
        Some((node.text()?, node.start))
    });
    top::unique(reader, "check", ids);
    items.iter().filter_map(|item| check(reader, item)).collect()
}

fn check(reader: &mut Reader<'_>, node: &Node) -> Option<Check> {
    let id = node.entry("id").and_then(|entry| entry.value.text());
    let what = id.map_or_else(|| "the check".to_owned(), |id| format!("the check `{}`", shortened(id)));
    let fields = reader.fields(node, &what, &CHECK)?;
    let severities: Vec<_> = Severity::ALL.iter().map(|severity| (severity.as_str(), *severity)).collect();
    let id = reader.required(&fields, "id").and_then(|node| reader.id(node, "check", true));
    let title = reader.required(&fields, "title").and_then(|node| reader.line(node, "title"));
    let assert = reader.required(&fields, "assert").and_then(|node| reader.expression(node, "assert"));
    let severity = reader.required(&fields, "severity").and_then(|node| reader.word(node, "severity", &severities));
    let for_each = fields.get("for_each").and_then(|node| reader.expression(node, "for_each"));
    let key = fields.get("key").and_then(|node| reader.expression(node, "key"));
    let when = fields.get("when").and_then(|node| reader.expression(node, "when"));
    let na = fields.get("na").and_then(|node| reader.line(node, "na"));
    let fix = fields.get("fix").and_then(|node| reader.prose(node, "fix"));
    let controls = fields.get("controls").map(|node| top::controls(reader, node)).unwrap_or_default();
    match (fields.entry("when"), fields.entry("na")) {
        (Some(when), None) => {
            reader.fault(
                when.at,
                FaultCode::WhenAndNa,
                "`when` without `na`: say why the check does not apply otherwise",
            );
        }
        (None, Some(na)) => {
            reader.fault(na.at, FaultCode::WhenAndNa, "`na` without `when`: the check always applies");
        }
        _ => {}
    }
    Some(Check { id: id?, title: title?, assert: assert?, severity: severity?, for_each, key, when, na, fix, controls })
}
