//! Asks a web API that speaks JSON.
//!
//! Address and credentials come from the connection, and the credentials go to its origin alone. Nothing is unpacked,
//! no cookie is kept, no proxy is used, and a redirect is followed on the same origin only. A list of several pages is
//! whole or an error.

mod answer;
mod client;
mod locate;
mod pages;

use std::collections::BTreeMap;

use runner_evidence::RawEvidence;
use serde_json::{Map, Value, json};
use verdict::Code;

use crate::connection::{Access, Connection, Http, Target};
use crate::registry::{Connector, Context};
use crate::request::{Fault, Found, Request, Result};
use client::{Client, Method};

pub(crate) struct HttpApi;

/// Arguments of `http`: one of `get` and `post`.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpArguments {
    /// Path below the connection's base URL, fetched with GET.
    pub get: Option<String>,
    /// Path below the connection's base URL, sent with POST.
    pub post: Option<String>,
    /// Query parameters: texts, numbers, true or false, or lists of these.
    #[serde(default)]
    pub query: BTreeMap<String, Value>,
    /// Request body, sent as JSON.
    pub body: Option<Value>,
    /// Status or statuses that are not an error; 200 if not given.
    #[serde(default)]
    pub expect: Expect,
    /// Fetch all pages.
    pub pages: Option<PageArguments>,
}

/// Statuses that are not an error.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Expect {
    /// This one.
    One(#[schemars(range(min = 100, max = 599))] u16),
    /// Any of these.
    Any(#[schemars(length(min = 1), inner(range(min = 100, max = 599)))] Vec<u16>),
}

impl Default for Expect {
    fn default() -> Self {
        Self::One(200)
    }
}

impl Expect {
    fn statuses(&self) -> &[u16] {
        match self {
            Self::One(status) => std::slice::from_ref(status),
            Self::Any(statuses) => statuses,
        }
    }
}

/// How a list goes on from page to page.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageArguments {
    /// Path to the list in a page, such as `body.users`.
    pub items: String,
    /// Path to the cursor or the address of the next page; null, false, an empty text or, once it was seen, its absence
    /// mean that there is none.
    pub next: String,
    /// Query parameter that takes the cursor; none if `next` is an address.
    pub param: Option<String>,
    /// Most pages to fetch; more is an error.
    #[schemars(range(min = 1, max = 100_000))]
    pub max: Option<u32>,
}

/// What `http` gives.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum HttpValue {
    /// Without `pages`.
    One {
        /// HTTP status.
        status: u16,
        /// JSON, or the text of a `text/…` answer that is not JSON; null if there is none.
        body: Value,
    },
    /// With `pages`.
    Pages {
        /// The items of all pages.
        items: Vec<Value>,
        /// Pages fetched.
        pages: u32,
        /// Whether the last page said that it is the last.
        complete: bool,
    },
}

impl Connector for HttpApi {
    const NAME: &'static str = "http";
    const REMOTE: bool = true;
    type Arguments = HttpArguments;
    type Value = HttpValue;

    fn describe(arguments: &HttpArguments, request: &Request<'_>) -> Value {
        let base = match request.connection.map(|connection| &connection.target) {
            Some(Target::Http(api)) => api.base.origin().ascii_serialization() + api.base.path(),
            _ => String::new(),
        };
        json!({
            "base": base,
            "method": if arguments.post.is_some() { "POST" } else { "GET" },
            "path": arguments.post.as_ref().or(arguments.get.as_ref()),
            "query": arguments.query,
            "body": arguments.body,
        })
    }

    async fn collect(context: &Context, arguments: HttpArguments, request: &Request<'_>) -> Result<Found> {
        let (connection, api) = api(request)?;
        let (method, path) = match (&arguments.get, &arguments.post) {
            (Some(path), None) => (Method::Get, path),
            (None, Some(path)) => (Method::Post(arguments.body.as_ref()), path),
            _ => return Err(Fault::new(Code::WrongType, "http takes either get or post")),
        };
        if matches!(method, Method::Get) && arguments.body.is_some() {
            return Err(Fault::new(Code::WrongType, "body goes with post"));
        }
        if matches!(method, Method::Post(_)) && !(request.changes && connection.access == Access::ReadWrite) {
            let name = &connection.name;
            return Err(Fault::denied(format!(
                "post needs a step that declares changes and a connection with access = \"read-write\" ({name} here)"
            )));
        }
        let url = locate::url(&api.base, path, &arguments.query)?;
        let mut client = Client::new(context, api).await?;
        if let Some(pages) = &arguments.pages {
            return pages::collect(context, &mut client, method, url, arguments.expect.statuses(), pages).await;
        }
        let answer = client.ask(method, url, arguments.expect.statuses(), context.limits.output_bytes).await?;
        let bytes = answer.body.len() as u64;
        let status = json!(answer.status);
        let evidence = match answer.format()? {
            Some(parse) => RawEvidence::document(frame([("status", status)]), "body", parse, answer.body)?,
            None => RawEvidence::object(frame([("status", status), ("body", Value::Null)])),
        };
        Ok(Found { evidence, source: client.source(), complete: None, bytes })
    }
}

fn api<'a>(request: &Request<'a>) -> Result<(&'a Connection, &'a Http)> {
    match request.connection {
        Some(connection) => match &connection.target {
            Target::Http(api) => Ok((connection, api)),
            other => {
                let (name, kind) = (&connection.name, other.kind());
                Err(Fault::denied(format!("connection {name} is of type {kind}; http takes http")))
            }
        },
        None => Err(Fault::denied("http needs a connection: name it in via and bind it in the Runner's configuration")),
    }
}

fn frame<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
