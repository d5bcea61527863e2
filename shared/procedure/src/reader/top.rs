//! The fields of the whole procedure.

use std::collections::HashSet;
use std::time::Duration;

use crypto::digest::sha256_parts;

use super::{Fields, Reader, derived, inputs, references, steps};
use crate::fault::FaultCode;
use crate::model::{Controls, CronSchedule, Every, Period, Procedure, Retention, Schedule};
use crate::source::Notation;
use crate::tree::{Content, Node};

const FIELDS: [&str; 18] = [
    "schema",
    "id",
    "version",
    "title",
    "purpose",
    "owner",
    "controls",
    "schedule",
    "retention",
    "inputs",
    "connections",
    "steps",
    "finally",
    "facts",
    "populations",
    "checks",
    "metrics",
    "notes",
];

/// The longest that people may take.
const MAX_DUE: Duration = Duration::from_secs(366 * 86_400);

pub(super) fn procedure(
    reader: &mut Reader<'_>,
    document: Node,
    source: &[u8],
    notation: Notation,
) -> Option<Procedure> {
    let fields = reader.fields(&document, "the procedure", &FIELDS)?;
    schema(reader, &fields);
    let id = reader.required(&fields, "id").and_then(|node| reader.id(node, "procedure", true));
    let version = reader.required(&fields, "version").and_then(|node| reader.whole(node, "version", 1, i64::MAX));
    let title = reader.required(&fields, "title").and_then(|node| reader.line(node, "title"));
    let purpose = reader.required(&fields, "purpose").and_then(|node| reader.prose(node, "purpose"));
    let owner = reader.required(&fields, "owner").and_then(|node| reader.line(node, "owner"));
    let controls = fields.get("controls").map(|node| controls(reader, node)).unwrap_or_default();
    let schedule = fields.get("schedule").and_then(|node| schedule(reader, node));
    let retention = match fields.get("retention") {
        Some(node) => reader.word(node, "retention", &Retention::WORDS),
        None => Some(Retention::Audit),
    };
    let inputs = fields.get("inputs").map(|node| inputs::inputs(reader, node)).unwrap_or_default();
    let connections = fields.get("connections").map(|node| steps::connections(reader, node)).unwrap_or_default();
    let steps_node = reader.required(&fields, "steps");
    let finally_node = fields.get("finally");
    let (steps, finally) = steps::steps(reader, steps_node, finally_node, &connections, fields.get("connections"));
    let facts = fields.get("facts").map(|node| derived::facts(reader, node)).unwrap_or_default();
    let populations = fields.get("populations").map(|node| derived::populations(reader, node)).unwrap_or_default();
    let checks = reader.required(&fields, "checks").map(|node| derived::checks(reader, node)).unwrap_or_default();
    let metrics = fields.get("metrics").map(|node| derived::metrics(reader, node)).unwrap_or_default();
    let notes = fields.get("notes").and_then(|node| reader.prose(node, "notes"));
    let digest = digest(&document);
    let procedure = Procedure {
        id: id.unwrap_or_default(),
        version: version.and_then(|version| u64::try_from(version).ok()).unwrap_or_default(),
        title: title.unwrap_or_default(),
        purpose: purpose.unwrap_or_default(),
        owner: owner.unwrap_or_default(),
        controls,
        schedule,
        retention: retention.unwrap_or(Retention::Audit),
        inputs,
        connections,
        steps,
        finally,
        facts,
        populations,
        checks,
        metrics,
        notes,
        source: source.to_vec(),
        notation,
        digest: digest?,
        document,
    };
    references::check(reader, &procedure);
    Some(procedure)
}

fn digest(document: &Node) -> Option<crypto::Digest> {
    let canonical = serde_json_canonicalizer::to_vec(&document.to_json()).ok()?;
    Some(sha256_parts(&[b"procedure/v1", &[0], &canonical]))
}

fn schema(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    if let Some(node) = reader.required(fields, "schema")
        && node.text() != Some("procedure/v1")
        && !matches!(node.content, Content::Faulty)
    {
        reader.fault(node.start, FaultCode::WrongSchema, "the schema is not `procedure/v1`");
    }
}

/// Frameworks with their controls. The frameworks are open, so only their form is checked.
pub(super) fn controls(reader: &mut Reader<'_>, node: &Node) -> Vec<Controls> {
    let mut controls = Vec::new();
    for entry in reader.map(node, "controls").unwrap_or_default() {
        let is_slug = entry.key.len() <= 63
            && entry.key.starts_with(|first: char| first.is_ascii_lowercase())
            && entry.key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
        if !is_slug {
            let message =
                format!("`{}` is not the name of a framework such as iso-27001-2022", super::shortened(&entry.key));
            reader.fault(entry.at, FaultCode::BadId, message);
        }
        if let Some(ids) = reader.lines(&entry.value, &entry.key) {
            controls.push(Controls { framework: entry.key.clone(), ids });
        }
    }
    controls
}

fn schedule(reader: &mut Reader<'_>, node: &Node) -> Option<Schedule> {
    let fields = reader.fields(node, "the schedule", &["every", "due"])?;
    let every = reader.required(&fields, "every").and_then(|node| every(reader, node));
    let due = fields.get("due").and_then(|node| reader.duration(node, "due", MAX_DUE));
    Some(Schedule { every: every?, due })
}

fn every(reader: &mut Reader<'_>, node: &Node) -> Option<Every> {
    if let Content::Map(_) = &node.content {
        let fields = reader.fields(node, "`every`", &["cron", "timezone"])?;
        let pattern = reader.required(&fields, "cron").and_then(|node| cron(reader, node));
        let timezone = reader.required(&fields, "timezone").and_then(|node| timezone(reader, node));
        return Some(Every::Cron(CronSchedule { pattern: pattern?, timezone: timezone? }));
    }
    reader.word(node, "every", &Period::WORDS).map(Every::Calendar)
}

fn cron(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let pattern = reader.line(node, "cron")?;
    if let Err(message) = crate::schedule::check_pattern(&pattern) {
        reader.fault(node.start, FaultCode::BadSchedule, format!("the cron pattern `{pattern}`: {message}"));
        return None;
    }
    Some(pattern)
}

fn timezone(reader: &mut Reader<'_>, node: &Node) -> Option<chrono_tz::Tz> {
    let name = reader.line(node, "timezone")?;
    match name.parse() {
        Ok(timezone) => Some(timezone),
        Err(_) => {
            let known = chrono_tz::TZ_VARIANTS.iter().map(|timezone| timezone.name());
            let suggestion = crate::fault::did_you_mean(&name, known);
            let message = format!("`{name}` is not an IANA time zone such as Europe/Zurich or UTC");
            reader.suggest(node.start, FaultCode::BadSchedule, message, suggestion);
            None
        }
    }
}

/// Says which ids stand twice.
pub(super) fn unique<'n>(reader: &mut Reader<'_>, what: &str, ids: impl Iterator<Item = (&'n str, usize)>) {
    let mut seen = HashSet::new();
    for (id, at) in ids {
        if !seen.insert(id) {
            reader.fault(at, FaultCode::DuplicateId, format!("another {what} has the id `{id}` already"));
        }
    }
}
