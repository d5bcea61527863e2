//! From the parsed file to a checked procedure. Every field is looked at, whatever is wrong with the others, so that an
//! author sees all faults at once. The order is: fields and their types, then what they refer to.

mod arguments;
mod derived;
mod inputs;
mod references;
mod steps;
mod top;

use std::time::Duration;

use crate::expression::{Concern, Expression};
use crate::fault::{FaultCode, Faults, did_you_mean};
use crate::model::Procedure;
use crate::source::{self, Found, Notation};
use crate::tree::{Content, Entry, Node};
use crate::{markdown, yaml};

pub(crate) use inputs::{fits, words_of_shape};

/// Longest title or other one-line text, in characters.
const MAX_LINE: usize = 300;
/// Longest prose, in characters.
const MAX_PROSE: usize = 20_000;

/// Reads and checks a procedure.
///
/// # Errors
///
/// Everything that is wrong with it, each with its place. A syntax error hides what stands behind it.
pub fn read(source: &[u8], notation: Notation) -> Result<Procedure, Faults> {
    let text = source::decode(source)?;
    let mut reader = Reader { text, found: Vec::new() };
    let document = match notation {
        Notation::Yaml => yaml::parse(text, 0, &mut reader.found),
        Notation::Markdown => markdown::parse(text, &mut reader.found),
    };
    let Some(document) = document else {
        if reader.found.is_empty() {
            reader.fault(0, FaultCode::Syntax, "the file is empty");
        }
        return Err(source::located(text, reader.found));
    };
    let procedure = top::procedure(&mut reader, document, source, notation);
    match procedure {
        Some(procedure) if reader.found.is_empty() => Ok(procedure),
        _ => {
            if reader.found.is_empty() {
                reader.fault(0, FaultCode::Syntax, "the file cannot be read");
            }
            Err(source::located(text, reader.found))
        }
    }
}

/// Collects faults while the fields are read.
pub(crate) struct Reader<'t> {
    text: &'t str,
    found: Vec<Found>,
}

/// The fields of one map of the file.
pub(crate) struct Fields<'n> {
    node: &'n Node,
    /// What the map is, for faults: "step `users`".
    what: String,
}

impl<'n> Fields<'n> {
    pub(crate) fn entry(&self, name: &str) -> Option<&'n Entry> {
        self.node.entry(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|entry| &entry.value)
    }
}

