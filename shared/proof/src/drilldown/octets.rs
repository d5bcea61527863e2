//! An answer as one stream of octets, in which the control plane hands it to whoever asked: the encapsulated key, then
//! each frame preceded by its length as a `u32`.

use crypto::hpke::{ENC, TAG};

use super::{Frame, MAX_CIPHERTEXT};

/// Why a stream of octets is not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OctetsError {
    /// A frame of another length than any frame may have.
    #[error("frame {frame} of the answer has {found} bytes; {TAG} to {MAX_CIPHERTEXT} are allowed")]
    Length {
        /// Its position.
        frame: u64,
        /// Its bytes.
        found: u32,
    },
    /// It ended within the encapsulated key or a frame, or before the first frame.
    #[error("the answer breaks off after {0} whole frames")]
    Truncated(u64),
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The encapsulated key; it comes first.
    Enc([u8; ENC]),
    /// A frame that is not the last one.
    Frame(Frame),
}

/// Cuts octets into frames. The stream does not say which frame is the last one, its end does: so one frame is held
/// back.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: Vec<u8>,
    enc: bool,
    held: Option<Vec<u8>>,
    given: u64,
}

impl Splitter {
    /// Nothing has come.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next octets; gives the parts that they complete. It holds at most two frames besides.
    pub fn push(&mut self, octets: &[u8]) -> Result<Vec<Part>, OctetsError> {
        self.buffer.extend_from_slice(octets);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut rest = buffer.as_slice();
        let mut parts = Vec::new();
        loop {
            if !self.enc {
                let Some((enc, after)) = rest.split_first_chunk::<ENC>() else { break };
                parts.push(Part::Enc(*enc));
                (self.enc, rest) = (true, after);
            }
            let Some((length, after)) = rest.split_first_chunk::<4>() else { break };
            let found = u32::from_be_bytes(*length);
            let frame = self.given.saturating_add(u64::from(self.held.is_some()));
            let length = usize::try_from(found).ok().filter(|length| (TAG..=MAX_CIPHERTEXT).contains(length));
            let length = length.ok_or(OctetsError::Length { frame, found })?;
            let Some((ciphertext, after)) = after.split_at_checked(length) else { break };
            if let Some(ciphertext) = self.held.replace(ciphertext.to_vec()) {
                parts.push(Part::Frame(Frame { index: self.given, ciphertext, last: false }));
                self.given = self.given.saturating_add(1);
            }
            rest = after;
        }
        let read = buffer.len().saturating_sub(rest.len());
        buffer.drain(..read);
        self.buffer = buffer;
        Ok(parts)
    }

    /// The stream ended: its last frame.
    pub fn finish(self) -> Result<Frame, OctetsError> {
        match self.held {
            Some(ciphertext) if self.buffer.is_empty() => Ok(Frame { index: self.given, ciphertext, last: true }),
            Some(_) => Err(OctetsError::Truncated(self.given.saturating_add(1))),
            None => Err(OctetsError::Truncated(self.given)),
        }
    }
}

/// A frame as it stands in the stream.
pub fn frame(ciphertext: &[u8]) -> Vec<u8> {
    // A frame comes near to 4 GiB nowhere: both sides refuse one of more than MAX_CIPHERTEXT.
    let length = u32::try_from(ciphertext.len()).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), ciphertext].concat()
}
