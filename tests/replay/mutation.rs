//! Deterministic changes of inputs: the same corpus gives the same mutations on every machine.

use crypto::digest::sha256;

use crate::seeds::Seed;

/// Inputs are not grown beyond this.
const MAX: usize = 64 * 1024;

/// Bytes at which parsers turn.
const TURNING: &[u8] = b"\0\n\r\t \"'\\{}[]()<>:;,.-+=*&!|%@`~#$/\x7f\x80\xff019azAZ";

/// Makes changed inputs out of a corpus.
pub(crate) struct Mutator<'a> {
    corpus: &'a [Seed],
    state: u64,
    made: usize,
}

impl<'a> Mutator<'a> {
    /// The sequence of this name.
    pub(crate) fn new(name: &str, corpus: &'a [Seed]) -> Self {
        let digest = sha256(name.as_bytes());
        let state = digest.as_bytes().iter().take(8).fold(1, |state, byte| (state << 8) | u64::from(*byte));
        Self { corpus, state: state | 1, made: 0 }
    }

    /// The next one: a seed with one to four changes.
    pub(crate) fn next_input(&mut self) -> Seed {
        let at = self.below(self.corpus.len());
        let seed = self.corpus.get(at).expect("the corpus is not empty");
        let mut bytes = seed.bytes.clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes);
        }
        bytes.truncate(MAX);
        self.made += 1;
        Seed { name: format!("{} mutation {}", seed.name, self.made), bytes }
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let length = 1 + self.below(16);
        let end = (at + length).min(bytes.len());
        match self.below(8) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => {
                let turning = self.turning();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = turning;
                }
            }
            2 => bytes.insert(at, self.turning()),
            3 => drop(bytes.drain(at..end)),
            4 => bytes.truncate(at),
            5 => {
                let again: Vec<u8> = bytes.drain(at..end).collect();
                let again = again.repeat(2 + self.below(6));
                bytes.splice(at..at, again);
            }
            6 => bytes.splice(at..at, std::iter::repeat_n(self.turning(), length * 8)).for_each(drop),
            _ => {
                let from = self.below(self.corpus.len());
                let other = self.corpus.get(from).map(|seed| seed.bytes.as_slice()).unwrap_or_default();
                let start = self.below(other.len() + 1);
                let piece: Vec<u8> = other.iter().skip(start).take(length * 8).copied().collect();
                bytes.splice(at..at, piece);
            }
        }
    }

    fn turning(&mut self) -> u8 {
        let at = self.below(TURNING.len());
        TURNING.get(at).copied().unwrap_or_default()
    }

    /// A number below `bound`, or 0 if there is none (xorshift64*).
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let drawn = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap_or(0).checked_rem(bound).unwrap_or(0)
    }
}
