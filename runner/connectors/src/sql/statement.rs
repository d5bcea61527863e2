//! Which statements are sent at all. The database's own read-only transaction is the real fence; this one stands before
//! what such a transaction lets through, such as `copy … to program`.

use verdict::Code;

use crate::request::{Fault, Result};

/// The two kinds of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// Ends or begins transactions, or speaks another protocol on the same line.
const NEVER: &[&str] = &[
    "copy",
    "begin",
    "start",
    "commit",
    "end",
    "abort",
    "rollback",
    "savepoint",
    "release",
    "prepare",
    "attach",
    "detach",
];

/// Refuses statements by their first word.
pub(super) fn admit(query: &str, dialect: Dialect, changes: bool) -> Result<()> {
    let word = first_word(query);
    if word.is_empty() {
        return Err(Fault::new(Code::WrongType, "query: there is no statement"));
    }
    if NEVER.contains(&word.as_str()) {
        return Err(Fault::denied(format!("query: a statement that begins with {word} is never sent")));
    }
    let reads = match word.as_str() {
        "select" | "with" | "values" | "explain" => true,
        "show" | "table" => dialect == Dialect::Postgres,
        "pragma" => dialect == Dialect::Sqlite,
        _ => false,
    };
    if reads || changes {
        return Ok(());
    }
    Err(Fault::denied(format!("query: a statement that begins with {word} needs a step that declares changes")))
}

/// The first word, in lower case, behind comments and brackets.
fn first_word(query: &str) -> String {
    let mut rest = query;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(' || c == ';' || c == '\u{feff}');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = after_comment(comment);
        } else {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            return rest.split_at(end).0.to_lowercase();
        }
    }
}

/// What follows a comment; in PostgreSQL comments nest.
fn after_comment(mut rest: &str) -> &str {
    let mut depth = 1_u32;
    while depth > 0 {
        let close = rest.find("*/").unwrap_or(rest.len());
        let open = rest.find("/*").unwrap_or(rest.len());
        if close == rest.len() {
            return "";
        }
        depth = if open < close { depth.saturating_add(1) } else { depth - 1 };
        rest = rest.get(open.min(close) + 2..).unwrap_or_default();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_found_behind_comments() {
        for (query, word) in [
            ("select 1", "select"),
            ("  \n SELECT 1", "select"),
            ("-- a\n/* b /* c */ d */ ((with x as (select 1) select 1))", "with"),
            ("/* never closed", ""),
            ("/* select */ drop table x", "drop"),
            ("--select\ncopy x to program 'id'", "copy"),
            ("", ""),
            (";;", ""),
        ] {
            assert_eq!(first_word(query), word, "{query}");
        }
    }

    #[test]
    fn reading_is_the_default() {
        let admits = |query, changes| admit(query, Dialect::Postgres, changes).is_ok();
        assert!(admits("select 1", false) && admits("show ssl", false) && admits("table x", false));
        for query in
            ["drop table x", "insert into x values (1)", "do $$ begin end $$", "call p()", "set role x", "vacuum"]
        {
            assert!(!admits(query, false) && admits(query, true), "{query}");
        }
        for query in ["copy x to program 'id'", "commit", "rollback; drop table x", "prepare transaction 'x'"] {
            assert!(!admits(query, true), "{query}");
        }
        assert!(admit("pragma user_version", Dialect::Sqlite, false).is_ok());
        assert!(admit("show ssl", Dialect::Sqlite, false).is_err());
    }
}
