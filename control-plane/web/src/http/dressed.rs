//! The refusals that the HTTP library gives by itself, dressed as ours.
//!
//! What cannot be read as a request is answered by the library before anybody here hears of it: a status, nothing else.
//! Such an answer is told from every one of ours, which all name their request, and is written with the headers that
//! stand on every answer and with what was wrong. HTTP/2 refuses in frames; there only what is far larger than allowed is
//! answered bare.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The only fields of an answer that the library gives.
const BARE: &[&str] = &["connection", "content-length", "date"];

/// A connection whose bare refusals are replaced.
pub(crate) struct Dressed<S, F> {
    stream: S,
    dress: F,
    /// What stands in the place of a bare refusal, as far as it is not written yet.
    pending: Vec<u8>,
    written: usize,
}

impl<S, F> Dressed<S, F>
where
    S: AsyncWrite + Unpin,
    F: Fn(StatusCode) -> Vec<u8> + Unpin,
{
    /// `dress` writes the whole answer for a status.
    pub(crate) fn new(stream: S, dress: F) -> Self {
        Self { stream, dress, pending: Vec::new(), written: 0 }
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
    F: Fn(StatusCode) -> Vec<u8> + Unpin,
{
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        if let Some(status) = bare(bytes) {
            self.pending = (self.dress)(status);
            // What could not be written now is written before anything else is, or the connection ends.
            if let Poll::Ready(Err(error)) = self.poll_pending(context) {
                return Poll::Ready(Err(error));
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [one] => self.poll_write(context, one),
            _ => {
                ready!(self.poll_pending(context))?;
                Pin::new(&mut self.stream).poll_write_vectored(context, slices)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
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
