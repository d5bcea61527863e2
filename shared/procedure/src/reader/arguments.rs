//! The arguments of a step against its connector's signature.

use serde_json::Value;

use super::{Fields, Reader, parse_duration, shortened};
use crate::connector::{Connector, Field, Shape};
use crate::expression::cell;
use crate::fault::{FaultCode, did_you_mean};
use crate::model::Template;
use crate::tree::{Content, Entry, Node};

/// The checked arguments; `None` only if there is nothing to go on with.
pub(super) fn arguments(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    connector: Connector,
    repeated: bool,
) -> Option<Template> {
    let signature = connector.signature();
    let Some(node) = fields.get("with") else {
        let needed: Vec<_> =
            signature.arguments.iter().filter(|field| field.required).map(|field| field.name.as_ref()).collect();
        let needed = if needed.is_empty() { String::new() } else { format!(": {}", needed.join(", ")) };
        let message = format!("a `{connector}` step needs arguments in `with`{needed}");
        reader.fault(fields.node.start, FaultCode::MissingArgument, message);
        return None;
    };
    if !matches!(node.content, Content::Map(_)) {
        reader.expected(node, "`with` is a map of arguments");
        return None;
    }
    let template = record(reader, node, &signature.arguments, &format!("`{connector}`"), false);
    match connector {
        Connector::Command => command(reader, node),
        Connector::File => one_of(reader, node, "path", "glob"),
        Connector::Http => http(reader, node),
        Connector::Attest => attest(reader, node, repeated),
        Connector::Quiz => quiz(reader, node),
        Connector::Sql | Connector::Tls => {}
    }
    Some(template)
}

fn record(reader: &mut Reader<'_>, node: &Node, fields: &[Field], what: &str, literal: bool) -> Template {
    let mut members = Vec::new();
    for entry in node.entries() {
        let Some(field) = fields.iter().find(|field| field.name == entry.key) else {
            let message = format!("{what} takes no argument `{}`", shortened(&entry.key));
            let suggestion = did_you_mean(&entry.key, fields.iter().map(|field| field.name.as_ref()));
            reader.suggest(entry.at, FaultCode::UnknownArgument, message, suggestion);
            continue;
        };
        let value = value(reader, &entry.value, &field.shape, &entry.key, literal || field.literal);
        members.push((entry.key.clone(), value));
    }
    for field in fields.iter().filter(|field| field.required && node.entry(&field.name).is_none()) {
        let message = format!("{what} needs `{}`: {}", field.name, field.meaning);
        reader.fault(node.start, FaultCode::MissingArgument, message);
    }
    Template::Map(members)
}

