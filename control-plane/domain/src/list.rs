//! Lists by keyset: a page begins after the last row that was seen, never at a number.

use std::fmt;
use std::str::FromStr;

/// Rows of a page, at most.
pub const MAX_LIMIT: u32 = 200;

/// Bytes of a cursor's text, at most.
const MAX_CURSOR: usize = 512;

/// Where a page ended. Opaque to everybody but the store; it names rows of the list's own order and gives no access:
/// the tenant is never in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Vec<String>);

/// A text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: pass `next` of the page before, unchanged")]
pub struct CursorError;

impl Cursor {
    /// A cursor at the row with these values in the order's columns.
    pub fn at(parts: impl IntoIterator<Item = String>) -> Self {
        Self(parts.into_iter().collect())
    }

    /// The values.
    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

/// Each value is written `length:value`, the whole in hex: safe in a URL and in JSON.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            let text = format!("{}:{part}", part.len());
            text.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        Ok(())
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.is_empty() || text.len() > MAX_CURSOR {
            return Err(CursorError);
        }
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(CursorError) };
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(CursorError),
        };
        let bytes: Result<Vec<u8>, CursorError> =
            pairs.iter().map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?)).collect();
        let decoded = String::from_utf8(bytes?).map_err(|_| CursorError)?;
        let mut parts = Vec::new();
        let mut rest = decoded.as_str();
        while !rest.is_empty() {
            let (length, after) = rest.split_once(':').ok_or(CursorError)?;
            let length: usize = length.parse().map_err(|_| CursorError)?;
            let (part, after) = after.split_at_checked(length).ok_or(CursorError)?;
            parts.push(part.to_owned());
            rest = after;
        }
        let cursor = Self(parts);
        // One spelling: no leading zeros, no plus signs.
        if cursor.to_string() == text { Ok(cursor) } else { Err(CursorError) }
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    after: Option<Cursor>,
    limit: u32,
}

/// A limit that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a page has 1 to {MAX_LIMIT} rows")]
pub struct LimitError;

impl Page {
    /// A page of 1 to [`MAX_LIMIT`] rows.
    pub fn new(after: Option<Cursor>, limit: u32) -> Result<Self, LimitError> {
        if (1..=MAX_LIMIT).contains(&limit) { Ok(Self { after, limit }) } else { Err(LimitError) }
    }

    /// The first page, as long as pages may be.
    pub fn first() -> Self {
        Self { after: None, limit: MAX_LIMIT }
    }

    /// The page of the same length after this one's last row.
    #[must_use]
    pub fn following(&self, next: Cursor) -> Self {
        Self { after: Some(next), limit: self.limit }
    }

    /// Where the page before ended.
    pub fn after(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }

    /// Rows, at most.
    pub fn limit(&self) -> u32 {
        self.limit
    }
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end of the list.
    pub next: Option<Cursor>,
}

impl<T> Listed<T> {
    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_have_one_spelling() {
        let cursor = Cursor::at(["1795291896097".to_owned(), "a:b".to_owned(), String::new()]);
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "3", "31", "313a", "303a", "30313a61", "2b313a61", "313a61ff", "ZZ"] {
            let parsed = text.parse::<Cursor>();
            assert!(parsed.is_err() || parsed.unwrap().to_string() == text, "{text}");
        }
        assert!("30313a61".parse::<Cursor>().is_err());
        assert!("2b313a61".parse::<Cursor>().is_err());
    }

    #[test]
    fn pages_are_bounded() {
        assert!(Page::new(None, 0).is_err() && Page::new(None, 201).is_err() && Page::new(None, 200).is_ok());
    }
}
