//! Somebody tried to be a person and was not: the person's log hears of it, bounded, so that guessing does not flood it.
//!
//! It is noted in memory and written by the upkeep. A refusal that wrote a record by itself would take longer for people
//! who exist.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use clock::Timestamp;
use control_plane_domain::account::Factor;
use control_plane_domain::audit::Action;
use control_plane_domain::policy::{self, Permission};
use ids::{PersonId, TenantId};

use crate::{Error, Operations};

/// Between two records about the same person and factor, at least.
const PAUSE_MS: i64 = 10 * 60 * 1000;

/// Persons and factors that are remembered.
const REMEMBERED: usize = 65_536;

type Subject = (TenantId, PersonId, Factor);

#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Subject, Noted>>);

#[derive(Debug, Clone, Copy, Default)]
struct Noted {
    attempts: u64,
    logged: Option<Timestamp>,
}

impl Refusals {
    pub(super) fn note(&self, tenant: TenantId, person: PersonId, factor: Factor) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let subject = (tenant, person, factor);
        if noted.len() >= REMEMBERED && !noted.contains_key(&subject) {
            tracing::warn!(%tenant, "more people are guessed at than can be remembered: the log will not name them all");
            return;
        }
        let entry = noted.entry(subject).or_default();
        entry.attempts = entry.attempts.saturating_add(1);
    }

    /// What is to be written now; with `all`, whatever is not written.
    fn due(&self, now: Timestamp, all: bool) -> Vec<(Subject, u64)> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |entry: &Noted| entry.logged.is_none_or(|logged| now >= logged.plus_ms(PAUSE_MS));
        noted.retain(|_, entry| entry.attempts > 0 || !over(entry));
        let due = noted.iter_mut().filter(|(_, entry)| entry.attempts > 0 && (all || over(entry)));
        let take = |(subject, entry): (&Subject, &mut Noted)| {
            entry.logged = Some(now);
            (*subject, std::mem::take(&mut entry.attempts))
        };
        due.map(take).collect()
    }

    fn put_back(&self, subject: Subject, attempts: u64) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = noted.entry(subject).or_default();
        entry.attempts = entry.attempts.saturating_add(attempts);
        entry.logged = None;
    }
}

impl Operations {
    /// Whoever goes on guessing after the limit is noted as well: the log says how often somebody tried, not how often they
    /// were let try.
    pub(super) fn note_throttled(&self, tenant: TenantId, person: PersonId, factor: Factor, error: &Error) {
        if matches!(error, Error::Throttled(_)) {
            self.0.refusals.note(tenant, person, factor);
        }
    }

    /// Writes who was guessed at into the logs of their tenants; how many records. To be called now and then, and with
    /// `all` before the process ends.
    pub async fn log_refusals(&self, all: bool) -> Result<u64, Error> {
        let mut written = 0;
        let mut failed = None;
        for (subject, attempts) in self.0.refusals.due(self.now(), all) {
            match self.log_refusal(subject, attempts).await {
                Ok(()) => written += 1,
                Err(error) => {
                    self.0.refusals.put_back(subject, attempts);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(written), Err)
    }

    async fn log_refusal(&self, (tenant, person, factor): Subject, attempts: u64) -> Result<(), Error> {
        let permit = policy::system(tenant, Permission::Upkeep)?;
        let tx = self.store().write(&permit).await?;
        tx.commit(&permit.record(Action::SignInRefused { person, factor, attempts })).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_in_ten_minutes_says_how_many() {
        let refusals = Refusals::default();
        let at = |minutes: i64| Timestamp::from_millis(minutes * 60_000);
        let note = || refusals.note(TenantId::NIL, PersonId::NIL, Factor::Password);
        let subject = (TenantId::NIL, PersonId::NIL, Factor::Password);
        assert!(refusals.due(at(0), false).is_empty());
        (0..3).for_each(|_| note());
        refusals.note(TenantId::NIL, PersonId::NIL, Factor::Otp);
        let mut due = refusals.due(at(0), false);
        due.sort();
        assert_eq!(due, [(subject, 3), ((TenantId::NIL, PersonId::NIL, Factor::Otp), 1)]);
        (0..5).for_each(|_| note());
        assert!(refusals.due(at(9), false).is_empty());
        assert_eq!(refusals.due(at(10), false), [(subject, 5)]);
        note();
        assert_eq!(refusals.due(at(11), true), [(subject, 1)]);
        assert!(
            refusals.due(at(60), true).is_empty() && refusals.0.lock().unwrap().is_empty(),
            "nothing is kept for good"
        );
        refusals.put_back(subject, 2);
        assert_eq!(refusals.due(at(61), false), [(subject, 2)]);
    }
}
