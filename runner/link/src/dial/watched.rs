//! A stream that remembers what broke it. The layers above wrap errors in their own; what the TLS layer said is kept here,
//! because it decides whether the control plane refused this Runner's certificate.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

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
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, watch: Arc<Watch>) -> Self {
        Self { stream, watch }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        noted(polled, &self.watch)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        noted(polled, &self.watch)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        noted(polled, &self.watch)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        noted(polled, &self.watch)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

fn noted<T>(polled: Poll<io::Result<T>>, watch: &Watch) -> Poll<io::Result<T>> {
    if let Poll::Ready(Err(error)) = &polled {
        watch.note(error);
    }
    polled
}

#[cfg(test)]
mod tests {
    use rustls::AlertDescription as Alert;
    use tokio::io::AsyncReadExt;

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
}
