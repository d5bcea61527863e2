//! What is said when something is not done: a page with the code, the request's id and the next step, or a redirect to
//! where it can be done.

use askama::Template;
use axum::body::Body;
use control_plane_operations::{Error, Kind};
use http::{HeaderValue, Response, StatusCode, header};

use super::answer::Answer;
use super::frame::Frame;
use super::path::{self, Href};
use super::policy;
use crate::front::RequestId;
use crate::problem::{Coded, Problem};

/// Why a page is not shown as asked.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It is said.
    Problem(Box<Problem>),
    /// Nobody is signed in.
    SignIn,
    /// A password was shown, and the second factor is wanted at this place.
    SecondFactor(Href),
    /// Both factors are wanted again.
    ConfirmFirst,
    /// It is done elsewhere.
    Elsewhere(Href),
}

impl Trouble {
    /// There is no such thing in this tenant.
    pub(crate) fn not_found(what: &'static str) -> Self {
        Error::NotFound(what).into()
    }

    /// The request says something that cannot be.
    pub(crate) fn invalid(why: impl std::fmt::Display) -> Self {
        Problem::other_form().because(why).into()
    }

    /// The answer to a page. `frame` is there if somebody is signed in; `back` is where a page is that leads here.
    pub(super) fn into_page(self, frame: Option<Frame>, id: &RequestId, back: &Href) -> Response<Body> {
        let problem = match self {
            Self::SignIn => return Answer::go(path::sign_in_to(back)).into_response(),
            Self::SecondFactor(place) | Self::Elsewhere(place) => return Answer::go(place).into_response(),
            Self::ConfirmFirst => return Answer::go(path::confirm(back)).into_response(),
            Self::Problem(problem) => *problem,
        };
        page(problem, frame, id)
    }

    /// The answer to a script of ours: problem details, with the page that helps if there is one.
    pub(super) fn into_json(self) -> Response<Body> {
        match self {
            Self::SignIn | Self::SecondFactor(_) => Problem::signed_out().helped_by("/sign-in").into_response(),
            Self::ConfirmFirst => Problem::from(Error::ConfirmFirst).helped_by("/confirm").into_response(),
            Self::Elsewhere(place) => Problem::elsewhere().helped_by(place.as_str()).into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::ConfirmFirst => Self::ConfirmFirst,
            Error::SessionOver => Self::SignIn,
            error => {
                if error.kind() == Kind::Fault {
                    tracing::error!(code = error.code(), error = &error as &dyn std::error::Error, "a page failed");
                }
                Problem::from(error).into()
            }
        }
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

#[derive(Template)]
#[template(path = "page/trouble.html")]
struct TroublePage {
    frame: Frame,
    said: Said,
}

#[derive(Template)]
#[template(path = "page/trouble_plain.html")]
struct PlainTroublePage {
    frame: Frame,
    said: Said,
}

/// What the page says.
struct Said {
    heading: &'static str,
    detail: String,
    next: String,
    code: &'static str,
    status: u16,
    request_id: String,
    seconds: Option<u32>,
}

/// A refusal of what came before anybody looked at who asks.
pub(crate) fn bare(problem: Problem, id: &RequestId) -> Response<Body> {
    page(problem, None, id)
}

fn page(problem: Problem, frame: Option<Frame>, id: &RequestId) -> Response<Body> {
    let status = problem.status();
    let (code, seconds, allow) = (problem.code(), problem.seconds(), problem.allow().map(str::to_owned));
    let heading = heading_of(status);
    let said = Said {
        heading,
        detail: problem.detail().to_owned(),
        next: problem.next_for_people().to_owned(),
        code,
        status: status.as_u16(),
        request_id: id.0.clone(),
        seconds,
    };
    let text = match frame {
        Some(frame) => TroublePage { frame, said }.render(),
        None => PlainTroublePage { frame: Frame::plain(heading), said }.render(),
    };
    let mut response = Response::new(Body::from(text.unwrap_or_else(|_| heading.to_owned())));
    *response.status_mut() = status;
    response.extensions_mut().insert(Coded(code));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy::CONTENT);
    if let Some(seconds) = seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = allow.and_then(|methods| HeaderValue::try_from(methods).ok()) {
        headers.insert(header::ALLOW, allow);
    }
    response
}

fn heading_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::FORBIDDEN => "This is not for you to do",
        StatusCode::METHOD_NOT_ALLOWED => "This page does not take that",
        StatusCode::CONFLICT => "This does not fit how things stand",
        StatusCode::TOO_MANY_REQUESTS => "Too much at once",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        StatusCode::INTERNAL_SERVER_ERROR => "This went wrong",
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG => "This is too long",
        StatusCode::REQUEST_TIMEOUT => "This took too long",
        StatusCode::UNAUTHORIZED => "Sign in first",
        _ => "This was not understood",
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<super::sample::Sample> {
    use super::frame::Section;
    use super::sample::{HOSTILE, Sample};
    let said = |heading, detail: &str| Said {
        heading,
        detail: detail.to_owned(),
        next: "look for it in the list".to_owned(),
        code: "E-OPS-004",
        status: 404,
        request_id: "00".repeat(16),
        seconds: Some(3),
    };
    let inside = |detail| TroublePage { frame: Frame::sample(Section::None, "Nothing"), said: said("Nothing", detail) };
    let outside = |detail| PlainTroublePage { frame: Frame::plain("Nothing"), said: said("Nothing", detail) };
    vec![
        Sample::page("trouble, signed in", &inside("there is no such run")),
        Sample::page("trouble, signed in, hostile", &inside(HOSTILE)),
        Sample::page("trouble, signed out", &outside("there is no such run")),
        Sample::page("trouble, signed out, hostile", &outside(HOSTILE)),
    ]
}
