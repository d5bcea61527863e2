//! Random choices that come again with the same seed (SplitMix64), and texts that are nearly right.

use crypto::SystemEntropy;
use crypto::entropy::random_bytes;

/// Random choices.
pub(crate) struct Dice(u64);

impl Dice {
    /// From `SEED`, else by chance; the seed is said, so that a failure can be had again.
    #[expect(clippy::print_stderr, reason = "whoever looks at a failure needs the seed")]
    pub(crate) fn new() -> Self {
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from_be_bytes(random_bytes(&SystemEntropy::new())));
        eprintln!("SEED={seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than this.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// The text with one thing changed: a byte, a piece left out, doubled or moved, or something put in that parsers take
    /// differently.
    pub(crate) fn changed(&mut self, text: &[u8]) -> Vec<u8> {
        const TRAPS: &[&str] = &[
            " ",
            "\n",
            "\t",
            "\u{b}",
            "\u{feff}",
            "0",
            "-",
            "-0",
            ".0",
            "e0",
            "E+1",
            "1e400",
            "null",
            "true",
            "\"",
            "\\",
            "/",
            ",",
            ":",
            "{",
            "}",
            "[",
            "]",
            "{}",
            "[]",
            "\"x\":1,",
            "\"v\":1,",
            ",\"v\":1",
            "\\u0061",
            "\\u0000",
            "\\ud800",
            "\\ud83d\\ude00",
            "\u{0}",
            "\u{202e}",
            "\u{7f}",
            "é",
            "A",
            "Z",
            "=",
            "==",
            "+",
            "//",
            "'",
            "NaN",
            "Infinity",
            "01",
            "12",
            "999",
        ];
        let mut bytes = text.to_vec();
        let (at, length) = (self.below(bytes.len()), 1 + self.below(24));
        let end = (at + length).min(bytes.len());
        match self.below(7) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let piece: Vec<u8> = bytes.drain(at..end).collect();
                let to = self.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            4 => {
                let trap = TRAPS[self.below(TRAPS.len())];
                bytes.splice(at..at, trap.bytes());
            }
            5 => {
                let trap = TRAPS[self.below(TRAPS.len())];
                bytes.splice(at..end.min(at + 1), trap.bytes());
            }
            // A letter or digit for another: most likely to be taken.
            _ => {
                let letters = b"0123456789abcdefghijklmnopqrstuvwxyz";
                bytes[at] = letters[self.below(letters.len())];
            }
        }
        bytes
    }
}
