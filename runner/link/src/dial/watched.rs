//! A stream that remembers what broke it. The layers above wrap errors in their own; what the TLS layer said is kept here,
//! because it decides whether the control plane refused this Runner's certificate.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::certificate::printable;
use crate::error::LinkError;
use crate::tls::is_about_our_certificate;

/// What broke a stream.
#[derive(Debug)]
pub(crate) struct Watch {
    target: String,
    broken: OnceLock<LinkError>,
}

impl Watch {
    pub(crate) fn new(target: String) -> Self {
        Self { target, broken: OnceLock::new() }
    }

    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// What broke the stream; if nothing did, that it was cut, and what the layer above says.
    pub(crate) fn cause(&self, otherwise: &str) -> LinkError {
        let cut = || LinkError::Cut { target: self.target.clone(), why: printable(otherwise) };
        self.broken.get().cloned().unwrap_or_else(cut)
    }

    fn note(&self, error: &io::Error) {
        let target = self.target.clone();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        // The first error is the cause; what follows it are consequences.
        let _ = self.broken.set(match inner {
            // Behind the handshake the peer can only mean the signatures in and under the certificate it was shown.
            Some(rustls::Error::AlertReceived(alert))
                if is_about_our_certificate(*alert) || *alert == rustls::AlertDescription::DecryptError =>
            {
                LinkError::OwnCertificateRefused { target, alert: format!("{alert:?}") }
            }
            Some(error) => LinkError::Tls { target, why: printable(&error.to_string()) },
            None => LinkError::Cut { target, why: error.to_string() },
        });
    }
}

pub(crate) struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
    /// A write failed with this; it is told once what the peer had said before is read.
    failed: Option<io::Error>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, watch: Arc<Watch>) -> Self {
        Self { stream, watch, failed: None }
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// What came of a write. A peer that refuses the certificate says so and closes the connection, often while this side
    /// still writes: a write that fails would end everything before the refusal is read, and hide why.
    fn written<T>(&mut self, polled: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let Poll::Ready(Err(error)) = polled else { return polled };
        self.failed = Some(error);
        self.poll_failed(cx)
    }

    /// Reads what the peer said to its end, then tells what the write failed with.
    fn poll_failed<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let mut unread = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut unread);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) => break,
                Err(error) => {
                    self.watch.note(&error);
                    break;
                }
            }
        }
        let error = self.failed.take().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into());
        self.watch.note(&error);
        Poll::Ready(Err(error))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &polled {
            self.watch.note(error);
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return self.poll_failed(cx);
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(polled, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.failed.is_some() {
            return self.poll_failed(cx);
        }
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(polled, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return self.poll_failed(cx);
        }
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(polled, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use rustls::AlertDescription as Alert;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    struct Broken(rustls::Error);

    impl AsyncRead for Broken {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, self.0.clone())))
        }
    }

    #[tokio::test]
    async fn what_the_tls_layer_said_is_kept_and_is_said_first() {
        for (alert, code) in [
            (Alert::CertificateExpired, "E-LINK-017"),
            (Alert::UnknownCA, "E-LINK-017"),
            (Alert::DecryptError, "E-LINK-017"),
            (Alert::InternalError, "E-LINK-010"),
        ] {
            let watch = Arc::new(Watch::new("cp:1".to_owned()));
            assert_eq!(watch.cause("closed").code(), "E-LINK-020");
            let mut stream = Watched::new(Broken(rustls::Error::AlertReceived(alert)), Arc::clone(&watch));
            assert!(stream.read_u8().await.is_err());
            stream.stream.0 = rustls::Error::DecryptError;
            assert!(stream.read_u8().await.is_err());
            assert_eq!(watch.cause("closed").code(), code, "{alert:?}");
        }
    }

    /// Writes fail; reads give what was said before, then the alert.
    struct Refusing {
        said: usize,
        pending: bool,
    }

    impl AsyncRead for Refusing {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if std::mem::take(&mut self.pending) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let refused = rustls::Error::AlertReceived(Alert::UnknownCA);
            let Some(left) = self.said.checked_sub(1) else {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refused)));
            };
            self.said = left;
            buf.put_slice(&[7; 100]);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Refusing {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_refusal_is_read_although_a_write_failed_first() {
        for pending in [false, true] {
            let watch = Arc::new(Watch::new("cp:1".to_owned()));
            let mut stream = Watched::new(Refusing { said: 3, pending }, Arc::clone(&watch));
            let written = stream.write_all(b"hello").await.unwrap_err();
            assert_eq!(written.kind(), io::ErrorKind::ConnectionReset);
            assert_eq!(watch.cause("closed").code(), "E-LINK-017");
            let watch = Arc::new(Watch::new("cp:1".to_owned()));
            let mut stream = Watched::new(Refusing { said: 0, pending }, Arc::clone(&watch));
            assert_eq!(stream.flush().await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(watch.cause("closed").code(), "E-LINK-017");
        }
    }
}
