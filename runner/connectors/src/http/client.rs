//! One origin, one set of credentials, and requests to it.

use std::net::SocketAddr;

use base64::Engine;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::tls::TlsInfo;
use serde_json::{Value, json};
use url::Url;
use verdict::Code;
use zeroize::Zeroizing;

use crate::connection::{Http, HttpCredentials};
use crate::http::answer::{self, Answer};
use crate::http::locate;
use crate::registry::Context;
use crate::request::{Fault, Result};
use crate::trust;

/// Redirects on the same origin that are followed.
const HOPS: usize = 5;

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Method<'a> {
    Get,
    Post(Option<&'a Value>),
}

/// A client for the origin of one connection, at the addresses that the guard has judged.
pub(super) struct Client {
    client: reqwest::Client,
    base: Url,
    address: Option<SocketAddr>,
    certificate: Option<String>,
}

impl Client {
    pub(super) async fn new(context: &Context, api: &Http) -> Result<Self> {
        let base = &api.base;
        let is_plain = match base.scheme() {
            "https" => false,
            "http" => true,
            other => return Err(Fault::denied(format!("the base URL begins with {other}, not with https"))),
        };
        if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
            return Err(Fault::denied("the base URL must not hold a user, a password or a query"));
        }
        let host = base.host_str().unwrap_or_default();
        let port = base.port_or_known_default().unwrap_or_default();
        let target = context.admit(host, port).await?;
        if is_plain && !api.plain && !target.addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
            return Err(Fault::denied(format!(
                "{host} is on another machine and its base URL begins with http: use https, or set plain = true on the \
                 connection to accept that everybody on the way can read and change everything"
            )));
        }
        let roots = context.roots.store(api.authorities.as_deref())?;
        let tls = trust::client_config(roots, api.identity.as_ref(), &context.clock)?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .tls_info(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .resolve_to_addrs(host, &target.addresses)
            .connect_timeout(context.limits.connect())
            .user_agent(concat!("proctor-runner/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(&api.credentials)?)
            .build()
            .map_err(|error| Fault::new(Code::Internal, format!("the HTTP client: {error}")))?;
        Ok(Self { client, base: base.clone(), address: None, certificate: None })
    }

    /// Sends one request and reads all of the answer.
    pub(super) async fn ask(&mut self, method: Method<'_>, url: Url, expect: &[u16], limit: u64) -> Result<Answer> {
        let mut url = url;
        for _ in 0..=HOPS {
            let request = match method {
                Method::Get => self.client.get(url.clone()),
                Method::Post(None) => self.client.post(url.clone()),
                Method::Post(Some(body)) => self.client.post(url.clone()).json(body),
            };
            let response = request.send().await.map_err(|error| answer::fault("no answer", error))?;
            self.note(&response);
            let status = response.status().as_u16();
            if expect.contains(&status) {
                return Answer::read(response, limit).await;
            }
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            match (location, method) {
                (Some(location), Method::Get) if matches!(status, 301 | 302 | 303 | 307 | 308) => {
                    url = locate::follow(&self.base, &url, location)?;
                }
                _ => return Err(answer::unexpected(status, expect)),
            }
        }
        Err(Fault::new(Code::BadOutput, format!("more than {HOPS} redirects")))
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Who answered last.
    pub(super) fn source(&self) -> Value {
        json!({
            "address": self.address.map(|address| address.to_string()),
            "certificate_sha256": self.certificate,
        })
    }

    fn note(&mut self, response: &reqwest::Response) {
        self.address = response.remote_addr();
        let info = response.extensions().get::<TlsInfo>();
        let der = info.and_then(TlsInfo::peer_certificate);
        self.certificate = der.map(|der| crypto::digest::sha256(der).to_string());
    }
}

fn headers(credentials: &HttpCredentials) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let secret = |text: &str| -> Result<HeaderValue> {
        let mut value = HeaderValue::from_str(text)
            .map_err(|_| Fault::denied("the credentials of the connection cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    };
    match credentials {
        HttpCredentials::None => {}
        HttpCredentials::Bearer(token) => {
            let text = Zeroizing::new(format!("Bearer {}", token.expose()));
            headers.insert(AUTHORIZATION, secret(&text)?);
        }
        HttpCredentials::Basic { user, password } => {
            let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
            let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes()));
            let text = Zeroizing::new(format!("Basic {}", encoded.as_str()));
            headers.insert(AUTHORIZATION, secret(&text)?);
        }
        HttpCredentials::Header { name, value } => {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| Fault::denied(format!("{name:?} is not the name of a header")))?;
            headers.insert(name, secret(value.expose())?);
        }
    }
    Ok(headers)
}
