//! The Markdown notation: an SOP with front matter, prose and fenced YAML becomes the same [`Node`] as the YAML notation.
//!
//! Prose carries title, purpose and descriptions; whatever the layout cannot carry stands in the front matter or in the
//! fence. Soft line breaks inside a paragraph are spaces, blank lines are paragraph breaks. `## Notes` is the last
//! section and its text is taken as it stands.

use crate::fault::FaultCode;
use crate::source::Found;
use crate::tree::{Content, Entry, Node};
use crate::yaml;

/// Spaces and tabs: the blanks that Markdown drops at the ends of lines.
const BLANKS: [char; 2] = [' ', '\t'];

/// One section of the file: its heading, the field it fills and the info word of its fences.
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) field: &'static str,
    pub(crate) fence: &'static str,
}

pub(crate) const SECTIONS: [Section; 4] = [
    Section { heading: "Steps", field: "steps", fence: "step" },
    Section { heading: "Finally", field: "finally", fence: "step" },
    Section { heading: "Populations", field: "populations", fence: "population" },
    Section { heading: "Checks", field: "checks", fence: "check" },
];

pub(crate) const NOTES: &str = "Notes";

/// Reads a Markdown procedure; faults are added to `found`.
pub(crate) fn parse(text: &str, found: &mut Vec<Found>) -> Option<Node> {
    let lines = split(text);
    let mut reader = Reader { text, lines, next: 0, found, entries: Vec::new() };
    reader.front_matter()?;
    reader.head();
    while let Some(line) = reader.take() {
        reader.section(line);
    }
    Some(Node::new(Content::Map(reader.entries), 0, text.len()))
}

#[derive(Debug, Clone, Copy)]
struct Line<'t> {
    start: usize,
    /// Without its line end.
    text: &'t str,
}

impl<'t> Line<'t> {
    fn is_blank(&self) -> bool {
        self.text.trim_matches(BLANKS).is_empty()
    }

    /// The text of a heading of this level: `## text`.
    fn heading(&self, level: usize) -> Option<&'t str> {
        let rest = self.text.trim_start_matches('#');
        (self.text.len() - rest.len() == level && (rest.is_empty() || rest.starts_with(BLANKS)))
            .then(|| rest.trim_matches(BLANKS))
    }

    fn is_any_heading(&self) -> bool {
        (1..=6).any(|level| self.heading(level).is_some())
    }

    /// Number of backticks and info text of a fence that begins here.
    fn fence(&self) -> Option<(usize, &'t str)> {
        let info = self.text.trim_start_matches('`');
        let ticks = self.text.len() - info.len();
        (ticks >= 3 && !info.contains('`')).then(|| (ticks, info.trim_matches(BLANKS)))
    }
}

fn split(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let content = line.strip_suffix('\n').unwrap_or(line);
        lines.push(Line { start, text: content.strip_suffix('\r').unwrap_or(content) });
        start += line.len();
    }
    lines
}

struct Reader<'t, 'f> {
    text: &'t str,
    lines: Vec<Line<'t>>,
    next: usize,
    found: &'f mut Vec<Found>,
    entries: Vec<Entry>,
}

