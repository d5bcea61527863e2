//! DSSE v1 envelopes (<https://github.com/secure-systems-lab/dsse>): every signature of Proctor is one.
//!
//! The type of the payload is inside what is signed, and whoever verifies is told which type to expect and which keys
//! may play which role. `keyid` is a hint that nothing trusts: every key of a role is tried.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::digest::sha256;
use crypto::{Digest, ed25519, p256};

use crate::json::{JsonError, Object};

/// Bytes of an envelope, unless the caller allows fewer.
pub const MAX_ENVELOPE: usize = 1024 * 1024;

/// Levels of nesting: the envelope, its list of signatures, each of them.
const MAX_DEPTH: u32 = 3;

/// Signatures of one envelope.
const MAX_SIGNATURES: usize = 8;

/// Why an envelope is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DsseError {
    /// Not the JSON of an envelope.
    #[error("not a DSSE envelope: {0}")]
    Json(#[from] JsonError),
    /// No signature, or more than anybody needs.
    #[error("an envelope with {0} signatures; 1 to {MAX_SIGNATURES} are read")]
    Count(usize),
    /// Another type than the one expected: the payload was made for something else.
    #[error("an envelope of another type than `{0}`")]
    Type(String),
    /// No signature verifies under a key of this role.
    #[error("no signature verifies under a key of the {0}")]
    Unsigned(String),
    /// A signature that none of the roles accounts for.
    #[error("signature {0} is not of a key in any role")]
    Stray(usize),
    /// One key in two roles.
    #[error("the {0} signed with a key of another role")]
    SharedKey(String),
}

/// A key that signs envelopes.
#[derive(Debug, Clone, Copy)]
pub enum Signer<'a> {
    /// ECDSA P-256 with SHA-256, ASN.1 DER.
    P256(&'a p256::SigningKey),
    /// Ed25519.
    Ed25519(&'a ed25519::SigningKey),
}

impl Signer<'_> {
    /// Signs a message, which is a pre-authentication encoding.
    pub(crate) fn sign(self, message: &[u8]) -> EnvelopeSignature {
        match self {
            Self::P256(key) => {
                EnvelopeSignature { keyid: key.verifying_key().key_id().to_string(), sig: key.sign(message) }
            }
            Self::Ed25519(key) => {
                EnvelopeSignature { keyid: key.verifying_key().key_id().to_string(), sig: key.sign(message).to_vec() }
            }
        }
    }
}

/// A key that verifies envelopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicKey {
    /// ECDSA P-256 with SHA-256, ASN.1 DER.
    P256(p256::VerifyingKey),
    /// Ed25519.
    Ed25519(ed25519::VerifyingKey),
}

impl PublicKey {
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub fn key_id(&self) -> Digest {
        match self {
            Self::P256(key) => key.key_id(),
            Self::Ed25519(key) => key.key_id(),
        }
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => key.verify(message, signature).is_ok(),
            Self::Ed25519(key) => key.verify(message, signature).is_ok(),
        }
    }
}

/// Somebody who must have signed, and the keys that are known to be theirs.
#[derive(Debug, Clone, Copy)]
pub struct Role<'a> {
    /// For errors: "runner", "device".
    pub name: &'a str,
    /// Any one of them suffices.
    pub keys: &'a [PublicKey],
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// Which key its maker says it is of; a hint.
    pub keyid: String,
    /// The signature.
    pub sig: Vec<u8>,
}

/// A payload, its type and its signatures, with the exact bytes that they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    bytes: Vec<u8>,
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

