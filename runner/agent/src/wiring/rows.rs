//! Rows of evidence as people choose and read them.

use std::collections::BTreeSet;

use verdict::EvidenceForm;

use crate::fail::Fail;
use crate::output::printable;

/// More rows than anybody lists one by one.
const MOST: usize = 1_000_000;

/// Reads `0-9,42`: positions from 0 and ranges of them.
pub(crate) fn parse(text: &str) -> Result<BTreeSet<u64>, Fail> {
    let wrong = || {
        let message = format!("`{text}` does not name rows");
        Fail::input("E-RUN-027", message, "write positions from 0 and ranges, such as 0-9,42")
    };
    let mut rows = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first: u64 = first.trim().parse().map_err(|_| wrong())?;
        let last: u64 = last.trim().parse().map_err(|_| wrong())?;
        if last < first || last - first >= MOST as u64 || rows.len() >= MOST {
            return Err(wrong());
        }
        rows.extend(first..=last);
    }
    Ok(rows)
}

/// Text for a terminal: line breaks of a document stay, everything else that could act on the terminal is escaped.
pub(crate) fn readable(text: &str, form: EvidenceForm) -> String {
    match form {
        EvidenceForm::Rows => printable(text),
        EvidenceForm::Blob => text.lines().map(printable).collect::<Vec<_>>().join("\n        "),
    }
}

/// Bytes as hex, 32 a line.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.chunks(32).map(hex::encode).collect::<Vec<_>>().join("\n        ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_ranges() {
        assert_eq!(parse("0-2, 7").unwrap().into_iter().collect::<Vec<_>>(), [0, 1, 2, 7]);
        for text in ["", "a", "3-1", "-1", "1-", "0-99999999999"] {
            assert_eq!(parse(text).unwrap_err().code, "E-RUN-027", "{text}");
        }
    }

    #[test]
    fn what_could_act_on_a_terminal_is_escaped() {
        let shown = readable("a\u{1b}[2Jb\nc\u{202e}d", EvidenceForm::Blob);
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}') && shown.contains('\n'));
    }
}
