//! Whether what somebody asked with still holds when it is to be sent: with a device, a session or a key that its owner gave
//! up nothing goes on.

use control_plane_domain::drilldown::AskedWith;
use control_plane_domain::session::SessionState;
use control_plane_store::Reads;
use crypto::ed25519;
use ids::PersonId;

use crate::Error;

/// At the console: the session lives, and the device is still registered. Otherwise: the key was not revoked.
pub(super) async fn still_holds(
    reads: &Reads,
    person: PersonId,
    with: AskedWith,
    device_key: &[u8],
) -> Result<bool, Error> {
    match with {
        AskedWith::Key(key) => Ok(reads.api_key(key).await?.is_some_and(|known| known.key.revoked.is_none())),
        AskedWith::Session(session) => {
            let Ok(device) = ed25519::VerifyingKey::from_spki(device_key) else { return Ok(false) };
            let session = reads.session(session).await?;
            let lives = session.is_some_and(|session| matches!(session.state, SessionState::Full { .. }));
            Ok(lives && reads.device(person, &device.key_id()).await?.is_some())
        }
    }
}
