//! What every code means: the product's own pages of codes, read once.

use std::sync::LazyLock;

/// The pages, as they are delivered.
const CODES: &str = include_str!("../../../../../../packaging/docs/codes.md");
const RESULTS: &str = include_str!("../../../../../../packaging/docs/troubleshooting.md");

/// The heading of the codes of results on the second page.
const RESULT_CODES: &str = "Codes of a result";

static BOOK: LazyLock<Book> = LazyLock::new(Book::read);

/// All codes.
pub(crate) struct Book {
    chapters: Vec<Chapter>,
}

/// Codes that belong together.
#[derive(Debug)]
pub(crate) struct Chapter {
    pub(crate) title: String,
    pub(crate) entries: Vec<Entry>,
}

/// One code.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) code: String,
    pub(crate) meaning: String,
    /// What to do, or what to look at.
    pub(crate) next_step: String,
}

/// The book.
pub(crate) fn book() -> &'static Book {
    &BOOK
}

/// One code, if the book has it.
pub(crate) fn explain(code: &str) -> Option<&'static Entry> {
    BOOK.chapters.iter().flat_map(|chapter| &chapter.entries).find(|entry| entry.code == code)
}

impl Book {
    /// All chapters, codes of results first.
    pub(crate) fn chapters(&self) -> &[Chapter] {
        &self.chapters
    }

    fn read() -> Self {
        let results = chapters(RESULTS).into_iter().filter(|chapter| chapter.title == RESULT_CODES).map(|chapter| {
            Chapter { title: "What a result says when something could not be measured".to_owned(), ..chapter }
        });
        let messages = chapters(CODES).into_iter().filter(|chapter| !chapter.entries.is_empty());
        Self { chapters: results.chain(messages).collect() }
    }
}

/// The tables of a page below its headings, rows of three cells that begin with a code.
fn chapters(page: &str) -> Vec<Chapter> {
    let mut chapters = Vec::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            chapters.push(Chapter { title: title.to_owned(), entries: Vec::new() });
        } else if let (Some(entry), Some(chapter)) = (entry(line), chapters.last_mut()) {
            chapter.entries.push(entry);
        }
    }
    chapters
}

fn entry(line: &str) -> Option<Entry> {
    let row = line.strip_prefix("| `")?.strip_suffix(" |")?;
    let (code, rest) = row.split_once("` | ")?;
    let (meaning, next_step) = rest.split_once(" | ")?;
    Some(Entry { code: code.to_owned(), meaning: plain(meaning), next_step: plain(next_step) })
}

/// The text of a cell without its marks: backticks become quotes, links their words.
fn plain(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut rest = cell;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        match after.split_once("](").and_then(|(words, link)| Some((words, link.split_once(')')?.1))) {
            Some((words, after)) => {
                text.push_str(words);
                rest = after;
            }
            None => {
                text.push('[');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    let mut is_open = false;
    let quoted = text.chars().map(|character| match character {
        '`' => {
            is_open = !is_open;
            if is_open { '“' } else { '”' }
        }
        other => other,
    });
    quoted.collect::<String>().replace("\\|", "|")
}

#[cfg(test)]
mod tests {
    use verdict::Code;

    use super::*;

    #[test]
    fn every_code_of_a_result_is_explained() {
        for code in Code::ALL {
            let entry = explain(code.as_str()).unwrap_or_else(|| panic!("{code} is not in the book"));
            assert!(!entry.meaning.is_empty() && !entry.next_step.is_empty());
        }
    }

    #[test]
    fn every_row_of_the_page_of_codes_is_read() {
        let rows = CODES.lines().filter(|line| line.starts_with("| `")).count();
        let read: usize = book().chapters().iter().skip(1).map(|chapter| chapter.entries.len()).sum();
        assert_eq!(read, rows);
        assert!(read > 300);
        assert_eq!(explain("E-LINE-013").unwrap().meaning, "a record came out of order");
    }

    #[test]
    fn marks_become_words() {
        assert_eq!(plain("see [codes](a.md), `x`"), "see codes, “x”");
        assert_eq!(plain("a [b"), "a [b");
    }
}
