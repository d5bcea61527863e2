//! A one-time token that lets one Runner ask to be let in.

use clock::Timestamp;
use crypto::Digest;
use ids::{PersonId, RunnerId, TokenId};
use proof::text::FreeText;

/// A token; the secret is only kept as a hash, and that in the store alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Its name.
    pub id: TokenId,
    /// What the Runner will be called.
    pub label: FreeText,
    /// Who made it.
    pub created_by: PersonId,
    /// When.
    pub created: Timestamp,
    /// When it can be used for the first time no more.
    pub expires: Timestamp,
    /// What became of it.
    pub state: TokenState,
}

/// What became of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenState {
    /// Nobody used it.
    Open,
    /// A Runner used it. The same statement may use it again and gets the same answer; no other may.
    Used {
        /// SHA-256 of the statement of keys that used it.
        statement: Digest,
        /// The Runner.
        runner: RunnerId,
        /// When it was used first.
        at: Timestamp,
    },
    /// It was taken back before anybody used it.
    Revoked {
        /// When.
        at: Timestamp,
    },
}

/// Why a statement may not use a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It was used with other keys.
    #[error("the token was used by another Runner")]
    Used,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was taken back.
    #[error("the token was revoked")]
    Revoked,
}

/// What using a token comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redemption {
    /// It is this statement's now.
    First,
    /// It was this statement's already; for this Runner.
    Again(RunnerId),
}

impl JoinToken {
    /// Whether a statement of keys may use the token now.
    pub fn redeem(&self, by: &Digest, now: Timestamp) -> Result<Redemption, TokenRefusal> {
        match &self.state {
            TokenState::Used { statement, runner, .. } if statement == by => Ok(Redemption::Again(*runner)),
            TokenState::Used { .. } => Err(TokenRefusal::Used),
            TokenState::Revoked { .. } => Err(TokenRefusal::Revoked),
            TokenState::Open if now >= self.expires => Err(TokenRefusal::Expired),
            TokenState::Open => Ok(Redemption::First),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_statements_for_good() {
        let at = Timestamp::from_millis;
        let (mine, other, runner) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]), RunnerId::NIL);
        let mut token = JoinToken {
            id: TokenId::NIL,
            label: "web".parse().unwrap(),
            created_by: PersonId::NIL,
            created: at(0),
            expires: at(600_000),
            state: TokenState::Open,
        };
        assert_eq!(token.redeem(&mine, at(599_999)), Ok(Redemption::First));
        assert_eq!(token.redeem(&mine, at(600_000)), Err(TokenRefusal::Expired));
        token.state = TokenState::Used { statement: mine, runner, at: at(1) };
        assert_eq!(token.redeem(&mine, at(9_000_000)), Ok(Redemption::Again(runner)));
        assert_eq!(token.redeem(&other, at(2)), Err(TokenRefusal::Used));
        token.state = TokenState::Revoked { at: at(1) };
        assert_eq!(token.redeem(&mine, at(2)), Err(TokenRefusal::Revoked));
    }
}
