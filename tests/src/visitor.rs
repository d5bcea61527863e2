//! A person's browser without a screen: pages over HTTPS with a cookie, forms as they stand in the page, redirects as
//! answers of their own. What a real browser shows is for `Browser`; this is for everything that HTTP alone decides.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};

use crate::api::Reply;
use crate::control_plane::ControlPlane;

/// The name of the cookie that carries a session.
pub const SESSION: &str = "__Host-proctor-session";

/// A visitor of the console with a cookie jar.
pub struct Visitor {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    base: String,
    cookies: RefCell<Vec<(String, String)>>,
}

/// A form of a page: where it goes, and what it sends if nobody changes anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// The path that it is sent to.
    pub action: String,
    /// Its fields, in order, with what stands in them.
    pub fields: Vec<(String, String)>,
    /// The names of those among them that hide what is typed.
    pub hidden: Vec<String>,
}

impl Reply {
    /// A header, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Where a redirect leads to; empty if it is none.
    pub fn leads_to(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// The forms of the page.
    pub fn forms(&self) -> Vec<Form> {
        forms(&self.text())
    }

    /// The form that is sent to this path.
    #[track_caller]
    pub fn form(&self, action: &str) -> Form {
        let found = self.forms().into_iter().find(|form| form.action.split('?').next() == Some(action));
        assert!(found.is_some(), "{}: no form for {action} in\n{}", self.status, self.text());
        found.expect("it was found")
    }
}

impl Form {
    /// The same with a field filled in; one that the form does not have is added.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// The same with this password in every field that hides what is typed.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        let hidden = self.hidden.clone();
        hidden.iter().fold(self, |form, name| form.with(name, password))
    }

    /// The same without a field.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }
}

impl Visitor {
    /// Somebody who trusts the control plane's authority and has no cookie.
    pub fn new(control_plane: &ControlPlane) -> Self {
        let authority = std::fs::read(control_plane.authority()).expect("the authority was made");
        Self::at(&control_plane.base(), &authority)
    }

    /// The same who comes from another address of this machine.
    pub fn from_address(control_plane: &ControlPlane, address: IpAddr) -> Self {
        let authority = std::fs::read(control_plane.authority()).expect("the authority was made");
        Self::made(&control_plane.base(), &authority, Some(address))
    }

    /// The same at any address.
    pub fn at(base: &str, authority_pem: &[u8]) -> Self {
        Self::made(base, authority_pem, None)
    }

    fn made(base: &str, authority_pem: &[u8], comes_from: Option<IpAddr>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS")
            .with_root_certificates(crate::api::roots(authority_pem))
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            // A connection that rested may be closed by now.
            .pool_max_idle_per_host(0)
            .local_address(comes_from)
            .timeout(Duration::from_secs(60))
            .build();
        Self {
            runtime: crate::api::runtime(),
            client: client.expect("a client can be made"),
            base: base.to_owned(),
            cookies: RefCell::default(),
        }
    }

    /// The value of the session's cookie, empty without one.
    pub fn session(&self) -> String {
        let cookies = self.cookies.borrow();
        cookies.iter().find(|(name, _)| name == SESSION).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Puts another session in place.
    pub fn set_session(&self, value: &str) {
        self.keep(SESSION, value);
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Reply {
        self.send(self.client.get(self.url(path)))
    }

    /// Sends a form as a browser does that shows it.
    pub fn submit(&self, form: &Form) -> Reply {
        let request = self.client.post(self.url(&form.action)).header(ORIGIN, &self.base);
        let request = request.header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "navigate");
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(&form.fields);
        self.send(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.finish()))
    }

    /// `GET` that follows redirects to where they end.
    pub fn visit(&self, path: &str) -> Reply {
        self.follow(self.get(path))
    }

    /// Sends a form and follows where it leads.
    pub fn submit_and_follow(&self, form: &Form) -> Reply {
        let reply = self.submit(form);
        self.follow(reply)
    }

    /// Follows redirects.
    pub fn follow(&self, mut reply: Reply) -> Reply {
        for _ in 0..10 {
            if !(300..400).contains(&reply.status) {
                break;
            }
            let path = reply.leads_to().to_owned();
            reply = self.get(&path);
        }
        reply
    }

