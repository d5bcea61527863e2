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

impl Secret<Vec<u8>> {
    /// Room for this many bytes: within it no copy is left behind by growing.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds bytes at the end.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Wipes what is there; the room stays.
    pub fn wipe(&mut self) {
        self.0.zeroize();
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
        let mut bytes = Secret::with_capacity(64);
        bytes.extend(b"canary");
        bytes.wipe();
        bytes.extend(b"b");
        assert_eq!((bytes.expose().as_slice(), bytes.expose().capacity()), (b"b".as_slice(), 64));
    }
}
