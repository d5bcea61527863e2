//! Larger parts: what is said above a form or a list, below a list, instead of one.

use std::fmt::Display;

use askama::Template;

use super::{Html, Tone, html};
use crate::console::path::Href;

#[derive(Template)]
#[template(ext = "html", source = r#"<input type="hidden" name="{{ name }}" value="{{ value }}">"#)]
struct Hidden<'h> {
    name: &'h str,
    value: &'h str,
}

/// A hidden field.
pub(crate) fn hidden(name: &str, value: &str) -> Html {
    html(&Hidden { name, value })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="notice is-{{ class }}" role="{% if urgent %}alert{% else %}status{% endif %}"><p>{{ text }}</p></div>"#
)]
struct Notice {
    class: &'static str,
    urgent: bool,
    text: String,
}

/// A sentence that must be seen.
pub(crate) fn notice(tone: Tone, text: impl Display) -> Html {
    let urgent = matches!(tone, Tone::Bad | Tone::Warn);
    html(&Notice { class: tone.class(), urgent, text: text.to_string() })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="empty"><p class="empty-title">{{ title }}</p><p>{{ text }}</p>{% if let Some((label, href)) = link %}<p><a class="button" href="{{ href }}">{{ label }}</a></p>{% endif %}</div>"#
)]
struct Empty<'e> {
    title: &'e str,
    text: &'e str,
    link: Option<(&'e str, String)>,
}

/// What stands where nothing is yet: what it would be, and how it comes to be.
pub(crate) fn empty(title: &str, text: &str, link: Option<(&str, String)>) -> Html {
    html(&Empty { title, text, link })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% if let Some(why) = why %}<p class="fault" id="fault-{{ id }}">{{ why }}</p>{% endif %}"#
)]
struct Fault<'f> {
    id: String,
    why: Option<&'f str>,
}

/// What is wrong with a field.
pub(crate) fn fault(name: &str, why: Option<&str>) -> Html {
    html(&Fault { id: super::word(name), why })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"{% if !faults.is_empty() %}<div class="notice is-bad" role="alert" tabindex="-1" data-focus><p>This was not done:</p><ul>{% for (id, field, why) in faults %}<li>{% if field.is_empty() %}{{ why }}{% else %}<a href="#f-{{ id }}">{{ field }}</a>: {{ why }}{% endif %}</li>{% endfor %}</ul></div>{% endif %}"##
)]
struct Faults {
    faults: Vec<(String, String, String)>,
}

/// Everything that is wrong with a form; each leads to its field.
pub(crate) fn faults(faults: &[(&'static str, String)]) -> Html {
    let row = |(name, why): &(&str, String)| (super::word(name), name.replace(['_', '-'], " "), why.clone());
    html(&Faults { faults: faults.iter().map(row).collect() })
}

/// The way through a list.
#[derive(Debug, Default)]
pub(crate) struct Pager {
    pub(crate) first: Option<Href>,
    pub(crate) next: Option<Href>,
    pub(crate) csv: Option<Href>,
    pub(crate) rows: usize,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<nav class="pager" aria-label="Pages of this list"><span class="quiet">{{ pager.rows }} {% if pager.rows == 1 %}row{% else %}rows{% endif %}{% if pager.next.is_some() %}<span class="print-only">; more of them stand on the next page</span>{% endif %}</span>{% if let Some(first) = pager.first %} <a href="{{ first }}" rel="first">First page</a>{% endif %}{% if let Some(next) = pager.next %} <a class="button second" href="{{ next }}" rel="next">Next page</a>{% endif %}{% if let Some(csv) = pager.csv %} <a class="csv" href="{{ csv }}" download>All as CSV</a>{% endif %}</nav>"#
)]
struct PagerPart<'p> {
    pager: &'p Pager,
}

impl Pager {
    pub(crate) fn html(&self) -> Html {
        html(&PagerPart { pager: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::path;

    #[test]
    fn a_page_of_a_list_says_on_paper_too_that_there_is_more() {
        let last = Pager { rows: 50, ..Pager::default() };
        let more = "more of them stand on the next page";
        assert!(last.html().0.contains("50 rows") && !last.html().0.contains(more));
        let first = Pager { next: Some(path::runs()), ..last };
        assert!(first.html().0.contains(more), "{}", first.html().0);
    }
}
