//! Bodies of requests, waited for and read whole.
//!
//! Whoever showed nothing yet gets little patience and little room; whoever is known gets more. A request that waits for
//! its body holds no place among those that are worked at.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use control_plane_domain::policy::Caller;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::Web;
use crate::http::turn::Turn;
use crate::limits::Limits;
use crate::places::{Full, Place, Places, Whose};
use crate::problem::Problem;

/// Who sends a body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sender<'c> {
    /// Somebody at this address who is not signed in.
    Stranger(IpAddr),
    /// Somebody with a key, or with a session that showed both factors.
    Known(&'c Caller),
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    TooLarge,
    TooSlow,
    Broken,
    NoRoom(Full),
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::too_large(),
            Unread::TooSlow => Self::too_slow(),
            Unread::Broken => Self::broken_body(),
            Unread::NoRoom(full) => full.into(),
        }
    }
}

/// The requests whose bodies are waited for.
#[derive(Debug)]
pub(crate) struct Waiting {
    strangers: Places,
    known: Places,
}

impl Waiting {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { strangers: Places::new(limits.strangers_waiting), known: Places::new(limits.known_waiting) }
    }

    fn enter(&self, sender: Sender<'_>, limits: &Limits) -> Result<Place, Full> {
        match sender {
            Sender::Stranger(address) => self.strangers.enter(&[(Whose::network(address), limits.waiting_per_address)]),
            Sender::Known(caller) => self.known.enter(&[
                (Whose::means(caller), limits.waiting_per_means),
                (Whose::tenant(caller), limits.waiting_per_tenant),
            ]),
        }
    }
}

/// The whole body of a request.
pub(crate) async fn whole(web: &Web, head: &Parts, body: Body, sender: Sender<'_>) -> Result<Bytes, Unread> {
    let limits = &web.settings.limits;
    let (most, patience) = match sender {
        Sender::Stranger(_) => (limits.stranger_bytes, limits.stranger_body),
        Sender::Known(_) => (limits.body_bytes, limits.body),
    };
    read(web, head, body, sender, most, patience).await
}

/// That a request has no body. One of unknown length may still be empty: HTTP/1.1 clients send "0\r\n\r\n" for one.
pub(crate) async fn none(web: &Web, head: &Parts, body: Body, sender: Sender<'_>) -> Result<(), Problem> {
    if body.size_hint().upper() == Some(0) {
        return Ok(());
    }
    match read(web, head, body, sender, 1, web.settings.limits.body).await {
        Ok(bytes) if bytes.is_empty() => Ok(()),
        Ok(_) | Err(Unread::TooLarge | Unread::Broken) => Err(Problem::body_not_expected()),
        Err(unread @ (Unread::TooSlow | Unread::NoRoom(_))) => Err(unread.into()),
    }
}

async fn read(
    web: &Web,
    head: &Parts,
    body: Body,
    sender: Sender<'_>,
    most: usize,
    patience: Duration,
) -> Result<Bytes, Unread> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(Unread::TooLarge);
    }
    let waits = web.waiting.enter(sender, &web.settings.limits).map_err(Unread::NoRoom)?;
    let turn = head.extensions.get::<Turn>();
    if let Some(turn) = turn {
        turn.rest();
    }
    let read = tokio::time::timeout(patience, Limited::new(body, most).collect()).await;
    drop(waits);
    let bytes = match read.map_err(|_| Unread::TooSlow)? {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Unread::TooLarge),
        Err(_) => return Err(Unread::Broken),
    };
    match turn {
        Some(turn) => turn.resume().map(|()| bytes).map_err(Unread::NoRoom),
        None => Ok(bytes),
    }
}
