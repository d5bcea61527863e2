//! The refusals that the HTTP library gives by itself, dressed as ours.
//!
//! What cannot be read as a request is answered by the library before anybody here hears of it: a status, nothing else.
//! Such an answer is told from every one of ours, which all name their request, and is written with the headers that
//! stand on every answer and with what was wrong. In HTTP/2 it gets the headers alone: a body would count against a window
//! of which the library would not know.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;

/// The only fields of an answer that the library gives.
const BARE: &[&str] = &["connection", "content-length", "date"];

/// What stands in the place of a bare refusal.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// What was wrong.
    pub(crate) document: String,
}

/// A connection whose bare refusals are replaced.
pub(crate) struct Dressed<S, F> {
    stream: S,
    /// What is known of the frames that were written, if it speaks in frames.
    frames: Option<Frames>,
    dress: F,
    /// What stands in the place of a bare refusal, as far as it is not written yet.
    pending: Vec<u8>,
    written: usize,
}

impl<S, F> Dressed<S, F>
where
    S: AsyncWrite + Unpin,
    F: Fn(StatusCode) -> Refusal + Unpin,
{
    /// `dress` says what the answer for a status is.
    pub(crate) fn new(stream: S, is_http2: bool, dress: F) -> Self {
        let frames = is_http2.then(Frames::default);
        Self { stream, frames, dress, pending: Vec::new(), written: 0 }
    }

    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.pending.get(self.written..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.pending.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl Refusal {
    /// The whole answer as HTTP/1.1 writes it.
    fn text(&self) -> Vec<u8> {
        let reason = self.status.canonical_reason().unwrap_or_default();
        let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", self.status.as_str()).into_bytes();
        for (name, value) in &self.headers {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        let (length, body) = (self.document.len(), &self.document);
        bytes.extend_from_slice(format!("connection: close\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes());
        bytes
    }
}

/// The status of a bare refusal, if these bytes are the whole of one.
fn bare(bytes: &[u8]) -> Option<StatusCode> {
    let head = std::str::from_utf8(bytes.get(..bytes.len().min(512))?).ok()?;
    let mut lines = head.strip_suffix("\r\n\r\n")?.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 4").or_else(|| head.strip_prefix("HTTP/1.0 4"))?;
    let status: u16 = format!("4{}", status.get(..2)?).parse().ok()?;
    let mut is_empty = false;
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        is_empty |= name == "content-length" && value == "0";
        if !BARE.contains(&name) {
            return None;
        }
    }
    StatusCode::from_u16(status).ok().filter(|_| is_empty)
}

impl<S, F> AsyncWrite for Dressed<S, F>
where
    S: AsyncWrite + Unpin,
    F: Fn(StatusCode) -> Refusal + Unpin,
{
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        let this = &mut *self;
        let taken = match &mut this.frames {
            None => match bare(bytes) {
                None => return Pin::new(&mut this.stream).poll_write(context, bytes),
                Some(status) => {
                    this.pending = (this.dress)(status).text();
                    bytes.len()
                }
            },
            Some(frames) => {
                let plain = frames.plain(bytes);
                if let Some(plain) = bytes.get(..plain).filter(|plain| !plain.is_empty()) {
                    let written = ready!(Pin::new(&mut this.stream).poll_write(context, plain))?;
                    frames.passed(plain.get(..written).unwrap_or_default());
                    return Poll::Ready(Ok(written));
                }
                let (taken, bare) = frames.take(bytes);
                // What is left of a frame that is no refusal is written as it is.
                let refusal = bare.is_refusal().then(|| (this.dress)(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
                this.pending = bare.written(refusal.as_ref().map(|refusal| &refusal.headers));
                taken
            }
        };
        // What could not be written now is written before anything else is, or the connection ends.
        if let Poll::Ready(Err(error)) = this.poll_pending(context) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [one] => self.poll_write(context, one),
            _ if self.frames.is_some() => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                first.map_or(Poll::Ready(Ok(0)), |first| self.poll_write(context, first))
            }
            _ => {
                ready!(self.poll_pending(context))?;
                Pin::new(&mut self.stream).poll_write_vectored(context, slices)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.frames.is_none() && self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin, F: Unpin> AsyncRead for Dressed<S, F> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_library_says_by_itself_is_bare() {
        let date = "date: Sun, 22 Nov 2026 09:00:00 GMT";
        for (text, status) in [
            (
                format!("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n{date}\r\n\r\n"),
                Some(400),
            ),
            (format!("HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n{date}\r\n\r\n"), Some(431)),
            (format!("HTTP/1.1 404 Not Found\r\nx-request-id: 0\r\ncontent-length: 0\r\n{date}\r\n\r\n"), None),
            (format!("HTTP/1.1 400 Bad Request\r\ncontent-length: 5\r\n{date}\r\n\r\n"), None),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(), None),
            ("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nmore".to_owned(), None),
            ("HTTP/1.1 4".to_owned(), None),
            (String::new(), None),
            ("<html>HTTP/1.1 400".to_owned(), None),
        ] {
            assert_eq!(bare(text.as_bytes()).map(|status| status.as_u16()), status, "{text}");
        }
    }
}
