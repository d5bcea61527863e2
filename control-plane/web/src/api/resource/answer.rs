//! The sealed answer, octet by octet as it comes. Nothing of it is kept; asking for a piece grants the Runner room for
//! one more.

use bytes::Bytes;
use control_plane_operations::relay::{AnswerError, AnswerReader, Piece};
use futures_util::{Stream, StreamExt, stream};
use http::StatusCode;
use proof::drilldown::octets;

use crate::api::route::{Answering, Call, Reply};
use crate::http::stream::Cut;
use crate::problem::Problem;

pub(crate) const MEDIA: &str = "application/octet-stream";

pub(crate) fn read(call: Call) -> Answering {
    Box::pin(async move {
        let mut answer = call.operations().answer_drilldown(&call.caller, call.path("request", "drill-down")?).await?;
        // The first piece tells whether there is an answer at all, while a refusal can still be said as one.
        let first = match answer.next().await {
            Some(Ok(piece)) => octets_of(piece),
            Some(Err(AnswerError::Refused)) => return Err(refused()),
            Some(Err(AnswerError::CutOff)) | None => return Err(cut_off()),
        };
        let pieces = stream::iter([Ok(first)]).chain(pieces(answer));
        Ok(Reply::stream(MEDIA, call.streamed(None, pieces)))
    })
}

/// What is still to come of an answer.
pub(crate) fn pieces(answer: AnswerReader) -> impl Stream<Item = Result<Bytes, Cut>> + Send + 'static {
    stream::unfold(answer, |mut answer| async move {
        let piece = answer.next().await?;
        Some((piece.map(octets_of).map_err(|error| Cut(error.to_string())), answer))
    })
}

fn octets_of(piece: Piece) -> Bytes {
    match piece {
        Piece::Enc(enc) => Bytes::copy_from_slice(&enc),
        Piece::Frame { ciphertext, last: _ } => octets::frame(&ciphertext).into(),
    }
}

fn refused() -> Problem {
    Problem::of_answer(
        StatusCode::FORBIDDEN,
        "E-OPS-060",
        "the Runner refused the request",
        "its receipt says why; what it allows is for its own operator to decide",
    )
}

fn cut_off() -> Problem {
    Problem::of_answer(
        StatusCode::SERVICE_UNAVAILABLE,
        "E-OPS-061",
        "the Runner's session ended before it answered",
        "look at the request; ask anew when the Runner is there",
    )
}