impl Reader<'_> {
    pub(crate) fn fault(&mut self, at: usize, code: FaultCode, message: impl Into<String>) {
        self.found.push(Found::new(at, code, message));
    }

    fn suggest(&mut self, at: usize, code: FaultCode, message: impl Into<String>, suggestion: Option<String>) {
        self.found.push(Found::new(at, code, message).suggest(suggestion));
    }

    /// The fields of a map, with a fault for each that is not known.
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&'static str]) -> Option<Fields<'n>> {
        match &node.content {
            Content::Map(entries) => {
                for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
                    let message = format!("{what} has no field `{}`", entry.key);
                    // Beyond what is listed nobody reads a correction, and looking for one is the costly part.
                    let listed = self.found.len() < source::MAX_FAULTS;
                    let suggestion = listed.then(|| did_you_mean(&entry.key, known.iter().copied())).flatten();
                    self.suggest(entry.at, FaultCode::UnknownField, message, suggestion);
                }
                Some(Fields { node, what: what.to_owned() })
            }
            _ => {
                self.expected(node, &format!("{what} is a map of fields"));
                None
            }
        }
    }

    /// A field that must be there.
    pub(crate) fn required<'n>(&mut self, fields: &Fields<'n>, name: &str) -> Option<&'n Node> {
        let node = fields.get(name);
        if node.is_none() {
            let message = format!("{} has no `{name}`", fields.what);
            self.fault(fields.node.start, FaultCode::MissingField, message);
        }
        node
    }

    /// Says that a value is of another kind; nothing if its fault is known already.
    pub(crate) fn expected(&mut self, node: &Node, expected: &str) {
        let hint = match &node.content {
            Content::Faulty => return,
            Content::Int(_) | Content::Float(_) | Content::Bool(_) if expected.contains("text") => "; quote it",
            _ => "",
        };
        let message = format!("{expected}, here is {}{hint}", node.kind());
        self.fault(node.start, FaultCode::WrongType, message);
    }

    /// A text that says something, on one line.
    pub(crate) fn line(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        if text.contains('\n') {
            self.fault(node.start, FaultCode::BadValue, format!("`{what}` is one line"));
            return None;
        }
        self.no_longer_than(node, what, text, MAX_LINE)
    }

    /// A text that says something.
    pub(crate) fn prose(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        self.no_longer_than(node, what, text, MAX_PROSE)
    }

    fn no_longer_than(&mut self, node: &Node, what: &str, text: &str, most: usize) -> Option<String> {
        let characters = text.chars().count();
        if characters > most {
            let message = format!("`{what}` has {characters} characters, more than {most}");
            self.fault(node.start, FaultCode::BadValue, message);
            return None;
        }
        Some(text.to_owned())
    }

    /// A readable text that is not blank.
    fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let Content::Text(text) = &node.content else {
            self.expected(node, &format!("`{what}` is a text"));
            return None;
        };
        if text.trim().is_empty() {
            self.fault(node.start, FaultCode::BadValue, format!("`{what}` is empty"));
            return None;
        }
        if let Some(bad) = text.chars().find(|character| source::is_unreadable(*character)) {
            let message = format!("`{what}` has an invisible or control character (U+{:04X})", u32::from(bad));
            self.fault(node.start, FaultCode::BadValue, message);
            return None;
        }
        Some(text)
    }

    /// An id as a value.
    pub(crate) fn id(&mut self, node: &Node, what: &str, hyphens: bool) -> Option<String> {
        let Content::Text(text) = &node.content else {
            self.expected(node, &format!("`{what}` is a text"));
            return None;
        };
        self.id_text(text, node.start, what, hyphens).then(|| text.clone())
    }

    /// Whether a text is an id; those that expressions name have no hyphens and are no words of CEL.
    pub(crate) fn id_text(&mut self, text: &str, at: usize, what: &str, hyphens: bool) -> bool {
        let fine = |text: &str, hyphens: bool| {
            text.len() <= 63
                && text.starts_with(|first: char| first.is_ascii_lowercase())
                && text
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_') || (hyphens && byte == b'-'))
        };
        let reserved = !hyphens && RESERVED.contains(&text);
        if fine(text, hyphens) && !reserved {
            return true;
        }
        let message = if reserved {
            format!("`{text}` is a word of CEL and cannot be the name of a {what}")
        } else {
            format!("`{}` is not a name for a {what}", shortened(text))
        };
        let corrected = text.to_lowercase().replace([' ', '-', '.'], if hyphens { "-" } else { "_" });
        let suggestion = (fine(&corrected, hyphens) && !RESERVED.contains(&corrected.as_str()))
            .then(|| format!("write `{corrected}`"));
        self.suggest(at, FaultCode::BadId, message, suggestion);
        false
    }

    pub(crate) fn whole(&mut self, node: &Node, what: &str, min: i64, max: i64) -> Option<i64> {
        match node.content {
            Content::Int(value) if (min..=max).contains(&value) => Some(value),
            Content::Int(value) => {
                let message = format!("`{what}` is {value}, expected {min} to {max}");
                self.fault(node.start, FaultCode::BadValue, message);
                None
            }
            _ => {
                self.expected(node, &format!("`{what}` is a whole number"));
                None
            }
        }
    }

    /// One of the words of a table.
    pub(crate) fn word<T: Copy>(&mut self, node: &Node, what: &str, table: &[(&'static str, T)]) -> Option<T> {
        let Content::Text(text) = &node.content else {
            self.expected(node, &format!("`{what}` is a text"));
            return None;
        };
        if let Some((_, value)) = table.iter().find(|(word, _)| word == text) {
            return Some(*value);
        }
        let words: Vec<_> = table.iter().map(|(word, _)| *word).collect();
        let message = format!("`{what}` is one of {}, not `{}`", words.join(", "), shortened(text));
        self.suggest(node.start, FaultCode::BadValue, message, did_you_mean(text, words));
        None
    }

    /// A duration such as `14d`, from one second to `most`.
    pub(crate) fn duration(&mut self, node: &Node, what: &str, most: Duration) -> Option<Duration> {
        let Content::Text(text) = &node.content else {
            self.expected(node, &format!("`{what}` is a text such as 20s, 5m, 2h or 14d"));
            return None;
        };
        let Some(duration) = parse_duration(text) else {
            let message = format!("`{what}`: `{}` is not a duration such as 20s, 5m, 2h or 14d", shortened(text));
            self.fault(node.start, FaultCode::BadDuration, message);
            return None;
        };
        if duration > most {
            let message = format!("`{what}` is longer than {} days", most.as_secs() / 86_400);
            self.fault(node.start, FaultCode::BadDuration, message);
            return None;
        }
        Some(duration)
    }

    pub(crate) fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.content {
            Content::List(items) => Some(items),
            _ => {
                self.expected(node, &format!("`{what}` is a list"));
                None
            }
        }
    }

    pub(crate) fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Entry]> {
        match &node.content {
            Content::Map(entries) => Some(entries),
            _ => {
                self.expected(node, &format!("`{what}` is a map of names"));
                None
            }
        }
    }

    /// A list of one-line texts without duplicates.
    pub(crate) fn lines(&mut self, node: &Node, what: &str) -> Option<Vec<String>> {
        let mut lines: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for item in self.list(node, what)? {
            let Some(line) = self.line(item, what) else { continue };
            if seen.insert(line.clone()) {
                lines.push(line);
            } else {
                self.fault(item.start, FaultCode::BadValue, format!("`{line}` stands twice in `{what}`"));
            }
        }
        Some(lines)
    }

    pub(crate) fn expression(&mut self, node: &Node, what: &str) -> Option<Expression> {
        let Content::Text(text) = &node.content else {
            // `assert: true` is a text in all but quotes.
            let hint = format!("`{what}` is a text with an expression");
            self.expected(node, &hint);
            return None;
        };
        self.parsed_expression(text, (node.start, node.end))
    }

    fn parsed_expression(&mut self, text: &str, place: (usize, usize)) -> Option<Expression> {
        match Expression::parse(text, place) {
            Ok(expression) => Some(expression),
            Err(concerns) => {
                concerns.into_iter().for_each(|concern| self.concern(text, place, concern));
                None
            }
        }
    }

    /// A concern about an expression, at the most exact place that is known.
    fn concern(&mut self, expression: &str, (start, end): (usize, usize), concern: Concern) {
        let raw = self.text.get(start..end).unwrap_or_default();
        let offset = match (&concern.needle, concern.offset) {
            (Some(needle), _) => raw.find(needle.as_str()).unwrap_or(0),
            (None, Some(offset)) => raw.find(expression).map_or(0, |from| from + offset),
            (None, None) => 0,
        };
        self.suggest(start + offset, concern.code, concern.message, concern.suggestion);
    }

    pub(crate) fn too_many(&mut self, node: &Node, what: &str, count: usize, most: usize) {
        if count > most {
            self.fault(node.start, FaultCode::TooMany, format!("{count} {what}, at most {most} are allowed"));
        }
    }
}

/// Words of CEL that cannot follow a dot or stand alone.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// `20s`, `5m`, `2h`, `14d`: a whole number above zero and a unit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let number = text.get(..text.len() - unit.len_utf8())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    if number.is_empty() || number.starts_with('0') || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// A text for a message, cut if it is long.
pub(crate) fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.replace('\n', " ");
    }
    let head: String = text.chars().take(57).collect();
    format!("{}…", head.replace('\n', " "))
}
