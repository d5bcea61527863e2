//! Every page with ordinary, empty and hostile values: what no page may have, and what every page must have.

use std::collections::BTreeSet;

use super::html::{Tag, tags};
use crate::console::pages::{routes, samples};

/// Elements that a page of ours never has.
const NEVER: &[&str] = &["style", "iframe", "object", "embed", "base", "applet", "frame", "marquee", "font", "center"];

/// Attributes that hold an address.
const ADDRESSES: &[&str] = &["href", "src", "action", "formaction", "xlink:href", "data", "poster", "ping"];

fn check(name: &str, page: &str) {
    let tags = tags(name, page);
    assert!(page.starts_with("<!DOCTYPE html>"), "{name} does not begin as a page");
    no_script_or_style(name, &tags);
    no_hostile_text(name, page);
    one_of_each(name, page, &tags);
    forms(name, &tags);
    tables(name, page, &tags);
}

fn no_script_or_style(name: &str, tags: &[Tag]) {
    for tag in tags {
        assert!(!NEVER.contains(&tag.name.as_str()), "{name}: <{}>", tag.name);
        if tag.name == "script" {
            assert!(tag.get("src").is_some() && tag.get("type") == Some("module"), "{name}: an inline script");
        }
        for (key, value) in &tag.attributes {
            assert!(!key.starts_with("on"), "{name}: {key} on <{}>", tag.name);
            assert!(key != "style" && key != "srcdoc" && key != "srcset", "{name}: {key} on <{}>", tag.name);
            if ADDRESSES.contains(&key.as_str()) {
                let ours = value.starts_with('/') && !value.starts_with("//") || value.starts_with('#');
                let app = value.starts_with("otpauth://totp/") && tag.name == "a";
                assert!(ours || app, "{name}: {key}={value} on <{}>", tag.name);
            }
        }
        assert!(tag.get("target").is_none(), "{name}: a link opens elsewhere");
    }
}

fn no_hostile_text(name: &str, page: &str) {
    for hostile in ["<script>alert", "<img src=x", "</title></textarea>", "\"`=1+1", "'\"`="] {
        assert!(!page.contains(hostile), "{name}: {hostile} as it was typed");
    }
    let odd = page.chars().find(|c| proof::text::is_deceptive(*c) && !matches!(c, '\n' | '\t'));
    assert_eq!(odd, None, "{name}: a character that is not seen");
}

fn one_of_each(name: &str, page: &str, tags: &[Tag]) {
    // A drawing names its parts with titles of its own.
    let is_drawn = |tag: &Tag| tag.within.iter().any(|around| around == "svg");
    let count = |wanted: &str| tags.iter().filter(|tag| tag.name == wanted && !is_drawn(tag)).count();
    for single in ["html", "head", "body", "title", "main", "h1"] {
        assert_eq!(count(single), 1, "{name}: <{single}>");
    }
    assert_eq!(tags.iter().find(|tag| tag.name == "html").and_then(|tag| tag.get("lang")), Some("en"), "{name}");
    let title = page.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).unwrap_or_default();
    assert!(title.trim().len() > " · Proctor".len() && title.ends_with(" · Proctor"), "{name}: {title}");
    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    let twice = ids.iter().find(|id| ids.iter().filter(|other| other == id).count() > 1);
    assert_eq!(unique.len(), ids.len(), "{name}: an id stands twice: {twice:?}");
    assert!(ids.iter().all(|id| !id.is_empty() && !id.contains(char::is_whitespace)), "{name}: {ids:?}");
    // What an attribute names is there.
    for tag in tags {
        for key in ["for", "aria-labelledby", "aria-describedby", "list", "headers", "aria-controls"] {
            for id in tag.get(key).unwrap_or_default().split_whitespace() {
                assert!(unique.contains(id), "{name}: {key}={id} names nothing");
            }
        }
        if let Some(place) = tag.get("href").and_then(|href| href.strip_prefix('#')) {
            assert!(unique.contains(place), "{name}: #{place} is nowhere");
        }
    }
    headings(name, tags);
    landmarks(name, tags);
    if let Some(trail) = tags.iter().position(|tag| tag.get("class") == Some("crumbs")) {
        let ends = tags.iter().skip(trail).any(|tag| tag.name == "span" && tag.get("aria-current") == Some("page"));
        assert!(ends, "{name}: the trail does not end at the page");
    }
}

/// No two landmarks of a page have one name (axe, `landmark-unique`).
fn landmarks(name: &str, tags: &[Tag]) {
    let mut seen = BTreeSet::new();
    for tag in tags {
        let is_region = tag.name == "section" || tag.get("role") == Some("region");
        let named = tag.get("aria-labelledby").or_else(|| tag.get("aria-label"));
        if let (true, Some(named)) = (is_region, named) {
            assert!(seen.insert(named.to_owned()), "{name}: two regions are called {named}");
        }
    }
}

