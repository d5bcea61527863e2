//! The body of a change: read once it is known that a page of ours sent it, whole, and as what the route says it is.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use crypto::{Digest, Secret};
use http::request::Parts;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::csrf;
use super::route::{PageRoute, Takes};
use super::trouble::Trouble;
use super::values::Values;
use crate::Web;
use crate::http::verb::Verb;
use crate::problem::Problem;

/// What a request brought.
#[derive(Default)]
pub(super) struct Brought {
    pub(super) form: Values,
    pub(super) document: Bytes,
    /// Which page's form it was.
    pub(super) form_id: Option<Digest>,
}

/// The body of a change, once it is known that a page of ours sent it.
pub(super) async fn read(
    web: &Web,
    route: &PageRoute,
    head: &Parts,
    body: Body,
    cookie: &Secret<String>,
    is_new: bool,
) -> Result<Brought, Trouble> {
    if route.verb == Verb::Get {
        if !body.is_end_stream() && body.size_hint().upper() != Some(0) {
            return Err(Problem::body_not_expected().into());
        }
        return Ok(Brought::default());
    }
    let host = head.uri.authority().map(http::uri::Authority::as_str);
    let host = host.or_else(|| head.headers.get(header::HOST).and_then(|host| host.to_str().ok()));
    csrf::check_origin(&head.headers, web.settings.public_url.as_ref(), host)?;
    // Without the cookie that the page came with no token can hold.
    if is_new {
        return Err(Problem::token().into());
    }
    match route.takes {
        Takes::Json => {
            one_type(&head.headers, b"application/json", Problem::content_type)?;
            let mut tokens = head.headers.get_all(csrf::HEADER).iter();
            let token = tokens.next().filter(|_| tokens.next().is_none()).and_then(|token| token.to_str().ok());
            let form_id = Some(csrf::check(cookie, token.unwrap_or_default())?);
            Ok(Brought { form: Values::default(), document: collected(web, body).await?, form_id })
        }
        Takes::Form(_) | Takes::Nothing => {
            one_type(&head.headers, b"application/x-www-form-urlencoded", Problem::not_a_form)?;
            let bytes = collected(web, body).await?;
            let fields = if let Takes::Form(fields) = route.takes { fields } else { &[] };
            let (token, rest) = without_token(&bytes)?;
            let form_id = Some(csrf::check(cookie, &token)?);
            Ok(Brought { form: Values::read(&rest, fields, Problem::other_form)?, document: Bytes::new(), form_id })
        }
    }
}

/// The token of a form, and everything else in it.
fn without_token(body: &[u8]) -> Result<(String, Vec<u8>), Problem> {
    let is_token = |pair: &&[u8]| pair.starts_with(b"csrf=");
    let mut tokens = body.split(|byte| *byte == b'&').filter(is_token);
    let (Some(token), None) = (tokens.next(), tokens.next()) else { return Err(Problem::token()) };
    let rest: Vec<&[u8]> = body.split(|byte| *byte == b'&').filter(|pair| !is_token(pair)).collect();
    let token = token.strip_prefix(b"csrf=").and_then(|token| std::str::from_utf8(token).ok());
    Ok((token.ok_or_else(Problem::token)?.to_owned(), rest.join(&b'&')))
}

/// One content type, exactly this one. A browser may add a charset to a form, and it can only be the one there is.
fn one_type(headers: &HeaderMap, expected: &[u8], refuse: fn() -> Problem) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let given = types.next().map(|value| value.as_bytes().to_ascii_lowercase()).unwrap_or_default();
    let is_it = given == expected
        || given.strip_prefix(expected).is_some_and(|rest| rest == b";charset=utf-8" || rest == b"; charset=utf-8");
    if is_it && types.next().is_none() && !headers.contains_key(header::CONTENT_ENCODING) {
        Ok(())
    } else {
        Err(refuse())
    }
}

async fn collected(web: &Web, body: Body) -> Result<Bytes, Problem> {
    let limits = &web.settings.limits;
    if body.size_hint().lower() > u64::try_from(limits.body_bytes).unwrap_or(u64::MAX) {
        return Err(Problem::too_large());
    }
    let read = tokio::time::timeout(limits.body, Limited::new(body, limits.body_bytes).collect()).await;
    match read.map_err(|_| Problem::too_slow())? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::too_large()),
        Err(_) => Err(Problem::broken_body()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_taken_out_of_a_form() {
        assert_eq!(without_token(b"a=1&csrf=abc&b=2").unwrap(), ("abc".to_owned(), b"a=1&b=2".to_vec()));
        assert_eq!(without_token(b"csrf=abc").unwrap(), ("abc".to_owned(), Vec::new()));
        for body in [&b""[..], b"a=1", b"csrf=a&csrf=a", b"csrf", b"CSRF=a", b"%63srf=a", b"xcsrf=a"] {
            assert!(without_token(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_content_type_is_exact() {
        let tried = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            one_type(&headers, b"application/x-www-form-urlencoded", Problem::not_a_form).is_ok()
        };
        assert!(tried("application/x-www-form-urlencoded") && tried("Application/X-WWW-form-urlencoded;charset=UTF-8"));
        for other in ["multipart/form-data", "text/plain", "application/x-www-form-urlencoded, text/plain", ""] {
            assert!(!tried(other), "{other}");
        }
    }
}
