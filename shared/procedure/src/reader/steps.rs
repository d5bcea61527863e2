//! Steps and the connections that they use.

use std::time::Duration;

use serde_json::Value;
use verdict::EvidenceClass;

use super::{Fields, Reader, arguments, top};
use crate::connector::{CONNECTION_TYPES, Changes, Connector, UNAVAILABLE, Via};
use crate::fault::{FaultCode, did_you_mean};
use crate::model::{Access, Connection, Step};
use crate::tree::Node;

const FIELDS: [&str; 13] = [
    "id",
    "title",
    "description",
    "use",
    "with",
    "for_each",
    "key",
    "via",
    "changes",
    "timeout",
    "retry",
    "wait",
    "evidence",
];
const MAX_STEPS: usize = 100;
const MAX_CONNECTIONS: usize = 100;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);
const MAX_WAIT: Duration = Duration::from_secs(366 * 86_400);
const MAX_RETRY: i64 = 10;

const ACCESS: [(&str, Access); 2] = [("read-only", Access::ReadOnly), ("read-write", Access::ReadWrite)];

pub(super) fn connections(reader: &mut Reader<'_>, node: &Node) -> Vec<Connection> {
    let entries = reader.map(node, "connections").unwrap_or_default();
    reader.too_many(node, "connections", entries.len(), MAX_CONNECTIONS);
    let types = CONNECTION_TYPES.map(|kind| (kind, kind));
    let mut connections = Vec::new();
    for entry in entries {
        reader.id_text(&entry.key, entry.at, "connection", true);
        let what = format!("the connection `{}`", entry.key);
        let Some(fields) = reader.fields(&entry.value, &what, &["type", "access", "ask"]) else { continue };
        let kind = reader.required(&fields, "type").and_then(|node| reader.word(node, "type", &types));
        let access = reader.required(&fields, "access").and_then(|node| reader.word(node, "access", &ACCESS));
        let ask = fields.get("ask").and_then(|node| reader.line(node, "ask"));
        if let (Some(kind), Some(access)) = (kind, access) {
            connections.push(Connection { name: entry.key.clone(), kind: kind.to_owned(), access, ask });
        }
    }
    connections
}

/// `steps` and `finally`, which share their ids.
pub(super) fn steps(
    reader: &mut Reader<'_>,
    steps: Option<&Node>,
    finally: Option<&Node>,
    connections: &[Connection],
    declared: Option<&Node>,
) -> (Vec<Step>, Vec<Step>) {
    let items = steps.and_then(|node| reader.list(node, "steps")).unwrap_or_default();
    let last = finally.and_then(|node| reader.list(node, "finally")).unwrap_or_default();
    if let Some(node) = steps {
        if items.is_empty() && node.items().is_empty() && matches!(node.content, crate::tree::Content::List(_)) {
            reader.fault(node.start, FaultCode::MissingField, "the procedure has no step");
        }
        reader.too_many(node, "steps", items.len() + last.len(), MAX_STEPS);
    }
    let ids = items.iter().chain(last).filter_map(|item| {
        let node = &item.entry("id")?.value;
        Some((node.text()?, node.start))
    });
    top::unique(reader, "step", ids);
    let context = Context { connections, declared };
    let steps = items.iter().filter_map(|item| context.step(reader, item)).collect();
    (steps, last.iter().filter_map(|item| context.step(reader, item)).collect())
}

struct Context<'c> {
    connections: &'c [Connection],
    declared: Option<&'c Node>,
}

