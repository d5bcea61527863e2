//! The two texts that let a browser in: the cookie of a session, and a person's one-time link.
//!
//! Each names its tenant, so that finding it is one look-up in one tenant, and holds 256 random bits, of which only a
//! hash is stored, bound to the tenant and to what the text is for. A hash made slow on purpose would gain nothing
//! against guessing 256 bits.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::digest::sha256_parts;
use crypto::{Digest, Entropy, Secret, equal_constant_time};
use ids::TenantId;

/// A text that is not one of ours. It says no more, because the text may be somebody's other secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this kind")]
pub struct NotAToken;

/// Characters of 32 bytes.
const SECRET_TEXT: usize = 43;

macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $separator:literal, $context:literal) => {
        $(#[$doc])*
        pub struct $name {
            tenant: TenantId,
            secret: Secret<[u8; 32]>,
        }

        impl $name {
            /// A fresh one.
            pub fn fresh(tenant: TenantId, entropy: &dyn Entropy) -> Self {
                Self { tenant, secret: Secret::random(entropy) }
            }

            /// Reads the text; one spelling is accepted.
            pub fn parse(text: &str) -> Result<Self, NotAToken> {
                let rest = text.strip_prefix($prefix).ok_or(NotAToken)?;
                let (tenant, secret) = rest.split_once($separator).ok_or(NotAToken)?;
                Ok(Self { tenant: parse_tenant(tenant)?, secret: parse_secret(secret)? })
            }

            /// The text; it goes to its owner and is kept nowhere.
            pub fn to_text(&self) -> Secret<String> {
                let secret = Secret::new(URL_SAFE_NO_PAD.encode(self.secret.expose()));
                let tenant = hex::encode(self.tenant.as_bytes());
                Secret::new(format!("{}{tenant}{}{}", $prefix, $separator, secret.expose()))
            }

            /// The tenant that it names.
            pub fn tenant(&self) -> TenantId {
                self.tenant
            }

            /// What is stored, and looked up.
            pub fn digest(&self) -> Digest {
                sha256_parts(&[$context, self.tenant.as_bytes(), self.secret.expose()])
            }

            /// Whether this digest is of it; takes as long when it is not.
            pub fn matches(&self, stored: &Digest) -> bool {
                equal_constant_time(self.digest().as_bytes(), stored.as_bytes())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("tenant", &self.tenant).finish_non_exhaustive()
            }
        }
    };
}

token! {
    /// A session's cookie: `<tenant, 32 hex>.<secret, base64url>`.
    SessionToken, "", ".", b"proctor/v1/session\0"
}

token! {
    /// A person's link: `pln_<tenant, 32 hex>_<secret, base64url>`.
    LinkToken, "pln_", "_", b"proctor/v1/person-link\0"
}

fn parse_tenant(text: &str) -> Result<TenantId, NotAToken> {
    let mut bytes = [0; 16];
    // One spelling: the hex decoder would take upper case too.
    if text.len() != 32 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(NotAToken);
    }
    hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAToken)?;
    Ok(TenantId::from_bytes(bytes))
}

fn parse_secret(text: &str) -> Result<Secret<[u8; 32]>, NotAToken> {
    if text.len() != SECRET_TEXT {
        return Err(NotAToken);
    }
    let mut bytes = [0; 32];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| NotAToken)?;
    let secret = Secret::new(bytes);
    if length == 32 { Ok(secret) } else { Err(NotAToken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            (0u8..).zip(buffer).for_each(|(n, byte)| *byte = n);
        }
    }

    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn tenant() -> TenantId {
        TenantId::from_parts(1, [1; 10])
    }

    #[test]
    fn both_are_spelled_exactly_and_found_again() {
        let (session, link) = (SessionToken::fresh(tenant(), &Counting), LinkToken::fresh(tenant(), &Counting));
        assert_eq!(session.to_text().expose(), &format!("00000000000171018101010101010101.{SECRET}"));
        assert_eq!(link.to_text().expose(), &format!("pln_00000000000171018101010101010101_{SECRET}"));
        let again = SessionToken::parse(session.to_text().expose()).unwrap();
        assert_eq!(again.tenant(), tenant());
        assert!(again.matches(&session.digest()));
        assert!(LinkToken::parse(link.to_text().expose()).unwrap().matches(&link.digest()));
        // The same secret for another purpose, or in another tenant, is another one.
        assert!(!again.matches(&link.digest()));
        assert!(!SessionToken::fresh(TenantId::NIL, &Counting).matches(&session.digest()));
        assert!(!format!("{session:?} {link:?}").contains("AAEC"));
    }

    #[test]
    fn anything_else_is_none() {
        let session = SessionToken::fresh(tenant(), &Counting).to_text();
        let session = session.expose();
        let link = LinkToken::fresh(tenant(), &Counting).to_text();
        let link = link.expose();
        for text in [
            String::new(),
            ".".to_owned(),
            link.clone(),
            session.replace("8101", "81Aa"),
            session.replace("Hh8", "Hh9"),
            session.replace("Hh8", "Hh="),
            session.replace("Hh8", "H/8"),
            format!("{session}A"),
            format!(" {session}"),
            session.replacen('0', "", 1),
            session.replacen('0', "ä", 1),
        ] {
            assert!(SessionToken::parse(&text).is_err(), "{text}");
        }
        for text in [session.clone(), link.replace("pln_", "pjt_"), link.replace("pln_", ""), format!("{link}_")] {
            assert!(LinkToken::parse(&text).is_err(), "{text}");
        }
    }
}
