//! The control plane's API, as far as opening evidence needs it. Nothing that it says is believed: what matters is
//! verified under keys from outside.

use std::error::Error;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::Secret;
use ids::RequestId;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::fail::Fail;

/// Bytes of a JSON answer.
const MAX_JSON: usize = 1024 * 1024;
/// Time for one answer that is not a stream.
const ANSWER: Duration = Duration::from_secs(60);
/// Time between two pieces of a stream; a signed request lives two minutes at most.
const SILENCE: Duration = Duration::from_secs(150);
/// How often a request is tried when nothing came back.
const TRIES: u32 = 3;

/// A connection to the API with one key.
pub(super) struct Api {
    client: reqwest::Client,
    base: Url,
}

/// A drill-down as the API shows it.
#[derive(Debug, Deserialize)]
pub(super) struct DrillDown {
    pub(super) id: RequestId,
    pub(super) state: String,
    to_sign: Option<ToSign>,
    pub(super) code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ToSign {
    payload: String,
}

impl DrillDown {
    /// The bytes to be signed, if there are any.
    pub(super) fn payload(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.to_sign.as_ref()?.payload).ok()
    }
}

/// Why the API did not do what was asked.
#[derive(Debug)]
pub(super) enum ApiError {
    /// Nobody answered.
    Unreachable(String),
    /// Whoever answered is not believed to be the control plane.
    Untrusted(String),
    /// It refused.
    Problem(Problem),
    /// It answered something that cannot be understood.
    Strange(String),
}

/// A refusal (RFC 9457).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    #[serde(skip)]
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) next: String,
}

impl From<ApiError> for Fail {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Unreachable(why) => Self::fault(
                "E-OPEN-010",
                format!("the control plane does not answer: {why}"),
                "check the address and the network, then try again",
            ),
            ApiError::Untrusted(why) => Self::refused(
                "E-OPEN-011",
                format!("whoever answered there is not known to be the control plane: {why}"),
                "name its certificate authority with --ca-file or --ca-pin, as its operator gives it to you",
            ),
            ApiError::Strange(why) => Self::fault(
                "E-OPEN-013",
                format!("the control plane answered something that cannot be understood: {why}"),
                "check that the address is that of a control plane of a fitting version",
            ),
            ApiError::Problem(problem) => problem.into(),
        }
    }
}

impl From<Problem> for Fail {
    fn from(problem: Problem) -> Self {
        let Problem { status, code, title, detail, next } = problem;
        let said = if detail.is_empty() { title } else { detail };
        let code = if code.is_empty() { String::new() } else { format!("{code} ") };
        let message = format!("{code}{said} (HTTP {status})");
        if status == 429 || status >= 500 {
            let next = if next.is_empty() { "try again later".to_owned() } else { next };
            Self::fault("E-OPEN-014", format!("the control plane cannot do it now: {message}"), next)
        } else {
            Self::refused("E-OPEN-012", format!("the control plane refuses: {message}"), next)
        }
    }
}

impl Api {
    /// Prepares the connection; nothing is sent yet.
    pub(super) fn new(address: &str, key: &Secret<String>, tls: rustls::ClientConfig) -> Result<Self, Fail> {
        let refused = |why: &str| {
            let message = format!("--control-plane {address:?}: {why}");
            Fail::usage("E-OPEN-001", message, "write it like https://proctor.example:8440")
        };
        let base = Url::parse(address).map_err(|error| refused(&error.to_string()))?;
        if base.scheme() != "https" || base.host_str().is_none() {
            return Err(refused("it must begin with https:// and name a host"));
        }
        let plain = base.username().is_empty() && base.password().is_none() && base.path() == "/";
        if !plain || base.query().is_some() || base.fragment().is_some() {
            return Err(refused("it must hold nothing besides host and port"));
        }
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(|_| {
            Fail::usage(
                "E-OPEN-003",
                "the API key holds characters that no key has",
                "copy it again; it begins with pck_",
            )
        })?;
        value.set_sensitive(true);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(SILENCE)
            .user_agent(concat!("proctor-verify/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, value)]))
            .build();
        let client = client.map_err(|error| Fail::fault("E-OPEN-010", chain(&error), ""))?;
        Ok(Self { client, base })
    }

    /// The exact bytes of a document.
    pub(super) async fn document(&self, path: &str, limit: usize) -> Result<Vec<u8>, ApiError> {
        let response = self.send(self.client.get(self.url(path)?).timeout(ANSWER)).await?;
        body(accepted(response).await?, limit).await
    }

    /// A document that may not be there yet.
    pub(super) async fn document_if_there(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
        match self.document(path, limit).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ApiError::Problem(problem)) if problem.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A drill-down as it stands.
    pub(super) async fn drilldown(&self, id: RequestId) -> Result<DrillDown, ApiError> {
        let bytes = self.document(&format!("drilldowns/{id}"), MAX_JSON).await?;
        read(&bytes)
    }

    /// Sends something that is done once, however often it arrives: `once` names it.
    pub(super) async fn post(&self, path: &str, body_json: &Value, once: &str) -> Result<DrillDown, ApiError> {
        let request = self.client.post(self.url(path)?).timeout(ANSWER).json(body_json);
        let request = request.header(HeaderName::from_static("idempotency-key"), once);
        let response = self.send(request).await?;
        read(&body(accepted(response).await?, MAX_JSON).await?)
    }

    /// A stream, whose pieces are to be read one by one; it is asked for once.
    pub(super) async fn stream(&self, path: &str) -> Result<Stream, ApiError> {
        let response = self.client.get(self.url(path)?).send().await.map_err(failed)?;
        accepted(response).await.map(Stream)
    }

    fn url(&self, path: &str) -> Result<Url, ApiError> {
        self.base.join(&format!("api/v1/{path}")).map_err(|error| ApiError::Strange(error.to_string()))
    }

    /// Everything that is sent here may be sent again.
    async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let mut tried = 1;
        loop {
            let Some(attempt) = request.try_clone() else { return request.send().await.map_err(failed) };
            match attempt.send().await.map_err(failed) {
                Err(ApiError::Unreachable(_)) if tried < TRIES => {
                    tokio::time::sleep(Duration::from_secs(u64::from(tried))).await;
                    tried += 1;
                }
                outcome => return outcome,
            }
        }
    }
}

/// A stream of octets under way.
pub(super) struct Stream(Response);

impl Stream {
    /// The next octets; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        let piece = self.0.chunk().await.map_err(failed)?;
        Ok(piece.map(|piece| piece.to_vec()))
    }
}

async fn accepted(response: Response) -> Result<Response, ApiError> {
    let status = response.status();
    if matches!(status, StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED) {
        return Ok(response);
    }
    let bytes = body(response, MAX_JSON).await?;
    let problem: Problem = serde_json::from_slice(&bytes).unwrap_or_default();
    Err(ApiError::Problem(Problem { status: status.as_u16(), ..problem }))
}

async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > limit {
            return Err(ApiError::Strange(format!("more than {limit} bytes")));
        }
    }
    Ok(bytes)
}

fn read<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| ApiError::Strange(error.to_string()))
}

fn failed(error: reqwest::Error) -> ApiError {
    let why = chain(&error.without_url());
    // The reason stands several errors deep, in a type that only its text passes on.
    if why.contains("invalid peer certificate") { ApiError::Untrusted(why) } else { ApiError::Unreachable(why) }
}

/// An error with everything behind it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = error.source();
    }
    text
}
