//! Bounded texts that a person or a program wrote, never a target system.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use proof::text::{is_deceptive, printable};

use crate::refusal::{Fault, Refusal};
use crate::wire::Wire;

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $max_bytes:literal, $expected:literal, $allowed:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Bytes of the text, at most.
            pub const MAX_BYTES: usize = $max_bytes;

            /// Takes a text in, if it is allowed here.
            ///
            /// # Errors
            ///
            /// What the text should have been.
            pub fn new(text: impl Into<String>) -> Result<Self, Fault> {
                let allowed: fn(&str) -> bool = $allowed;
                let text = text.into();
                if text.is_empty() {
                    return Err(Fault::Missing);
                }
                if text.len() > Self::MAX_BYTES {
                    return Err(Fault::TooLong { max: Self::MAX_BYTES });
                }
                if allowed(&text) { Ok(Self(text)) } else { Err(Fault::Wrong($expected)) }
            }

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
            type Err = Fault;

            fn from_str(text: &str) -> Result<Self, Fault> {
                Self::new(text)
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
                Self::new(text.into_owned()).map_err(serde::de::Error::custom)
            }
        }

        impl Wire for $name {
            type Proto = String;
            const MAX_BYTES: Option<usize> = Some($max_bytes);

            fn read(wire: String) -> Result<Self, Refusal> {
                Ok(Self::new(wire)?)
            }

            fn write(self) -> String {
                self.0
            }
        }
    )*};
}

texts! {
    /// What an operator calls a Runner: 1 to 64 characters on one line, none of which hides or turns the text. A label,
    /// never an identity.
    Label, 256, "a label of 1 to 64 characters on one line, without control characters", |text| {
        text.trim() == text && text.chars().count() <= 64 && !text.chars().any(is_deceptive)
    };

    /// The title of a procedure, from its approved file: 1 to 300 characters on one line.
    Title, 1_200, "a title of 1 to 300 characters on one line, without control characters", |text| {
        !text.trim().is_empty() && text.chars().count() <= Title::MAX_CHARACTERS && !text.chars().any(is_deceptive)
    };

    /// When a procedure is due, as its file says it: a cron pattern or the word of a calendar period.
    ScheduleText, 128, "a schedule in 1 to 128 printable ASCII characters", |text| {
        text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
    };

    /// A time zone by its name in the IANA database, such as `Europe/Berlin`.
    ZoneName, 64, "the name of a time zone", |text| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'+' | b'-'))
    };

    /// A stable code: `E-LINK-003`, or the word of a [`verdict::Code`] such as `timeout`. It leads to a help page and
    /// says nothing that a target system said.
    Code, 64, "a code such as E-LINK-003 or timeout", |text| is_error_code(text) || text.parse::<verdict::Code>().is_ok();

    /// Where a service listens: `host:port`, with an IPv6 address in brackets.
    Address, 262, "an address HOST:PORT", |text| parts_of_address(text).is_some();
}

impl Title {
    const MAX_CHARACTERS: usize = 300;

    /// The title that stands for this text: characters that may not cross are written as escapes, and what is too long
    /// ends in `…`. A procedure may have a title that is no [`Title`]; it is still listed.
    pub fn shown(text: &str) -> Self {
        let text = printable(text.trim());
        let mut shown: String = text.chars().take(Self::MAX_CHARACTERS).collect();
        if shown.len() < text.len() {
            shown = text.chars().take(Self::MAX_CHARACTERS - 1).chain(['…']).collect();
        }
        if shown.is_empty() { Self("-".to_owned()) } else { Self(shown) }
    }
}

impl From<verdict::Code> for Code {
    fn from(code: verdict::Code) -> Self {
        Self(code.as_str().to_owned())
    }
}

impl Address {
    /// The host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        parts_of_address(&self.0).map_or("", |(host, _)| host)
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        parts_of_address(&self.0).map_or(0, |(_, port)| port)
    }
}

/// `[A-Z]{1,12}(-[A-Z]{1,12}){0,2}-[0-9]{3}`.
fn is_error_code(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else { return false };
    let is_word = |word: &str| (1..=12).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase());
    number.len() == 3
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.split('-').count() <= 3
        && words.split('-').all(is_word)
}

fn parts_of_address(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let number: u16 = port.parse().ok().filter(|number| *number != 0)?;
    if number.to_string() != port {
        return None;
    }
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|host| host.parse::<Ipv6Addr>().is_ok())?,
        None if host.parse::<Ipv4Addr>().is_ok() => host,
        None => is_host_name(host).then_some(host)?,
    };
    Some((host, number))
}

/// A name of letters, digits and hyphens (RFC 1123 §2.1) whose last label is not a number, so that it is no misspelt
/// address; underscores are let through because names in private networks have them.
fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253 && host.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded() {
        assert!(Label::new("Rechenzentrum Süd, Halle 2").is_ok());
        for text in [" a", "a ", "a\nb", "a\u{202e}b", "a\u{1b}[31m", &"ä".repeat(65), &"a".repeat(257), ""] {
            assert!(Label::new(text).is_err(), "{text:?}");
        }
        assert!(Title::new("Wer darf auf die Buchhaltung zugreifen?").is_ok());
        assert!(Title::new("a\u{200b}b").is_err());
        assert!(ScheduleText::new("0 6 * * MON-FRI").is_ok());
        assert!(ZoneName::new("America/Argentina/Buenos_Aires").is_ok());
        assert!(ZoneName::new("../../etc/passwd").is_err());
    }

    #[test]
    fn every_title_can_be_shown() {
        for text in ["", "  ", "a\tb", "soft\u{ad}hyphen", &"ä".repeat(301), &"\u{202e}".repeat(300)] {
            assert!(Title::new(Title::shown(text).as_str()).is_ok(), "{text:?}");
        }
        assert_eq!(Title::shown(" plain ").as_str(), "plain");
        assert!(Title::shown(&"a".repeat(301)).as_str().ends_with("a…"));
        assert_eq!(Title::shown(&"a".repeat(300)).as_str().len(), 300);
    }

    #[test]
    fn codes_have_their_form() {
        for text in ["E-LINK-003", "E-OPS-100", "E-POL-ROWS-001", "timeout", "population_not_proven"] {
            assert_eq!(Code::new(text).unwrap().as_str(), text);
        }
        for text in
            ["", "E-LINK-3", "E-LINK-0003", "E_LINK_003", "e-link-003", "A-B-C-D-001", "-001", "Timeout", "root"]
        {
            assert!(Code::new(text).is_err(), "{text}");
        }
        assert_eq!(Code::from(verdict::Code::Timeout).as_str(), "timeout");
    }

    #[test]
    fn addresses_have_host_and_port() {
        let parts = |text: &str| Address::new(text).map(|address| (address.host().to_owned(), address.port())).ok();
        assert_eq!(parts("proctor.example.org:8442"), Some(("proctor.example.org".into(), 8442)));
        assert_eq!(parts("127.0.0.1:1"), Some(("127.0.0.1".into(), 1)));
        assert_eq!(parts("[::1]:8442"), Some(("::1".into(), 8442)));
        let wrong = ["a", "a:", ":1", "a:0", "a:65536", "a:+1", "a:01", "::1:8442", "[::1]", "[a]:1", "a b:1", "u@a:1"];
        for text in wrong.into_iter().chain(["1.2.3:4", "1.2.3.256:4", "a/:1", "-a:1", "a..b:1", "a.:1"]) {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