/// A value against its shape; whatever is wrong is reported, and the template is only used if nothing is.
fn value(reader: &mut Reader<'_>, node: &Node, shape: &Shape, name: &str, literal: bool) -> Template {
    if let Content::Text(text) = &node.content
        && let Some(source) = cell(text)
    {
        if literal {
            let message = format!("`{name}` must be written out; it cannot be an expression");
            reader.fault(node.start, FaultCode::LiteralOnly, message);
            return Template::Literal(Value::Null);
        }
        let expression = reader.parsed_expression(source, (node.start, node.end));
        return expression.map_or(Template::Literal(Value::Null), Template::Expression);
    }
    let bad = |reader: &mut Reader<'_>, expected: String| {
        if !matches!(node.content, Content::Faulty) {
            let quote = match &node.content {
                Content::Int(_) | Content::Float(_) | Content::Bool(_) if matches!(shape, Shape::Text) => "; quote it",
                _ => "",
            };
            let message = format!("`{name}` is {expected}, here is {}{quote}", node.kind());
            reader.fault(node.start, FaultCode::BadArgument, message);
        }
    };
    match (shape, &node.content) {
        (Shape::List(of, min, max), Content::List(items)) => {
            if items.len() < *min || items.len() > *max {
                let message = format!("`{name}` has {} items, expected {min} to {max}", items.len());
                reader.fault(node.start, FaultCode::BadArgument, message);
            }
            return Template::List(items.iter().map(|item| value(reader, item, of, name, literal)).collect());
        }
        (Shape::OneOrMore(of), Content::List(items)) if !items.is_empty() => {
            return Template::List(items.iter().map(|item| value(reader, item, of, name, literal)).collect());
        }
        (Shape::OneOrMore(of), _) => return value(reader, node, of, name, literal),
        (Shape::Record(fields), Content::Map(_)) => return record(reader, node, fields, &format!("`{name}`"), literal),
        (Shape::Map(of), Content::Map(entries)) => return map(reader, entries, of, literal),
        (Shape::Any, Content::Map(entries)) => return map(reader, entries, &Shape::Any, literal),
        (Shape::Any, Content::List(items)) => {
            return Template::List(items.iter().map(|item| value(reader, item, &Shape::Any, name, literal)).collect());
        }
        (Shape::Any, _) | (Shape::Bool, Content::Bool(_)) => {}
        (Shape::Text | Shape::Time, Content::Text(text)) => {
            if text.is_empty() {
                reader.fault(node.start, FaultCode::BadArgument, format!("`{name}` is empty"));
            }
        }
        (Shape::Int(min, max), Content::Int(value)) if (min..=max).contains(&value) => {}
        (Shape::Int(min, max), Content::Int(_)) => {
            let message = format!("`{name}` is a whole number from {min} to {max}");
            reader.fault(node.start, FaultCode::BadArgument, message);
        }
        (Shape::Word(words), Content::Text(text)) if words.contains(&text.as_str()) => {}
        (Shape::Word(words), Content::Text(text)) => {
            let message = format!("`{name}` is one of {}, not `{}`", words.join(", "), shortened(text));
            let suggestion = did_you_mean(text, words.iter().copied());
            reader.suggest(node.start, FaultCode::BadArgument, message, suggestion);
        }
        (Shape::Duration, Content::Text(text)) => {
            if parse_duration(text).is_none() {
                let message = format!("`{name}`: `{}` is not a duration such as 14d", shortened(text));
                reader.fault(node.start, FaultCode::BadDuration, message);
            }
        }
        (Shape::Bool, _) => bad(reader, "true or false".into()),
        (Shape::Int(..), _) => bad(reader, "a whole number".into()),
        (Shape::Text | Shape::Time | Shape::Word(_) | Shape::Duration, _) => bad(reader, "a text".into()),
        (Shape::List(..), _) => bad(reader, "a list".into()),
        (Shape::Record(_) | Shape::Map(_), _) => bad(reader, "a map".into()),
    }
    Template::Literal(node.to_json())
}

fn map(reader: &mut Reader<'_>, entries: &[Entry], of: &Shape, literal: bool) -> Template {
    let member = |entry: &Entry| (entry.key.clone(), value(reader, &entry.value, of, &entry.key, literal));
    Template::Map(entries.iter().map(member).collect())
}

fn one_of(reader: &mut Reader<'_>, node: &Node, one: &str, other: &str) {
    match (node.entry(one), node.entry(other)) {
        (Some(_), Some(second)) => {
            let message = format!("give either `{one}` or `{other}`");
            reader.fault(second.at, FaultCode::BadArgument, message);
        }
        (None, None) => {
            reader.fault(node.start, FaultCode::MissingArgument, format!("give `{one}` or `{other}`"));
        }
        _ => {}
    }
}

/// The program is what a Runner's policy allows or refuses, so it stands in the procedure and names one file.
fn command(reader: &mut Reader<'_>, node: &Node) {
    let Some(program) = node.entry("run").and_then(|run| run.value.items().first()) else { return };
    let Some(path) = program.text() else { return };
    if cell(path).is_some() {
        let message = "the program in `run` must be written out; only its arguments can be expressions";
        reader.fault(program.start, FaultCode::LiteralOnly, message);
    } else if !path.starts_with('/') || path.split('/').any(|part| matches!(part, "." | "..")) {
        let message =
            format!("the program in `run` is an absolute path such as /usr/bin/id, not `{}`", shortened(path));
        reader.fault(program.start, FaultCode::BadArgument, message);
    }
}

