//! Which controls of a framework a tenant answers for, as its people list them.
//!
//! The list is theirs: no framework's text is known here. It is written as lines `id,title`, the way a spreadsheet gives
//! them away.

use std::collections::BTreeSet;

use clock::Timestamp;
use crypto::Digest;
use ids::PersonId;
use proof::text::{FreeText, Name, is_deceptive};

/// Controls of one framework, at most.
pub const MAX_CONTROLS: usize = 2_000;

/// Bytes of the text that lists them, at most.
pub const MAX_TEXT: usize = 128 * 1024;

/// Frameworks with a scope, at most.
pub const MAX_FRAMEWORKS: usize = 50;

/// Characters of a control's id, at most.
const MAX_ID: usize = 64;

/// Characters of a title, at most.
const MAX_TITLE: usize = 200;

/// A framework that a tenant answers for, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeLine {
    /// The framework, as procedures name it.
    pub framework: Name,
    /// How many of its controls are in scope.
    pub controls: u64,
    /// SHA-256 of the list as [`to_text`] writes it.
    pub sha256: Digest,
    /// When it was set.
    pub set: Timestamp,
    /// By whom.
    pub by: PersonId,
}

/// A control that a tenant answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedControl {
    /// Its id, such as `AC-2(3)`.
    pub control: String,
    /// What people call it.
    pub title: Option<FreeText>,
}

/// Why a text lists no controls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It is too long.
    #[error("it is longer than {MAX_TEXT} bytes")]
    TooLong,
    /// It lists too many.
    #[error("it lists more than {MAX_CONTROLS} controls")]
    TooMany,
    /// It lists none.
    #[error("it lists no control; write a line for each: its id, a comma, its title")]
    Empty,
    /// A line is none of a list.
    #[error("line {line}: {why}")]
    Line {
        /// Counted from one.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The name of a framework, as procedures write it.
pub fn framework(text: &str) -> Result<Name, &'static str> {
    let expected =
        "a framework as procedures name it, such as `iso-27001-2022`: 1 to 63 of a-z 0-9 . _ -, a letter first";
    let is_slug = text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
    if is_slug { text.parse().map_err(|_| expected) } else { Err(expected) }
}

/// Reads a list: a control a line, its id and, after a comma, its title; either may stand in double quotes, in which a
/// quote is written twice. Empty lines, lines that begin with `#` and a head `id,title` say nothing.
pub fn parse(text: &str) -> Result<Vec<ScopedControl>, ScopeError> {
    if text.len() > MAX_TEXT {
        return Err(ScopeError::TooLong);
    }
    let (mut controls, mut known) = (Vec::new(), BTreeSet::new());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (written, line) in text.lines().zip(1..) {
        let written = written.trim();
        let is_head = controls.is_empty() && written.replace(' ', "").eq_ignore_ascii_case("id,title");
        if written.is_empty() || written.starts_with('#') || is_head {
            continue;
        }
        let control = one(written).map_err(|why| ScopeError::Line { line, why })?;
        if !known.insert(control.control.clone()) {
            return Err(ScopeError::Line { line, why: "this control is listed before" });
        }
        controls.push(control);
        if controls.len() > MAX_CONTROLS {
            return Err(ScopeError::TooMany);
        }
    }
    if controls.is_empty() { Err(ScopeError::Empty) } else { Ok(controls) }
}

/// The list as a text that [`parse`] reads.
pub fn to_text(controls: &[ScopedControl]) -> String {
    let mut text = String::new();
    for ScopedControl { control, title } in controls {
        text.push_str(&cell(control));
        if let Some(title) = title {
            text.push(',');
            text.push_str(&cell(title.as_str()));
        }
        text.push('\n');
    }
    text
}