    /// Any request; the cookies are added and kept.
    pub fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) };
        let reply = crate::api::exchange(&self.runtime, request);
        for (_, cookie) in reply.headers.iter().filter(|(name, _)| name == SET_COOKIE.as_str()) {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_over = attributes.to_lowercase().contains("max-age=0");
            self.keep(name.trim(), if is_over { "" } else { value.trim() });
        }
        reply
    }

    /// The scripts that a page loads, and those that they import: the paths that they have here by the names of their
    /// files, `answer.js`.
    pub fn modules(&self, path: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut open = scripts_in("/", &self.visit(path).text());
        while let Some(path) = open.pop() {
            let file = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".js");
            let name = file.rsplit_once('-').map_or(file, |(name, _)| name);
            if found.insert(format!("{name}.js"), path.clone()).is_none() {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                open.extend(scripts_in(&folder, &self.get(&path).with_status(200).text()));
            }
        }
        found
    }

    /// The client, for requests that the methods above cannot make.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The address of a path; an address stays what it is.
    pub fn url(&self, path: &str) -> String {
        if path.contains("://") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    fn keep(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.borrow_mut();
        cookies.retain(|(known, _)| known != name);
        if !value.is_empty() {
            cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// Everything in quotes that ends like a script, seen from this folder.
fn scripts_in(folder: &str, text: &str) -> Vec<String> {
    let quoted =
        text.split(['"', '\'', '`']).filter(|word| word.ends_with(".js") && !word.contains(char::is_whitespace));
    let path = |word: &str| match word.strip_prefix("./") {
        Some(word) => format!("{}/{word}", folder.trim_end_matches('/')),
        None => word.to_owned(),
    };
    quoted.map(path).filter(|path| path.starts_with("/assets/")).collect()
}

/// The forms of a page. It reads the console's own pages, which close every tag and quote every attribute.
fn forms(page: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    for text in page.split("<form").skip(1) {
        let (head, body) = text.split_once('>').unwrap_or((text, ""));
        let body = body.split("</form>").next().unwrap_or_default();
        let mut form = Form { action: attribute(head, "action").unwrap_or_default(), ..Form::default() };
        for tag in body.split('<').skip(1) {
            let (head, content) = tag.split_once('>').unwrap_or((tag, ""));
            let Some(name) = attribute(head, "name") else { continue };
            let kind = attribute(head, "type").unwrap_or_default();
            if head.starts_with("input") {
                let is_off = ["checkbox", "radio"].contains(&kind.as_str()) && !has(head, "checked");
                if kind == "password" {
                    form.hidden.push(name.clone());
                }
                if !is_off && kind != "submit" {
                    form.fields.push((name, attribute(head, "value").unwrap_or_default()));
                }
            } else if head.starts_with("textarea") {
                form.fields.push((name, unescaped(content)));
            } else if head.starts_with("select") {
                let options = body.split_once(tag).map_or("", |(_, rest)| rest);
                let options: Vec<&str> =
                    options.split("</select>").next().unwrap_or_default().split("<option").skip(1).collect();
                let chosen =
                    options.iter().find(|option| has(option.split('>').next().unwrap_or_default(), "selected"));
                let chosen = chosen.or(options.first()).copied().unwrap_or_default();
                form.fields.push((name, attribute(chosen, "value").unwrap_or_default()));
            }
        }
        forms.push(form);
    }
    forms
}

fn has(head: &str, name: &str) -> bool {
    head.split_whitespace().any(|word| word == name || word.trim_end_matches('/') == name)
}

/// The value of a tag's attribute.
pub(crate) fn attribute(head: &str, name: &str) -> Option<String> {
    let value = head.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    Some(unescaped(value))
}

fn unescaped(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<")];
    let named = named.into_iter().chain([("&#62;", ">"), ("&#38;", "&"), ("&amp;", "&")]);
    named.fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_a_browser_would_send_them() {
        let page = r#"<form method="get" action="/runs"><input type="search" name="q" value="a &#38; b"><button>Go</button></form>
            <form method="post" action="/people"><input type="hidden" name="csrf" value="x"><input type="password" name="pw"><select id="r" name="role">
            <option value="viewer">viewer</option><option value="auditor" selected>auditor</option></select>
            <input type="checkbox" name="off"><input type="checkbox" name="on" value="1" checked><textarea name="t">&lt;b&gt;</textarea></form>"#;
        let fields = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let expected = [
            Form { action: "/runs".to_owned(), fields: fields(&[("q", "a & b")]), hidden: Vec::new() },
            Form {
                action: "/people".to_owned(),
                fields: fields(&[("csrf", "x"), ("pw", ""), ("role", "auditor"), ("on", "1"), ("t", "<b>")]),
                hidden: vec!["pw".to_owned()],
            },
        ];
        assert_eq!(forms(page), expected);
    }
}