impl<'t> Reader<'t, '_> {
    fn peek(&self) -> Option<Line<'t>> {
        self.lines.get(self.next).copied()
    }

    fn take(&mut self) -> Option<Line<'t>> {
        let line = self.peek()?;
        self.next += 1;
        Some(line)
    }

    fn fault(&mut self, at: usize, message: impl Into<String>) {
        self.found.push(Found::new(at, FaultCode::Layout, message));
    }

    /// Adds a field of the whole procedure.
    fn put(&mut self, key: &str, at: usize, value: Node) {
        put(&mut self.entries, self.found, key, at, value);
    }

    fn front_matter(&mut self) -> Option<()> {
        let Some(first) = self.take().filter(|line| line.text.trim_end_matches(BLANKS) == "---") else {
            self.fault(0, "the file does not begin with front matter between `---` lines");
            return None;
        };
        let from = self.peek().map_or(self.text.len(), |line| line.start);
        while let Some(line) = self.take() {
            if line.text.trim_end_matches(BLANKS) == "---" {
                let front = yaml::parse(self.text.get(from..line.start)?, from, self.found);
                match front.map(|node| node.content) {
                    Some(Content::Map(entries)) => self.entries = entries,
                    Some(Content::Faulty) | None if !self.found.is_empty() => {}
                    _ => self.fault(first.start, "the front matter is not a map of fields"),
                }
                return Some(());
            }
        }
        self.fault(first.start, "the front matter has no closing `---` line");
        None
    }

    /// `# title` and the purpose below it, up to the first section.
    fn head(&mut self) {
        if let Some(line) = self.skip_blank()
            && let Some(title) = line.heading(1)
        {
            self.next += 1;
            let at = line.start + 2;
            self.put("title", at, Node::new(Content::Text(title.to_owned()), at, line.start + line.text.len()));
        }
        if let Some((purpose, at, end)) = self.prose() {
            self.put("purpose", at, Node::new(Content::Text(purpose), at, end));
        }
    }

    fn skip_blank(&mut self) -> Option<Line<'t>> {
        while self.peek().is_some_and(|line| line.is_blank()) {
            self.next += 1;
        }
        self.peek()
    }

    /// The paragraphs up to the next heading or fence, with the bytes that they stand on.
    fn prose(&mut self) -> Option<(String, usize, usize)> {
        let first = self.skip_blank()?;
        let (mut text, mut end, mut gap) = (String::new(), first.start, false);
        while let Some(line) = self.peek() {
            if line.is_any_heading() || line.fence().is_some() {
                break;
            }
            self.next += 1;
            if line.is_blank() {
                gap = !text.is_empty();
                continue;
            }
            if !text.is_empty() {
                text.push_str(if gap { "\n\n" } else { " " });
            }
            text.push_str(line.text.trim_matches(BLANKS));
            (gap, end) = (false, line.start + line.text.len());
        }
        (!text.is_empty()).then_some((text, first.start, end))
    }

    fn section(&mut self, line: Line<'t>) {
        let Some(name) = line.heading(2) else {
            if !line.is_blank() {
                self.fault(
                    line.start,
                    "expected a section: `## Steps`, `## Finally`, `## Populations`, `## Checks` or `## Notes`",
                );
            }
            return;
        };
        if name == NOTES {
            return self.notes(line);
        }
        let Some(section) = SECTIONS.iter().find(|section| section.heading == name) else {
            let known = SECTIONS.iter().map(|section| section.heading).chain([NOTES]);
            let found = Found::new(line.start + 3, FaultCode::Layout, format!("unknown section `{name}`"));
            self.found.push(found.suggest(crate::fault::did_you_mean(name, known)));
            return self.skip_section();
        };
        let mut items = Vec::new();
        while let Some(line) = self.skip_blank() {
            if line.heading(2).is_some() {
                break;
            }
            self.next += 1;
            if let Some(heading) = line.heading(3) {
                items.push(self.entry(section, line, heading));
            } else {
                let expected = format!("expected `### title {{#id}}` and a fenced `yaml {}` block", section.fence);
                self.fault(line.start, expected);
                self.skip_to_heading();
            }
        }
        let content = if section.field == "populations" { self.named(items) } else { Content::List(items) };
        let end = self.peek().map_or(self.text.len(), |line| line.start);
        self.put(section.field, line.start + 3, Node::new(content, line.start, end));
    }

    /// One step, population or check: heading, prose, fence.
    fn entry(&mut self, section: &Section, line: Line<'t>, heading: &str) -> Node {
        let mut entries = Vec::new();
        let at = line.start + line.text.find(|c: char| c != '#' && !BLANKS.contains(&c)).unwrap_or(0);
        let end = line.start + line.text.len();
        let (title, id) = match heading.strip_suffix('}').and_then(|rest| rest.rsplit_once("{#")) {
            Some((title, id)) => (title.trim_matches(BLANKS), Some(id)),
            None => (heading, None),
        };
        if let Some(id) = id {
            let start = line.start + line.text.rfind("{#").unwrap_or(0) + 2;
            entries.push(Entry { key: "id".into(), at: start, value: text_node(id, start, start + id.len()) });
        }
        if !title.is_empty() {
            entries.push(Entry { key: "title".into(), at, value: text_node(title, at, at + title.len()) });
        }
        if let Some((description, at, end)) = self.prose() {
            entries.push(Entry { key: "description".into(), at, value: text_node(&description, at, end) });
        }
        self.fence(section, line, &mut entries);
        if id.is_none() && !entries.iter().any(|entry| entry.key == "id") {
            self.fault(at, "the heading does not end with an id: `{#id}`");
        }
        Node::new(Content::Map(entries), at, end)
    }

    fn fence(&mut self, section: &Section, heading: Line<'t>, entries: &mut Vec<Entry>) {
        let expected = format!("yaml {}", section.fence);
        let Some((line, (ticks, info))) = self.skip_blank().and_then(|line| Some((line, line.fence()?))) else {
            return self.fault(heading.start, format!("no fenced `{expected}` block follows this heading"));
        };
        if info != expected {
            self.fault(line.start, format!("this block is marked `{info}`, expected `{expected}`"));
        }
        self.next += 1;
        let from = self.peek().map_or(self.text.len(), |line| line.start);
        while let Some(end) = self.take() {
            if end.fence().is_some_and(|(closing, info)| closing >= ticks && info.is_empty()) {
                match yaml::parse(self.text.get(from..end.start).unwrap_or_default(), from, self.found) {
                    Some(Node { content: Content::Map(fields), .. }) => {
                        // The fields of a block differ from each other already.
                        let by_layout = entries.len();
                        for field in fields {
                            if entries.iter().take(by_layout).any(|entry| entry.key == field.key) {
                                self.found.push(twice(&field.key, field.at));
                            } else {
                                entries.push(field);
                            }
                        }
                    }
                    Some(node) if !matches!(node.content, Content::Null | Content::Faulty) => {
                        self.fault(node.start, "the block is not a map of fields");
                    }
                    _ => {}
                }
                return;
            }
        }
        self.fault(line.start, "this block has no closing fence");
    }

    /// Populations are named by their id.
    fn named(&mut self, items: Vec<Node>) -> Content {
        let mut named = Vec::new();
        for mut item in items {
            let Content::Map(fields) = &mut item.content else { continue };
            let Some(position) = fields.iter().position(|field| field.key == "id") else { continue };
            let id = fields.remove(position);
            if let Content::Text(name) = id.value.content {
                put(&mut named, self.found, &name, id.at, item);
            }
        }
        Content::Map(named)
    }

    fn notes(&mut self, heading: Line<'t>) {
        let from = self.next;
        self.next = self.lines.len();
        let rest = self.lines.get(from..).unwrap_or_default();
        let text = notes_text(rest.iter().map(|line| line.text));
        let start = rest.iter().find(|line| !line.is_blank()).map_or(heading.start, |line| line.start);
        self.put("notes", heading.start + 3, Node::new(Content::Text(text), start, self.text.len()));
    }

    fn skip_section(&mut self) {
        while self.peek().is_some_and(|line| line.heading(2).is_none()) {
            self.next += 1;
        }
    }

    fn skip_to_heading(&mut self) {
        while self.peek().is_some_and(|line| !line.is_any_heading()) {
            self.next += 1;
        }
    }
}

