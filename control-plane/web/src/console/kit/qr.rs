//! A QR code as a drawing inside the page: a picture from elsewhere would carry the secret in its address.

use std::fmt::Write;

use askama::Template;
use crypto::Secret;
use qrcodegen::{QrCode, QrCodeEcc};

use super::{Html, html};

/// Light modules around the code, which readers need (ISO/IEC 18004).
const QUIET: i32 = 4;

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<svg class="qr" role="img" aria-label="{{ label }}" viewBox="0 0 {{ side }} {{ side }}" width="240" height="240" shape-rendering="crispEdges"><rect width="{{ side }}" height="{{ side }}" fill="#ffffff"/><path d="{{ path }}" fill="#000000"/></svg>"##
)]
struct Drawing<'d> {
    label: &'d str,
    side: i32,
    path: String,
}

/// A QR code of this text; `None` if it is longer than a code holds.
pub(crate) fn qr(text: &Secret<String>, label: &str) -> Option<Html> {
    let code = QrCode::encode_text(text.expose(), QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                write!(path, "M{},{}h1v1h-1z", x + QUIET, y + QUIET).ok()?;
            }
        }
    }
    Some(html(&Drawing { label, side: code.size() + 2 * QUIET, path }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_with_room_around_it() {
        let uri = "otpauth://totp/Proctor:ada%40example.org?secret=JBSWY3DPEHPK3PXP&issuer=Proctor".to_owned();
        let text = qr(&Secret::new(uri), "QR code").unwrap().0;
        // The corner of the finder pattern stands behind four light modules.
        assert!(text.contains("M4,4h1v1h-1z") && !text.contains("M3,") && !text.contains("style"), "{text}");
        assert!(qr(&Secret::new("a".repeat(5_000)), "QR code").is_none());
    }
}
