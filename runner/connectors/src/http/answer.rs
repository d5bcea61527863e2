//! Answers, and why there is none.

use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use runner_evidence::Parse;
use verdict::Code;

use crate::request::{Fault, Result};

/// An answer with an expected status, read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    is_text: bool,
}

impl Answer {
    /// Reads the body, at most `limit` bytes of it.
    pub(super) async fn read(mut response: Response, limit: u64) -> Result<Self> {
        let too_large = || Fault::new(Code::TooLarge, format!("the answer is longer than {limit} bytes"));
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let encoding = header(CONTENT_ENCODING);
        if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
            return Err(Fault::new(
                Code::BadOutput,
                format!("the answer is packed ({encoding}), which nobody asked for"),
            ));
        }
        let media_type = header(CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
        let is_text = media_type.to_ascii_lowercase().starts_with("text/");
        let status = response.status().as_u16();
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| fault("the answer broke off", error))? {
            if (body.len() as u64).saturating_add(chunk.len() as u64) > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self { status, body, is_text })
    }

    /// How the body is to be read; nothing if it is empty. Whatever is not declared as a text must be JSON.
    pub(super) fn format(&self) -> Result<Option<Parse>> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let is_object = self.body.trim_ascii_start().first().is_some_and(|first| matches!(first, b'{' | b'['));
        let is_json = !self.is_text || (is_object && Parse::Json.read(&self.body).is_ok());
        Ok(Some(if is_json { Parse::Json } else { Parse::Text }))
    }
}

/// The code for a status that the procedure does not expect.
pub(super) fn unexpected(status: u16, expect: &[u16]) -> Fault {
    let code = match status {
        401 => Code::Auth,
        403 => Code::PermissionDenied,
        404 | 410 => Code::NotFound,
        429 => Code::RateLimited,
        _ => Code::BadOutput,
    };
    // Something on the way says that the API itself could not be asked.
    let transport = matches!(status, 502..=504);
    Fault { code, detail: format!("status {status}, expected {expect:?}"), transport }
}

/// The code for an error of the client.
pub(super) fn fault(what: &str, error: reqwest::Error) -> Fault {
    let is_connect = error.is_connect();
    let is_timeout = error.is_timeout();
    let error = error.without_url();
    let mut detail = format!("{what}: {error}");
    let (mut io, mut tls, mut broken) = (None, false, None);
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        detail.push_str(&format!(": {error}"));
        // An error of the system may carry another one, which is not its source.
        let mut inner = error.downcast_ref::<std::io::Error>();
        while let Some(error) = inner {
            io = Some(error.kind());
            tls |= error.get_ref().is_some_and(|carried| carried.is::<rustls::Error>());
            inner = error.get_ref().and_then(|carried| carried.downcast_ref());
        }
        tls |= error.is::<rustls::Error>();
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            broken = Some(if error.is_parse() { Code::BadOutput } else { Code::Truncated });
        }
        cause = error.source();
    }
    if tls {
        return Fault::new(Code::Tls, detail);
    }
    if is_timeout {
        return Fault::transport(Code::Timeout, detail);
    }
    if is_connect {
        let error = std::io::Error::from(io.unwrap_or(std::io::ErrorKind::NetworkUnreachable));
        return Fault { detail, ..Fault::network("", &error) };
    }
    match broken {
        Some(Code::BadOutput) => Fault::new(Code::BadOutput, detail),
        _ => Fault::transport(Code::Truncated, detail),
    }
}
