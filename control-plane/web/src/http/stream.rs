//! Bodies that come as they come, at the pace of whoever reads them.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, pin_mut, stream};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;

/// Why a body ends before its end; the connection breaks with it, so that nobody takes a part for the whole.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Cut(pub(crate) String);

/// A body of these pieces. A piece is asked for when the connection has taken the one before the last; a reader that
/// stands still for longer than `patience` loses the rest, so that it does not hold what the pieces come from.
pub(crate) fn paced(pieces: impl Stream<Item = Result<Bytes, Cut>> + Send + 'static, patience: Duration) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(pump(pieces, sender, patience));
    Body::from_stream(stream::unfold(receiver, |mut receiver: mpsc::Receiver<Result<Bytes, Cut>>| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    }))
}

async fn pump(
    pieces: impl Stream<Item = Result<Bytes, Cut>>,
    sender: mpsc::Sender<Result<Bytes, Cut>>,
    patience: Duration,
) {
    {
        pin_mut!(pieces);
        loop {
            // A reader that leaves ends it at once, also while the next piece is a long time coming.
            let piece = tokio::select! {
                piece = pieces.next() => piece,
                () = sender.closed() => return,
            };
            let Some(piece) = piece else { return };
            let is_last = piece.is_err();
            match sender.send_timeout(piece, patience).await {
                Ok(()) if is_last => return,
                Ok(()) => {}
                Err(SendTimeoutError::Closed(_)) => return,
                Err(SendTimeoutError::Timeout(_)) => break,
            }
        }
    }
    // What the pieces come from is free by now. If the reader reads on, it finds a broken end.
    let told = sender.send(Err(Cut("the reader stood still for too long".to_owned()))).await;
    tracing::debug!(told = told.is_ok(), "a reader stood still for too long");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt;

    use super::*;

    /// Pieces that count how many were asked for, and a mark that is dropped with them.
    fn counted(asked: &Arc<AtomicUsize>) -> impl Stream<Item = Result<Bytes, Cut>> + Send + 'static {
        let asked = Arc::clone(asked);
        stream::iter(0..1_000).map(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(Bytes::from_static(b"piece"))
        })
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_are_asked_for_as_they_are_taken() {
        let asked = Arc::new(AtomicUsize::new(0));
        let mut body = paced(counted(&asked), Duration::from_secs(60));
        for taken in 1..=5 {
            body.frame().await.unwrap().unwrap();
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(asked.load(Ordering::SeqCst) <= taken + 2, "{asked:?} asked for, {taken} taken");
        }
        drop(body);
        tokio::time::advance(Duration::from_secs(1)).await;
        let asked_at_end = asked.load(Ordering::SeqCst);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(asked.load(Ordering::SeqCst), asked_at_end, "nobody asks for a reader that left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stands_still_loses_the_rest_and_sees_it() {
        let asked = Arc::new(AtomicUsize::new(0));
        let mut body = paced(counted(&asked), Duration::from_secs(60));
        body.frame().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_secs(200)).await;
        let mut taken = 1;
        let error = loop {
            match body.frame().await {
                Some(Ok(_)) => taken += 1,
                Some(Err(error)) => break error,
                None => panic!("a part was taken for the whole"),
            }
        };
        assert!(taken < 5 && error.to_string().contains("stood still"), "{taken}: {error}");
    }

    #[tokio::test]
    async fn a_cut_is_not_an_end() {
        let pieces =
            stream::iter([Ok(Bytes::from_static(b"a")), Err(Cut("gone".into())), Ok(Bytes::from_static(b"b"))]);
        let mut body = paced(pieces, Duration::from_secs(60));
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.unwrap().is_err());
    }
}
