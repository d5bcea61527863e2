//! Answers while they are read: what a connection still has to hand over, and whether its reader takes it.
//!
//! A reader that takes nothing for too long holds memory and a connection for nothing. HTTP/2 makes that easy: a window
//! of no octets stops an answer while the connection itself looks alive. So each answer notes when a piece of it was
//! taken last, and lets go of what it holds when that is too long ago.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::http::stream::Cut;
use crate::places::Place;

/// Octets that are handed over at a time, so that taking is seen also within a large answer.
const PIECE: usize = 16 * 1024;

/// What goes on at a connection.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    under_way: AtomicU64,
    served: AtomicU64,
    /// Counts the looks; what happens is dated by it.
    looks: AtomicU64,
    named: AtomicU64,
    answers: Mutex<HashMap<u64, Weak<Answer>>>,
}

/// One request with its answer, until the last octet of it was handed over.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Activity>);

/// An answer that counts as something to do until it was handed over or let go.
pub(crate) struct Held {
    answer: Arc<Answer>,
    activity: Arc<Activity>,
    name: u64,
}

#[derive(Debug)]
struct Answer(Mutex<State>);

#[derive(Debug)]
struct State {
    /// `None` when it was let go.
    body: Option<Body>,
    /// Octets of the body that come before what it still has.
    rest: Bytes,
    /// The look after which a piece was taken last; `None` while the reader waits for us.
    taken: Option<u64>,
    _busy: Option<Busy>,
}

impl Activity {
    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        self.served.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }

    /// Whether something is under way, and how much there was so far.
    pub(crate) fn look(&self) -> (bool, u64) {
        (self.under_way.load(Ordering::Acquire) > 0, self.served.load(Ordering::Acquire))
    }

    /// Lets go of the answers of which nothing was taken for so many looks; how many they were.
    pub(crate) fn let_go(&self, patience: u64) -> usize {
        let now = self.looks.fetch_add(1, Ordering::AcqRel) + 1;
        let answers: Vec<Arc<Answer>> = self.answers().values().filter_map(Weak::upgrade).collect();
        answers.iter().filter(|answer| answer.let_go(now, patience)).count()
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<u64, Weak<Answer>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.looks.load(Ordering::Acquire)
    }
}

impl Busy {
    /// The answer, which is under way until it was handed over.
    pub(crate) fn until_the_end_of(self, body: Body) -> Held {
        let activity = Arc::clone(&self.0);
        let name = activity.named.fetch_add(1, Ordering::AcqRel);
        let state = State { body: Some(body), rest: Bytes::new(), taken: Some(activity.now()), _busy: Some(self) };
        let answer = Arc::new(Answer(Mutex::new(state)));
        activity.answers().insert(name, Arc::downgrade(&answer));
        Held { answer, activity, name }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Answer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn let_go(&self, now: u64, patience: u64) -> bool {
        let mut state = self.lock();
        let stands_still = state.taken.is_some_and(|taken| now.saturating_sub(taken) > patience);
        if !stands_still || state.body.is_none() {
            return false;
        }
        let gone = std::mem::replace(&mut *state, State { body: None, rest: Bytes::new(), taken: None, _busy: None });
        drop(state);
        drop(gone);
        true
    }
}

impl State {
    fn piece(&mut self, mut octets: Bytes, now: u64) -> Frame<Bytes> {
        if octets.len() > PIECE {
            self.rest = octets.split_off(PIECE);
        }
        self.taken = Some(now);
        Frame::data(octets)
    }
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let now = self.activity.now();
        let mut state = self.answer.lock();
        if !state.rest.is_empty() {
            let rest = std::mem::take(&mut state.rest);
            return Poll::Ready(Some(Ok(state.piece(rest, now))));
        }
        let Some(body) = state.body.as_mut() else {
            let cut = Cut("the reader stood still for too long".to_owned());
            return Poll::Ready(Some(Err(axum::Error::new(cut))));
        };
        let polled = Pin::new(body).poll_frame(context);
        state.taken = polled.is_ready().then_some(now);
        Poll::Ready(match ready!(polled) {
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(octets) => state.piece(octets, now),
                Err(other) => other,
            })),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        let state = self.answer.lock();
        state.rest.is_empty() && state.body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let state = self.answer.lock();
        let rest = u64::try_from(state.rest.len()).unwrap_or(u64::MAX);
        let of_body = state.body.as_ref().map_or_else(SizeHint::default, Body::size_hint);
        let mut hint = SizeHint::default();
        hint.set_lower(of_body.lower().saturating_add(rest));
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.activity.answers().remove(&self.name);
    }
}

/// A body with a place, which is free again when the body was handed over or let go.
pub(crate) fn keeping(body: Body, place: Place) -> Body {
    Body::new(Keeping { body, _place: place })
}

struct Keeping {
    body: Body,
    _place: Place,
}

impl hyper::body::Body for Keeping {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use hyper::body::Body as _;

    use super::*;

    #[tokio::test]
    async fn what_nobody_takes_is_let_go() {
        let activity = Arc::new(Activity::default());
        let body = Body::from(vec![7; 10 * PIECE]);
        let mut held = activity.begin().until_the_end_of(body);
        assert_eq!(held.size_hint().exact(), Some(10 * PIECE as u64));
        for _ in 0..4 {
            let piece = held.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(piece.len(), PIECE);
            assert_eq!(activity.let_go(2), 0, "it is being taken");
        }
        assert_eq!(held.size_hint().exact(), Some(6 * PIECE as u64));
        assert_eq!((activity.let_go(2), activity.let_go(2), activity.look()), (0, 1, (false, 1)));
        assert!(held.frame().await.unwrap().is_err(), "a part is not the whole");
        assert!(!held.is_end_stream());
    }

    #[tokio::test]
    async fn a_reader_who_waits_for_us_may_wait() {
        let activity = Arc::new(Activity::default());
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let mut held = activity.begin().until_the_end_of(Body::from_stream(never));
        assert!(futures_util::poll!(held.frame()).is_pending());
        for _ in 0..10 {
            assert_eq!(activity.let_go(2), 0);
        }
        assert_eq!(activity.look(), (true, 1));
        drop(held);
        assert!(activity.answers().is_empty() && !activity.look().0);
    }
}
