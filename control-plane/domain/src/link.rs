//! A link that lets one person set how they sign in, once.

use clock::Timestamp;
use ids::{LinkId, PersonId};

use crate::vocabulary;

vocabulary! {
    /// What a link is for.
    LinkKind, "kind of link" {
        /// A person's first: password, then second factor.
        Invitation = "invitation",
        /// A new password; the second factor stays.
        Password = "password",
        /// A new password, and then a new second factor.
        Everything = "everything",
    }
}

impl LinkKind {
    /// Whether whoever uses the link chooses the second factor too.
    pub const fn resets_second_factor(self) -> bool {
        match self {
            Self::Invitation | Self::Everything => true,
            Self::Password => false,
        }
    }
}

/// A link; its secret is only kept as a hash, and that in the store alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonLink {
    /// Its name.
    pub id: LinkId,
    /// Whom it lets in.
    pub person: PersonId,
    /// What for.
    pub kind: LinkKind,
    /// Who made it; the operator of the platform when `None`.
    pub created_by: Option<PersonId>,
    /// When.
    pub created: Timestamp,
    /// When it can be used no more.
    pub expires: Timestamp,
    /// What became of it.
    pub state: LinkState,
}

/// What became of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Nobody used it.
    Open,
    /// It was used.
    Used {
        /// When.
        at: Timestamp,
    },
    /// A newer one was made, or the person was taken out.
    Replaced {
        /// When.
        at: Timestamp,
    },
}

/// Why a link cannot be used. People hear one sentence for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    /// It was used.
    #[error("the link was used")]
    Used,
    /// There is a newer one.
    #[error("a newer link was made")]
    Replaced,
    /// Its time is over.
    #[error("the link has expired")]
    Expired,
}

impl PersonLink {
    /// Whether the link can be used now.
    pub fn check(&self, now: Timestamp) -> Result<(), LinkRefusal> {
        match self.state {
            LinkState::Used { .. } => Err(LinkRefusal::Used),
            LinkState::Replaced { .. } => Err(LinkRefusal::Replaced),
            LinkState::Open if now >= self.expires => Err(LinkRefusal::Expired),
            LinkState::Open => Ok(()),
        }
    }

    /// The link after it was used.
    pub fn used(self, now: Timestamp) -> Result<Self, LinkRefusal> {
        self.check(now)?;
        Ok(Self { state: LinkState::Used { at: now }, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_used_once_and_in_time() {
        let at = Timestamp::from_millis;
        let link = PersonLink {
            id: LinkId::NIL,
            person: PersonId::NIL,
            kind: LinkKind::Invitation,
            created_by: None,
            created: at(0),
            expires: at(1_000),
            state: LinkState::Open,
        };
        assert_eq!(link.clone().used(at(1_000)), Err(LinkRefusal::Expired));
        let used = link.clone().used(at(999)).unwrap();
        assert_eq!(used.state, LinkState::Used { at: at(999) });
        assert_eq!(used.used(at(999)), Err(LinkRefusal::Used));
        let replaced = PersonLink { state: LinkState::Replaced { at: at(1) }, ..link };
        assert_eq!(replaced.check(at(2)), Err(LinkRefusal::Replaced));
    }
}