impl Envelope {
    /// Signs a payload with each of these keys.
    pub fn sign(payload_type: &str, payload: &[u8], signers: &[Signer<'_>]) -> Self {
        let message = pae(payload_type, payload);
        Self::assemble(payload_type, payload, signers.iter().map(|signer| signer.sign(&message)).collect())
    }

    /// The envelope with signatures that were made elsewhere; nothing is checked.
    pub(crate) fn assemble(payload_type: &str, payload: &[u8], signatures: Vec<EnvelopeSignature>) -> Self {
        let listed: Vec<String> = signatures
            .iter()
            .map(|EnvelopeSignature { keyid, sig }| {
                format!(
                    "{{\"keyid\":{},\"sig\":\"{}\"}}",
                    serde_json::Value::from(keyid.as_str()),
                    STANDARD.encode(sig)
                )
            })
            .collect();
        let bytes = format!(
            "{{\"payloadType\":{},\"payload\":\"{}\",\"signatures\":[{}]}}",
            serde_json::Value::from(payload_type),
            STANDARD.encode(payload),
            listed.join(",")
        );
        Self { bytes: bytes.into_bytes(), payload_type: payload_type.to_owned(), payload: payload.to_vec(), signatures }
    }

    /// Reads an envelope of at most `max_bytes`. Nothing that it says is to be believed before [`verify`](Self::verify).
    pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Self, DsseError> {
        let mut envelope = Object::parse(bytes, max_bytes, MAX_DEPTH)?;
        let payload_type = envelope.text("payloadType")?;
        let payload = envelope.base64("payload")?;
        let mut signatures = Vec::new();
        for mut signature in envelope.objects("signatures")? {
            signatures.push(EnvelopeSignature { keyid: signature.text("keyid")?, sig: signature.base64("sig")? });
            signature.finish()?;
        }
        envelope.finish()?;
        if signatures.is_empty() || signatures.len() > MAX_SIGNATURES {
            return Err(DsseError::Count(signatures.len()));
        }
        Ok(Self { bytes: bytes.to_vec(), payload_type, payload, signatures })
    }

    /// The exact bytes of the envelope.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the exact bytes: what a journal records.
    pub fn sha256(&self) -> Digest {
        sha256(&self.bytes)
    }

    /// What was signed: the pre-authentication encoding of type and payload.
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// The payload, which nobody has vouched for yet.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Checks that the payload is of this type and that every role signed it, each with a key of its own, and nobody
    /// else; gives the payload.
    pub fn verify(&self, payload_type: &str, roles: &[Role<'_>]) -> Result<&[u8], DsseError> {
        self.signers(payload_type, roles)?;
        Ok(&self.payload)
    }

    /// The same, and gives the key that each role signed with, in the order of the roles.
    pub fn signers(&self, payload_type: &str, roles: &[Role<'_>]) -> Result<Vec<PublicKey>, DsseError> {
        if self.payload_type != payload_type {
            return Err(DsseError::Type(payload_type.to_owned()));
        }
        let message = self.pae();
        let mut signers: Vec<PublicKey> = Vec::with_capacity(roles.len());
        let mut accounted = vec![false; self.signatures.len()];
        for role in roles {
            let mut signed = false;
            for (EnvelopeSignature { sig, .. }, accounted) in self.signatures.iter().zip(&mut accounted) {
                let key = role.keys.iter().find(|key| !*accounted && key.verifies(&message, sig));
                let Some(key) = key else { continue };
                if signers.contains(key) {
                    return Err(DsseError::SharedKey(role.name.to_owned()));
                }
                signers.push(*key);
                (*accounted, signed) = (true, true);
                break;
            }
            if !signed {
                return Err(DsseError::Unsigned(role.name.to_owned()));
            }
        }
        match accounted.iter().position(|accounted| !accounted) {
            Some(stray) => Err(DsseError::Stray(stray + 1)),
            None => Ok(signers),
        }
    }
}

/// The pre-authentication encoding of DSSE v1: `DSSEv1 len(type) type len(payload) payload`.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {} {} ", payload_type.len(), payload_type, payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors;
    use proptest::prelude::*;

    const TYPE: &str = "application/vnd.in-toto+json";

    fn p256(name: &str) -> PublicKey {
        PublicKey::P256(vectors::p256_key(name).verifying_key())
    }

    #[test]
    fn the_golden_pae_and_signatures() {
        let vectors = vectors::load();
        let golden = &vectors["dsse_pae"];
        let encoded = pae(golden["type"].as_str().unwrap(), golden["payload"].as_str().unwrap().as_bytes());
        assert_eq!(hex::encode(encoded), golden["pae"].as_str().unwrap());
        let runner = Role { name: "runner", keys: &[p256("control-plane"), p256("runner")] };
        let envelope = Envelope::parse(vectors["attestation"].to_string().as_bytes(), MAX_ENVELOPE).unwrap();
        assert!(envelope.verify(TYPE, &[runner]).unwrap().starts_with(b"{\"_type\""));
        // Two roles, ECDSA and Ed25519.
        let request = &vectors["drilldown"]["request_envelope"];
        let device = PublicKey::Ed25519(vectors::ed25519_key("device").verifying_key());
        let roles =
            [Role { name: "device", keys: &[device] }, Role { name: "control plane", keys: &[p256("control-plane")] }];
        let envelope = Envelope::parse(request.to_string().as_bytes(), 8192).unwrap();
        envelope.verify(request["payloadType"].as_str().unwrap(), &roles).unwrap();
        let expected = vectors["drilldown"]["request_pae_sha256"].as_str().unwrap();
        assert_eq!(sha256(&envelope.pae()).to_string(), expected);
        assert_eq!(envelope.verify(request["payloadType"].as_str().unwrap(), &roles[..1]), Err(DsseError::Stray(2)));
    }

    #[test]
    fn another_type_key_or_role_is_refused() {
        let (runner, other) = (vectors::p256_key("runner"), vectors::p256_key("control-plane"));
        let envelope = Envelope::sign(TYPE, b"{}", &[Signer::P256(&runner)]);
        assert_eq!(Envelope::parse(envelope.bytes(), MAX_ENVELOPE).unwrap(), envelope);
        let keys = [p256("runner")];
        let role = Role { name: "runner", keys: &keys };
        assert_eq!(envelope.verify(TYPE, &[role]), Ok(b"{}".as_slice()));
        assert_eq!(envelope.verify("text/plain", &[role]), Err(DsseError::Type("text/plain".into())));
        let wrong = [p256("control-plane")];
        let wrong = Role { name: "runner", keys: &wrong };
        assert_eq!(envelope.verify(TYPE, &[wrong]), Err(DsseError::Unsigned("runner".into())));
        assert_eq!(envelope.verify(TYPE, &[]), Err(DsseError::Stray(1)));
        assert_eq!(envelope.verify(TYPE, &[role, role]), Err(DsseError::Unsigned("runner".into())));
        // The same key signing twice is not two parties.
        let twice = Envelope::sign(TYPE, b"{}", &[Signer::P256(&runner), Signer::P256(&runner)]);
        assert_eq!(twice.verify(TYPE, &[role, role]), Err(DsseError::SharedKey("runner".into())));
        // A wrong hint does not matter, a stray signature does.
        let text = String::from_utf8(envelope.bytes().to_vec()).unwrap();
        let hint = text.replacen(&runner.verifying_key().key_id().to_string(), "none", 1);
        assert!(Envelope::parse(hint.as_bytes(), MAX_ENVELOPE).unwrap().verify(TYPE, &[role]).is_ok());
        let stray = Envelope::sign(TYPE, b"{}", &[Signer::P256(&runner), Signer::P256(&other)]);
        assert_eq!(stray.verify(TYPE, &[role]), Err(DsseError::Stray(2)));
    }

    #[test]
    fn malformed_envelopes_are_refused() {
        let good = vectors::load()["attestation"].to_string();
        assert!(Envelope::parse(good.as_bytes(), good.len()).is_ok());
        assert!(Envelope::parse(good.as_bytes(), good.len() - 1).is_err());
        let list = good.find("\"signatures\":[").unwrap() + 14;
        let end = good.rfind(']').unwrap();
        for bad in [
            good.replacen("\"payloadType\"", "\"payloadtype\"", 1),
            good.replacen("\"payload\":\"", "\"payload\":\"\",\"payload\":\"", 1),
            good.replacen("\"payload\":\"ey", "\"payload\":\"-_", 1),
            good.replacen("\"sig\"", "\"extra\":1,\"sig\"", 1),
            good.replacen("\"signatures\":[", "\"signatures\":[[]", 1),
            format!("{}{}", &good[..list], &good[end..]),
            format!("{good}{good}"),
            format!("[{good}]"),
            good.replacen(&good[list..end], &[&good[list..end]; 9].join(","), 1),
        ] {
            assert!(Envelope::parse(bad.as_bytes(), MAX_ENVELOPE).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes: Vec<u8>, at: usize, byte: u8) {
            let _ = Envelope::parse(&bytes, MAX_ENVELOPE);
            let mut text = vectors::load()["attestation"].to_string().into_bytes();
            let at = at % text.len();
            text[at] = byte;
            if let Ok(envelope) = Envelope::parse(&text, MAX_ENVELOPE) {
                let _ = envelope.verify(TYPE, &[]);
            }
        }
    }
}
