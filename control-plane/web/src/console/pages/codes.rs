//! What every code means, and what to do about it.

use askama::Template;

use super::shown::book::{self, Entry};
use super::whole;
use crate::console::answer::Answer;
use crate::console::csv;
use crate::console::frame::{Frame, Section};
use crate::console::path::{self, Href};
use crate::console::route::{Access, Field, PageRoute, Takes};
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;
use crate::http::verb::Verb;

pub(crate) const ROUTES: &[PageRoute] = &[PageRoute {
    verb: Verb::Get,
    path: "/codes",
    name: "codes",
    access: Access::Full(|visit| Box::pin(show(visit))),
    query: &[Field::one("code"), Field::one("format")],
    takes: Takes::Nothing,
}];

#[derive(Template)]
#[template(path = "page/codes.html")]
struct CodesPage {
    frame: Frame,
    asked: String,
    chapters: Vec<Shown>,
}

impl CodesPage {
    /// What is shown, as a file.
    fn csv(&self) -> Href {
        let codes = path::codes().with("format", "csv");
        if self.asked.is_empty() { codes } else { codes.with("code", &self.asked) }
    }
}

/// The codes of a chapter that are shown.
struct Shown {
    title: &'static str,
    entries: Vec<&'static Entry>,
}

/// The codes in which a text stands; one code alone if the text is one.
fn find(asked: &str) -> Vec<Shown> {
    let wanted = asked.to_lowercase();
    let is_code = book::explain(asked).is_some();
    let fits = |entry: &&'static Entry| {
        if is_code {
            return entry.code == asked;
        }
        [&entry.code, &entry.meaning, &entry.next_step].iter().any(|text| text.to_lowercase().contains(&wanted))
    };
    let shown = book::book().chapters().iter();
    let shown =
        shown.map(|chapter| Shown { title: &chapter.title, entries: chapter.entries.iter().filter(fits).collect() });
    shown.filter(|shown| !shown.entries.is_empty()).collect()
}

async fn show(visit: &Visit) -> Result<Answer, Trouble> {
    let asked = visit.query().text("code").unwrap_or_default();
    let chapters = find(asked);
    if visit.query().text("format").is_some() {
        let entries: Vec<&'static Entry> = chapters.into_iter().flat_map(|chapter| chapter.entries).collect();
        let head = &["Code", "It says", "What to do"];
        return whole::table(visit, "codes", head, entries, |entry: &&'static Entry| {
            csv::Row::new().text(&entry.code).text(&entry.meaning).text(&entry.next_step)
        })
        .await;
    }
    let frame = visit.frame(Section::None, "What the codes mean");
    Answer::page(&CodesPage { frame, asked: asked.to_owned(), chapters })
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::console::sample::Sample> {
    use crate::console::sample::{HOSTILE, Sample};
    let page = |asked: &str| CodesPage {
        frame: Frame::sample(Section::None, "What the codes mean"),
        asked: asked.to_owned(),
        chapters: find(asked),
    };
    vec![
        Sample::page("codes, all", &page("")),
        Sample::page("codes, one", &page("timeout")),
        Sample::page("codes, hostile", &page(HOSTILE)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(asked: &str) -> Vec<&'static str> {
        find(asked).iter().flat_map(|shown| &shown.entries).map(|entry| entry.code.as_str()).collect()
    }

    #[test]
    fn a_code_is_found_by_itself_and_by_its_words() {
        assert_eq!(codes("timeout"), ["timeout"]);
        assert_eq!(codes("E-LINE-003"), ["E-LINE-003"]);
        assert!(codes("e-line").len() > 10);
        assert!(codes("revoked").contains(&"E-LINE-003"));
        assert!(codes("no such thing at all").is_empty());
    }
}
