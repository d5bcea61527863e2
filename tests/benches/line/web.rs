//! A client of the API that keeps its connection.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

use crate::harness::Outcome;

/// The API with one key.
pub(crate) struct Web {
    client: reqwest::Client,
    base: String,
    key: String,
}

impl Web {
    /// A client that trusts this authority alone.
    pub(crate) fn new(port: u16, key: &str, authority_pem: &[u8]) -> Outcome<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority_pem) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client =
            reqwest::Client::builder().tls_backend_preconfigured(tls).timeout(Duration::from_secs(120)).build()?;
        Ok(Self { client, base: format!("https://localhost:{port}/api/v1"), key: key.trim().to_owned() })
    }

    pub(crate) async fn get(&self, path: &str) -> Outcome<Vec<u8>> {
        let answer = self.answer(self.client.get(format!("{}{path}", self.base))).await?;
        Ok(answer.bytes().await?.to_vec())
    }

    pub(crate) async fn get_json(&self, path: &str) -> Outcome<Value> {
        Ok(serde_json::from_slice(&self.get(path).await?)?)
    }

    /// The answer piece by piece.
    pub(crate) async fn stream(&self, path: &str) -> Outcome<reqwest::Response> {
        self.answer(self.client.get(format!("{}{path}", self.base))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        let answer = self.answer(self.client.post(format!("{}{path}", self.base)).json(body)).await?;
        let bytes = answer.bytes().await?;
        if bytes.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&bytes)?) }
    }

    /// Whoever asks too often is told to wait, and waits.
    async fn answer(&self, request: reqwest::RequestBuilder) -> Outcome<reqwest::Response> {
        loop {
            let again = request.try_clone().ok_or("the request cannot be sent twice")?;
            let answer = again.bearer_auth(&self.key).send().await?;
            if answer.status() == reqwest::StatusCode::TOO_MANY_REQUESTS {
                tokio::time::sleep(Duration::from_millis(100)).await;
            } else if answer.status().is_success() {
                return Ok(answer);
            } else {
                let (status, text) = (answer.status(), answer.text().await?);
                return Err(format!("the API answers {status}: {text}").into());
            }
        }
    }
}
