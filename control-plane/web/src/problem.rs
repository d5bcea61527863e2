//! What is said when something is not done: problem details (RFC 9457) with a stable code and a next step.
//!
//! Nothing of our insides stands in them. What operations refuse keeps its own code; what is refused before an operation
//! is reached has a code here.

use axum::body::Body;
use control_plane_operations::{Error, Kind};
use http::{HeaderValue, Response, StatusCode, header};
use proof::text::printable;

/// The content type of a problem.
pub(crate) const MEDIA: &str = "application/problem+json";

/// The code of an answer that is a problem, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coded(pub(crate) &'static str);

/// Why a request was not answered as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    next: &'static str,
    retry_after_seconds: Option<u32>,
    allow: Option<String>,
    /// A page of the console that helps.
    page: Option<String>,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $detail:literal, $next:literal;)*) => {
        impl Problem {
            $($(#[$doc])* pub(crate) fn $name() -> Self {
                Self::new(StatusCode::$status, $code, $detail, $next)
            })*

            /// Every code that is made here, with its status.
            #[cfg(test)]
            pub(crate) fn table() -> Vec<(&'static str, StatusCode)> {
                vec![$(($code, StatusCode::$status)),*]
            }
        }
    };
}

problems! {
    /// No key came along.
    unauthenticated = "E-WEB-001", UNAUTHORIZED, "the request carries no API key",
        "send the header Authorization: Bearer pck_… with a key of yours, once";
    /// There is no such path.
    no_such_path = "E-WEB-002", NOT_FOUND, "there is nothing under this path", "look the path up in /api/v1/openapi.json";
    /// The path is there, the method is not.
    method = "E-WEB-003", METHOD_NOT_ALLOWED, "this path does not take this method", "use a method that Allow names";
    /// Another content type or an encoding.
    content_type = "E-WEB-004", UNSUPPORTED_MEDIA_TYPE, "the body is not plain application/json",
        "send JSON with Content-Type: application/json and without Content-Encoding";
    /// More bytes than allowed.
    too_large = "E-WEB-005", PAYLOAD_TOO_LARGE, "the body is larger than allowed here", "send less in one request";
    /// A longer address than allowed.
    uri_too_long = "E-WEB-006", URI_TOO_LONG, "the address is longer than 4096 bytes", "shorten the query";
    /// Not JSON.
    not_json = "E-WEB-007", BAD_REQUEST, "the body is not JSON", "correct the body and send it again";
    /// JSON, and not the document that is expected here.
    other_json = "E-WEB-008", UNPROCESSABLE_ENTITY, "the JSON does not fit", "compare with /api/v1/openapi.json";
    /// A query that is not understood.
    query = "E-WEB-009", BAD_REQUEST, "the query is not understood", "compare with /api/v1/openapi.json";
    /// A body where none belongs.
    body_not_expected = "E-WEB-010", BAD_REQUEST, "this request takes no body", "send it without a body";
    /// Too often.
    too_often = "E-WEB-011", TOO_MANY_REQUESTS, "too many requests", "wait as many seconds as Retry-After says";
    /// Not an idempotency key.
    idempotency_key = "E-WEB-012", BAD_REQUEST, "Idempotency-Key is not 1 to 64 printable ASCII characters, given once",
        "send one key, such as a UUID";
    /// The key was used for another request.
    idempotency_mismatch = "E-WEB-013", UNPROCESSABLE_ENTITY,
        "this Idempotency-Key was used for another request", "use a fresh key for a new request";
    /// The first request with this key has not ended.
    idempotency_running = "E-WEB-014", CONFLICT,
        "the first request with this Idempotency-Key is still going on", "send the same request again in a few seconds";
    /// The first request with this key was done; its answer held a secret.
    idempotency_withheld = "E-WEB-015", CONFLICT,
        "this request was done before, and its answer held a secret that is not kept",
        "if you do not have the answer, revoke what was made and make it anew with a fresh key";
    /// The body did not arrive.
    too_slow = "E-WEB-016", REQUEST_TIMEOUT, "the body did not arrive in time", "send it again, faster";
    /// More to do than we can.
    busy = "E-WEB-017", SERVICE_UNAVAILABLE, "the control plane has more to do than it can", "try again in a few seconds";
    /// It takes longer than anybody waits.
    unfinished = "E-WEB-018", SERVICE_UNAVAILABLE, "the control plane has not finished this in time",
        "send it again with the same Idempotency-Key, or look whether it was done";
    /// The first request with this key was begun and never ended.
    idempotency_cut_off = "E-WEB-021", CONFLICT,
        "the control plane ended while it worked on the first request with this Idempotency-Key",
        "look whether it was done; if not, send it with a fresh key";
    /// No host, or more than one.
    host = "E-WEB-019", BAD_REQUEST, "the request does not name its host exactly once", "send one Host header";
    /// A body that breaks the rules of its transfer, or stops in the middle.
    broken_body = "E-WEB-020", BAD_REQUEST, "the body broke off or is not framed as it says", "send it again, whole";
    /// A form of another shape.
    other_form = "E-WEB-022", UNPROCESSABLE_ENTITY, "the form does not fit", "load the page again and fill it in there";
    /// Another content type than that of a form.
    not_a_form = "E-WEB-023", UNSUPPORTED_MEDIA_TYPE, "the body is not a form",
        "send it as application/x-www-form-urlencoded, as the page does";
    /// The token of a form is missing, of another session, or garbage.
    token = "E-WEB-024", FORBIDDEN, "the form was not made for this session, or the session has changed since",
        "load the page again and send it from there; nothing was changed";
    /// Another site asked for a change.
    origin = "E-WEB-025", FORBIDDEN, "the request came from another site", "do it from a page of this console; nothing was changed";
    /// The form was sent before.
    sent_before = "E-WEB-026", CONFLICT, "this form was sent before", "what it made is in the list; load the page again to make another one";
    /// Nobody is signed in.
    signed_out = "E-WEB-027", UNAUTHORIZED, "nobody is signed in, or the session has ended", "sign in";
    /// It is done by another page.
    elsewhere = "E-WEB-028", CONFLICT, "this is done on another page", "go there";
    /// More live pages than a session has.
    too_many_live = "E-WEB-029", TOO_MANY_REQUESTS, "as many pages are followed live as this session, person or organisation may have", "close some of them, or load this one again by hand";
    /// Not HTTP, or a head that is larger than allowed.
    not_http = "E-WEB-030", BAD_REQUEST, "this is not a request that can be read", "send HTTP/1.1 or HTTP/2 as its standards write it";
    /// A head that is larger than allowed.
    head_too_large = "E-WEB-031", REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is larger than 16 KiB or has more than 64 fields",
        "send less; a browser may have to forget its cookies of this site";
    /// As much is going on for whoever asks as may be.
    too_many_at_once = "E-WEB-032", TOO_MANY_REQUESTS, "as much is going on at once for this address, session or organisation as may be",
        "wait until some of it has ended, then do it again";
    /// Our fault.
    fault = "E-WEB-099", INTERNAL_SERVER_ERROR, "the control plane failed to do this; its log says why",
        "tell the operator of the control plane the X-Request-Id of this answer";
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: &str, next: &'static str) -> Self {
        Self { status, code, detail: detail.to_owned(), next, retry_after_seconds: None, allow: None, page: None }
    }

    /// An answer that does not come.
    pub(crate) fn of_answer(status: StatusCode, code: &'static str, detail: &str, next: &'static str) -> Self {
        Self::new(status, code, detail, next)
    }

    /// The same, with what exactly is wrong. It may repeat what the request said, harmlessly written.
    pub(crate) fn because(mut self, why: impl std::fmt::Display) -> Self {
        let why: String = printable(&why.to_string()).chars().take(300).collect();
        self.detail = format!("{}: {why}", self.detail);
        self
    }

    /// The same, with the time after which it is worth another try.
    pub(crate) fn after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds.max(1));
        self
    }

    /// The same, with the methods that the path takes.
    pub(crate) fn allowing(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }

    /// The same, with a page of the console that helps.
    pub(crate) fn helped_by(mut self, page: &str) -> Self {
        self.page = Some(page.to_owned());
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do about it, for somebody who looks at a page and not at an API.
    pub(crate) fn next_for_people(&self) -> &str {
        match self.code {
            "E-WEB-002" => "go to the overview, or back to where the link was",
            "E-WEB-003" => "go to the overview and do it from there",
            "E-WEB-008" | "E-WEB-009" => "take out what stands behind the question mark of the address",
            "E-WEB-011" => "wait a moment and load the page again",
            "E-WEB-018" => "look whether it was done before you do it again",
            "E-WEB-099" => "tell the operator of the control plane the id of this request",
            _ => self.next,
        }
    }

    pub(crate) fn seconds(&self) -> Option<u32> {
        self.retry_after_seconds
    }

    pub(crate) fn allow(&self) -> Option<&str> {
        self.allow.as_deref()
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// The document that says it.
    pub(crate) fn document(&self) -> String {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut document = serde_json::json!({
            "type": format!("urn:proctor:error:{}", self.code),
            "title": title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
            "next": self.next,
        });
        if let (Some(page), Some(fields)) = (&self.page, document.as_object_mut()) {
            fields.insert("next_page".to_owned(), page.as_str().into());
        }
        document.to_string()
    }

    /// The answer that says it.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.document()));
        *response.status_mut() = self.status;
        response.extensions_mut().insert(Coded(self.code));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.and_then(|methods| HeaderValue::try_from(methods).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"proctor\""));
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, retry_after_seconds) = match error.kind() {
            Kind::Unauthenticated => (StatusCode::UNAUTHORIZED, None),
            Kind::Forbidden => (StatusCode::FORBIDDEN, None),
            Kind::NotFound => (StatusCode::NOT_FOUND, None),
            Kind::Conflict => (StatusCode::CONFLICT, None),
            Kind::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, None),
            Kind::Throttled { retry_after_seconds } => {
                (StatusCode::TOO_MANY_REQUESTS, Some(retry_after_seconds.max(1)))
            }
            Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(2)),
            Kind::Fault => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        let mut problem = Self::new(status, error.code(), &printable(&error.to_string()), error.next_step());
        problem.retry_after_seconds = retry_after_seconds;
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_used_once() {
        let codes: BTreeSet<_> = Problem::table().into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes.len(), Problem::table().len());
        assert!(Problem::table().iter().all(|(_, status)| status.is_client_error() || status.is_server_error()));
    }

    #[test]
    fn what_a_request_said_is_written_harmlessly() {
        let problem = Problem::other_json().because("unknown field `\u{1b}[31m\u{202e}`");
        assert!(!problem.detail.contains(['\u{1b}', '\u{202e}']), "{}", problem.detail);
        assert!(Problem::query().because("a".repeat(5_000)).detail.len() < 400);
    }
}