fn text_node(text: &str, start: usize, end: usize) -> Node {
    Node::new(Content::Text(text.to_owned()), start, end)
}

fn put(entries: &mut Vec<Entry>, found: &mut Vec<Found>, key: &str, at: usize, value: Node) {
    if entries.iter().any(|entry| entry.key == key) {
        found.push(twice(key, at));
    } else {
        entries.push(Entry { key: key.to_owned(), at, value });
    }
}

fn twice(key: &str, at: usize) -> Found {
    let message = format!("`{key}` is given twice: by the layout and by a field, or by two headings");
    Found::new(at, FaultCode::DuplicateKey, message)
}

/// The notes without the blank lines around them.
fn notes_text<'t>(lines: impl Iterator<Item = &'t str>) -> String {
    let lines: Vec<&str> = lines.collect();
    let blank = |line: &&str| line.trim_matches(BLANKS).is_empty();
    let from = lines.iter().position(|line| !blank(line)).unwrap_or(lines.len());
    let to = lines.iter().rposition(|line| !blank(line)).map_or(from, |last| last + 1);
    lines.get(from..to).unwrap_or_default().join("\n")
}

/// Whether a heading can carry this title and give it back unchanged.
pub(crate) fn carries_title(title: &str) -> bool {
    !title.is_empty() && !title.contains('\n') && title.trim_matches(BLANKS) == title
}

/// Whether prose can carry this text and give it back unchanged.
pub(crate) fn carries_prose(text: &str) -> bool {
    text.split("\n\n").all(|paragraph| {
        !paragraph.is_empty()
            && !paragraph.contains('\n')
            && paragraph.trim_matches(BLANKS) == paragraph
            && !paragraph.starts_with(['#', '`'])
    })
}

/// Whether the notes section can carry this text and give it back unchanged.
pub(crate) fn carries_notes(text: &str) -> bool {
    notes_text(split(text).iter().map(|line| line.text)) == text && !text.contains('\r')
}

#[cfg(test)]
mod tests;
