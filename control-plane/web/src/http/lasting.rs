//! Streams that end with what entitles to them: whoever signed out, was removed, or whose key was revoked, reads no
//! further, however slowly they read.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use control_plane_domain::policy::Caller;
use control_plane_operations::Operations;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::Web;
use crate::http::stream::Cut;
use crate::places::Place;

struct Lasting<S> {
    pieces: Pin<Box<S>>,
    operations: Operations,
    caller: Caller,
    looks: Interval,
    /// It is free again when the stream ends.
    _place: Option<Place>,
}

/// These pieces, for as long as the caller's session or key holds. It is looked at again before any piece that comes
/// after a while, and also while one is waited for.
pub(crate) fn lasting<S>(
    web: &Web,
    caller: &Caller,
    place: Option<Place>,
    pieces: S,
) -> impl Stream<Item = Result<Bytes, Cut>> + Send + 'static
where
    S: Stream<Item = Result<Bytes, Cut>> + Send + 'static,
{
    let lasting = Lasting {
        pieces: Box::pin(pieces),
        operations: web.operations().clone(),
        caller: caller.clone(),
        looks: every(web.settings().limits.look),
        _place: place,
    };
    stream::unfold(Some(lasting), |lasting| async move {
        let mut lasting = lasting?;
        loop {
            tokio::select! {
                biased;
                _ = lasting.looks.tick() => {
                    if let Err(error) = lasting.operations.still_holds(&lasting.caller).await {
                        tracing::debug!(code = error.code(), "a stream ends with what entitled to it");
                        return Some((Err(Cut(error.to_string())), None));
                    }
                }
                piece = lasting.pieces.next() => return Some((piece?, Some(lasting))),
            }
        }
    })
}

/// Ticks, of which the first comes after the period: what begins was looked at just now.
fn every(period: Duration) -> Interval {
    let mut looks = interval(period);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.reset();
    looks
}
