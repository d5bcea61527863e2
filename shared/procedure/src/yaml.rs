//! YAML 1.2 without what makes YAML surprising: text to [`Node`]. Knows no field names.

use std::collections::HashSet;

use serde_saphyr::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span};

use crate::fault::FaultCode;
use crate::source::Found;
use crate::tree::{Content, Entry, Node};

/// How deep lists and maps may nest.
pub(crate) const MAX_DEPTH: usize = 32;

/// Reads one YAML document that stands at byte `base` of the whole source. Faults are added to `found`; whatever can be
/// read is returned, so that the faults of its content can be listed too.
pub(crate) fn parse(text: &str, base: usize, found: &mut Vec<Found>) -> Option<Node> {
    let mut tabs = Vec::new();
    let mut at = base;
    for line in text.split_inclusive('\n') {
        // The parser takes some of these for spaces; people cannot see what it takes them for.
        if line.starts_with('\t') && !line.trim().is_empty() {
            tabs.push(Found::new(at, FaultCode::Syntax, "indented with a tab: use spaces"));
        }
        at += line.len();
    }
    if !tabs.is_empty() {
        found.append(&mut tabs);
        return None;
    }
    let mut options = serde_saphyr::granit_parser::options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    options.set_emit_comments(false);
    let mut builder = Builder { base, found, open: Vec::new(), root: None, documents: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        let outcome = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                builder.syntax(&error, text);
                Err(Stop)
            }
        };
        if outcome.is_err() {
            return None;
        }
    }
    builder.root
}

/// Nothing sensible can be read from here on.
struct Stop;

struct Builder<'f> {
    base: usize,
    found: &'f mut Vec<Found>,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

/// A collection that has begun and not ended.
enum Open {
    List { start: usize, items: Vec<Node> },
    Map { start: usize, entries: Vec<Entry>, seen: HashSet<String>, key: Option<Key> },
}

struct Key {
    text: String,
    at: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let (start, end) = (self.offset(span.start.byte_offset()), self.offset(span.end.byte_offset()));
        if let Event::Scalar(_, _, _, Some(_))
        | Event::SequenceStart(_, _, Some(_))
        | Event::MappingStart(_, _, Some(_)) = &event
        {
            self.fault(start, FaultCode::YamlFeature, "a tag");
        }
        if let Event::Scalar(_, _, 1.., _) | Event::SequenceStart(_, 1.., _) | Event::MappingStart(_, 1.., _) = &event {
            self.fault(start, FaultCode::YamlFeature, "an anchor");
        }
        match event {
            Event::DocumentStart(_, version) => {
                self.documents += 1;
                if version.is_some() {
                    self.fault(start, FaultCode::YamlFeature, "a %YAML directive");
                }
                if self.documents > 1 {
                    self.fault(start, FaultCode::YamlFeature, "a second document in the same file");
                    return Err(Stop);
                }
                Ok(())
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.fault(start, FaultCode::YamlFeature, "an alias");
                self.add(Node::new(Content::Faulty, start, end))
            }
            Event::Scalar(text, style, _, _) => {
                let content = if style == ScalarStyle::Plain {
                    plain(&text).unwrap_or_else(|message| {
                        self.fault(start, FaultCode::Ambiguous, message);
                        Content::Faulty
                    })
                } else {
                    Content::Text(text.clone().into_owned())
                };
                if self.expects_key() {
                    self.key(text.into_owned(), &content, style == ScalarStyle::Plain, start);
                    return Ok(());
                }
                self.add(Node::new(content, start, end))
            }
            Event::SequenceStart(..) => self.begin(Open::List { start, items: Vec::new() }, start),
            Event::MappingStart(..) => {
                self.begin(Open::Map { start, entries: Vec::new(), seen: HashSet::new(), key: None }, start)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.open.pop() {
                    Some(Open::List { start, items }) => Node::new(Content::List(items), start, end),
                    Some(Open::Map { start, entries, .. }) => Node::new(Content::Map(entries), start, end),
                    None => return Err(Stop),
                };
                self.add(node)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, at: usize) -> Result<(), Stop> {
        if self.open.len() >= MAX_DEPTH {
            self.fault(at, FaultCode::TooDeep, format!("nested more than {MAX_DEPTH} deep"));
            return Err(Stop);
        }
        self.open.push(open);
        Ok(())
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: None, .. }))
    }

    fn key(&mut self, text: String, content: &Content, is_plain: bool, at: usize) {
        if is_plain && text == "<<" {
            self.fault(at, FaultCode::YamlFeature, "a merge key");
        } else if !matches!(content, Content::Text(_) | Content::Faulty) {
            self.fault(at, FaultCode::Ambiguous, format!("the key `{text}` is not a text: quote it"));
        }
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = Some(Key { text, at });
        }
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, node: Node) -> Result<(), Stop> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, seen, key, .. }) => match key.take() {
                Some(key) if !seen.insert(key.text.clone()) => {
                    let message = format!("the key `{}` stands here twice", key.text);
                    self.fault(key.at, FaultCode::DuplicateKey, message);
                }
                Some(key) => entries.push(Entry { key: key.text, at: key.at, value: node }),
                // A list, a map or an alias where a key should be.
                None => {
                    *key = Some(Key { text: String::new(), at: node.start });
                    self.fault(node.start, FaultCode::WrongType, "a key must be a text");
                    return Err(Stop);
                }
            },
        }
        Ok(())
    }

    fn fault(&mut self, at: usize, code: FaultCode, message: impl Into<String>) {
        self.found.push(Found::new(at, code, message));
    }

    fn offset(&self, byte: Option<usize>) -> usize {
        self.base + byte.unwrap_or(0)
    }

    fn syntax(&mut self, error: &ScanError, text: &str) {
        let at = self.offset(error.marker().byte_offset().or(Some(text.len())));
        let (code, message) = match error.kind() {
            ErrorKind::RecursionLimitExceeded => (FaultCode::TooDeep, format!("nested more than {MAX_DEPTH} deep")),
            _ => (FaultCode::Syntax, error.info()),
        };
        self.fault(at, code, message);
    }
}

