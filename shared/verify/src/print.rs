//! Printing: at once, and nothing that acts on a terminal.

use std::io::Write;

use anstream::AutoStream;

/// Prints a text at once: whoever reads it over a pipe is woken once, not for each piece between two colours.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut whole = AutoStream::new(Vec::with_capacity(text.len()), AutoStream::choice(&out));
    whole.write_all(text.as_bytes())?;
    out.write_all(&whole.into_inner())?;
    out.flush()
}

/// JSON that is the same document and cannot act on a terminal: what [`proof::text::printable`] escapes stands as JSON's
/// own escape. Outside of strings JSON on one line has no such characters.
pub(crate) fn inert(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if proof::text::is_deceptive(character) {
            let mut units = [0; 2];
            character.encode_utf16(&mut units).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inert_json_is_the_same_document() {
        let value = serde_json::json!({"a\u{202e}": "\u{9b}31m \u{e0041} é 漢 \u{7f}"});
        let text = inert(&value.to_string());
        assert!(!text.chars().any(proof::text::is_deceptive), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
