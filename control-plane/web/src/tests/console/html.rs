//! Reads a page as far as the tests need it: its tags in order, each with its attributes, and that every tag that is
//! opened is closed where it should be.

use std::collections::BTreeMap;

/// Elements without an end (HTML, section 13.1.2).
const VOID: &[&str] = &["input", "meta", "link", "img", "br", "hr", "col", "wbr", "area", "source"];

#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The elements around it, outermost first.
    pub(crate) within: Vec<String>,
    /// Which form it is in, by number.
    pub(crate) form: Option<usize>,
}

impl Tag {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// Every element of a page. Panics where the page is not well formed.
pub(crate) fn tags(what: &str, page: &str) -> Vec<Tag> {
    let (mut tags, mut open, mut forms, mut rest) = (Vec::new(), Vec::<String>::new(), 0, page);
    let mut form = None;
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "{what}: a stray > in {:?}", &rest[..start]);
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix("!DOCTYPE html>") {
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix('/') {
            let end = after.find('>').unwrap_or_else(|| panic!("{what}: an end tag without end"));
            let name = after[..end].to_ascii_lowercase();
            assert_eq!(open.pop().as_deref(), Some(name.as_str()), "{what}: </{name}> closes something else: {open:?}");
            if name == "form" {
                form = None;
            }
            rest = &after[end + 1..];
            continue;
        }
        let (name, attributes, is_closed, after) = opened(what, rest);
        if name == "form" {
            assert!(form.is_none(), "{what}: a form in a form");
            forms += 1;
            form = Some(forms);
        }
        tags.push(Tag { name: name.clone(), attributes, within: open.clone(), form });
        if !is_closed && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
        rest = after;
    }
    assert!(open.is_empty(), "{what}: never closed: {open:?}");
    tags
}

fn opened<'p>(what: &str, text: &'p str) -> (String, BTreeMap<String, String>, bool, &'p str) {
    let name_end = text.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap();
    let name = text[..name_end].to_ascii_lowercase();
    assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "{what}: a stray < before {text:.60}");
    let (mut rest, mut attributes) = (&text[name_end..], BTreeMap::new());
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("/>") {
            return (name, attributes, true, after);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (name, attributes, false, after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=>/".contains(c)).unwrap();
        let key = rest[..end].to_owned();
        assert!(!key.is_empty(), "{what}: no attribute in <{name} at {rest:.60}");
        rest = rest[end..].trim_start();
        let value = match rest.strip_prefix('=') {
            None => String::new(),
            Some(after) => {
                let quoted = after.trim_start().strip_prefix('"');
                let quoted = quoted.unwrap_or_else(|| panic!("{what}: {key} of <{name} is not quoted"));
                let end = quoted.find('"').unwrap();
                rest = &quoted[end + 1..];
                quoted[..end].to_owned()
            }
        };
        assert!(attributes.insert(key.clone(), value).is_none(), "{what}: {key} stands twice in <{name}>");
    }
}

/// What a browser makes of an attribute or a text of ours.
pub(crate) fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// The value of the first element of this name with this attribute.
pub(crate) fn value_of(page: &str, name: &str, attribute: &str, value: &str, wanted: &str) -> Option<String> {
    let found = tags("page", page).into_iter().find(|tag| tag.name == name && tag.get(attribute) == Some(value));
    found.and_then(|tag| tag.get(wanted).map(plain))
}