/// The value of an unquoted scalar (YAML 1.2 §10.3.2, less every spelling that another YAML version or tool reads
/// differently); the error says what to write instead.
fn plain(text: &str) -> Result<Content, String> {
    match text {
        "" | "~" | "null" => return Ok(Content::Null),
        "true" => return Ok(Content::Bool(true)),
        "false" => return Ok(Content::Bool(false)),
        _ => {}
    }
    match text.to_ascii_lowercase().as_str() {
        "yes" | "no" | "on" | "off" => return Err(format!("`{text}` is a word or a truth value: quote it")),
        "null" | "true" | "false" => return Err(format!("`{text}`: write it in lower case or quote it")),
        _ => {}
    }
    if !looks_numeric(text) {
        return Ok(Content::Text(text.to_owned()));
    }
    if is_decimal(text) {
        if let Ok(value) = text.parse::<i64>() {
            return Ok(Content::Int(value));
        }
        if text.contains(['.', 'e', 'E'])
            && let Some(value) = text.parse::<f64>().ok().filter(|value| value.is_finite())
        {
            return Ok(Content::Float(value));
        }
        return Err(format!("the number `{text}` is too large: quote it"));
    }
    Err(format!("`{text}` can be read as a number: quote it"))
}

/// JSON's grammar of numbers (RFC 8259 §6), the one spelling that all YAML versions agree on.
fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

/// Whether any YAML version may take the text for a number.
fn looks_numeric(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return true;
    }
    if let Some(rest) =
        lower.strip_prefix("0x").or_else(|| lower.strip_prefix("0o")).or_else(|| lower.strip_prefix("0b"))
    {
        return !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    let mut parts = lower.splitn(2, 'e');
    let mantissa = parts.next().unwrap_or_default();
    let exponent = parts.next().map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    mantissa.bytes().any(|byte| byte.is_ascii_digit())
        && mantissa.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.'))
        && mantissa.matches('.').count() <= 1
        && !mantissa.starts_with('_')
        && exponent.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a text can be written unquoted and is read back as this very text.
pub(crate) fn is_plain_text(text: &str) -> bool {
    matches!(plain(text), Ok(Content::Text(_)))
}

#[cfg(test)]
mod tests;
