//! C2SP signed notes (<https://c2sp.org/signed-note>): a text and the signatures under it.
//!
//! Knows texts, key names and Ed25519; must never know what a text says. Checkpoints and cosignatures are built on it.

mod key;

#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::ed25519::SigningKey;

pub use key::{Algorithm, KeyName, VerifierKey, VerifierKeyError};

/// Bytes of a note; the specification wants at least 16 signatures of any kind to fit.
pub const MAX_NOTE: usize = 262_144;

/// Signatures under a note: every Runner of a tenant witnesses the audit log. More do not fit into [`MAX_NOTE`] bytes.
const MAX_SIGNATURES: usize = 1024;

/// Why a note is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not in the form of a signed note.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// A signature line that is not one.
    #[error("signature line {line} of the note: {why}")]
    Signature {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// None of the signatures claims to be of this key.
    #[error("the note is not signed by {0}")]
    NotSigned(String),
    /// A signature claims to be of this key and is not.
    #[error("the signature of {0} does not verify")]
    Refused(String),
}

/// One signature: who claims to have made it, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name.
    pub name: KeyName,
    /// The key's short id.
    pub key_id: u32,
    /// What the key's algorithm made.
    pub bytes: Vec<u8>,
}

/// A text, which ends in a newline, and its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// Reads a signed note from any bytes.
pub fn parse(bytes: &[u8]) -> Result<SignedNote, NoteError> {
    SignedNote::parse(std::str::from_utf8(bytes).map_err(|_| NoteError::Form("it is not UTF-8"))?)
}

impl SignedNote {
    /// Signs a text, which must be one that [`parse`](Self::parse) would read back.
    pub fn sign(text: &str, name: &KeyName, key: &SigningKey) -> Result<Self, NoteError> {
        check_text(text)?;
        let key_id = VerifierKey::new(name.clone(), Algorithm::Ed25519, key.verifying_key()).key_id();
        let signature = NoteSignature { name: name.clone(), key_id, bytes: key.sign(text.as_bytes()).to_vec() };
        Ok(Self { text: text.to_owned(), signatures: vec![signature] })
    }

    /// Reads a note. What it says is to be believed only after [`verify`](Self::verify).
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::Form("it is too long"));
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form("no blank line before signatures"))?;
        let text = format!("{text}\n");
        check_text(&text)?;
        let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Form("it does not end in a newline"))?;
        let signatures: Vec<_> = signatures
            .split('\n')
            .enumerate()
            .map(|(index, line)| parse_signature(line).map_err(|why| NoteError::Signature { line: index + 1, why }))
            .collect::<Result<_, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Form("it has too many signatures"));
        }
        Ok(Self { text, signatures })
    }

    /// The signed text, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature, such as a witness's.
    pub fn add(&mut self, signature: NoteSignature) {
        self.signatures.push(signature);
    }

    /// Adds a signature in place of those that claim to be of the same key.
    pub fn replace(&mut self, signature: NoteSignature) {
        self.signatures.retain(|kept| kept.name != signature.name || kept.key_id != signature.key_id);
        self.signatures.push(signature);
    }

    /// The bytes of the note: exactly those that were parsed.
    pub fn to_text(&self) -> String {
        let mut note = format!("{}\n", self.text);
        for NoteSignature { name, key_id, bytes } in &self.signatures {
            let encoded = STANDARD.encode([key_id.to_be_bytes().as_slice(), bytes].concat());
            note.push_str(&format!("\u{2014} {name} {encoded}\n"));
        }
        note
    }

    /// The signatures that claim to be of this key. There may be more than one; all of them must then verify.
    pub fn signatures_of(&self, key: &VerifierKey) -> impl Iterator<Item = &NoteSignature> {
        self.signatures.iter().filter(|signature| signature.name == *key.name() && signature.key_id == key.key_id())
    }

    /// Checks that this key signed the text. Signatures of other keys are ignored, as the specification demands.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let refused = || NoteError::Refused(key.name().to_string());
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(refused());
        }
        let mut signed = false;
        for signature in self.signatures_of(key) {
            key.key().verify(self.text.as_bytes(), &signature.bytes).map_err(|_| refused())?;
            signed = true;
        }
        if signed { Ok(()) } else { Err(NoteError::NotSigned(key.name().to_string())) }
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') || text == "\n" {
        return Err(NoteError::Form("its text is empty or does not end in a newline"));
    }
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::Form("it has a control character"));
    }
    Ok(())
}

fn parse_signature(line: &str) -> Result<NoteSignature, &'static str> {
    let rest = line.strip_prefix("\u{2014} ").ok_or("it does not begin with an em dash and a space")?;
    let (name, encoded) = rest.split_once(' ').ok_or("no space after the key name")?;
    let name = name.parse().map_err(|_| "the key name is not allowed")?;
    let decoded = STANDARD.decode(encoded).map_err(|_| "what follows the key name is not base64")?;
    match decoded.split_first_chunk::<4>() {
        Some((id, bytes)) if !bytes.is_empty() => {
            Ok(NoteSignature { name, key_id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
        }
        _ => Err("it is too short"),
    }
}
