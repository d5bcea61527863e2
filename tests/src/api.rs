//! A client of the API.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// The API with one key.
pub struct Api {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    base: String,
    key: String,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        let read = serde_json::from_slice(&self.bytes);
        assert!(read.is_ok(), "{}: not JSON: {}", self.status, String::from_utf8_lossy(&self.bytes));
        read.unwrap_or_default()
    }

    /// The reply, which must have this status.
    #[must_use]
    #[track_caller]
    pub fn with_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// The code of a refusal.
    pub fn code(&self) -> String {
        self.json().get("code").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

impl Api {
    /// A client that trusts this authority alone.
    pub fn new(base: String, key: &str, authority_pem: &[u8]) -> Self {
        let client = client(roots(authority_pem), Duration::from_secs(60));
        Self { runtime: runtime(), client, base, key: key.to_owned() }
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Reply {
        self.send(self.client.get(format!("{}{path}", self.base)))
    }

    /// `POST` with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.client.post(format!("{}{path}", self.base)).json(body))
    }

    /// Any request; the key is added.
    pub fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        exchange(&self.runtime, request.bearer_auth(&self.key))
    }

    /// The client, for requests that the methods above cannot make.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// `GET` without TLS and key; status 0 when nobody answers.
    pub fn plain(url: &str) -> (u16, String) {
        let client = client(rustls::RootCertStore::empty(), Duration::from_secs(5));
        runtime().block_on(async {
            match client.get(url).send().await {
                Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
                Err(_) => (0, String::new()),
            }
        })
    }
}

/// Sends a request and takes the whole answer.
pub(crate) fn exchange(runtime: &tokio::runtime::Runtime, request: reqwest::RequestBuilder) -> Reply {
    runtime.block_on(async {
        let answer = request.send().await.expect("the control plane answers");
        let status = answer.status().as_u16();
        let shown = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), shown(value))).collect();
        let bytes = answer.bytes().await.map(|bytes| bytes.to_vec()).unwrap_or_default();
        Reply { status, headers, bytes }
    })
}

/// The certificates of this text, to be trusted.
pub(crate) fn roots(authority_pem: &[u8]) -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rustls_pki_types::pem::PemObject::pem_slice_iter(authority_pem) {
        let certificate: rustls_pki_types::CertificateDer<'_> = certificate.expect("the authority is PEM");
        roots.add(certificate).expect("the authority is a certificate");
    }
    roots
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

/// A client that trusts these authorities alone.
fn client(roots: rustls::RootCertStore, patience: Duration) -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).timeout(patience).build();
    client.expect("a client can be made")
}
