//! The same change asked for twice is made once.

use std::panic::AssertUnwindSafe;

use axum::body::Body;
use control_plane_domain::idempotency::StoredResponse;
use control_plane_operations::Idempotent;
use crypto::Digest;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Response};

use crate::api::route::{Call, Handle, Reply};
use crate::http::headers::REPLAYED;
use crate::problem::Problem;

const HEADER: &str = "idempotency-key";

/// The key that a request carries, if it carries one.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(key) if (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Some(key.to_owned()))
            }
            Ok(_) | Err(_) => Err(Problem::idempotency_key()),
        },
        (Some(_), Some(_)) => Err(Problem::idempotency_key()),
    }
}

/// Does what is asked for unless it was done before under this key; then answers as before. An answer that held a secret
/// is not kept. What was refused may be tried again.
pub(crate) async fn once(call: Call, handle: Handle, key: &str, request: Digest) -> Result<Response<Body>, Problem> {
    let (operations, caller) = (call.operations().clone(), call.caller.clone());
    match operations.begin_idempotent(&caller, key, request).await? {
        Idempotent::New => {}
        Idempotent::Replay(StoredResponse { status, body }) => {
            let mut response = Reply::again(status, body).into_response();
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            return Ok(response);
        }
        Idempotent::Withheld => return Err(Problem::idempotency_withheld()),
        Idempotent::CutOff => return Err(Problem::idempotency_cut_off()),
        Idempotent::Running => return Err(Problem::idempotency_running().after(2)),
        Idempotent::Mismatch => return Err(Problem::idempotency_mismatch()),
    }
    // A panic must not leave the key taken by a request that no longer runs.
    let done = AssertUnwindSafe(handle(call)).catch_unwind().await.unwrap_or_else(|_| Err(Problem::fault()));
    match done {
        Ok(reply) => {
            let kept = reply.to_keep().map(|(status, body)| StoredResponse { status, body });
            operations.finish_idempotent(&caller, key, kept).await?;
            Ok(reply.into_response())
        }
        Err(problem) => {
            operations.abandon_idempotent(&caller, key).await?;
            Err(problem)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_word() {
        let key = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, HeaderValue::from_str(value).unwrap());
            }
            key_of(&headers)
        };
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&["a-1"]), Ok(Some("a-1".into())));
        for values in [&[""][..], &["a b"], &["a", "a"], &["é"], &[&"a".repeat(65)]] {
            assert_eq!(key(values), Err(Problem::idempotency_key()), "{values:?}");
        }
    }
}
