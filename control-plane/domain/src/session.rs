//! A person's time at the console: begun with a password, whole with a second factor, and over for good.

use clock::Timestamp;
use ids::{PersonId, SessionId};
use proof::text::FreeText;

use crate::vocabulary;

vocabulary! {
    /// What a half session still has to show.
    Need, "need of a session" {
        /// There is no second factor yet: one is to be set up.
        EnrolTotp = "enrol_totp",
        /// A code of the second factor.
        Totp = "totp",
    }
}

vocabulary! {
    /// Why a session ended before its time.
    SessionEnd, "end of a session" {
        /// The person signed out.
        SignedOut = "signed_out",
        /// The person ended it from another session.
        EndedElsewhere = "ended_elsewhere",
        /// Somebody who looks after people ended it.
        EndedByOther = "ended_by_other",
        /// The person has another password.
        PasswordChanged = "password_changed",
        /// The person has another second factor.
        SecondFactorChanged = "second_factor_changed",
        /// The person has another role.
        RoleChanged = "role_changed",
        /// The person was taken out.
        PersonRemoved = "person_removed",
        /// The person has more sessions than anybody needs: the oldest goes.
        TooMany = "too_many",
    }
}

/// A session. The cookie's secret is only kept as a hash, and that in the store alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The name that logs use.
    pub id: SessionId,
    /// Whose it is.
    pub person: PersonId,
    /// When it began.
    pub begun: Timestamp,
    /// When it was used last, to the minute.
    pub seen: Timestamp,
    /// When it ends, whatever is done.
    pub expires: Timestamp,
    /// The network from which it was used last.
    pub address: String,
    /// What the browser calls itself.
    pub agent: FreeText,
    /// Whether the second factor that was shown last was a recovery code.
    pub recovered: bool,
    /// Where it stands.
    pub state: SessionState,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// The password was right. It reaches nothing but the second factor and its own end.
    Half,
    /// Both factors were shown.
    Full {
        /// When they were shown last.
        confirmed: Timestamp,
    },
    /// It is over.
    Ended {
        /// When both factors were shown last, if they ever were.
        confirmed: Option<Timestamp>,
        /// When it ended.
        at: Timestamp,
        /// Why.
        cause: SessionEnd,
    },
}

/// A step that the session cannot take: it is over, or stands elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session cannot take this step")]
pub struct IllegalStep;

impl SessionState {
    /// When both factors were shown last, if they ever were.
    pub const fn confirmed(&self) -> Option<Timestamp> {
        match self {
            Self::Half => None,
            Self::Full { confirmed } => Some(*confirmed),
            Self::Ended { confirmed, .. } => *confirmed,
        }
    }
}

impl Session {
    /// Whether it is half, and its time is not over.
    pub fn is_half(&self, now: Timestamp) -> bool {
        matches!(self.state, SessionState::Half) && now < self.expires
    }

    /// Whether both factors were shown, and its time is not over.
    pub fn is_full(&self, now: Timestamp) -> bool {
        matches!(self.state, SessionState::Full { .. }) && now < self.expires
    }

    /// The session after its second factor was shown, or a recovery code in its place; from now on it lives this long.
    pub fn completed(self, now: Timestamp, life_ms: i64, recovered: bool) -> Result<Self, IllegalStep> {
        if !self.is_half(now) {
            return Err(IllegalStep);
        }
        let state = SessionState::Full { confirmed: now };
        Ok(Self { state, recovered, seen: now, expires: now.plus_ms(life_ms), ..self })
    }

    /// The session after both factors were shown again. It does not live longer for that.
    pub fn confirmed(self, now: Timestamp, recovered: bool) -> Result<Self, IllegalStep> {
        if !self.is_full(now) {
            return Err(IllegalStep);
        }
        Ok(Self { state: SessionState::Full { confirmed: now }, recovered, seen: now, ..self })
    }

    /// The session after its end.
    pub fn ended(self, cause: SessionEnd, now: Timestamp) -> Result<Self, IllegalStep> {
        let confirmed = self.state.confirmed();
        match self.state {
            SessionState::Half | SessionState::Full { .. } => {
                Ok(Self { state: SessionState::Ended { confirmed, at: now, cause }, ..self })
            }
            SessionState::Ended { .. } => Err(IllegalStep),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn half() -> Session {
        Session {
            id: SessionId::NIL,
            person: PersonId::NIL,
            begun: at(0),
            seen: at(0),
            expires: at(600),
            address: "192.0.2.1".to_owned(),
            agent: "a browser".parse().unwrap(),
            recovered: false,
            state: SessionState::Half,
        }
    }

    #[test]
    fn a_session_goes_from_half_to_full_to_its_end_and_never_back() {
        assert!(half().is_half(at(599)) && !half().is_half(at(600)) && !half().is_full(at(1)));
        assert_eq!(half().confirmed(at(1), false), Err(IllegalStep));
        assert_eq!(half().completed(at(600), 9_000, false), Err(IllegalStep));
        let full = half().completed(at(599), 9_000, true).unwrap();
        assert_eq!(full.expires, at(9_599));
        assert!(full.is_full(at(9_598)) && !full.is_full(at(9_599)) && !full.is_half(at(599)));
        assert_eq!(full.clone().completed(at(700), 9_000, false), Err(IllegalStep));
        let confirmed = full.clone().confirmed(at(700), false).unwrap();
        assert!(full.recovered && !confirmed.recovered, "it is the factor that was shown last");
        assert_eq!((confirmed.state.confirmed(), confirmed.expires), (Some(at(700)), at(9_599)));
        let ended = confirmed.ended(SessionEnd::SignedOut, at(800)).unwrap();
        assert_eq!(ended.state.confirmed(), Some(at(700)));
        assert!(!ended.is_full(at(801)) && !ended.is_half(at(801)));
        assert_eq!(ended.clone().confirmed(at(801), false), Err(IllegalStep));
        assert_eq!(ended.ended(SessionEnd::SignedOut, at(801)), Err(IllegalStep));
        let never = half().ended(SessionEnd::SignedOut, at(5)).unwrap();
        assert_eq!(never.state.confirmed(), None);
    }
}
