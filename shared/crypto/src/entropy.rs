//! Randomness as a parameter.

use ring::rand::SecureRandom;

/// Where code gets random bytes from. Production code is given [`SystemEntropy`]; a test may pass a fixed sequence.
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer with random bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone)]
pub struct SystemEntropy {
    random: ring::rand::SystemRandom,
}

impl SystemEntropy {
    /// The operating system's generator.
    #[expect(clippy::disallowed_methods, reason = "the only real source of randomness of the workspace")]
    #[expect(clippy::new_without_default, reason = "randomness is not a default value")]
    pub fn new() -> Self {
        Self { random: ring::rand::SystemRandom::new() }
    }

    pub(crate) fn source(&self) -> &ring::rand::SystemRandom {
        &self.random
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // getrandom(2) on an initialised pool does not fail; if it ever does, no key may be made of what is there.
        self.random.fill(buffer).expect("the operating system's random generator answers");
    }
}

/// `N` random bytes.
pub fn random_bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let entropy = SystemEntropy::new();
        assert_ne!(random_bytes::<32>(&entropy), random_bytes::<32>(&entropy));
    }
}
