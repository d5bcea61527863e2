//! Where a person is signed in, and the browsers that hold a key of theirs.

use crypto::Digest;
use ids::SessionId;

use crate::console::answer::Answer;
use crate::console::path;
use crate::console::trouble::Trouble;
use crate::console::visit::Visit;

pub(super) async fn end(visit: &Visit) -> Result<Answer, Trouble> {
    let session: SessionId = visit.path("session", "session")?;
    visit.operations().end_session(visit.caller(), session).await?;
    if visit.caller().session() == Some(session) {
        return Ok(Answer::go(path::sign_in()).signed_out().saying("You are signed out."));
    }
    Ok(Answer::go(path::account().at("sessions")).saying("That session has ended."))
}

pub(super) async fn end_others(visit: &Visit) -> Result<Answer, Trouble> {
    let ended = visit.operations().end_other_sessions(visit.caller()).await?;
    let text = if ended == 1 {
        "1 other session has ended.".to_owned()
    } else {
        format!("{ended} other sessions have ended.")
    };
    Ok(Answer::go(path::account().at("sessions")).saying(text))
}

pub(super) async fn remove_device(visit: &Visit) -> Result<Answer, Trouble> {
    let fingerprint: Digest = visit.path("fingerprint", "device")?;
    visit.operations().remove_device(visit.caller(), fingerprint).await?;
    Ok(Answer::go(path::account().at("devices")).saying("That device key is no longer accepted."))
}
