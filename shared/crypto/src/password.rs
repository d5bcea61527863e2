//! Passwords: Argon2id (RFC 9106) under a key that is not in the database, kept as PHC strings.
//!
//! The key is Argon2's own secret value (RFC 9106 §3.1): without it the strings of a stolen database cannot even be
//! guessed at.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::kdf::Argon2Cost;
use crate::{Entropy, Secret, equal_constant_time};

/// 32 MiB, three passes, one lane: more than the 19 MiB and two passes that OWASP asks for.
pub const COST: Argon2Cost = Argon2Cost { memory_kib: 32_768, passes: 3, lanes: 1 };

/// What a kept string may cost at most; one that was changed in the database must not take the machine's memory.
const MOST: Argon2Cost = Argon2Cost { memory_kib: 1024 * 1024, passes: 16, lanes: 16 };

const SALT: usize = 16;
const TAG: usize = 32;

/// A string that is not one of ours: another algorithm, another form, or costs beyond bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a password as it is kept: expected $argon2id$v=19$m=…,t=…,p=…$salt$digest")]
pub struct PhcError;

/// A kept password, read from its PHC string.
pub struct Kept {
    cost: Argon2Cost,
    salt: [u8; SALT],
    tag: [u8; TAG],
}

/// The PHC string of a password, under a fresh salt.
pub fn hash(password: &[u8], key: &Secret<[u8; 32]>, cost: Argon2Cost, entropy: &dyn Entropy) -> String {
    let salt: [u8; SALT] = crate::entropy::random_bytes(entropy);
    let tag: [u8; TAG] =
        stretch(password, &salt, key.expose(), &[], cost).expect("our own cost and salt are within Argon2's bounds");
    let Argon2Cost { memory_kib, passes, lanes } = cost;
    let (salt, tag) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(tag));
    format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${tag}")
}

impl Kept {
    /// Reads a PHC string. One spelling is accepted: the one that [`hash`] writes.
    pub fn parse(phc: &str) -> Result<Self, PhcError> {
        let mut parts = phc.split('$');
        let mut next = || parts.next().ok_or(PhcError);
        if (next()?, next()?, next()?) != ("", "argon2id", "v=19") {
            return Err(PhcError);
        }
        let cost = parse_cost(next()?)?;
        let (salt, tag) = (bytes(next()?)?, bytes(next()?)?);
        if parts.next().is_some() { Err(PhcError) } else { Ok(Self { cost, salt, tag }) }
    }

    /// Whether this is the password. Takes as long when it is not.
    pub fn matches(&self, password: &[u8], key: &Secret<[u8; 32]>) -> bool {
        // Parsing has bounded the cost, so nothing is left that Argon2 refuses.
        stretch::<TAG>(password, &self.salt, key.expose(), &[], self.cost)
            .is_some_and(|tag| equal_constant_time(&tag, &self.tag))
    }

    /// What it cost to keep it, to know whether it is time to keep it anew.
    pub fn cost(&self) -> Argon2Cost {
        self.cost
    }
}

fn parse_cost(text: &str) -> Result<Argon2Cost, PhcError> {
    let mut parts = text.split(',');
    let mut number = |name: &str| {
        let digits = parts.next().and_then(|part| part.strip_prefix(name)).ok_or(PhcError)?;
        let number: u32 = digits.parse().map_err(|_| PhcError)?;
        if number.to_string() == digits { Ok(number) } else { Err(PhcError) }
    };
    let cost = Argon2Cost { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
    let bounded = cost.memory_kib <= MOST.memory_kib && cost.passes <= MOST.passes && cost.lanes <= MOST.lanes;
    let allowed = cost.passes >= 1 && cost.lanes >= 1 && cost.memory_kib >= 8 * cost.lanes;
    if parts.next().is_none() && bounded && allowed { Ok(cost) } else { Err(PhcError) }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], PhcError> {
    STANDARD_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(PhcError)
}

/// Argon2id with everything that RFC 9106 §3.1 lets one put in; `None` when it is out of bounds.
fn stretch<const N: usize>(
    password: &[u8],
    salt: &[u8],
    key: &[u8],
    associated: &[u8],
    cost: Argon2Cost,
) -> Option<[u8; N]> {
    let mut params = ParamsBuilder::new();
    params.m_cost(cost.memory_kib).t_cost(cost.passes).p_cost(cost.lanes).output_len(N);
    if !associated.is_empty() {
        params.data(AssociatedData::new(associated).ok()?);
    }
    let params = params.build().ok()?;
    let mut tag = [0; N];
    let argon = Argon2::new_with_secret(key, Algorithm::Argon2id, Version::V0x13, params).ok()?;
    argon.hash_password_into(password, salt, &mut tag).ok()?;
    Some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 };

    /// RFC 9106 §5.3.
    #[test]
    fn the_vector_of_the_rfc() {
        let cost = Argon2Cost { memory_kib: 32, passes: 3, lanes: 4 };
        let tag: [u8; 32] = stretch(&[1; 32], &[2; 16], &[3; 8], &[4; 12], cost).unwrap();
        assert_eq!(hex::encode(tag), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    }

    #[test]
    fn a_password_is_known_again_only_under_its_key() {
        let entropy = SystemEntropy::new();
        let (key, other) = (Secret::new([7; 32]), Secret::new([8; 32]));
        let phc = hash(b"correct horse", &key, CHEAP, &entropy);
        assert_ne!(phc, hash(b"correct horse", &key, CHEAP, &entropy), "salted");
        let kept = Kept::parse(&phc).unwrap();
        assert_eq!(kept.cost(), CHEAP);
        assert!(kept.matches(b"correct horse", &key));
        assert!(!kept.matches(b"correct horsf", &key));
        assert!(!kept.matches(b"correct horse", &other), "a stolen database is not enough");
    }

    #[test]
    fn other_spellings_and_absurd_costs_are_refused() {
        let phc = hash(b"x", &Secret::new([7; 32]), CHEAP, &SystemEntropy::new());
        assert!(Kept::parse(&phc).is_ok());
        for (from, to) in [
            ("$argon2id", "$argon2i"),
            ("v=19", "v=16"),
            ("m=64", "m=064"),
            ("m=64", "m=4294967295"),
            ("m=64", "m=7"),
            ("t=1", "t=0"),
            ("t=1", "t=99"),
            ("p=1", "p=0"),
            ("m=64,t=1,p=1", "t=1,m=64,p=1"),
            ("m=64,t=1,p=1", "m=64,t=1,p=1,x=1"),
        ] {
            assert!(Kept::parse(&phc.replacen(from, to, 1)).is_err(), "{from} as {to}");
        }
        for text in ["", "$", &format!("{phc}$"), &phc[..phc.len() - 1], &format!(" {phc}")] {
            assert!(Kept::parse(text).is_err(), "{text}");
        }
    }
}
