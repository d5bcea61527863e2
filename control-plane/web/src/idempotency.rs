//! The same change asked for twice is made once, whether a program asks or a script of a page.

use std::panic::AssertUnwindSafe;

use control_plane_domain::idempotency::StoredResponse;
use control_plane_domain::policy::Caller;
use control_plane_operations::{Error, Idempotent, Operations};
use crypto::Digest;
use futures_util::FutureExt;
use http::HeaderMap;

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

/// What a request comes to.
pub(crate) enum Done<T> {
    /// It was done now.
    Now(T),
    /// It was done before, and answered with this.
    Before(StoredResponse),
}

/// An answer that may be given again.
pub(crate) trait Keep {
    /// Status and document; `None` for what holds a secret or comes as it comes.
    fn to_keep(&self) -> Option<StoredResponse>;
}

/// Does what is asked for unless it was done before under this key; then answers as before. An answer that held a secret
/// is not kept. What was refused may be tried again.
pub(crate) async fn once<T: Keep, E: From<Problem> + From<Error>>(
    operations: &Operations,
    caller: &Caller,
    key: &str,
    request: Digest,
    doing: impl Future<Output = Result<T, E>>,
) -> Result<Done<T>, E> {
    match operations.begin_idempotent(caller, key, request).await? {
        Idempotent::New => {}
        Idempotent::Replay(before) => return Ok(Done::Before(before)),
        Idempotent::Withheld => return Err(Problem::idempotency_withheld().into()),
        Idempotent::CutOff => return Err(Problem::idempotency_cut_off().into()),
        Idempotent::Running => return Err(Problem::idempotency_running().after(2).into()),
        Idempotent::Mismatch => return Err(Problem::idempotency_mismatch().into()),
    }
    // A panic must not leave the key taken by a request that no longer runs.
    let done = AssertUnwindSafe(doing).catch_unwind().await.unwrap_or_else(|_| Err(Problem::fault().into()));
    match done {
        Ok(answer) => {
            operations.finish_idempotent(caller, key, answer.to_keep()).await?;
            Ok(Done::Now(answer))
        }
        Err(refused) => {
            operations.abandon_idempotent(caller, key).await?;
            Err(refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

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
