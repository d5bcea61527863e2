//! Cookies: the session, what stands in for one before there is one, and a sentence for the next page. All of them are
//! bound to this host and kept from scripts (RFC 6265bis, section 4.1.3).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use crypto::Secret;
use http::{HeaderMap, HeaderValue, header};

/// The session.
pub(crate) const SESSION: &str = control_plane_operations::COOKIE;

/// What a form is bound to while nobody is signed in.
pub(crate) const VISITOR: &str = "__Host-proctor-visitor";

/// A sentence that the next page says.
pub(crate) const SAYING: &str = "__Host-proctor-saying";

/// Bytes of a cookie that is ours.
const MAX_BYTES: usize = 1_024;

/// The value of a cookie. Two of one name are none: nobody can tell which of them is ours.
pub(crate) fn read(headers: &HeaderMap, name: &str) -> Option<Secret<String>> {
    let mut found = None;
    for header in headers.get_all(header::COOKIE) {
        let Ok(text) = header.to_str() else { continue };
        for pair in text.split(';') {
            let Some((key, value)) = pair.split_once('=') else { continue };
            if key.trim_matches([' ', '\t']) != name {
                continue;
            }
            let value = value.trim_matches([' ', '\t']);
            let is_plain =
                value.len() <= MAX_BYTES && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
            if found.is_some() || value.is_empty() || !is_plain {
                return None;
            }
            found = Some(Secret::new(value.to_owned()));
        }
    }
    found
}

/// Puts a value in the place of the one that came along: from here on the request is as if it had come with this one.
pub(crate) fn renew(headers: &mut HeaderMap, name: &str, value: &Secret<String>) {
    let is_other = |pair: &&str| pair.split_once('=').is_none_or(|(key, _)| key.trim_matches([' ', '\t']) != name);
    let others = headers.get_all(header::COOKIE).iter().filter_map(|header| header.to_str().ok());
    let others: Vec<&str> = others.flat_map(|text| text.split(';')).filter(is_other).map(str::trim).collect();
    let own = format!("{name}={}", value.expose());
    let all: Vec<&str> = others.into_iter().chain([own.as_str()]).filter(|pair| !pair.is_empty()).collect();
    let Ok(mut header) = HeaderValue::try_from(all.join("; ")) else { return };
    header.set_sensitive(true);
    headers.insert(header::COOKIE, header);
}

/// The header that sets a cookie until the browser is closed; the server knows when it really ends.
pub(crate) fn set(name: &str, value: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::try_from(format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Sets a cookie on an answer that says nothing of it yet.
pub(crate) fn set_unless_set(headers: &mut HeaderMap, name: &str, value: &Secret<String>) {
    let sets = |header: &HeaderValue| {
        let of_it = header.as_bytes().strip_prefix(name.as_bytes());
        of_it.is_some_and(|rest| rest.first() == Some(&b'='))
    };
    if !headers.get_all(header::SET_COOKIE).iter().any(sets)
        && let Some(header) = set(name, value.expose())
    {
        headers.append(header::SET_COOKIE, header);
    }
}

/// The header that ends a cookie.
pub(crate) fn end(name: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")).ok()
}

/// A sentence as a cookie has it.
pub(crate) fn saying(text: &str) -> Option<HeaderValue> {
    let text: String = text.chars().take(300).collect();
    let encoded = BASE64.encode(text);
    HeaderValue::try_from(format!("{SAYING}={encoded}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60")).ok()
}

/// The sentence that a cookie has.
pub(crate) fn said(headers: &HeaderMap) -> Option<String> {
    let encoded = read(headers, SAYING)?;
    let text = String::from_utf8(BASE64.decode(encoded.expose()).ok()?).ok()?;
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[&[u8]]) -> Option<String> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(header::COOKIE, HeaderValue::from_bytes(header).unwrap());
        }
        read(&map, VISITOR).map(|value| value.expose().clone())
    }

    #[test]
    fn a_cookie_stands_there_once() {
        assert_eq!(found(&[b"__Host-proctor-visitor=abc"]).as_deref(), Some("abc"));
        assert_eq!(found(&[b"a=b; __Host-proctor-visitor=abc;c=d", b"e=f"]).as_deref(), Some("abc"));
        assert_eq!(found(&[b"__Host-proctor-visitor=abc; __Host-proctor-visitor=abd"]), None);
        assert_eq!(found(&[b"__Host-proctor-visitor=abc", b"__Host-proctor-visitor=abc"]), None);
        for garbage in [&b""[..], b";", b"=", b"__Host-proctor-visitor", b"__Host-proctor-visitor=", b"\xff\xfe"] {
            assert_eq!(found(&[garbage]), None);
        }
        assert_eq!(found(&[b"__host-proctor-visitor=abc"]), None, "names are exact");
        assert_eq!(found(&[format!("__Host-proctor-visitor={}", "a".repeat(2_000)).as_bytes()]), None);
    }

    #[test]
    fn a_renewed_cookie_takes_the_place_of_the_old_one() {
        let mut map = HeaderMap::new();
        map.append(header::COOKIE, HeaderValue::from_static("a=b; __Host-proctor-session=old;c=d"));
        map.append(header::COOKIE, HeaderValue::from_static("e=f"));
        renew(&mut map, SESSION, &Secret::new("new".to_owned()));
        assert_eq!(read(&map, SESSION).unwrap().expose(), "new");
        assert_eq!(map[header::COOKIE], "a=b; c=d; e=f; __Host-proctor-session=new");
    }

    #[test]
    fn a_sentence_survives_its_cookie() {
        let header = saying("Ada \u{2764} was invited; =\u{202e}").unwrap();
        let text = header.to_str().unwrap();
        let mut map = HeaderMap::new();
        map.insert(header::COOKIE, HeaderValue::from_str(text.split_once(';').unwrap().0).unwrap());
        assert_eq!(said(&map).as_deref(), Some("Ada \u{2764} was invited; =\u{202e}"));
        map.insert(header::COOKIE, HeaderValue::from_static("__Host-proctor-saying=####"));
        assert_eq!(said(&map), None);
    }
}