fn cell(text: &str) -> String {
    let is_plain = !text.contains(['"', ',']) && !text.starts_with('#') && text.trim() == text;
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn one(line: &str) -> Result<ScopedControl, &'static str> {
    let (id, rest) = first_cell(line)?;
    let title = match rest {
        None => None,
        Some(rest) => {
            let (title, rest) =
                if rest.trim_start().starts_with('"') { first_cell(rest)? } else { (rest.into(), None) };
            if rest.is_some() {
                return Err("there is more behind the title");
            }
            Some(title.trim().to_owned()).filter(|title| !title.is_empty())
        }
    };
    let id = id.trim();
    if id.is_empty() || id.chars().count() > MAX_ID {
        return Err("the id of a control has 1 to 64 characters");
    }
    if id.chars().any(is_deceptive) {
        return Err("the id has characters that cannot be seen");
    }
    if title.as_ref().is_some_and(|title| title.chars().count() > MAX_TITLE) {
        return Err("a title has at most 200 characters");
    }
    let title = title.map(|title| title.parse()).transpose();
    Ok(ScopedControl {
        control: id.to_owned(),
        title: title.map_err(|_| "the title has characters that cannot be seen")?,
    })
}

/// The first cell of a line, and what stands behind the comma after it.
fn first_cell(line: &str) -> Result<(String, Option<&str>), &'static str> {
    let line = line.trim_start();
    let Some(quoted) = line.strip_prefix('"') else {
        return Ok(match line.split_once(',') {
            Some((cell, rest)) => (cell.to_owned(), Some(rest)),
            None => (line.to_owned(), None),
        });
    };
    let (mut cell, mut rest) = (String::new(), quoted);
    loop {
        let (before, after) = rest.split_once('"').ok_or("a quote is not closed")?;
        cell.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => {
                let after = after.trim_start();
                return match after.strip_prefix(',') {
                    Some(after) => Ok((cell, Some(after))),
                    None if after.is_empty() => Ok((cell, None)),
                    None => Err("there is something between a quote and the comma"),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Vec<(String, Option<String>)> {
        let controls = parse(text).unwrap();
        controls.into_iter().map(|one| (one.control, one.title.map(|title| title.to_string()))).collect()
    }

    #[test]
    fn a_list_of_controls_is_read_as_a_spreadsheet_writes_it() {
        let text = "\u{feff}ID, Title\r\n# ours\r\n\r\nA.5.15,Access control\r\nA.5.16\r\n\"AC-2(3)\",\"Disable, \"\"idle\"\" accounts\"\r\nCC6.1, Logical access, and more\n";
        let expected = [
            ("A.5.15", Some("Access control")),
            ("A.5.16", None),
            ("AC-2(3)", Some("Disable, \"idle\" accounts")),
            ("CC6.1", Some("Logical access, and more")),
        ];
        let expected = expected.map(|(id, title)| (id.to_owned(), title.map(str::to_owned)));
        assert_eq!(listed(text), expected);
        let controls = parse(text).unwrap();
        assert_eq!(parse(&to_text(&controls)), Ok(controls));
        for odd in ["\"#1\",x", "\" a\",\" \"", "\"a,b\""] {
            let controls = parse(odd).unwrap();
            assert_eq!(parse(&to_text(&controls)), Ok(controls), "{odd}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused_where_it_goes_wrong() {
        let line = |line| move |error: ScopeError| matches!(error, ScopeError::Line { line: at, .. } if at == line);
        assert!(parse("A.1\n\nA.1,again").is_err_and(line(3)));
        assert!(parse("A.1\n\"A.2").is_err_and(line(2)));
        assert!(parse("A.1\n\"A.2\"x,y").is_err_and(line(2)));
        assert!(parse("A.1,\"x\",y").is_err_and(line(1)));
        assert!(parse(",title").is_err_and(line(1)));
        assert!(parse("A\u{202e}1").is_err_and(line(1)));
        assert!(parse("A.1,a\u{200b}b").is_err_and(line(1)));
        assert!(parse(&"a".repeat(65)).is_err_and(line(1)));
        assert!(parse(&format!("a,{}", "t".repeat(201))).is_err_and(line(1)));
        assert_eq!(parse("# nothing\nid,title\n"), Err(ScopeError::Empty));
        let many: String = (0..=MAX_CONTROLS).map(|n| format!("c{n}\n")).collect();
        assert_eq!(parse(&many), Err(ScopeError::TooMany));
        assert_eq!(parse(&" ".repeat(MAX_TEXT + 1)), Err(ScopeError::TooLong));
        for wrong in ["", "ISO", "iso 27001", "9", &"a".repeat(64)] {
            assert!(framework(wrong).is_err(), "{wrong}");
        }
        assert_eq!(framework("iso-27001-2022").unwrap().as_str(), "iso-27001-2022");
    }
}
