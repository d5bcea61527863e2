//! A value that must not be seen.

use std::fmt;

use zeroize::Zeroize;

/// Holds key material: wiped when dropped, never printed, never serialised, seen only through [`expose`](Self::expose).
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value; each caller is a place worth reviewing.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl Secret<[u8; 32]> {
    /// 32 fresh random bytes.
    pub fn random(entropy: &dyn crate::Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new(*b"canary-canary-canary-canary-cana");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(&secret.expose()[..6], b"canary");
    }
}
