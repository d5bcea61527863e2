//! What the test that renders every page needs of a page: its name and its text.

use askama::Template;
use proof::text::FreeText;

/// Everything that a text should not get away with.
pub(crate) const HOSTILE: &str = "</title></textarea><script>alert(1)</script><img src=x onerror=alert(2)>'\"`=1+1 &amp; \
    javascript:alert(3) {{7*7}} \u{202e}\u{2066}\u{200b}\u{0}\u{1b}[31m\u{feff}";

/// The same as far as a person can type it.
pub(crate) fn hostile_text() -> FreeText {
    "</title><script>alert(1)</script><img src=x onerror=alert(2)>'\"`=1+1 &amp; {{7*7}}"
        .parse()
        .expect("markup is a text like any other")
}

/// A page with sample values.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) html: String,
}

impl Sample {
    pub(crate) fn page(name: &'static str, page: &impl Template) -> Self {
        Self { name, html: page.render().unwrap_or_else(|error| panic!("{name}: {error}")) }
    }
}
