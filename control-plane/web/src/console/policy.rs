//! What a browser may do with our pages. No script, style or picture of anybody else, none inside a page, and no text
//! that becomes markup in a script.

use http::HeaderValue;

/// The content security policy of pages and of what they are made of.
pub(crate) const CONTENT: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'none'; \
     form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);

/// What is cached for ever: its name changes with its bytes.
pub(crate) const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
