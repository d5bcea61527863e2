//! How a value is written into a page: markup as text, and characters that do something instead of being read as their
//! escape. Every template uses it without asking for it (`askama.toml`).

use std::fmt::{self, Write};

use askama::filters::Escaper;
use proof::text::is_deceptive;

/// Writes any text so that a browser shows it and does nothing with it, in text and in quoted attributes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        let mut written = 0;
        for (at, character) in text.char_indices() {
            let plain = match character {
                '<' | '>' | '&' | '"' | '\'' => false,
                // Lines of a text that is shown as it is.
                '\n' | '\t' => true,
                other => !is_deceptive(other) && !is_noncharacter(other),
            };
            if plain {
                continue;
            }
            dest.write_str(text.get(written..at).unwrap_or_default())?;
            written = at + character.len_utf8();
            match character {
                '<' => dest.write_str("&lt;")?,
                '>' => dest.write_str("&gt;")?,
                '&' => dest.write_str("&amp;")?,
                '"' => dest.write_str("&quot;")?,
                '\'' => dest.write_str("&#39;")?,
                // The end of a line as some systems write it; HTML knows it as one.
                '\r' if text.get(written..).is_some_and(|rest| rest.starts_with('\n')) => {}
                other => write!(dest, "{}", other.escape_unicode())?,
            }
        }
        dest.write_str(text.get(written..).unwrap_or_default())
    }
}

/// A code point that stands for no character and may not stand in a document (HTML, 13.2.3.5).
fn is_noncharacter(character: char) -> bool {
    let code = u32::from(character);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        Visible.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(shown("<b a=\"1\" c='2'>&"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
        assert_eq!(shown("ordinary text, ä ü 漢"), "ordinary text, ä ü 漢");
    }

    #[test]
    fn what_is_not_read_is_shown_as_its_escape() {
        assert_eq!(shown("a\u{202e}b\u{1b}[31m\u{0}"), "a\\u{202e}b\\u{1b}[31m\\u{0}");
        assert_eq!(shown("one\r\ntwo\n\tthree\rfour"), "one\ntwo\n\tthree\\u{d}four");
        assert_eq!(shown("\u{feff}\u{200b}\u{2066}"), "\\u{feff}\\u{200b}\\u{2066}");
        assert_eq!(shown("\u{fffe}\u{fdd0}\u{10ffff}\u{fffd}"), "\\u{fffe}\\u{fdd0}\\u{10ffff}\u{fffd}");
    }
}
