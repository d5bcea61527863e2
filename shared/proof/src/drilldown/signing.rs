//! The two signatures of a request: by the person's device and by the control plane, over the same bytes.

use crypto::digest::sha256;
use crypto::{Digest, ed25519, p256};
use ids::RequestId;

use super::request::{MAX_REQUEST, REQUEST_TYPE, Request, RequestError};
use crate::dsse::{self, DsseError, Envelope, EnvelopeSignature, PublicKey, Role, Signer};
use crate::json::Object;

const DEVICE: &str = "person's device";
const CONTROL_PLANE: &str = "control plane";

/// A request as the exact bytes that are signed, and what they say. Who signed them is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRequest {
    payload: Vec<u8>,
    request: Request,
}

impl PendingRequest {
    /// The bytes of a new request.
    pub fn new(request: Request) -> Result<Self, RequestError> {
        Ok(Self { payload: request.to_payload()?, request })
    }

    /// Reads a payload, strictly, and keeps its exact bytes.
    pub fn read(payload: Vec<u8>) -> Result<Self, RequestError> {
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
        dsse::pae(REQUEST_TYPE, &self.payload)
    }

    /// SHA-256 of the pre-authentication encoding: by it answer and receipt name the request.
    pub fn sha256(&self) -> Digest {
        sha256(&self.pae())
    }

    /// The signature of the person's device.
    pub fn sign_as_device(&self, device: &ed25519::SigningKey) -> EnvelopeSignature {
        Signer::Ed25519(device).sign(&self.pae())
    }

    /// Checks that the device that the request names has this key and made this signature.
    pub fn check_device(
        &self,
        signature: &EnvelopeSignature,
        device: &ed25519::VerifyingKey,
    ) -> Result<(), RequestError> {
        if device.key_id() != self.request.person.device {
            return Err(RequestError::Device);
        }
        check_signature(&self.pae(), signature, device).map_err(RequestError::Roles)
    }

    /// Adds the control plane's signature to the device's: the envelope that goes to the Runner.
    pub fn complete(
        &self,
        signature: &EnvelopeSignature,
        device: &ed25519::VerifyingKey,
        control_plane: &p256::SigningKey,
    ) -> Result<Envelope, RequestError> {
        self.check_device(signature, device)?;
        let envelope = with_both(REQUEST_TYPE, &self.payload, signature, device, control_plane);
        match envelope.bytes().len() {
            found if found > MAX_REQUEST => Err(RequestError::TooLong { found, limit: MAX_REQUEST }),
            _ => Ok(envelope),
        }
    }
}

/// Which keys signed a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedBy {
    /// The person's device.
    pub device: ed25519::VerifyingKey,
    /// The control plane.
    pub control_plane: p256::VerifyingKey,
}

/// Reads and checks a request in one go: [`envelope`], [`roles`], [`parse`].
pub fn open(
    bytes: &[u8],
    devices: &[ed25519::VerifyingKey],
    control_plane: &[p256::VerifyingKey],
) -> Result<(PendingRequest, SignedBy), RequestError> {
    let envelope = envelope(bytes)?;
    let signed_by = roles(&envelope, devices, control_plane)?;
    Ok((parse(&envelope, &signed_by)?, signed_by))
}

/// Reads the envelope of a request; nothing that it says is to be believed yet.
pub fn envelope(bytes: &[u8]) -> Result<Envelope, RequestError> {
    if bytes.len() > MAX_REQUEST {
        return Err(RequestError::TooLong { found: bytes.len(), limit: MAX_REQUEST });
    }
    Envelope::parse(bytes, MAX_REQUEST).map_err(RequestError::Envelope)
}

/// Checks that one of these devices and one key of the control plane signed the envelope, and nobody else. Pass every
/// device that is known, also those that may no longer ask: their standing is another check.
pub fn roles(
    envelope: &Envelope,
    devices: &[ed25519::VerifyingKey],
    control_plane: &[p256::VerifyingKey],
) -> Result<SignedBy, RequestError> {
    signed_by_both(REQUEST_TYPE, envelope, devices, control_plane).map_err(RequestError::Roles)
}

/// Reads what was signed; the device that signed must be the one that the request names.
pub fn parse(envelope: &Envelope, signed_by: &SignedBy) -> Result<PendingRequest, RequestError> {
    let pending = PendingRequest::read(envelope.unverified_payload().to_vec())?;
    if pending.request.person.device == signed_by.device.key_id() { Ok(pending) } else { Err(RequestError::Device) }
}

/// The id that an envelope claims for its request, for the receipt of one that is refused; nobody vouches for it.
pub fn claimed(envelope: &Envelope) -> Option<RequestId> {
    let mut document = Object::parse(envelope.unverified_payload(), MAX_REQUEST, 8).ok()?;
    document.parsed("request", "a request's id").ok()
}

/// Checks that a device made this signature.
pub(crate) fn check_signature(
    pae: &[u8],
    signature: &EnvelopeSignature,
    device: &ed25519::VerifyingKey,
) -> Result<(), DsseError> {
    let verifies = PublicKey::Ed25519(*device).verifies(pae, &signature.sig);
    if verifies { Ok(()) } else { Err(DsseError::Unsigned(DEVICE.to_owned())) }
}

/// The envelope with the device's signature and the control plane's own, which is made here.
pub(crate) fn with_both(
    payload_type: &str,
    payload: &[u8],
    signature: &EnvelopeSignature,
    device: &ed25519::VerifyingKey,
    control_plane: &p256::SigningKey,
) -> Envelope {
    let ours = Signer::P256(control_plane).sign(&dsse::pae(payload_type, payload));
    // The hint is ours to write: what the device sent along is its own word, of any length.
    let theirs = EnvelopeSignature { keyid: device.key_id().to_string(), sig: signature.sig.clone() };
    Envelope::assemble(payload_type, payload, vec![theirs, ours])
}

/// Checks that an envelope is of this type, and that one of the devices and one key of the control plane signed it, and
/// nobody else.
pub(crate) fn signed_by_both(
    payload_type: &str,
    envelope: &Envelope,
    devices: &[ed25519::VerifyingKey],
    control_plane: &[p256::VerifyingKey],
) -> Result<SignedBy, DsseError> {
    let device_keys: Vec<PublicKey> = devices.iter().copied().map(PublicKey::Ed25519).collect();
    let control_plane_keys: Vec<PublicKey> = control_plane.iter().copied().map(PublicKey::P256).collect();
    let roles = [Role { name: DEVICE, keys: &device_keys }, Role { name: CONTROL_PLANE, keys: &control_plane_keys }];
    let signers = envelope.signers(payload_type, &roles)?;
    match signers.as_slice() {
        [PublicKey::Ed25519(device), PublicKey::P256(control_plane)] => {
            Ok(SignedBy { device: *device, control_plane: *control_plane })
        }
        _ => Err(DsseError::Unsigned(DEVICE.to_owned())),
    }
}
