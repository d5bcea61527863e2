//! How often somebody may be wrong. Counted in the database and committed before anything is compared, so that parallel
//! guesses over any number of processes get no more; given back when it was right.
//!
//! Whoever guesses at somebody's password from elsewhere shares one counter with everybody who does; the person signs in
//! past it from a network where they were before. And every counter forgets: nobody is shut out for longer than minutes
//! after the guessing ends.

use std::net::IpAddr;

use control_plane_authn::attempts::Limit;
use control_plane_authn::throttle::{Allowance, Throttled};
use control_plane_store::{Attempt, Reads};
use crypto::Digest;
use ids::{PersonId, TenantId};

use super::Client;
use crate::{Error, Operations};

/// Passwords from one network, whoever they are for, in one process: beyond it nothing is stretched and nothing written down,
/// so that junk costs no more than a look. Those of a whole office come from one network, and right ones do not count; nor
/// does it keep out whoever is meant and was there before.
pub(crate) const PASSWORDS_OF_NETWORK: Allowance = Allowance { attempts: 30, recovery_ms: 10_000, remembered: 16_384 };

/// Passwords for one person from one network.
pub(super) const PASSWORD_FROM: Limit = Limit { attempts: 10, recovery_ms: 60_000 };

/// Passwords for one person from all networks where that person never was: a hundred an hour.
pub(super) const PASSWORD_ELSEWHERE: Limit = Limit { attempts: 50, recovery_ms: 36_000 };

/// Codes for one person: 300 a day, of which each fits with three in a million.
pub(super) const SECOND_FACTOR: Limit = Limit { attempts: 5, recovery_ms: 300_000 };

/// Recovery codes for one person; nobody guesses 80 bits.
pub(super) const RECOVERY: Limit = Limit { attempts: 5, recovery_ms: 60_000 };

/// The password of somebody who is signed in.
pub(super) const CONFIRM: Limit = Limit { attempts: 5, recovery_ms: 120_000 };

/// Links from one network; nobody guesses 256 bits.
pub(super) const LINK: Limit = Limit { attempts: 20, recovery_ms: 5_000 };

/// For how long a network is one where a person was before.
const KNOWN_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// An attempt that is counted; to be given back if it was right.
#[must_use = "a right attempt is given back"]
pub(super) struct Counted {
    subject: Digest,
    limit: Limit,
}

impl Operations {
    /// Counts an attempt, or says when one will have been forgotten.
    pub(super) async fn count(&self, subject: Digest, limit: Limit) -> Result<Counted, Error> {
        match self.store().take_attempt(&subject, i64::from(limit.recovery_ms), limit.most_ms()).await? {
            Attempt::Allowed => Ok(Counted { subject, limit }),
            Attempt::Spent { wait_ms } => {
                let retry_after_seconds = u32::try_from((wait_ms + 999) / 1000).unwrap_or(u32::MAX);
                Err(Throttled { retry_after_seconds }.into())
            }
        }
    }

    /// The attempt was right. Not being able to note it makes nothing wrong that is right.
    pub(super) async fn was_right(&self, counted: Counted) {
        let Counted { subject, limit } = counted;
        if let Err(error) = self.store().give_attempt_back(&subject, i64::from(limit.recovery_ms)).await {
            tracing::warn!(code = error.code(), %error, "a right attempt could not be given back");
        }
    }

    /// Counts a code or a recovery code of a person.
    pub(super) async fn count_second_factor(
        &self,
        tenant: TenantId,
        person: PersonId,
        known: Option<IpAddr>,
        recovery: bool,
    ) -> Result<Counted, Error> {
        let subjects = &self.account_keys().subjects;
        if recovery {
            self.count(subjects.recovery(tenant, person, known), RECOVERY).await
        } else {
            self.count(subjects.second_factor(tenant, person, known), SECOND_FACTOR).await
        }
    }

    /// The client's address, if the person showed both factors from there within a month.
    pub(super) async fn known_network(
        &self,
        reads: &Reads,
        person: PersonId,
        client: &Client,
    ) -> Result<Option<IpAddr>, Error> {
        let since = self.now().plus_ms(-KNOWN_MS);
        let known = reads.was_confirmed_from(person, &client.network(), since).await?;
        Ok(known.then(|| client.address()))
    }
}
