//! Finding every page: from the overview along every link, as a stranger's crawler would.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tests::{Reply, Visitor};

/// So many pages of one shape are looked at.
const OF_ONE_SHAPE: usize = 2;

/// What a crawl found: pages by their shape, ids left out.
pub(crate) struct Found {
    /// The pages, by path and query.
    pub(crate) pages: BTreeMap<String, Vec<(String, Reply)>>,
}

impl Found {
    /// One path of each shape whose answer is a page.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        let pages = self.pages.values().filter_map(|all| all.first());
        pages.filter(|(_, reply)| reply.header("content-type").starts_with("text/html")).map(|(path, _)| path.as_str())
    }

    /// Every path.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Reply)> {
        self.pages.values().flatten().map(|(path, reply)| (path.as_str(), reply))
    }
}

/// Everything that can be reached by links from these paths.
pub(crate) fn from(visitor: &Visitor, starts: &[&str]) -> Found {
    let mut open: VecDeque<String> = starts.iter().map(|start| (*start).to_owned()).collect();
    let mut seen: BTreeSet<String> = open.iter().cloned().collect();
    let mut pages: BTreeMap<String, Vec<(String, Reply)>> = BTreeMap::new();
    while let Some(path) = open.pop_front() {
        if pages.get(&shape(&path)).is_some_and(|known| known.len() >= OF_ONE_SHAPE) {
            continue;
        }
        let reply = visitor.get(&path);
        for link in links(&reply.text()) {
            if seen.insert(link.clone()) {
                open.push_back(link);
            }
        }
        pages.entry(shape(&path)).or_default().push((path, reply));
    }
    Found { pages }
}

/// The links of a page that stay here, without those that only change what is shown of it.
fn links(page: &str) -> Vec<String> {
    let values = page.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let here = values.filter(|link| link.starts_with('/') && !link.starts_with("//"));
    let decoded = here.map(|link| link.replace("&#38;", "&").replace("&amp;", "&"));
    decoded.map(|link| link.split('#').next().unwrap_or_default().to_owned()).collect()
}

/// A path with its ids and the values of its query left out.
pub(crate) fn shape(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let part = |part: &str| {
        let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let is_file = path.starts_with("/assets/") && part.contains('.');
        if (part.len() >= 32 && is_hex) || is_file { "*".to_owned() } else { part.to_owned() }
    };
    let path: Vec<String> = path.split('/').map(part).collect();
    let names: BTreeSet<&str> =
        query.split('&').filter_map(|pair| pair.split('=').next()).filter(|n| !n.is_empty()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() { path.join("/") } else { format!("{}?{}", path.join("/"), names.join("&")) }
}

#[test]
fn shapes_leave_ids_out() {
    let run = "019aa7f0-0000-7000-8000-000000000003";
    assert_eq!(shape(&format!("/runs/{run}/compare/{run}")), "/runs/*/compare/*");
    assert_eq!(shape("/runs?verdict=fail&runner=x"), "/runs?runner&verdict");
    assert_eq!(shape("/assets/console-0123.css"), "/assets/*");
    assert_eq!(
        links(r#"<a href="/runs?a=1&#38;b=2#x"></a><a href="//evil"></a><a href="https://x/">"#),
        ["/runs?a=1&b=2"]
    );
}