fn http(reader: &mut Reader<'_>, node: &Node) {
    one_of(reader, node, "get", "post");
    for method in ["get", "post"] {
        let Some(entry) = node.entry(method) else { continue };
        let Some(path) = entry.value.text().filter(|path| cell(path).is_none()) else { continue };
        if !path.starts_with('/') || path.starts_with("//") {
            let message = format!("`{method}` is a path below the connection's base URL, such as /api/v1/users");
            reader.fault(entry.value.start, FaultCode::BadArgument, message);
        }
    }
    if let (Some(body), None) = (node.entry("body"), node.entry("post")) {
        reader.fault(body.at, FaultCode::BadArgument, "`body` is sent with `post` only");
    }
    if let (Some(pages), Some(_)) = (node.entry("pages"), node.entry("post")) {
        reader.fault(pages.at, FaultCode::BadArgument, "`pages` are fetched with `get` only");
    }
}

fn attest(reader: &mut Reader<'_>, node: &Node, repeated: bool) {
    let answers: Vec<_> = texts(node, "answers");
    distinct(reader, node, "answers");
    if let Some(commented) = node.entry("comment_for") {
        for item in commented.value.items() {
            if let Some(answer) = item.text().filter(|answer| cell(answer).is_none() && !answers.contains(answer)) {
                let message = format!("`{}` is not one of the answers", shortened(answer));
                reader.suggest(
                    item.start,
                    FaultCode::BadArgument,
                    message,
                    did_you_mean(answer, answers.iter().copied()),
                );
            }
        }
    }
    if let Some(show) = node.entry("show").filter(|_| !repeated) {
        reader.fault(show.at, FaultCode::BadArgument, "`show` names fields of the item, so the step needs for_each");
    }
}

fn quiz(reader: &mut Reader<'_>, node: &Node) {
    let questions = node.entry("questions").map(|entry| entry.value.items()).unwrap_or_default();
    for question in questions {
        let choices = question.entry("choices").map(|entry| entry.value.items().len()).unwrap_or_default();
        distinct(reader, question, "choices");
        if let Some(Node { content: Content::Int(right), start, .. }) =
            question.entry("right").map(|entry| &entry.value)
            && choices > 0
            && !usize::try_from(*right).is_ok_and(|right| (1..=choices).contains(&right))
        {
            let message = format!("`right` is {right}, but the choices are 1 to {choices}");
            reader.fault(*start, FaultCode::BadArgument, message);
        }
    }
    if let Some(Node { content: Content::Int(draw), start, .. }) = node.entry("draw").map(|entry| &entry.value)
        && !questions.is_empty()
        && !usize::try_from(*draw).is_ok_and(|draw| draw <= questions.len())
    {
        let message = format!("`draw` is {draw}, but there are {} questions", questions.len());
        reader.fault(*start, FaultCode::BadArgument, message);
    }
}

fn texts<'n>(node: &'n Node, name: &str) -> Vec<&'n str> {
    node.entry(name).map(|entry| entry.value.items().iter().filter_map(Node::text).collect()).unwrap_or_default()
}

fn distinct(reader: &mut Reader<'_>, node: &Node, name: &str) {
    let mut seen = std::collections::HashSet::new();
    for item in node.entry(name).map(|entry| entry.value.items()).unwrap_or_default() {
        if let Some(text) = item.text()
            && !seen.insert(text)
        {
            let message = format!("`{}` stands twice in `{name}`", shortened(text));
            reader.fault(item.start, FaultCode::BadArgument, message);
        }
    }
}
