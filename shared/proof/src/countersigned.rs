//! A request with two signatures over the same bytes: by the person's device and by the control plane. What the request says
//! is for its own kind to know; two kinds are told apart by their types, which are part of what is signed.

use crypto::digest::sha256;
use crypto::{Digest, ed25519, p256};
use ids::RequestId;

use crate::dsse::{self, DsseError, Envelope, EnvelopeSignature, PublicKey, Role, Signer};
use crate::json::{JsonError, Object};

const DEVICE: &str = "person's device";
const CONTROL_PLANE: &str = "control plane";

/// Bytes of a request's envelope.
pub const MAX_REQUEST: usize = 8192;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More bytes than a request may have.
    #[error("a request of {found} bytes; at most {limit} are allowed")]
    TooLong {
        /// Bytes given, or needed.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not a DSSE envelope.
    #[error("the request cannot be read: {0}")]
    Envelope(DsseError),
    /// Not of this type, or not signed by a known device and the control plane, each once, and nobody else.
    #[error("the request is not signed by both who must: {0}")]
    Roles(DsseError),
    /// The payload is not that of a request.
    #[error("the request's payload: {0}")]
    Payload(#[from] JsonError),
    /// The items or rows of a drill-down contradict one another.
    #[error("the request's items: {0}")]
    Items(&'static str),
    /// The key that signed is not the device that the request names.
    #[error("the request names another device than the one that signed it")]
    Device,
}

/// A kind of request.
pub trait Countersigned: Sized {
    /// The type of the envelope's payload.
    const TYPE: &'static str;

    /// The payload, in its one spelling.
    fn to_payload(&self) -> Result<Vec<u8>, RequestError>;

    /// Reads a payload, strictly.
    fn from_payload(payload: &[u8]) -> Result<Self, RequestError>;

    /// SHA-256 of the SubjectPublicKeyInfo of the key of the device that it names.
    fn device(&self) -> Digest;
}

/// A request as the exact bytes that are signed, and what they say. Who signed them is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending<R> {
    payload: Vec<u8>,
    request: R,
}

impl<R: Countersigned> Pending<R> {
    /// The bytes of a new request.
    pub fn new(request: R) -> Result<Self, RequestError> {
        Ok(Self { payload: request.to_payload()?, request })
    }

    /// Reads a payload, strictly, and keeps its exact bytes.
    pub fn read(payload: Vec<u8>) -> Result<Self, RequestError> {
        Ok(Self { request: R::from_payload(&payload)?, payload })
    }

    /// What is asked for.
    pub fn request(&self) -> &R {
        &self.request
    }

    /// The exact bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What both sign: the pre-authentication encoding of the payload.
    pub fn pae(&self) -> Vec<u8> {
        dsse::pae(R::TYPE, &self.payload)
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
        if device.key_id() != self.request.device() {
            return Err(RequestError::Device);
        }
        let verifies = PublicKey::Ed25519(*device).verifies(&self.pae(), &signature.sig);
        if verifies { Ok(()) } else { Err(RequestError::Roles(DsseError::Unsigned(DEVICE.to_owned()))) }
    }

    /// Adds the control plane's signature to the device's: the envelope that goes to the Runner.
    pub fn complete(
        &self,
        signature: &EnvelopeSignature,
        device: &ed25519::VerifyingKey,
        control_plane: &p256::SigningKey,
    ) -> Result<Envelope, RequestError> {
        self.check_device(signature, device)?;
        let ours = Signer::P256(control_plane).sign(&self.pae());
        // The hint is ours to write: what the device sent along is its own word, of any length.
        let theirs = EnvelopeSignature { keyid: device.key_id().to_string(), sig: signature.sig.clone() };
        let envelope = Envelope::assemble(R::TYPE, &self.payload, vec![theirs, ours]);
        match envelope.bytes().len() {
            found if found > MAX_REQUEST => Err(RequestError::TooLong { found, limit: MAX_REQUEST }),
            _ => Ok(envelope),
        }
    }

    /// Reads what was signed; the device that signed must be the one that the request names.
    pub(crate) fn parse(envelope: &Envelope, signed_by: &SignedBy) -> Result<Self, RequestError> {
        let pending = Self::read(envelope.unverified_payload().to_vec())?;
        if pending.request.device() == signed_by.device.key_id() { Ok(pending) } else { Err(RequestError::Device) }
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

/// Reads the envelope of a request; nothing that it says is to be believed yet.
pub fn envelope(bytes: &[u8]) -> Result<Envelope, RequestError> {
    if bytes.len() > MAX_REQUEST {
        return Err(RequestError::TooLong { found: bytes.len(), limit: MAX_REQUEST });
    }
    Envelope::parse(bytes, MAX_REQUEST).map_err(RequestError::Envelope)
}

/// Checks that an envelope is of this kind, and that one of the devices and one key of the control plane signed it, and
/// nobody else.
pub(crate) fn roles<R: Countersigned>(
    envelope: &Envelope,
    devices: &[ed25519::VerifyingKey],
    control_plane: &[p256::VerifyingKey],
) -> Result<SignedBy, RequestError> {
    let device_keys: Vec<PublicKey> = devices.iter().copied().map(PublicKey::Ed25519).collect();
    let control_plane_keys: Vec<PublicKey> = control_plane.iter().copied().map(PublicKey::P256).collect();
    let roles = [Role { name: DEVICE, keys: &device_keys }, Role { name: CONTROL_PLANE, keys: &control_plane_keys }];
    let signers = envelope.signers(R::TYPE, &roles).map_err(RequestError::Roles)?;
    match signers.as_slice() {
        [PublicKey::Ed25519(device), PublicKey::P256(control_plane)] => {
            Ok(SignedBy { device: *device, control_plane: *control_plane })
        }
        _ => Err(RequestError::Roles(DsseError::Unsigned(DEVICE.to_owned()))),
    }
}

/// The id that an envelope claims for its request, for the journal's record of one that is refused; nobody vouches for it.
pub fn claimed(envelope: &Envelope) -> Option<RequestId> {
    let mut document = Object::parse(envelope.unverified_payload(), MAX_REQUEST, 8).ok()?;
    document.parsed("request", "a request's id").ok()
}

/// The doors of one kind of request.
macro_rules! doors {
    ($pending:ident, $request:ty) => {
        /// A request as the exact bytes that are signed, and what they say.
        pub type $pending = $crate::countersigned::Pending<$request>;

        /// Reads and checks a request in one go: [`envelope`](crate::countersigned::envelope), [`roles`], [`parse`].
        pub fn open(
            bytes: &[u8],
            devices: &[::crypto::ed25519::VerifyingKey],
            control_plane: &[::crypto::p256::VerifyingKey],
        ) -> Result<($pending, $crate::countersigned::SignedBy), $crate::countersigned::RequestError> {
            let envelope = $crate::countersigned::envelope(bytes)?;
            let signed_by = roles(&envelope, devices, control_plane)?;
            Ok((parse(&envelope, &signed_by)?, signed_by))
        }

        /// Checks that one of these devices and one key of the control plane signed the envelope, and nobody else. Pass
        /// every device that is known, also those that may no longer ask: their standing is another check.
        pub fn roles(
            envelope: &$crate::dsse::Envelope,
            devices: &[::crypto::ed25519::VerifyingKey],
            control_plane: &[::crypto::p256::VerifyingKey],
        ) -> Result<$crate::countersigned::SignedBy, $crate::countersigned::RequestError> {
            $crate::countersigned::roles::<$request>(envelope, devices, control_plane)
        }

        /// Reads what was signed; the device that signed must be the one that the request names.
        pub fn parse(
            envelope: &$crate::dsse::Envelope,
            signed_by: &$crate::countersigned::SignedBy,
        ) -> Result<$pending, $crate::countersigned::RequestError> {
            $pending::parse(envelope, signed_by)
        }
    };
}

pub(crate) use doors;
