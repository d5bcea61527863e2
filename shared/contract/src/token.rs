//! What an administrator pastes at a Runner's host: a join token that works once, and the pin of the control plane's
//! certificate authority.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::digest::sha256_parts;
use crypto::{Digest, Entropy, Secret};
use ids::TenantId;

/// Bytes of a token's text: `pjt_`, 32 hex digits, `_`, 43 characters of base64url.
pub const TOKEN_BYTES: usize = 4 + 32 + 1 + 43;

/// What is hashed before the token's own bytes, so that the stored digest can be that of nothing else.
const CONTEXT: &[u8] = b"proctor/v1/join-token\0";

/// A text that is not a join token. It may be a mistyped one, so it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a join token: expected pjt_, the tenant in 32 hex digits, _ and 43 characters; paste it whole")]
pub struct TokenError;

/// A secret that lets one Runner into one tenant, once, for ten minutes.
pub struct JoinToken {
    /// The tenant, so that every transaction about the token has one from the start.
    pub tenant: TenantId,
    secret: Secret<[u8; 32]>,
}

impl JoinToken {
    /// A fresh token.
    pub fn generate(tenant: TenantId, entropy: &dyn Entropy) -> Self {
        Self { tenant, secret: Secret::random(entropy) }
    }

    /// Reads `pjt_<tenant>_<secret>`, in its one spelling.
    ///
    /// # Errors
    ///
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let rest = text.strip_prefix("pjt_").ok_or(TokenError)?;
        let (tenant, secret) = rest.split_once('_').ok_or(TokenError)?;
        let mut id = [0; 16];
        if tenant.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(TokenError);
        }
        hex::decode_to_slice(tenant, &mut id).map_err(|_| TokenError)?;
        let secret = Secret::new(URL_SAFE_NO_PAD.decode(secret).map_err(|_| TokenError)?);
        let secret: [u8; 32] = secret.expose().as_slice().try_into().map_err(|_| TokenError)?;
        let tenant = TenantId::from_bytes(id);
        if tenant == TenantId::NIL { Err(TokenError) } else { Ok(Self { tenant, secret: Secret::new(secret) }) }
    }

    /// The text that is shown once.
    pub fn to_text(&self) -> Secret<String> {
        let secret = Secret::new(URL_SAFE_NO_PAD.encode(self.secret.expose()));
        Secret::new(format!("pjt_{}_{}", hex::encode(self.tenant.as_bytes()), secret.expose()))
    }

    /// What the control plane keeps instead of the token: SHA-256 over a context, the tenant and the secret.
    pub fn digest(&self) -> Digest {
        sha256_parts(&[CONTEXT, self.tenant.as_bytes(), self.secret.expose()])
    }
}

impl Clone for JoinToken {
    fn clone(&self) -> Self {
        Self { tenant: self.tenant, secret: Secret::new(*self.secret.expose()) }
    }
}

impl PartialEq for JoinToken {
    fn eq(&self, other: &Self) -> bool {
        self.tenant == other.tenant && crypto::equal_constant_time(self.secret.expose(), other.secret.expose())
    }
}

impl Eq for JoinToken {}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::parse(text)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinToken(pjt_{}_…)", hex::encode(self.tenant.as_bytes()))
    }
}

/// A text that is not a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a pin: expected sha256: and 64 lower-case hex digits")]
pub struct PinError;

/// SHA-256 of the SubjectPublicKeyInfo of a certificate authority in the chain that the control plane presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CaPin(pub Digest);

impl fmt::Display for CaPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl FromStr for CaPin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        text.strip_prefix("sha256:").and_then(|digest| digest.parse().ok()).map(Self).ok_or(PinError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto::SystemEntropy;

    #[test]
    fn a_token_round_trips_and_is_never_printed() {
        let tenant: TenantId = "019aa7f0-0000-7000-8000-000000000001".parse().unwrap();
        let token = JoinToken::generate(tenant, &SystemEntropy::new());
        let text = token.to_text();
        assert_eq!(text.expose().len(), TOKEN_BYTES);
        let read = JoinToken::parse(text.expose()).unwrap();
        assert_eq!((read.tenant, read.digest()), (tenant, token.digest()));
        assert_eq!(read, token);
        let secret = text.expose().split_at(37).1;
        assert!(!format!("{token:?} {text:?}").contains(&secret[..8]));
        assert_ne!(JoinToken::generate(tenant, &SystemEntropy::new()).digest(), token.digest());
        let other = JoinToken { tenant: TenantId::from_bytes([1; 16]), secret: Secret::new(*token.secret.expose()) };
        assert_ne!(other.digest(), token.digest(), "a token of another tenant is another token");
    }

    #[test]
    fn a_token_has_one_spelling() {
        let tenant = "019aa7f0000070008000000000000001";
        let secret = URL_SAFE_NO_PAD.encode([0xab; 32]);
        assert!(JoinToken::parse(&format!("pjt_{tenant}_{secret}")).is_ok());
        let mut trailing_bits = secret.clone();
        trailing_bits.replace_range(42.., "t");
        for text in [
            String::new(),
            format!("PJT_{tenant}_{secret}"),
            format!("pjt_{}_{secret}", tenant.to_uppercase()),
            format!("pjt_{tenant}_{secret}="),
            format!("pjt_{tenant}_{trailing_bits}"),
            format!("pjt_{tenant}_{secret} "),
            format!("pjt_{tenant}_{}", &secret[1..]),
            format!("pjt_{}_{secret}", "0".repeat(32)),
            format!("pjt_019aa7f0-0000-7000-8000-000000000001_{secret}"),
            format!("pck_{tenant}_{secret}"),
        ] {
            assert_eq!(JoinToken::parse(&text).err(), Some(TokenError), "{text}");
        }
    }

    #[test]
    fn a_pin_has_one_spelling() {
        let text = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(text.parse::<CaPin>().unwrap().to_string(), text);
        for text in ["", "sha256:", "sha256:ab", &"ab".repeat(32), &text.to_uppercase(), &format!("{text}0")] {
            assert_eq!(text.parse::<CaPin>(), Err(PinError), "{text}");
        }
    }
}