impl Context<'_> {
    fn step(&self, reader: &mut Reader<'_>, node: &Node) -> Option<Step> {
        let id = node.entry("id").and_then(|entry| entry.value.text());
        let what = id.map_or_else(|| "the step".to_owned(), |id| format!("the step `{}`", super::shortened(id)));
        let fields = reader.fields(node, &what, &FIELDS)?;
        let id = reader.required(&fields, "id").and_then(|node| reader.id(node, "step", false));
        let title = reader.required(&fields, "title").and_then(|node| reader.line(node, "title"));
        let description = fields.get("description").and_then(|node| reader.prose(node, "description"));
        let for_each = fields.get("for_each").and_then(|node| reader.expression(node, "for_each"));
        let key = fields.get("key").and_then(|node| reader.expression(node, "key"));
        let changes = fields.get("changes").and_then(|node| reader.line(node, "changes"));
        let timeout = fields.get("timeout").and_then(|node| reader.duration(node, "timeout", MAX_TIMEOUT));
        let retry = fields.get("retry").and_then(|node| reader.whole(node, "retry", 0, MAX_RETRY));
        let wait = fields.get("wait").and_then(|node| reader.duration(node, "wait", MAX_WAIT));
        let (class, drop) = fields.get("evidence").map(|node| evidence(reader, node)).unwrap_or_default();
        let connector = reader.required(&fields, "use").and_then(|node| connector(reader, node));
        let via = self.via(reader, &fields, connector);
        let connector = connector?;
        changes_where_due(reader, &fields, connector, via.and_then(|name| self.connection(name)));
        let with = arguments::arguments(reader, &fields, connector, for_each.is_some())?;
        Some(Step {
            id: id?,
            title: title?,
            description,
            connector,
            with,
            for_each,
            key,
            via: via.map(str::to_owned),
            changes,
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            retry: retry.and_then(|retry| u32::try_from(retry).ok()).unwrap_or(0),
            wait,
            class: class.unwrap_or(EvidenceClass::Internal),
            drop,
        })
    }

    fn connection(&self, name: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.name == name)
    }

    fn via<'n>(&self, reader: &mut Reader<'_>, fields: &Fields<'n>, connector: Option<Connector>) -> Option<&'n str> {
        let allowed = connector.map(|connector| connector.signature().via);
        let Some(entry) = fields.entry("via") else {
            if let Some(Via::Required(types)) = allowed {
                let message = format!("the step needs `via`: a connection of type {}", types.join(" or "));
                reader.fault(fields.node.start, FaultCode::BadVia, message);
            }
            return None;
        };
        let Some(name) = entry.value.text() else {
            reader.expected(&entry.value, "`via` is a text: the name of a connection");
            return None;
        };
        let declared = self.declared.map(Node::entries).unwrap_or_default();
        if !declared.iter().any(|connection| connection.key == name) {
            let suggestion = did_you_mean(name, declared.iter().map(|connection| connection.key.as_str()));
            let message = format!("there is no connection `{}`", super::shortened(name));
            reader.suggest(entry.value.start, FaultCode::Dangling, message, suggestion);
            return Some(name);
        }
        let kind = self.connection(name).map(|connection| connection.kind.as_str());
        match (allowed, kind, connector) {
            (Some(Via::None), _, Some(connector)) => {
                reader.fault(entry.at, FaultCode::BadVia, format!("`{connector}` uses no connection"));
            }
            (Some(Via::Optional(types) | Via::Required(types)), Some(kind), Some(connector))
                if !types.contains(&kind) =>
            {
                let message =
                    format!("`{connector}` uses connections of type {}; `{name}` is `{kind}`", types.join(", "));
                reader.fault(entry.value.start, FaultCode::BadVia, message);
            }
            _ => {}
        }
        Some(name)
    }
}

fn connector(reader: &mut Reader<'_>, node: &Node) -> Option<Connector> {
    let Some(word) = node.text() else {
        reader.expected(node, "`use` is a text: the name of a connector");
        return None;
    };
    let connector = Connector::from_word(word);
    if connector.is_none() {
        if UNAVAILABLE.contains(&word) {
            let message = format!("the connector `{word}` is not available in this version");
            reader.fault(node.start, FaultCode::UnavailableConnector, message);
        } else {
            let known = Connector::ALL.map(Connector::as_str);
            let message = format!("there is no connector `{}`; there are {}", super::shortened(word), known.join(", "));
            reader.suggest(node.start, FaultCode::UnknownConnector, message, did_you_mean(word, known));
        }
    }
    connector
}

/// `changes` stands where something is changed, and nowhere else.
fn changes_where_due(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    connector: Connector,
    connection: Option<&Connection>,
) {
    let declared = fields.entry("changes");
    let changing = match connector.signature().changes {
        Changes::With(names) => {
            names.iter().find(|name| fields.get("with").is_some_and(|with| with.entry(name).is_some()))
        }
        Changes::Never | Changes::WhenDeclared => None,
    };
    match (declared, connector.signature().changes) {
        (Some(entry), Changes::Never) => {
            reader.fault(entry.at, FaultCode::BadChanges, format!("a `{connector}` step changes nothing"));
        }
        (Some(entry), Changes::With(_)) if changing.is_none() => {
            let message = format!("a `{connector}` step with these arguments changes nothing");
            reader.fault(entry.at, FaultCode::BadChanges, message);
        }
        (Some(entry), Changes::WhenDeclared)
            if connector == Connector::Sql
                && connection.is_some_and(|connection| connection.access == Access::ReadOnly) =>
        {
            let message = "the step changes something, but its connection has `access: read-only`";
            reader.fault(entry.at, FaultCode::BadChanges, message);
        }
        (None, _) => {
            if let Some(argument) = changing {
                let message =
                    format!("a step with `{argument}` is not read-only: `changes` says in words what it changes");
                reader.fault(fields.node.start, FaultCode::BadChanges, message);
            }
        }
        _ => {}
    }
}

fn evidence(reader: &mut Reader<'_>, node: &Node) -> (Option<EvidenceClass>, Vec<String>) {
    let Some(fields) = reader.fields(node, "`evidence`", &["class", "drop"]) else { return (None, Vec::new()) };
    let classes: Vec<_> = EvidenceClass::ALL.iter().map(|class| (class.as_str(), *class)).collect();
    let class = fields.get("class").and_then(|node| reader.word(node, "class", &classes));
    let drop = fields.get("drop").and_then(|node| reader.lines(node, "drop")).unwrap_or_default();
    (class, drop)
}

/// The arguments as plain JSON, with expressions as they are written.
pub(super) fn written(node: Option<&Node>) -> Value {
    node.map_or(Value::Null, Node::to_json)
}
