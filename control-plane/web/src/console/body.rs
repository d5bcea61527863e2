//! The body of a change: read once it is known that a page of ours sent it, whole, and as what the route says it is.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use crypto::digest::sha256_parts;
use crypto::{Digest, Secret};
use http::request::Parts;
use http::{HeaderMap, header};

use super::csrf;
use super::pages::again::{self, Again};
use super::route::{Field, PageRoute, Takes};
use super::trouble::Trouble;
use super::values::Values;
use crate::Web;
use crate::http::body::{Sender, whole};
use crate::http::verb::Verb;
use crate::idempotency;
use crate::problem::Problem;

/// What a request brought.
#[derive(Default)]
pub(super) struct Brought {
    pub(super) form: Values,
    pub(super) document: Bytes,
    /// Which page's form it was.
    pub(super) form_id: Option<Digest>,
    /// Both factors, shown with it.
    pub(super) again: Option<Again>,
    /// The key under which a script asks for it once, and what makes it the same request.
    pub(super) key: Option<(String, Digest)>,
}

/// The body of a change, once it is known that a page of ours sent it.
pub(super) async fn read(
    web: &Web,
    route: &PageRoute,
    head: &Parts,
    body: Body,
    cookie: &Secret<String>,
    is_new: bool,
    sender: Sender<'_>,
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
            let document = whole(web, head, body, sender).await.map_err(Problem::from)?;
            let path = head.uri.path_and_query().map_or("", |path| path.as_str());
            let request = sha256_parts(&[route.name.as_bytes(), b" ", path.as_bytes(), b"\n", &document]);
            let key = idempotency::key_of(&head.headers)?.map(|key| (key, request));
            Ok(Brought { form: Values::default(), document, form_id, again: None, key })
        }
        Takes::Form(_) | Takes::Nothing => {
            one_type(&head.headers, b"application/x-www-form-urlencoded", Problem::not_a_form)?;
            let bytes = whole(web, head, body, sender).await.map_err(Problem::from)?;
            let own = if let Takes::Form(fields) = route.takes { fields } else { &[] };
            let more = if again::keeps(route) { again::FIELDS } else { &[] };
            let fields: Vec<Field> = own.iter().chain(more).copied().collect();
            let (token, rest) = without_token(&bytes)?;
            let form_id = Some(csrf::check(cookie, &token)?);
            let mut form = Values::read(&rest, &fields, Problem::other_form)?;
            let again = Again::take(&mut form);
            Ok(Brought { form, document: Bytes::new(), form_id, again, key: None })
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