/// Headings follow one another without a gap (WCAG 2.2, 1.3.1).
fn headings(name: &str, tags: &[Tag]) {
    let mut last = 0;
    for tag in tags {
        let Some(level) = tag.name.strip_prefix('h').and_then(|level| level.parse::<u32>().ok()) else { continue };
        assert!(level <= last + 1, "{name}: <h{level}> after <h{last}>");
        last = level;
    }
}

fn forms(name: &str, tags: &[Tag]) {
    let labels: BTreeSet<&str> =
        tags.iter().filter(|tag| tag.name == "label").filter_map(|tag| tag.get("for")).collect();
    for tag in tags {
        let is_control = ["input", "select", "textarea"].contains(&tag.name.as_str());
        if is_control && tag.get("type") != Some("hidden") {
            let labelled = tag.get("id").is_some_and(|id| labels.contains(id))
                || tag.within.iter().any(|around| around == "label")
                || tag.get("aria-label").is_some()
                || tag.get("aria-labelledby").is_some();
            assert!(labelled, "{name}: nothing says what {tag:?} is");
        }
        if tag.name == "button" {
            assert!(tag.get("type").is_some(), "{name}: a button does not say what it does");
        }
        if tag.name == "img" {
            assert!(tag.get("alt").is_some(), "{name}: a picture without words");
        }
        if tag.name == "form" {
            // What a script sends by itself is sent nowhere when the script does not run.
            let methods = [Some("get"), Some("post"), Some("dialog")];
            assert!(methods.contains(&tag.get("method")), "{name}: it is not said how {tag:?} is sent");
        }
        if tag.name == "form" && tag.get("method").is_some_and(|method| method.eq_ignore_ascii_case("post")) {
            let has_token = tags.iter().any(|field| {
                field.form == tag.form
                    && field.name == "input"
                    && field.get("name") == Some("csrf")
                    && field.get("type") == Some("hidden")
            });
            assert!(has_token, "{name}: a form without its token: {tag:?}");
            let action = tag.get("action").unwrap_or_else(|| panic!("{name}: a form that is sent nowhere"));
            let path = action.split('?').next().unwrap_or_default();
            assert!(is_post(path), "{name}: nobody takes a form at {action}");
        }
    }
}

/// Whether a route takes a POST at this path.
fn is_post(path: &str) -> bool {
    routes().filter(|route| route.verb == crate::http::verb::Verb::Post).any(|route| {
        let (ours, theirs): (Vec<&str>, Vec<&str>) = (route.path.split('/').collect(), path.split('/').collect());
        ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(ours, theirs)| ours.starts_with('{') || ours == theirs)
    })
}

fn tables(name: &str, page: &str, tags: &[Tag]) {
    let tables = page.matches("<table").count();
    assert_eq!(page.matches("<caption").count(), tables, "{name}: a table without its caption");
    for tag in tags.iter().filter(|tag| tag.name == "th") {
        assert!(tag.get("scope").is_some(), "{name}: <th> without scope");
    }
    // What an element is by itself is not said again (ARIA in HTML): checkers count it as an error, and where rows
    // become cards the page's script says it.
    for tag in tags.iter().filter(|tag| {
        matches!(tag.name.as_str(), "table" | "thead" | "tbody" | "tr" | "th" | "td" | "ul" | "ol" | "li")
    }) {
        assert!(tag.get("role").is_none(), "{name}: {tag:?} says what it is anyway");
    }
    for tag in tags.iter().filter(|tag| tag.name == "table") {
        let scrolls = page.contains("class=\"scroll\"");
        assert!(scrolls, "{name}: {tag:?} does not stand in a box that scrolls");
    }
}

#[test]
fn every_page_is_what_a_page_must_be() {
    let samples = samples();
    let mut names = BTreeSet::new();
    for sample in &samples {
        assert!(names.insert(sample.name), "two samples are called {}", sample.name);
    }
    for sample in &samples {
        check(sample.name, &sample.html);
    }
    assert!(samples.len() >= 15, "{}", samples.len());
}

#[test]
#[should_panic(expected = "as it was typed")]
fn the_check_finds_what_it_looks_for() {
    let bad = "<!DOCTYPE html><html lang=\"en\"><head><title>x · Proctor</title></head><body><main><h1>x</h1><script \
               type=\"module\" src=\"/x\"></script>'\"`=</main></body></html>";
    check("bad", bad);
}
