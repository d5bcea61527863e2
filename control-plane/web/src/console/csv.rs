//! Tables as files: all rows of a list, page by page as they are read (RFC 4180), harmless to a spreadsheet.

use std::fmt::Display;

use bytes::Bytes;
use clock::Timestamp;
use control_plane_domain::list::{Listed, MAX_LIMIT, Page};
use control_plane_operations::Error;
use futures_util::{StreamExt, stream};
use proof::text::printable;

use super::answer::Answer;
use super::trouble::Trouble;
use super::visit::Visit;
use crate::http::stream::Cut;

const MEDIA: &str = "text/csv; charset=utf-8; header=present";

/// One row.
#[derive(Debug, Default)]
pub(crate) struct Row(String);

impl Row {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A text from anywhere. One that a spreadsheet would compute gets an apostrophe before it (OWASP, CSV injection).
    #[must_use]
    pub(crate) fn text(self, text: impl Display) -> Self {
        let text = text.to_string();
        let begins = text.trim_start_matches([' ', '\u{a0}', '\u{3000}', '\u{feff}']).chars().next();
        let is_formula = matches!(begins, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'));
        let shown = printable(&text);
        self.cell(&if is_formula { format!("'{shown}") } else { shown })
    }

    /// A number of ours.
    #[must_use]
    pub(crate) fn number(self, number: impl Into<i128>) -> Self {
        let number: i128 = number.into();
        self.cell(&number.to_string())
    }

    /// A time, as programs read it: RFC 3339 in UTC.
    #[must_use]
    pub(crate) fn time(self, time: Timestamp) -> Self {
        self.cell(&time.to_string())
    }

    /// A score in hundredths of a percent point.
    #[must_use]
    pub(crate) fn score(self, points: Option<u64>) -> Self {
        match points {
            Some(points) => self.cell(&format!("{}.{:02}", points / 100, points % 100)),
            None => self.cell(""),
        }
    }

    /// A text, if there is one.
    #[must_use]
    pub(crate) fn maybe(self, text: Option<impl Display>) -> Self {
        match text {
            Some(text) => self.text(text),
            None => self.cell(""),
        }
    }

    /// A time, if there is one.
    #[must_use]
    pub(crate) fn maybe_time(self, time: Option<Timestamp>) -> Self {
        match time {
            Some(time) => self.time(time),
            None => self.cell(""),
        }
    }

    fn cell(mut self, text: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
        self
    }
}

/// All rows of a list as a file, for as long as the session holds. The first page is read before anything is answered,
/// so that a refusal is still said as one; what fails later breaks the connection, so that nobody takes a part for the
/// whole.
pub(crate) async fn answer<T, F, Fut, W>(
    visit: &Visit,
    file_name: &str,
    head: &[&str],
    fetch: F,
    write: W,
) -> Result<Answer, Trouble>
where
    T: Send + 'static,
    F: Fn(Page) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Listed<T>, Error>> + Send,
    W: Fn(&T) -> Row + Send + 'static,
{
    let place = visit.download()?;
    let whole = Page::new(None, MAX_LIMIT).map_err(Trouble::invalid)?;
    let first = fetch(whole.clone()).await?;
    let mut text = head.iter().fold(Row::new(), |row, name| row.text(name)).0;
    text.push_str("\r\n");
    write_all(&mut text, &first.items, &write);
    let following = first.next.map(|next| whole.following(next));
    let rest = stream::unfold((following, fetch, write), |(page, fetch, write)| async move {
        let page = page?;
        match fetch(page.clone()).await {
            Ok(Listed { items, next }) => {
                let mut text = String::new();
                write_all(&mut text, &items, &write);
                Some((Ok(Bytes::from(text)), (next.map(|next| page.following(next)), fetch, write)))
            }
            Err(error) => Some((Err(Cut(error.to_string())), (None, fetch, write))),
        }
    });
    let pieces = stream::iter([Ok(Bytes::from(text))]).chain(rest);
    let file_name = format!("{file_name}.csv");
    Ok(Answer::stream(MEDIA, Some(&file_name), visit.streamed(Some(place), pieces)))
}

fn write_all<T>(text: &mut String, rows: &[T], write: &impl Fn(&T) -> Row) {
    for row in rows {
        text.push_str(&write(row).0);
        text.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\u{feff}=1", "=cmd|' /C calc'!A0"]
        {
            assert!(Row::new().text(text).0.starts_with("\"'"), "{text:?}: {:?}", Row::new().text(text));
        }
        assert_eq!(Row::new().text("a \"b\", c").number(-3).0, "\"a \"\"b\"\", c\",\"-3\"");
        assert_eq!(Row::new().text("a\nb\u{202e}").maybe(None::<&str>).0, "\"a\\u{a}b\\u{202e}\",\"\"");
        assert_eq!(Row::new().score(Some(9_850)).score(None).0, "\"98.50\",\"\"");
    }
}
