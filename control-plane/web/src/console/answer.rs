//! What a page answers.

use askama::Template;
use axum::body::Body;
use bytes::Bytes;
use control_plane_domain::idempotency::StoredResponse;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::path::Href;
use super::trouble::Trouble;
use super::{cookie, policy};
use crate::http::headers::REPLAYED;
use crate::http::held::keeping;
use crate::idempotency::Keep;
use crate::places::Place;
use crate::problem::Problem;

/// What is answered when all goes well.
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
    /// The document for a script of ours, which may be given again.
    document: Option<Bytes>,
}

impl Answer {
    /// A page.
    pub(crate) fn page(page: &impl Template) -> Result<Self, Trouble> {
        Self::page_with(StatusCode::OK, page)
    }

    /// A page that says what was wrong, or that something was made.
    pub(crate) fn page_with(status: StatusCode, page: &impl Template) -> Result<Self, Trouble> {
        let text = page.render().map_err(|error| {
            tracing::error!(%error, "a page cannot be written");
            Problem::fault()
        })?;
        Ok(Self::of(status, HeaderValue::from_static("text/html; charset=utf-8"), Body::from(text)))
    }

    /// That it is done, and where to look now (303: a page that is loaded again changes nothing again).
    pub(crate) fn go(href: Href) -> Self {
        let location = HeaderValue::try_from(href.as_str()).unwrap_or(HeaderValue::from_static("/"));
        let headers = vec![(header::LOCATION, location), (header::CONTENT_SECURITY_POLICY, policy::CONTENT)];
        Self { status: StatusCode::SEE_OTHER, headers, body: Body::empty(), document: None }
    }

    /// The same, with a sentence for the next page.
    pub(crate) fn saying(self, text: impl AsRef<str>) -> Self {
        self.with(header::SET_COOKIE, cookie::saying(text.as_ref()))
    }

    /// The same, with a session from now on.
    pub(in crate::console) fn signed_in(self, session: &crypto::Secret<String>) -> Self {
        self.with(header::SET_COOKIE, cookie::set(cookie::SESSION, session.expose()))
    }

    /// The same, without a session from now on. Browsers keep no page of ours, and device keys are the person's: there is
    /// nothing else to be cleared.
    pub(in crate::console) fn signed_out(self) -> Self {
        self.with(header::SET_COOKIE, cookie::end(cookie::SESSION))
    }

    pub(in crate::console) fn with(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }

    /// A JSON document for a script of ours.
    pub(crate) fn json(document: &impl Serialize) -> Result<Self, Trouble> {
        let bytes = serde_json::to_vec(document).map_err(|error| {
            tracing::error!(%error, "an answer cannot be written as JSON");
            Problem::fault()
        })?;
        Ok(Self::document(StatusCode::OK, bytes.into()))
    }

    /// What a script of ours was answered before.
    pub(super) fn again(before: StoredResponse) -> Self {
        let status = StatusCode::from_u16(before.status).unwrap_or(StatusCode::OK);
        Self::document(status, before.body.into()).with(REPLAYED, Some(HeaderValue::from_static("true")))
    }

    fn document(status: StatusCode, bytes: Bytes) -> Self {
        let body = Body::from(bytes.clone());
        Self { document: Some(bytes), ..Self::of(status, HeaderValue::from_static("application/json"), body) }
    }

    /// A file to be saved.
    pub(crate) fn file(media: &'static str, file_name: &str, bytes: impl Into<Bytes>) -> Self {
        Self::stream(media, Some(file_name), Body::from(bytes.into()))
    }

    /// The same, with a place that is free again when the bytes were taken.
    pub(crate) fn keeping(mut self, place: Place) -> Self {
        self.body = keeping(self.body, place);
        self
    }

    /// Bytes that come as they come; with a name they are a file to be saved.
    pub(crate) fn stream(media: &'static str, file_name: Option<&str>, body: Body) -> Self {
        let disposition = file_name.and_then(|name| {
            let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
            let name: String = name.chars().take(100).map(plain).collect();
            HeaderValue::try_from(format!("attachment; filename=\"{name}\"")).ok()
        });
        Self::of(StatusCode::OK, HeaderValue::from_static(media), body).with(header::CONTENT_DISPOSITION, disposition)
    }

    /// A script of ours, a style or a picture: cached for ever under a name that changes with it.
    pub(super) fn asset(media: &'static str, tag: HeaderValue, bytes: &'static [u8]) -> Self {
        Self::of(StatusCode::OK, HeaderValue::from_static(media), Body::from(bytes))
            .with(header::ETAG, Some(tag))
            .with(header::CACHE_CONTROL, Some(policy::FOR_EVER))
    }

    /// That the browser has it.
    pub(super) fn unchanged(tag: HeaderValue) -> Self {
        let headers = vec![(header::ETAG, tag), (header::CACHE_CONTROL, policy::FOR_EVER)];
        Self { status: StatusCode::NOT_MODIFIED, headers, body: Body::empty(), document: None }
    }

    fn of(status: StatusCode, media: HeaderValue, body: Body) -> Self {
        let headers = vec![(header::CONTENT_TYPE, media), (header::CONTENT_SECURITY_POLICY, policy::CONTENT)];
        Self { status, headers, body, document: None }
    }

    /// Whether it is a page that is seen, so that a sentence for it was said.
    pub(super) fn is_seen(&self) -> bool {
        let is_html = |(name, value): &(HeaderName, HeaderValue)| {
            name == header::CONTENT_TYPE && value.as_bytes().starts_with(b"text/html")
        };
        self.headers.iter().any(is_html)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

impl Keep for Answer {
    fn to_keep(&self) -> Option<StoredResponse> {
        let document = self.document.as_ref()?;
        Some(StoredResponse { status: self.status.as_u16(), body: document.to_vec() })
    }
}
