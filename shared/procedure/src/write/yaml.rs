//! YAML in block style.

use std::fmt::Write;

use crate::source::is_unreadable;
use crate::tree::{Content, Entry, Node};
use crate::yaml::is_plain_text;

/// The whole model.
pub(super) fn document(node: &Node) -> String {
    fields(node.entries())
}

/// Fields of a map, one after the other, at the begin of lines.
pub(super) fn fields<'n>(entries: impl IntoIterator<Item = &'n Entry>) -> String {
    let mut text = String::new();
    for entry in entries {
        text.push_str(&scalar_text(&entry.key, 0, true));
        text.push(':');
        value(&mut text, &entry.value, 2);
        text.push('\n');
    }
    text
}

/// Writes what follows a colon or a dash: a space and a scalar, or a collection on the lines below.
fn value(text: &mut String, node: &Node, indent: usize) {
    match &node.content {
        Content::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                new_line(text, indent);
                text.push_str(&scalar_text(&entry.key, indent, true));
                text.push(':');
                value(text, &entry.value, indent + 2);
            }
        }
        Content::List(items) if !items.is_empty() => {
            for item in items {
                new_line(text, indent);
                text.push('-');
                item_value(text, item, indent + 2);
            }
        }
        _ => {
            text.push(' ');
            text.push_str(&scalar(node, indent));
        }
    }
}

/// An item begins on the line of its dash.
fn item_value(text: &mut String, node: &Node, indent: usize) {
    let is_collection = match &node.content {
        Content::Map(entries) => !entries.is_empty(),
        Content::List(items) => !items.is_empty(),
        _ => false,
    };
    let mut rest = String::new();
    value(&mut rest, node, indent);
    if is_collection {
        // The line break and indentation of the first field give way to one space after the dash.
        text.push(' ');
        text.push_str(rest.trim_start());
    } else {
        text.push_str(&rest);
    }
}

fn new_line(text: &mut String, indent: usize) {
    text.push('\n');
    text.push_str(&" ".repeat(indent));
}

fn scalar(node: &Node, indent: usize) -> String {
    match &node.content {
        Content::Faulty | Content::Null => "null".to_owned(),
        Content::Bool(value) => value.to_string(),
        Content::Int(value) => value.to_string(),
        Content::Float(value) => float(*value),
        Content::Text(value) => scalar_text(value, indent, false),
        Content::List(_) => "[]".to_owned(),
        Content::Map(_) => "{}".to_owned(),
    }
}

/// With a point or an exponent, so that it is read as a decimal number again.
fn float(value: f64) -> String {
    let text = format!("{value}");
    if text.contains('.') || text.len() > 17 {
        if text.contains('.') { text } else { format!("{value:e}") }
    } else {
        format!("{text}.0")
    }
}

fn scalar_text(value: &str, indent: usize, is_key: bool) -> String {
    if is_plain(value) {
        return value.to_owned();
    }
    if !is_key && is_literal(value) {
        return literal(value, indent);
    }
    if !value.contains(['\'', '\n', '\t']) && !value.chars().any(needs_escape) {
        return format!("'{value}'");
    }
    quoted(value)
}

/// Whether a text can stand without quotes, in block style, on one line.
fn is_plain(value: &str) -> bool {
    let first_is_safe =
        value.starts_with(|first: char| first.is_alphanumeric() || matches!(first, '/' | '=' | '(' | '_'));
    first_is_safe
        && value != "="
        && !value.starts_with("---")
        && !value.starts_with("...")
        && value.trim() == value
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.ends_with(':')
        && !value.contains(['\n', '\t'])
        && !value.chars().any(needs_escape)
        && is_plain_text(value)
}

/// Whether a text of several lines can stand as a literal block and be read back unchanged.
fn is_literal(value: &str) -> bool {
    value.contains('\n')
        && !value.starts_with([' ', '\n', '\t'])
        && !value.ends_with("\n\n")
        && value.trim() != ""
        && !value.contains("```")
        && !value.contains('\t')
        && value.lines().all(|line| line.trim_end_matches(' ') == line)
        && !value.chars().any(|character| character != '\n' && needs_escape(character))
}

fn literal(value: &str, indent: usize) -> String {
    let (sign, body) = match value.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", value),
    };
    let mut text = sign.to_owned();
    // A block inside the top level still needs an indentation of its own.
    let indent = indent.max(2);
    for line in body.split('\n') {
        text.push('\n');
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
            text.push_str(line);
        }
    }
    text
}

fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            _ if needs_escape(character) => {
                let number = u32::from(character);
                // Writing to a text cannot fail.
                let _ = if number > 0xFFFF { write!(text, "\\U{number:08x}") } else { write!(text, "\\u{number:04x}") };
            }
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}

/// Characters that a procedure cannot hold as they are, and those that YAML does not print.
fn needs_escape(character: char) -> bool {
    (is_unreadable(character) || matches!(character, '\u{FFFE}' | '\u{FFFF}')) && character != '\n'
}
