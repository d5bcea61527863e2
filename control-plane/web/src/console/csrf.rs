//! Whether a change was asked for by a page of ours (OWASP ASVS 5.0, V3.5).
//!
//! Two checks, each of which suffices. The form carries a token that only a page with the visitor's own cookie can have:
//! a fresh nonce and its HMAC under the cookie's secret, so that no two pages show the same one and each form is known
//! again. And what the browser says of the request must not speak of another site.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use crypto::digest::{HmacKey, sha256_parts};
use crypto::entropy::random_bytes;
use crypto::{Digest, Entropy, Secret, equal_constant_time};
use http::{HeaderMap, header};
use url::Url;

use crate::problem::Problem;

/// The field of a form that carries the token.
pub(crate) const FIELD: &str = "csrf";

/// The header with which a script of ours sends it.
pub(crate) const HEADER: &str = "x-csrf-token";

const CONTEXT: &[u8] = b"proctor.console.form.v1\0";
const NONCE: usize = 16;

/// A token for one page of whoever has this cookie.
pub(crate) fn token(cookie: &Secret<String>, entropy: &dyn Entropy) -> String {
    let nonce: [u8; NONCE] = random_bytes(entropy);
    let mut token = nonce.to_vec();
    token.extend(code(cookie, &nonce));
    BASE64.encode(token)
}

/// Whether a token was made for whoever has this cookie. What comes back is the same for the same page and says nothing.
pub(crate) fn check(cookie: &Secret<String>, token: &str) -> Result<Digest, Problem> {
    let bytes = BASE64.decode(token).map_err(|_| Problem::token())?;
    let (nonce, shown) = bytes.split_first_chunk::<NONCE>().ok_or_else(Problem::token)?;
    if equal_constant_time(&code(cookie, nonce), shown) {
        Ok(sha256_parts(&[CONTEXT, cookie.expose().as_bytes(), nonce]))
    } else {
        Err(Problem::token())
    }
}

fn code(cookie: &Secret<String>, nonce: &[u8; NONCE]) -> [u8; 32] {
    HmacKey::new(cookie.expose().as_bytes()).sign(&[CONTEXT, nonce])
}

/// Refuses what a browser says comes from somewhere else. Programs say neither; the token is theirs to have.
pub(crate) fn check_origin(headers: &HeaderMap, public: Option<&Url>, host: Option<&str>) -> Result<(), Problem> {
    let site = once(headers, "sec-fetch-site")?;
    // `none` is the person themselves: a page that is loaded again.
    let says_same_site = match site {
        Some("same-origin" | "none") => true,
        Some(_) => return Err(Problem::origin()),
        None => false,
    };
    match once(headers, header::ORIGIN.as_str())? {
        None => Ok(()),
        // Our referrer policy has browsers say this of our own forms as well (Fetch, section 3.2).
        Some("null") if says_same_site => Ok(()),
        Some(origin) if is_ours(origin, public, host) => Ok(()),
        Some(_) => Err(Problem::origin()),
    }
}

fn is_ours(origin: &str, public: Option<&Url>, host: Option<&str>) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    if url.scheme() != "https" || url.origin().ascii_serialization() != origin {
        return false;
    }
    let of_host = host.and_then(|host| Url::parse(&format!("https://{host}")).ok());
    [public, of_host.as_ref()].into_iter().flatten().any(|ours| ours.origin() == url.origin())
}

fn once<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Problem::origin()),
        (Some(_), Some(_)) => Err(Problem::origin()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::SystemEntropy;
    use http::HeaderValue;

    fn cookie(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_token_holds_for_its_cookie_alone() {
        let (entropy, ours) = (SystemEntropy::new(), cookie("ours"));
        let (one, two) = (token(&ours, &entropy), token(&ours, &entropy));
        assert_ne!(one, two);
        assert_eq!(check(&ours, &one).unwrap(), check(&ours, &one).unwrap());
        assert_ne!(check(&ours, &one).unwrap(), check(&ours, &two).unwrap());
        assert!(check(&cookie("theirs"), &one).is_err());
        let longer = format!("{one}AA");
        let mut changed = one.clone();
        let last = changed.pop().unwrap();
        changed.push(if last == 'A' { 'E' } else { 'A' });
        for wrong in ["", "x", "AAAA", &changed, &longer, one.get(..40).unwrap(), " ", "\u{0}"] {
            assert!(check(&ours, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_comes_from_elsewhere_is_refused() {
        let public = Url::parse("https://proctor.example:8440/").unwrap();
        let tried = |origin: Option<&str>, site: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_str(site).unwrap());
            }
            check_origin(&headers, Some(&public), Some("console.example")).is_ok()
        };
        for (origin, site) in [
            (None, None),
            (Some("https://proctor.example:8440"), None),
            (Some("https://console.example"), Some("same-origin")),
            (Some("null"), Some("same-origin")),
            (None, Some("same-origin")),
            (Some("null"), Some("none")),
        ] {
            assert!(tried(origin, site), "{origin:?} {site:?}");
        }
        for (origin, site) in [
            (Some("null"), None),
            (Some("https://evil.example"), None),
            (Some("https://evil.example"), Some("same-origin")),
            (Some("https://proctor.example"), None),
            (Some("http://proctor.example:8440"), None),
            (Some("https://proctor.example:8440.evil.example"), None),
            (Some("https://proctor.example:8440/"), None),
            (Some("https://xproctor.example:8440"), None),
            (Some("https://proctor.example:8440"), Some("cross-site")),
            (Some("https://proctor.example:8440"), Some("same-site")),
            (None, Some("cross-site")),
            (None, Some("same-site")),
            (None, Some("nonsense")),
            (Some(""), None),
        ] {
            assert!(!tried(origin, site), "{origin:?} {site:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::ORIGIN, HeaderValue::from_static("https://console.example"));
        twice.append(header::ORIGIN, HeaderValue::from_static("https://console.example"));
        assert!(check_origin(&twice, None, Some("console.example")).is_err());
    }
}
