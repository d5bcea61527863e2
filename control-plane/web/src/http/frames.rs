//! The frames of HTTP/2 as they are written (RFC 9113, section 4.1), as far as it takes to find the one refusal that the
//! library gives by itself: a status and nothing else, in a frame that begins and ends its stream.
//!
//! Every answer of ours names its request, in more octets than such a frame has. What is put behind the status does not
//! touch the table that both sides keep of fields (RFC 7541, section 6.2.2): so nothing written later means anything else.

use http::{HeaderMap, header};

/// Octets of a frame's head.
const HEAD: usize = 9;

/// Octets of fields that only a status can be.
const BARE: usize = 12;

const HEADERS: u8 = 1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// What is known of the frames that were written.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Octets of the frame that was begun.
    left: usize,
    /// What was written of the head of the next one.
    head: Vec<u8>,
}

/// A frame that was held back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeldBack(Vec<u8>);

impl Frames {
    /// How many of these octets can be written as they are: all up to a bare refusal.
    pub(super) fn plain(&self, bytes: &[u8]) -> usize {
        let mut plain = self.left;
        if !self.head.is_empty() {
            let missing = bytes.get(..HEAD - self.head.len()).unwrap_or(bytes);
            let head = [self.head.as_slice(), missing].concat();
            plain = length_of(&head).map_or(bytes.len(), |length| missing.len() + length);
        }
        while let Some(rest) = bytes.get(plain..).filter(|rest| !rest.is_empty()) {
            match length_of(rest) {
                Some(length) if !is_bare(rest) => plain = plain.saturating_add(HEAD + length),
                Some(_) => return plain,
                None => break,
            }
        }
        bytes.len()
    }

    /// These octets were written.
    pub(super) fn passed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let (_, rest) = bytes.split_at(self.left.min(bytes.len()));
                self.left -= bytes.len() - rest.len();
                bytes = rest;
                continue;
            }
            let (head, rest) = bytes.split_at((HEAD - self.head.len()).min(bytes.len()));
            self.head.extend_from_slice(head);
            bytes = rest;
            if let Some(length) = length_of(&self.head) {
                self.left = length;
                self.head.clear();
            }
        }
    }

    /// Takes the frame that these octets begin with; how many of them it has.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, HeldBack) {
        let whole = length_of(bytes).map_or(bytes.len(), |length| (HEAD + length).min(bytes.len()));
        let frame = bytes.get(..whole).unwrap_or_default().to_vec();
        (frame.len(), HeldBack(frame))
    }
}

impl HeldBack {
    pub(super) fn is_refusal(&self) -> bool {
        is_bare(&self.0)
    }

    /// The frame with these fields behind those that it has.
    pub(super) fn written(self, headers: Option<&HeaderMap>) -> Vec<u8> {
        let Some((headers, (head, status))) = headers.zip(self.0.split_at_checked(HEAD)) else { return self.0 };
        let mut fields = status.to_vec();
        // It has no content, and so none of what describes it.
        for (name, value) in headers.iter().filter(|(name, _)| *name != header::CONTENT_TYPE) {
            fields.push(0);
            put_text(&mut fields, name.as_str().as_bytes());
            put_text(&mut fields, value.as_bytes());
        }
        let length = u32::try_from(fields.len()).unwrap_or(u32::MAX).to_be_bytes();
        let mut frame: Vec<u8> = length.into_iter().skip(1).collect();
        frame.extend(head.iter().skip(3));
        frame.extend(fields);
        frame
    }
}

fn length_of(frame: &[u8]) -> Option<usize> {
    let [high, middle, low, ..] = *frame.get(..HEAD)? else { return None };
    usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok()
}

fn is_bare(frame: &[u8]) -> bool {
    let kind = frame.get(3..5).map(|kind| (kind.first().copied(), kind.last().copied()));
    let ends = END_STREAM | END_HEADERS;
    let whole = length_of(frame).filter(|length| (1..=BARE).contains(length) && frame.len() >= HEAD + length);
    whole.is_some() && kind == Some((Some(HEADERS), Some(ends)))
}

/// A text as it is (RFC 7541, section 5.2).
fn put_text(into: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    if length < 127 {
        into.push(u8::try_from(length).unwrap_or(0));
    } else {
        into.push(127);
        length -= 127;
        while length >= 128 {
            into.push(u8::try_from(length % 128).unwrap_or(0) | 128);
            length /= 128;
        }
        into.push(u8::try_from(length).unwrap_or(0));
    }
    into.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn only_a_status_alone_is_held_back() {
        let bare = frame(HEADERS, 5, &[0x48, 0x83, 1, 2, 3]);
        assert!(is_bare(&bare) && !is_bare(&bare[..13]));
        for other in [
            frame(HEADERS, 5, &[1; BARE + 1]),
            frame(HEADERS, 4, &[1; 5]),
            frame(0, 5, &[1; 5]),
            frame(HEADERS, 5, &[]),
            Vec::new(),
        ] {
            assert!(!is_bare(&other), "{other:?}");
        }
        // Data that looks like one is none.
        let data = frame(0, 0, &bare);
        let written = [data.clone(), frame(4, 0, &[0; 6]), bare.clone(), data.clone()].concat();
        for cut in 0..data.len() + 15 {
            let mut frames = Frames::default();
            frames.passed(&written[..cut]);
            let rest = &written[cut..];
            assert_eq!(cut + frames.plain(rest), data.len() + 15, "cut at {cut}");
            frames.passed(&rest[..frames.plain(rest)]);
            let at_it = &written[data.len() + 15..];
            let (taken, held_back) = frames.take(at_it);
            assert_eq!((taken, held_back.is_refusal()), (bare.len(), true));
            assert_eq!(frames.plain(&at_it[taken..]), data.len());
        }
    }

    #[test]
    fn fields_stand_behind_the_status() {
        let mut headers = HeaderMap::new();
        headers.insert("a", "b".parse().unwrap());
        headers.insert("content-type", "application/problem+json".parse().unwrap());
        headers.insert("long", "c".repeat(300).parse().unwrap());
        let written = HeldBack(frame(HEADERS, 5, &[0x48])).written(Some(&headers));
        assert_eq!(length_of(&written), Some(written.len() - HEAD));
        let fields = &written[HEAD..];
        assert!(fields.starts_with(&[0x48, 0, 1, b'a', 1, b'b', 0, 4, b'l', b'o', b'n', b'g', 127, 0xad, 1, b'c']));
        assert_eq!(fields.iter().filter(|byte| **byte == b'c').count(), 300);
        assert_eq!(HeldBack(vec![1, 2, 3]).written(Some(&headers)), [1, 2, 3]);
    }
}
