//! The two signatures of a request: by the person's device and by the control plane, over the same bytes.

use crypto::digest::sha256;
use crypto::{Digest, ed25519, p256};
use ids::RequestId;

use super::request::{MAX_REQUEST, Request, SECRET_TYPE, SecretError};
use crate::drilldown::{SignedBy, check_signature, signed_by_both, with_both};
use crate::dsse::{self, Envelope, EnvelopeSignature, Signer};
use crate::json::Object;

/// A request as the exact bytes that are signed, and what they say. Who signed them is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSecret {
    payload: Vec<u8>,
    request: Request,
}

impl PendingSecret {
    /// The bytes of a new request.
    pub fn new(request: Request) -> Result<Self, SecretError> {
        Ok(Self { payload: request.to_payload()?, request })
    }

    /// Reads a payload, strictly, and keeps its exact bytes.
    pub fn read(payload: Vec<u8>) -> Result<Self, SecretError> {
        Ok(Self { request: Request::from_payload(&payload)?, payload })
    }

    /// What is asked for.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The exact bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What both sign: the pre-authentication encoding of the payload.
    pub fn pae(&self) -> Vec<u8> {
        dsse::pae(SECRET_TYPE, &self.payload)
    }

    /// SHA-256 of the pre-authentication encoding: by it the receipt names the request.
    pub fn sha256(&self) -> Digest {
        sha256(&self.pae())
    }

    /// The signature of the person's device.
    pub fn sign_as_device(&self, device: &ed25519::SigningKey) -> EnvelopeSignature {
        Signer::Ed25519(device).sign(&self.pae())
    }

    /// Adds the control plane's signature to the device's: the envelope that goes to the Runner.
    pub fn complete(
        &self,
        signature: &EnvelopeSignature,
        device: &ed25519::VerifyingKey,
        control_plane: &p256::SigningKey,
    ) -> Result<Envelope, SecretError> {
        if device.key_id() != self.request.terms.person.device {
            return Err(SecretError::Device);
        }
        check_signature(&self.pae(), signature, device).map_err(SecretError::Roles)?;
        let envelope = with_both(SECRET_TYPE, &self.payload, signature, device, control_plane);
        match envelope.bytes().len() {
            found if found > MAX_REQUEST => Err(SecretError::TooLong { found, limit: MAX_REQUEST }),
            _ => Ok(envelope),
        }
    }
}

/// Reads and checks a request in one go: [`envelope`], [`roles`], [`parse`].
pub fn open(
    bytes: &[u8],
    devices: &[ed25519::VerifyingKey],
    control_plane: &[p256::VerifyingKey],
) -> Result<(PendingSecret, SignedBy), SecretError> {
    let envelope = envelope(bytes)?;
    let signed_by = roles(&envelope, devices, control_plane)?;
    Ok((parse(&envelope, &signed_by)?, signed_by))
}

/// Reads the envelope of a request; nothing that it says is to be believed yet.
pub fn envelope(bytes: &[u8]) -> Result<Envelope, SecretError> {
    if bytes.len() > MAX_REQUEST {
        return Err(SecretError::TooLong { found: bytes.len(), limit: MAX_REQUEST });
    }
    Envelope::parse(bytes, MAX_REQUEST).map_err(SecretError::Envelope)
}

/// Checks that one of these devices and one key of the control plane signed the envelope, and nobody else. Pass every
/// device that is known, also those that may no longer send: their standing is another check.
pub fn roles(
    envelope: &Envelope,
    devices: &[ed25519::VerifyingKey],
    control_plane: &[p256::VerifyingKey],
) -> Result<SignedBy, SecretError> {
    signed_by_both(SECRET_TYPE, envelope, devices, control_plane).map_err(SecretError::Roles)
}

/// Reads what was signed; the device that signed must be the one that the request names.
pub fn parse(envelope: &Envelope, signed_by: &SignedBy) -> Result<PendingSecret, SecretError> {
    let pending = PendingSecret::read(envelope.unverified_payload().to_vec())?;
    let named = pending.request.terms.person.device;
    if named == signed_by.device.key_id() { Ok(pending) } else { Err(SecretError::Device) }
}

/// The id that an envelope claims for its request, for the receipt of one that is refused; nobody vouches for it.
pub fn claimed(envelope: &Envelope) -> Option<RequestId> {
    let mut document = Object::parse(envelope.unverified_payload(), MAX_REQUEST, 8).ok()?;
    document.parsed("request", "a request's id").ok()
}
