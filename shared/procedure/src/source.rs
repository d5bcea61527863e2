//! The bytes of a procedure file as text, and where in it something stands.

use crate::fault::{Fault, FaultCode, Faults};

/// The most bytes that a procedure file may have.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// How many faults are listed before the rest is only said to exist.
pub(crate) const MAX_FAULTS: usize = 500;

/// The two equal notations of a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notation {
    /// `NAME.yaml`: the model as YAML 1.2.
    Yaml,
    /// `NAME.md`: a standard operating procedure in Markdown.
    Markdown,
}

impl Notation {
    /// The notation that a file's name stands for: `.md` and `.markdown`, or `.yaml` and `.yml`, in any case.
    pub fn from_path(path: &std::path::Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "md" | "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }

    /// The usual file name extension, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Markdown => "md",
        }
    }
}

/// A fault at a byte of the source; becomes a [`Fault`] with line and column at the end.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) at: usize,
    pub(crate) code: FaultCode,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
}

impl Found {
    pub(crate) fn new(at: usize, code: FaultCode, message: impl Into<String>) -> Self {
        Self { at, code, message: message.into(), suggestion: None }
    }

    pub(crate) fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }
}

/// The source as text, or everything in it that is not text. A byte order mark at the start is skipped; lines end with
/// LF or CRLF.
pub(crate) fn decode(source: &[u8]) -> Result<&str, Faults> {
    if source.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than {MAX_BYTES}", source.len());
        return Err(Faults(vec![Fault { line: 1, column: 1, code: FaultCode::TooLarge, message, suggestion: None }]));
    }
    let source = source.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(source);
    let text = std::str::from_utf8(source).map_err(|error| {
        let good = String::from_utf8_lossy(source.get(..error.valid_up_to()).unwrap_or_default());
        let found = Found::new(good.len(), FaultCode::NotText, "this byte is not UTF-8");
        located(&good, vec![found])
    })?;
    let mut found = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let what = match character {
            '\n' | '\t' => continue,
            '\r' if matches!(characters.peek(), Some((_, '\n'))) => continue,
            '\r' => "a carriage return without a line feed",
            '\0' => "a NUL character",
            _ if is_unreadable(character) => "an invisible or control character",
            _ => continue,
        };
        found.push(Found::new(at, FaultCode::NotText, format!("{what} (U+{:04X})", u32::from(character))));
    }
    if found.is_empty() { Ok(text) } else { Err(located(text, found)) }
}

/// Characters that whoever reviews a procedure cannot see, or that change the order in which they read it: C0 and C1
/// controls, line separators, byte order marks and bidirectional overrides (Unicode TR 36, "Trojan Source").
pub(crate) fn is_unreadable(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The faults with line and column, ordered by place, each once.
pub(crate) fn located(text: &str, mut found: Vec<Found>) -> Faults {
    found.sort_by_key(|fault| fault.at);
    let more = found.len().saturating_sub(MAX_FAULTS);
    found.truncate(MAX_FAULTS);
    let (mut line, mut column, mut reached) = (1, 1, 0);
    let mut faults: Vec<Fault> = Vec::with_capacity(found.len());
    for fault in found {
        for character in text.get(reached..fault.at.min(text.len())).unwrap_or_default().chars() {
            if character == '\n' {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
        }
        reached = reached.max(fault.at);
        let fault = Fault { line, column, code: fault.code, message: fault.message, suggestion: fault.suggestion };
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    if more > 0 {
        let message = format!("{more} more faults are not listed");
        faults.push(Fault { line, column, code: FaultCode::More, message, suggestion: None });
    }
    Faults(faults)
}

/// Line and column, both from 1, of a byte.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or_default();
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(source: &[u8]) -> (usize, usize, FaultCode) {
        let faults = decode(source).unwrap_err();
        let fault = &faults.0[0];
        (fault.line, fault.column, fault.code)
    }

    #[test]
    fn unreadable_bytes_are_shown_where_they_stand() {
        assert_eq!(first(b"a: b\nc: \xff\n"), (2, 4, FaultCode::NotText));
        assert_eq!(first("ä: \0".as_bytes()), (1, 4, FaultCode::NotText));
        assert_eq!(first("a: \u{202e}b".as_bytes()), (1, 4, FaultCode::NotText));
        assert_eq!(first(b"a: b\rc: d"), (1, 5, FaultCode::NotText));
        assert_eq!(first(&vec![b'a'; MAX_BYTES + 1]), (1, 1, FaultCode::TooLarge));
    }

    #[test]
    fn marks_and_line_ends_of_other_systems_are_fine() {
        assert_eq!(decode(b"\xEF\xBB\xBFa: b\r\n").unwrap(), "a: b\r\n");
    }

    #[test]
    fn notations_are_told_by_extension() {
        assert_eq!(Notation::from_path("x/a.MD".as_ref()), Some(Notation::Markdown));
        assert_eq!(Notation::from_path("a.yml".as_ref()), Some(Notation::Yaml));
        assert_eq!(Notation::from_path("a.json".as_ref()), None);
    }
}
