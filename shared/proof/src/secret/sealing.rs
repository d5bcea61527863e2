//! A value, sealed to one Runner for one request.

use crypto::digest::sha256;
use crypto::hpke::{self, ENC, Opener, Sealer, TAG};
use crypto::{Entropy, Secret};

use super::request::{Class, MAX_VALUE, Request, SealedRef, Terms};

/// Bytes of the longest sealed value: the encapsulated key, and the ciphertext after it.
pub const MAX_SEALED: usize = ENC + Class::Large.bytes() + TAG;

/// Bytes of the length before the value.
const LENGTH: usize = 4;

/// Why a value is not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Nothing, or too much.
    #[error("a value of {0} bytes; a secret has 1 to {MAX_VALUE}")]
    Length(usize),
    /// The key cannot be sealed to.
    #[error(transparent)]
    Key(#[from] hpke::SealError),
}

/// Why a sealed value is refused, in the order in which it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// These are not the bytes that were signed.
    #[error("the sealed value is not the one that was signed")]
    Bytes,
    /// It is sealed to a key that is not this one.
    #[error("the value is sealed to another key")]
    Key,
    /// It does not open: altered, or sealed for another tenant, Runner, request, device, name or length.
    #[error(transparent)]
    Sealed(#[from] hpke::OpenError),
    /// What came out is not a value filled up to its class.
    #[error("what was sealed is not a value of 1 to {MAX_VALUE} bytes, filled up with zeros")]
    Value,
}

/// What the sealed value is bound to: `"proctor/v2/secret" || 0x00 || tenant || runner || request || device || name`, ids
/// as their 16 bytes and the device as its 32.
pub fn info(terms: &Terms) -> Vec<u8> {
    [
        b"proctor/v2/secret\0".as_slice(),
        terms.tenant.as_bytes(),
        terms.runner.as_bytes(),
        terms.request.as_bytes(),
        terms.person.device.as_bytes(),
        terms.name.as_str().as_bytes(),
    ]
    .concat()
}

/// Seals a value to a Runner's key under these terms; gives the bytes, and what the request says of them.
pub fn seal(
    terms: &Terms,
    recipient: &hpke::PublicKey,
    value: &Secret<Vec<u8>>,
    entropy: &dyn Entropy,
) -> Result<(Vec<u8>, SealedRef), SealError> {
    let value = value.expose();
    let class = Class::holding(value.len()).filter(|_| !value.is_empty()).ok_or(SealError::Length(value.len()))?;
    let length = u32::try_from(value.len()).map_err(|_| SealError::Length(value.len()))?;
    let mut plaintext = Secret::with_capacity(class.bytes());
    plaintext.extend(&length.to_be_bytes());
    plaintext.extend(value);
    plaintext.extend(&vec![0; class.bytes() - LENGTH - value.len()]);
    let (enc, mut sealer) = Sealer::new(recipient, &info(terms), entropy)?;
    let ciphertext = sealer.seal(&aad(class), plaintext.expose())?;
    let sealed = [enc.as_slice(), &ciphertext].concat();
    let said = SealedRef { key: sha256(recipient.as_bytes()), class, sha256: sha256(&sealed) };
    Ok((sealed, said))
}

/// Opens the value of a request.
pub fn open_value(request: &Request, key: &hpke::KeyPair, sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
    let Request { terms, sealed: said } = request;
    if sha256(sealed) != said.sha256 {
        return Err(OpenError::Bytes);
    }
    if sha256(key.public().as_bytes()) != said.key {
        return Err(OpenError::Key);
    }
    let (enc, ciphertext) = sealed.split_at_checked(ENC).ok_or(OpenError::Bytes)?;
    let mut opener = Opener::new(key, enc, &info(terms))?;
    let plaintext = Secret::new(opener.open(&aad(said.class), ciphertext)?);
    value(plaintext.expose(), said.class).ok_or(OpenError::Value)
}

fn value(plaintext: &[u8], class: Class) -> Option<Secret<Vec<u8>>> {
    let (length, rest) = plaintext.split_first_chunk::<LENGTH>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (value, filling) = rest.split_at_checked(length)?;
    // One value has one sealed form: the shortest class, and nothing in the filling.
    let whole = plaintext.len() == class.bytes() && Class::holding(length) == Some(class);
    let whole = whole && !value.is_empty() && filling.iter().all(|byte| *byte == 0);
    whole.then(|| {
        let mut kept = Secret::with_capacity(value.len());
        kept.extend(value);
        kept
    })
}

fn aad(class: Class) -> [u8; 4] {
    u32::try_from(class.bytes()).unwrap_or(u32::MAX).to_be_bytes()
}
