//! Bounded texts: names out of an approved procedure, and what a person typed as a reason.

use std::fmt;
use std::str::FromStr;

/// A text that is not allowed where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct TextError(&'static str);

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                let allowed: fn(&str) -> bool = $allowed;
                if allowed(text) { Ok(Self(text.to_owned())) } else { Err(TextError($expected)) }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

bounded! {
    /// An id or word that stands in an approved procedure or in a fixed vocabulary: 1 to 64 of `A-Z a-z 0-9 _ . -`.
    Name, "a name of 1 to 64 characters of A-Z a-z 0-9 _ . -",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

bounded! {
    /// A program and its version, such as `proctor-runner 0.1.0`: 1 to 64 printable ASCII characters without `"` and `\`.
    Software, "a program's name and version in 1 to 64 printable ASCII characters",
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
}

bounded! {
    /// What a person typed as a purpose or justification: 1 to 500 characters, none of which is a control character or
    /// changes the direction of writing.
    FreeText, "a text of 1 to 500 characters without control characters",
    |text| !text.trim().is_empty() && text.chars().count() <= 500 && !text.chars().any(is_deceptive)
}

bounded! {
    /// Why a person asks for evidence: 1 to 200 characters, none of which is a control character or changes the direction
    /// of writing.
    Reason, "a text of 1 to 200 characters without control characters",
    |text| !text.trim().is_empty() && text.chars().count() <= 200 && !text.chars().any(is_deceptive)
}

/// Characters that do something to a terminal, a log line or the reading order instead of being read.
pub fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every deceptive character written as its escape, such as `\u{202e}`; safe to show anywhere.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_deceptive(character) { shown.extend(character.escape_unicode()) } else { shown.push(character) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded() {
        assert!("access-review.v2_x".parse::<Name>().is_ok());
        for text in ["", "a b", "ä", "a\n", &"a".repeat(65)] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
        assert!("proctor-runner 0.1.0+g1234".parse::<Software>().is_ok());
        assert!("a\u{7f}".parse::<Software>().is_err());
        assert!("Left the company; asked by the works council – §12".parse::<FreeText>().is_ok());
        for text in ["", "  ", "a\nb", "a\u{202e}b", "a\u{1b}[31m", "a\u{e0041}", &"a".repeat(501)] {
            assert!(text.parse::<FreeText>().is_err(), "{text:?}");
        }
        assert!("ü".repeat(200).parse::<Reason>().is_ok());
        for text in ["", " ", "a\tb", &"ü".repeat(201)] {
            assert!(text.parse::<Reason>().is_err(), "{text:?}");
        }
    }
}
